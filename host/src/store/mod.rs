//! What plugins keep and count, in memory: the traits of [`stores`](crate::stores) made real.
//!
//! ```text
//! memory      gives namespaces and counters by name: they outlive a configuration
//! namespace   keys and values of one plugin entry; room (its byte cap), flights (single flight)
//! limiter     takes from several buckets or from none; shards (where they lie), bucket (what one
//!             allows: gcra, window)
//! clock       the time of both, which tests drive by hand
//! ```
//!
//! Nothing here waits while it holds a lock: but for `lead`, every call is done when it returns.

mod bucket;
mod clock;
mod flights;
mod gcra;
mod limiter;
mod memory;
mod namespace;
mod room;
mod shards;
mod window;

pub use clock::{Clock, Monotonic};
pub use memory::Memory;
