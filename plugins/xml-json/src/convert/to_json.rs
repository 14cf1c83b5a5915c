//! Writes a tree of XML as JSON.

use super::{
    Options, Shape, Type,
    paths::Walk,
    shape::{ATTRIBUTE, COMMENT},
};
use crate::{
    error::Error,
    json::text::quote,
    output::Output,
    xml::{Kind, Node, NodeId, Tree, chars::trimmed},
};

/// Writes what is in a node: the document, or an element whose name is of no interest, like the
/// body of an envelope.
pub(crate) fn write_json(
    tree: &Tree<'_>,
    container: NodeId,
    options: &Options,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let mut writer = Writer {
        tree,
        options,
        shape: options.shape,
        out,
        arrays: options.arrays.walk(),
        types: options.types.walk(),
        place: Vec::new(),
        scratch: String::new(),
    };
    match writer.dropped_root(container) {
        Some(root) => writer.element(root)?,
        None => {
            writer.out.push("{");
            writer.members(container, true)?;
            writer.out.push("}");
        }
    }
    writer.out.check()
}

struct Writer<'t, 'a, 'o, 's> {
    tree: &'t Tree<'a>,
    options: &'t Options,
    shape: Shape,
    out: &'o mut Output<'s>,
    arrays: Walk<'t, ()>,
    types: Walk<'t, Type>,
    /// The keys from the top to here, for errors.
    place: Vec<&'t str>,
    scratch: String,
}

