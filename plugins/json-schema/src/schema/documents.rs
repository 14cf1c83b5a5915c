//! The documents that schemas stand in, and where what is in them.

use std::{collections::BTreeMap, rc::Rc};

use percent_encoding::percent_decode_str;

use super::{
    Draft,
    draft::KNOWN,
    keywords::{Inside, inside},
    uri,
};
use crate::json::{Value, escaped, fragment};

/// The base of names that are no whole URIs.
const HERE: &str = "torana:/";

/// Something in a schema that cannot be.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) document: usize,
    /// The steps that lead there.
    pub(crate) path: Vec<String>,
    /// What to write instead.
    pub(crate) message: String,
}

/// Where a schema stands, and what is to be known there.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) document: usize,
    pub(crate) path: Vec<String>,
    /// The URI of the resource that it is in, without a fragment.
    pub(crate) base: Rc<str>,
    pub(crate) draft: Draft,
}

/// All documents.
#[derive(Debug)]
pub(crate) struct Documents {
    roots: Vec<(Rc<Value<'static>>, Rc<str>)>,
    default: Draft,
    /// By document and pointer: what was found there to be a schema.
    known: BTreeMap<(usize, Vec<String>), (Rc<str>, Draft)>,
    resources: BTreeMap<Rc<str>, Place>,
    /// By base and name.
    anchors: BTreeMap<(Rc<str>, String), Place>,
    dynamic: BTreeMap<(Rc<str>, String), Place>,
    pub(crate) faults: Vec<Fault>,
}

impl Place {
    /// What stands there, in its document's tree.
    pub(super) fn find<'v>(&self, tree: &'v Value<'static>) -> Option<&'v Value<'static>> {
        self.path.iter().try_fold(tree, |value, step| value.step(step))
    }

    /// What stands below.
    pub(crate) fn below(&self, steps: &[&str]) -> Self {
        let mut place = self.clone();
        place.path.extend(steps.iter().map(|&step| step.to_owned()));
        place
    }

    /// Whether both are one place.
    fn is_same(&self, other: &Self) -> bool {
        self.document == other.document && self.path == other.path
    }

    /// An error at something in this schema.
    pub(crate) fn fault(&self, steps: &[&str], message: impl Into<String>) -> Fault {
        Fault { document: self.document, path: self.below(steps).path, message: message.into() }
    }
}

/// The steps as a JSON Pointer.
pub(crate) fn pointer(path: &[String]) -> String {
    path.iter().flat_map(|step| ["/".into(), escaped(step)]).collect()
}

impl Documents {
    pub(crate) fn new(default: Draft) -> Self {
        Self {
            roots: Vec::new(),
            default,
            known: BTreeMap::new(),
            resources: BTreeMap::new(),
            anchors: BTreeMap::new(),
            dynamic: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// One more document; `name` is what others call it by. One that begins with `?` nobody calls.
    pub(crate) fn add(&mut self, name: &str, root: Value<'static>) -> usize {
        let base: Rc<str> = uri::split(&uri::resolve(HERE, name)).0.into();
        let document = self.roots.len();
        self.roots.push((Rc::new(root), base.clone()));
        let place = Place { document, path: Vec::new(), base, draft: self.default };
        self.insert_resource(&[], &place);
        self.index(place);
        document
    }

    /// Where a document begins.
    pub(crate) fn root(&self, document: usize) -> Place {
        let (_, base) = &self.roots[document];
        let place = Place { document, path: Vec::new(), base: base.clone(), draft: self.default };
        self.placed(place)
    }

    /// A document's tree, to be looked at while others are found.
    pub(super) fn tree(&self, document: usize) -> Rc<Value<'static>> {
        self.roots[document].0.clone()
    }

    pub(crate) fn value(&self, place: &Place) -> Option<&Value<'static>> {
        place.find(&self.roots[place.document].0)
    }

    /// A place as messages name it: `#/properties/a`, or `address.json#/properties/a`.
    pub(crate) fn name(&self, place: &Place) -> String {
        let base = shown(&self.roots[place.document].1);
        let base = if base.starts_with('?') { "" } else { base };
        format!("{base}{}", fragment(&pointer(&place.path)))
    }

    /// Finds what in a schema, and in those in it, has a name.
    fn index(&mut self, mut place: Place) {
        let tree = self.tree(place.document);
        let Some(value) = place.find(&tree) else { return };
        if let Value::Object(_) = value {
            self.begin(value, &mut place);
            self.note_anchors(value, &place);
        }
        self.known.insert((place.document, place.path.clone()), (place.base.clone(), place.draft));
        for steps in schemas_in(value, place.draft) {
            let steps: Vec<_> = steps.iter().map(String::as_str).collect();
            self.index(place.below(&steps));
        }
    }

    /// Reads `$schema` and `$id`, which say what holds from here on.
    fn begin(&mut self, value: &Value<'_>, place: &mut Place) {
        match value.step("$schema") {
            Some(Value::String(uri)) => match Draft::of_uri(uri) {
                Some(draft) => place.draft = draft,
                None => self.faults.push(place.fault(&["$schema"], format!("write {KNOWN}"))),
            },
            Some(_) => self.faults.push(place.fault(&["$schema"], format!("write {KNOWN}"))),
            None => {}
        }
        let id = place.draft.id();
        let is_hidden = place.draft.ref_stands_alone() && value.step("$ref").is_some();
        let Some(text) = value.step(id).and_then(Value::as_str).filter(|_| !is_hidden) else {
            return;
        };
        let uri = uri::resolve(&place.base, text);
        let (base, fragment) = uri::split(&uri);
        if !fragment.is_empty() && place.draft >= Draft::Of2019 {
            self.faults
                .push(place.fault(&[id], "an `$id` has no fragment: write `$anchor` for it"));
        }
        if !text.starts_with('#') {
            place.base = base.into();
            self.insert_resource(&[id], place);
        }
        if !fragment.is_empty() && !fragment.starts_with('/') {
            self.insert_anchor(id, fragment, place);
        }
    }

