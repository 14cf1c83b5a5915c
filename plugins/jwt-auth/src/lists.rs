//! Settings that are short when there is little to say: a text for a list of one, a list for all of
//! it. (Serde's untagged enums would do, but their errors do not say where.)

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde_json::Value;
use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{
            DeserializeOwned, Error, MapAccess, SeqAccess, Visitor,
            value::{MapAccessDeserializer, SeqAccessDeserializer},
        },
    },
};

use crate::wanted::Wanted;

/// A text, or a list of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OneOrMany(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
        Ok(OneOrMany(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json_schema!({ "type": "string" });
        json_schema!({ "anyOf": [text, { "type": "array", "items": text }] })
    }
}

/// What must be there: `{ all = [...], any = [...] }`. Of texts, a list is `all`; of values, one value
/// is that one. (A list of values could be meant in two ways.)
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed<T>(pub(crate) Wanted<T>);

#[settings]
#[serde(default)]
struct Table<T: Default> {
    /// All of these must be there.
    all: Vec<T>,
    /// One of these must be there.
    any: Vec<T>,
}

impl<T: Default> Default for Table<T> {
    fn default() -> Self {
        Self { all: Vec::new(), any: Vec::new() }
    }
}

/// What the short spelling of a requirement is.
pub(crate) trait Short: DeserializeOwned + Default + JsonSchema {
    const EXPECTED: &'static str;
    /// Whether it is a list.
    const IS_LIST: bool;

    fn of_scalar(value: Value) -> Option<Self>;
}

impl Short for String {
    const EXPECTED: &'static str = "a list of names, or { all = [...], any = [...] }";
    const IS_LIST: bool = true;

    fn of_scalar(_: Value) -> Option<Self> {
        None
    }
}

impl Short for Value {
    const EXPECTED: &'static str = "a value, or { all = [...], any = [...] }";
    const IS_LIST: bool = false;

    fn of_scalar(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl<'de, T: Short> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = deserializer.deserialize_any(ListedVisitor(PhantomData))?;
        if wanted.is_empty() {
            return Err(D::Error::custom("nothing is asked for: leave it out, or say what"));
        }
        Ok(Self(wanted))
    }
}

struct ListedVisitor<T>(PhantomData<T>);

impl<T: Short> ListedVisitor<T> {
    fn scalar<E: Error>(self, value: Value) -> Result<Wanted<T>, E> {
        let wrong = || E::custom(format_args!("this must be {}", T::EXPECTED));
        let value = T::of_scalar(value).ok_or_else(wrong)?;
        Ok(Wanted { all: vec![value], any: Vec::new() })
    }
}

impl<'de, T: Short> Visitor<'de> for ListedVisitor<T> {
    type Value = Wanted<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Wanted<T>, E> {
        self.scalar(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Wanted<T>, E> {
        self.scalar(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Wanted<T>, E> {
        self.scalar(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Wanted<T>, E> {
        self.scalar(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Wanted<T>, E> {
        self.scalar(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Wanted<T>, A::Error> {
        if !T::IS_LIST {
            let text = "write { any = [...] } for one of these, or { all = [...] } for all of them";
            return Err(A::Error::custom(text));
        }
        let all = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Wanted { all, any: Vec::new() })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Wanted<T>, A::Error> {
        let Table { all, any } = Table::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Wanted { all, any })
    }
}

impl<T: Short> JsonSchema for Listed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        let list = json_schema!({ "type": "array", "items": item });
        let short = if T::IS_LIST {
            list.clone()
        } else {
            json_schema!({ "type": ["string", "number", "boolean"] })
        };
        let table = json_schema!({
            "type": "object",
            "properties": { "all": list, "any": list },
            "additionalProperties": false,
        });
        json_schema!({ "anyOf": [short, table] })
    }
}
