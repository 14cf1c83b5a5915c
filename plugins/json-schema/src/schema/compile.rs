//! From documents to nodes.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use super::{
    Bound, Check, Counted, Documents, Draft, Fault, Items, NodeId, Place, Properties, Set, Type,
    Types,
    node::{Keyword, Node, Resource},
    pattern,
};
use crate::{
    format::Format,
    json::{Decimal, Object, Value},
};

/// The most nodes of a set. What schemas in settings need is some hundreds.
const MOST: usize = 20_000;

/// What is asked of a schema beside what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Whether `format` is held, or says but what is meant.
    pub(crate) formats: bool,
}

/// Compiles the schemas at `places`, and what they refer to; or says all that is wrong.
pub(crate) fn compile(
    documents: &mut Documents,
    places: &[Place],
    options: Options,
) -> Result<(Set, Vec<NodeId>), Vec<Fault>> {
    let faults = std::mem::take(&mut documents.faults);
    let mut compiler = Compiler {
        documents,
        options,
        set: Set::default(),
        known: BTreeMap::new(),
        resources: BTreeMap::new(),
        waiting: VecDeque::new(),
        faults,
    };
    let roots = places.iter().map(|place| compiler.node(place)).collect();
    while let Some((id, place)) = compiler.waiting.pop_front() {
        compiler.fill(id, &place);
    }
    compiler.refuse_circles();
    // What is found while references are followed.
    compiler.faults.append(&mut compiler.documents.faults);
    let Compiler { set, faults, .. } = compiler;
    if faults.is_empty() { Ok((set, roots)) } else { Err(faults) }
}

struct Compiler<'d> {
    documents: &'d mut Documents,
    options: Options,
    set: Set,
    known: BTreeMap<(usize, Vec<String>), NodeId>,
    resources: BTreeMap<Rc<str>, usize>,
    /// Nodes that have a number and nothing else yet.
    waiting: VecDeque<(NodeId, Place)>,
    faults: Vec<Fault>,
}

impl Compiler<'_> {
    /// The node of the schema at a place. It is filled later: schemas go in circles.
    fn node(&mut self, place: &Place) -> NodeId {
        let place = self.documents.placed(place.clone());
        let key = (place.document, place.path.clone());
        if let Some(&id) = self.known.get(&key) {
            return id;
        }
        let id = self.set.nodes.len();
        self.known.insert(key, id);
        self.set.nodes.push(Node { place: self.documents.name(&place), ..Node::default() });
        if id == MOST {
            self.faults.push(place.fault(&[], format!("these are more than {MOST} schemas")));
        }
        if id < MOST {
            self.waiting.push_back((id, place));
        }
        id
    }

    fn fill(&mut self, id: NodeId, place: &Place) {
        let resource = self.resource(place);
        self.set.nodes[id].resource = resource;
        let tree = self.documents.tree(place.document);
        let keywords = match place.find(&tree) {
            Some(Value::Bool(true)) => Vec::new(),
            Some(Value::Bool(false)) => vec![Keyword { name: "", check: Check::Never }],
            Some(Value::Object(object)) => {
                let mut schema = Schema { compiler: self, place, object, keywords: Vec::new() };
                schema.read();
                schema.keywords
            }
            _ => {
                self.faults.push(place.fault(&[], "a schema is a table, `true` or `false`"));
                Vec::new()
            }
        };
        self.set.nodes[id].keywords = keywords;
    }

    fn resource(&mut self, place: &Place) -> usize {
        if let Some(&id) = self.resources.get(&place.base) {
            return id;
        }
        let id = self.set.resources.len();
        self.resources.insert(place.base.clone(), id);
        self.set.resources.push(Resource::default());
        for (name, place) in self.documents.dynamic_of(&place.base) {
            let node = self.node(&place);
            self.set.resources[id].dynamic.insert(name, node);
        }
        if let Some(root) = self.documents.resource(&place.base) {
            let anchor =
                self.documents.value(&root).and_then(|value| value.step("$recursiveAnchor"));
            if matches!(anchor, Some(Value::Bool(true))) {
                self.set.resources[id].recursive = Some(self.node(&root));
            }
        }
        id
    }

    /// A schema that asks for itself, of the same value, has no answer.
    fn refuse_circles(&mut self) {
        let mut state = vec![Seen::Not; self.set.nodes.len()];
        for id in 0..self.set.nodes.len() {
            if let Some(at) = circle(&self.set, id, &mut state) {
                let place =
                    self.known.iter().find(|(_, node)| **node == at).map(|(key, _)| key.clone());
                let (document, path) = place.unwrap_or_default();
                let message =
                    "this schema refers back to itself for the same value, without end".to_owned();
                self.faults.push(Fault { document, path, message });
                return;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    /// We are below it.
    Open,
    Done,
}

/// A node that leads back to itself, if there is one below this one.
fn circle(set: &Set, start: NodeId, state: &mut [Seen]) -> Option<NodeId> {
    if state[start] != Seen::Not {
        return None;
    }
    state[start] = Seen::Open;
    // Nodes with those that are left to look at, in the place of recursion: chains may be long.
    let mut open = vec![(start, in_place(set, start))];
    while let Some((id, left)) = open.last_mut() {
        match left.pop() {
            None => {
                state[*id] = Seen::Done;
                open.pop();
            }
            Some(next) => match state[next] {
                Seen::Open => return Some(next),
                Seen::Done => {}
                Seen::Not => {
                    state[next] = Seen::Open;
                    open.push((next, in_place(set, next)));
                }
            },
        }
    }
    None
}

/// What a node holds the same value against.
fn in_place(set: &Set, id: NodeId) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for keyword in &set.nodes[id].keywords {
        match &keyword.check {
            Check::All(all) | Check::Any(all) | Check::One(all) => nodes.extend(all),
            Check::Not(node) | Check::Ref(node) => nodes.push(*node),
            Check::If { test, then, otherwise } => {
                nodes.push(*test);
                nodes.extend(then.iter().chain(otherwise));
            }
            Check::DependentSchemas(schemas) => nodes.extend(schemas.iter().map(|(_, node)| *node)),
            _ => {}
        }
    }
    nodes
}

/// One schema while it is read.
struct Schema<'c, 'd, 'v> {
    compiler: &'c mut Compiler<'d>,
    place: &'c Place,
    object: &'v Object<'static>,
    keywords: Vec<Keyword>,
}

