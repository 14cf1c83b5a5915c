//! What an envelope declares is in force in its body; taken out of it, the elements of the body must
//! say it themselves.

use super::Version;
use crate::{
    error::Error,
    xml::{Kind, Node, NodeId, Tree},
};

/// Gives the elements of a body the declarations of `Body` and of the root.
///
/// That of SOAP's own prefix is nothing to most documents, and goes only with what uses it:
/// `encodingStyle` is said of elements of the body, too (SOAP 1.1, 4.1.1; SOAP 1.2, 5.1.1).
pub(super) fn inherit(tree: &mut Tree<'_>, root: NodeId, body: NodeId) -> Result<(), Error> {
    /// Nobody's envelope comes near; it keeps this from growing as a product.
    const MOST: usize = 100_000;
    let elements: Vec<_> = tree.elements(body).map(|(id, _)| id).collect();
    for holder in [body, root] {
        let attributes = tree.children(holder).filter(|(_, node)| node.kind == Kind::Attribute);
        let all = attributes.filter(|(_, node)| is_declaration(tree.key(node)));
        let (soap, others): (Vec<_>, Vec<_>) = all.partition(|(_, node)| is_of_soap(tree, node));
        if elements.len().saturating_mul(soap.len() + others.len()) > MOST {
            let text = "too many declarations in the envelope for so many elements in its body";
            return Err(Error::TooComplex(text.into()));
        }
        let needs = Needs::of(tree, &soap);
        let others: Vec<_> = others.into_iter().map(|(id, _)| id).collect();
        for &element in &elements {
            for &declaration in others.iter().chain(&needs.of_element(tree, element)) {
                tree.inherit(element, declaration)?;
            }
        }
    }
    Ok(())
}

fn is_declaration(key: &str) -> bool {
    key == "xmlns" || key.starts_with("xmlns:")
}

fn is_of_soap(tree: &Tree<'_>, declaration: &Node) -> bool {
    Version::of_namespace(&tree.value(declaration)).is_some()
}

/// By the number of a name: the declaration that it needs. Empty if none needs any.
struct Needs(Vec<Option<NodeId>>);

impl Needs {
    fn of(tree: &Tree<'_>, declarations: &[(NodeId, &Node)]) -> Self {
        let prefix = |node| tree.key(node).strip_prefix("xmlns:");
        // (Where the envelope has no prefix, elements without one are the document's: so they are
        // meant, whatever the rules say.)
        let prefixes = declarations.iter().filter_map(|&(id, node)| Some((prefix(node)?, id)));
        let prefixes: Vec<_> = prefixes.collect();
        if prefixes.is_empty() {
            return Self(Vec::new());
        }
        let needed = |key: &str| {
            let (prefix, _) = key.split_once(':')?;
            prefixes.iter().find(|(declared, _)| *declared == prefix).map(|&(_, id)| id)
        };
        Self(tree.keys().map(needed).collect())
    }

    /// What an element needs, with all that is in it.
    fn of_element(&self, tree: &Tree<'_>, element: NodeId) -> Vec<NodeId> {
        let mut needed = Vec::new();
        let mut open = vec![element];
        while let Some(id) = open.pop().filter(|_| !self.0.is_empty()) {
            for node in tree.attributes(id).chain([tree.node(id)]) {
                let declaration = self.0.get(usize::from(node.name)).copied().flatten();
                needed.extend(declaration.filter(|id| !needed.contains(id)));
            }
            open.extend(tree.elements(id).map(|(id, _)| id));
        }
        needed
    }
}
