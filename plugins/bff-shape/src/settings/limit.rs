//! Limits as settings: a number, or a table.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    },
};

use crate::window::Limit;

/// How many items are shown, and what the client may say of it.
#[settings]
struct LimitTable {
    /// How many items, if the client does not say.
    count: Option<u64>,
    /// The most that the client gets, whatever it says.
    max: Option<u64>,
    /// The query parameter for how many.
    count_parameter: Option<String>,
    /// The query parameter for how many are passed over.
    offset_parameter: Option<String>,
    /// The query parameter for the page, from 1 on.
    page_parameter: Option<String>,
}

impl From<LimitTable> for Limit {
    fn from(table: LimitTable) -> Self {
        let LimitTable { count, max, count_parameter, offset_parameter, page_parameter } = table;
        Self { count, max, count_parameter, offset_parameter, page_parameter }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct LimitVisitor;

impl<'de> Visitor<'de> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of items, or a table with `count`")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Limit, E> {
        Ok(Limit { count: Some(count), ..Limit::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Limit, A::Error> {
        LimitTable::deserialize(MapAccessDeserializer::new(table)).map(Limit::from)
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = LimitTable::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, table] })
    }
}
