//! Arrays, item by item.

use std::io::{self, Write};

use super::Walk;
use crate::{
    plan::{ArrayState, StateId},
    window::Window,
};

const ALL: Window = Window { offset: 0, count: u64::MAX };

impl<W: Write> Walk<'_, W> {
    pub(super) fn array(&mut self, at: usize, state: &ArrayState) -> io::Result<usize> {
        let limit = state.limit.and_then(|number| self.windows.get(number));
        let window = limit.copied().unwrap_or(ALL);
        let mut items = self.document.items(at);
        let (mut index, mut passed, mut written) = (0, 0, 0);
        self.write("[")?;
        while written < window.count
            && let Some(item) = items.next()
        {
            let mut end = None;
            if let Some((value, of_value)) = self.item(item, index, state) {
                if passed >= window.offset {
                    if written > 0 {
                        self.write(",")?;
                    }
                    written += 1;
                    let ended = self.value(value, of_value, &[])?;
                    end = (value == item).then_some(ended);
                }
                passed += 1;
            }
            items.go_on(end.unwrap_or_else(|| self.document.end_of(item)));
            index += 1;
        }
        self.write("]")?;
        Ok(items.end())
    }

    /// What stands for an item, if anything does.
    fn item(&self, item: usize, index: u64, array: &ArrayState) -> Option<(usize, StateId)> {
        if !array.filter.iter().all(|condition| condition.holds(self.document, item)) {
            return None;
        }
        let (value, id) = match &array.map {
            Some((steps, state)) => (self.document.find(item, steps)?, *state),
            None => (item, array.item(index)),
        };
        if id == StateId::DROP {
            return None;
        }
        let state = self.plan.state(id);
        let moved = state.is_moved && array.map.is_none();
        let goes = moved || (state.selects && self.is_bare(value));
        (!goes).then_some((value, id))
    }
}
