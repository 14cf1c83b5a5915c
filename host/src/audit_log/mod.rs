//! The audit log: what happened to the gateway itself, and what plugins tried that they may not, as
//! lines that are chained by their hashes, so that none can be changed or taken out unseen.
//!
//! ```text
//! chain     a line and its hash; the one before is a part of it
//! file      where it ends, what is added, and that it is another one after a rotation
//! verify    reads files, and says which lines are not as they were
//! writer    events -> a file, on a thread of its own
//! ```

mod chain;
mod file;
mod verify;
mod writer;

pub use file::look;
pub use verify::{Break, Found, Verifier};
pub use writer::{AuditLog, STOP};
