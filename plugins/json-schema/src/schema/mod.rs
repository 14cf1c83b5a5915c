//! Schemas, from documents to what values are held against. Nothing here knows the gateway.

mod compile;
mod documents;
mod draft;
mod keywords;
mod node;
mod pattern;
mod uri;

pub(crate) use compile::{Options, compile};
pub(crate) use documents::{Documents, Fault, Place, pointer};
pub(crate) use draft::Draft;
pub(crate) use node::{Bound, Check, Counted, Items, NodeId, Properties, Set, Type, Types};
