//! How an attempt ended.

use std::sync::Arc;

use super::{
    Phase, UpstreamError, connect::ConnectError, lease::Lease, target::Target,
    unanswered::Unanswered,
};
use crate::{config::RetryOn, heads::ResponseHead};

/// The head of a response, and the hold on its connection.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    /// Has its body.
    pub(super) lease: Lease,
    /// Of the target.
    pub(super) index: usize,
}

/// An attempt without a response.
pub(super) struct Failed {
    pub(super) why: UpstreamError,
    /// The target that it failed at.
    pub(super) target: Option<usize>,
    /// Whether it is the service's fault.
    pub(super) is_theirs: bool,
    /// What it is to `retries`, if it is anything to it.
    pub(super) retry: Option<RetryOn>,
}

impl Failed {
    pub(super) fn of(target: usize, why: UpstreamError, retry: RetryOn) -> Self {
        Self { why, target: Some(target), retry: Some(retry), is_theirs: true }
    }

    /// The service had no part in it.
    pub(super) fn of_client(why: UpstreamError) -> Self {
        Self { why, target: None, retry: None, is_theirs: false }
    }
}

pub(super) fn not_connected(target: &Target, why: ConnectError) -> UpstreamError {
    let target = target.name.clone();
    match why {
        ConnectError::Failed(reason) => UpstreamError::Connect { target, reason },
        ConnectError::LookUp(reason) => UpstreamError::LookUp { target, reason },
        ConnectError::Denied(reason) => UpstreamError::Denied { target, reason },
        ConnectError::Timeout => UpstreamError::Timeout { target, phase: Phase::Connect },
    }
}

pub(super) fn no_target(name: &Arc<str>) -> UpstreamError {
    UpstreamError::Connect { target: name.clone(), reason: "it has no target".to_owned() }
}

pub(super) fn timeout(target: &Target, phase: Phase) -> UpstreamError {
    UpstreamError::Timeout { target: target.name.clone(), phase }
}

/// What came was no response, or nothing. `kept` connections are closed by services at any time.
pub(super) fn protocol(target: &Target, why: &Unanswered, kept: bool) -> UpstreamError {
    let mut reason = why.to_string();
    if why.is_mute() && !kept && target.server_name.is_none() {
        reason.push_str("; if the service speaks TLS at this port, add `tls`");
    }
    UpstreamError::Protocol { target: target.name.clone(), reason }
}
