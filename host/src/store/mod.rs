//! What plugins keep and count: the traits of [`stores`](crate::stores) made real.
//!
//! ```text
//! chosen      the store that a configuration wants
//! memory      gives namespaces and counters by name: they outlive a configuration
//! namespace   keys and values of one plugin entry; room (its byte cap), flights (single flight)
//! limiter     takes from several buckets or from none; shards (where they lie), bucket (what one
//!             allows: gcra, window)
//! clock       the time of both, which tests drive by hand
//! redis       the same for several gateways; ledger (what others do not know of yet), merge (what
//!             a bucket is to several gateways)
//! ```
//!
//! Nothing here waits while it holds a lock, and in memory, but for `lead`, every call is done when
//! it returns.

mod bucket;
mod chosen;
mod clock;
mod flights;
mod gcra;
mod ledger;
mod limiter;
mod memory;
mod merge;
mod namespace;
mod redis;
mod room;
mod shards;
mod window;

pub use chosen::Store;
pub use clock::{Clock, Monotonic};
pub use memory::Memory;
pub use redis::Shared;
