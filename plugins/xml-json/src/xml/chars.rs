//! The characters of XML 1.0, 5th edition (2.2, 2.3).

/// `Char`: what a document may hold at all.
pub(crate) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// A text without what no document may hold.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|&c| is_char(c)).collect()
}

/// The first character of a text that no document may hold.
pub(crate) fn illegal(text: &str) -> Option<char> {
    let is_suspect = |byte: u8| CLASS[byte as usize] & (ILLEGAL | TOP) != 0;
    let at = text.bytes().position(is_suspect)?;
    text[at..].chars().find(|&c| !is_char(c))
}

/// `NameStartChar`.
pub(crate) fn is_name_start(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '_' | ':' => true,
        '\0'..='\x7F' => false,
        _ => is_wide_name_start(c),
    }
}

/// `NameChar`.
pub(crate) fn is_name_char(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' | '-' | '.' => true,
        '\0'..='\x7F' => false,
        '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}' => true,
        _ => is_wide_name_start(c),
    }
}

fn is_wide_name_start(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// `S`.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A text without the white space around it: that of XML, which is not all that Unicode has. A
/// no-break space is there because somebody wants it.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

/// Whether a text is a `QName` (Namespaces in XML 1.0, 4): a name with at most one colon, inside.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if text.bytes().all(is_plain) {
        // Nearly all are such.
        return text.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    }
    let is_local = |text: &str| {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| c != ':' && is_name_start(c))
            && chars.all(|c| c != ':' && is_name_char(c))
    };
    match text.split_once(':') {
        Some((prefix, local)) => is_local(prefix) && is_local(local),
        None => is_local(text),
    }
}

// What a byte can be, for the loops that run over text. Bytes of class 0 need no look.

/// Control characters that no document may hold.
pub(super) const ILLEGAL: u8 = 1;
pub(super) const LESS: u8 = 2;
pub(super) const AMPERSAND: u8 = 4;
/// `]`, which might begin `]]>`.
pub(super) const BRACKET: u8 = 8;
/// Carriage return, which becomes a line feed.
pub(super) const RETURN: u8 = 16;
/// The first byte of U+F000 to U+FFFF, among them U+FFFE and U+FFFF, which no document may hold.
pub(super) const TOP: u8 = 32;
/// Tab and line feed, which become spaces in attributes.
pub(super) const BREAK: u8 = 64;
/// What ends comments, processing instructions and attribute values.
pub(super) const CLOSE: u8 = 128;

/// The class of every byte.
pub(super) const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        class[byte] = ILLEGAL;
        byte += 1;
    }
    class[b'\t' as usize] = BREAK;
    class[b'\n' as usize] = BREAK;
    class[b'\r' as usize] = RETURN;
    class[b'<' as usize] = LESS;
    class[b'&' as usize] = AMPERSAND;
    class[b']' as usize] = BRACKET;
    class[b'-' as usize] = CLOSE;
    class[b'?' as usize] = CLOSE;
    class[b'"' as usize] = CLOSE;
    class[b'\'' as usize] = CLOSE;
    class[0xEF] = TOP;
    class
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_edition_allows_most_letters() {
        for name in ["a", "_", "é", "Ω1", "名前", "a-b.c", "a·", "\u{10000}"] {
            assert!(is_qualified_name(name), "{name}");
        }
        for name in ["", "1a", "-a", ".a", "a b", "×", "\u{37E}", "a\u{FFFF}", "·a"] {
            assert!(!is_qualified_name(name), "{name}");
        }
    }

    #[test]
    fn a_qualified_name_has_one_colon_inside() {
        assert!(is_qualified_name("a:b"));
        for name in [":", ":a", "a:", "a:b:c", "a:1", "::"] {
            assert!(!is_qualified_name(name), "{name}");
        }
    }

    #[test]
    fn every_byte_has_its_class() {
        for byte in 0..0x20_u8 {
            assert_eq!(CLASS[byte as usize] == ILLEGAL, !is_char(byte as char), "{byte}");
        }
        assert!(!is_char('\u{FFFE}') && !is_char('\u{FFFF}') && is_char('\u{FFFD}'));
    }
}
