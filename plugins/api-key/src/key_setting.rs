//! How the TOML says what a key is: its hash alone, or a table.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    },
};

use crate::{expiry::Moment, hash::KeyHash, settings::KeySetting};

/// A key with more than its hash.
#[settings]
struct KeyTable {
    /// The hash, as `torana secret new` or `torana secret hash` writes it.
    #[schemars(
        with = "String",
        regex(pattern = "^sha256:([0-9A-Za-z]{8})?:[\\w-]{22}:[\\w-]{43}$")
    )]
    hash: KeyHash,
    /// From when on the key is refused: RFC 3339, like 2027-01-31T00:00:00Z.
    #[schemars(with = "Option<String>")]
    expires: Option<Moment>,
    /// What the log and the attribute `key` call it; without it, its ID.
    name: Option<String>,
    /// Refuses the key.
    #[serde(default)]
    disabled: bool,
}

impl From<KeyTable> for KeySetting {
    fn from(table: KeyTable) -> Self {
        let KeyTable { hash, expires, name, disabled } = table;
        Self { hash, expires, name, disabled }
    }
}

impl<'de> Deserialize<'de> for KeySetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct TextOrTable;

impl<'de> Visitor<'de> for TextOrTable {
    type Value = KeySetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash, or a table with `hash`")
    }

    fn visit_str<E: Error>(self, hash: &str) -> Result<KeySetting, E> {
        let hash = KeyHash::try_from(hash.to_owned()).map_err(E::custom)?;
        Ok(KeySetting { hash, expires: None, name: None, disabled: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<KeySetting, A::Error> {
        KeyTable::deserialize(MapAccessDeserializer::new(table)).map(KeySetting::from)
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for KeySetting {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut table = KeyTable::json_schema(generator);
        let hash = table.pointer("/properties/hash").cloned();
        let schemas = [hash, Some(std::mem::take(&mut table).to_value())];
        let mut either = Schema::default();
        either.insert("anyOf".into(), schemas.into_iter().flatten().collect());
        either
    }
}
