//! How a guest's `fetch` reaches the network: the plugin room calls it, the upstream room does it.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};

use crate::fields::Fields;

use crate::traces::Calls;

/// Sends requests for plugins.
pub trait Dispatch: Send + Sync {
    /// Sends one and waits for the whole reply. The guest's grants were checked before.
    fn send(&self, request: Outgoing) -> BoxFuture<'static, Result<Incoming, DispatchError>>;
}

/// A request that a plugin makes.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub to: Destination,
    /// Its method.
    pub method: Method,
    /// Path and query, percent-encoded, beginning with a slash.
    pub path: String,
    /// Without framing and hop-by-hop fields.
    pub headers: Fields,
    /// All of the body.
    pub body: Bytes,
    /// From now to the last byte of the reply.
    pub timeout: Duration,
    /// Largest reply body, bytes.
    pub max_body: u64,
    /// Makes the spans of its attempts; none where nobody traces it.
    pub calls: Option<Arc<Calls>>,
}

/// Where a fetch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An upstream of the configuration.
    Upstream(Arc<str>),
    /// An origin that the grants name.
    Origin {
        /// Over TLS.
        https: bool,
        /// A name or an address.
        host: String,
        /// Its port.
        port: u16,
        /// Set when the grant names an address: only then may it be private or link-local.
        address: Option<IpAddr>,
    },
}

/// The reply to a fetch.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Any status: redirects are not followed.
    pub status: StatusCode,
    /// Without hop-by-hop fields.
    pub headers: Fields,
    /// All of the body.
    pub body: Bytes,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DispatchError {
    /// An address that a plugin may not call.
    Denied(String),
    /// No such upstream, or a request that cannot be sent.
    Invalid(String),
    /// Too slow.
    Timeout,
    /// No connection.
    Unreachable(String),
    /// The answer broke the protocol or off.
    Protocol(String),
    /// The reply is larger than `max_body`.
    TooLarge,
}

impl fmt::Display for DispatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(why) => write!(f, "denied: {why}"),
            Self::Invalid(why) => write!(f, "invalid: {why}"),
            Self::Timeout => f.write_str("timed out"),
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::Protocol(why) => write!(f, "broken answer: {why}"),
            Self::TooLarge => f.write_str("the answer is too large"),
        }
    }
}

impl std::error::Error for DispatchError {}
