//! Requests that plugins make: to upstreams, and to origins that their grants name.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use http::{
    HeaderValue, StatusCode,
    header::{self, ACCEPT_ENCODING, HOST},
    uri::PathAndQuery,
};

use super::{Caller, Upstream, UpstreamError, Upstreams, address::Policy};
use crate::{
    body::{Body, BodyError, coding},
    config::{self, Protocol, Span},
    dispatch::{Destination, Dispatch, DispatchError, Incoming, Outgoing},
    fields::{Fields, remove_hop},
    heads::Request,
    worker,
};

/// Origins whose connections one worker keeps. Grants name them, so there are few; the cap is for
/// configurations that were reloaded with others.
const MAX_ORIGINS: usize = 256;

/// Sends what plugins fetch. One for the process: at a reload it is given the new upstreams.
pub struct Fetch {
    upstreams: ArcSwap<Upstreams>,
    /// By worker index. An origin is an upstream with one target and its own rule for addresses.
    origins: Box<[Mutex<Known>]>,
}

type Known = HashMap<Origin, Arc<Upstream>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Origin {
    https: bool,
    host: String,
    port: u16,
    address: Option<IpAddr>,
    /// Whom its name is asked of.
    dns: Arc<[SocketAddr]>,
}

impl Fetch {
    /// For `workers` workers and the control thread.
    pub fn new(upstreams: Arc<Upstreams>, workers: usize) -> Self {
        let origins = (0..=workers).map(|_| Mutex::default()).collect();
        Self { upstreams: ArcSwap::new(upstreams), origins }
    }

    /// From now on these are called.
    pub fn replace(&self, upstreams: Arc<Upstreams>) {
        self.upstreams.store(upstreams);
    }

    /// The upstreams that are called now.
    pub fn upstreams(&self) -> Arc<Upstreams> {
        self.upstreams.load_full()
    }

    fn destination(&self, to: Destination) -> Result<Arc<Upstream>, DispatchError> {
        match to {
            Destination::Upstream(name) => {
                let upstreams = self.upstreams.load();
                let found = upstreams.get(&name).cloned();
                found.ok_or_else(|| DispatchError::Invalid(format!("no upstream `{name}`")))
            }
            Destination::Origin { https, host, port, address } => {
                let dns = self.upstreams.load().dns.clone();
                self.origin(Origin { https, host, port, address, dns })
            }
        }
    }

    fn origin(&self, origin: Origin) -> Result<Arc<Upstream>, DispatchError> {
        let mine = &self.origins[worker::index() % self.origins.len()];
        let mut known = mine.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upstream) = known.get(&origin) {
            return Ok(upstream.clone());
        }
        let upstream = origin.upstream(origin.policy()).map_err(DispatchError::Unreachable)?;
        if known.len() >= MAX_ORIGINS {
            known.clear();
        }
        known.insert(origin, upstream.clone());
        Ok(upstream)
    }
}

impl Dispatch for Fetch {
    fn send(&self, request: Outgoing) -> BoxFuture<'static, Result<Incoming, DispatchError>> {
        let to_origin = matches!(request.to, Destination::Origin { .. });
        let upstream = self.destination(request.to.clone());
        Box::pin(async move {
            let deadline = Instant::now() + request.timeout;
            let (max_body, may_encode) =
                (request.max_body, request.headers.contains(ACCEPT_ENCODING));
            let (upstream, sent, calls) = (upstream?, Instant::now(), request.calls.clone());
            let request = outgoing(request, to_origin)?;
            let mut call = upstream.call(Caller::default(), request, deadline);
            call.trace(calls.as_deref());
            let response = call.answer().await;
            drop(call);
            upstream.ended(&response, sent.elapsed());
            let (mut head, body) = response?.into_parts();
            let mut body = body.collect(max_body).await.map_err(broken)?;
            remove_framing(&mut head.headers);
            // A part of an encoded answer cannot be decoded.
            if !may_encode && head.status != StatusCode::PARTIAL_CONTENT {
                body = coding::unasked(body, max_body, &mut head.headers).await.map_err(broken)?;
            }
            Ok(Incoming { status: head.status, headers: head.headers, body })
        })
    }
}

