//! Copies of requests, for a service that is tried out. Whatever becomes of a copy, the exchange
//! that it was made of does not notice: it never waits for one.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::task::AbortHandle;
use tracing::debug;

use super::forward::mend_length;
use crate::{
    body::{Body, BodyError, Tap, Tapped},
    config,
    heads::Request,
    message::Exchange,
    random::random_u64,
    telemetry::MirrorMetrics,
    traces::Calls,
    upstream::{Caller, Upstream},
};

/// What tells a copy from a request. Clients cannot say it on a route that is mirrored.
const MARK: HeaderName = HeaderName::from_static("x-torana-mirror");

/// How much of an answer is read, so that its connection can be used again.
const ANSWER: usize = 1 << 20;

/// Where copies of a route's requests go.
pub struct Mirror {
    settings: config::Mirror,
    upstream: Arc<Upstream>,
    under_way: Arc<AtomicUsize>,
    metrics: Arc<MirrorMetrics>,
}

impl Mirror {
    /// A mirror that sends to this upstream.
    pub fn new(settings: config::Mirror, upstream: Arc<Upstream>, metrics: MirrorMetrics) -> Self {
        Self { settings, upstream, under_way: Arc::default(), metrics: Arc::new(metrics) }
    }

    /// For whom a copy is sent. Asked before the request's fields are on their way.
    pub(super) fn caller(&self, exchange: &Exchange) -> Caller {
        Caller::of(&self.upstream, exchange)
    }

    /// No client can make the service take a request for a copy.
    pub(super) fn unmark(&self, request: &mut Request<Body>) {
        request.head.headers.remove(MARK);
    }

    /// Copies a request that is about to be sent to one of `upstreams`, if it is one of those that
    /// are. A body is copied while it passes; the copy goes out when all of it has.
    pub(super) fn copy(
        &self,
        request: &mut Request<Body>,
        caller: Caller,
        calls: Option<Arc<Calls>>,
        upstreams: &[Arc<Upstream>],
    ) {
        let settings = &self.settings;
        if !settings.takes(&request.head.method) || random_u64() % 100 >= settings.percent {
            return;
        }
        if request.body.size_hint().lower() > settings.max_body {
            self.metrics.too_large.inc();
            return;
        }
        let Some(place) = Place::of(&self.under_way, settings.in_flight) else {
            self.metrics.dropped.inc();
            return;
        };
        let copy = Shadow {
            request: marked(request, upstreams),
            caller,
            calls,
            upstream: self.upstream.clone(),
            timeout: settings.timeout,
            metrics: self.metrics.clone(),
            place,
        };
        match &mut request.body {
            body if body.is_end_stream() => copy.send(Bytes::new()),
            Body::Full(bytes) => copy.send(bytes.clone()),
            body => {
                let (body, cap) = (std::mem::take(body), settings.max_body);
                request.body = Body::boxed(Tapped::new(body, Tee::new(copy, cap)));
            }
        }
    }
}

/// The head of a copy. Trailers are not copied, so they are not announced either, and a session with
/// the upstreams is none with the mirror.
fn marked(request: &Request<Body>, upstreams: &[Arc<Upstream>]) -> Request<Body> {
    let mut copy = Request::new(Body::Empty);
    copy.head.method = request.head.method.clone();
    copy.head.uri = request.head.uri.clone();
    copy.head.headers = request.head.headers.clone();
    copy.head.headers.remove(header::TRAILER);
    upstreams.iter().for_each(|upstream| upstream.forget_session(&mut copy.head.headers));
    copy.head.headers.insert(MARK, HeaderValue::from_static("1"));
    copy
}

/// A copy that waits for its body.
struct Shadow {
    request: Request<Body>,
    caller: Caller,
    /// Makes its span, where the request is traced.
    calls: Option<Arc<Calls>>,
    upstream: Arc<Upstream>,
    timeout: Duration,
    metrics: Arc<MirrorMetrics>,
    place: Place,
}

impl Shadow {
    /// Sends it, in a task of its own.
    fn send(self, body: Bytes) {
        let Self { mut request, caller, calls, upstream, timeout, metrics, place } = self;
        request.body = Body::from(body);
        mend_length(&mut request);
        tokio::spawn(async move {
            let _place = place;
            let deadline = Instant::now() + timeout;
            match answer(&upstream, caller, calls.as_deref(), request, deadline).await {
                Ok(()) => metrics.answered.inc(),
                Err(why) => {
                    debug!(upstream = %upstream.name(), why, "a copy was not answered");
                    metrics.failed.inc()
                }
            };
        });
    }
}

/// One of the copies that may be under way, as long as it lives.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn of(under_way: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let before = under_way.fetch_add(1, Relaxed);
        // Whoever gets none was counted for a moment.
        let place = Self(under_way.clone());
        (before < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Sends a copy and reads its answer to the end.
async fn answer(
    upstream: &Upstream,
    caller: Caller,
    calls: Option<&Calls>,
    request: Request<Body>,
    deadline: Instant,
) -> Result<(), String> {
    let mut call = upstream.call(caller, request, deadline);
    call.trace(calls);
    let response = call.answer().await;
    drop(call);
    let response = response.map_err(|why| why.to_string())?;
    let mut body = response.body;
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > ANSWER {
            break;
        }
    }
    Ok(())
}

/// Makes a copy of a body on its way to its service.
struct Tee {
    /// None when it is on its way, or given up.
    waiting: Arc<Mutex<Option<Waiting>>>,
    cap: u64,
    /// Gives it up when it has waited as long as it may.
    patience: AbortHandle,
}

/// A copy, and what has come of its body.
struct Waiting {
    copy: Shadow,
    read: BytesMut,
}

impl Tee {
    fn new(copy: Shadow, cap: u64) -> Self {
        let timeout = copy.timeout;
        let waiting = Arc::new(Mutex::new(Some(Waiting { copy, read: BytesMut::new() })));
        let watched = waiting.clone();
        // A body that does not move tells nobody how late it is.
        let patience = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            if let Some(Waiting { copy, .. }) = take(&watched) {
                copy.metrics.too_slow.inc();
            }
        });
        Self { waiting, cap, patience: patience.abort_handle() }
    }
}

fn take(waiting: &Mutex<Option<Waiting>>) -> Option<Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Tap for Tee {
    const TO_THE_END: bool = true;

    fn data(&mut self, piece: &Bytes) -> Result<(), BodyError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_too_large = |Waiting { read, .. }: &mut Waiting| {
            let is_too_large = (read.len() + piece.len()) as u64 > self.cap;
            if !is_too_large {
                read.extend_from_slice(piece);
            }
            is_too_large
        };
        if let Some(Waiting { copy, .. }) = waiting.take_if(is_too_large) {
            copy.metrics.too_large.inc();
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some(Waiting { copy, read }) = take(&self.waiting) {
            copy.send(read.freeze());
        }
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        self.patience.abort();
        if let Some(Waiting { copy, .. }) = take(&self.waiting) {
            copy.metrics.incomplete.inc();
        }
    }
}
