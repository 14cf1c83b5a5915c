//! One limit: a rate, how it is counted, and its name.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    },
};

use crate::{
    fields,
    name::Name,
    rate::{MAX_AMOUNT, MAX_WINDOW_MS, Rate},
};

/// A limit, as it is enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// What clients and logs know it by.
    pub(crate) name: Name,
    pub(crate) rate: Rate,
    pub(crate) counting: Counting,
    /// As clients are told of it, made once.
    pub(crate) told: Told,
}

/// A limit in `RateLimit-Policy`, and its name in `RateLimit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) policy: String,
    pub(crate) name: String,
}

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Even spacing: so much may come at once.
    Gcra {
        burst: u64,
    },
    FixedWindow,
}

impl Limit {
    pub(crate) fn of(name: Name, rate: Rate, counting: Counting) -> Self {
        let told = Told {
            policy: fields::policy_of(name.as_str(), rate),
            name: fields::string(name.as_str()),
        };
        Self { name, rate, counting, told }
    }

    /// The most that may be taken at once.
    pub(crate) fn capacity(&self) -> u64 {
        match self.counting {
            Counting::Gcra { burst } => burst,
            Counting::FixedWindow => self.rate.amount,
        }
    }

    fn new(table: Table) -> Result<Self, String> {
        let rate = table.limit;
        let counting = match (table.algorithm, table.burst) {
            (Algorithm::FixedWindow, Some(_)) => {
                return Err("`burst` is for `gcra`: a fixed window lets its whole limit in at \
                            once; remove `burst`, or write algorithm = \"gcra\""
                    .into());
            }
            (Algorithm::FixedWindow, None) => Counting::FixedWindow,
            (Algorithm::Gcra, burst) => gcra(rate, burst.unwrap_or(rate.amount))?,
        };
        let name = table.name.unwrap_or_else(|| Name::of_window(rate.window));
        Ok(Self::of(name, rate, counting))
    }
}

fn gcra(rate: Rate, burst: u64) -> Result<Counting, String> {
    if burst == 0 || burst > MAX_AMOUNT {
        return Err(format!("a burst of {burst} cannot be; write 1 to {MAX_AMOUNT}"));
    }
    // The host keeps the time until a bucket is full, which has an end.
    let refill_ms = u128::from(burst) * u128::from(rate.window.millis) / u128::from(rate.amount);
    if refill_ms > u128::from(MAX_WINDOW_MS) {
        return Err(format!(
            "a burst of {burst} at {rate} takes more than ten years to come back: write a smaller \
             `burst`"
        ));
    }
    Ok(Counting::Gcra { burst })
}

impl From<Rate> for Limit {
    fn from(rate: Rate) -> Self {
        Self::of(Name::of_window(rate.window), rate, Counting::Gcra { burst: rate.amount })
    }
}

/// A limit with everything that can be said of it.
#[settings]
struct Table {
    /// How much in which time: "100/1m".
    limit: Rate,
    /// How it is counted.
    #[serde(default)]
    algorithm: Algorithm,
    /// For `gcra`: how much may come at once. Without it, the whole limit.
    burst: Option<u64>,
    /// What clients and logs know it by. Without it, its window: "1m".
    name: Option<Name>,
}

/// How a limit is counted.
#[settings]
#[derive(Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
enum Algorithm {
    /// Even spacing with a burst.
    #[default]
    Gcra,
    /// At most the limit in each window, which begins with the first request in it.
    FixedWindow,
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit like \"100/1m\", or a table: { limit = \"100/1m\", burst = 10 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
        Rate::parse(text).map(Limit::from).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Limit, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(table))?;
        Limit::new(table).map_err(A::Error::custom)
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [generator.subschema_for::<Rate>(), generator.subschema_for::<Table>()],
        })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "How much in which time: \"100/1m\". Units: ms, s, m, h, d.",
            "pattern": "^ *[0-9]+ */ *[0-9]* *(ms|s|m|h|d) *$",
        })
    }
}
