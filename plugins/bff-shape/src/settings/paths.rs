//! Paths as settings: checked where they stand, so that an error points at them.

use std::borrow::Cow;

use torana_plugin_sdk::{
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

use crate::path::{Names, Path, Steps};

macro_rules! path_setting {
    ($type:ident, $name:literal, $about:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $about })
            }
        }
    };
}

path_setting!(Path, "Path", "A path like `items[*].price`; `$` is the document itself.");
path_setting!(Steps, "Steps", "A path without wildcards, like `images[0].url`.");
path_setting!(Names, "Names", "A path of names, like `price.amount`.");
