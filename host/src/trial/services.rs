//! What lies around a plugin in a trial: services that answer as the case says, stores, the log.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use http::{HeaderName, HeaderValue, StatusCode};
use torana_plugin_sdk::{
    Content, Header,
    cases::{Answer, FetchCase, FetchFailure, Values, call, is_same},
    host::Outgoing as SdkOutgoing,
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};

use crate::{
    dispatch::{Destination, Dispatch, DispatchError, Incoming, Outgoing},
    fields::Fields,
    store::{Clock, Memory},
    stores::{
        Allowance, Answer as StoreAnswer, Bucket, Kv, Lead, RateLimit, StoreError, Stores, at_once,
    },
};

/// Answers calls of plugins as a case says.
#[derive(Default)]
pub(super) struct Answers {
    cases: Vec<FetchCase>,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    asked: Vec<usize>,
    mistakes: Vec<String>,
}

impl Answers {
    pub(super) fn new(cases: &[FetchCase]) -> Self {
        Self { cases: cases.to_vec(), noted: Mutex::default() }
    }

    /// What was asked and is not in the case, what was asked wrongly, and what nobody asked.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let noted = self.noted();
        let unasked = self.cases.iter().enumerate().filter(|(at, _)| !noted.asked.contains(at));
        let unasked = unasked.map(|(_, FetchCase { request, .. })| {
            format!("nobody fetched {} {} {}", request.method, request.to, request.path)
        });
        noted.mistakes.iter().cloned().chain(unasked).collect()
    }

    fn answer(&self, asked: &SdkOutgoing) -> (Duration, Result<Incoming, DispatchError>) {
        let mut noted = self.noted();
        let is_it = |case: &FetchCase| {
            let FetchCase { request, .. } = case;
            is_same(&request.to, &asked.to)
                && request.method == asked.method
                && request.path == asked.path
        };
        let Some(at) = self.cases.iter().position(is_it) else {
            let why = format!("no [[fetch]] for {} {} {}", asked.method, asked.to, asked.path);
            noted.mistakes.push(why.clone());
            return (Duration::ZERO, Err(DispatchError::Unreachable(why)));
        };
        let case = &self.cases[at];
        noted.asked.push(at);
        noted.mistakes.extend(call(&case.request, asked));
        let answer =
            case.error.map_or_else(|| Ok(incoming(&case.reply)), |failure| Err(error(failure)));
        (Duration::from_millis(case.delay_ms), answer)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatch for Answers {
    fn send(&self, request: Outgoing) -> BoxFuture<'static, Result<Incoming, DispatchError>> {
        let (delay, answer) = self.answer(&asked(&request));
        if delay.is_zero() {
            return ready(answer).boxed();
        }
        let timeout = request.timeout;
        async move {
            tokio::time::sleep(delay.min(timeout)).await;
            if delay > timeout { Err(DispatchError::Timeout) } else { answer }
        }
        .boxed()
    }
}

/// A call in the words of the SDK, as the plugin made it: the gateways that it came through are no plugin's to say.
fn asked(request: &Outgoing) -> SdkOutgoing {
    let to = match &request.to {
        Destination::Upstream(name) => name.to_string(),
        Destination::Origin { https, host, port, .. } => {
            let (scheme, usual) = if *https { ("https", 443) } else { ("http", 80) };
            let port = if *port == usual { String::new() } else { format!(":{port}") };
            format!("{scheme}://{host}{port}")
        }
    };
    SdkOutgoing {
        to,
        method: request.method.to_string(),
        path: request.path.clone(),
        headers: sdk_headers(&request.headers)
            .into_iter()
            .filter(|field| field.name != "via")
            .collect(),
        secret_headers: Vec::new(),
        body: Content::Bytes(request.body.to_vec()),
        timeout_ms: None,
        text: false,
    }
}

pub(super) fn sdk_headers(headers: &Fields) -> Vec<Header> {
    let lossy = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let one = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: name.to_string(),
        value: lossy(value),
    };
    headers.iter().map(one).collect()
}

fn incoming(answer: &Answer) -> Incoming {
    Incoming {
        status: StatusCode::from_u16(answer.status).unwrap_or_default(),
        headers: headers(&answer.headers),
        body: Bytes::from(answer.body.clone()),
    }
}

/// The fields of a case. What is none is left out; the component would never see it either.
pub(super) fn headers<'a>(fields: impl IntoIterator<Item = (&'a String, &'a Values)>) -> Fields {
    let mut headers = Fields::new();
    for (name, values) in fields {
        for value in values.as_slice() {
            let field = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()));
            if let (Ok(name), Ok(value)) = field {
                headers.append(name, value);
            }
        }
    }
    headers
}

fn error(failure: FetchFailure) -> DispatchError {
    match failure {
        FetchFailure::Timeout => DispatchError::Timeout,
        FetchFailure::Unreachable => DispatchError::Unreachable("connection refused".into()),
        FetchFailure::Protocol => DispatchError::Protocol("connection closed".into()),
        FetchFailure::TooLarge => DispatchError::TooLarge,
    }
}

/// A clock that stands: buckets give nothing back while a case is played.
pub(super) struct Standing;

impl Standing {
    pub(super) fn store() -> Memory {
        Memory::with_clock(Arc::new(Self))
    }
}

impl Clock for Standing {
    fn now(&self) -> u64 {
        // Not at the beginning of time: what is a while ago must not be before it.
        1 << 60
    }
}

/// Stores that do not answer.
pub(super) struct Unavailable;

fn gone<'a, T>() -> StoreAnswer<'a, T> {
    at_once(Err(StoreError::Unavailable("it is down".into())))
}

impl Stores for Unavailable {
    fn kv(&self, _: &str, _: u64, _: bool) -> Arc<dyn Kv> {
        Arc::new(Self)
    }

    fn rate_limit(&self, _: &str) -> Arc<dyn RateLimit> {
        Arc::new(Self)
    }
}

impl RateLimit for Unavailable {
    fn take<'a>(&'a self, _: &'a [Bucket], _: u64) -> StoreAnswer<'a, Vec<Allowance>> {
        gone()
    }
}

impl Kv for Unavailable {
    fn get<'a>(&'a self, _: &'a str) -> StoreAnswer<'a, Option<Bytes>> {
        gone()
    }

    fn set<'a>(&'a self, _: &'a str, _: Bytes, _: Option<Duration>) -> StoreAnswer<'a, ()> {
        gone()
    }

    fn delete<'a>(&'a self, _: &'a str) -> StoreAnswer<'a, bool> {
        gone()
    }

    fn compare_and_swap<'a>(
        &'a self,
        _: &'a str,
        _: Option<Bytes>,
        _: Bytes,
        _: Option<Duration>,
    ) -> StoreAnswer<'a, bool> {
        gone()
    }

    fn increment<'a>(&'a self, _: &'a str, _: i64, _: Option<Duration>) -> StoreAnswer<'a, i64> {
        gone()
    }

    fn lead<'a>(&'a self, _: &'a str, _: Duration) -> StoreAnswer<'a, Lead> {
        gone()
    }
}

/// What plugins log. A copy has the same lines.
#[derive(Clone, Default)]
pub struct LogLines(Arc<Mutex<Vec<String>>>);

impl LogLines {
    pub(super) fn clear(&self) {
        self.lines().clear();
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.lines().clone()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for LogLines {
    fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "plugin" {
            event.record(&mut Message(&mut self.lines()));
        }
    }
}

struct Message<'a>(&'a mut Vec<String>);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.push(format!("{value:?}"));
        }
    }
}
