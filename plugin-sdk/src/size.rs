//! Sizes in the settings.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Units as the gateway's own TOML has them. Powers of ten have no `i` (IEC 80000-13).
const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A size in bytes, written with its unit as elsewhere in the TOML: `"64KiB"`, `"2MiB"`. It is from 1
/// byte on and below 4 GiB, which is all that a plugin can address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(usize);

impl Size {
    /// A size of so many bytes.
    pub const fn of(bytes: usize) -> Self {
        Self(bytes)
    }

    /// How many bytes it is.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let known = UNITS.iter().find(|(known, _)| *known == unit.trim());
        let (Some((_, scale)), false) = (known, number.is_empty()) else {
            return Err(format!(
                "`{text}` is no size: write a whole number and one of B, KiB, MiB, GiB, kB, MB, GB, \
                 like \"64KiB\""
            ));
        };
        let bytes = number.parse().unwrap_or(u64::MAX).saturating_mul(*scale);
        match u32::try_from(bytes) {
            Ok(0) => Err(format!("`{text}` is nothing: write \"1B\" or more")),
            Ok(bytes) => Ok(Self(bytes as usize)),
            Err(_) => Err(format!("`{text}` is more than a plugin can hold: write less than 4GiB")),
        }
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+ *(B|kB|MB|GB|KiB|MiB|GiB)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_its_unit() {
        let size = |text: &str| Size::try_from(text.to_owned()).map(Size::bytes);
        assert_eq!(size("7B"), Ok(7));
        assert_eq!(size("64 KiB"), Ok(65_536));
        assert_eq!(size("10kB"), Ok(10_000));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("4294967295B"), Ok(4_294_967_295));
        for (wrong, why) in [
            ("10", "is no size: write a whole number and one of B, KiB, MiB"),
            ("64K", "is no size"),
            ("1.5MiB", "is no size"),
            ("-1B", "is no size"),
            ("KiB", "is no size"),
            ("", "is no size"),
            ("0MiB", "is nothing: write \"1B\" or more"),
            ("4GiB", "is more than a plugin can hold: write less than 4GiB"),
            ("99999999999999999999B", "is more than a plugin can hold"),
        ] {
            let error = size(wrong).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
