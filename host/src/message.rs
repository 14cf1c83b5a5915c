//! The exchange: one request, what the plugins made of it, and its response.

use std::{
    any::Any,
    collections::{BTreeMap, btree_map::Entry},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use http::header;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};

mod ahead;
mod asked;
mod change;
mod standing;

pub use ahead::Ahead;
pub use asked::Asked;
pub use change::Change;
pub use standing::{Requests, Standing};

use crate::{
    body::{Body, BodyError},
    fields::Fields,
    heads::{RequestHead, ResponseHead},
    traces::{Context, TRACEPARENT, Trace, TraceId},
};

/// Everything that is known about one request and its response. The proxy owns it; a plugin's
/// instance holds it for the length of one hook call.
pub struct Exchange {
    /// The request id that logs, the upstream and the client see.
    pub id: Arc<str>,
    /// The matched route's name.
    pub route: Arc<str>,
    /// Who is asking.
    pub client: Client,
    /// The request head, as received and then as changed by plugins. Its fields are taken when it is sent, where
    /// nobody is known to ask for them after that.
    pub request: RequestHead,
    /// What the client's connection asked for; its fields are gone from the head.
    pub hop: Hop,
    /// Host and port as the client named them (Host or `:authority`).
    pub authority: String,
    /// The route's path parameters, decoded.
    pub params: Vec<(Arc<str>, String)>,
    /// The path that a plugin set; it wins over the route's rewrite.
    pub set_path: Option<String>,
    /// The query that a plugin set: `Some(None)` is "without one".
    pub set_query: Option<Option<String>>,
    /// The route's upstreams; a plugin may choose among them.
    pub upstreams: Arc<[Arc<str>]>,
    /// Index into `upstreams` of the one that is called; none before a plugin or the route chooses.
    pub upstream: Option<usize>,
    /// The request body for whoever may see it.
    pub request_body: BodySlot,
    /// The response head, once there is one.
    pub response: Option<ResponseHead>,
    /// The response body for whoever may see it.
    pub response_body: BodySlot,
    /// What request hooks want changed in the response.
    pub ahead: Ahead,
    /// The place in its chain of the plugin that is called.
    pub at: usize,
    /// Text from one plugin to the next; never from the client.
    pub attributes: Attributes,
    /// When the head had arrived.
    pub started: Instant,
    /// The route's total timeout is measured against this.
    pub deadline: Instant,
    /// When the upstream was called, if it was.
    pub called: Option<Instant>,
    /// From calling the upstream to its response's head, or to its failure; none before.
    pub upstream_took: Option<Duration>,
    /// Which of its targets were asked.
    pub asked: Asked,
    /// What each plugin did and how long it took, in call order.
    pub trail: Vec<Step>,
    /// Its place in its trace, where somebody asks for that.
    pub context: Option<Context>,
    /// What its spans are made with; none unless it is sampled.
    pub trace: Option<Box<Trace>>,
}

/// The peer, and the client behind trusted proxies.
#[derive(Debug, Clone)]
pub struct Client {
    /// The socket's other end.
    pub peer: SocketAddr,
    /// The client's address, taken through trusted proxies.
    pub address: IpAddr,
    /// Whether the connection to us is TLS, and its session.
    pub tls: Option<Arc<TlsSession>>,
    /// "http" or "https", as the client used it.
    pub https: bool,
}

/// What a head says about its connection (RFC 9110, 7.6.1), and that is for us to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hop {
    /// `TE: trailers`.
    pub takes_trailers: bool,
    /// The one protocol that the connection may become, in lower case.
    pub upgrade: Option<String>,
    /// Its body has a transfer coding beside `chunked`, or `chunked` twice (RFC 9112, 6.1): nobody
    /// here undoes that, and without the field the service could not either.
    pub is_coded: bool,
    /// It was an extended CONNECT (RFC 8441): without the protocol there is nothing to answer.
    pub is_connect: bool,
    /// The peer is one of `trusted_proxies`: what it says of those before it goes on.
    pub is_from_proxy: bool,
    /// How often it has come by this gateway.
    pub passes: usize,
    /// It has fields with an underscore in their names.
    pub has_underscores: bool,
    /// The client calls by gRPC, whatever plugins make of its request.
    pub is_grpc: bool,
}

/// Keeps a client's connection busy, and a stop waiting for it, as long as any of it lives: for what
/// goes on after the response has ended. A listener puts it into a request's extensions.
#[derive(Clone)]
pub struct KeepBusy(
    #[expect(dead_code, reason = "it is there to be dropped")] Arc<dyn Any + Send + Sync>,
);

