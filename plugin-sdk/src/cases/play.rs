//! Plays a case: the host's part, in the order of the contract.

use std::{cell::RefCell, rc::Rc};

use super::{
    expect::{End, Witness},
    format::{Answer, Case, FetchCase, FetchFailure, Stores, Values},
};
use crate::{
    Action, Content, Failure, Header, Hook, Hooks, Outcome, Reply, StreamOutcome,
    fake::FakeHost,
    host::{
        Attributes as _, FetchError, Host as _, Incoming, Outgoing, Request as _, Response as _,
    },
    settings,
};

/// What came of a case.
pub(super) struct Played {
    pub(super) end: End,
    pub(super) host: FakeHost,
    /// The calls that found no `[[fetch]]`, and the `[[fetch]]` that found no call.
    pub(super) fetches: Vec<String>,
    /// The request's and the response's body, at their ends.
    pub(super) request_body: Vec<u8>,
    pub(super) response_body: Vec<u8>,
}

impl Played {
    /// What the plugin used and the case does not grant, and what went wrong with its calls.
    pub(super) fn mistakes(&self, case: &Case) -> Vec<String> {
        let used = self.host.used();
        let lacking = used.iter().filter_map(|interface| {
            let grant = case.grants.lacks(interface)?;
            Some(format!("the plugin uses `{interface}`: add `{grant}` to the grants"))
        });
        lacking.chain(self.fetches.iter().cloned()).collect()
    }
}

impl Witness for Played {
    fn target(&self) -> String {
        let request = self.host.request();
        let query = request.query().map(|query| format!("?{query}"));
        format!("{}{}", request.path(), query.unwrap_or_default())
    }

    fn upstream(&self) -> Option<String> {
        self.host.upstream()
    }

    fn sent(&self, name: &str) -> Vec<String> {
        self.host.forwarded_header(name)
    }

    fn sent_body(&self) -> Vec<u8> {
        self.request_body.clone()
    }

    fn status(&self) -> u16 {
        self.host.response().status()
    }

    fn answered(&self, name: &str) -> Vec<String> {
        self.host.answered_header(name)
    }

    fn answered_body(&self) -> Vec<u8> {
        self.response_body.clone()
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.host.attributes().get(name)
    }

    fn log(&self) -> Vec<String> {
        self.host.logs().into_iter().map(|(_, line)| line).collect()
    }

    fn elapsed_millis(&self) -> Option<u64> {
        Some(self.host.elapsed_millis())
    }
}

