//! Names of limits and policies: they stand in response fields and in the keys of the store.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

use crate::rate::Window;

const LONGEST: usize = 64;

/// 1 to 64 printable ASCII characters: what a string of a structured field can hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(String);

impl Name {
    /// `1m`.
    pub(crate) fn of_window(window: Window) -> Self {
        Self(window.to_string())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_printable) {
            return Err(format!(
                "`{name}` cannot be a name: write 1 to {LONGEST} characters of printable ASCII"
            ));
        }
        Ok(Self(name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[ -~]{1,64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_printable_ascii() {
        for good in ["1m", "per \"hour\"", "a\\b", &"x".repeat(64)] {
            assert_eq!(Name::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        for wrong in ["", "ü", "a\nb", "a\u{7f}", &"x".repeat(65)] {
            assert!(Name::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}
