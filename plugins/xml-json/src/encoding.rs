//! From bytes to text: UTF-8, UTF-16, ISO-8859-1 and US-ASCII.
//!
//! What counts is, in this order (RFC 7303, 3; XML 1.0, 4.3.3 and F): a byte order mark, the
//! `charset` of the media type, the document's own declaration, UTF-8.

use crate::error::{Error, Language, Position};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

/// The text of an XML document, without a byte order mark.
pub(crate) fn decode_xml(bytes: Vec<u8>, charset: Option<&str>) -> Result<String, Error> {
    let (encoding, mark) = detect(&bytes, charset)?;
    decode(bytes, encoding, mark)
}

/// The text of a JSON document, which is UTF-8: its media types have no `charset` (RFC 8259, 8.1 and
/// 11), and most who give one have it from a framework that gives one to everything. So it counts
/// only for what is no UTF-8.
pub(crate) fn decode_json(bytes: Vec<u8>, charset: Option<&str>) -> Result<String, Error> {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    match charset.map(|name| (name, named(name))) {
        Some((_, Some(Named::Latin1))) => Ok(latin1(&bytes)),
        None | Some((_, Some(Named::Utf8 | Named::Ascii))) => utf8(bytes, Language::Json),
        Some((name, _)) => Err(unsupported(name, "JSON is read in UTF-8 and ISO-8859-1")),
    }
}

/// What a name of an encoding says. UTF-16 leaves the order of bytes to the byte order mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Utf8,
    Utf16,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

/// By the names of the IANA registry that are in use.
fn named(name: &str) -> Option<Named> {
    Some(match name.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Named::Utf8,
        "utf-16" | "iso-10646-ucs-2" => Named::Utf16,
        "utf-16le" => Named::Utf16Le,
        "utf-16be" => Named::Utf16Be,
        "iso-8859-1" | "iso_8859-1" | "latin1" | "l1" => Named::Latin1,
        "us-ascii" | "ascii" | "iso646-us" | "ansi_x3.4-1968" => Named::Ascii,
        _ => return None,
    })
}

