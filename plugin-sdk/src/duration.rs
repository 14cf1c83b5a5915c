//! Durations in the settings: `10s`, `5m`, `24h`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A duration, as the gateway's own TOML has them: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// In milliseconds.
    pub millis: u64,
}

impl Duration {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self { millis: seconds * 1000 }
    }

    /// Reads `10s`. The error says what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit.trim_start() {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            _ => None,
        };
        let millis = number.parse::<u64>().ok().zip(factor).and_then(|(n, by)| n.checked_mul(by));
        millis.map(|millis| Self { millis }).ok_or_else(|| {
            format!(
                "`{text}` is not a duration: write a whole number and ms, s, m, h or d, like \"10s\""
            )
        })
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration like \"10s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        Duration::parse(text).map_err(E::custom)
    }

    /// Most who write a number mean seconds.
    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Err(E::custom(format_args!("a duration has a unit: write \"{number}s\"")))
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h|d)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn a_duration_has_a_unit() {
        for (text, millis) in
            [("250ms", 250), ("0s", 0), ("10 m", 600_000), ("2h", 7_200_000), ("1d", 86_400_000)]
        {
            assert_eq!(Duration::parse(text), Ok(Duration { millis }), "{text}");
        }
        for text in ["", "10", "s", "-1s", " 1s", "1.5h", "10M", "99999999999999999999s", "1s "] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_answered_with_what_to_write() {
        let wrong = |json: &str| {
            let errors = settings::parse::<Duration>(json).unwrap_err();
            errors.into_vec().remove(0).message
        };
        assert_eq!(wrong("10"), "a duration has a unit: write \"10s\"");
        let text = "invalid type: floating point `1.5`, expected a duration like \"10s\"";
        assert_eq!(wrong("1.5"), text);
    }
}
