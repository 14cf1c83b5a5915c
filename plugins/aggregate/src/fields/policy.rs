use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;
use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
};

use crate::pass;

/// What becomes of the reply when a part does not come.
#[derive(Clone, Debug)]
pub(crate) enum Policy {
    /// The client gets an error.
    Fail,
    /// The client gets the status that the service answered with.
    Pass,
    /// The part is left out.
    Omit,
    /// This value stands in its place, as JSON.
    Default(String),
}

/// For every fault.
#[derive(Clone, Debug)]
pub(crate) struct OnError(pub(crate) Policy);

/// For the status 404.
#[derive(Clone, Debug)]
pub(crate) struct NotFound(pub(crate) Policy);

/// A status that is passed on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Passed(pub(crate) u16);

impl JsonSchema for Passed {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Passed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": pass::statuses() })
    }
}

impl Default for OnError {
    fn default() -> Self {
        Self(Policy::Fail)
    }
}

impl<'de> Deserialize<'de> for OnError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor { may_pass: false }).map(Self)
    }
}

impl<'de> Deserialize<'de> for NotFound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PolicyVisitor { may_pass: true }).map(Self)
    }
}

struct PolicyVisitor {
    may_pass: bool,
}

impl<'de> Visitor<'de> for PolicyVisitor {
    type Value = Policy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pass = if self.may_pass { "\"pass\", " } else { "" };
        write!(f, "{pass}\"fail\", \"omit\" or {{ default = VALUE }}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Policy, E> {
        match text {
            "fail" => Ok(Policy::Fail),
            "omit" => Ok(Policy::Omit),
            "pass" if self.may_pass => Ok(Policy::Pass),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Policy, A::Error> {
        let table = InItsPlace::deserialize(MapAccessDeserializer::new(table))?;
        Ok(Policy::Default(table.default.get().to_owned()))
    }
}

/// `{ default = VALUE }`.
#[settings]
struct InItsPlace {
    #[schemars(with = "serde_json::Value")]
    default: Box<RawValue>,
}

macro_rules! policy_schema {
    ($type:ident, $words:expr) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let default = InItsPlace::json_schema(generator);
                json_schema!({ "anyOf": [{ "enum": $words }, default] })
            }
        }
    };
}

policy_schema!(OnError, ["fail", "omit"]);
policy_schema!(NotFound, ["pass", "fail", "omit"]);