/// The request's target had a fragment, which its URI does not show. A listener puts it into a
/// request's extensions.
#[derive(Debug, Clone, Copy)]
pub struct Fragment;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection of HTTP/1.1, for whoever carries it on after a 101. A listener puts it into a request's
/// extensions.
#[derive(Clone)]
pub struct Handover(Arc<Mutex<Option<Coming>>>);

type Coming = oneshot::Receiver<Box<dyn Duplex>>;

impl Handover {
    /// The connection comes by `receiver` once the 101 is sent.
    pub fn new(receiver: oneshot::Receiver<Box<dyn Duplex>>) -> Self {
        Self(Arc::new(Mutex::new(Some(receiver))))
    }

    /// The connection; none if there was no 101, or for whoever comes second.
    pub async fn take(self) -> Option<Box<dyn Duplex>> {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        receiver?.await.ok()
    }
}

impl KeepBusy {
    /// As long as this lives.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Self(Arc::new(guard))
    }
}

/// The connection's TLS session.
#[derive(Debug, Clone, Default)]
pub struct TlsSession {
    /// "TLSv1.2" or "TLSv1.3".
    pub version: &'static str,
    /// SNI.
    pub server_name: Option<String>,
    /// Verified client certificate, DER.
    pub client_certificate: Option<Vec<u8>>,
}

/// Where a hook finds a body.
#[derive(Default)]
pub enum BodySlot {
    /// Not for this hook.
    #[default]
    Closed,
    /// All of it, and what a plugin writes in its place.
    Whole {
        /// The body at hand.
        bytes: Bytes,
        /// The new body, if the plugin began one.
        replacement: Option<BytesMut>,
    },
    /// Read on demand by a handler; `read` is what has arrived.
    OnDemand {
        /// What is still to come; none at its end.
        rest: Option<Body>,
        /// What has arrived.
        read: BytesMut,
        /// Why there will be no more of it. In a box: nearly every exchange would carry the room for nothing.
        broken: Option<Box<BodyError>>,
    },
}

