//! All paths of a profile in one tree, and at its nodes what is said of them.

use crate::{
    condition::Condition,
    path::{Path, Segment, Step},
    rules::Rules,
};

/// The tree. Node 0 is the document.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// A node's number.
pub(super) type NodeId = usize;

#[derive(Default)]
pub(super) struct Node {
    pub(super) edges: Vec<(Segment, NodeId)>,
    /// It is the node of a `**`: whatever comes, one may stay here.
    pub(super) is_deep: bool,
    pub(super) include: Include,
    pub(super) exclude: bool,
    pub(super) rename: Option<Box<str>>,
    pub(super) flatten: Option<Box<str>>,
    pub(super) is_moved: bool,
    pub(super) default: Option<Box<str>>,
    pub(super) transfers: Vec<Carry>,
    pub(super) filter: Vec<Condition>,
    pub(super) map: Option<Box<[Step]>>,
    pub(super) limit: Option<usize>,
}

/// A value that is to go from one place below a node to another one there.
pub(super) struct Carry {
    pub(super) from: Box<[Step]>,
    pub(super) to: Box<[Box<str>]>,
}

/// What `include` says of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Include {
    #[default]
    Not,
    /// The way to an included place.
    Way,
    Whole,
}

impl Tree {
    pub(super) fn new(rules: &Rules) -> Self {
        let mut tree = Self { nodes: vec![Node::default()] };
        for path in &rules.include {
            tree.include(path, Include::Whole);
        }
        for path in &rules.exclude {
            tree.node(path).exclude = true;
        }
        for (path, name) in rules.rename.iter() {
            tree.node(path).rename = Some(name.clone());
        }
        for (path, prefix) in rules.flatten.iter() {
            tree.node(path).flatten = Some(prefix.clone());
        }
        for (path, value) in rules.defaults.iter() {
            tree.node(path).default = Some(value.clone());
        }
        for (path, conditions) in rules.filter.iter() {
            tree.node(path).filter.clone_from(conditions);
        }
        for (number, path) in rules.limit.keys().enumerate() {
            tree.node(path).limit = Some(number);
        }
        tree.transfer(rules);
        tree.map(rules);
        if let Some(root) = rules.root.as_ref().filter(|_| !rules.include.is_empty()) {
            tree.include(&root.into(), Include::Way);
        }
        tree
    }

    fn transfer(&mut self, rules: &Rules) {
        for transfer in rules.transfers() {
            let (from, to) = (transfer.from.as_slice(), transfer.to.as_slice());
            let place = transfer.scope.below(from.iter().cloned().map(Segment::from));
            self.node(&place).is_moved = true;
            self.node(&transfer.scope).transfers.push(Carry { from: from.into(), to: to.into() });
            if !rules.include.is_empty() {
                self.include(&transfer.scope, Include::Way);
            }
        }
    }

    fn map(&mut self, rules: &Rules) {
        for (path, steps) in rules.map.iter() {
            self.node(path).map = Some(steps.as_slice().into());
            if !rules.include.is_empty() && !path.is_deep() {
                let steps = steps.as_slice().iter().cloned().map(Segment::from);
                self.include(
                    &path.below([Segment::Items].into_iter().chain(steps)),
                    Include::Whole,
                );
            }
        }
    }

    fn include(&mut self, path: &Path, last: Include) {
        let mut at = 0;
        for segment in path.segments() {
            self.nodes[at].include = self.nodes[at].include.max(Include::Way);
            at = self.child(at, segment);
        }
        self.nodes[at].include = self.nodes[at].include.max(last);
    }

    fn node(&mut self, path: &Path) -> &mut Node {
        let at = path.segments().iter().fold(0, |at, segment| self.child(at, segment));
        &mut self.nodes[at]
    }

    fn child(&mut self, parent: NodeId, segment: &Segment) -> NodeId {
        let known = self.nodes[parent].edges.iter().find(|(edge, _)| edge == segment);
        if let Some((_, child)) = known {
            return *child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node { is_deep: *segment == Segment::Deep, ..Node::default() });
        self.nodes[parent].edges.push((segment.clone(), child));
        child
    }
}
