//! From events to a tree.

use super::{
    chars::trimmed,
    decode,
    grouping::Grouping,
    names::{BadName, Key, NameId, Names, Uri},
    reader::{Attribute, Event, Reader, Span, shown},
    tree::{Arena, Kind, Node, NodeId, Reading, Tree},
};
use crate::error::Error;

/// An element that is not complete.
struct Open {
    element: NodeId,
    last_child: NodeId,
    has_text: bool,
    /// How far the declarations of the elements around it reach.
    mark: usize,
}

/// Builds a tree from what the reader tells.
pub(super) struct Builder<'a, 's> {
    text: &'a str,
    reader: Reader<'a>,
    reading: Reading<'s>,
    names: Names<'a, 's>,
    comment: Key,
    nodes: Arena,
    open: Vec<Open>,
    grouping: Grouping,
    elements: u32,
    /// The attributes of a tag.
    tag: Vec<(NameId, Attribute)>,
    /// Those with a prefix, by namespace and name.
    expanded: Vec<(Uri, &'a str)>,
    /// All of them by their names in JSON.
    keys: Vec<Key>,
}

impl<'a, 's> Builder<'a, 's> {
    pub(super) fn new(
        text: &'a str,
        reader: Reader<'a>,
        reading: Reading<'s>,
    ) -> Result<Self, Error> {
        let mut names = Names::new(reading.naming, reading.unescape);
        // A name that no element can have.
        let comment = names.key(reading.comments.unwrap_or("#comment").into());
        let comment = comment.map_err(|bad| located(&reader, Span::default(), bad))?;
        let mut nodes = Arena::default();
        let document = nodes.push(Node::element(comment, 0))?;
        let document =
            Open { element: document, last_child: NodeId::NONE, has_text: false, mark: 0 };
        Ok(Self {
            text,
            reader,
            reading,
            names,
            comment,
            nodes,
            open: vec![document],
            grouping: Grouping::default(),
            elements: 0,
            tag: Vec::new(),
            expanded: Vec::new(),
            keys: Vec::new(),
        })
    }

    pub(super) fn build(mut self) -> Result<Tree<'a>, Error> {
        loop {
            match self.reader.next()? {
                Event::Start(name) => self.start(name)?,
                Event::End => self.end(),
                Event::Text { span, coded } => self.add_text(Kind::Text, span, coded)?,
                Event::Literal { span, coded } => self.add_text(Kind::Literal, span, coded)?,
                Event::Comment { span, coded } if self.reading.comments.is_some() => {
                    self.add(Kind::Comment, self.comment, span, coded)?;
                }
                Event::Comment { .. } => {}
                Event::Eof => break,
            }
        }
        self.end();
        let (keys, uris) = self.names.into_keys_and_uris();
        Ok(Tree { text: self.text, nodes: self.nodes, keys, uris })
    }

    fn start(&mut self, name: Span) -> Result<(), Error> {
        self.elements += 1;
        let mark = self.names.mark();
        // Declarations count for the whole tag, wherever they stand in it.
        self.declarations()?;
        let spelling = self.names.spelling(name.of(self.text)).map_err(|bad| self.at(name, bad))?;
        let (uri, key) = self.names.element(spelling).map_err(|bad| self.at(name, bad))?;
        let element = self.append(Node::element(key, uri))?;
        self.open.push(Open { element, last_child: NodeId::NONE, has_text: false, mark });
        self.attributes()
    }

    /// Makes the declarations of a tag, and notes what attributes there are besides.
    fn declarations(&mut self) -> Result<(), Error> {
        self.tag.clear();
        for &attribute in self.reader.attributes() {
            let at = |bad| located(&self.reader, attribute.name, bad);
            let name = self.names.spelling(attribute.name.of(self.text)).map_err(at)?;
            if self.names.is_repeated(name, self.elements) {
                let text = shown(attribute.name.of(self.text));
                let why = format!("attribute `{text}` stands there twice");
                return Err(self.reader.error_at(attribute.name.start, why));
            }
            let stays = match self.names.declares(name) {
                Some(prefix) => {
                    let uri = decode::attribute(attribute.value.of(self.text), attribute.coded);
                    self.names.declare(prefix, uri).map_err(at)?
                }
                None => true,
            };
            if stays {
                self.tag.push((name, attribute));
            }
        }
        Ok(())
    }

    fn attributes(&mut self) -> Result<(), Error> {
        self.expanded.clear();
        self.keys.clear();
        for index in 0..self.tag.len() {
            let (name, attribute) = self.tag[index];
            let found = self.names.attribute(name);
            let (uri, key) = found.map_err(|bad| self.at(attribute.name, bad))?;
            let (local, is_prefixed) = self.names.local(name);
            if is_prefixed {
                self.expanded.push((uri, local));
            }
            if self.reading.attributes {
                self.keys.push(key);
                self.add(Kind::Attribute, key, attribute.value, attribute.coded)?;
            }
        }
        if self.expanded.is_empty() { Ok(()) } else { self.check_attributes() }
    }

    /// Two spellings can be one name (`a:x` and `b:x`, where both prefixes stand for one
    /// namespace), and two names can be one without their prefixes.
    fn check_attributes(&mut self) -> Result<(), Error> {
        let first = self.tag.first().map_or(0, |(_, attribute)| attribute.name.start);
        self.expanded.sort_unstable();
        if let Some(pair) = self.expanded.windows(2).find(|pair| pair[0] == pair[1]) {
            let why = format!("attribute `{}` stands there twice", shown(pair[0].1));
            return Err(self.reader.error_at(first, why));
        }
        self.keys.sort_unstable();
        if self.keys.windows(2).any(|pair| pair[0] == pair[1]) {
            let text = "two attributes of an element have one name without their prefixes";
            return Err(Error::NotConvertible(text.into()));
        }
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.names.forget(open.mark);
        self.grouping.group(&mut self.nodes, open.element);
    }

    fn add_text(&mut self, kind: Kind, span: Span, coded: bool) -> Result<(), Error> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        // What is trimmed away in the end need not be kept; most of all not all the indentation.
        if self.reading.trim && !open.has_text && trimmed(span.of(self.text)).is_empty() {
            return Ok(());
        }
        open.has_text = true;
        self.add(kind, 0, span, coded)
    }

    fn add(&mut self, kind: Kind, name: Key, range: Span, coded: bool) -> Result<(), Error> {
        self.append(Node { kind, coded, name, range, next: NodeId::NONE })?;
        Ok(())
    }

    /// Adds a node to the innermost open element.
    fn append(&mut self, node: Node) -> Result<NodeId, Error> {
        let id = self.nodes.push(node)?;
        if let Some(open) = self.open.last_mut() {
            match open.last_child {
                NodeId::NONE => self.nodes[open.element].set_first_child(id),
                last => self.nodes[last].next = id,
            }
            open.last_child = id;
        }
        Ok(id)
    }

    fn at(&self, place: Span, bad: BadName) -> Error {
        located(&self.reader, place, bad)
    }
}

fn located(reader: &Reader<'_>, place: Span, bad: BadName) -> Error {
    match bad {
        BadName::Malformed(why) => reader.error_at(place.start, why),
        BadName::Other(error) => error,
    }
}
