//! A schema in the settings: a table, or a text of JSON, as a file gives it.

use std::borrow::Cow;

use torana_plugin_sdk::{
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

use crate::json::{self, Value};

/// How deep a schema may be nested.
const MAX_DEPTH: usize = 256;

/// A schema as it is written.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Text(String),
    Table(serde_json::Value),
}

impl Source {
    /// What it says, or what is wrong with a text.
    pub(crate) fn read(&self) -> Result<Value<'static>, String> {
        match self {
            Self::Text(text) => json::read(text, MAX_DEPTH).map(Value::into_owned).map_err(|why| {
                let (line, column) = position(text, why.offset);
                format!("line {line}, column {column} of this JSON: {}", why.trouble)
            }),
            Self::Table(table) => {
                let text = table.to_string();
                json::read(&text, MAX_DEPTH)
                    .map(Value::into_owned)
                    .map_err(|why| why.trouble.to_string())
            }
        }
    }

    /// Whether what stands in it has lines of the TOML.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }
}

/// Line and column of a byte, from 1 on.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self::Text(text)),
            table @ (serde_json::Value::Object(_) | serde_json::Value::Bool(_)) => {
                Ok(Self::Table(table))
            }
            _ => Err(D::Error::custom(
                "write a schema as a table, or as a text of JSON: { file = \"order.schema.json\" }",
            )),
        }
    }
}

impl JsonSchema for Source {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["object", "boolean", "string"] })
    }
}
