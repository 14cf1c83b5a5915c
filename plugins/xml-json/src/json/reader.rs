//! Reads a document into a list of 12-byte places in its text.
//!
//! The values stand in the order of the text, so what follows an array or object is its content,
//! and `next` leads past it. Numbers and strings stay as they are spelled.

use std::borrow::Cow;

use super::{Limits, text};
use crate::error::Error;

/// A document.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    text: &'a str,
    values: Vec<Value>,
}

/// A place in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ValueId(u32);

#[derive(Clone, Copy, Debug)]
struct Value {
    /// Where the text of the key begins, in an object.
    key: u32,
    /// Where the value begins.
    start: u32,
    /// What comes after the value and all that is in it.
    next: u32,
}

const NO_KEY: u32 = u32::MAX;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl<'a> Json<'a> {
    /// Reads a document. A byte order mark is no part of it (RFC 8259, 8.1).
    pub(crate) fn read(text: &'a str, limits: Limits) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if u32::try_from(text.len()).is_err() {
            return Err(Error::TooComplex("the document is larger than 4 GiB".into()));
        }
        let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, limits, values: Vec::new() };
        reader.skip_space();
        reader.value(NO_KEY, 0)?;
        reader.skip_space();
        if reader.at < text.len() {
            return Err(reader.error(reader.at, "something follows the value"));
        }
        Ok(Self { text, values: reader.values })
    }

    /// The whole document.
    pub(crate) fn root(&self) -> ValueId {
        ValueId(0)
    }

    pub(crate) fn kind(&self, id: ValueId) -> Kind {
        match self.text.as_bytes()[self.value(id).start as usize] {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            b't' | b'f' => Kind::Boolean,
            b'n' => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// What is in an array or object.
    pub(crate) fn content(&self, id: ValueId) -> impl Iterator<Item = ValueId> {
        let end = self.value(id).next;
        let mut next = id.0 + 1;
        std::iter::from_fn(move || {
            let value = ValueId(next);
            (next < end).then(|| {
                next = self.value(value).next;
                value
            })
        })
    }

    /// The key of a value in an object.
    pub(crate) fn key(&self, id: ValueId) -> Cow<'a, str> {
        match self.value(id).key {
            NO_KEY => Cow::Borrowed(""),
            key => text::unescaped(text::until_quote(&self.text[key as usize..])),
        }
    }

    /// Whether a key may begin with a character of ASCII: a quick look before a close one.
    pub(crate) fn may_begin_with(&self, id: ValueId, c: char) -> bool {
        let first = self.text.as_bytes().get(self.value(id).key as usize);
        first.is_some_and(|&first| first == b'\\' || char::from(first) == c)
    }

    /// Whether a value is `""`.
    pub(crate) fn is_empty_text(&self, id: ValueId) -> bool {
        self.text[self.value(id).start as usize..].starts_with("\"\"")
    }

    /// The text of a string, number or boolean; none of the others.
    pub(crate) fn scalar(&self, id: ValueId) -> Cow<'a, str> {
        let rest = &self.text[self.value(id).start as usize..];
        match self.kind(id) {
            Kind::String => text::unescaped(text::until_quote(&rest[1..])),
            Kind::Number | Kind::Boolean => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
                Cow::Borrowed(&rest[..end.unwrap_or(rest.len())])
            }
            Kind::Object | Kind::Array | Kind::Null => Cow::Borrowed(""),
        }
    }

    fn value(&self, id: ValueId) -> Value {
        self.values[id.0 as usize]
    }
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    values: Vec<Value>,
}

type Result<T, E = Error> = std::result::Result<T, E>;

