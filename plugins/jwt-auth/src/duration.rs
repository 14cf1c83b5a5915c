//! Durations in the settings: `10s`, `5m`, `24h`.

use std::borrow::Cow;

use torana_plugin_sdk::{
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

/// A duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Duration {
    pub(crate) millis: u64,
}

impl Duration {
    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self { millis: seconds * 1000 }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
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
                "`{text}` is no duration: write a number with `ms`, `s`, `m`, `h` or `d`: \"10m\""
            )
        })
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
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
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        for (text, millis) in [("250ms", 250), ("0s", 0), ("10m", 600_000), ("1d", 86_400_000)] {
            assert_eq!(Duration::parse(text), Ok(Duration { millis }), "{text}");
        }
        for text in ["", "10", "s", "-1s", "1 s", "1.5h", "10M", "99999999999999999999s", "1s "] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }
}
