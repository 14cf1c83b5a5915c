//! A document as a tree of 16-byte nodes, which are ranges of its text.
//!
//! 10 MB of XML have some 600,000 nodes: 10 MB more. They are allocated in blocks, so that nothing
//! is copied while the tree grows, and no more is held than is needed.

use std::{
    borrow::Cow,
    ops::{Index, IndexMut},
};

use super::{
    Limits,
    builder::Builder,
    decode,
    names::{Key, Naming, Uri},
    reader::{Reader, Span},
};
use crate::error::Error;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Element,
    Attribute,
    Text,
    /// A CDATA section.
    Literal,
    Comment,
}

/// A place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

impl NodeId {
    /// The document, and, since it is nobody's child or sibling, the end of a list.
    pub(crate) const DOCUMENT: Self = Self(0);
    pub(crate) const NONE: Self = Self(0);
}

/// An element, an attribute, a text, ...
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Whether the range is spelled otherwise than it reads.
    pub(super) coded: bool,
    /// The name in JSON.
    pub(crate) name: Key,
    /// A range of the text; of an element, its first child and its namespace.
    pub(super) range: Span,
    /// The next sibling.
    pub(crate) next: NodeId,
}

impl Node {
    pub(super) fn element(name: Key, uri: Uri) -> Self {
        let range = Span { start: NodeId::NONE.0, end: uri.into() };
        Self { kind: Kind::Element, coded: false, name, range, next: NodeId::NONE }
    }

    /// Of an element.
    pub(crate) fn first_child(&self) -> NodeId {
        NodeId(self.range.start)
    }

    pub(super) fn set_first_child(&mut self, child: NodeId) {
        self.range.start = child.0;
    }
}

/// Nodes in blocks.
#[derive(Debug, Default)]
pub(super) struct Arena(Vec<Vec<Node>>);

const BLOCK: usize = 2048;

impl Arena {
    pub(super) fn push(&mut self, node: Node) -> Result<NodeId, Error> {
        if self.0.last().is_none_or(|block| block.len() == BLOCK) {
            self.0.push(Vec::with_capacity(BLOCK));
        }
        let before = (self.0.len() - 1) * BLOCK;
        let block = self.0.last_mut().expect("one was just made");
        let number = u32::try_from(before + block.len());
        let number = number.map_err(|_| Error::TooComplex("more than 2^32 nodes".into()))?;
        block.push(node);
        Ok(NodeId(number))
    }
}

impl Index<NodeId> for Arena {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.0[id.0 as usize / BLOCK][id.0 as usize % BLOCK]
    }
}

impl IndexMut<NodeId> for Arena {
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.0[id.0 as usize / BLOCK][id.0 as usize % BLOCK]
    }
}

/// How a document is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'s> {
    pub(crate) limits: Limits,
    pub(crate) naming: Naming<'s>,
    /// Whether `_xHHHH_` in names is a character.
    pub(crate) unescape: bool,
    /// Whether attributes are of any use.
    pub(crate) attributes: bool,
    /// The name in JSON that comments are kept under.
    pub(crate) comments: Option<&'static str>,
    /// Whether white space around text is of no use.
    pub(crate) trim: bool,
}

/// A document. Elements of one name stand together.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(super) text: &'a str,
    pub(super) nodes: Arena,
    pub(super) keys: Vec<Cow<'a, str>>,
    pub(super) uris: Vec<Cow<'a, str>>,
}

impl<'a> Tree<'a> {
    /// Reads a document.
    pub(crate) fn read(text: &'a str, reading: Reading<'_>) -> Result<Self, Error> {
        let reader = Reader::new(text, reading.limits)?;
        Builder::new(text, reader, reading)?.build()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// A node's name in JSON.
    pub(crate) fn key(&self, node: &Node) -> &str {
        &self.keys[usize::from(node.name)]
    }

    /// All names in JSON, by their numbers.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &**key)
    }

    /// An element's name in JSON, without a prefix.
    pub(crate) fn local(&self, node: &Node) -> &str {
        let key = self.key(node);
        key.rsplit_once(':').map_or(key, |(_, local)| local)
    }

    /// An element's namespace; empty if it has none.
    pub(crate) fn uri(&self, node: &Node) -> &str {
        self.uris.get(node.range.end as usize).map_or("", |uri| uri)
    }

    /// The children of a node: attributes, text, elements, comments.
    pub(crate) fn children(&self, parent: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        let mut next = self.nodes[parent].first_child();
        std::iter::from_fn(move || {
            let id = next;
            let node = (id != NodeId::NONE).then(|| &self.nodes[id])?;
            next = node.next;
            Some((id, node))
        })
    }

    /// The children of a node that are elements.
    pub(crate) fn elements(&self, parent: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        self.children(parent).filter(|(_, node)| node.kind == Kind::Element)
    }

    /// The children of a node that are attributes.
    pub(crate) fn attributes(&self, parent: NodeId) -> impl Iterator<Item = &Node> {
        let attributes = self.children(parent).filter(|(_, node)| node.kind == Kind::Attribute);
        attributes.map(|(_, node)| node)
    }

    /// The root element.
    pub(crate) fn root(&self) -> NodeId {
        self.elements(NodeId::DOCUMENT).next().map_or(NodeId::DOCUMENT, |(id, _)| id)
    }

    /// What an attribute or a comment says.
    pub(crate) fn value(&self, node: &Node) -> Cow<'a, str> {
        let raw = node.range.of(self.text);
        match node.kind {
            Kind::Attribute => decode::attribute(raw, node.coded),
            _ if !node.coded => Cow::Borrowed(raw),
            _ => {
                let mut text = String::new();
                decode::literal(raw, &mut text);
                Cow::Owned(text)
            }
        }
    }

    /// The text of an element, without that of its elements. What has to be put together is put
    /// into `scratch`.
    pub(crate) fn text<'t>(&'t self, parent: NodeId, scratch: &'t mut String) -> &'t str {
        let is_text = |node: &Node| matches!(node.kind, Kind::Text | Kind::Literal);
        let mut texts = self.children(parent).map(|(_, node)| node).filter(|node| is_text(node));
        let Some(first) = texts.next() else { return "" };
        let second = texts.next();
        if second.is_none() && !first.coded {
            return first.range.of(self.text);
        }
        scratch.clear();
        for node in [first].into_iter().chain(second).chain(texts) {
            let raw = node.range.of(self.text);
            match node.kind {
                _ if !node.coded => scratch.push_str(raw),
                Kind::Text => decode::text(raw, scratch),
                _ => decode::literal(raw, scratch),
            }
        }
        scratch
    }

    /// Gives an element an attribute of another one, unless it has one of this name.
    pub(crate) fn inherit(&mut self, element: NodeId, attribute: NodeId) -> Result<(), Error> {
        let mut copy = self.nodes[attribute].clone();
        let is_there =
            |(_, node): (_, &Node)| node.kind == Kind::Attribute && node.name == copy.name;
        if self.children(element).any(is_there) {
            return Ok(());
        }
        copy.next = self.nodes[element].first_child();
        let id = self.nodes.push(copy)?;
        self.nodes[element].set_first_child(id);
        Ok(())
    }
}
