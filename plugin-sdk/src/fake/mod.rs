//! A host for tests: it says what it is told to say and keeps what it is told.
//!
//! ```
//! # use torana_plugin_sdk::{fake::FakeHost, prelude::*};
//! # struct Greet;
//! # impl Greet {
//! #     fn on_request_head(&self, host: &impl Host) -> Outcome {
//! #         host.request_edit().set_header("x-user", &host.request().param("id").unwrap())?;
//! #         Ok(Action::Next)
//! #     }
//! # }
//! let host = FakeHost::get("/users/7").with_param("id", "7");
//!
//! assert_eq!(Greet.on_request_head(&host), Ok(Action::Next));
//! assert_eq!(host.request().header("x-user").unwrap().unwrap(), "7");
//! ```
//!
//! A plugin with a [`prepare`](crate::Plugin::prepare) is prepared with the host before its first hook, and called if
//! [`FakeHost::is_called_for`] says so: [`cases`](crate::cases) do both.
//!
//! It keeps to the contract where that is simple: hidden and reserved headers, legal names and
//! values, the names of attributes, what stores take. It does not know which hook it is called from:
//! [`FakeHost::end_hook`] tells it that one is over.

mod body;
mod fetch;
mod kv;
mod mentions;
mod message;
mod rate_limit;
mod services;
mod setup;
mod state;
#[cfg(feature = "crypto")]
mod verify;

use std::{
    cell::{Ref, RefCell, RefMut},
    collections::BTreeSet,
    rc::Rc,
};

#[cfg(feature = "cases")]
pub(crate) use self::message::{is_hidden, sound_headers};
use self::state::{Body, Headers, State};
use crate::{
    Content, Reply,
    host::{
        Attributes, Clock, Crypto, EditBody, Fetch, FetchError, Host, Incoming, Kv, Level, Log,
        Metrics, Outgoing, PublicKey, Random, RateLimit, ReadBody, Request, RequestEdit, Response,
        ResponseAhead, ResponseEdit, Secrets, SignatureAlgorithm, TlsSession,
    },
    settings::SettingError,
};

/// What stores that are down say.
const DOWN: &str = "the store is down";

/// A host for tests.
///
/// The methods `with_...` say what there is; the rest of them, what became of it. A clone is the
/// same host.
#[derive(Clone)]
pub struct FakeHost(Rc<RefCell<State>>);

impl FakeHost {
    /// A host with a GET request. The target is a path, maybe with a query.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A host with a request of any method.
    pub fn new(method: &str, target: &str) -> Self {
        Self(Rc::new(RefCell::new(State::new(method, target))))
    }

    /// One more header of the request. There is one `Host`, which is the authority.
    pub fn with_header(self, name: &str, value: &str) -> Self {
        self.with_header_bytes(name, value.as_bytes())
    }

    /// One more header of the request, whose value need not be UTF-8.
    pub fn with_header_bytes(self, name: &str, value: &[u8]) -> Self {
        self.with(|state| match name.eq_ignore_ascii_case("host") {
            true => state.set_authority(&String::from_utf8_lossy(value)),
            false => state.request.headers.push(name, value),
        })
    }

    /// A parameter of the route's path.
    pub fn with_param(self, name: &str, value: &str) -> Self {
        self.with(|state| state.request.params.push((name.into(), value.into())))
    }

    /// The client's address. Without it, 192.0.2.1.
    pub fn with_client(self, address: &str) -> Self {
        self.with(|state| state.request.client = address.into())
    }

    /// Host and port as the client named them, in `Host`. Without it, `gateway.example`.
    pub fn with_authority(self, authority: &str) -> Self {
        self.with(|state| state.set_authority(authority))
    }

    /// The TLS session. With it, the scheme is `https`.
    pub fn with_tls(self, session: TlsSession) -> Self {
        self.with(|state| {
            state.request.scheme = "https".into();
            state.request.tls = Some(session);
        })
    }

    /// The route's name. Without it, `route`.
    pub fn with_route(self, name: &str) -> Self {
        self.with(|state| state.request.route = name.into())
    }

    /// The path that the route matches: `/users/{id}`. Without it, any: no parameter is found missing in it.
    pub fn with_route_path(self, pattern: &str) -> Self {
        self.with(|state| state.route_path = Some(pattern.into()))
    }

    /// The request id. Without it, `request-1`.
    pub fn with_id(self, id: &str) -> Self {
        self.with(|state| state.request.id = id.into())
    }

    /// The upstreams that the route names. The first is the one that it goes to.
    pub fn with_upstreams(self, names: &[&str]) -> Self {
        self.with(|state| state.upstreams = names.iter().map(|&name| name.to_owned()).collect())
    }

