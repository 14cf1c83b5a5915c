//! Objects on their way: which names there are already, and which are still to come.

use std::{borrow::Cow, collections::BTreeSet};

use crate::plan::StateId;

/// A value that is to become a member, or a member further down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<'a> {
    /// The names that lead to it from here, one at least.
    pub(super) path: &'a [Box<str>],
    pub(super) value: Value<'a>,
}

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// The document's.
    At(usize, StateId),
    /// The settings', as JSON.
    Given(&'a str),
}

impl<'a> Pending<'a> {
    /// The first name.
    pub(super) fn name(&self) -> &'a str {
        self.path.first().map_or("", |name| name)
    }

    /// The same, seen from the member of the first name; none if it is that member.
    pub(super) fn inside(&self) -> Option<Self> {
        let path = self.path.get(1..).filter(|path| !path.is_empty())?;
        Some(Self { path, ..*self })
    }
}

/// Where pending values of one name go: one takes the member's place, or all go into it.
pub(super) enum Arrival<'a> {
    Instead(Value<'a>),
    Inside(Vec<Pending<'a>>),
}

impl<'a> Arrival<'a> {
    /// Of those that have one first name.
    pub(super) fn of(pending: impl Iterator<Item = Pending<'a>> + Clone) -> Self {
        let exact = pending.clone().filter(|one| one.inside().is_none()).last();
        match exact {
            Some(one) => Self::Instead(one.value),
            None => Self::Inside(pending.filter_map(|one| one.inside()).collect()),
        }
    }
}

/// An object of the document whose members are being written.
pub(super) struct Frame<'a> {
    /// If it is flattened: what stands before its members' names in the object around it.
    pub(super) prefix: Option<Cow<'a, str>>,
    pending: Vec<Pending<'a>>,
    arrived: Vec<bool>,
    /// New names that members of this object get.
    renamed: Vec<&'a str>,
    /// Those of them that were written.
    written: Vec<&'a str>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        prefix: Option<Cow<'a, str>>,
        pending: Vec<Pending<'a>>,
        renamed: Vec<&'a str>,
    ) -> Self {
        let arrived = vec![false; pending.len()];
        Self { prefix, pending, arrived, renamed, written: Vec::new() }
    }

    /// Whether a member that keeps its name gives way to one that gets it.
    pub(super) fn is_renamed(&self, name: &str) -> bool {
        self.renamed.contains(&name)
    }

    /// Whether a member that gets this name is the first one.
    pub(super) fn is_first(&mut self, name: &'a str) -> bool {
        let is_first = !self.written.contains(&name);
        if is_first {
            self.written.push(name);
        }
        is_first
    }

    /// Whether values of this name are pending, or were.
    pub(super) fn awaits(&self, name: &str) -> bool {
        self.pending.iter().any(|one| one.name() == name)
    }

    /// The pending values of this name, unless they have arrived.
    pub(super) fn arrive(&mut self, name: &str) -> Option<Arrival<'a>> {
        let is_it = |one: &&Pending<'a>| one.name() == name;
        let first = self.pending.iter().position(|one| is_it(&one))?;
        if self.arrived[first] {
            return None;
        }
        for (one, arrived) in self.pending.iter().zip(&mut self.arrived) {
            *arrived |= is_it(&one);
        }
        Some(Arrival::of(self.pending.iter().filter(is_it).copied()))
    }

    /// The next name whose values are pending.
    pub(super) fn next_pending(&self) -> Option<&'a str> {
        let rest = self.pending.iter().zip(&self.arrived);
        rest.filter(|(_, arrived)| !**arrived).map(|(one, _)| one.name()).next()
    }

    /// All names whose values are or were pending.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &'a str> {
        self.pending.iter().map(Pending::name)
    }
}

/// An object that is being written.
#[derive(Default)]
pub(super) struct Output<'a> {
    pub(super) is_begun: bool,
    /// All names that it has, where flattened members could have the same.
    taken: Option<BTreeSet<Cow<'a, str>>>,
}

impl<'a> Output<'a> {
    /// From now on flattened members must not have these names.
    pub(super) fn guard(&mut self, names: BTreeSet<Cow<'a, str>>) {
        self.taken = Some(names);
    }

    /// Whether a flattened member may have the name, which it then has.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.taken.as_mut().is_none_or(|taken| taken.insert(name.to_owned().into()))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.taken.as_ref().is_some_and(|taken| taken.contains(name))
    }
}
