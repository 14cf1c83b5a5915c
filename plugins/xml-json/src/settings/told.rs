//! The types of `types`. A path without quotes is a table to TOML, which is told to who forgets
//! them.

use std::{collections::BTreeMap, fmt};

use torana_plugin_sdk::serde::{
    Deserialize, Deserializer,
    de::{Error, IntoDeserializer, Visitor},
};

use super::{Path, TypeName};

/// Reads paths with their types.
pub(super) fn types<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Path, TypeName>, D::Error> {
    let told = BTreeMap::<Path, Told>::deserialize(deserializer)?;
    Ok(told.into_iter().map(|(path, Told(name))| (path, name)).collect())
}

struct Told(TypeName);

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name).map(Self)
    }
}

struct Name;

impl<'de> Visitor<'de> for Name {
    type Value = TypeName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a type: a path with dots needs quotes around all of it")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<TypeName, E> {
        TypeName::deserialize(name.into_deserializer())
    }
}
