//! Says what was done: in `Cache-Status` (RFC 9211), a counter and an attribute.

use std::fmt::Write as _;

use torana_plugin_sdk::{Header, Reply, prelude::*};

use crate::exchange::Forward;

/// The name of this cache.
const NAME: &str = "torana";
const FIELD: &str = "cache-status";
/// For later plugins and the access log.
const ATTRIBUTE: &str = "status";

/// What was done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// Answered from the store, and whether it waited for that.
    Hit { fresh_for: i64, is_collapsed: bool },
    /// Answered from the store, for the service was asked and has said that it holds.
    Revalidated { why: Forward },
    /// Answered from the store, for the service has failed with this status.
    StaleIfError { status: u16 },
    /// There was nothing to answer from, and the client wants nothing else.
    OnlyIfCached,
    /// The service's, and whether it is kept.
    Forwarded { why: Forward, status: u16, is_stored: bool },
}

impl Done {
    /// The name of the counter, and the attribute's value.
    fn name(self) -> &'static str {
        match self {
            Self::Hit { fresh_for, .. } if fresh_for > 0 => "hit",
            Self::Hit { .. } | Self::StaleIfError { .. } => "stale",
            Self::Revalidated { .. } => "revalidated",
            Self::OnlyIfCached => "miss",
            Self::Forwarded { why, .. } => match why {
                Forward::Bypass | Forward::Method => "bypass",
                Forward::UriMiss | Forward::VaryMiss => "miss",
                Forward::Stale | Forward::Request => "expired",
            },
        }
    }

    /// A member of `Cache-Status`.
    fn member(self) -> String {
        let mut member = NAME.to_owned();
        let written = match self {
            Self::Hit { fresh_for, is_collapsed } => {
                let collapsed = if is_collapsed { "; collapsed" } else { "" };
                write!(member, "; hit; ttl={fresh_for}{collapsed}")
            }
            Self::Revalidated { why } => {
                write!(member, "; fwd={}; fwd-status=304", why.name())
            }
            Self::StaleIfError { status } => {
                write!(member, "; fwd=stale; fwd-status={status}; detail=stale-if-error")
            }
            Self::OnlyIfCached => write!(member, "; detail=only-if-cached"),
            Self::Forwarded { why, status, is_stored } => {
                let stored = if is_stored { "; stored" } else { "" };
                write!(member, "; fwd={}; fwd-status={status}{stored}", why.name())
            }
        };
        written.expect("a String takes everything");
        member
    }

    /// Counts it, and keeps it for the access log.
    pub(crate) fn note(self, host: &impl Host) {
        host.metrics().count(self.name(), 1);
        // There may be no room for it, which is no reason to fail.
        let _ = host.attributes().set(ATTRIBUTE, self.name());
    }

    /// Counts it, and says it in a reply.
    pub(crate) fn tell_in(self, host: &impl Host, reply: &mut Reply, is_wanted: bool) {
        self.note(host);
        if !is_wanted {
            return;
        }
        let before = reply.headers.iter().filter(|header| header.name == FIELD);
        let mut members: Vec<_> = before.map(|header| header.value.clone()).collect();
        members.push(self.member());
        reply.headers.retain(|header| header.name != FIELD);
        reply.headers.push(Header { name: FIELD.into(), value: members.join(", ") });
    }

    /// Counts it, and says it in the response that passes.
    pub(crate) fn tell(self, host: &impl Host, is_wanted: bool) {
        self.note(host);
        if !is_wanted {
            return;
        }
        // A head may be as large as can be, which is no reason to fail.
        if let Err(refused) = host.response_edit().add_header(FIELD, &self.member()) {
            host.log().warn(format_args!("`Cache-Status` is not said: {refused}"));
        }
    }
}
