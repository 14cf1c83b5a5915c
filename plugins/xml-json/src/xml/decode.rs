//! From the document's spelling to text: references, line ends, white space of attributes.
//!
//! The reader has checked the spelling, so nothing here can fail.

use std::borrow::Cow;

/// The character that `&NAME;` stands for, where it is one of the predefined five or a number.
pub(super) fn referred(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => numbered(name.strip_prefix('#')?)?,
    })
}

fn numbered(digits: &str) -> Option<char> {
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    // (`from_str_radix` would take a sign.)
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32)
}

/// Adds character data: its references resolved, its line ends normalised (2.11).
pub(crate) fn text(raw: &str, out: &mut String) {
    decode(raw, |byte| matches!(byte, b'&' | b'\r'), '\n', out);
}

/// Adds a CDATA section or a comment: its line ends normalised.
pub(crate) fn literal(raw: &str, out: &mut String) {
    decode(raw, |byte| byte == b'\r', '\n', out);
}

/// An attribute's value: as text, and its white space made spaces (3.3.3).
pub(crate) fn attribute(raw: &str, coded: bool) -> Cow<'_, str> {
    if !coded {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    decode(raw, |byte| matches!(byte, b'&' | b'\r' | b'\n' | b'\t'), ' ', &mut out);
    Cow::Owned(out)
}

fn decode(raw: &str, is_coded: impl Fn(u8) -> bool, line_end: char, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.bytes().position(&is_coded) {
        let (before, coded) = rest.split_at(at);
        out.push_str(before);
        rest = match coded.strip_prefix('&') {
            Some(reference) => {
                let (name, after) = reference.split_once(';').unwrap_or((reference, ""));
                out.extend(referred(name));
                after
            }
            None => {
                out.push(line_end);
                coded.strip_prefix("\r\n").unwrap_or(&coded[1..])
            }
        };
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(decode: fn(&str, &mut String), raw: &str) -> String {
        let mut out = String::new();
        decode(raw, &mut out);
        out
    }

    #[test]
    fn references_are_resolved_once() {
        assert_eq!(of(text, "&lt;&#x41;&#0066;&amp;lt;&apos;&quot;&gt;"), "<AB&lt;'\">");
        assert_eq!(of(literal, "&lt;"), "&lt;");
        assert_eq!(referred("nbsp"), None);
        assert_eq!(referred("#+65"), None);
        assert_eq!(referred("#x"), None);
        assert_eq!(referred("#xD800"), None);
    }

    #[test]
    fn line_ends_are_line_feeds() {
        assert_eq!(of(text, "a\r\nb\rc\n&#13;"), "a\nb\nc\n\r");
        assert_eq!(of(literal, "a\r\nb\r"), "a\nb\n");
    }

    #[test]
    fn white_space_of_attributes_is_spaces() {
        assert_eq!(attribute("a\r\nb\tc\nd\re&#10;&#9;", true), "a b c d e\n\t");
    }
}
