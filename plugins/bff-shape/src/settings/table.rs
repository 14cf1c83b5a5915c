//! Tables by path as settings.

use std::{borrow::Cow, fmt, marker::PhantomData};

use torana_plugin_sdk::{
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, SeqAccess, Visitor},
    },
};

use crate::{path::Path, table::Table};

/// Objects to flatten, with prefixes: a table, or a list of those without any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flatten(pub(super) Table<Box<str>>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Table<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

struct TableVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for TableVisitor<V> {
    type Value = Table<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table by path")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Table<V>, A::Error> {
        let mut table = Table::default();
        while let Some(path) = entries.next_key::<Path>()? {
            let value = entries.next_value()?;
            add(&mut table, path, value)?;
        }
        Ok(table)
    }
}

impl<'de> Deserialize<'de> for Flatten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlattenVisitor).map(Self)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct FlattenVisitor;

impl<'de> Visitor<'de> for FlattenVisitor {
    type Value = Table<Box<str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of paths, or a table of paths and prefixes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut table = Table::default();
        while let Some(path) = list.next_element()? {
            add(&mut table, path, "".into())?;
        }
        Ok(table)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        TableVisitor(PhantomData).visit_map(entries)
    }
}

fn add<V, E: Error>(table: &mut Table<V>, path: Path, value: V) -> Result<(), E> {
    let text = path.to_string();
    match table.insert(path, value) {
        true => Ok(()),
        false => Err(E::custom(format!("`{text}` stands there twice"))),
    }
}

impl<V: JsonSchema> JsonSchema for Table<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Table".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

impl JsonSchema for Flatten {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Flatten".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "string" } },
                { "type": "object", "additionalProperties": { "type": "string" } },
            ],
        })
    }
}
