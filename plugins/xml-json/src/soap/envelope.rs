//! Envelopes: what must be in them, and what is taken out.

use std::borrow::Cow;

use super::{Version, declarations, fault::Fault};
use crate::{
    error::Error,
    xml::{Node, NodeId, Tree},
};

/// An envelope.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) version: Version,
    pub(crate) body: NodeId,
    pub(crate) fault: Option<Fault>,
}

impl Envelope {
    /// Finds an envelope of a version (any, if none is given). `understood` are the namespaces of
    /// header blocks that may be mandatory, since somebody else sees to them.
    pub(crate) fn open(
        tree: &mut Tree<'_>,
        expected: Option<Version>,
        understood: &[String],
    ) -> Result<Self, Error> {
        let root = tree.root();
        let node = tree.node(root);
        if tree.local(node) != "Envelope" {
            return Err(not_soap("the root element is not a SOAP `Envelope`"));
        }
        let version = match Version::of_namespace(tree.uri(node)) {
            Some(version) if expected.is_none_or(|expected| expected == version) => version,
            _ => return Err(wrong_version(expected)),
        };
        let (header, body) = parts(tree, root, version)?;
        if let Some(header) = header {
            check_header(tree, header, version, understood)?;
        }
        let fault = Fault::find(tree, body, version);
        declarations::inherit(tree, root, body)?;
        Ok(Self { version, body, fault })
    }
}

fn not_soap(text: &str) -> Error {
    Error::NotConvertible(text.into())
}

fn wrong_version(expected: Option<Version>) -> Error {
    let expected = expected.map_or("1.1 or 1.2", Version::number);
    Error::VersionMismatch(format!("the envelope is not SOAP {expected}"))
}

/// The header and the body. There is nothing else in an envelope of 1.2; 1.1 allows more after the
/// body (4.2), and has had nothing to say about it.
fn parts(
    tree: &Tree<'_>,
    root: NodeId,
    version: Version,
) -> Result<(Option<NodeId>, NodeId), Error> {
    let is = |node: &Node, name| tree.uri(node) == version.namespace() && tree.local(node) == name;
    let mut elements = tree.elements(root).peekable();
    let header = elements.next_if(|(_, node)| is(node, "Header")).map(|(id, _)| id);
    match elements.next() {
        Some((body, node)) if is(node, "Body") => {
            let is_repeated = elements.any(|(_, node)| is(node, "Body") || is(node, "Header"));
            if is_repeated {
                return Err(not_soap("the envelope has a second `Body` or `Header`"));
            }
            Ok((header, body))
        }
        _ => Err(not_soap("the envelope has no `Body`, or it is not at its place")),
    }
}

/// A mandatory block that is meant for this node and not understood must be refused (SOAP 1.1,
/// 4.2.3; SOAP 1.2, 2.4).
fn check_header(
    tree: &Tree<'_>,
    header: NodeId,
    version: Version,
    understood: &[String],
) -> Result<(), Error> {
    for (id, block) in tree.elements(header) {
        let is_understood = understood.iter().any(|uri| uri == tree.uri(block));
        if !is_understood && is_mandatory(tree, id) && is_for_us(tree, id, version) {
            let name = tree.local(block);
            return Err(Error::MustUnderstand(format!("header `{name}` is not understood")));
        }
    }
    Ok(())
}

fn is_mandatory(tree: &Tree<'_>, block: NodeId) -> bool {
    attribute(tree, block, "mustUnderstand").is_some_and(|value| matches!(&*value, "1" | "true"))
}

fn is_for_us(tree: &Tree<'_>, block: NodeId, version: Version) -> bool {
    let (name, ours): (_, &[&str]) = match version {
        Version::V11 => ("actor", &["http://schemas.xmlsoap.org/soap/actor/next"]),
        Version::V12 => (
            "role",
            &[
                "http://www.w3.org/2003/05/soap-envelope/role/next",
                "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
            ],
        ),
    };
    let role = attribute(tree, block, name);
    role.is_none_or(|role| role.is_empty() || ours.contains(&&*role))
}

fn attribute<'a>(tree: &Tree<'a>, element: NodeId, local: &str) -> Option<Cow<'a, str>> {
    let found = tree.attributes(element).find(|node| tree.local(node) == local);
    found.map(|node| tree.value(node))
}
