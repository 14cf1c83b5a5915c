use super::{EditHeaders, HeaderError, ResponseAhead};
use crate::Refused;

/// The most changes that stand, for requests and for responses each.
pub const STANDING_CHANGES: usize = 64;

/// The most bytes of names and values in them.
pub const STANDING_BYTES: usize = 16 << 10;

/// What a plugin can say once, when it is set up, of all exchanges to come: it is done without a call then.
///
/// Changes of heads are made where the plugin stands in its chain, just before its own hooks, which see them. What the
/// first instance of a plugin says holds for all of them.
pub trait Setup: Clone + 'static {
    /// Changes headers of every request. Needs `request-edit = true`.
    fn every_request(&self) -> impl EditHeaders;
    /// Changes headers of every response, but for what this plugin's request hooks reply themselves. Needs
    /// `response-edit = true`.
    fn every_response(&self) -> impl ResponseAhead;
    /// Has `on_request_head` called only for requests that have one of these headers, whatever they say, or one of
    /// these methods: for all others it has nothing to do. At most 64 names in all; what is said last holds.
    ///
    /// Never for a plugin that refuses: what a request has is for its client to choose, and one that leaves the
    /// header out is not seen.
    fn call_only_for(&self, headers: &[&str], methods: &[&str])
    -> Result<(), Refused<HeaderError>>;
}
