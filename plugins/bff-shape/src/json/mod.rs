//! JSON as text: read where it stands, never turned into a tree. So numbers, spelling and order stay
//! what they were, and a large document needs no more memory than its text.

mod check;
mod document;
mod find;
mod string;

pub(crate) use document::{Document, Key, Malformed};
pub(crate) use string::quoted;
