//! How JSON writes numbers and strings.

use std::borrow::Cow;

/// The text of a string up to its closing quote, as it is spelled.
pub(super) fn until_quote(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(length) = bytes[end..].iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        end += length;
        if bytes[end] == b'"' {
            return &text[..end];
        }
        // What a backslash stands before is no end. (The reader has seen that something does.)
        end = (end + 2).min(bytes.len());
    }
    text
}

/// What a string says.
pub(super) fn unescaped(raw: &str) -> Cow<'_, str> {
    if !raw.as_bytes().contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        // The reader has checked the escapes.
        let (c, length) = escape(after).unwrap_or(('\\', 0));
        out.push(c);
        rest = &after[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character of an escape, and its length without the backslash. None for what is no escape,
/// and for halves of surrogate pairs, which are no characters.
pub(super) fn escape(text: &str) -> Option<(char, usize)> {
    let c = match text.bytes().next()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{C}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(text),
        _ => return None,
    };
    Some((c, 1))
}

fn unicode(text: &str) -> Option<(char, usize)> {
    let first = hex(text)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some((c, 5));
    }
    let second = hex(text[5..].strip_prefix('\\')?)?;
    let pair = char::decode_utf16([first, second]).next()?.ok()?;
    Some((pair, 11))
}

/// `uXXXX`
fn hex(text: &str) -> Option<u16> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

/// Whether a text is a number of JSON, from its first to its last byte (RFC 8259, 6).
pub(crate) fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}

/// Adds a text as a string in quotes.
pub(crate) fn quote(text: &str, mut push: impl FnMut(&str)) {
    push("\"");
    let mut rest = text;
    let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    while let Some(at) = rest.bytes().position(is_special) {
        push(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => push("\\\""),
            b'\\' => push("\\\\"),
            b'\n' => push("\\n"),
            b'\r' => push("\\r"),
            b'\t' => push("\\t"),
            byte => push(&format!("\\u{byte:04x}")),
        }
        rest = &rest[at + 1..];
    }
    push(rest);
    push("\"");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        quote(text, |part| out.push_str(part));
        out
    }

    #[test]
    fn numbers_are_those_of_the_grammar() {
        for number in ["0", "-0", "10", "1.10", "1e400", "-1.5E+7", "12345678901234567890", "0.0"] {
            assert!(is_number(number), "{number}");
        }
        for text in ["", "-", "01", "-01", "1.", ".5", "+1", "1e", "1e+", "1x", "0x1", "1 ", "١"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn pairs_make_one_character() {
        assert_eq!(unescaped("\\ud83d\\ude00\\/\\u00e9"), "😀/é");
        assert_eq!(escape("ud83d"), None);
        assert_eq!(escape("ud83d\\u0041"), None);
        assert_eq!(escape("ude00\\ud83d"), None);
        assert_eq!(escape("u00+1"), None);
    }

    proptest! {
        #[test]
        fn quoting_is_what_other_readers_read(text in ".*") {
            let quoted = quoted(&text);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
            prop_assert_eq!(unescaped(&quoted[1..quoted.len() - 1]), text);
        }
    }
}