impl Origin {
    fn policy(&self) -> Policy {
        match (self.address, self.host.as_str()) {
            (Some(_), _) => Policy::Any,
            (None, "localhost") => Policy::Loopback,
            (None, _) => Policy::Public,
        }
    }

    fn upstream(&self, policy: Policy) -> Result<Arc<Upstream>, String> {
        let host = self.address.map_or_else(|| self.host.clone(), |address| address.to_string());
        let settings = config::Upstream {
            name: format!("{}:{}", self.host, self.port).into(),
            span: Span::default(),
            targets: vec![config::Target {
                span: Span::default(),
                host,
                port: self.port,
                weight: 1,
            }],
            balance: config::Balance::RoundRobin,
            tls: self.https.then(config::UpstreamTls::default),
            protocol: if self.https { Protocol::Auto } else { Protocol::Http1 },
            host: None,
            health: None,
            retries: None,
            eject: None,
            limits: config::UpstreamLimits::default(),
            breaker: None,
            sticky: None,
            slow_start: Duration::ZERO,
            // Whoever holds the name may change it: it is looked at for each connection.
            resolve: config::Resolve::AtConnect,
            dns: self.dns.clone(),
            connect_timeout: Duration::from_secs(5),
            // A fetch has a timeout of its own, over all.
            head_timeout: Duration::from_secs(3600),
            try_timeout: None,
            idle_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(30),
            keep_connections: 16,
        };
        // It is kept in this worker's map, so there is one worker to serve.
        Upstream::new(settings, 0, 1, policy).map(Arc::new)
    }
}

