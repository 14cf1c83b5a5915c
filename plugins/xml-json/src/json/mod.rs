//! JSON (RFC 8259), strictly.

mod reader;
pub(crate) mod text;

pub(crate) use self::reader::{Json, Kind, ValueId};

/// What caps a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Arrays and objects in one another.
    pub(crate) depth: usize,
    /// Values of a document.
    pub(crate) values: usize,
}

#[cfg(test)]
impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, values: 1_000_000 }
    }
}