/// Why an exchange stops before its end.
enum Stop {
    Respond(Reply),
    Fail(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

pub(super) fn play<P: Hooks>(case: &Case) -> Played {
    let services = Rc::new(Services::new(&case.fetch));
    let mut host = host(case, services.clone());
    for _ in 1..case.request.times.get() {
        let next = self::host(case, services.clone());
        host = next.with_stores_of(&play_once::<P>(case, host).host);
    }
    let played = play_once::<P>(case, host);
    Played { fetches: services.mistakes(), ..played }
}

/// One of the requests that the case sends.
fn play_once<P: Hooks>(case: &Case, host: FakeHost) -> Played {
    let mut exchange = Exchange { case, host, request_body: Vec::new(), response_body: Vec::new() };
    let plugin = settings::parse(&case.settings()).and_then(P::new);
    let end = match plugin {
        Ok(plugin) => match exchange.run(&plugin) {
            Ok(()) => End::Next,
            Err(Stop::Respond(reply)) => End::Respond(reply),
            Err(Stop::Fail(failure)) => End::Fail(failure),
        },
        Err(errors) => End::Refuse(errors.into_vec()),
    };
    let Exchange { host, request_body, response_body, .. } = exchange;
    Played { end, host, fetches: Vec::new(), request_body, response_body }
}

fn host(case: &Case, services: Rc<Services>) -> FakeHost {
    let request = &case.request;
    let alternatives = case.route.alternatives.iter().map(String::as_str);
    let upstreams: Vec<_> = ["upstream"].into_iter().chain(alternatives).collect();
    let granted = case.grants.fetch.clone();
    let slow = services.clone();
    let mut host = FakeHost::new(&request.method, &request.path)
        .with_client(&request.client)
        .with_route(&case.route.name)
        .with_upstreams(&upstreams)
        .with_fetch(move |call| {
            if granted.contains(&call.to) {
                services.answer(call)
            } else {
                let to = &call.to;
                let why = format!("`{to}` is not among the plugin's grants: add it to `fetch`");
                Err(FetchError::Denied(why))
            }
        })
        .with_fetch_delay(move |call| {
            slow.find(call).map_or(0, |index| slow.cases[index].delay_ms)
        });
    for (name, values) in &request.headers {
        for value in values.as_slice() {
            host = match name.as_str() {
                "host" => host.with_authority(value),
                _ => host.with_header(name, value),
            };
        }
    }
    for (name, value) in case.params().unwrap_or_default() {
        host = host.with_param(&name, &value);
    }
    if let Some(body) = &request.body {
        host = host.with_body(body.as_str());
    }
    for (name, value) in &case.attributes {
        host = host.with_attribute(name, value);
    }
    host = host.with_unix_millis(case.unix_millis());
    if case.stores == Stores::Unavailable {
        host = host.with_unavailable_stores();
    }
    granted_names(case, host)
}

fn granted_names(case: &Case, mut host: FakeHost) -> FakeHost {
    for name in &case.grants.headers.read {
        host = host.grant_read(name);
    }
    for name in &case.grants.headers.write {
        host = host.grant_write(name);
    }
    for name in &case.grants.attributes {
        host = host.grant_attribute(name);
    }
    for name in case.grants.secrets.use_.iter().chain(&case.grants.secrets.reveal) {
        let text = case.secrets.get(name).map_or("", String::as_str);
        host = host.with_secret(name, text);
    }
    host
}

struct Exchange<'a> {
    case: &'a Case,
    host: FakeHost,
    request_body: Vec<u8>,
    response_body: Vec<u8>,
}

impl Exchange<'_> {
    fn run<P: Hooks>(&mut self, plugin: &P) -> Result<(), Stop> {
        self.request(plugin)?;
        if P::HOOKS.contains(&Hook::Handler) {
            return Err(Stop::Respond(plugin.handle(&self.host)?));
        }
        self.host.set_response(&self.case.upstream.reply());
        self.response(plugin, self.may_have_a_body())
    }

    fn request<P: Hooks>(&mut self, plugin: &P) -> Result<(), Stop> {
        let host = &self.host;
        let has_body = self.case.request.body.is_some();
        on(plugin, Hook::OnRequestHead, true, || plugin.on_request_head(host))?;
        on(plugin, Hook::OnRequestBody, has_body, || plugin.on_request_body(host))?;
        self.request_body = host.forwarded_body();
        if has_body && has(plugin, Hook::OnRequestStream) {
            transform(plugin.on_request_stream(host), &mut self.request_body)?;
        }
        Ok(())
    }

    fn response<P: Hooks>(&mut self, plugin: &P, has_body: bool) -> Result<(), Stop> {
        let host = &self.host;
        on(plugin, Hook::OnResponseHead, true, || plugin.on_response_head(host))?;
        on(plugin, Hook::OnResponseBody, has_body, || plugin.on_response_body(host))?;
        self.response_body = host.answered_body();
        if has_body && has(plugin, Hook::OnResponseStream) {
            transform(plugin.on_response_stream(host), &mut self.response_body)?;
        }
        Ok(())
    }

    fn may_have_a_body(&self) -> bool {
        self.case.request.method != "HEAD" && !matches!(self.case.upstream.status, 204 | 304)
    }
}