    fn insert_resource(&mut self, steps: &[&str], place: &Place) {
        let before = self.resources.insert(place.base.clone(), place.clone());
        if before.is_some_and(|before| !before.is_same(place)) {
            let message = format!("two schemas are called `{}`", shown(&place.base));
            self.faults.push(place.fault(steps, message));
        }
    }

    fn insert_anchor(&mut self, keyword: &str, name: &str, place: &Place) {
        let key = (place.base.clone(), name.to_owned());
        let before = self.anchors.insert(key, place.clone());
        if before.is_some_and(|before| !before.is_same(place)) {
            let message = format!("two schemas have the anchor `{name}`");
            self.faults.push(place.fault(&[keyword], message));
        }
    }

    fn note_anchors(&mut self, value: &Value<'_>, place: &Place) {
        let anchor = |name: &str| value.step(name).and_then(Value::as_str);
        if place.draft >= Draft::Of2019
            && let Some(name) = anchor("$anchor")
        {
            self.insert_anchor("$anchor", name, place);
        }
        if place.draft >= Draft::Of2020
            && let Some(name) = anchor("$dynamicAnchor")
        {
            self.insert_anchor("$dynamicAnchor", name, place);
            self.dynamic.insert((place.base.clone(), name.to_owned()), place.clone());
        }
    }

    /// What a reference leads to, or why it leads nowhere.
    pub(crate) fn find(&mut self, from: &Place, reference: &str) -> Result<Place, String> {
        let uri = uri::resolve(&from.base, reference);
        let (base, fragment) = uri::split(&uri);
        let fragment = percent_decode_str(fragment).decode_utf8_lossy().into_owned();
        let Some(start) = self.resources.get(base).cloned() else {
            return Err(format!(
                "`{}` is not among these schemas, and nothing is fetched: add it to `schemas`, as \
                 `schemas = {{ \"{}\" = ... }}`",
                shown(base),
                shown(base)
            ));
        };
        if fragment.is_empty() {
            return Ok(start);
        }
        let Some(steps) = fragment.strip_prefix('/') else {
            let anchor = self.anchors.get(&(start.base.clone(), fragment.clone())).cloned();
            return anchor.ok_or_else(|| format!("there is no `$anchor` called `{fragment}`"));
        };
        self.follow(start, steps)
            .ok_or_else(|| format!("there is nothing at `{}`", shown(reference)))
    }

    fn follow(&mut self, start: Place, steps: &str) -> Option<Place> {
        let mut place = start;
        for step in steps.split('/') {
            place = self.placed(place.below(&[&step.replace("~1", "/").replace("~0", "~")]));
            self.value(&place)?;
        }
        // Where no schema was looked for, there may be one that nobody but this reference knows.
        if !self.known.contains_key(&(place.document, place.path.clone())) {
            self.index(place.clone());
            place = self.placed(place);
        }
        Some(place)
    }

    /// The same place, with what is known of it.
    pub(crate) fn placed(&self, place: Place) -> Place {
        match self.known.get(&(place.document, place.path.clone())) {
            Some((base, draft)) => Place { base: base.clone(), draft: *draft, ..place },
            None => place,
        }
    }

    /// Whether the schema at a place has this `$dynamicAnchor`.
    pub(crate) fn has_dynamic(&self, place: &Place, name: &str) -> bool {
        let found = self.dynamic.get(&(place.base.clone(), name.to_owned()));
        found.is_some_and(|found| found.document == place.document && found.path == place.path)
    }

    /// Every `$dynamicAnchor` of a resource.
    pub(crate) fn dynamic_of(&self, base: &Rc<str>) -> Vec<(String, Place)> {
        let all = self.dynamic.iter().filter(|((of, _), _)| of == base);
        all.map(|((_, name), place)| (name.clone(), place.clone())).collect()
    }

    /// Where a resource begins.
    pub(crate) fn resource(&self, base: &Rc<str>) -> Option<Place> {
        self.resources.get(base).cloned()
    }
}

/// A URI without the base that is ours.
fn shown(uri: &str) -> &str {
    uri.strip_prefix(HERE).unwrap_or(uri)
}

/// The steps to every schema that stands right in this one.
fn schemas_in(value: &Value<'_>, draft: Draft) -> Vec<Vec<String>> {
    let Some(object) = value.as_object() else { return Vec::new() };
    if draft.ref_stands_alone() && object.has("$ref") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (name, value) in object.iter() {
        let below = |step: &str| vec![name.to_owned(), step.to_owned()];
        match (inside(name, draft), value) {
            (Some(Inside::Schema | Inside::SchemaOrList), Value::Object(_) | Value::Bool(_)) => {
                found.push(vec![name.to_owned()]);
            }
            (Some(Inside::List | Inside::SchemaOrList), Value::Array(items)) => {
                found.extend((0..items.len()).map(|index| below(&index.to_string())));
            }
            (Some(Inside::Table), Value::Object(table)) => {
                let schemas = table.iter().filter(|(_, value)| !matches!(value, Value::Array(_)));
                found.extend(schemas.map(|(step, _)| below(step)));
            }
            _ => {}
        }
    }
    found
}
