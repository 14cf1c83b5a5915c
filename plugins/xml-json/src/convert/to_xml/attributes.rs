//! Attributes, and the declarations among them.

use std::borrow::Cow;

use super::{ATTRIBUTE, Writer, is_kept, push};
use crate::{
    convert::{Namespaces, Nulls},
    error::Error,
    json::{Kind, ValueId},
    xml::{bad_declaration, chars},
};

/// Name and value.
pub(super) type Attribute<'j> = (Cow<'j, str>, Cow<'j, str>);

impl<'j> Writer<'j, '_, '_> {
    pub(super) fn gather_attributes(
        &mut self,
        object: ValueId,
        repeated: &[ValueId],
    ) -> Result<Vec<Attribute<'j>>, Error> {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        if !self.shape.attributes {
            return Ok(attributes);
        }
        let json = self.json;
        for member in json.content(object).filter(|member| is_kept(member, repeated)) {
            if !json.may_begin_with(member, ATTRIBUTE) {
                continue;
            }
            let key = json.key(member);
            if !key.starts_with(ATTRIBUTE) {
                continue;
            }
            self.place.push(key.clone());
            if key == "@xmlns" && json.kind(member) == Kind::Object {
                self.gathered_prefixes(member, &mut attributes)?;
            } else if !self.is_left_out(member)
                && (json.kind(member) != Kind::Null || self.options.nulls == Nulls::Empty)
            {
                self.check_scalar(member)?;
                attributes.push((without_mark(key), json.scalar(member)));
            }
            self.place.pop();
            let most = self.options.limits.attributes;
            if attributes.len() > most {
                return Err(Error::TooComplex(format!(
                    "more than {most} attributes in an element"
                )));
            }
        }
        Ok(attributes)
    }

    /// `"@xmlns": {"$": "urn:a", "b": "urn:b"}`
    fn gathered_prefixes(
        &mut self,
        object: ValueId,
        attributes: &mut Vec<Attribute<'j>>,
    ) -> Result<(), Error> {
        let json = self.json;
        for member in json.content(object) {
            self.check_scalar(member)?;
            let name = match &*json.key(member) {
                "$" | "" => "xmlns".into(),
                prefix => format!("xmlns:{prefix}").into(),
            };
            attributes.push((name, json.scalar(member)));
        }
        Ok(())
    }

    /// Makes the declarations of a tag, and gives the prefixes, to be forgotten at its end.
    pub(super) fn declare(
        &mut self,
        attributes: &[Attribute<'j>],
        is_top: bool,
    ) -> Result<Vec<Cow<'j, str>>, Error> {
        let mut prefixes: Vec<Attribute<'j>> = Vec::new();
        for (name, uri) in attributes {
            let Some(prefix) = declared_by(name) else { continue };
            if let Some(why) = bad_declaration(prefix, uri) {
                return Err(self.wrong_attribute(name, why));
            }
            let mapped = self.mapped().find(|(known, _)| known.as_str() == prefix);
            if mapped.is_some_and(|(_, known)| known != uri) {
                let why = "`prefixes` has another namespace for this prefix";
                return Err(self.wrong_attribute(name, why));
            }
            prefixes.push((Cow::Owned(prefix.to_owned()), uri.clone()));
        }
        if is_top {
            let mapped = self
                .mapped()
                .map(|(prefix, uri)| (Cow::Owned(prefix.clone()), Cow::Owned(uri.clone())));
            prefixes.extend(mapped.collect::<Vec<_>>());
        }
        let names = prefixes.iter().map(|(prefix, _)| prefix.clone()).collect();
        for (prefix, uri) in prefixes {
            self.declared.entry(prefix).or_default().push(uri);
        }
        Ok(names)
    }

    /// The prefixes that the settings give to namespaces.
    fn mapped(&self) -> impl Iterator<Item = (&String, &String)> + use<'_, 'j> {
        let is_mapping = self.options.namespaces == Namespaces::Map;
        self.options.prefixes.0.iter().filter(move |_| is_mapping)
    }

    /// Those that the document does not declare itself.
    pub(super) fn push_declarations(&mut self, attributes: &[Attribute<'j>], is_top: bool) {
        if !is_top || self.options.namespaces != Namespaces::Map {
            return;
        }
        let options = self.options;
        for (prefix, uri) in &options.prefixes.0 {
            let is_there = |(name, _): &(Cow<'_, str>, _)| declared_by(name) == Some(prefix);
            if attributes.iter().any(is_there) {
                continue;
            }
            self.out.push(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            for part in [prefix, "=\""] {
                self.out.push(part);
            }
            // (The settings refuse namespaces that XML cannot hold.)
            let _ = push(uri, true, self.out);
            self.out.push("\"");
        }
    }

    pub(super) fn push_attributes(&mut self, attributes: &[Attribute<'j>]) -> Result<(), Error> {
        self.check_spellings(attributes)?;
        let mut expanded = Vec::new();
        for (name, value) in attributes {
            let written = match declared_by(name) {
                Some(_) if chars::is_qualified_name(name) => Cow::Borrowed(&**name),
                Some(_) => return Err(self.wrong_attribute(name, "not an XML name")),
                None => self.name(name, "attribute")?,
            };
            if let Some((prefix, local)) = written.split_once(':') {
                let uris = self.declared.get(prefix);
                expanded.push((uris.and_then(|uris| uris.last()).cloned(), local.to_owned()));
            }
            for part in [" ", &written, "=\""] {
                self.out.push(part);
            }
            if let Err(c) = self.characters(value, true) {
                self.place.push(format!("{ATTRIBUTE}{name}").into());
                return Err(self.bad_character(c));
            }
            self.out.push("\"");
        }
        if expanded.len() > 1 {
            expanded.sort_unstable();
            if expanded.windows(2).any(|pair| pair[0] == pair[1]) {
                return Err(self.wrong("two attributes are one: their prefixes mean the same"));
            }
        }
        Ok(())
    }

    /// With escapes, and with prefixes said in two ways, two keys can be one attribute.
    fn check_spellings(&self, attributes: &[Attribute<'j>]) -> Result<(), Error> {
        if attributes.len() < 2 {
            return Ok(());
        }
        let mut names: Vec<&str> = attributes.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.wrong_attribute(pair[0], "this attribute is there twice")),
            None => Ok(()),
        }
    }
}

fn without_mark(key: Cow<'_, str>) -> Cow<'_, str> {
    match key {
        Cow::Borrowed(key) => Cow::Borrowed(&key[ATTRIBUTE.len_utf8()..]),
        Cow::Owned(key) => Cow::Owned(key[ATTRIBUTE.len_utf8()..].to_owned()),
    }
}

/// The prefix that an attribute declares.
fn declared_by(name: &str) -> Option<&str> {
    let prefix = name.strip_prefix("xmlns")?;
    if prefix.is_empty() { Some("") } else { prefix.strip_prefix(':') }
}
