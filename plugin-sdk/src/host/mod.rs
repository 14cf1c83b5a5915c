//! What the host offers to a plugin.
//!
//! One trait for each interface of the contract, and [`Host`], which gives them all. A plugin's
//! logic takes `&impl Host` (or, better, just the trait that it needs): with [`RealHost`] in the
//! sandbox, with `FakeHost` in tests. An interface that the logic never calls is no import of the
//! component, so it needs no grant.

mod attributes;
mod basics;
mod body;
mod fetch;
mod message;
pub(crate) mod real;
pub(crate) mod setup;
mod state;
mod trust;

pub use self::{
    attributes::Attributes,
    basics::{Clock, Log, Metrics, Random},
    body::{EditBody, ReadBody},
    fetch::Fetch,
    message::{
        EditHeaders, ReadHeaders, Request, RequestEdit, Response, ResponseAhead, ResponseEdit,
    },
    real::RealHost,
    setup::{STANDING_BYTES, STANDING_CHANGES, Setup},
    state::{Kv, RateLimit},
    trust::{Crypto, Secrets},
};
pub use crate::bindings::capabilities::{
    attributes::AttributeError,
    crypto::{CryptoError, DigestAlgorithm, Key, PublicKey, RsaComponents, SignatureAlgorithm},
    fetch::{FetchError, Incoming, Outgoing, SecretHeader},
    kv::{KvError, LeadAnswer},
    log::Level,
    rate_limit::{Algorithm, Bucket, RateLimitError, Verdict},
    request::TlsSession,
    response_ahead::Change,
    secrets::SecretError,
    types::{BodyError, EditError, HeaderError},
};

/// Everything that the host offers, an accessor for each interface.
///
/// The first group is granted to every plugin. The others say which line they need in the
/// `grants` of the plugin's TOML.
///
/// It is cheap to clone, so that a [`Transform`](crate::Transform) may keep it.
pub trait Host: Clone + 'static {
    /// The gateway's log.
    fn log(&self) -> impl Log;
    /// The time.
    fn clock(&self) -> impl Clock;
    /// Random numbers that are fit for keys.
    fn random(&self) -> impl Random;
    /// Counters and gauges of the plugin's own.
    fn metrics(&self) -> impl Metrics;
    /// The request. There is none in `on_tick`.
    fn request(&self) -> impl Request;
    /// The response. There is one in response hooks only.
    fn response(&self) -> impl Response;
    /// Text that goes from one plugin to the next. There is none in `on_tick`.
    fn attributes(&self) -> impl Attributes;

    /// Changes the request. Needs `request-edit = true`.
    fn request_edit(&self) -> impl RequestEdit;
    /// Changes the response. Needs `response-edit = true`.
    fn response_edit(&self) -> impl ResponseEdit;
    /// Changes a response that there is not yet, from a request hook. Needs `response-edit = true`.
    fn response_ahead(&self) -> impl ResponseAhead;
    /// Reads the request's body. Needs `request-body = "read"`.
    fn request_body(&self) -> impl ReadBody;
    /// Writes the request's body. Needs `request-body = "read-write"`.
    fn request_body_edit(&self) -> impl EditBody;
    /// Reads the response's body. Needs `response-body = "read"`.
    fn response_body(&self) -> impl ReadBody;
    /// Writes the response's body. Needs `response-body = "read-write"`.
    fn response_body_edit(&self) -> impl EditBody;
    /// Keys and values, shared by the plugin's instances. Needs `kv = true`.
    fn kv(&self) -> impl Kv;
    /// Counters that say whether something may happen now. Needs `rate-limit = true`.
    fn rate_limit(&self) -> impl RateLimit;
    /// Calls other services. Needs `fetch = ["an-upstream", "https://idp.example"]`.
    fn fetch(&self) -> impl Fetch;
    /// Signatures and digests. Needs `crypto = true`.
    fn crypto(&self) -> impl Crypto;
    /// The text of secrets. Needs `secrets = { reveal = ["NAME"] }`.
    fn secrets(&self) -> impl Secrets;
}
