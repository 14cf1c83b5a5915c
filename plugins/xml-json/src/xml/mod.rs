//! XML 1.0 (5th edition) with namespaces, without document types.

mod builder;
pub(crate) mod chars;
pub(crate) mod decode;
mod grouping;
mod names;
mod reader;
mod tree;

pub(crate) use self::{
    names::{Naming, Prefixes, bad_declaration},
    tree::{Kind, Node, NodeId, Reading, Tree},
};

/// What caps a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Elements in one another.
    pub(crate) depth: usize,
    /// Elements of a document.
    pub(crate) elements: usize,
    /// Attributes of an element.
    pub(crate) attributes: usize,
    /// Bytes of a name.
    pub(crate) name: usize,
}

#[cfg(test)]
impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, elements: 1_000_000, attributes: 128, name: 256 }
    }
}
