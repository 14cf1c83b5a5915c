//! The span of an exchange, by the semantic conventions for HTTP servers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Version};

use super::{RouteInService, Snapshot, target::host_of};
use crate::{
    access_log::Broken,
    body::{Body, BodyError, Tap, Tapped},
    fields::Fields,
    message::Exchange,
    traces::{Context, Span, TRACEPARENT, TRACESTATE, Trace, method, state_of},
};

const GRPC_STATUS: &str = "grpc-status";

/// Finds the place of a request in its trace, and puts it where plugins and services look. Nothing is done where nobody
/// asks: a trace that nobody has begun then begins as the request goes on.
pub(super) fn place(snapshot: &Snapshot, exchange: &mut Exchange) {
    let names_trace = || snapshot.access_log.as_ref().is_some_and(|log| log.names_trace());
    match &snapshot.tracer {
        None if !names_trace() => {}
        None => {
            let received = Context::of(&exchange.request.headers);
            set_context(exchange, received, received.unwrap_or_default());
        }
        Some(tracer) => {
            let received = Context::of(&exchange.request.headers);
            let is_trusted = exchange.hop.is_from_proxy;
            let (context, mut trace) = tracer.place(received, is_trusted, exchange.started);
            set_context(exchange, received, context);
            if let Some(trace) = &mut trace {
                let headers = &exchange.request.headers;
                trace.user_agent = headers.get(http::header::USER_AGENT).cloned();
                trace.state = state_of(headers);
            }
            exchange.trace = trace;
        }
    }
}

fn set_context(exchange: &mut Exchange, received: Option<Context>, context: Context) {
    exchange.context = Some(context);
    let headers = &mut exchange.request.headers;
    if received.is_none() {
        // What was said of another trace says nothing of this one.
        headers.remove(TRACESTATE);
    }
    if received != Some(context) {
        headers.insert(TRACEPARENT, context.header());
    }
}

/// The trace, if it is sampled and the request goes on in it. A plugin that says another one is believed, as with its
/// fetches: its field reaches the service as it is, and no attempt says its own span instead.
pub(super) fn goes_on(exchange: &Exchange) -> Option<&Trace> {
    let said = exchange.request.headers.get(TRACEPARENT).and_then(Context::parse);
    exchange.trace.as_deref().filter(|_| said.is_none() || said == exchange.context)
}

/// The span of an exchange that has its answer, if it is traced. It ends with the answer's body.
pub(super) fn served(
    exchange: &mut Exchange,
    route: &RouteInService,
    status: StatusCode,
    headers: &Fields,
) -> Option<Box<Serving>> {
    let trace = exchange.trace.take()?;
    let method = method::in_name(&exchange.request.method);
    let name = match &route.pattern {
        Some(pattern) => format!("{method} {pattern}"),
        None => method.to_owned(),
    };
    let mut span = trace.server(name, exchange.started);
    describe_request(&mut span, exchange);
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    if let Some(agent) = &trace.user_agent {
        span.set("user_agent.original", text(agent));
    }
    if let Some(state) = &trace.state {
        span.set_state(state);
    }
    if let Some(pattern) = &route.pattern {
        span.set("http.route", &**pattern);
        span.set("torana.route", &*route.name);
    }
    span.set("http.response.status_code", status.as_u16());
    if let Some(refusal) = trace.refusal {
        span.set("torana.refusal", refusal);
    }
    let mut serving = Box::new(Serving { span, is_grpc: exchange.hop.is_grpc });
    // A call that failed at once has no other trailers.
    serving.note_grpc(headers.get(GRPC_STATUS));
    if status.is_server_error() {
        let code = status.as_str();
        serving.span.fail(trace.refusal.unwrap_or(code), "");
    }
    Some(serving)
}

fn describe_request(span: &mut Span, exchange: &Exchange) {
    let request = &exchange.request;
    span.set_method(&request.method);
    span.set("url.path", request.uri.path());
    span.set("url.scheme", if exchange.client.https { "https" } else { "http" });
    span.set("network.protocol.name", "http");
    span.set("network.protocol.version", version(request.version));
    let (host, port) = (host_of(&exchange.authority), &exchange.authority);
    if !host.is_empty() {
        // An address of IPv6 has brackets in an authority alone.
        span.set("server.address", host.trim_matches(['[', ']']));
    }
    let port = port.strip_prefix(host).and_then(|rest| rest.strip_prefix(':'));
    if let Some(port) = port.and_then(|port| port.parse::<u16>().ok()) {
        span.set("server.port", port);
    }
    span.set("client.address", exchange.client.address.to_string());
    span.set("network.peer.address", exchange.client.peer.ip().to_canonical().to_string());
    span.set("network.peer.port", exchange.client.peer.port());
    span.set("torana.request_id", &*exchange.id);
    if let Some(consumer) = exchange.attributes.get("consumer.id") {
        span.set("consumer.id", consumer);
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}

/// An exchange that is being answered.
pub(super) struct Serving {
    span: Span,
    is_grpc: bool,
}

impl Serving {
    /// The body that the client gets; the span ends when it has ended, or was given up.
    pub(super) fn follow(self: Box<Self>, body: Body) -> Body {
        if http_body::Body::is_end_stream(&body) {
            self.end(None);
            return body;
        }
        Body::boxed(Tapped::new(body, Following { serving: Some(self), end: None }))
    }

    /// It is over. `broken`: why the client has not got all of it.
    pub(super) fn end(self: Box<Self>, broken: Option<Broken>) {
        let Self { mut span, .. } = *self;
        if let Some(broken) = broken {
            span.set("torana.broken", broken.name());
            if broken != Broken::Client {
                span.fail(broken.name(), "the response is not whole");
            }
        }
        span.end();
    }

    fn note_grpc(&mut self, status: Option<&HeaderValue>) {
        let status = status.filter(|_| self.is_grpc);
        let status: Option<i64> = status.and_then(|status| status.to_str().ok()?.parse().ok());
        if let Some(status) = status {
            self.span.set("rpc.grpc.status_code", status);
        }
    }
}

struct Following {
    serving: Option<Box<Serving>>,
    end: Option<Result<(), Broken>>,
}

impl Tap for Following {
    fn data(&mut self, _piece: &Bytes) -> Result<(), BodyError> {
        Ok(())
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(serving) = &mut self.serving {
            serving.note_grpc(trailers.get(GRPC_STATUS));
        }
    }

    fn end(&mut self) {
        self.end = Some(Ok(()));
    }

    /// Asked once more it may say something else.
    fn broken(&mut self, why: &BodyError) {
        if !matches!(self.end, Some(Err(_))) {
            self.end = Some(Err(Broken::of(why)));
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.end(self.end.unwrap_or_else(|| Err(Broken::given_up())).err());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Traces,
        telemetry::Telemetry,
        traces::{Queue, Sampler, Tracer},
    };

    #[test]
    fn a_plugin_that_says_another_trace_is_believed() {
        let queue = Queue::new(0, &Telemetry::new());
        let tracer = Tracer { sampler: Sampler::new(&Traces::usual()), queue };
        let mut exchange = Exchange::vacant();
        let (context, trace) = tracer.place(None, false, exchange.started);
        exchange.trace = trace;
        set_context(&mut exchange, None, context);
        assert!(goes_on(&exchange).is_some());
        exchange.request.headers.insert(TRACEPARENT, Context::new().header());
        assert!(goes_on(&exchange).is_none(), "another one");
        exchange.request.headers.remove(TRACEPARENT);
        assert!(goes_on(&exchange).is_some(), "whoever sends the request says it again");
    }
}