impl<'v> Schema<'_, '_, 'v> {
    /// Reads all keywords. Those that ask what the others have looked at come last.
    fn read(&mut self) {
        let draft = self.place.draft;
        self.references();
        if draft.ref_stands_alone() && self.object.has("$ref") {
            return;
        }
        self.of_any_type();
        self.of_numbers();
        self.of_texts();
        self.of_arrays();
        self.of_objects();
        self.of_schemas();
        if draft >= Draft::Of2019 {
            self.unevaluated();
        }
    }

    fn references(&mut self) {
        let draft = self.place.draft;
        if let Some(node) = self.reference("$ref") {
            self.add("$ref", Check::Ref(node.0));
        }
        if draft == Draft::Of2019
            && let Some((node, _)) = self.reference("$recursiveRef")
        {
            self.add("$recursiveRef", Check::RecursiveRef(node));
        }
        if draft >= Draft::Of2020
            && let Some((node, place)) = self.reference("$dynamicRef")
        {
            let text = self.object.get("$dynamicRef").and_then(Value::as_str).unwrap_or_default();
            let anchor = text.split_once('#').map_or("", |(_, anchor)| anchor).to_owned();
            let check = match self.compiler.documents.has_dynamic(&place, &anchor) {
                true => Check::DynamicRef(node, anchor),
                false => Check::Ref(node),
            };
            self.add("$dynamicRef", check);
        }
    }

    fn of_any_type(&mut self) {
        match self.object.get("type") {
            None => {}
            Some(Value::String(name)) => self.types(&[name]),
            Some(Value::Array(names)) => {
                let names: Vec<_> =
                    names.iter().map(|name| name.as_str().unwrap_or_default()).collect();
                self.types(&names);
            }
            Some(_) => self.wrong(&["type"], TYPES),
        }
        if let Some(value) = self.object.get("const").filter(|_| self.place.draft >= Draft::Six) {
            self.add("const", Check::Const(value.clone()));
        }
        match self.object.get("enum") {
            None => {}
            Some(Value::Array(values)) => self.add("enum", Check::Enum(values.clone())),
            Some(_) => self.wrong(&["enum"], "write a list of values"),
        }
    }

    fn types(&mut self, names: &[&str]) {
        let types: Option<Vec<_>> = names.iter().map(|name| Type::of_name(name)).collect();
        match types.filter(|types| !types.is_empty()) {
            Some(types) => {
                let as_written = self.place.draft == Draft::Four;
                self.add("type", Check::Type(Types { types, as_written }));
            }
            None => self.wrong(&["type"], TYPES),
        }
    }

    fn of_numbers(&mut self) {
        if let Some((number, text)) = self.number("multipleOf") {
            if number.is_positive() {
                self.add("multipleOf", Check::MultipleOf(number, text));
            } else {
                self.wrong(&["multipleOf"], "write a number above 0");
            }
        }
        let is_old = self.place.draft == Draft::Four;
        for (name, exclusive, bound, beyond) in [
            ("minimum", "exclusiveMinimum", Bound::AtLeast, Bound::Above),
            ("maximum", "exclusiveMaximum", Bound::AtMost, Bound::Below),
        ] {
            let excludes = is_old && self.boolean(exclusive);
            if let Some((number, text)) = self.number(name) {
                let bound = if excludes { beyond } else { bound };
                self.add(name, Check::Bound(bound, number, text));
            }
            if !is_old && let Some((number, text)) = self.number(exclusive) {
                self.add(exclusive, Check::Bound(beyond, number, text));
            }
        }
    }

