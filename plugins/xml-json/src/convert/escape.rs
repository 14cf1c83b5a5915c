//! `_xHHHH_` in names: the escapes of ISO 9075-14, as .NET and SQL/XML write them.

use std::{borrow::Cow, fmt::Write};

use crate::xml::chars::{is_name_char, is_name_start};

/// A text as an XML name: what cannot stand in one becomes `_xHHHH_` (or `_xHHHHHH_`), and so does
/// the underscore of what would be read as an escape. The empty text has no escape.
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    let needs = |(at, c)| !stands(at, c) || is_escape_like(&name[at..]);
    if !name.char_indices().any(needs) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for (at, c) in name.char_indices() {
        if needs((at, c)) {
            let width = if u32::from(c) > 0xFFFF { 6 } else { 4 };
            // Writing to a String cannot fail.
            let _ = write!(out, "_x{:0width$X}_", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// (A colon would make a prefix of what is before it. Keys that are meant so are not escaped.)
fn stands(at: usize, c: char) -> bool {
    c != ':' && if at == 0 { is_name_start(c) } else { is_name_char(c) }
}

/// Whether a text begins like an escape, or would once what follows it is escaped.
fn is_escape_like(text: &str) -> bool {
    let Some(digits) = text.strip_prefix("_x") else { return false };
    let ends = |length: usize| {
        let is_hex = digits.bytes().take(length).filter(u8::is_ascii_hexdigit).count() == length;
        is_hex && digits[length..].starts_with(|c| c == '_' || !stands(1, c))
    };
    ends(4) || ends(6)
}

/// The character of an escape at the beginning of a text, and what follows it.
fn escape_of(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = text.strip_prefix("_x")?.split_once('_')?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    Some((c, rest))
}

/// The text that [`escaped`] made a name of.
pub(crate) fn unescaped(name: Cow<'_, str>) -> Cow<'_, str> {
    if !name.contains("_x") {
        return name;
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = &*name;
    while let Some(c) = rest.chars().next() {
        let (c, after) = escape_of(rest).unwrap_or((c, &rest[c.len_utf8()..]));
        out.push(c);
        rest = after;
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_stand_in_a_name_is_escaped() {
        assert_eq!(escaped("plain"), "plain");
        assert_eq!(escaped("1st place"), "_x0031_st_x0020_place");
        assert_eq!(escaped("_x0041_"), "_x005F_x0041_");
        assert_eq!(escaped("a_x"), "a_x");
        assert_eq!(escaped("_x0041 "), "_x005F_x0041_x0020_");
        assert_eq!(escaped("😀a"), "😀a");
        assert_eq!(escaped("\u{F0000}"), "_x0F0000_");
        assert_eq!(unescaped("_xD800_".into()), "_xD800_", "no character");
    }

    proptest! {
        #[test]
        fn escapes_are_undone(name in "(_x|_|[0-9A-F]{4}|.){0,6}") {
            prop_assert_eq!(unescaped(escaped(&name)), &*name);
        }
    }
}
