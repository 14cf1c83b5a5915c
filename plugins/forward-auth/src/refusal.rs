//! What clients are told that the service has no words for.

use torana_plugin_sdk::prelude::*;

/// Whether a no may have this status. 304 is none: a client would take it for a yes to what it has kept.
pub(crate) fn may_have(status: u16) -> bool {
    (300..500).contains(&status) && status != 304
}

/// Nobody says yes or no.
pub(crate) fn unavailable() -> Reply {
    let detail = "Whether this is allowed cannot be found out at the moment.";
    Reply::problem(503, "authorization-unavailable", detail)
}

/// A policy says no, and no more.
pub(crate) fn denied(status: u16) -> Reply {
    match status {
        401 => Reply::problem(401, "unauthenticated", "Credentials are needed for this."),
        status => Reply::problem(status, "forbidden", "This is not allowed."),
    }
}