    fn of_texts(&mut self) {
        self.sizes(Counted::Characters, "minLength", "maxLength");
        if let Some(pattern) = self.text("pattern") {
            match pattern::compile(pattern) {
                Ok(regex) => self.add("pattern", Check::Pattern(regex)),
                Err(message) => self.wrong(&["pattern"], &message),
            }
        }
        if let Some(name) = self.text("format").filter(|_| self.compiler.options.formats)
            && let Some(format) = Format::of_name(name)
        {
            self.add("format", Check::Format(format));
        }
    }

    fn of_arrays(&mut self) {
        self.sizes(Counted::Items, "minItems", "maxItems");
        if self.boolean("uniqueItems") {
            self.add("uniqueItems", Check::Unique);
        }
        self.items();
        if self.place.draft >= Draft::Six
            && let Some(node) = self.schema("contains")
        {
            let counts = self.place.draft >= Draft::Of2019;
            let least = self.size("minContains").filter(|_| counts).unwrap_or(1);
            let most = self.size("maxContains").filter(|_| counts);
            let counts = self.place.draft >= Draft::Of2020;
            self.add("contains", Check::Contains { node, least, most, counts });
        }
    }

    fn items(&mut self) {
        let is_new = self.place.draft == Draft::Of2020;
        let is_list = matches!(self.object.get("items"), Some(Value::Array(_)));
        let (list, rest) = match (is_new, is_list) {
            (true, true) => {
                return self
                    .wrong(&["items"], "a list of schemas is `prefixItems` since draft 2020-12");
            }
            (true, false) => ("prefixItems", "items"),
            (false, true) => ("items", "additionalItems"),
            (false, false) => ("", "items"),
        };
        let first =
            if list.is_empty() { Vec::new() } else { self.schemas(list).unwrap_or_default() };
        let rest = self.schema(rest);
        if !first.is_empty() || rest.is_some() {
            // Schemas of items say where they stand themselves.
            self.add("items", Check::Items(Items { first, rest }));
        }
    }

    fn of_objects(&mut self) {
        let draft = self.place.draft;
        self.sizes(Counted::Members, "minProperties", "maxProperties");
        if let Some(value) = self.object.get("required") {
            match names(value) {
                Some(names) => self.add("required", Check::Required(names)),
                None => self.wrong(&["required"], "write a list of names, beside `properties`"),
            }
        }
        if draft >= Draft::Six
            && let Some(node) = self.schema("propertyNames")
        {
            self.add("propertyNames", Check::PropertyNames(node));
        }
        self.properties();
        self.dependencies("dependencies");
        if draft >= Draft::Of2019 {
            self.dependencies("dependentRequired");
            self.dependencies("dependentSchemas");
        }
    }

    fn properties(&mut self) {
        let named = self
            .table("properties")
            .into_iter()
            .map(|(name, node)| (name.to_owned(), node))
            .collect();
        let mut patterns = Vec::new();
        for (expression, node) in self.table("patternProperties") {
            match pattern::compile(expression) {
                Ok(regex) => patterns.push((regex, node)),
                Err(message) => self.wrong(&["patternProperties", expression], &message),
            }
        }
        let additional = self.schema("additionalProperties");
        let properties = Properties { named, patterns, additional };
        let is_any =
            properties.named.is_empty() && properties.patterns.is_empty() && additional.is_none();
        if !is_any {
            self.add("properties", Check::Properties(properties));
        }
    }

    /// What must be there beside something: names, or a schema; drafts before 2019-09 have both in one.
    fn dependencies(&mut self, keyword: &'static str) {
        let object = self.object;
        let table = match object.get(keyword) {
            None => return,
            Some(Value::Object(table)) => table,
            Some(_) => return self.wrong(&[keyword], "write a table, by the names of members"),
        };
        let (mut required, mut schemas) = (Vec::new(), Vec::new());
        for (name, value) in table.iter() {
            let takes_names = keyword != "dependentSchemas";
            match (names(value).filter(|_| takes_names), value) {
                (Some(names), _) => required.push((name.to_owned(), names)),
                (None, Value::Object(_) | Value::Bool(_)) if keyword != "dependentRequired" => {
                    let node = self.compiler.node(&self.place.below(&[keyword, name]));
                    schemas.push((name.to_owned(), node));
                }
                _ => self.wrong(
                    &[keyword, name],
                    "write a list of names, or in `dependentSchemas` a schema",
                ),
            }
        }
        if !required.is_empty() {
            self.add(keyword, Check::DependentRequired(required));
        }
        if !schemas.is_empty() {
            self.add(keyword, Check::DependentSchemas(schemas));
        }
    }