fn outgoing(outgoing: Outgoing, to_origin: bool) -> Result<Request<Body>, DispatchError> {
    let path = PathAndQuery::try_from(outgoing.path.as_str())
        .ok()
        .filter(|path| path.as_str().starts_with('/'))
        .ok_or_else(|| DispatchError::Invalid(format!("`{}` is not a path", outgoing.path)))?;
    let mut headers = outgoing.headers;
    remove_framing(&mut headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    if to_origin {
        // The grant names the origin; another virtual host on its server is another origin.
        headers.remove(HOST);
    }
    // The reply should not be encoded unless the plugin can decode it. (One that is all the same is
    // decoded here.)
    if !headers.contains(ACCEPT_ENCODING) {
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let mut request = Request::new(Body::from(outgoing.body));
    request.head.method = outgoing.method;
    request.head.uri = path.into();
    request.head.headers = headers;
    Ok(request)
}

/// What is about the connection (RFC 9110, 7.6.1), and trailers: the plugin has the whole body.
fn remove_framing(headers: &mut Fields) {
    // `Via` says where a call has been: no field that the plugin wrote takes it away.
    remove_hop(headers, |name| *name == header::VIA);
    headers.remove(header::TRAILER);
}

fn broken(why: BodyError) -> DispatchError {
    match why {
        BodyError::TooLarge(_) => DispatchError::TooLarge,
        BodyError::Timeout | BodyError::Deadline { .. } => DispatchError::Timeout,
        other => DispatchError::Protocol(other.to_string()),
    }
}

impl From<UpstreamError> for DispatchError {
    fn from(why: UpstreamError) -> Self {
        match why {
            // Which servers were asked is for the operator.
            UpstreamError::LookUp { target, .. } => {
                Self::Unreachable(format!("the name of {target} cannot be looked up"))
            }
            UpstreamError::Connect { .. }
            | UpstreamError::Busy { .. }
            | UpstreamError::Open { .. } => Self::Unreachable(why.to_string()),
            UpstreamError::Denied { .. } => Self::Denied(why.to_string()),
            UpstreamError::Timeout { .. } => Self::Timeout,
            UpstreamError::Protocol { .. } => Self::Protocol(why.to_string()),
            UpstreamError::RequestBody(_) => Self::Invalid(why.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        join,
    };

    use super::*;
    use crate::{
        config::HostField,
        upstream::tests::{OK, Service, settings},
    };

    fn outgoing_to(to: Destination) -> Outgoing {
        Outgoing {
            to,
            method: Method::GET,
            path: "/keys?a=b".into(),
            headers: Fields::new(),
            body: Default::default(),
            timeout: Duration::from_secs(5),
            max_body: 64,
            calls: None,
        }
    }

    fn origin(host: &str, port: u16) -> Destination {
        Destination::Origin { https: false, host: host.into(), port, address: None }
    }

    fn granted(service: &Service) -> Destination {
        let (ip, port) = (service.address().ip(), service.address().port());
        Destination::Origin { https: false, host: ip.to_string(), port, address: Some(ip) }
    }

    fn fetch() -> Fetch {
        Fetch::new(Arc::default(), 1)
    }

    #[tokio::test]
    async fn names_do_not_lead_to_private_addresses() {
        let service = Service::start().await;
        let port = service.address().port();
        // Addresses, though the grant does not name them as such.
        for host in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"] {
            let error = fetch().send(outgoing_to(origin(host, port))).await.unwrap_err();
            assert!(matches!(error, DispatchError::Denied(_)), "{host}: {error}");
        }
        // A name for one.
        let dns = Arc::default();
        let named = Origin { https: false, host: "localhost".into(), port, address: None, dns };
        let named = named.upstream(Policy::Public).unwrap();
        let error = named.send(Request::new(Body::Empty), Instant::now() + Duration::from_secs(5));
        assert!(matches!(error.await, Err(UpstreamError::Denied { .. })));

        for to in [granted(&service), origin("localhost", port)] {
            let fetch = fetch();
            let (_, reply) = join!(service.answer(OK), fetch.send(outgoing_to(to)));
            assert_eq!(reply.unwrap().body, "ok");
        }
    }

    #[tokio::test]
    async fn heads_are_cleaned_both_ways() {
        let service = Service::start().await;
        let mut request = outgoing_to(granted(&service));
        for (name, value) in [
            ("host", "elsewhere.example"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("accept", "*/*"),
        ] {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        let response = "HTTP/1.1 302 Found\r\nlocation: /else\r\nconnection: x-hop\r\nx-hop: 1\r\n\
                        content-length: 0\r\n\r\n";
        let serve = async { service.accept().await.answer(response).await };
        let fetch = fetch();
        let (head, reply) = join!(serve, fetch.send(request));
        let address = service.address();
        assert_eq!(
            head,
            format!(
                "GET /keys?a=b HTTP/1.1\r\naccept: */*\r\naccept-encoding: identity\r\n\
                 host: {address}\r\n\r\n"
            )
        );
        let reply = reply.unwrap();
        assert_eq!(reply.status, StatusCode::FOUND);
        assert!(reply.headers.contains("location") && !reply.headers.contains("x-hop"));
    }

    #[tokio::test]
    async fn limits_hold() {
        let service = Service::start().await;
        let fetch = fetch();
        let long = "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n";
        let (_peer, reply) =
            join!(service.answer(long), fetch.send(outgoing_to(granted(&service))));
        assert_eq!(reply.unwrap_err(), DispatchError::TooLarge);

        let mut request = outgoing_to(granted(&service));
        request.timeout = Duration::from_millis(20);
        let (_peer, reply) = join!(
            service.answer("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"),
            fetch.send(request)
        );
        assert_eq!(reply.unwrap_err(), DispatchError::Timeout);

        let mut request = outgoing_to(granted(&service));
        request.path = "http://elsewhere.example/".into();
        assert!(matches!(fetch.send(request).await, Err(DispatchError::Invalid(_))));
    }

    /// A plugin has no client whose Host it could be.
    #[tokio::test]
    async fn upstreams_get_their_own_host_or_the_fixed_one() {
        let service = Service::start().await;
        let own = service.address().to_string();
        let fixed = HostField::Name("api.partner.example".parse().unwrap());
        for (host, expected) in [
            (None, &*own),
            (Some(HostField::Client), &*own),
            (Some(HostField::Target), &*own),
            (Some(fixed), "api.partner.example"),
        ] {
            let settings = config::Upstream { host, ..settings(&[service.address()]) };
            let fetch = fetch();
            fetch.replace(Arc::new(Upstreams::build(&[settings], 1, None).unwrap()));
            let request = outgoing_to(Destination::Upstream("service".into()));
            let serve = async { service.accept().await.answer(OK).await };
            let (head, reply) = join!(serve, fetch.send(request));
            assert_eq!(reply.unwrap().body, "ok");
            assert!(head.contains(&format!("\r\nhost: {expected}\r\n")), "{head}");
        }
    }

    #[tokio::test]
    async fn what_is_encoded_though_nobody_asked_is_decoded() {
        let service = Service::start().await;
        let answer = async |coding: &str, body: &[u8]| {
            let mut peer = service.accept().await;
            peer.head().await;
            let (length, etag) = (body.len(), "\"v1\"");
            peer.write(&format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\netag: {etag}\r\n\
                 connection: close\r\ncontent-length: {length}\r\n\r\n"
            ))
            .await;
            peer.0.write_all(body).await.unwrap();
        };
        let (fetch, request) = (fetch(), || outgoing_to(granted(&service)));
        let hello = gzip(b"hello").await;
        let ((), reply) = join!(answer("gzip", &hello), fetch.send(request()));
        let reply = reply.unwrap();
        assert_eq!(reply.body, "hello");
        assert!(!reply.headers.contains("content-encoding"));
        assert!(!reply.headers.contains("content-length"));
        assert_eq!(reply.headers["etag"], "W/\"v1\"");

        // 64 bytes are what the plugin takes.
        let bomb = gzip(&[0; 65]).await;
        assert!(bomb.len() < 64);
        let ((), reply) = join!(answer("gzip", &bomb), fetch.send(request()));
        assert_eq!(reply.unwrap_err(), DispatchError::TooLarge);
        let ((), reply) = join!(answer("gzip", b"hello"), fetch.send(request()));
        assert!(matches!(reply.unwrap_err(), DispatchError::Protocol(_)));
        let ((), reply) = join!(answer("aws-chunked", b"hello"), fetch.send(request()));
        assert_eq!(reply.unwrap().headers["content-encoding"], "aws-chunked");

        // Whoever asks for it gets it.
        let mut asking = request();
        asking.headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        let ((), reply) = join!(answer("gzip", &bomb), fetch.send(asking));
        let reply = reply.unwrap();
        assert_eq!(reply.body, bomb);
        assert_eq!(reply.headers["content-encoding"], "gzip");
    }

    async fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = async_compression::tokio::bufread::GzipEncoder::new(bytes);
        encoder.read_to_end(&mut out).await.unwrap();
        out
    }

    #[tokio::test]
    async fn upstreams_are_the_current_ones() {
        let service = Service::start().await;
        let fetch = fetch();
        let request = || outgoing_to(Destination::Upstream("service".into()));
        assert!(matches!(fetch.send(request()).await, Err(DispatchError::Invalid(_))));
        let upstreams = Upstreams::build(&[settings(&[service.address()])], 1, None).unwrap();
        fetch.replace(Arc::new(upstreams));
        let (_, reply) = join!(service.answer(OK), fetch.send(request()));
        assert_eq!(reply.unwrap().body, "ok");
    }
}
