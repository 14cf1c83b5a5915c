use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};
use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
};

use crate::place::Place;

/// A text, or `false` for none.
struct TextOrFalse<T>(&'static str, fn(&str) -> Result<T, String>, fn() -> T);

impl<T> Visitor<'_> for TextOrFalse<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or false", self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<T, E> {
        if bool {
            return Err(E::invalid_value(Unexpected::Bool(true), &self));
        }
        Ok((self.2)())
    }
}

fn text_or_false() -> Schema {
    json_schema!({ "anyOf": [{ "type": "string" }, { "const": false }] })
}

shaped!(
    Place,
    TextOrFalse("a key like \"stock\" or \"product.stock\"", Place::parse, || Place::Nowhere),
    text_or_false()
);

/// A header's name, or none.
#[derive(Debug)]
pub(crate) struct HeaderOrNone(pub(crate) Option<HeaderName>);

impl HeaderOrNone {
    fn parse(text: &str) -> Result<Self, String> {
        HeaderName::try_from(text.to_owned()).map(|name| Self(Some(name)))
    }
}

shaped!(
    HeaderOrNone,
    TextOrFalse("a header's name", HeaderOrNone::parse, || HeaderOrNone(None)),
    text_or_false()
);
