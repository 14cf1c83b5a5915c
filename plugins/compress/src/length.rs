//! How long a response is at least, in the settings.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    Size,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, Visitor},
    },
};

/// A length: a size, or a plain number of bytes, which may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length(pub(crate) u64);

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = Length;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size like \"1KiB\", or a number of bytes like 1024")
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<Length, E> {
        Ok(Length(bytes))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Length, E> {
        let size = Size::try_from(text.to_owned()).map_err(E::custom)?;
        Ok(Length(size.bytes() as u64))
    }
}

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthVisitor)
    }
}

impl JsonSchema for Length {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Length".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let size = Size::json_schema(generator);
        json_schema!({ "anyOf": [size, { "type": "integer", "minimum": 0 }] })
    }
}
