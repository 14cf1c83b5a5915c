//! The audit log: what happened to the gateway itself, and what plugins tried that they may not, as
//! lines that are chained by their hashes, so that none can be changed or taken out unseen.
//!
//! ```text
//! chain     a line and its hash; the one before is a part of it
//! verify    reads a file, and says which line is not as it was
//! writer    events -> a file, on a thread of its own
//! ```

mod chain;
mod verify;
mod writer;

pub use verify::{Broken, verify};
pub use writer::{AuditLog, STOP};
