//! Objects in which names may meet, or to which members come from elsewhere.
//!
//! Of two members that would have one name, one is written. Who wins: what is moved here; then what
//! is renamed; then what keeps its name; then what is flattened; then a default.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    io::{self, Write},
};

use super::{
    Walk,
    frame::{Arrival, Frame, Output, Pending, Value},
};
use crate::{
    json::quoted,
    path::Step,
    plan::{Insert, ObjectState, State, StateId},
};

/// A member that may stay. A document may have a million of them, so it is kept small.
#[derive(Clone, Copy)]
struct Member {
    start: u32,
    value: u32,
    state: StateId,
}

/// An object, read once.
struct Source<'a> {
    /// Those that do not go, in any case.
    members: Vec<Member>,
    /// The values that come from further down.
    inserts: Vec<Pending<'a>>,
    end: usize,
}

/// What becomes of a member that stays.
enum Fate<'a> {
    /// Its members go into the object around it, with this prefix.
    Flat(&'a str, &'a State),
    Renamed(&'a str, Value<'a>),
    Kept(Value<'a>),
}

impl<'a, W: Write> Walk<'a, W> {
    pub(super) fn mixed_object(
        &mut self,
        at: usize,
        state: &'a State,
        more: &[Pending<'a>],
    ) -> io::Result<usize> {
        let Source { members, inserts, end } = self.read(at, &state.object);
        let mut frame = Frame::new(None, [more, &inserts].concat(), self.renamed(&members));
        let mut output = Output::default();
        if state.object.flattens {
            self.guard(&members, &frame, &mut output);
        }
        self.write("{")?;
        self.fill(&members, &state.object, &mut frame, &mut output)?;
        self.write("}")?;
        Ok(end)
    }

    /// Writes the members of an object into the one around it.
    fn flat(
        &mut self,
        at: usize,
        object: &'a ObjectState,
        prefix: Cow<'a, str>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        let Source { members, inserts, .. } = self.read(at, object);
        let mut frame = Frame::new(Some(prefix), inserts, self.renamed(&members));
        self.fill(&members, object, &mut frame, output)
    }

    fn fill(
        &mut self,
        members: &[Member],
        object: &'a ObjectState,
        frame: &mut Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        for &member in members {
            self.member(member, frame, output)?;
        }
        while let Some(name) = frame.next_pending() {
            self.arrive(name, None, frame, output)?;
        }
        self.defaults(members, object, frame, output)
    }

    fn read(&self, at: usize, object: &'a ObjectState) -> Source<'a> {
        let mut members = self.document.members(at);
        let mut found = Vec::new();
        let mut firsts = vec![None; object.inserts.len()];
        while let Some(key) = members.next() {
            let name = self.document.string(key.start, key.end);
            for (insert, first) in object.inserts.iter().zip(&mut firsts) {
                if matches!(insert.from.first(), Some(Step::Name(step)) if **step == *name) {
                    *first = Some(key.value);
                }
            }
            let state = object.member(&name);
            if state != StateId::DROP && !self.plan.state(state).is_moved {
                make_room(&mut found);
                found.push(Member { start: place(key.start), value: place(key.value), state });
            }
            members.go_on(self.document.end_of(key.value));
        }
        let inserts = object.inserts.iter().zip(firsts);
        let inserts = inserts.filter_map(|(insert, first)| self.pending(insert, first)).collect();
        Source { members: found, inserts, end: members.end() }
    }

    /// The value of an insert, which is below the value of its first step.
    fn pending(&self, insert: &'a Insert, first: Option<usize>) -> Option<Pending<'a>> {
        let given = insert.default.as_deref();
        // A default stands for null too.
        let is_there = |&at: &usize| given.is_none() || self.document.byte(at) != b'n';
        let rest = insert.from.get(1..).unwrap_or_default();
        let found = first.and_then(|at| self.document.find(at, rest)).filter(is_there);
        let value = match found {
            Some(at) => Value::At(at, insert.state),
            None => Value::Given(given?),
        };
        Some(Pending { path: &insert.to, value })
    }

    /// Where a member's name ends.
    fn name_end(&self, member: Member) -> usize {
        self.document.end_of(member.start as usize)
    }

    fn name(&self, member: Member) -> Cow<'a, str> {
        self.document.string(member.start as usize, self.name_end(member))
    }

    fn fate(&self, member: Member) -> Option<Fate<'a>> {
        let at = member.value as usize;
        let plan = self.plan;
        let child = plan.state(member.state);
        if child.selects && self.is_bare(at) {
            return None;
        }
        if let Some(prefix) = &child.flatten
            && self.document.byte(at) == b'{'
        {
            return Some(Fate::Flat(prefix, child));
        }
        let value = self.shown(at, member.state, child);
        Some(match &child.rename {
            Some(new) => Fate::Renamed(new, value),
            None => Fate::Kept(value),
        })
    }

    /// Null gives way to a default.
    fn shown(&self, at: usize, id: StateId, state: &'a State) -> Value<'a> {
        match &state.default {
            Some(given) if self.document.byte(at) == b'n' => Value::Given(given),
            _ => Value::At(at, id),
        }
    }

    /// The new names that members really get.
    fn renamed(&self, members: &[Member]) -> Vec<&'a str> {
        let plan = self.plan;
        let mut renamed = Vec::new();
        for &member in members {
            let new = plan.state(member.state).rename.as_deref();
            let new = new.filter(|_| matches!(self.fate(member), Some(Fate::Renamed(..))));
            // Members of one name are as many as the document likes.
            renamed.extend(new.filter(|new| !renamed.contains(new)));
        }
        renamed
    }

    /// Tells the output which names flattened members must not have, if there are such members.
    fn guard(&self, members: &[Member], frame: &Frame<'a>, output: &mut Output<'a>) {
        let is_flat = |member: &Member| matches!(self.fate(*member), Some(Fate::Flat(..)));
        if !members.iter().any(is_flat) {
            return;
        }
        let own = members.iter().filter_map(|&member| match self.fate(member)? {
            Fate::Flat(..) => None,
            Fate::Renamed(new, _) => Some(Cow::Borrowed(new)),
            Fate::Kept(_) => Some(self.name(member)),
        });
        // (`collect` would sort them in a vector of their own first, which a million names do not
        // leave room for.)
        let mut names = BTreeSet::new();
        for name in own.chain(frame.awaited().map(Cow::Borrowed)) {
            names.insert(name);
        }
        output.guard(names);
    }

    fn member(
        &mut self,
        member: Member,
        frame: &mut Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        match self.fate(member) {
            None => Ok(()),
            Some(Fate::Flat(further, child)) => {
                let prefix = match frame.prefix.as_deref() {
                    Some(outer) => Cow::Owned([outer, further].concat()),
                    None => Cow::Borrowed(further),
                };
                self.flat(member.value as usize, &child.object, prefix, output)
            }
            Some(Fate::Renamed(new, value)) if frame.awaits(new) => {
                self.arrive(new, Some(value), frame, output)
            }
            Some(Fate::Renamed(new, _)) if !frame.is_first(new) => Ok(()),
            Some(Fate::Renamed(new, value)) => self.emit(new, None, value, frame, output),
            Some(Fate::Kept(value)) => self.kept(member, value, frame, output),
        }
    }

    /// A member that keeps its name, if nobody else gets it.
    fn kept(
        &mut self,
        member: Member,
        value: Value<'a>,
        frame: &mut Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        let (start, end) = (member.start as usize, self.name_end(member));
        let name = self.document.string(start, end);
        if frame.awaits(&name) {
            self.arrive(&name, Some(value), frame, output)
        } else if frame.is_renamed(&name) {
            Ok(())
        } else {
            let spelling = self.document.text(start, end);
            self.emit(&name, Some(spelling), value, frame, output)
        }
    }

    /// Writes the values that come here under a name, in the place of a member or into it.
    fn arrive(
        &mut self,
        name: &str,
        own: Option<Value<'a>>,
        frame: &mut Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        let Some(arrival) = frame.arrive(name) else { return Ok(()) };
        if !self.begin(name, None, frame, output)? {
            return Ok(());
        }
        match (arrival, own) {
            (Arrival::Inside(more), Some(Value::At(at, id))) if self.document.byte(at) == b'{' => {
                self.value(at, id, &more).map(drop)
            }
            (arrival, _) => self.arrival(arrival),
        }
    }

    fn arrival(&mut self, arrival: Arrival<'a>) -> io::Result<()> {
        match arrival {
            Arrival::Instead(value) => self.put(value),
            Arrival::Inside(pending) => self.new_object(pending),
        }
    }

    /// An object that the document does not have.
    fn new_object(&mut self, pending: Vec<Pending<'a>>) -> io::Result<()> {
        let mut frame = Frame::new(None, pending, Vec::new());
        let mut output = Output::default();
        self.write("{")?;
        while let Some(name) = frame.next_pending() {
            self.arrive(name, None, &mut frame, &mut output)?;
        }
        self.write("}")
    }

    /// Writes the defaults of members that are not there. (Null gave way to them already.)
    fn defaults(
        &mut self,
        members: &[Member],
        object: &'a ObjectState,
        frame: &mut Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        for default in &object.defaults {
            let shown = &*default.shown;
            let is_flattened = frame.prefix.is_none() && output.has(shown);
            let is_it =
                |&member: &Member| member.state == default.state || self.is_shown_as(member, shown);
            let is_there = is_flattened || frame.awaits(shown) || members.iter().any(is_it);
            if !is_there {
                let value = Value::Given(&default.value);
                self.emit(shown, None, value, frame, output)?;
            }
        }
        Ok(())
    }

    fn is_shown_as(&self, member: Member, name: &str) -> bool {
        match self.fate(member) {
            Some(Fate::Renamed(new, _)) => new == name,
            Some(Fate::Kept(_)) => self.name(member) == name,
            Some(Fate::Flat(..)) | None => false,
        }
    }

    fn emit(
        &mut self,
        name: &str,
        spelling: Option<&str>,
        value: Value<'a>,
        frame: &Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<()> {
        match self.begin(name, spelling, frame, output)? {
            true => self.put(value),
            false => Ok(()),
        }
    }

    /// Writes a name, in its own spelling if that is given; or says that another member has it.
    fn begin(
        &mut self,
        name: &str,
        spelling: Option<&str>,
        frame: &Frame<'a>,
        output: &mut Output<'a>,
    ) -> io::Result<bool> {
        let (name, spelling) = match frame.prefix.as_deref() {
            Some("") | None => (Cow::Borrowed(name), spelling),
            Some(prefix) => (Cow::Owned([prefix, name].concat()), None),
        };
        if frame.prefix.is_some() && !output.take(&name) {
            return Ok(false);
        }
        self.write(if output.is_begun { "," } else { "" })?;
        output.is_begun = true;
        match spelling {
            Some(spelling) => self.write(spelling)?,
            None => self.write(&quoted(&name))?,
        }
        self.write(":")?;
        Ok(true)
    }

    fn put(&mut self, value: Value<'a>) -> io::Result<()> {
        match value {
            Value::At(at, id) => self.value(at, id, &[]).map(drop),
            Value::Given(json) => self.write(json),
        }
    }
}

/// Doubling a list of a million members would take more memory than the document.
fn make_room(members: &mut Vec<Member>) {
    const MANY: usize = 1 << 16;
    if members.len() == members.capacity() && members.len() >= MANY {
        members.reserve_exact(members.len() / 4);
    }
}

/// A body of 4 GiB does not fit the memory in which this runs.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
