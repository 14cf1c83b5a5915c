//! How the TOML says what is required: a list of names, or names with allowed values.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use torana_plugin_sdk::{
    HeaderEntry, HeaderTable,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    },
};

use crate::allowed::Allowed;

/// Names, each with its allowed values.
pub(crate) struct Required<Name>(pub(crate) BTreeMap<Name, Allowed>);

impl<Name> Default for Required<Name> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, Name: Deserialize<'de> + Ord + fmt::Display> Deserialize<'de> for Required<Name> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrTable(PhantomData))
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct ListOrTable<Name>(PhantomData<Name>);

impl<'de, Name: Deserialize<'de> + Ord + fmt::Display> Visitor<'de> for ListOrTable<Name> {
    type Value = Required<Name>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names, or a table of names and their allowed values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = BTreeMap::new();
        while let Some(name) = list.next_element()? {
            names.insert(name, Allowed::any());
        }
        Ok(Required(names))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
        let names = HeaderTable::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Required(names.into_inner()))
    }
}

impl<Name> HeaderEntry<Name> for Allowed {}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Vec::<String>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<Name> JsonSchema for Required<Name> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Required".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let texts = |at_least: u8| {
            json_schema!({
                "type": "array",
                "items": { "type": "string" },
                "minItems": at_least,
            })
        };
        json_schema!({
            "anyOf": [texts(0), { "type": "object", "additionalProperties": texts(1) }],
        })
    }
}
