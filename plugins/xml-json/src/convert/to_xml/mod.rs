//! Writes JSON as XML.

mod attributes;
mod lenient;
mod names;
mod repeated;

use std::{borrow::Cow, collections::BTreeMap};

use self::{attributes::Attribute, repeated::is_kept};
use super::{
    Nulls, Options, Shape,
    shape::{ATTRIBUTE, COMMENT},
};
use crate::{
    error::Error,
    json::{Json, Kind, ValueId},
    output::Output,
    xml::chars,
};

/// What stands at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Top {
    /// A document: one element.
    Document,
    /// The content of an element: any number, and prefixes that are declared around it.
    Content { declared: &'static [(&'static str, &'static str)] },
}

/// Writes a value as elements.
pub(crate) fn write_xml(
    json: &Json<'_>,
    value: ValueId,
    top: Top,
    options: &Options,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let mut writer = Writer {
        json,
        options,
        shape: options.shape,
        out,
        place: Vec::new(),
        declared: BTreeMap::new(),
        attributes: Vec::new(),
    };
    if let Top::Content { declared } = top {
        let declared = declared.iter().map(|&(prefix, uri)| (prefix.into(), vec![uri.into()]));
        writer.declared.extend(declared);
    }
    writer.top(value, top)?;
    writer.out.check()
}

/// Adds character data. `Err` has the character that XML does not have.
pub(crate) fn push_text(text: &str, out: &mut Output<'_>) -> Result<(), char> {
    push(text, false, out)
}

fn push(text: &str, is_attribute: bool, out: &mut Output<'_>) -> Result<(), char> {
    if let Some(c) = chars::illegal(text) {
        return Err(c);
    }
    let mut rest = text;
    let is_special = |byte: u8| match byte {
        b'&' | b'<' | b'>' | b'\r' => true,
        b'"' | b'\t' | b'\n' => is_attribute,
        _ => false,
    };
    while let Some(at) = rest.bytes().position(is_special) {
        out.push(&rest[..at]);
        out.push(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            // White space that a reader would normalise.
            b'\t' => "&#9;",
            b'\n' => "&#10;",
            _ => "&#13;",
        });
        rest = &rest[at + 1..];
    }
    out.push(rest);
    Ok(())
}

struct Writer<'j, 'o, 's> {
    json: &'j Json<'j>,
    options: &'o Options,
    shape: Shape,
    out: &'o mut Output<'s>,
    /// The keys from the top to here, for errors.
    place: Vec<Cow<'j, str>>,
    /// The namespaces that prefixes stand for here; the last one counts.
    declared: BTreeMap<Cow<'j, str>, Vec<Cow<'j, str>>>,
    /// The attributes of the tag at hand.
    attributes: Vec<Attribute<'j>>,
}

impl<'j> Writer<'j, '_, '_> {
    fn top(&mut self, value: ValueId, top: Top) -> Result<(), Error> {
        let options = self.options;
        if let Some(root) = options.root.as_deref().or_else(|| self.spare_root(value, top)) {
            self.place.push(Cow::Owned(root.to_owned()));
            self.item(root, value, true)?;
            self.place.pop();
            return Ok(());
        }
        if self.json.kind(value) != Kind::Object {
            return Err(self.wrong("XML needs a name for this: set `root`, or send an object"));
        }
        let is_element = |value: &ValueId| !self.is_comment(&self.json.key(*value));
        let elements = self.json.content(value).filter(is_element).count();
        if top == Top::Document && elements != 1 {
            let text = "XML needs one element at the top: set `root`, or send an object of one key";
            return Err(self.wrong(text));
        }
        let repeated = self.repeated(value)?;
        let json = self.json;
        for member in json.content(value).filter(|member| is_kept(member, &repeated)) {
            let key = json.key(member);
            if self.is_comment(&key) {
                self.comments(key, member)?;
                continue;
            }
            let is_array = json.kind(member) == Kind::Array;
            if top == Top::Document && is_array && json.content(member).count() != 1 {
                return Err(self.wrong("XML needs one element at the top"));
            }
            self.element(key, member, true)?;
        }
        Ok(())
    }

