use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
};

use crate::source::Template;

/// The values of a query parameter.
#[derive(Debug)]
pub(crate) enum QueryValue {
    /// One parameter; an array becomes its elements with commas between them.
    One(Template),
    /// Several; an array becomes a parameter for each element.
    Each(Vec<Template>),
}

struct QueryVisitor;

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = QueryValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template, or a list of templates")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<QueryValue, E> {
        parsed(text).map(QueryValue::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<QueryValue, A::Error> {
        let mut templates = Vec::new();
        while let Some(template) = list.next_element()? {
            templates.push(template);
        }
        Ok(QueryValue::Each(templates))
    }
}

shaped!(
    QueryValue,
    QueryVisitor,
    json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
    ] })
);

pub(super) fn parsed<E: Error>(text: &str) -> Result<Template, E> {
    Template::parse_with_names(text).map_err(E::custom)
}

/// The value of a header.
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

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = HeaderValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template, { secret = \"NAME\" } or { bearer = { secret = \"NAME\" } }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HeaderValue, E> {
        parsed(text).map(HeaderValue::Template)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<HeaderValue, A::Error> {
        let (prefix, secret) = match SecretValue::deserialize(MapAccessDeserializer::new(table))? {
            SecretValue::Plain(secret) => ("", secret),
            SecretValue::Bearer(SecretName { secret }) => ("Bearer ", secret),
        };
        Ok(HeaderValue::Secret { prefix, secret })
    }
}

shaped!(
    HeaderValue,
    HeaderVisitor,
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
);
