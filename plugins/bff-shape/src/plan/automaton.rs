//! The tree of paths, made deterministic: a state stands for all nodes that a value is at.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{
    ArrayState, DefaultMember, Insert, ObjectState, Plan, State, StateId,
    tree::{Carry, Include, Node, NodeId, Tree},
};
use crate::{
    path::{Segment, Step},
    rules::{Fault, Rules},
};

/// Without `**` there are hardly more states than steps in all paths; with it they can multiply.
const MAX_STATES: usize = 4096;

/// KEEP and DROP.
const FIXED: usize = 2;

/// How paths get through arrays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrays {
    /// By `[*]` and `[0]`.
    Explicit,
    /// By themselves.
    Transparent,
}

pub(super) fn build(tree: &Tree, rules: &Rules, arrays: Arrays) -> Result<Plan, Fault> {
    let mut builder = Builder { tree, arrays, known: HashMap::new(), pending: VecDeque::new() };
    // A selection of no fields selects nothing; a profile without `include` keeps everything.
    let selects = arrays == Arrays::Transparent || !rules.include.is_empty();
    let document = Met { nodes: builder.closed([0].into()), selects };
    let start = builder.id(Some(document.clone()))?;
    let root = match &rules.root {
        Some(steps) => {
            let met = builder.along(&document, steps.as_slice());
            let state = builder.id(met)?;
            Some((steps.as_slice().into(), state))
        }
        None => None,
    };
    let mut states = vec![fixed(StateId::KEEP), fixed(StateId::DROP)];
    while let Some((id, met)) = builder.pending.pop_front() {
        states.push(builder.state(id, &met)?);
    }
    Ok(Plan { states, start, root, limits: rules.limit.values().cloned().collect() })
}

/// Everything inside has the state itself.
fn fixed(id: StateId) -> State {
    let object = ObjectState { others: id, ..ObjectState::default() };
    let array = ArrayState { others: id, is_plain: true, ..ArrayState::default() };
    State { is_raw: true, object, array, ..State::default() }
}

/// How a value is met: at which nodes, and whether only included places stay.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Met {
    nodes: BTreeSet<NodeId>,
    selects: bool,
}

/// A step of a walk.
#[derive(Clone, Copy)]
enum Label<'a> {
    Name(&'a str),
    OtherName,
    Index(u32),
    OtherIndex,
}

struct Builder<'a> {
    tree: &'a Tree,
    arrays: Arrays,
    known: HashMap<Met, StateId>,
    /// States that have a number, but are still to be made, in the order of their numbers. (They
    /// are not made on the spot, for that would be a recursion as deep as there are states.)
    pending: VecDeque<(StateId, Met)>,
}

