//! A document that is known to be JSON, and ways through it.

use std::{borrow::Cow, fmt};

use super::{
    check::{TOO_DEEP, check},
    string,
};

/// A text that was checked to be one JSON value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'a>(&'a str);

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Where, in bytes from 0 on.
    pub(crate) offset: usize,
    /// What is wrong there.
    pub(crate) what: &'static str,
}

impl Malformed {
    /// Whether it is the cap of depth, and may be JSON all the same.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.what == TOO_DEEP
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.what, self.offset)
    }
}

/// A member of an object, up to its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Where the name begins and ends, quotes included.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where the value begins.
    pub(crate) value: usize,
}

impl<'a> Document<'a> {
    /// Checks a text. A byte order mark at its beginning is passed over (RFC 8259, 8.1).
    pub(crate) fn parse(text: &'a str, max_depth: usize) -> Result<Self, Malformed> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        check(text.as_bytes(), max_depth)?;
        Ok(Self(text))
    }

    /// All of the text.
    pub(crate) fn whole(self) -> &'a str {
        self.0
    }

    /// Where the value begins.
    pub(crate) fn root(self) -> usize {
        self.space(0)
    }

    /// The first byte of the value (or of whatever) that begins there.
    pub(crate) fn byte(self, at: usize) -> u8 {
        self.0.as_bytes().get(at).copied().unwrap_or_default()
    }

    /// The text from one place to another.
    pub(crate) fn text(self, start: usize, end: usize) -> &'a str {
        self.0.get(start..end).unwrap_or_default()
    }

    /// What the string says that stands there, quotes included.
    pub(crate) fn string(self, start: usize, end: usize) -> Cow<'a, str> {
        string::unescaped(self.text(start + 1, end.saturating_sub(1)))
    }

    /// The members of the object that begins there.
    pub(crate) fn members(self, object: usize) -> Members<'a> {
        Members { document: self, at: object + 1 }
    }

    /// The items of the array that begins there.
    pub(crate) fn items(self, array: usize) -> Items<'a> {
        Items { document: self, at: array + 1 }
    }

    /// The end of the value that begins there.
    pub(crate) fn end_of(self, value: usize) -> usize {
        match self.byte(value) {
            b'"' => self.end_of_string(value),
            b'{' | b'[' => self.end_of_container(value + 1),
            _ => self.end_of_word(value),
        }
    }

    /// The end of a container; `at` is anywhere in it outside of a string and of inner containers.
    fn end_of_container(self, mut at: usize) -> usize {
        let bytes = self.0.as_bytes();
        let mut depth = 1usize;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    at = self.end_of_string(at);
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => return at + 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        at
    }

    fn end_of_string(self, string: usize) -> usize {
        let bytes = self.0.as_bytes();
        let mut at = string + 1;
        loop {
            at = string::special(bytes, at);
            match bytes.get(at) {
                Some(b'\\') => at += 2,
                Some(_) => return at + 1,
                None => return bytes.len(),
            }
        }
    }

    fn end_of_word(self, word: usize) -> usize {
        let rest = self.0.as_bytes().get(word..).unwrap_or_default();
        let ends = |byte: &u8| b",]} \n\r\t".contains(byte);
        word + rest.iter().position(ends).unwrap_or(rest.len())
    }

    fn space(self, mut at: usize) -> usize {
        while let b' ' | b'\n' | b'\r' | b'\t' = self.byte(at) {
            at += 1;
        }
        at
    }

    /// Past white space, and past a comma and the white space after it.
    fn comma(self, at: usize) -> usize {
        let at = self.space(at);
        if self.byte(at) == b',' { self.space(at + 1) } else { at }
    }
}

/// Goes through the members of an object. After each one, [`go_on`](Self::go_on) must be told where
/// its value ends: whoever reads the value knows, and nobody has to look twice.
pub(crate) struct Members<'a> {
    document: Document<'a>,
    at: usize,
}

impl Members<'_> {
    pub(crate) fn next(&mut self) -> Option<Key> {
        let document = self.document;
        let start = document.comma(self.at);
        if document.byte(start) != b'"' {
            self.at = start;
            return None;
        }
        let end = document.end_of_string(start);
        let value = document.space(document.space(end) + 1);
        Some(Key { start, end, value })
    }

    /// The value of the member at hand ends there.
    pub(crate) fn go_on(&mut self, end: usize) {
        self.at = end;
    }

    /// The end of the object, once there are no more members.
    pub(crate) fn end(&self) -> usize {
        self.at + 1
    }
}

