use super::{FetchError, Incoming, Outgoing};
use crate::Refused;

/// Calls other services. Redirects are not followed; they are answers like any other.
pub trait Fetch {
    /// Sends one request and waits for the whole reply.
    fn send(&self, request: &Outgoing) -> Result<Incoming, Refused<FetchError>>;
    /// Sends all of them at once and waits for every reply, given in the order of the requests.
    fn send_all(&self, requests: &[Outgoing]) -> Vec<Result<Incoming, Refused<FetchError>>>;
    /// Sends one request and does not wait. The number is valid for this hook call.
    fn start(&self, request: &Outgoing) -> u32;
    /// Waits for any one of those that were started, and says which it was. None when all were
    /// waited for.
    fn wait_any(&self) -> Option<(u32, Result<Incoming, Refused<FetchError>>)>;
}