/// Whether the host calls a hook.
fn has<P: Hooks>(plugin: &P, hook: Hook) -> bool {
    P::HOOKS.contains(&hook) && !plugin.unneeded().contains(&hook)
}

/// Calls a hook that the plugin has, if it is time for it.
fn on<P: Hooks>(
    plugin: &P,
    hook: Hook,
    is_due: bool,
    call: impl FnOnce() -> Outcome,
) -> Result<(), Stop> {
    if !is_due || !has(plugin, hook) {
        return Ok(());
    }
    match call()? {
        Action::Next => Ok(()),
        Action::Respond(reply) => Err(Stop::Respond(reply)),
    }
}

/// In small chunks, so that what a transform looks for is cut in two.
const CHUNK: usize = 5;

fn transform(outcome: StreamOutcome, body: &mut Vec<u8>) -> Result<(), Stop> {
    let Some(mut transform) = outcome? else { return Ok(()) };
    let mut transformed = Vec::new();
    for chunk in body.chunks(CHUNK) {
        transformed.extend(transform.chunk(chunk.to_vec())?);
    }
    transformed.extend(transform.finish()?);
    *body = transformed;
    Ok(())
}

/// The other services of a case.
struct Services {
    cases: Vec<FetchCase>,
    asked: RefCell<Vec<bool>>,
    mistakes: RefCell<Vec<String>>,
}

impl Services {
    fn new(cases: &[FetchCase]) -> Self {
        Self {
            cases: cases.to_vec(),
            asked: RefCell::new(vec![false; cases.len()]),
            mistakes: RefCell::default(),
        }
    }

    fn find(&self, call: &Outgoing) -> Option<usize> {
        self.cases.iter().position(|FetchCase { request, .. }| {
            request.to == call.to && request.method == call.method && request.path == call.path
        })
    }

    fn answer(&self, call: &Outgoing) -> Result<Incoming, FetchError> {
        let Some(index) = self.find(call) else {
            let text = format!("no [[fetch]] for {} {} {}", call.method, call.to, call.path);
            self.mistakes.borrow_mut().push(text.clone());
            return Err(FetchError::Unreachable(text));
        };
        self.asked.borrow_mut()[index] = true;
        let case = &self.cases[index];
        self.mistakes.borrow_mut().extend(super::expect::call(&case.request, call));
        case.error.map_or_else(|| Ok(case.reply.incoming()), |error| Err(error.into()))
    }

    fn mistakes(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let unasked = self.cases.iter().zip(&*asked).filter(|(_, asked)| !**asked);
        let unasked = unasked.map(|(FetchCase { request, .. }, _)| {
            format!("nobody fetched {} {} {}", request.method, request.to, request.path)
        });
        self.mistakes.borrow().iter().cloned().chain(unasked).collect()
    }
}

impl From<FetchFailure> for FetchError {
    fn from(failure: FetchFailure) -> Self {
        match failure {
            FetchFailure::Timeout => Self::Timeout,
            FetchFailure::Unreachable => Self::Unreachable("connection refused".into()),
            FetchFailure::Protocol => Self::Protocol("connection closed".into()),
            FetchFailure::TooLarge => Self::TooLarge,
        }
    }
}

impl Answer {
    fn reply(&self) -> Reply {
        Reply { status: self.status, headers: self.headers(), body: self.content() }
    }

    fn incoming(&self) -> Incoming {
        Incoming { status: self.status, headers: self.headers(), body: self.content() }
    }

    fn content(&self) -> Content {
        if self.body.is_empty() { Content::Empty } else { self.body.as_str().into() }
    }

    fn headers(&self) -> Vec<Header> {
        let lines = |(name, values): (&String, &Values)| {
            let values = values.as_slice().iter();
            values.map(|value| Header { name: name.clone(), value: value.clone() }).collect()
        };
        self.headers.iter().flat_map::<Vec<_>, _>(lines).collect()
    }
}
