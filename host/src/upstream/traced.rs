//! Spans of attempts, for a request that is traced. Each ends with the head of its response: who reads the body, and
//! when, is not the service's to say.

use super::{Phase, Upstream, UpstreamError, attempt::Attempt, connection::Connection};
use crate::{
    body::Body,
    heads::{Request, ResponseHead},
    traces::{self, TRACEPARENT},
};

impl Attempt<'_> {
    /// It is at this target from now on.
    pub(super) fn begin_span(&mut self, upstream: &Upstream, index: usize) {
        let (Some(calls), Some(request)) = (self.calls, &self.request) else { return };
        let target = &upstream.targets[index];
        let mut span = calls.begin(&traces::Attempt {
            method: &request.head.method,
            path: request.head.uri.path(),
            https: upstream.connector.is_tls(),
            upstream: upstream.name(),
            host: &target.host,
            port: target.port,
        });
        if self.is_hedge {
            span.set("torana.hedge", true);
        }
        self.span = Some(Box::new(span));
    }

    /// What its service does for the request is a part of this attempt.
    pub(super) fn carry_span(&mut self, request: &mut Request<Body>, connection: &Connection) {
        let Some(span) = &mut self.span else { return };
        request.head.headers.insert(TRACEPARENT, span.context().header());
        let version = match connection {
            Connection::Http1(_) => "1.1",
            Connection::Http2(_) => "2",
        };
        span.set("network.protocol.version", version);
    }

    /// It is answered.
    pub(super) fn end_span(&mut self, head: &ResponseHead) {
        let Some(mut span) = self.span.take() else { return };
        let status = head.status.as_u16();
        span.set("http.response.status_code", status);
        if status >= 400 {
            // To whoever asks both are errors (semantic conventions for HTTP, "Status").
            span.fail(&status.to_string(), "");
        }
        span.end();
    }

    /// It is not.
    pub(super) fn fail_span(&mut self, why: &UpstreamError) {
        let Some(mut span) = self.span.take() else { return };
        span.fail(kind(why), &why.to_string());
        span.end();
    }
}

fn kind(why: &UpstreamError) -> &'static str {
    match why {
        UpstreamError::Connect { .. } => "connect",
        UpstreamError::LookUp { .. } => "look-up",
        UpstreamError::Denied { .. } => "denied",
        UpstreamError::Timeout { phase: Phase::Connect, .. } => "connect-timeout",
        UpstreamError::Timeout { .. } => "timeout",
        UpstreamError::Protocol { .. } => "reset",
        UpstreamError::Busy { .. } => "busy",
        UpstreamError::Open { .. } => "breaker-open",
        UpstreamError::RequestBody(_) => "request-body",
    }
}