    fn is_comment(&self, key: &str) -> bool {
        self.options.comments && key == COMMENT
    }

    // Elements.

    /// The elements of a key: one for each item of an array.
    fn element(&mut self, key: Cow<'j, str>, value: ValueId, is_top: bool) -> Result<(), Error> {
        self.place.push(key.clone());
        let is_array = self.json.kind(value) == Kind::Array;
        match self.shape.items {
            _ if !is_array => self.item(&key, value, is_top)?,
            Some(item) => self.tag(&key, value, is_top, Some(item))?,
            None => self.items(&key, value, is_top)?,
        }
        self.place.pop();
        Ok(())
    }

    fn items(&mut self, key: &str, array: ValueId, is_top: bool) -> Result<(), Error> {
        let json = self.json;
        json.content(array).try_for_each(|item| self.item(key, item, is_top))
    }

    /// One element. An array in it needs a name for its items.
    fn item(&mut self, key: &str, value: ValueId, is_top: bool) -> Result<(), Error> {
        match self.json.kind(value) {
            Kind::Null if self.options.nulls == Nulls::Omit && !is_top => Ok(()),
            Kind::Array => {
                let options = self.options;
                let spare = options.lenient.then_some("item");
                let Some(item) = options.item.as_deref().or(spare) else {
                    return Err(self.wrong("an array here needs a name for its items: set `item`"));
                };
                self.tag(key, value, is_top, Some(item))
            }
            _ => self.tag(key, value, is_top, None),
        }
    }

    /// `item` is the name of an array's items.
    fn tag(
        &mut self,
        key: &str,
        value: ValueId,
        is_top: bool,
        item: Option<&str>,
    ) -> Result<(), Error> {
        self.out.check()?;
        let json = self.json;
        let (attributes, repeated) = match json.kind(value) {
            Kind::Object => {
                let repeated = self.repeated(value)?;
                (self.gather_attributes(value, &repeated)?, repeated)
            }
            _ => (Vec::new(), Vec::new()),
        };
        let declared = self.declare(&attributes, is_top)?;
        let name = self.name(key, "element")?;
        self.out.push("<");
        self.out.push(&name);
        self.push_declarations(&attributes, is_top);
        self.push_attributes(&attributes)?;
        let content = Content { value, item, repeated: &repeated };
        if self.has_content(&content) {
            self.out.push(">");
            self.content(content)?;
            self.out.push("</");
            self.out.push(&name);
            self.out.push(">");
        } else {
            self.out.push("/>");
        }
        for prefix in declared {
            self.declared.entry(prefix).and_modify(|uris| drop(uris.pop()));
        }
        // Its memory serves the next tag.
        self.attributes = attributes;
        Ok(())
    }

    fn has_content(&self, content: &Content<'_>) -> bool {
        let json = self.json;
        match json.kind(content.value) {
            Kind::Null => false,
            Kind::Array => json.content(content.value).next().is_some(),
            Kind::Object => {
                let mut members = json.content(content.value);
                members.any(|member| {
                    let is_kept = is_kept(&member, content.repeated);
                    is_kept && !self.is_attribute(member) && self.writes(member)
                })
            }
            _ => !json.is_empty_text(content.value),
        }
    }

    /// Whether a member makes any text or element.
    fn writes(&self, member: ValueId) -> bool {
        let json = self.json;
        match json.kind(member) {
            Kind::Array if self.shape.items.is_none() => json.content(member).next().is_some(),
            Kind::Null => !self.is_text(&json.key(member)) && self.options.nulls == Nulls::Empty,
            Kind::String => !json.is_empty_text(member) || !self.is_text(&json.key(member)),
            _ => true,
        }
    }

