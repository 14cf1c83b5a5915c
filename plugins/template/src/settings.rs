//! A template as a setting: checked where it stands, so that an error points at it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};
use torana_plugin_sdk::{EditableName, HeaderEntry};

use crate::{Named, Template};

/// In a header. What values make of a template is seen with each of them.
impl HeaderEntry<EditableName> for Template {
    fn misfit(&self, name: &EditableName) -> Option<String> {
        let is_control = |c: char| c.is_ascii_control() && c != '\t';
        let text = format!("`{name}` cannot have this value: it has control characters");
        self.fixed()?.contains(is_control).then_some(text)
    }
}

impl<'de, N: Named> Deserialize<'de> for Template<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse_with_names(&text).map_err(D::Error::custom)
    }
}

impl<N> JsonSchema for Template<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Text with values in braces, like {params.id} or {client.address}.",
        })
    }
}
