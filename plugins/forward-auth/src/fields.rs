//! Header fields of an answer, within bounds.

use serde::{Deserialize, Serialize};
use torana_plugin_sdk::HeaderName;

/// A field of an answer: its name in lower case, and its value.
pub(crate) type Field = (String, String);

/// The most fields that are taken of one answer.
const MAX_FIELDS: usize = 64;
/// The most bytes of their names and values: services refuse requests with more.
const MAX_BYTES: usize = 16 << 10;

/// Fields that were taken of an answer: all of them can stand in a head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fields(pub(crate) Vec<Field>);

impl Fields {
    /// Takes those that are `wanted`. The error is for the log.
    pub(crate) fn of(
        fields: impl IntoIterator<Item = Field>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Self, String> {
        let fields: Vec<_> = fields.into_iter().filter(|(name, _)| wanted(name)).collect();
        if fields.len() > MAX_FIELDS {
            return Err(format!(
                "it has {} header fields for us (at most {MAX_FIELDS})",
                fields.len()
            ));
        }
        let bytes: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > MAX_BYTES {
            return Err(format!(
                "its header fields for us have {bytes} bytes (at most {MAX_BYTES})"
            ));
        }
        let wrong = fields.iter().find_map(|field| wrong(field).map(|why| (&field.0, why)));
        match wrong {
            Some((name, why)) => Err(format!("its header `{}` {why}", name.escape_debug())),
            None => Ok(Self(fields)),
        }
    }

    /// The one value of a header; none where there is none. The error is for the log.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => Err(format!("its header `{name}` stands there more than once")),
            (value, _) => Ok(value),
        }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is a header of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}

/// Why a field goes nowhere. A value that is not UTF-8 has come to us with stand-ins, and would name somebody else.
fn wrong((name, value): &Field) -> Option<&'static str> {
    let is_control = |byte: u8| byte < b' ' && byte != b'\t' || byte == 0x7f;
    if HeaderName::try_from(name.clone()).is_err() {
        Some("has a name that is none")
    } else if value.bytes().any(is_control) {
        Some("has control characters")
    } else if value.contains('\u{fffd}') {
        Some("is not UTF-8")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&str, &str)]) -> Result<Fields, String> {
        let owned = list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Fields::of(owned, |name| name != "x-else")
    }

    #[test]
    fn what_is_not_wanted_is_not_judged() {
        let taken = fields(&[("x-else", "a\nb"), ("x-user", "joe")]).unwrap();
        assert_eq!(taken.0, [("x-user".to_owned(), "joe".to_owned())]);
        assert!(taken.has("x-user") && !taken.has("x-else"));
    }

    #[test]
    fn what_cannot_stand_in_a_head_is_refused() {
        for value in ["a\r\nx-admin: 1", "a\0", "\u{7f}", "jos\u{fffd}"] {
            assert!(fields(&[("x-user", value)]).unwrap_err().contains("`x-user`"), "{value:?}");
        }
        assert!(fields(&[("x user", "joe")]).unwrap_err().contains("a name that is none"));
        assert!(fields(&[("x-user", "José\ta")]).is_ok());
    }

    #[test]
    fn there_are_bounds() {
        let long = "a".repeat(MAX_BYTES - "x-user".len());
        assert!(fields(&[("x-user", &long)]).is_ok());
        assert!(fields(&[("x-user", &long), ("a", "")]).unwrap_err().contains("16385 bytes"));
        assert!(fields(&[("x-user", ""); MAX_FIELDS]).is_ok());
        assert!(fields(&[("x-user", ""); MAX_FIELDS + 1]).unwrap_err().contains("65 header"));
    }

    #[test]
    fn of_two_values_none_is_the_one() {
        let taken = fields(&[("a", "1"), ("b", "1"), ("b", "2")]).unwrap();
        assert_eq!(taken.only("a"), Ok(Some("1")));
        assert_eq!(taken.only("c"), Ok(None));
        assert!(taken.only("b").unwrap_err().contains("more than once"));
    }
}
