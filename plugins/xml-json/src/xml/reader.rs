//! A strict pull reader: what it takes to its end is well-formed by XML 1.0, 5th edition.
//!
//! It knows no document types, so the only entities are the predefined five. Namespaces are the
//! business of [`super::names`].

use super::{
    Limits,
    chars::{
        AMPERSAND, BRACKET, BREAK, CLASS, CLOSE, ILLEGAL, LESS, RETURN, TOP, is_char, is_name_char,
        is_name_start, is_space,
    },
};
use crate::error::{Error, Position};

/// A range of bytes of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "`Reader::new` refuses longer texts")]
    fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes themselves.
    pub(crate) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// What a document consists of. Processing instructions are checked and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A start tag; its attributes are in [`Reader::attributes`].
    Start(Span),
    /// An end tag, or the end of an empty element.
    End,
    /// Character data. `coded`: it holds references or carriage returns.
    Text { span: Span, coded: bool },
    /// A CDATA section's content. `coded`: it holds carriage returns.
    Literal { span: Span, coded: bool },
    /// A comment's content. `coded`: as above.
    Comment { span: Span, coded: bool },
    /// The document is complete.
    Eof,
}

/// An attribute as it stands there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: Span,
    pub(crate) value: Span,
    /// Whether the value holds references, or white space that is to be normalised.
    pub(crate) coded: bool,
}

/// Reads a document event by event.
pub(crate) struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    open: Vec<Span>,
    attributes: Vec<Attribute>,
    elements: usize,
    /// The last start tag was `<a/>`: its end is still to be told.
    is_empty_element: bool,
}

type Result<T> = std::result::Result<T, Error>;

