//! The value of a header for the service.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use template::Template;
use torana_plugin_sdk::{
    HeaderEntry,
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
};

/// A template, or a secret that this plugin never sees.
#[derive(Debug)]
pub(crate) enum HeaderValue {
    Template(Template),
    /// A secret, and what stands before it.
    Secret {
        prefix: &'static str,
        secret: String,
    },
}

/// `{ secret = "NAME" }` or `{ bearer = { secret = "NAME" } }`.
#[settings]
enum SecretValue {
    #[serde(rename = "secret")]
    Plain(String),
    #[serde(rename = "bearer")]
    Bearer(SecretName),
}

impl HeaderEntry<EditableName> for HeaderValue {
    fn misfit(&self, name: &EditableName) -> Option<String> {
        match self {
            Self::Template(template) => template.misfit(name),
            Self::Secret { .. } => None,
        }
    }
}

impl<'de> Deserialize<'de> for HeaderValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template, { secret = \"NAME\" } or { bearer = { secret = \"NAME\" } }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HeaderValue, E> {
        Template::parse(text).map(HeaderValue::Template).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<HeaderValue, A::Error> {
        let (prefix, secret) = match SecretValue::deserialize(MapAccessDeserializer::new(table))? {
            SecretValue::Plain(secret) => ("", secret),
            SecretValue::Bearer(SecretName { secret }) => ("Bearer ", secret),
        };
        Ok(HeaderValue::Secret { prefix, secret })
    }
}

impl JsonSchema for HeaderValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HeaderValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            {
                "type": "object",
                "properties": { "secret": { "type": "string" }, "bearer": { "type": "object" } },
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ] })
    }
}
