//! Reads text strictly (RFC 8259, and what RFC 7493 adds to it).

use std::{borrow::Cow, fmt};

use super::{Object, Value};

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Where, in bytes from 0 on.
    pub(crate) offset: usize,
    pub(crate) trouble: Trouble,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is no JSON: what is wrong.
    Syntax(&'static str),
    /// An object has two members of this name, of which parsers take the first, the last, or none.
    Duplicate(String),
    /// Half a surrogate pair, which some parsers refuse and some replace.
    Surrogate,
    /// It is nested deeper than it may be.
    TooDeep,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax(what) => what,
            Self::Duplicate(_) => "an object has two members of one name",
            Self::Surrogate => "a string has half a surrogate pair",
            Self::TooDeep => "it is nested too deep",
        })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.trouble, self.offset)
    }
}

/// Reads a document that is nested `max_depth` levels at most. A byte order mark at its beginning is refused: some
/// parsers pass over it, some do not (RFC 8259, 8.1).
pub(crate) fn read(text: &str, max_depth: usize) -> Result<Value<'_>, Malformed> {
    let mut reader = Reader { text, at: 0, levels: max_depth };
    let value = reader.value()?;
    match reader.space() {
        None => Ok(value),
        Some(_) => reader.fails("there is text after the document"),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many more there may be below.
    levels: usize,
}

impl<'a> Reader<'a> {
    fn trouble<T>(&self, offset: usize, trouble: Trouble) -> Result<T, Malformed> {
        Err(Malformed { offset, trouble })
    }

    fn fails<T>(&self, what: &'static str) -> Result<T, Malformed> {
        self.trouble(self.at, Trouble::Syntax(what))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self) -> Result<Value<'a>, Malformed> {
        match self.space() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => self.fails("no value begins so"),
            None => self.fails("a value is missing"),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, Malformed>,
    ) -> Result<Value<'a>, Malformed> {
        let Some(levels) = self.levels.checked_sub(1) else {
            return self.trouble(self.at, Trouble::TooDeep);
        };
        self.levels = levels;
        self.at += 1;
        let value = read(self)?;
        self.levels += 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value<'a>, Malformed> {
        let start = self.at - 1;
        let mut members = Vec::new();
        if self.space() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(Object::default()));
        }
        loop {
            members.push(self.member()?);
            if !self.goes_on(b'}')? {
                break;
            }
        }
        match Object::new(members) {
            Ok(object) => Ok(Value::Object(object)),
            Err(name) => self.trouble(start, Trouble::Duplicate(name)),
        }
    }

    fn member(&mut self) -> Result<(Cow<'a, str>, Value<'a>), Malformed> {
        if self.space() != Some(b'"') {
            return self.fails("a name in quotes is missing");
        }
        let name = self.string()?;
        if self.space() != Some(b':') {
            return self.fails("a colon is missing");
        }
        self.at += 1;
        Ok((name, self.value()?))
    }

    fn array(&mut self) -> Result<Value<'a>, Malformed> {
        let mut items = Vec::new();
        if self.space() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if !self.goes_on(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    /// Whether another one follows, or the container ends.
    fn goes_on(&mut self, close: u8) -> Result<bool, Malformed> {
        match self.space() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fails("a comma or a closing bracket is missing"),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.at += 1;
        let start = self.plain()?;
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(start));
        }
        let mut text = start.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                _ => text.push(self.escape()?),
            }
            text.push_str(self.plain()?);
        }
    }

    /// What stands before the next quote or backslash.
    fn plain(&mut self) -> Result<&'a str, Malformed> {
        let rest = &self.text.as_bytes()[self.at..];
        let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        let Some(length) = rest.iter().position(is_special) else {
            self.at = self.text.len();
            return self.fails("a string has no end");
        };
        let start = self.at;
        self.at += length;
        if rest[length] < 0x20 {
            return self.fails("there is a control character in a string");
        }
        Ok(&self.text[start..self.at])
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        let start = self.at;
        self.at += 2;
        Ok(match self.text.as_bytes().get(start + 1) {
            Some(&same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return self.trouble(start, Trouble::Syntax("no escape begins so")),
        })
    }

    fn unicode(&mut self, start: usize) -> Result<char, Malformed> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first)
                .map_or_else(|| self.trouble(start, Trouble::Surrogate), Ok);
        }
        if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
            return self.trouble(start, Trouble::Surrogate);
        }
        self.at += 2;
        match self.four_digits()? {
            second @ 0xdc00..0xe000 => {
                let char = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                char::from_u32(char).map_or_else(|| self.trouble(start, Trouble::Surrogate), Ok)
            }
            _ => self.trouble(start, Trouble::Surrogate),
        }
    }

    fn four_digits(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return self.fails("four hexadecimal digits are missing");
        }
        self.at += 4;
        let value = |number: u32, &digit: &u8| {
            number * 16 + char::from(digit).to_digit(16).unwrap_or_default()
        };
        Ok(digits.iter().fold(0, value))
    }

    fn number(&mut self) -> Result<Value<'a>, Malformed> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let Some(b'0'..=b'9') = self.peek() else { return self.fails("a digit is missing") };
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Malformed> {
        if !self.text[self.at..].starts_with(word) {
            return self.fails("no value begins so");
        }
        self.at += word.len();
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trouble(text: &str) -> Trouble {
        read(text, 8).unwrap_err().trouble
    }

    #[test]
    fn what_parsers_read_in_two_ways_is_refused() {
        assert_eq!(trouble(r#"{"a":1,"b":2,"a":1}"#), Trouble::Duplicate("a".into()));
        assert_eq!(trouble(r#"[{"a":1,"\u0061":2}]"#), Trouble::Duplicate("a".into()));
        for half in [r#""\ud83d""#, r#""\udc00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
            assert_eq!(trouble(half), Trouble::Surrogate, "{half}");
        }
        assert_eq!(read(r#""\ud83d\ude00""#, 1).unwrap().as_str(), Some("😀"));
        assert_eq!(trouble("\u{feff}1"), Trouble::Syntax("no value begins so"));
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (text, offset) in [
            ("", 0),
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("01", 1),
            ("1.", 2),
            ("\"a\nb\"", 2),
            ("\"\\x\"", 1),
            ("nul", 0),
        ] {
            assert_eq!(read(text, 8).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn depth_has_a_cap() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(8), 8).is_ok());
        assert_eq!(trouble(&nested(9)), Trouble::TooDeep);
        // A bomb is refused at the cap, not by the stack.
        assert_eq!(trouble(&"[".repeat(1 << 20)), Trouble::TooDeep);
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        let Value::Number(text) = read("-1.10e+400", 1).unwrap() else { panic!() };
        assert_eq!(text, "-1.10e+400");
    }

    proptest! {
        #[test]
        fn json_is_what_serde_json_takes(text in r#"[\[\]{}:,"a1 .eE+\\u0tn-]{0,12}"#) {
            let theirs = serde_json::from_str::<torana_plugin_sdk::serde::de::IgnoredAny>(&text).is_ok();
            match read(&text, 64) {
                Err(Malformed { trouble: Trouble::Syntax(_), .. }) => prop_assert!(!theirs, "{}", text),
                _ => prop_assert!(theirs, "{}", text),
            }
        }
    }
}
