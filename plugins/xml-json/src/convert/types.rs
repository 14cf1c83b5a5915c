//! The types of JSON that text can have.

use std::borrow::Cow;

use crate::{json::text::is_number, xml::chars::trimmed};

/// What a text is told to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    /// A number of JSON, or a decimal or double of XML Schema.
    Number,
    /// A number without fraction and exponent.
    Integer,
    /// `true`, `false`, `1` or `0`.
    Boolean,
}

/// What text without a told type may become by its look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Infer {
    pub(crate) numbers: bool,
    pub(crate) booleans: bool,
}

impl Type {
    /// The text as JSON spells this type; none if it does not fit. (Strings are left to the
    /// caller.)
    pub(crate) fn literal(self, text: &str) -> Option<Cow<'_, str>> {
        let text = trimmed(text);
        match self {
            Self::String => None,
            Self::Number => number(text),
            Self::Integer => {
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| number(text)).flatten()
            }
            Self::Boolean => match text {
                "true" | "1" => Some("true".into()),
                "false" | "0" => Some("false".into()),
                _ => None,
            },
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}

impl Infer {
    /// The text, if it looks like a number or boolean, which is then spelled as it is.
    pub(crate) fn literal(self, text: &str) -> Option<&str> {
        let is_boolean = self.booleans && matches!(text, "true" | "false");
        (is_boolean || self.numbers && is_number(text)).then_some(text)
    }
}

/// Numbers of JSON stay as they are. XML Schema has more spellings: `+1`, `007`, `.5`, `1.`
fn number(text: &str) -> Option<Cow<'_, str>> {
    if is_number(text) {
        return Some(text.into());
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !is_digits(whole) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let spelled = format!("{sign}{whole}{point}{fraction}{exponent}");
    is_number(&spelled).then(|| spelled.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_spelling_where_json_has_it() {
        for text in ["1.10", "1e400", "12345678901234567890", "-0", "0.0"] {
            assert_eq!(Type::Number.literal(text).unwrap(), text);
        }
        for (text, spelled) in
            [("+1", "1"), ("007", "7"), (".5", "0.5"), ("1.", "1"), ("-00.10E2", "-0.10E2")]
        {
            assert_eq!(Type::Number.literal(text).unwrap(), spelled);
        }
        for text in ["", ".", "+", "1 2", "NaN", "INF", "0x1", "1,5", "--1", "+-1", "1.2.3", "e5"] {
            assert_eq!(Type::Number.literal(text), None, "{text}");
        }
    }

    #[test]
    fn integers_have_digits_alone() {
        assert_eq!(Type::Integer.literal(" 12 ").unwrap(), "12");
        for text in ["1.0", "1e2", "", "-"] {
            assert_eq!(Type::Integer.literal(text), None, "{text}");
        }
    }

    #[test]
    fn codes_are_no_numbers_by_their_look() {
        let infer = Infer { numbers: true, booleans: false };
        assert_eq!(infer.literal("7"), Some("7"));
        for text in ["007", "+7", " 7", "true", "7.", "0x7", ""] {
            assert_eq!(infer.literal(text), None, "{text}");
        }
        assert_eq!(Infer::default().literal("7"), None);
    }
}