    /// The request's body.
    pub fn with_body(self, body: impl Into<Content>) -> Self {
        let body = body.into();
        self.with(|state| state.request_body = Some(Body::new(body.as_bytes())))
    }

    /// A response, with its body.
    pub fn with_response(self, reply: Reply) -> Self {
        self.with(|state| state.set_response(&reply))
    }

    /// An attribute that a plugin before this one set.
    pub fn with_attribute(self, name: &str, value: &str) -> Self {
        self.with(|state| {
            state.attributes.insert(name.into(), value.into());
        })
    }

    /// `headers = { read = [name] }` in the grants.
    pub fn grant_read(self, name: &str) -> Self {
        self.with(|state| {
            state.readable.insert(name.to_ascii_lowercase());
        })
    }

    /// `headers = { write = [name] }` in the grants.
    pub fn grant_write(self, name: &str) -> Self {
        self.with(|state| {
            state.writable.insert(name.to_ascii_lowercase());
        })
    }

    /// `attributes = [name]` in the grants.
    pub fn grant_attribute(self, name: &str) -> Self {
        self.with(|state| {
            state.granted_attributes.insert(name.into());
        })
    }

    /// A secret, which may be used and revealed.
    pub fn with_secret(self, name: &str, text: &str) -> Self {
        self.with_secret_bytes(name, text.as_bytes())
    }

