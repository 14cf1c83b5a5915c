use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error};
use template::Piece;
use torana_plugin_sdk::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::source::{Source, Template};

/// A template that is one name and nothing else, of another part's result.
#[derive(Clone, Debug)]
pub(crate) struct Each {
    pub(crate) source: Source,
    pub(crate) part: String,
    pub(crate) path: Vec<String>,
}

impl TryFrom<Template> for Each {
    type Error = &'static str;

    fn try_from(template: Template) -> Result<Self, &'static str> {
        match template.pieces() {
            [Piece::Value { name: source @ Source::Part { part, path }, default: None }] => {
                Ok(Self { source: source.clone(), part: part.clone(), path: path.clone() })
            }
            _ => Err("this is no array of another part; write \"{parts.NAME}\" or \
                      \"{parts.NAME.key}\""),
        }
    }
}

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Template::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Each {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Each".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\{parts\\.[^{}]+\\}$" })
    }
}
