//! Names and namespaces (Namespaces in XML 1.0, 3rd edition), and what names become in JSON.
//!
//! Documents have many names but few different ones: each gets a number when it is first seen, and
//! what can be known about it is found out once. Look-ups are by order, not by hash, so that no
//! choice of names is slow.

use std::{borrow::Cow, collections::BTreeMap};

use super::{chars::is_qualified_name, reader::shown};
use crate::{convert::escape, error::Error};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// What becomes of prefixes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming<'s> {
    /// They stay as they are, and so do their declarations.
    Keep,
    /// They go, and so do their declarations.
    Strip,
    /// They are replaced by those that the settings give to the namespaces.
    Map(&'s Prefixes),
}

/// Prefixes for namespaces. The empty prefix is for elements alone, as in XML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefixes(pub(crate) BTreeMap<String, String>);

impl Prefixes {
    /// The prefix for elements of a namespace.
    fn of_elements(&self, uri: &str) -> Option<&str> {
        self.0.iter().find(|(_, known)| *known == uri).map(|(prefix, _)| prefix.as_str())
    }

    /// The prefix for attributes of a namespace: attributes without one are in no namespace.
    fn of_attributes(&self, uri: &str) -> Option<&str> {
        let prefixes = self.0.iter().filter(|(prefix, _)| !prefix.is_empty());
        prefixes.into_iter().find(|(_, known)| *known == uri).map(|(prefix, _)| prefix.as_str())
    }

    fn has_uri(&self, uri: &str) -> bool {
        self.0.values().any(|known| known == uri)
    }
}

/// Why a name cannot be.
#[derive(Debug)]
pub(super) enum BadName {
    /// A rule of XML is broken.
    Malformed(Cow<'static, str>),
    /// All well, but it must not be translated.
    Other(Error),
}

impl From<Error> for BadName {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

type Result<T> = std::result::Result<T, BadName>;

/// The number of a namespace. 0 is none.
pub(crate) type Uri = u16;
/// The number of a name in JSON.
pub(crate) type Key = u16;

const NO_URI: Uri = 0;
const NO_PREFIX: u16 = 0;
const XMLNS_PREFIX: u16 = 2;

/// A name as it is spelled.
struct Spelled<'a> {
    text: &'a str,
    local: &'a str,
    prefix: u16,
    /// The last answers for elements and attributes, which nearly always hold again.
    element: Option<(Uri, Key)>,
    attribute: Option<(Uri, Key)>,
    /// The element whose attribute this was last.
    seen: u32,
}

/// The number of a [`Spelled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameId(u16);

/// All names of a document.
pub(super) struct Names<'a, 's> {
    naming: Naming<'s>,
    unescape: bool,
    spelled: Vec<Spelled<'a>>,
    spellings: BTreeMap<&'a str, u16>,
    recent: [u16; RECENT],
    prefixes: Interner<'a>,
    uris: Interner<'a>,
    keys: Interner<'a>,
    /// By prefix: the namespace that it stands for here.
    bound: Vec<Uri>,
    /// What the open elements have changed in `bound`.
    shadowed: Vec<(u16, Uri)>,
}

const RECENT: usize = 64;
const NONE: u16 = u16::MAX;

impl<'a, 's> Names<'a, 's> {
    pub(super) fn new(naming: Naming<'s>, unescape: bool) -> Self {
        let mut names = Self {
            naming,
            unescape,
            spelled: Vec::new(),
            spellings: BTreeMap::new(),
            recent: [NONE; RECENT],
            prefixes: Interner::default(),
            uris: Interner::default(),
            keys: Interner::default(),
            bound: Vec::new(),
            shadowed: Vec::new(),
        };
        for (prefix, uri) in [("", ""), ("xml", XML), ("xmlns", XMLNS)] {
            // The first three of each: they are within any cap.
            let uri = names.uris.number(uri.into()).unwrap_or(NO_URI);
            let _ = names.prefixes.number(prefix.into());
            names.bound.push(uri);
        }
        names
    }

    /// The number of a spelling.
    pub(super) fn spelling(&mut self, text: &'a str) -> Result<NameId> {
        let bytes = text.as_bytes();
        let (first, last) = (bytes.first().unwrap_or(&0), bytes.last().unwrap_or(&0));
        let slot = (text.len() ^ usize::from(*first) ^ (usize::from(*last) << 2)) % RECENT;
        let recent = self.recent[slot];
        if self.spelled.get(usize::from(recent)).is_some_and(|known| known.text == text) {
            return Ok(NameId(recent));
        }
        let number = match self.spellings.get(text) {
            Some(&number) => number,
            None => self.first_spelling(text)?,
        };
        self.recent[slot] = number;
        Ok(NameId(number))
    }