/// The encoding, and the length of the byte order mark.
fn detect(bytes: &[u8], charset: Option<&str>) -> Result<(Encoding, usize), Error> {
    let charset = charset.map(|name| named(name).ok_or_else(|| unsupported(name, ONLY)));
    let charset = charset.transpose()?;
    let (family, mark) = match bytes {
        // UTF-32 begins like UTF-16 and goes on with zeros.
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(unsupported("UTF-32", ONLY)),
        [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8), 3),
        [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
        [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
        _ => (None, 0),
    };
    if let Some(family) = family {
        // A charset that contradicts the mark does not count (RFC 7303, 3.2).
        check_declared(bytes, family, mark, charset.is_some())?;
        return Ok((family, mark));
    }
    if let Some(charset) = charset {
        return Ok((charset.without_mark(bytes), 0));
    }
    Ok((undeclared(bytes)?, 0))
}

const ONLY: &str = "XML is read in UTF-8, UTF-16, ISO-8859-1 and US-ASCII";

/// The encoding of a document that nothing is said about from outside.
fn undeclared(bytes: &[u8]) -> Result<Encoding, Error> {
    let wide = match bytes {
        [b'<', 0, ..] => Some(Encoding::Utf16Le),
        [0, b'<', ..] => Some(Encoding::Utf16Be),
        _ => None,
    };
    if let Some(wide) = wide {
        if declared(bytes, wide, 0).is_none() {
            return Err(unsupported("UTF-16", "it needs a byte order mark or a declaration"));
        }
        check_declared(bytes, wide, 0, false)?;
        return Ok(wide);
    }
    let Some(name) = declared(bytes, Encoding::Utf8, 0) else { return Ok(Encoding::Utf8) };
    match named(&name) {
        Some(Named::Utf8) => Ok(Encoding::Utf8),
        Some(Named::Latin1) => Ok(Encoding::Latin1),
        Some(Named::Ascii) => Ok(Encoding::Ascii),
        Some(Named::Utf16 | Named::Utf16Le | Named::Utf16Be) => {
            Err(contradicted(&name, "its bytes are not"))
        }
        None => Err(unsupported(&name, ONLY)),
    }
}

impl Named {
    fn without_mark(self, bytes: &[u8]) -> Encoding {
        match self {
            Self::Utf8 => Encoding::Utf8,
            Self::Latin1 => Encoding::Latin1,
            Self::Ascii => Encoding::Ascii,
            Self::Utf16Le => Encoding::Utf16Le,
            Self::Utf16Be => Encoding::Utf16Be,
            // (RFC 2781, 4.3: big-endian, if nothing speaks against it.)
            Self::Utf16 if bytes.starts_with(b"<\0") => Encoding::Utf16Le,
            Self::Utf16 => Encoding::Utf16Be,
        }
    }
}

/// A document that says of itself what its bytes deny is in error (XML 1.0, 4.3.3), unless its
/// media type had the word.
fn check_declared(
    bytes: &[u8],
    is: Encoding,
    mark: usize,
    is_overruled: bool,
) -> Result<(), Error> {
    let Some(name) = declared(bytes, is, mark).filter(|_| !is_overruled) else { return Ok(()) };
    let fits = match named(&name) {
        None => return Err(unsupported(&name, ONLY)),
        Some(Named::Utf8 | Named::Ascii) => is == Encoding::Utf8,
        Some(Named::Utf16) => matches!(is, Encoding::Utf16Le | Encoding::Utf16Be),
        Some(Named::Utf16Le) => is == Encoding::Utf16Le,
        Some(Named::Utf16Be) => is == Encoding::Utf16Be,
        Some(Named::Latin1) => false,
    };
    if fits { Ok(()) } else { Err(contradicted(&name, "its bytes are not")) }
}

/// The encoding that an XML declaration names. The reader checks the declaration itself.
fn declared(bytes: &[u8], encoding: Encoding, mark: usize) -> Option<String> {
    /// No declaration of anybody is longer.
    const LONGEST: usize = 400;
    let bytes = bytes.get(mark..)?;
    let head: String = match encoding {
        Encoding::Utf16Le | Encoding::Utf16Be => {
            let unit =
                if encoding == Encoding::Utf16Le { u16::from_le_bytes } else { u16::from_be_bytes };
            let units = bytes.as_chunks::<2>().0.iter().take(LONGEST).map(|&pair| unit(pair));
            char::decode_utf16(units).map(|c| c.unwrap_or('\0')).collect()
        }
        _ => bytes.iter().take(LONGEST).map(|&byte| char::from(byte)).collect(),
    };
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    if !declaration.starts_with([' ', '\t', '\r', '\n']) {
        return None;
    }
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_owned())
}

fn decode(bytes: Vec<u8>, encoding: Encoding, mark: usize) -> Result<String, Error> {
    match encoding {
        Encoding::Utf8 => {
            let mut text = utf8(bytes, Language::Xml)?;
            text.drain(..mark);
            Ok(text)
        }
        Encoding::Utf16Le => utf16(&bytes[mark..], u16::from_le_bytes),
        Encoding::Utf16Be => utf16(&bytes[mark..], u16::from_be_bytes),
        Encoding::Latin1 => Ok(latin1(&bytes)),
        Encoding::Ascii => match bytes.iter().position(|byte| !byte.is_ascii()) {
            None => utf8(bytes, Language::Xml),
            Some(at) => Err(invalid(&latin1(&bytes[..at]), Language::Xml, "not US-ASCII")),
        },
    }
}

fn utf8(bytes: Vec<u8>, language: Language) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let end = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..end]);
        invalid(&before, language, "not UTF-8")
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| unit(pair));
    // Nothing in UTF-16 is longer in UTF-8 than by half: no second copy while the text grows.
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
    for c in char::decode_utf16(units) {
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err(invalid(&text, Language::Xml, "not UTF-16")),
        }
    }
    if !rest.is_empty() {
        return Err(invalid(&text, Language::Xml, "not UTF-16"));
    }
    Ok(text)
}

fn latin1(bytes: &[u8]) -> String {
    let wide = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let mut text = String::with_capacity(bytes.len() + wide);
    text.extend(bytes.iter().map(|&byte| char::from(byte)));
    text
}

fn invalid(before: &str, language: Language, why: &'static str) -> Error {
    let position = Position::of(before, before.len());
    Error::Malformed { language, position, why: why.into() }
}

fn unsupported(name: &str, why: &str) -> Error {
    let shown: String = name.chars().take(40).collect();
    Error::Encoding(format!("encoding {shown:?}: {why}"))
}

