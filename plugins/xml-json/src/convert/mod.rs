//! From XML to JSON and back, by a convention.

pub(crate) mod escape;
pub(crate) mod paths;
mod shape;
mod to_json;
mod to_xml;
mod types;

pub(crate) use self::{
    paths::{Paths, Pattern},
    shape::{Convention, Shape},
    to_json::write_json,
    to_xml::{Top, push_text, write_xml},
    types::{Infer, Type},
};
use crate::{
    json,
    xml::{self, Naming, Prefixes},
};

/// How documents are translated.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) shape: Shape,
    /// The root element that JSON documents do not have.
    pub(crate) root: Option<String>,
    /// The name of elements of arrays in arrays.
    pub(crate) item: Option<String>,
    /// What is an array even with one element.
    pub(crate) arrays: Paths<()>,
    /// What is no string, or a string in spite of `infer`.
    pub(crate) types: Paths<Type>,
    pub(crate) infer: Infer,
    pub(crate) namespaces: Namespaces,
    pub(crate) prefixes: Prefixes,
    pub(crate) comments: bool,
    pub(crate) trim: bool,
    /// Whether `_xHHHH_` stands for what names cannot hold.
    pub(crate) escape: bool,
    pub(crate) duplicates: Duplicates,
    pub(crate) nulls: Nulls,
    /// Whether what the other language cannot hold is left out, or put as well as can be: for
    /// errors, of which a part says more than a refusal.
    pub(crate) lenient: bool,
    pub(crate) limits: Limits,
}

/// What becomes of prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespaces {
    Keep,
    Strip,
    Map,
}

/// What becomes of an object that has a key twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Refuse,
    Last,
}

/// What becomes of null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    Empty,
    Omit,
}

/// What caps documents, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) depth: usize,
    pub(crate) elements: usize,
    pub(crate) attributes: usize,
    pub(crate) name: usize,
    /// Bytes of the translation.
    pub(crate) output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, elements: 1_000_000, attributes: 128, name: 256, output: 32 << 20 }
    }
}

impl Options {
    /// The defaults for a convention.
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            root: None,
            item: None,
            arrays: Paths::default(),
            types: Paths::default(),
            infer: Infer::default(),
            namespaces: Namespaces::Keep,
            prefixes: Prefixes::default(),
            comments: false,
            trim: true,
            escape: false,
            duplicates: Duplicates::Refuse,
            nulls: Nulls::Empty,
            lenient: false,
            limits: Limits::default(),
        }
    }

    /// The same for what says what is wrong.
    pub(crate) fn lenient(&self) -> Self {
        Self { escape: true, duplicates: Duplicates::Last, lenient: true, ..self.clone() }
    }

    /// How XML is read for this. `attributes`: even those that the convention has no place for.
    pub(crate) fn reading(&self, attributes: bool) -> xml::Reading<'_> {
        let Limits { depth, elements, attributes: most, name, .. } = self.limits;
        xml::Reading {
            limits: xml::Limits { depth, elements, attributes: most, name },
            naming: match self.namespaces {
                Namespaces::Keep => Naming::Keep,
                Namespaces::Strip => Naming::Strip,
                Namespaces::Map => Naming::Map(&self.prefixes),
            },
            unescape: self.escape,
            attributes: attributes || self.shape.attributes,
            comments: self.comments.then_some(shape::COMMENT),
            trim: self.trim,
        }
    }

    /// What caps JSON documents.
    pub(crate) fn json_limits(&self) -> json::Limits {
        json::Limits { depth: self.limits.depth, values: self.limits.elements }
    }
}
