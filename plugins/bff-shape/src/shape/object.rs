//! Objects whose members stay or go, and nothing else.

use std::io::{self, Write};

use super::Walk;
use crate::{
    json::Key,
    plan::{ObjectState, State, StateId},
};

impl<W: Write> Walk<'_, W> {
    pub(super) fn object(&mut self, at: usize, state: &State) -> io::Result<usize> {
        let mut members = self.document.members(at);
        let mut is_first = true;
        self.write("{")?;
        while let Some(key) = members.next() {
            let end = match self.stays(key, &state.object) {
                Some(child) => {
                    self.write(if is_first { "" } else { "," })?;
                    is_first = false;
                    self.write(self.document.text(key.start, key.end))?;
                    self.write(":")?;
                    self.value(key.value, child, &[])?
                }
                None => self.document.end_of(key.value),
            };
            members.go_on(end);
        }
        self.write("}")?;
        Ok(members.end())
    }

    /// The state of a member, if it stays in its object.
    pub(super) fn stays(&self, key: Key, object: &ObjectState) -> Option<StateId> {
        let id = object.member(&self.document.string(key.start, key.end));
        let child = self.plan.state(id);
        let goes =
            id == StateId::DROP || child.is_moved || (child.selects && self.is_bare(key.value));
        (!goes).then_some(id)
    }
}
