//! Conditions as settings.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, Visitor},
    },
};

use crate::{
    condition::{Condition, Scalar, Test},
    path::Steps,
};

/// What must hold for an item: all that is said.
#[settings]
struct ConditionTable {
    /// The field, from the item on; `$` is the item itself.
    field: Steps,
    /// It is equal to this.
    is: Option<Scalar>,
    /// It is not equal to this. (What is not there is not equal.)
    not: Option<Scalar>,
    /// It is equal to one of these.
    #[serde(rename = "in")]
    one_of: Option<Vec<Scalar>>,
    /// It is more than this.
    above: Option<Scalar>,
    /// It is less than this.
    below: Option<Scalar>,
    /// It is at least this.
    min: Option<Scalar>,
    /// It is at most this.
    max: Option<Scalar>,
    /// It is there, and not null; or it is not.
    exists: Option<bool>,
}

impl From<ConditionTable> for Condition {
    fn from(table: ConditionTable) -> Self {
        let tests = [
            table.is.map(Test::Is),
            table.not.map(Test::Not),
            table.one_of.map(Test::In),
            table.above.map(Test::Above),
            table.below.map(Test::Below),
            table.min.map(Test::Min),
            table.max.map(Test::Max),
            table.exists.map(Test::Exists),
        ];
        Self { field: table.field, tests: tests.into_iter().flatten().collect() }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConditionTable::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ConditionTable::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.into()))
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
