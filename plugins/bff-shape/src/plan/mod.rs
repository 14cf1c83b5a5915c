//! Rules, made ready to walk documents with.
//!
//! The paths of a profile become a tree, and the tree an automaton: one [`State`] for each way in
//! which a value can be met, with all that is to be done about it. So a walk looks at a name once,
//! however many paths and wildcards could fit it.

mod automaton;
mod tree;

use crate::{
    condition::Condition,
    path::{Path, Step},
    rules::{Fault, Rules},
    window::Limit,
};

/// A profile's operations, by place.
#[derive(Debug)]
pub(crate) struct Plan {
    states: Vec<State>,
    start: StateId,
    /// Where the document begins that is looked at, and the state there.
    root: Option<(Box<[Step]>, StateId)>,
    /// The limits, as the states number them.
    limits: Vec<Limit>,
}

/// A state's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StateId(u16);

impl StateId {
    /// The value stays as it is, and all that is in it.
    pub(crate) const KEEP: Self = Self(0);
    /// The value goes.
    pub(crate) const DROP: Self = Self(1);
}

/// What is to be done about a value.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Only some of what is inside stays, so a value without an inside goes.
    pub(crate) selects: bool,
    /// Nothing is to be done inside.
    pub(crate) is_raw: bool,
    /// Its name in the output.
    pub(crate) rename: Option<Box<str>>,
    /// Its members go into its parent, with this prefix.
    pub(crate) flatten: Option<Box<str>>,
    /// It goes elsewhere.
    pub(crate) is_moved: bool,
    /// What stands in its place if it is null, as JSON.
    pub(crate) default: Option<Box<str>>,
    pub(crate) object: ObjectState,
    pub(crate) array: ArrayState,
}

/// What is to be done about an object's members.
#[derive(Debug, Default)]
pub(crate) struct ObjectState {
    /// Members that are named somewhere, sorted.
    names: Vec<(Box<str>, StateId)>,
    /// All others.
    others: StateId,
    /// Names may meet in the output, or members are added.
    pub(crate) is_mixed: bool,
    /// Some member may be flattened.
    pub(crate) flattens: bool,
    pub(crate) inserts: Vec<Insert>,
    /// Members that must be there.
    pub(crate) defaults: Vec<DefaultMember>,
}

/// What is to be done about an array's items.
#[derive(Debug, Default)]
pub(crate) struct ArrayState {
    indexes: Vec<(u32, StateId)>,
    others: StateId,
    /// Nothing but the items themselves is to be looked at.
    pub(crate) is_plain: bool,
    pub(crate) filter: Vec<Condition>,
    /// Each item becomes the value there.
    pub(crate) map: Option<(Box<[Step]>, StateId)>,
    /// The number of its limit.
    pub(crate) limit: Option<usize>,
}

/// A value from further down that becomes a member here, or further down elsewhere.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) from: Box<[Step]>,
    pub(crate) state: StateId,
    pub(crate) to: Box<[Box<str>]>,
    /// What stands for it if it is absent or null, as JSON.
    pub(crate) default: Option<Box<str>>,
}

/// A member that must be there.
#[derive(Debug)]
pub(crate) struct DefaultMember {
    /// Its state, which no member of another name has.
    pub(crate) state: StateId,
    /// Its name in the output.
    pub(crate) shown: Box<str>,
    /// JSON.
    pub(crate) value: Box<str>,
}

impl Default for StateId {
    fn default() -> Self {
        Self::KEEP
    }
}

impl ObjectState {
    /// The state of a member.
    pub(crate) fn member(&self, name: &str) -> StateId {
        match self.names.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(found) => self.names[found].1,
            Err(_) => self.others,
        }
    }
}

impl ArrayState {
    /// The state of an item.
    pub(crate) fn item(&self, index: u64) -> StateId {
        let found = self.indexes.iter().find(|(known, _)| u64::from(*known) == index);
        found.map_or(self.others, |(_, state)| *state)
    }
}

impl Plan {
    /// Prepares a profile that has no faults but may still be too much.
    pub(crate) fn new(rules: &Rules) -> Result<Self, Fault> {
        let tree = tree::Tree::new(rules);
        automaton::build(&tree, rules, automaton::Arrays::Explicit)
    }

    /// Selects places where every path goes through arrays by itself: `items.price` is the price
    /// of every item.
    pub(crate) fn of_fields(include: Vec<Path>) -> Result<Self, Fault> {
        let rules = Rules { include, ..Rules::default() };
        let tree = tree::Tree::new(&rules);
        automaton::build(&tree, &rules, automaton::Arrays::Transparent)
    }

    pub(crate) fn state(&self, id: StateId) -> &State {
        // States only know states of their own plan.
        &self.states[usize::from(id.0)]
    }

    /// The state of the document.
    pub(crate) fn start(&self) -> StateId {
        self.start
    }

    /// The value that becomes the document, and its state.
    pub(crate) fn root(&self) -> Option<(&[Step], StateId)> {
        self.root.as_ref().map(|(steps, state)| (&**steps, *state))
    }

    /// The limits, to be made windows in this order.
    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }
}