#[expect(clippy::cast_possible_truncation, reason = "`Json::read` refuses texts of 4 GiB")]
impl Reader<'_> {
    fn value(&mut self, key: u32, depth: usize) -> Result<()> {
        let number = self.values.len();
        if number >= self.limits.values {
            let most = self.limits.values;
            return Err(Error::TooComplex(format!("more than {most} values")));
        }
        self.values.push(Value { key, start: self.at as u32, next: 0 });
        match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            Some(_) => return Err(self.error(self.at, "expected a value")),
            None => return Err(self.error(self.at, "the document ends where a value must be")),
        }
        self.values[number].next = self.values.len() as u32;
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<()> {
        self.list(depth, b'}', |reader, depth| {
            let key = reader.at as u32 + 1;
            if reader.peek() != Some(b'"') {
                return Err(reader.error(reader.at, "expected a key in quotes"));
            }
            reader.string()?;
            reader.skip_space();
            reader.expect(b':')?;
            reader.skip_space();
            reader.value(key, depth)
        })
    }

    fn array(&mut self, depth: usize) -> Result<()> {
        self.list(depth, b']', |reader, depth| reader.value(NO_KEY, depth))
    }

    fn list(
        &mut self,
        depth: usize,
        end: u8,
        item: impl Fn(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let most = self.limits.depth;
        if depth >= most {
            let text = format!("more than {most} arrays and objects in one another");
            return Err(Error::TooComplex(text));
        }
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self, depth + 1)?;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == end => break,
                _ => {
                    let why = format!("expected `,` or `{}`", end as char);
                    return Err(self.error(self.at, why));
                }
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let is_special = |&byte: &u8| byte < b' ' || byte == b'"' || byte == b'\\';
            self.at += rest.iter().position(is_special).unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.error(self.at, "a control character in a string")),
                None => return Err(self.error(start, "the string does not end")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        match text::escape(&self.text[self.at + 1..]) {
            Some((_, length)) => self.at += 1 + length,
            None => return Err(self.error(self.at, "not an escape that JSON has")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
        let number = &rest[..end.unwrap_or(rest.len())];
        if !text::is_number(number) {
            return Err(self.error(self.at, "not a number as JSON writes them"));
        }
        self.at += number.len();
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error(self.at, "expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != Some(byte) {
            return Err(self.error(self.at, format!("expected `{}`", byte as char)));
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn error(&self, at: usize, why: impl Into<Cow<'static, str>>) -> Error {
        Error::json(self.text, at, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(json: &Json<'_>, id: ValueId) -> String {
        let content = || json.content(id).map(|value| (json.key(value), outline(json, value)));
        match json.kind(id) {
            Kind::Object => content().map(|(key, value)| format!("{key}={value};")).collect(),
            Kind::Array => content().map(|(_, value)| format!("({value})")).collect(),
            Kind::Null => "null".into(),
            _ => json.scalar(id).into_owned(),
        }
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let text = "\u{FEFF} {\"a\": [1, {\"b\\u0041\":\"x\\ny\"}, []], \"a\":1e400,\"\":null,\"t\":true}\n";
        let json = Json::read(text, Limits::default()).unwrap();
        assert_eq!(outline(&json, json.root()), "a=(1)(bA=x\ny;)();a=1e400;=null;t=true;");
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_is() {
        for (text, why) in [
            ("", "line 1, column 1: the document ends"),
            ("{\"a\":1,}", "line 1, column 8: expected a key"),
            ("[1,\n 01]", "line 2, column 2: not a number"),
            ("[1 2]", "column 4: expected `,` or `]`"),
            ("[1,]", "column 4: expected a value"),
            ("[NaN]", "column 2: expected a value"),
            ("[\"a\tb\"]", "column 4: a control character"),
            ("[\"\\x\"]", "column 3: not an escape"),
            ("[\"\\uD800\"]", "column 3: not an escape"),
            ("[\"a]", "column 2: the string does not end"),
            ("{} {}", "column 4: something follows"),
            ("{'a':1}", "column 2: expected a key"),
            ("tru", "column 1: expected a value"),
            ("truee", "column 5: something follows"),
        ] {
            let error = Json::read(text, Limits::default()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_limits_hold() {
        let limits = Limits { depth: 2, values: 4 };
        assert!(Json::read("[[1],2]", limits).is_ok());
        for text in ["[[[]]]", "[1,2,3,4]"] {
            assert!(matches!(Json::read(text, limits), Err(Error::TooComplex(_))), "{text}");
        }
    }
}
