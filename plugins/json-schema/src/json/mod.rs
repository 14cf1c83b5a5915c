//! JSON, read strictly and kept exactly: numbers as they are written, and nothing that two parsers would read in two
//! ways.

mod number;
mod order;
mod reader;
mod value;

pub(crate) use number::Decimal;
pub(crate) use order::twins;
pub(crate) use reader::{Malformed, Trouble, read};
pub(crate) use value::{Object, Value, escaped, fragment};