impl BodySlot {
    /// A whole body.
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole { bytes, replacement: None }
    }

    /// Takes the body out: the replacement where there is one, and whether there was.
    pub fn take_whole(&mut self) -> Option<(Bytes, bool)> {
        match std::mem::take(self) {
            Self::Whole { replacement: Some(new), .. } => Some((new.freeze(), true)),
            Self::Whole { bytes, replacement: None } => Some((bytes, false)),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// One hook call, for metrics, the access log and `plugin dev`.
#[derive(Debug, Clone)]
pub struct Step {
    /// The `[plugins.NAME]` entry.
    pub plugin: Arc<str>,
    /// Which hook.
    pub hook: &'static str,
    /// Wall-clock time.
    pub took: Duration,
    /// `next`, `respond`, `failed` or `skipped`; `left` if the client did so while it ran.
    pub decision: &'static str,
}

/// Attribute names and values, with a cap on the sum.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    values: BTreeMap<String, String>,
    bytes: usize,
}

/// Names that mean the same to every plugin; writing one needs a grant.
pub const RESERVED_ATTRIBUTES: &[&str] =
    &["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];

impl Attributes {
    /// The most that one exchange keeps, names and values together.
    pub const MAX_BYTES: usize = 64 << 10;

    /// The value under the full name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value; `false` if there is no room.
    pub fn set(&mut self, name: String, value: String) -> bool {
        let room = Self::MAX_BYTES - self.bytes;
        match self.values.entry(name) {
            Entry::Occupied(mut entry) if value.len() <= room + entry.get().len() => {
                self.bytes = self.bytes - entry.get().len() + value.len();
                entry.insert(value);
            }
            Entry::Vacant(entry) if entry.key().len() + value.len() <= room => {
                self.bytes += entry.key().len() + value.len();
                entry.insert(value);
            }
            _ => return false,
        }
        true
    }

    /// Sets several values and removes those that are none, or does nothing: an error is the index that is given
    /// with the first for which there is no room.
    pub fn update(&mut self, values: Vec<(u32, String, Option<String>)>) -> Result<(), u32> {
        let length = |value: &Option<String>| value.as_ref().map_or(0, String::len);
        let most: usize = values.iter().map(|(_, name, value)| name.len() + length(value)).sum();
        if self.bytes + most <= Self::MAX_BYTES {
            for (_, name, value) in values {
                self.put(name, value);
            }
            return Ok(());
        }
        // Some may take the place of others.
        let mut tried = self.clone();
        for (index, name, value) in values {
            if !tried.put(name, value) {
                return Err(index);
            }
        }
        *self = tried;
        Ok(())
    }

    fn put(&mut self, name: String, value: Option<String>) -> bool {
        match value {
            Some(value) => self.set(name, value),
            None => {
                self.remove(&name);
                true
            }
        }
    }

    /// Removes a value.
    pub fn remove(&mut self, name: &str) {
        if let Some(value) = self.values.remove(name) {
            self.bytes -= name.len() + value.len();
        }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

/// A reply made by a plugin or by the host itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub status: http::StatusCode,
    /// Without framing fields.
    pub headers: Fields,
    /// All of it.
    pub body: Bytes,
}

impl Exchange {
    /// An exchange with nothing in it: what an instance holds between calls.
    pub fn vacant() -> Self {
        let now = Instant::now();
        Self {
            id: Arc::default(),
            route: Arc::default(),
            client: Client {
                peer: SocketAddr::from(([0, 0, 0, 0], 0)),
                address: IpAddr::from([0, 0, 0, 0]),
                tls: None,
                https: false,
            },
            request: RequestHead::default(),
            hop: Hop::default(),
            authority: String::new(),
            params: Vec::new(),
            set_path: None,
            set_query: None,
            upstreams: Arc::default(),
            upstream: None,
            request_body: BodySlot::Closed,
            response: None,
            response_body: BodySlot::Closed,
            ahead: Ahead::default(),
            at: 0,
            attributes: Attributes::default(),
            started: now,
            deadline: now,
            called: None,
            upstream_took: None,
            asked: Asked::default(),
            trail: Vec::new(),
            context: None,
            trace: None,
        }
    }

    /// Makes this vacant exchange what host calls need of another that has gone on: whose it is,
    /// and the way it came, which fetches carry.
    pub fn shadow(&mut self, other: &Self) {
        self.id = other.id.clone();
        self.route = other.route.clone();
        self.hop.passes = other.hop.passes;
        (self.context, self.trace) = (other.context, other.trace.clone());
        let received = &other.request.headers;
        for name in [header::VIA, TRACEPARENT] {
            for value in received.get_all(&name) {
                self.request.headers.append(name.clone(), value.clone());
            }
        }
    }

    /// The number of the trace that it belongs to, where that is known.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.context.map(|context| context.trace)
    }

    /// The path as hooks see it: received, or set by a plugin.
    pub fn path(&self) -> &str {
        self.set_path.as_deref().unwrap_or_else(|| self.request.uri.path())
    }

    /// The query as hooks see it: received, or set by a plugin.
    pub fn query(&self) -> Option<&str> {
        match &self.set_query {
            Some(query) => query.as_deref(),
            None => self.request.uri.query(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shadow_knows_whose_it_is_and_nothing_that_it_said() {
        let mut exchange = Exchange::vacant();
        exchange.id = "id".into();
        exchange.route = "shop".into();
        for (name, value) in [("via", "1.1 a"), ("via", "1.1 b"), ("authorization", "secret")] {
            exchange.request.headers.append(name, value.parse().expect("a value"));
        }
        let mut shadow = Exchange::vacant();
        shadow.shadow(&exchange);
        assert_eq!((&*shadow.id, &*shadow.route), ("id", "shop"));
        assert_eq!(shadow.request.headers.get_all("via").count(), 2, "loops are seen");
        assert_eq!(shadow.request.headers.len(), 2);
    }

    #[test]
    fn attributes_keep_their_cap() {
        let mut attributes = Attributes::default();
        assert!(attributes.set("a".into(), "x".repeat(Attributes::MAX_BYTES - 1)));
        assert!(!attributes.set("b".into(), "x".into()));
        assert!(attributes.set("a".into(), "short".into()));
        assert!(attributes.set("b".into(), "x".into()));
        attributes.remove("a");
        attributes.remove("b");
        assert_eq!((attributes.bytes, attributes.get("a")), (0, None));
    }

    #[test]
    fn several_attributes_are_set_or_none() {
        let to = |index, name: &str, value: &str| (index, name.to_owned(), Some(value.to_owned()));
        let half = "x".repeat(Attributes::MAX_BYTES / 2 - 1);
        let mut attributes = Attributes::default();
        attributes.update(vec![to(0, "a", &half), to(1, "b", &half)]).unwrap();
        let more = half.clone() + "more than b had";
        assert_eq!(attributes.update(vec![to(3, "b", "new"), to(5, "c", &more)]), Err(5));
        assert_eq!((attributes.get("b"), attributes.get("c")), (Some(&*half), None));
        let gone = (0, "a".to_owned(), None);
        attributes.update(vec![gone, to(1, "b", "new"), to(2, "c", &half)]).unwrap();
        let values = ["a", "b", "c"].map(|name| attributes.get(name));
        assert_eq!(values, [None, Some("new"), Some(&*half)]);
        assert_eq!(attributes.bytes, 1 + 3 + 1 + half.len());
    }
}