impl<'t> Writer<'t, '_, '_, '_> {
    fn dropped_root(&self, container: NodeId) -> Option<NodeId> {
        let mut elements = self.tree.elements(container);
        let (id, root) = elements.next()?;
        let is_alone = elements.next().is_none();
        let is_named = || self.options.root.as_deref() == Some(self.tree.key(root));
        (is_alone && (self.shape.drops_root || is_named())).then_some(id)
    }

    /// What an element is in JSON.
    fn element(&mut self, id: NodeId) -> Result<(), Error> {
        self.out.check()?;
        let (mut has_attributes, mut has_elements) = (false, false);
        for (_, node) in self.tree.children(id) {
            has_attributes |= node.kind == Kind::Attribute && self.shape.attributes;
            has_elements |= matches!(node.kind, Kind::Element | Kind::Comment);
        }
        if has_elements && self.are_items(id) {
            return self.items(id);
        }
        if !has_attributes && !has_elements && !self.shape.always_object {
            return self.text(id);
        }
        self.out.push("{");
        if has_attributes {
            self.attributes(id)?;
        }
        if has_elements {
            self.members(id, !has_attributes)?;
        }
        if let Some(key) = self.shape.text {
            self.text_member(id, key, !has_attributes && !has_elements)?;
        }
        self.out.push("}");
        Ok(())
    }

    fn are_items(&self, id: NodeId) -> bool {
        let is_item = |item| self.tree.elements(id).all(|(_, node)| self.tree.local(node) == item);
        self.shape.items.is_some_and(is_item)
    }

    fn items(&mut self, id: NodeId) -> Result<(), Error> {
        self.out.push("[");
        let tree = self.tree;
        for (index, (item, _)) in tree.elements(id).enumerate() {
            if index > 0 {
                self.out.push(",");
            }
            self.element(item)?;
        }
        self.out.push("]");
        Ok(())
    }

    // Attributes.

    fn attributes(&mut self, id: NodeId) -> Result<(), Error> {
        let tree = self.tree;
        let mut is_first = true;
        if self.shape.gathers_prefixes {
            self.prefixes(id, &mut is_first);
        }
        let gathers = self.shape.gathers_prefixes;
        for attribute in tree.attributes(id) {
            if !gathers || declared(tree.key(attribute)).is_none() {
                self.attribute(attribute, &mut is_first)?;
            }
        }
        Ok(())
    }

    /// The declarations of an element, together.
    fn prefixes(&mut self, id: NodeId, is_first: &mut bool) {
        let tree = self.tree;
        let declarations = tree.attributes(id).filter_map(|attribute| {
            declared(tree.key(attribute)).map(|prefix| (prefix, tree.value(attribute)))
        });
        for (prefix, uri) in declarations {
            self.out.push(if *is_first { "\"@xmlns\":{" } else { "," });
            *is_first = false;
            quote(if prefix.is_empty() { "$" } else { prefix }, |text| self.out.push(text));
            self.out.push(":");
            quote(&uri, |text| self.out.push(text));
        }
        if !*is_first {
            self.out.push("}");
        }
    }

    fn attribute(&mut self, attribute: &'t Node, is_first: &mut bool) -> Result<(), Error> {
        let name = self.tree.key(attribute);
        self.out.push(if *is_first { "\"@" } else { ",\"@" });
        *is_first = false;
        // The rest of a string, without its first quote.
        let mut is_begun = false;
        quote(name, |text| {
            if is_begun {
                self.out.push(text);
            }
            is_begun = true;
        });
        self.out.push(":");
        self.types.enter_attribute(name);
        let value = self.tree.value(attribute);
        let written = self.scalar(&value, "\"\"");
        self.types.leave();
        written.map_err(|error| self.misfit(error, &value, &format!("{ATTRIBUTE}{name}")))
    }

    // Elements.

    /// The elements of a node by their names. Those of one name stand together.
    fn members(&mut self, parent: NodeId, mut is_first: bool) -> Result<(), Error> {
        let tree = self.tree;
        let named =
            |(_, node): &(NodeId, &Node)| matches!(node.kind, Kind::Element | Kind::Comment);
        let mut children = tree.children(parent).filter(named).peekable();
        while let Some((id, node)) = children.next() {
            if !is_first {
                self.out.push(",");
            }
            is_first = false;
            let key = if node.kind == Kind::Comment { COMMENT } else { tree.key(node) };
            self.enter(key);
            quote(key, |text| self.out.push(text));
            self.out.push(":");
            let is_same = |(_, next): &(NodeId, &Node)| next.name == node.name;
            let is_array = children.peek().is_some_and(is_same) || self.arrays.found().is_some();
            if is_array {
                self.out.push("[");
            }
            self.member(id, node)?;
            while let Some((id, node)) = children.next_if(is_same) {
                self.out.push(",");
                self.member(id, node)?;
            }
            if is_array {
                self.out.push("]");
            }
            self.leave();
        }
        Ok(())
    }

    fn member(&mut self, id: NodeId, node: &Node) -> Result<(), Error> {
        if node.kind == Kind::Element {
            return self.element(id);
        }
        let comment = self.tree.value(node);
        let comment = if self.options.trim { trimmed(&comment) } else { &comment };
        quote(comment, |text| self.out.push(text));
        Ok(())
    }

    // Text.

    fn text_member(&mut self, id: NodeId, key: &str, is_first: bool) -> Result<(), Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let text = self.trimmed(self.tree.text(id, &mut scratch));
        if !text.is_empty() {
            if !is_first {
                self.out.push(",");
            }
            quote(key, |text| self.out.push(text));
            self.out.push(":");
            self.scalar_here(text)?;
        }
        self.scratch = scratch;
        Ok(())
    }

    fn text(&mut self, id: NodeId) -> Result<(), Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        self.scalar_here(self.trimmed(self.tree.text(id, &mut scratch)))?;
        self.scratch = scratch;
        Ok(())
    }

    fn trimmed<'x>(&self, text: &'x str) -> &'x str {
        if self.options.trim { trimmed(text) } else { text }
    }

    fn scalar_here(&mut self, text: &str) -> Result<(), Error> {
        let written = self.scalar(text, "null");
        written.map_err(|error| self.misfit(error, text, ""))
    }

    /// A text of the type that it is told to have.
    fn scalar(&mut self, text: &str, nothing: &str) -> Result<(), Type> {
        match self.types.found() {
            Some(Type::String) => quote(text, |text| self.out.push(text)),
            Some(_) if trimmed(text).is_empty() => self.out.push("null"),
            Some(&kind) => match kind.literal(text) {
                Some(literal) => self.out.push(&literal),
                None if self.options.lenient => quote(text, |text| self.out.push(text)),
                None => return Err(kind),
            },
            None if text.is_empty() => self.out.push(nothing),
            None => match self.options.infer.literal(text) {
                Some(literal) => self.out.push(literal),
                None => quote(text, |text| self.out.push(text)),
            },
        }
        Ok(())
    }

    #[cold]
    fn misfit(&self, expected: Type, text: &str, attribute: &str) -> Error {
        let mut place = self.place.clone();
        place.extend((!attribute.is_empty()).then_some(attribute));
        let shown: String = text.chars().take(40).collect();
        let (place, expected) = (place.join("."), expected.name());
        Error::NotConvertible(format!("`{place}` is no {expected}: {shown:?}"))
    }

    fn enter(&mut self, key: &'t str) {
        self.arrays.enter(key);
        self.types.enter(key);
        self.place.push(key);
    }

    fn leave(&mut self) {
        self.arrays.leave();
        self.types.leave();
        self.place.pop();
    }
}

/// The prefix that an attribute declares.
fn declared(name: &str) -> Option<&str> {
    let prefix = name.strip_prefix("xmlns")?;
    if prefix.is_empty() { Some("") } else { prefix.strip_prefix(':') }
}
