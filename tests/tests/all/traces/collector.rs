//! A collector: it keeps what it is sent, read by the messages of opentelemetry-proto, as far as they are looked at.

use std::net::SocketAddr;

use prost::Message;
use torana_tests::{Backend, reply};

pub(super) const INTERNAL: i32 = 1;
pub(super) const SERVER: i32 = 2;
pub(super) const CLIENT: i32 = 3;

pub(super) struct Collector(Backend);

impl Collector {
    pub(super) async fn start() -> Self {
        Self(Backend::start(|_| reply(200, "")).await)
    }

    pub(super) async fn start_at(address: SocketAddr) -> Self {
        Self(Backend::start_at(address, |_| reply(200, "")).await)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// What has come so far.
    pub(super) fn spans(&self) -> Spans {
        let read = |received: torana_tests::Received| {
            assert_eq!(received.target, "/v1/traces");
            assert_eq!(received.header("content-type"), Some("application/x-protobuf"));
            Request::decode(received.body).expect("a request of OTLP")
        };
        Spans(self.0.received().into_iter().map(read).collect())
    }

    /// Waits for so many spans.
    pub(super) async fn wait_for(&self, count: usize) -> Spans {
        self.wait_until(&format!("{count} spans"), |all| all.len() >= count).await
    }

    /// Waits for those that are wanted.
    pub(super) async fn wait_until(&self, what: &str, wanted: impl Fn(&Spans) -> bool) -> Spans {
        for requests in 0.. {
            self.0.wait_for(requests).await;
            let spans = self.spans();
            if wanted(&spans) {
                return spans;
            }
        }
        unreachable!("waiting for {what} has its end")
    }
}

/// All that has come.
pub(super) struct Spans(Vec<Request>);

impl Spans {
    pub(super) fn all(&self) -> impl Iterator<Item = &Span> {
        let resources = self.0.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans)
    }

    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    pub(super) fn of(&self, kind: i32) -> Vec<&Span> {
        self.all().filter(|span| span.kind == kind).collect()
    }

    #[track_caller]
    pub(super) fn only(&self, kind: i32) -> &Span {
        let all = self.of(kind);
        let [only] = all[..] else { panic!("not one span of kind {kind}: {all:#?}") };
        only
    }

    pub(super) fn resource(&self, name: &str) -> Option<String> {
        let resource = self.0.first()?.resource_spans.first()?.resource.as_ref()?;
        value(&resource.attributes, name)
    }
}

fn value(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match attribute.value.as_ref()?.value.as_ref()? {
        Any::Text(text) => text.clone(),
        Any::Bool(value) => value.to_string(),
        Any::Int(number) => number.to_string(),
    })
}

impl Span {
    pub(super) fn says(&self, name: &str) -> Option<String> {
        value(&self.attributes, name)
    }

    pub(super) fn trace(&self) -> String {
        hex(&self.trace_id)
    }

    pub(super) fn id(&self) -> String {
        hex(&self.span_id)
    }

    pub(super) fn parent(&self) -> String {
        hex(&self.parent_span_id)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(super) name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    pub(super) start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    pub(super) end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(fixed32, tag = "16")]
    pub(super) flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 2, 3")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Int(i64),
}
