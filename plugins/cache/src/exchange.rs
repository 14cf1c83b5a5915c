//! What the hooks of one exchange tell each other: they may run in different instances, so it travels in attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use torana_plugin_sdk::prelude::*;

use crate::{entry::Head, key::Keys, target::Target, validators::Conditions};

/// The plugin's own: what a request hook has found.
const REQUEST: &str = "request";
/// What is to be kept once its body is there.
const PENDING: &str = "pending";

/// What became of a request before it went on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) keys: Keys,
    /// In milliseconds since 1970.
    pub(crate) at: u64,
    /// Why it goes on (RFC 9211, 2.2).
    pub(crate) forward: Forward,
    pub(crate) is_head: bool,
    /// It has waited for another request.
    pub(crate) is_collapsed: bool,
    /// Whether a response to it may be kept.
    pub(crate) keeps: bool,
    pub(crate) is_authorized: bool,
    /// Under which key the response is of which the service was asked whether it holds, or which may stand in for it.
    pub(crate) stored: Option<String>,
    /// When that came, in milliseconds since 1970: others may put something else in its place meanwhile.
    pub(crate) stored_at: u64,
    /// The service was asked with the validators of what is stored, and not with the client's.
    pub(crate) validates: bool,
    /// The client's own.
    pub(crate) conditions: Conditions,
    pub(crate) range: Option<Range>,
    /// Others wait for what is to stand under this key.
    pub(crate) flight: Option<String>,
    /// The target of a method that changes something.
    pub(crate) changes: Option<Target>,
    /// Digests of the request's fields, as they were here.
    pub(crate) seen: BTreeMap<String, String>,
}

/// Which part the client wants.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) range: String,
    pub(crate) if_range: Option<String>,
}

/// Why a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Forward {
    /// The settings or the request want it so.
    Bypass,
    Method,
    /// Nothing is there.
    UriMiss,
    /// What is there is for requests with other fields.
    VaryMiss,
    Stale,
    /// What is there is fresh, and the client wants it fresher.
    Request,
}

/// A response that is kept, and where.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) head: Head,
    pub(crate) keys: Keys,
    pub(crate) flight: Option<String>,
    /// Digests of the lines of `Set-Cookie` that are kept. They are not in the head: every plugin can read this.
    pub(crate) cookies: Vec<String>,
    /// The digests of the request's fields, as they were before it went on.
    pub(crate) seen: BTreeMap<String, String>,
}

impl Asked {
    /// Nobody ran before, or it was nothing to remember.
    pub(crate) fn take(host: &impl Host) -> Option<Self> {
        let text = host.attributes().get(REQUEST)?;
        serde_json::from_str(&text).ok()
    }

    /// Whether there was room for it.
    pub(crate) fn put(&self, host: &impl Host) -> bool {
        let text = serde_json::to_string(self);
        text.is_ok_and(|text| host.attributes().set(REQUEST, &text).is_ok())
    }
}

impl Pending {
    /// Whatever was to be kept is not.
    pub(crate) fn forget(host: &impl Host) {
        // It is the plugin's own, and so cannot be refused.
        let _ = host.attributes().remove(PENDING);
    }

    /// Once only.
    pub(crate) fn take(host: &impl Host) -> Option<Self> {
        let text = host.attributes().get(PENDING)?;
        host.attributes().remove(PENDING).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Whether there was room for it: attributes have 64 KiB, and a head may be larger.
    pub(crate) fn put(&self, host: &impl Host) -> bool {
        let text = serde_json::to_string(self);
        text.is_ok_and(|text| host.attributes().set(PENDING, &text).is_ok())
    }
}

impl Forward {
    /// As `Cache-Status` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}