fn contradicted(name: &str, why: &str) -> Error {
    let why = format!("the document says that it is in {name}, but {why}");
    Error::Malformed {
        language: Language::Xml,
        position: Position { line: 1, column: 1 },
        why: why.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EURO: &str = "<a>é\u{20AC}😀</a>";

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    fn xml(bytes: impl Into<Vec<u8>>, charset: Option<&str>) -> String {
        decode_xml(bytes.into(), charset).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn a_byte_order_mark_says_it() {
        let marked = format!("\u{FEFF}{EURO}");
        assert_eq!(xml(marked.as_bytes(), None), EURO);
        assert_eq!(xml(wide(&marked, u16::to_le_bytes), None), EURO);
        assert_eq!(xml(wide(&marked, u16::to_be_bytes), None), EURO);
        assert_eq!(xml(marked.as_bytes(), Some("iso-8859-1")), EURO, "it beats the charset");
    }

    #[test]
    fn the_charset_beats_the_declaration() {
        let latin = b"<?xml version='1.0' encoding='utf-8'?><a>\xE9</a>";
        assert!(xml(latin, Some("ISO-8859-1")).ends_with("<a>é</a>"));
        assert_eq!(xml(wide(EURO, u16::to_le_bytes), Some("utf-16le")), EURO);
        assert_eq!(xml(wide(EURO, u16::to_be_bytes), Some("utf-16")), EURO);
    }

    #[test]
    fn the_declaration_says_it() {
        let latin = b"<?xml version = '1.0' encoding = \"ISO-8859-1\"?><a>\xE9</a>";
        assert!(xml(latin, None).ends_with("<a>é</a>"));
        let text = "<?xml version='1.0' encoding='utf-16'?><a/>";
        assert_eq!(xml(wide(text, u16::to_le_bytes), None), text);
        assert_eq!(xml(wide(text, u16::to_be_bytes), None), text);
        assert_eq!(xml("<a/>", None), "<a/>");
    }

    #[test]
    fn contradictions_are_errors() {
        let says = |encoding: &str| format!("<?xml version='1.0' encoding='{encoding}'?><a/>");
        assert!(xml(says("utf-16"), None).contains("says that it is in utf-16"));
        let marked = format!("\u{FEFF}{}", says("utf-8"));
        assert!(xml(wide(&marked, u16::to_le_bytes), None).contains("says that it is in utf-8"));
        assert!(xml(wide("<a/>", u16::to_le_bytes), None).contains("needs a byte order mark"));
    }

    #[test]
    fn other_encodings_are_refused() {
        let text = "<?xml version='1.0' encoding='EBCDIC-CP-US'?><a/>";
        assert!(xml(text, None).contains("encoding \"EBCDIC-CP-US\": XML is read in UTF-8"));
        assert!(xml("<a/>", Some("shift_jis")).contains("\"shift_jis\""));
        assert!(xml(b"\xFF\xFE\0\0<\0\0\0", None).contains("UTF-32"));
    }

    #[test]
    fn json_is_utf_8_whatever_its_charset() {
        let json = |bytes: &[u8], charset| {
            decode_json(bytes.into(), charset).unwrap_or_else(|error| error.to_string())
        };
        for charset in [None, Some("ISO-8859-1"), Some("windows-1252"), Some("utf-16")] {
            assert_eq!(json("\"é\"".as_bytes(), charset), "\"é\"", "{charset:?}");
        }
        assert_eq!(json(b"\"\xE9\"", Some("latin1")), "\"é\"");
        let refused = json(b"\xFF\xFE\"\0\"\0", Some("utf-16"));
        assert!(refused.contains("\"utf-16\": JSON is read in UTF-8 and"), "{refused}");
        for charset in [None, Some("utf-8"), Some("us-ascii")] {
            assert!(json(b"\"\xE9\"", charset).contains("column 2: not UTF-8"), "{charset:?}");
        }
    }

    #[test]
    fn wrong_bytes_are_found_where_they_are() {
        assert!(xml(b"<a>\n\xC3\xA9\xE9</a>", None).contains("line 2, column 2: not UTF-8"));
        assert!(xml(b"<a>\x80", Some("us-ascii")).contains("column 4: not US-ASCII"));
        assert!(xml(b"\xFE\xFF\0<\xD8\0\0>", None).contains("column 2: not UTF-16"));
        assert!(xml(b"\xFE\xFF\0<\0", None).contains("column 2: not UTF-16"));
    }
}