/// Goes through the items of an array, as [`Members`] through those of an object.
pub(crate) struct Items<'a> {
    document: Document<'a>,
    at: usize,
}

impl Items<'_> {
    /// Where the next item begins.
    pub(crate) fn next(&mut self) -> Option<usize> {
        self.at = self.document.comma(self.at);
        let ends = matches!(self.document.byte(self.at), b']' | 0);
        (!ends).then_some(self.at)
    }

    /// The item at hand ends there.
    pub(crate) fn go_on(&mut self, end: usize) {
        self.at = end;
    }

    /// The end of the array, whatever items are left.
    pub(crate) fn end(&self) -> usize {
        self.document.end_of_container(self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use torana_plugin_sdk::serde::de::IgnoredAny;

    use super::*;
    use crate::testing;

    fn parse(text: &str) -> Result<Document<'_>, Malformed> {
        Document::parse(text, 512)
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (text, offset, what) in [
            ("", 0, "a value is missing"),
            ("{\"a\":1,}", 7, "a name in quotes is missing"),
            ("[1 2]", 3, "a comma or a closing bracket is missing"),
            ("{\"a\" 1}", 5, "a colon is missing"),
            ("[1}", 2, "a comma or a closing bracket is missing"),
            ("01", 1, "text after the document"),
            ("1.", 2, "a digit is missing"),
            ("-", 1, "a digit is missing"),
            ("\"a\nb\"", 2, "a control character in a string"),
            ("\"a", 2, "a string has no end"),
            ("\"\\x\"", 1, "no escape begins so"),
            ("\"\\u12\"", 1, "four hexadecimal digits are missing"),
            ("nul", 0, "no value begins so"),
            ("{} {}", 3, "text after the document"),
            ("NaN", 0, "no value begins so"),
            ("\u{feff}\u{feff}1", 0, "no value begins so"),
        ] {
            assert_eq!(parse(text).unwrap_err(), Malformed { offset, what }, "{text}");
        }
    }

    #[test]
    fn depth_has_a_cap() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Document::parse(&nested(3), 3).is_ok());
        assert_eq!(Document::parse(&nested(4), 3).unwrap_err().offset, 3);
        // No recursion: a bomb is refused at the cap, not by the stack.
        assert!(Document::parse(&"[".repeat(1 << 20), 512).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_document() {
        let document = parse("\u{feff} [1]").unwrap();
        assert_eq!(document.text(document.root(), document.end_of(document.root())), "[1]");
    }

    proptest! {
        #[test]
        fn json_is_what_serde_json_takes(text in testing::nearly_json()) {
            let rest = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let theirs = serde_json::from_str::<IgnoredAny>(rest).is_ok();
            prop_assert_eq!(parse(&text).is_ok(), theirs, "{}", text);
        }

        #[test]
        fn a_value_ends_where_it_ends(value in testing::json(), space in "[ \n]{0,2}") {
            let text = format!("{space}{value:#}{space}");
            let document = parse(&text).unwrap();
            let end = document.end_of(document.root());
            prop_assert_eq!(document.text(document.root(), end), format!("{value:#}"));
        }

        #[test]
        fn members_and_items_are_all_there(value in testing::json()) {
            let text = value.to_string();
            let document = parse(&text).unwrap();
            match &value {
                Value::Object(object) => {
                    let mut members = document.members(0);
                    let mut names = Vec::new();
                    while let Some(key) = members.next() {
                        names.push(document.string(key.start, key.end).into_owned());
                        members.go_on(document.end_of(key.value));
                    }
                    prop_assert_eq!(names, object.keys().cloned().collect::<Vec<_>>());
                    prop_assert_eq!(members.end(), text.len());
                }
                Value::Array(array) => {
                    let mut items = document.items(0);
                    let mut count = 0;
                    while let Some(item) = items.next() {
                        count += 1;
                        items.go_on(document.end_of(item));
                    }
                    prop_assert_eq!(count, array.len());
                    prop_assert_eq!(items.end(), text.len());
                }
                _ => {}
            }
        }
    }
}