    fn content(&mut self, content: Content<'_>) -> Result<(), Error> {
        let json = self.json;
        match (json.kind(content.value), content.item) {
            (Kind::Object, _) => self.members(content.value, content.repeated),
            (Kind::Array, Some(item)) => {
                self.place.push(Cow::Owned(item.to_owned()));
                self.items(item, content.value, false)?;
                self.place.pop();
                Ok(())
            }
            _ => self.text(&json.scalar(content.value)),
        }
    }

    /// Elements in their order, and the text after them.
    fn members(&mut self, object: ValueId, repeated: &[ValueId]) -> Result<(), Error> {
        let json = self.json;
        let mut text = None;
        for member in json.content(object).filter(|member| is_kept(member, repeated)) {
            if self.is_attribute(member) {
                continue;
            }
            let key = json.key(member);
            if self.is_text(&key) {
                text = Some((key, member)).filter(|_| !self.is_left_out(member));
            } else if self.is_comment(&key) {
                self.comments(key, member)?;
            } else if !self.has_no_name(&key) {
                self.element(key, member, false)?;
            }
        }
        if let Some((key, member)) = text {
            self.place.push(key);
            self.check_scalar(member)?;
            self.text(&json.scalar(member))?;
            self.place.pop();
        }
        Ok(())
    }

    fn is_text(&self, key: &str) -> bool {
        self.shape.text == Some(key)
    }

    fn is_attribute(&self, member: ValueId) -> bool {
        self.shape.attributes
            && self.json.may_begin_with(member, ATTRIBUTE)
            && self.json.key(member).starts_with(ATTRIBUTE)
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        self.characters(text, false).map_err(|c| self.bad_character(c))
    }

    fn check_scalar(&self, value: ValueId) -> Result<(), Error> {
        match self.json.kind(value) {
            Kind::Array | Kind::Object => Err(self.wrong("text cannot be an array or object")),
            _ => Ok(()),
        }
    }

    fn comments(&mut self, key: Cow<'j, str>, value: ValueId) -> Result<(), Error> {
        self.place.push(key);
        match self.json.kind(value) {
            Kind::Array => {
                let json = self.json;
                json.content(value).try_for_each(|comment| self.comment(comment))?;
            }
            _ => self.comment(value)?,
        }
        self.place.pop();
        Ok(())
    }

    fn comment(&mut self, value: ValueId) -> Result<(), Error> {
        self.check_scalar(value)?;
        let text = self.json.scalar(value);
        if text.contains("--") || text.ends_with('-') {
            return Err(self.wrong("a comment cannot hold `--` or end with `-`"));
        }
        if let Some(c) = text.chars().find(|&c| c == '\r' || !chars::is_char(c)) {
            return Err(self.bad_character(c));
        }
        for part in ["<!--", &text, "-->"] {
            self.out.push(part);
        }
        Ok(())
    }

    // Errors.

    #[cold]
    fn bad_character(&self, c: char) -> Error {
        self.wrong(&format!("XML has no character U+{:04X}", u32::from(c)))
    }

    #[cold]
    fn wrong_attribute(&self, name: &str, why: &str) -> Error {
        let mut place = self.place.clone();
        place.push(format!("{ATTRIBUTE}{name}").into());
        wrong(&place, why)
    }

    #[cold]
    fn wrong(&self, why: &str) -> Error {
        wrong(&self.place, why)
    }
}

/// What is between a start tag and its end.
struct Content<'r> {
    value: ValueId,
    item: Option<&'r str>,
    repeated: &'r [ValueId],
}

#[cold]
fn wrong(place: &[Cow<'_, str>], why: &str) -> Error {
    let keys: Vec<String> = place.iter().map(|key| key.chars().take(64).collect()).collect();
    match keys.join(".") {
        place if place.is_empty() => Error::NotConvertible(format!("the document: {why}")),
        place => Error::NotConvertible(format!("`{place}`: {why}")),
    }
}
