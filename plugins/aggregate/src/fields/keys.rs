use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use torana_plugin_sdk::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::place;

/// Keys that lead into a value: `"a.b"`, or a list for keys with dots in them.
#[derive(Clone, Debug)]
pub(crate) struct Keys(pub(crate) Vec<String>);

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with dots between them, or a list of keys")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Keys, E> {
        place::keys(text).map(Keys).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element()? {
            keys.push(key);
        }
        Ok(Keys(keys))
    }
}

shaped!(
    Keys,
    KeysVisitor,
    json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "items": { "type": "string" } },
    ] })
);