    fn of_schemas(&mut self) {
        for (name, check) in [
            ("allOf", Check::All as fn(Vec<NodeId>) -> Check),
            ("anyOf", Check::Any),
            ("oneOf", Check::One),
        ] {
            if let Some(nodes) = self.schemas(name) {
                self.add(name, check(nodes));
            }
        }
        if let Some(node) = self.schema("not") {
            self.add("not", Check::Not(node));
        }
        if self.place.draft >= Draft::Seven
            && let Some(test) = self.schema("if")
        {
            let (then, otherwise) = (self.schema("then"), self.schema("else"));
            self.add("if", Check::If { test, then, otherwise });
        }
    }

    fn unevaluated(&mut self) {
        if let Some(node) = self.schema("unevaluatedItems") {
            self.compiler.set.tracks = true;
            self.add("unevaluatedItems", Check::UnevaluatedItems(node));
        }
        if let Some(node) = self.schema("unevaluatedProperties") {
            self.compiler.set.tracks = true;
            self.add("unevaluatedProperties", Check::UnevaluatedProperties(node));
        }
    }

    fn add(&mut self, name: &'static str, check: Check) {
        self.keywords.push(Keyword { name, check });
    }

    fn wrong(&mut self, steps: &[&str], message: &str) {
        let fault = self.place.fault(steps, message);
        self.compiler.faults.push(fault);
    }

    fn text(&mut self, keyword: &str) -> Option<&'v str> {
        let object = self.object;
        let value = object.get(keyword)?;
        if value.as_str().is_none() {
            self.wrong(&[keyword], "write a text");
        }
        value.as_str()
    }

    fn boolean(&mut self, keyword: &str) -> bool {
        match self.object.get(keyword) {
            None => false,
            Some(Value::Bool(is)) => *is,
            Some(_) => {
                self.wrong(&[keyword], "write true or false");
                false
            }
        }
    }

    fn number(&mut self, keyword: &str) -> Option<(Decimal, String)> {
        match self.object.get(keyword)? {
            Value::Number(text) => Some((Decimal::parse(text), text.to_string())),
            _ => {
                self.wrong(&[keyword], "write a number");
                None
            }
        }
    }

    fn size(&mut self, keyword: &str) -> Option<usize> {
        let size = match self.object.get(keyword)? {
            Value::Number(text) => Decimal::parse(text).to_size(),
            _ => None,
        };
        if size.is_none() {
            self.wrong(&[keyword], "write a whole number, 0 or more");
        }
        size
    }

    fn sizes(&mut self, counted: Counted, least: &'static str, most: &'static str) {
        if let Some(size) = self.size(least) {
            self.add(least, Check::Least(counted, size));
        }
        if let Some(size) = self.size(most) {
            self.add(most, Check::Most(counted, size));
        }
    }

    fn schema(&mut self, keyword: &str) -> Option<NodeId> {
        self.object.has(keyword).then(|| self.compiler.node(&self.place.below(&[keyword])))
    }

    fn schemas(&mut self, keyword: &str) -> Option<Vec<NodeId>> {
        match self.object.get(keyword)? {
            Value::Array(items) if !items.is_empty() => {
                let places =
                    (0..items.len()).map(|index| self.place.below(&[keyword, &index.to_string()]));
                let places: Vec<_> = places.collect();
                Some(places.iter().map(|place| self.compiler.node(place)).collect())
            }
            _ => {
                self.wrong(&[keyword], "write a list of schemas, with one at least");
                None
            }
        }
    }

    fn table(&mut self, keyword: &str) -> Vec<(&'v str, NodeId)> {
        let object = self.object;
        match object.get(keyword) {
            None => Vec::new(),
            Some(Value::Object(table)) => {
                let nodes = table.iter().map(|(name, _)| {
                    (name, self.compiler.node(&self.place.below(&[keyword, name])))
                });
                nodes.collect()
            }
            Some(_) => {
                self.wrong(&[keyword], "write a table of schemas");
                Vec::new()
            }
        }
    }

    fn reference(&mut self, keyword: &str) -> Option<(NodeId, Place)> {
        let reference = self.text(keyword)?;
        match self.compiler.documents.find(self.place, reference) {
            Ok(place) => Some((self.compiler.node(&place), place)),
            Err(message) => {
                self.wrong(&[keyword], &message);
                None
            }
        }
    }
}

const TYPES: &str = "write \"null\", \"boolean\", \"integer\", \"number\", \"string\", \"array\" or \"object\", or a list of them";

fn names(value: &Value<'_>) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}