    fn first_spelling(&mut self, text: &'a str) -> Result<u16> {
        if !is_qualified_name(text) {
            let why = format!("`{}` is not a name with one prefix at most", shown(text));
            return Err(BadName::Malformed(why.into()));
        }
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let number = next_number(self.spelled.len())?;
        let prefix = self.prefix(prefix)?;
        self.spellings.insert(text, number);
        self.spelled.push(Spelled { text, local, prefix, element: None, attribute: None, seen: 0 });
        Ok(number)
    }

    fn prefix(&mut self, prefix: &'a str) -> Result<u16> {
        let number = self.prefixes.number(prefix.into())?;
        if usize::from(number) == self.bound.len() {
            self.bound.push(NO_URI);
        }
        Ok(number)
    }

    /// The prefix that an attribute declares: `xmlns:p` declares `p`, `xmlns` the empty one.
    pub(super) fn declares(&self, name: NameId) -> Option<&'a str> {
        let spelled = &self.spelled[usize::from(name.0)];
        match spelled.prefix {
            XMLNS_PREFIX => Some(spelled.local),
            NO_PREFIX if spelled.local == "xmlns" => Some(""),
            _ => None,
        }
    }

    /// Declares a prefix, until [`Self::forget`]. Says whether the attribute is to stay.
    pub(super) fn declare(&mut self, prefix: &'a str, uri: Cow<'a, str>) -> Result<bool> {
        if let Some(why) = bad_declaration(prefix, &uri) {
            return Err(BadName::Malformed(why.into()));
        }
        let stays = match self.naming {
            Naming::Keep => true,
            Naming::Strip => false,
            Naming::Map(prefixes) => !uri.is_empty() && !prefixes.has_uri(&uri),
        };
        let prefix = self.prefix(prefix)?;
        let uri = self.uris.number(uri)?;
        let bound = &mut self.bound[usize::from(prefix)];
        self.shadowed.push((prefix, std::mem::replace(bound, uri)));
        Ok(stays)
    }

    /// A mark for [`Self::forget`].
    pub(super) fn mark(&self) -> usize {
        self.shadowed.len()
    }

    /// Undoes the declarations since a mark.
    pub(super) fn forget(&mut self, mark: usize) {
        for (prefix, uri) in self.shadowed.drain(mark..).rev() {
            self.bound[usize::from(prefix)] = uri;
        }
    }

    /// The namespace of an element, and its name in JSON.
    pub(super) fn element(&mut self, name: NameId) -> Result<(Uri, Key)> {
        let spelled = &self.spelled[usize::from(name.0)];
        let uri = self.bound[usize::from(spelled.prefix)];
        if let Some(known) = spelled.element
            && known.0 == uri
        {
            return Ok(known);
        }
        self.check_declared(name, uri)?;
        let key = self.element_key(name, uri)?;
        let found = (uri, self.key(key)?);
        self.spelled[usize::from(name.0)].element = Some(found);
        Ok(found)
    }

    /// The namespace of an attribute, and its name in JSON. Attributes have no default namespace.
    pub(super) fn attribute(&mut self, name: NameId) -> Result<(Uri, Key)> {
        let spelled = &self.spelled[usize::from(name.0)];
        let uri = match spelled.prefix {
            NO_PREFIX => NO_URI,
            prefix => self.bound[usize::from(prefix)],
        };
        if let Some(known) = spelled.attribute
            && known.0 == uri
        {
            return Ok(known);
        }
        self.check_declared(name, uri)?;
        let key = self.attribute_key(name, uri)?;
        let found = (uri, self.key(key)?);
        self.spelled[usize::from(name.0)].attribute = Some(found);
        Ok(found)
    }

    fn check_declared(&self, name: NameId, uri: Uri) -> Result<()> {
        let Spelled { text, prefix, .. } = self.spelled[usize::from(name.0)];
        if prefix == XMLNS_PREFIX && self.declares(name).is_none() {
            return Err(BadName::Malformed("an element with the prefix `xmlns`".into()));
        }
        if prefix != NO_PREFIX && uri == NO_URI {
            let why = format!("the prefix of `{}` is not declared", shown(text));
            return Err(BadName::Malformed(why.into()));
        }
        Ok(())
    }