impl<'a> Reader<'a> {
    /// A reader at the document's beginning, past its XML declaration.
    pub(crate) fn new(text: &'a str, limits: Limits) -> Result<Self> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::TooComplex("the document is larger than 4 GiB".into()));
        }
        let mut reader = Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            limits,
            open: Vec::new(),
            attributes: Vec::new(),
            elements: 0,
            is_empty_element: false,
        };
        reader.declaration()?;
        Ok(reader)
    }

    /// The attributes of the last start tag.
    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// An error at a byte of the document.
    pub(crate) fn error_at(
        &self,
        at: u32,
        why: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Error {
        Error::xml(self.text, at as usize, why)
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Event> {
        if self.is_empty_element {
            self.is_empty_element = false;
            self.open.pop();
            return Ok(Event::End);
        }
        loop {
            match self.peek() {
                None => return self.end_of_document(),
                Some(b'<') => match self.markup()? {
                    Some(event) => return Ok(event),
                    None => continue,
                },
                Some(_) if self.open.is_empty() => self.space_outside()?,
                Some(_) => return self.character_data(),
            }
        }
    }

    fn end_of_document(&self) -> Result<Event> {
        if let Some(name) = self.open.last() {
            let name = shown(name.of(self.text));
            return Err(self.error(self.at, format!("`{name}` is not closed")));
        }
        if self.elements == 0 {
            return Err(self.error(self.at, "there is no element"));
        }
        Ok(Event::Eof)
    }

    /// Around the root element there is only white space: no text, no references.
    fn space_outside(&mut self) -> Result<()> {
        let start = self.at;
        self.skip_space();
        if self.at == start {
            return Err(self.error(start, "text outside the root element"));
        }
        Ok(())
    }

    fn markup(&mut self) -> Result<Option<Event>> {
        let start = self.at;
        match self.bytes.get(start + 1) {
            Some(b'/') => self.end_tag().map(Some),
            Some(b'?') => self.processing_instruction().map(|()| None),
            Some(b'!') if self.starts_with("<!--") => self.comment().map(Some),
            Some(b'!') if self.starts_with("<![CDATA[") => self.literal().map(Some),
            Some(b'!') if self.starts_with("<!DOCTYPE") => {
                Err(Error::DocumentType { position: Position::of(self.text, start) })
            }
            Some(b'!') => Err(self.error(start, "neither a comment nor a CDATA section")),
            _ => self.start_tag().map(Some),
        }
    }

    // Tags.

    fn start_tag(&mut self) -> Result<Event> {
        let start = self.at;
        if self.open.is_empty() && self.elements > 0 {
            return Err(self.error(start, "a second root element"));
        }
        self.at += 1;
        let name = self.name("an element's name")?;
        self.count_element()?;
        self.attributes.clear();
        loop {
            let had_space = self.skip_space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(b'/') => {
                    self.at += 1;
                    self.expect(">")?;
                    self.is_empty_element = true;
                    break;
                }
                Some(_) if had_space => self.attribute()?,
                Some(_) => return Err(self.error(self.at, "white space is missing in the tag")),
                None => return Err(self.error(self.at, "the tag does not end")),
            }
        }
        self.open.push(name);
        Ok(Event::Start(name))
    }

    fn count_element(&mut self) -> Result<()> {
        let Limits { depth, elements, .. } = self.limits;
        if self.open.len() >= depth {
            let text = format!("more than {depth} elements in one another");
            return Err(Error::TooComplex(text));
        }
        if self.elements >= elements {
            return Err(Error::TooComplex(format!("more than {elements} elements")));
        }
        self.elements += 1;
        Ok(())
    }

    fn end_tag(&mut self) -> Result<Event> {
        let start = self.at;
        let Some(open) = self.open.pop() else {
            return Err(self.error(start, "an end tag without its start"));
        };
        let name = open.of(self.text);
        self.at += 2;
        let rest = &self.bytes[self.at..];
        if !rest.starts_with(name.as_bytes()) {
            return Err(self.error(start, format!("`{}` is not closed by this tag", shown(name))));
        }
        self.at += name.len();
        self.skip_space();
        if self.peek() != Some(b'>') {
            return Err(self.error(start, format!("`{}` is not closed by this tag", shown(name))));
        }
        self.at += 1;
        Ok(Event::End)
    }

    fn attribute(&mut self) -> Result<()> {
        if self.attributes.len() >= self.limits.attributes {
            let most = self.limits.attributes;
            return Err(Error::TooComplex(format!("more than {most} attributes in an element")));
        }
        let name = self.name("an attribute's name")?;
        self.skip_space();
        self.expect("=")?;
        self.skip_space();
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return Err(self.error(self.at, "an attribute's value must be quoted")),
        };
        self.at += 1;
        let (value, coded) = self.attribute_value(quote)?;
        self.attributes.push(Attribute { name, value, coded });
        Ok(())
    }

    fn attribute_value(&mut self, quote: u8) -> Result<(Span, bool)> {
        const STOP: u8 = ILLEGAL | LESS | AMPERSAND | RETURN | BREAK | TOP | CLOSE;
        let start = self.at;
        let mut coded = false;
        loop {
            self.skip_until(STOP);
            match self.peek() {
                Some(byte) if byte == quote => break,
                Some(b'&') => {
                    self.reference()?;
                    coded = true;
                }
                Some(b'\t' | b'\n' | b'\r') => {
                    self.at += 1;
                    coded = true;
                }
                Some(b'<') => return Err(self.error(self.at, "`<` in an attribute's value")),
                Some(_) => self.legal()?,
                None => return Err(self.error(start, "the attribute's value does not end")),
            }
        }
        let span = Span::new(start, self.at);
        self.at += 1;
        Ok((span, coded))
    }

    // Content.

    fn character_data(&mut self) -> Result<Event> {
        const STOP: u8 = ILLEGAL | LESS | AMPERSAND | BRACKET | RETURN | TOP;
        let start = self.at;
        let mut coded = false;
        loop {
            self.skip_until(STOP);
            match self.peek() {
                None | Some(b'<') => break,
                Some(b'&') => {
                    self.reference()?;
                    coded = true;
                }
                Some(b'\r') => {
                    self.at += 1;
                    coded = true;
                }
                Some(b']') if self.starts_with("]]>") => {
                    return Err(self.error(self.at, "`]]>` outside a CDATA section"));
                }
                Some(_) => self.legal()?,
            }
        }
        Ok(Event::Text { span: Span::new(start, self.at), coded })
    }

    fn literal(&mut self) -> Result<Event> {
        if self.open.is_empty() {
            return Err(self.error(self.at, "text outside the root element"));
        }
        let start = self.at;
        self.at += "<![CDATA[".len();
        let (span, coded) = self.until("]]>", start, "the CDATA section does not end")?;
        Ok(Event::Literal { span, coded })
    }

    fn comment(&mut self) -> Result<Event> {
        let start = self.at;
        self.at += "<!--".len();
        let (span, coded) = self.until("--", start, "the comment does not end")?;
        if self.peek() != Some(b'>') {
            return Err(self.error(self.at - 2, "`--` in a comment"));
        }
        self.at += 1;
        Ok(Event::Comment { span, coded })
    }

    fn processing_instruction(&mut self) -> Result<()> {
        let start = self.at;
        self.at += 2;
        let target = self.name("a processing instruction's target")?.of(self.text);
        if target.eq_ignore_ascii_case("xml") {
            let why = "an XML declaration can only stand at the beginning, in lower case";
            return Err(self.error(start, why));
        }
        if target.contains(':') {
            return Err(self.error(start, "a colon in a processing instruction's target"));
        }
        if !self.skip_space() && !self.starts_with("?>") {
            return Err(self.error(self.at, "white space is missing after the target"));
        }
        self.until("?>", start, "the processing instruction does not end").map(|_| ())
    }

    /// What stands before `end`, and whether it has carriage returns. Goes past `end`.
    fn until(&mut self, end: &str, begin: usize, why: &'static str) -> Result<(Span, bool)> {
        const STOP: u8 = ILLEGAL | BRACKET | RETURN | TOP | CLOSE;
        let start = self.at;
        let mut coded = false;
        loop {
            self.skip_until(STOP);
            if self.starts_with(end) {
                break;
            }
            match self.peek() {
                Some(b'\r') => {
                    self.at += 1;
                    coded = true;
                }
                Some(_) => self.legal()?,
                None => return Err(self.error(begin, why)),
            }
        }
        let span = Span::new(start, self.at);
        self.at += end.len();
        Ok((span, coded))
    }

    /// `&lt;`, `&#10;`, `&#xA;`: checked here, so that nobody who decodes it later can fail.
    fn reference(&mut self) -> Result<()> {
        let start = self.at;
        let rest = &self.bytes[start + 1..];
        // (Not quadratic: a reference that is none is the last one looked at.)
        let Some(end) = rest.iter().position(|&byte| byte == b';') else {
            return Err(self.error(start, "`&` must be written as `&amp;`"));
        };
        let name = self.text.get(start + 1..start + 1 + end).unwrap_or_default();
        match super::decode::referred(name) {
            Some(c) if is_char(c) => {}
            Some(_) => {
                return Err(self.error(start, "a reference to a character that XML does not have"));
            }
            None if name.starts_with('#') => {
                return Err(self.error(start, "not a character reference"));
            }
            None if is_name(name) => {
                return Err(self.error(start, format!("entity `{}` is not declared", shown(name))));
            }
            None => return Err(self.error(start, "`&` must be written as `&amp;`")),
        }
        self.at += end + 2;
        Ok(())
    }

    // The XML declaration (2.8).

    fn declaration(&mut self) -> Result<()> {
        let is_there = self.starts_with("<?xml")
            && self.bytes.get(5).is_some_and(|&byte| is_space(byte) || byte == b'?');
        if !is_there {
            return Ok(());
        }
        self.at = 5;
        let version = self.pseudo_attribute("version")?;
        match version.map(|span| span.of(self.text)) {
            None => return Err(self.error(self.at, "the XML declaration has no version")),
            Some(version) if !is_version(version) => {
                return Err(self.error(self.at, "the XML version is not 1.0"));
            }
            Some(_) => {}
        }
        if let Some(encoding) = self.pseudo_attribute("encoding")?
            && !is_encoding_name(encoding.of(self.text))
        {
            return Err(self.error(encoding.start as usize, "not the name of an encoding"));
        }
        if let Some(standalone) = self.pseudo_attribute("standalone")?
            && !matches!(standalone.of(self.text), "yes" | "no")
        {
            let why = "`standalone` is neither `yes` nor `no`";
            return Err(self.error(standalone.start as usize, why));
        }
        self.skip_space();
        self.expect("?>")
    }

    fn pseudo_attribute(&mut self, name: &str) -> Result<Option<Span>> {
        let before = self.at;
        if !self.skip_space() || !self.starts_with(name) {
            self.at = before;
            return Ok(None);
        }
        self.at += name.len();
        self.skip_space();
        self.expect("=")?;
        self.skip_space();
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => quote,
            _ => return Err(self.error(self.at, "the value must be quoted")),
        };
        self.at += 1;
        let start = self.at;
        let length = self.bytes[start..].iter().position(|&byte| byte == quote);
        let Some(length) = length else {
            return Err(self.error(start, "the value does not end"));
        };
        self.at += length + 1;
        Ok(Some(Span::new(start, start + length)))
    }

    // Letters.

    fn name(&mut self, what: &'static str) -> Result<Span> {
        let start = self.at;
        let mut is_good: fn(char) -> bool = is_name_start;
        while let Some(&byte) = self.bytes.get(self.at) {
            let length = if byte.is_ascii() {
                usize::from(is_good(byte as char))
            } else {
                let c = self.text[self.at..].chars().next();
                c.filter(|&c| is_good(c)).map_or(0, char::len_utf8)
            };
            if length == 0 {
                break;
            }
            self.at += length;
            is_good = is_name_char;
        }
        if self.at == start {
            return Err(self.error(start, format!("expected {what}")));
        }
        if self.at - start > self.limits.name {
            let most = self.limits.name;
            return Err(Error::TooComplex(format!("a name of more than {most} bytes")));
        }
        Ok(Span::new(start, self.at))
    }

    /// Steps over a byte that needed a look, if its character is legal.
    fn legal(&mut self) -> Result<()> {
        let byte = self.bytes[self.at];
        let is_legal = match CLASS[byte as usize] {
            ILLEGAL => false,
            TOP => !matches!(self.bytes.get(self.at + 1..self.at + 3), Some([0xBF, 0xBE | 0xBF])),
            _ => true,
        };
        if !is_legal {
            return Err(self.error(self.at, "a character that XML does not have"));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_until(&mut self, stop: u8) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| CLASS[byte as usize] & stop != 0);
        self.at += length.unwrap_or(rest.len());
    }

    /// Says whether there was any.
    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > start
    }

    fn expect(&mut self, text: &'static str) -> Result<()> {
        if !self.starts_with(text) {
            return Err(self.error(self.at, format!("expected `{text}`")));
        }
        self.at += text.len();
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        self.bytes[self.at..].starts_with(text.as_bytes())
    }

    #[cold]
    fn error(&self, at: usize, why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::xml(self.text, at, why)
    }
}

/// A name in an error: short, whoever chose it.
pub(super) fn shown(name: &str) -> &str {
    match name.char_indices().nth(64) {
        Some((end, _)) => &name[..end],
        None => name,
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// `VersionNum`: an XML 1.0 processor reads any 1.x as if it were 1.0 (5th edition, 2.8).
fn is_version(text: &str) -> bool {
    let minor = text.strip_prefix("1.");
    minor.is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
}

fn is_encoding_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
