//! Why there is no response. Which status the client gets for it is not decided here.

use std::{fmt, sync::Arc, time::Duration};

use crate::body::BodyError;

/// Why an upstream gave no response. Its text is for the log.
#[derive(Debug)]
pub enum UpstreamError {
    /// No target takes a connection; this is the last one that was tried. Nothing was sent.
    Connect {
        /// `host:port`
        target: Arc<str>,
        /// What the network said.
        reason: String,
    },
    /// What the target's name stands for cannot be found out. Nothing was sent.
    LookUp {
        /// `host:port`
        target: Arc<str>,
        /// What the resolver said, and what to check.
        reason: String,
    },
    /// The target resolves to an address that may not be called. Nothing was sent.
    Denied {
        /// `host:port`
        target: Arc<str>,
        /// Which address, and why not.
        reason: String,
    },
    /// It took too long.
    Timeout {
        /// `host:port`
        target: Arc<str>,
        /// What was waited for.
        phase: Phase,
    },
    /// The connection broke, or what came is not HTTP.
    Protocol {
        /// `host:port`
        target: Arc<str>,
        /// What was wrong with it.
        reason: String,
    },
    /// As much is asked of the upstream as may be. Nothing was sent.
    Busy {
        /// Its name.
        upstream: Arc<str>,
        /// Which of its `limits` is reached.
        limit: &'static str,
    },
    /// So much has failed that nothing is asked of the upstream. Nothing was sent.
    Open {
        /// Its name.
        upstream: Arc<str>,
        /// When its `breaker` lets requests through again.
        left: Duration,
    },
    /// The request's own body ended before its end: the fault is on the client's side.
    RequestBody(BodyError),
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// TCP and TLS (`timeouts.connect`).
    Connect,
    /// The head of the response, once the request was sent (`timeouts.head`).
    Head,
    /// One attempt, to the head of the response (`timeouts.try`).
    Try,
    /// All of it (the route's `timeout`).
    Total,
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { target, reason } => write!(f, "cannot connect to {target}: {reason}"),
            Self::LookUp { target, reason } => {
                write!(f, "the name of {target} cannot be looked up: {reason}")
            }
            Self::Denied { target, reason } => write!(f, "{target} may not be called: {reason}"),
            Self::Timeout { target, phase } => write!(f, "{target}: {phase}"),
            Self::Protocol { target, reason } => write!(f, "no response from {target}: {reason}"),
            Self::Busy { upstream, limit } => write!(f, "{upstream}: `limits.{limit}` is reached"),
            Self::Open { upstream, left } => {
                write!(f, "{upstream}: its breaker is open for another {left:?}")
            }
            Self::RequestBody(why) => write!(f, "the request could not be sent: {why}"),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting took too long (`timeouts.connect`)",
            Self::Head => "no response head in time (`timeouts.head`)",
            Self::Try => "no response head from this attempt in time (`timeouts.try`)",
            Self::Total => "no response within the request's deadline",
        })
    }
}

impl std::error::Error for UpstreamError {}
