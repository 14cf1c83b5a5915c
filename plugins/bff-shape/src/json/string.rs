//! JSON strings.

use std::borrow::Cow;

/// The place of the first byte from `at` on that cannot simply be passed over in a string: a quote,
/// a backslash or a control character; the end, if there is none.
///
/// Most of a document is in strings, so they are read a word at a time.
pub(super) fn special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = specials(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(is_special).unwrap_or(rest.len())
}

const fn eight(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of each special byte. A borrow may set bits too many, but only above the first one
/// that is right, and nobody looks further than that.
fn specials(word: u64) -> u64 {
    let below = |word: u64, limit| word.wrapping_sub(eight(limit)) & !word & eight(0x80);
    let quotes = below(word ^ eight(b'"'), 1);
    let backslashes = below(word ^ eight(b'\\'), 1);
    quotes | backslashes | below(word, 0x20)
}

/// What a checked string says; `inside` is what stands between its quotes. Half a surrogate pair
/// becomes U+FFFD.
pub(crate) fn unescaped(inside: &str) -> Cow<'_, str> {
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (char, length) = escaped(rest);
        text.push(char);
        rest = rest.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The character that stands after a backslash, and how long its spelling is.
fn escaped(rest: &str) -> (char, usize) {
    let simple = match rest.as_bytes().first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(rest),
        Some(&other) => char::from(other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 1)
}

fn unicode(rest: &str) -> (char, usize) {
    let unit = |from: usize| u32::from_str_radix(rest.get(from..from + 4)?, 16).ok();
    let Some(first) = unit(1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    if let (0xd800..0xdc00, Some("\\u")) = (first, rest.get(5..7))
        && let Some(second @ 0xdc00..0xe000) = unit(7)
    {
        let char = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(char).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    if special(text.as_bytes(), 0) == text.len() {
        return ["\"", text, "\""].concat();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped(r#"a\"\\\/\b\f\n\r\tz"#), "a\"\\/\u{8}\u{c}\n\r\tz");
        assert_eq!(unescaped(r"\u00e9\ud83d\ude00!"), "é😀!");
        assert_eq!(unescaped(r"\ud83d\u0041\ude00"), "\u{fffd}A\u{fffd}");
        assert!(matches!(unescaped("plain é"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_back(text in any::<String>()) {
            let json = quoted(&text);
            prop_assert_eq!(unescaped(&json[1..json.len() - 1]), text);
        }

        #[test]
        fn nothing_makes_it_panic(text in "[\\\\u0-9a-dD\"é]{0,20}") {
            let _ = unescaped(&text);
        }

        #[test]
        fn a_word_at_a_time_is_a_byte_at_a_time(bytes: Vec<u8>, at in 0usize..40) {
            let slow = bytes.iter().skip(at).position(|b| *b < 0x20 || b"\"\\".contains(b));
            let end = bytes.len().max(at);
            prop_assert_eq!(special(&bytes, at), slow.map_or(end, |found| at + found));
        }
    }
}