    fn element_key(&self, name: NameId, uri: Uri) -> Result<Cow<'a, str>> {
        let Spelled { text, local, prefix, .. } = self.spelled[usize::from(name.0)];
        if prefix == XMLNS_PREFIX {
            return Err(BadName::Malformed("an element with the prefix `xmlns`".into()));
        }
        let Naming::Map(prefixes) = self.naming else { return Ok(self.unmapped(text, local)) };
        let uri = self.uris.text(uri);
        match prefixes.of_elements(uri) {
            Some(mapped) if !uri.is_empty() => Ok(prefixed(mapped, local)),
            _ => unlisted(prefixes, self.prefixes.text(prefix), text),
        }
    }

    fn attribute_key(&self, name: NameId, uri: Uri) -> Result<Cow<'a, str>> {
        let Spelled { text, local, prefix, .. } = self.spelled[usize::from(name.0)];
        let Naming::Map(prefixes) = self.naming else { return Ok(self.unmapped(text, local)) };
        if prefix == NO_PREFIX || prefix == XMLNS_PREFIX {
            return Ok(text.into());
        }
        let uri = self.uris.text(uri);
        match prefixes.of_attributes(uri) {
            Some(mapped) => Ok(prefixed(mapped, local)),
            None if prefixes.has_uri(uri) => Err(not_convertible(format!(
                "attribute `{}`: its namespace has only the empty prefix in `prefixes`; give it \
                 another beside it",
                shown(text)
            ))),
            None => unlisted(prefixes, self.prefixes.text(prefix), text),
        }
    }

    fn unmapped(&self, text: &'a str, local: &'a str) -> Cow<'a, str> {
        match self.naming {
            Naming::Strip => local.into(),
            _ => text.into(),
        }
    }

    /// The number of a name in JSON.
    pub(super) fn key(&mut self, key: Cow<'a, str>) -> Result<Key> {
        let key = if self.unescape { escape::unescaped(key) } else { key };
        Ok(self.keys.number(key)?)
    }

    /// Notes an attribute of an element, and says whether it stands there twice.
    pub(super) fn is_repeated(&mut self, name: NameId, element: u32) -> bool {
        let seen = &mut self.spelled[usize::from(name.0)].seen;
        std::mem::replace(seen, element) == element
    }

    /// The part of a name behind its prefix, and whether it has one.
    pub(super) fn local(&self, name: NameId) -> (&'a str, bool) {
        let spelled = &self.spelled[usize::from(name.0)];
        (spelled.local, spelled.prefix != NO_PREFIX)
    }

    pub(super) fn into_keys_and_uris(self) -> (Vec<Cow<'a, str>>, Vec<Cow<'a, str>>) {
        (self.keys.texts, self.uris.texts)
    }
}

/// Why a prefix cannot stand for a namespace (Namespaces in XML 1.0, 3).
pub(crate) fn bad_declaration(prefix: &str, uri: &str) -> Option<&'static str> {
    match (prefix, uri) {
        ("xmlns", _) => Some("the prefix `xmlns` cannot be declared"),
        ("xml", XML) | ("", "") => None,
        ("xml", _) => Some("the prefix `xml` has a namespace of its own"),
        (_, XML | XMLNS) => Some("this namespace has a prefix of its own"),
        (_, "") => Some("a prefix cannot stand for no namespace"),
        _ => None,
    }
}

/// A name of a namespace that the settings do not list stays as it is, if nobody can take it for
/// one that they do.
fn unlisted<'a>(prefixes: &Prefixes, prefix: &str, text: &'a str) -> Result<Cow<'a, str>> {
    if let Some(uri) = prefixes.0.get(prefix) {
        return Err(not_convertible(format!(
            "`{}` is not in namespace `{uri}`, for which its prefix stands in `prefixes`",
            shown(text)
        )));
    }
    Ok(text.into())
}

fn prefixed<'a>(prefix: &str, local: &'a str) -> Cow<'a, str> {
    if prefix.is_empty() { local.into() } else { format!("{prefix}:{local}").into() }
}

fn not_convertible(text: String) -> BadName {
    BadName::Other(Error::NotConvertible(text))
}

/// Numbers for texts, in the order in which they appear.
#[derive(Default)]
struct Interner<'a> {
    texts: Vec<Cow<'a, str>>,
    numbers: BTreeMap<Cow<'a, str>, u16>,
}

impl<'a> Interner<'a> {
    fn number(&mut self, text: Cow<'a, str>) -> std::result::Result<u16, Error> {
        if let Some(&number) = self.numbers.get(&*text) {
            return Ok(number);
        }
        let number = next_number(self.texts.len())?;
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        Ok(number)
    }

    fn text(&self, number: u16) -> &str {
        &self.texts[usize::from(number)]
    }
}

/// Names are numbered in 16 bits, which keeps the tree small. Documents of people have some dozens.
fn next_number(count: usize) -> std::result::Result<u16, Error> {
    match u16::try_from(count) {
        Ok(number) if number != NONE => Ok(number),
        _ => Err(Error::TooComplex("more than 65,535 different names".into())),
    }
}