impl<'a> Builder<'a> {
    fn nodes<'m>(&self, met: &'m Met) -> impl Iterator<Item = &'a Node> + use<'a, 'm> {
        let tree = self.tree;
        met.nodes.iter().map(move |&id| &tree.nodes[id])
    }

    /// With each node, the `**` below it is reached too, for it may stand for nothing.
    fn closed(&self, mut nodes: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let deep = nodes.iter().flat_map(|&id| &self.tree.nodes[id].edges);
        let deep = deep.filter(|(edge, _)| *edge == Segment::Deep).map(|(_, node)| *node);
        let deep: Vec<_> = deep.collect();
        nodes.extend(deep);
        nodes
    }

    fn step(&self, nodes: &BTreeSet<NodeId>, label: Label<'_>) -> BTreeSet<NodeId> {
        let mut next = BTreeSet::new();
        for &id in nodes {
            let node = &self.tree.nodes[id];
            next.extend(node.edges.iter().filter(|(edge, _)| fits(edge, label)).map(|edge| edge.1));
            if node.is_deep {
                next.insert(id);
            }
        }
        self.closed(next)
    }

    /// How a value one step further is met; none if it goes.
    fn next(&self, met: &Met, label: Label<'_>) -> Option<Met> {
        let nodes = self.step(&met.nodes, label);
        if nodes.iter().any(|&id| self.tree.nodes[id].exclude) {
            return None;
        }
        let selects = met.selects
            && match self.included(&nodes) {
                Include::Not => return None,
                Include::Way => true,
                Include::Whole => false,
            };
        Some(Met { nodes, selects })
    }

    fn included(&self, nodes: &BTreeSet<NodeId>) -> Include {
        nodes.iter().map(|&id| self.tree.nodes[id].include).max().unwrap_or_default()
    }

    /// How a value some steps further is met that was asked for by name, so that whatever is around
    /// it may go. It goes itself only if its own place is excluded.
    fn along(&self, met: &Met, steps: &[Step]) -> Option<Met> {
        let mut nodes = met.nodes.clone();
        let mut selects = met.selects;
        for step in steps {
            let label = match step {
                Step::Name(name) => Label::Name(name),
                Step::Index(index) => Label::Index(*index),
            };
            nodes = self.step(&nodes, label);
            selects &= self.included(&nodes) != Include::Whole;
        }
        let excluded = nodes.iter().any(|&id| self.tree.nodes[id].exclude);
        let selects = selects && self.included(&nodes) == Include::Way;
        (!excluded).then_some(Met { nodes, selects })
    }

    fn id(&mut self, met: Option<Met>) -> Result<StateId, Fault> {
        let Some(mut met) = met else { return Ok(StateId::DROP) };
        met.nodes.retain(|&id| self.tree.nodes[id].matters(met.selects));
        if met.nodes.is_empty() && !met.selects {
            return Ok(StateId::KEEP);
        }
        if let Some(id) = self.known.get(&met) {
            return Ok(*id);
        }
        let number = FIXED + self.known.len();
        let Some(id) = u16::try_from(number).ok().filter(|_| number < MAX_STATES).map(StateId)
        else {
            let text = "its paths are too many, or have too many wildcards";
            return Err(Fault::new([""; 0], text));
        };
        self.known.insert(met.clone(), id);
        self.pending.push_back((id, met));
        Ok(id)
    }

    fn state(&mut self, id: StateId, met: &Met) -> Result<State, Fault> {
        let object = self.object(met)?;
        let array = self.array(id, met)?;
        let inside = object.is_mixed
            || object.others != StateId::KEEP
            || !object.names.is_empty()
            || array.others != StateId::KEEP
            || !array.is_plain;
        Ok(State {
            selects: met.selects,
            is_raw: !met.selects && !inside,
            rename: self.nodes(met).find_map(|node| node.rename.clone()),
            flatten: self.nodes(met).find_map(|node| node.flatten.clone()),
            is_moved: self.nodes(met).any(|node| node.is_moved),
            default: self.nodes(met).find_map(|node| node.default.clone()),
            object,
            array,
        })
    }

    fn object(&mut self, met: &Met) -> Result<ObjectState, Fault> {
        let mut object = ObjectState {
            others: self.id(self.next(met, Label::OtherName))?,
            inserts: self.inserts(met)?,
            ..ObjectState::default()
        };
        object.flattens = self.flattens(met, Label::OtherName);
        for name in self.names(met) {
            let child = self.next(met, Label::Name(name));
            let state = self.id(child.clone())?;
            if let Some(child) = &child {
                self.named(&mut object, name, child, state);
            }
            object.flattens |= self.flattens(met, Label::Name(name));
            object.names.push((name.into(), state));
        }
        object.is_mixed |=
            object.flattens || !object.inserts.is_empty() || !object.defaults.is_empty();
        Ok(object)
    }

    /// What is to be known of a member before it is met.
    fn named(&self, object: &mut ObjectState, name: &str, child: &Met, state: StateId) {
        if self.nodes(child).any(|node| node.is_moved) {
            return;
        }
        let rename = self.nodes(child).find_map(|node| node.rename.clone());
        if let Some(value) = self.nodes(child).find_map(|node| node.default.clone()) {
            let shown = rename.clone().unwrap_or_else(|| name.into());
            object.defaults.push(DefaultMember { state, shown, value });
        }
        object.is_mixed |= rename.is_some();
    }

    fn flattens(&self, met: &Met, label: Label<'_>) -> bool {
        let child = self.next(met, label);
        child.is_some_and(|child| self.nodes(&child).any(|node| node.flatten.is_some()))
    }

    fn array(&mut self, id: StateId, met: &Met) -> Result<ArrayState, Fault> {
        if self.arrays == Arrays::Transparent {
            let array = ArrayState { others: id, is_plain: true, ..ArrayState::default() };
            return Ok(array);
        }
        let mut array = ArrayState {
            others: self.id(self.next(met, Label::OtherIndex))?,
            filter: self.nodes(met).flat_map(|node| node.filter.clone()).collect(),
            limit: self.nodes(met).find_map(|node| node.limit),
            ..ArrayState::default()
        };
        for index in self.indexes(met) {
            let state = self.id(self.next(met, Label::Index(index)))?;
            array.indexes.push((index, state));
        }
        if let Some(steps) = self.nodes(met).find_map(|node| node.map.clone()) {
            let item =
                Met { nodes: self.step(&met.nodes, Label::OtherIndex), selects: met.selects };
            let state = self.id(self.along(&item, &steps))?;
            array.map = Some((steps, state));
        }
        array.is_plain = array.filter.is_empty()
            && array.limit.is_none()
            && array.map.is_none()
            && array.indexes.is_empty();
        Ok(array)
    }

    fn inserts(&mut self, met: &Met) -> Result<Vec<Insert>, Fault> {
        let transfers = self.nodes(met).flat_map(|node| &node.transfers);
        let transfers: Vec<_> = transfers.collect();
        let mut inserts = Vec::with_capacity(transfers.len());
        for Carry { from, to } in transfers {
            let Some(moved) = self.along(met, from) else { continue };
            let default = self.nodes(&moved).find_map(|node| node.default.clone());
            let state = self.id(Some(moved))?;
            inserts.push(Insert { from: from.clone(), state, to: to.clone(), default });
        }
        Ok(inserts)
    }

    /// The names that make a difference, sorted.
    fn names(&self, met: &Met) -> BTreeSet<&'a str> {
        let edges = self.nodes(met).flat_map(|node| &node.edges);
        edges
            .filter_map(|(edge, _)| match edge {
                Segment::Name(name) => Some(&**name),
                _ => None,
            })
            .collect()
    }

    fn indexes(&self, met: &Met) -> BTreeSet<u32> {
        let edges = self.nodes(met).flat_map(|node| &node.edges);
        edges
            .filter_map(|(edge, _)| match edge {
                Segment::Index(index) => Some(*index),
                _ => None,
            })
            .collect()
    }
}

impl Node {
    /// Whether anything is to be done here or further down.
    fn matters(&self, selects: bool) -> bool {
        self.is_deep
            || !self.edges.is_empty()
            || self.rename.is_some()
            || self.flatten.is_some()
            || self.is_moved
            || self.default.is_some()
            || !self.transfers.is_empty()
            || !self.filter.is_empty()
            || self.map.is_some()
            || self.limit.is_some()
            || (selects && self.include != Include::Not)
    }
}

fn fits(edge: &Segment, label: Label<'_>) -> bool {
    match (edge, label) {
        (Segment::Name(name), Label::Name(given)) => **name == *given,
        (Segment::Members, Label::Name(_) | Label::OtherName)
        | (Segment::Items, Label::Index(_) | Label::OtherIndex) => true,
        (Segment::Index(index), Label::Index(given)) => *index == given,
        _ => false,
    }
}
