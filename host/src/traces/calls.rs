//! The requests that are made to services for one exchange, or for one fetch of a plugin.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use http::Method;

use super::{
    Context, Queue, Span, SpanId,
    method::in_name,
    otlp::Kind,
    span::{Birth, Clock},
};

/// Begins a span for each attempt to send one request.
pub struct Calls {
    queue: Arc<Queue>,
    clock: Clock,
    /// Whose children they are.
    parent: Context,
    /// Attempts so far. All are on one thread.
    sent: AtomicU32,
    /// Something that is said of each.
    note: Option<&'static str>,
}

/// One attempt.
pub struct Attempt<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// Its path, without the query.
    pub path: &'a str,
    /// Over TLS.
    pub https: bool,
    /// The upstream's name, or the origin that a plugin fetches from.
    pub upstream: &'a str,
    /// The target's host.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

impl Calls {
    pub(super) fn new(queue: Arc<Queue>, clock: Clock, parent: Context) -> Self {
        Self { queue, clock, parent, sent: AtomicU32::new(0), note: None }
    }

    /// The same for copies of the request.
    pub(super) fn mirrored(self) -> Self {
        Self { note: Some("torana.mirror"), ..self }
    }

    /// An attempt begins.
    pub fn begin(&self, attempt: &Attempt<'_>) -> Span {
        let Attempt { method, path, https, upstream, host, port } = *attempt;
        let birth = Birth {
            context: self.parent.at(SpanId::new()),
            parent: Some(self.parent.span),
            is_remote: false,
            kind: Kind::Client,
            name: format!("{} {upstream}", in_name(method)),
            began: Instant::now(),
        };
        let mut span = Span::begin(self.queue.clone(), self.clock, birth);
        span.set_method(method);
        let scheme = if https { "https" } else { "http" };
        // Without the query, which may hold what nobody should read.
        let in_url = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        span.set("url.full", format!("{scheme}://{in_url}:{port}{path}"));
        span.set("server.address", host);
        span.set("server.port", port);
        span.set("torana.upstream", upstream);
        let before = self.sent.fetch_add(1, Relaxed);
        if before > 0 {
            span.set("http.request.resend_count", before);
        }
        if let Some(note) = self.note {
            span.set(note, true);
        }
        span
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("parent", &self.parent).finish_non_exhaustive()
    }
}
