//! What the client gets when a part that it cannot go without does not come.

use torana_plugin_sdk::prelude::*;

use crate::fault::{Blame, Fault};

/// The end, before the reply is composed.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The client gets this.
    Refused(Reply),
    /// The hook could not do its work.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// For a fault of a part without which there is no reply.
pub(crate) fn of(part: &str, fault: &Fault) -> Stop {
    match fault.blame() {
        Blame::Service => Stop::Refused(of_service(part, fault)),
        Blame::Client => Stop::Refused(of_client(fault)),
        Blame::Operator => {
            let text = format!(
                "part `{part}`: {fault}: let a plugin before this one set it, or write a default, \
                 {{NAME:-default}}"
            );
            Stop::Failed(Failure::new(text))
        }
    }
}

/// For a fault that is passed on as it is.
pub(crate) fn passed_on(part: &str, fault: &Fault) -> Stop {
    match fault {
        Fault::Refused(refusal) => Stop::Refused(refusal.passed_on(part)),
        other => of(part, other),
    }
}

/// For more than `max_bytes` of reply.
pub(crate) fn too_large() -> Stop {
    let detail = "The reply would be larger than the gateway allows.";
    Stop::Refused(Reply::problem(502, "reply-too-large", detail))
}

/// The part's name is all that the client learns; the log has the rest.
fn of_service(part: &str, fault: &Fault) -> Reply {
    if *fault == Fault::Timeout {
        let detail = format!("The part `{part}` of the reply did not come in time.");
        return Reply::problem(504, "part-timeout", &detail);
    }
    let detail = format!("The part `{part}` of the reply could not be had.");
    Reply::problem(502, "part-failed", &detail)
}

fn of_client(fault: &Fault) -> Reply {
    match fault {
        Fault::BadValue(source, why) => {
            Reply::problem(400, "bad-value", &format!("The {source} {why}."))
        }
        Fault::NoValue(source) => {
            Reply::problem(400, "missing-value", &format!("The {source} is missing."))
        }
        other => Reply::problem(400, "bad-value", &format!("The request {}.", other.label())),
    }
}