    /// A secret that need not be text. One that is none can be used, but not revealed.
    pub fn with_secret_bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.with_secret_to_use(name, bytes).with(|state| {
            state.revealed.insert(name.into());
        })
    }

    /// `secrets = { use = [name] }` in the grants: it goes where it is named in `crypto` and `fetch`, unseen.
    pub fn with_secret_to_use(self, name: &str, bytes: &[u8]) -> Self {
        self.with(|state| {
            state.secrets.insert(name.into(), bytes.into());
            state.usable.insert(name.into());
        })
    }

    /// `secrets = { reveal = [name] }` in the grants: its text may be seen.
    pub fn with_secret_to_reveal(self, name: &str, text: &str) -> Self {
        self.with(|state| {
            state.secrets.insert(name.into(), text.into());
            state.revealed.insert(name.into());
        })
    }

    /// What other services answer to what the host sends them: secrets stand in its headers. Without it, every fetch is
    /// denied.
    pub fn with_fetch(
        self,
        answer: impl Fn(&Outgoing) -> Result<Incoming, FetchError> + 'static,
    ) -> Self {
        self.with(|state| state.answer = Rc::new(answer))
    }

    /// How long other services take to answer, in milliseconds on the fake clock. Without it, no
    /// time at all.
    pub fn with_fetch_delay(self, delay: impl Fn(&Outgoing) -> u64 + 'static) -> Self {
        self.with(|state| state.delay = Rc::new(delay))
    }

    /// Which signatures hold: of (algorithm, key, message, signature). Without it they are verified
    /// if the feature `crypto` is on; if not, none holds.
    pub fn with_verify(
        self,
        holds: impl Fn(SignatureAlgorithm, &PublicKey, &[u8], &[u8]) -> bool + 'static,
    ) -> Self {
        self.with(|state| {
            state.holds = Rc::new(move |algorithm, key, message, signature| {
                Ok(holds(algorithm, key, message, signature))
            });
        })
    }

    /// What another host keeps in `kv` and in its buckets, and its time: the next exchange of the
    /// same gateway.
    pub fn with_stores_of(self, other: &Self) -> Self {
        self.with(|state| state.take_stores(&other.see()))
    }

    /// `kv = { max_bytes = ... }` in the grants: room for keys and values together, in bytes. Without it, 16 MiB.
    pub fn with_kv_room(self, bytes: u64) -> Self {
        self.with(|state| state.kv_room = bytes)
    }

    /// Stores that do not answer: every call of `kv` and `rate_limit` is refused as unavailable.
    pub fn with_unavailable_stores(self) -> Self {
        self.with(|state| state.stores_are_down = true)
    }

    /// The time, in milliseconds since 1970.
    pub fn with_unix_millis(self, now: u64) -> Self {
        self.with(|state| state.unix_millis = now)
    }

    /// Lets time pass.
    pub fn advance_millis(&self, by: u64) {
        self.edit().pass(by);
    }

    /// Ends a hook call: nobody waits any more for what it leads in `kv`, nor for what it began to fetch.
    pub fn end_hook(&self) {
        let mut state = self.edit();
        state.led.clear();
        state.under_way.clear();
        state.started = 0;
    }

    /// How much time has passed, in milliseconds: what was waited for and what was let pass.
    pub fn elapsed_millis(&self) -> u64 {
        self.see().monotonic_nanos / 1_000_000
    }

    /// Whether the host calls `on_request_head` for this request, by what was said of that
    /// ([`Setup::call_only_for`](crate::host::Setup::call_only_for)).
    pub fn is_called_for(&self) -> bool {
        let state = self.see();
        state.standing.is_for(&state.request)
    }

    /// What the host refuses of what settings make the plugin use
    /// ([`Setup::reads_header`](crate::host::Setup::reads_header) and those beside it): headers that are not granted, or
    /// upstreams and parameters that the route does not have.
    pub fn refused_settings(&self) -> Vec<SettingError> {
        self.see().refused_settings()
    }

    /// Goes on to the response, in which is changed what request hooks wanted changed.
    pub fn set_response(&self, reply: &Reply) {
        self.edit().set_response(reply);
    }

    /// What was logged.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.see().logs.clone()
    }

    /// What was fetched, in order.
    pub fn fetched(&self) -> Vec<Outgoing> {
        self.see().fetched.clone()
    }

    /// The upstream that the request goes to: the route's, or the one that was chosen.
    pub fn upstream(&self) -> Option<String> {
        let state = self.see();
        state.chosen.clone().or_else(|| state.upstreams.first().cloned())
    }

    /// The request's body as it goes to the upstream.
    pub fn forwarded_body(&self) -> Vec<u8> {
        self.see().request_body.as_ref().map(Body::result).unwrap_or_default()
    }

    /// The response's body as it goes to the client.
    pub fn answered_body(&self) -> Vec<u8> {
        self.see().response_body.as_ref().map(Body::result).unwrap_or_default()
    }

    /// What the plugin counted under a name of its own.
    pub fn counted(&self, name: &str) -> u64 {
        self.see().counts.get(name).copied().unwrap_or_default()
    }

    /// The gauge of a name of the plugin's own.
    pub fn gauged(&self, name: &str) -> Option<f64> {
        self.see().gauges.get(name).copied()
    }

    /// The interfaces that were called, by their names in the contract: what the TOML would have
    /// to grant.
    pub fn used(&self) -> BTreeSet<&'static str> {
        self.see().used.clone()
    }

    /// Every value of a request header, hidden or not.
    pub fn forwarded_header(&self, name: &str) -> Vec<String> {
        lossy(&self.see().request.headers, name)
    }

    /// Every value of a response header, hidden or not.
    pub fn answered_header(&self, name: &str) -> Vec<String> {
        let state = self.see();
        state.response.as_ref().map(|head| lossy(&head.headers, name)).unwrap_or_default()
    }

    fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.edit());
        self
    }

    /// The state, for a call of an interface.
    fn call(&self, interface: &'static str) -> RefMut<'_, State> {
        let mut state = self.edit();
        state.used.insert(interface);
        state
    }

    fn see(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    fn edit(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

fn lossy(headers: &Headers, name: &str) -> Vec<String> {
    headers.all(name).into_iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

impl Host for FakeHost {
    fn log(&self) -> impl Log {
        services::FakeLog(self.clone())
    }
    fn clock(&self) -> impl Clock {
        services::FakeClock(self.clone())
    }
    fn random(&self) -> impl Random {
        services::FakeRandom(self.clone())
    }
    fn metrics(&self) -> impl Metrics {
        services::FakeMetrics(self.clone())
    }
    fn request(&self) -> impl Request {
        message::FakeRequest(self.clone())
    }
    fn response(&self) -> impl Response {
        message::FakeResponse(self.clone())
    }
    fn attributes(&self) -> impl Attributes {
        services::FakeAttributes(self.clone())
    }
    fn request_edit(&self) -> impl RequestEdit {
        message::FakeRequestEdit(self.clone())
    }
    fn response_edit(&self) -> impl ResponseEdit {
        message::FakeResponseEdit(self.clone())
    }
    fn response_ahead(&self) -> impl ResponseAhead {
        message::FakeResponseAhead(self.clone())
    }
    fn request_body(&self) -> impl ReadBody {
        body::FakeRequestBody(self.clone())
    }
    fn request_body_edit(&self) -> impl EditBody {
        body::FakeRequestBodyEdit(self.clone())
    }
    fn response_body(&self) -> impl ReadBody {
        body::FakeResponseBody(self.clone())
    }
    fn response_body_edit(&self) -> impl EditBody {
        body::FakeResponseBodyEdit(self.clone())
    }
    fn kv(&self) -> impl Kv {
        kv::FakeKv(self.clone())
    }
    fn rate_limit(&self) -> impl RateLimit {
        rate_limit::FakeRateLimit(self.clone())
    }
    fn fetch(&self) -> impl Fetch {
        fetch::FakeFetch(self.clone())
    }
    fn crypto(&self) -> impl Crypto {
        services::FakeCrypto(self.clone())
    }
    fn secrets(&self) -> impl Secrets {
        services::FakeSecrets(self.clone())
    }
}

#[cfg(test)]
mod tests;
