//! Walks a document along a plan and writes what becomes of it.
//!
//! Whatever the plan does not touch is copied as text. What is kept of an object at a time is the
//! places of its members, and that only where names can meet; of an array nothing is. So memory
//! hardly depends on the document, beyond its text.

mod array;
mod frame;
mod mixed;
mod object;

use std::io::{self, Write};

use self::frame::Pending;
use crate::{
    json::Document,
    plan::{Plan, StateId},
    window::Window,
};

/// Writes a document as a plan has it. `windows` are those of the plan's limits. Only `out` can
/// fail.
pub(crate) fn shape(
    plan: &Plan,
    windows: &[Window],
    document: Document<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let start = document.root();
    let (at, state) = match plan.root() {
        Some((steps, state)) => {
            document.find(start, steps).map_or((start, plan.start()), |at| (at, state))
        }
        None => (start, plan.start()),
    };
    match state {
        // The document that was asked for is excluded.
        StateId::DROP => out.write_all(b"null"),
        _ => Walk { plan, windows, document, out }.value(at, state, &[]).map(drop),
    }
}

struct Walk<'a, W> {
    plan: &'a Plan,
    windows: &'a [Window],
    document: Document<'a>,
    out: &'a mut W,
}

impl<'a, W: Write> Walk<'a, W> {
    /// Writes a value, with members that come from elsewhere if it is an object. Gives its end.
    fn value(&mut self, at: usize, state: StateId, more: &[Pending<'a>]) -> io::Result<usize> {
        let known = self.plan.state(state);
        match self.document.byte(at) {
            b'{' if known.object.is_mixed || !more.is_empty() => self.mixed_object(at, known, more),
            _ if known.is_raw => self.copy(at),
            b'{' => self.object(at, known),
            b'[' => self.array(at, &known.array),
            _ => self.copy(at),
        }
    }

    fn copy(&mut self, at: usize) -> io::Result<usize> {
        let end = self.document.end_of(at);
        self.write(self.document.text(at, end))?;
        Ok(end)
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Whether a value has no inside of which a part could stay. Null may stand for anything.
    fn is_bare(&self, at: usize) -> bool {
        !matches!(self.document.byte(at), b'{' | b'[' | b'n')
    }
}

#[cfg(test)]
mod tests;
