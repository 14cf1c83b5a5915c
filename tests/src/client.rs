//! A client that keeps its connections.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, header::HOST, request};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{Body, within};

/// An HTTP/1.1 client of one address.
pub struct Client {
    address: SocketAddr,
    idle: Mutex<Vec<SendRequest<Body>>>,
    opened: AtomicUsize,
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
    /// Its trailers, if there were any.
    pub trailers: Option<HeaderMap>,
}

impl Client {
    /// A client without a connection: it is opened when it is needed.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::default(), opened: AtomicUsize::new(0) }
    }

    /// How many connections it has opened so far.
    pub fn connections(&self) -> usize {
        self.opened.load(SeqCst)
    }

    /// GET.
    pub async fn get(&self, target: &str) -> Reply {
        self.send(request("GET", target), "").await
    }

    /// POST.
    pub async fn post(&self, target: &str, body: impl Into<Bytes>) -> Reply {
        self.send(request("POST", target), body).await
    }

    /// Any request. `Host` is added where it is missing.
    pub async fn send(&self, request: request::Builder, body: impl Into<Bytes>) -> Reply {
        let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
        self.send_body(request, body).await
    }

    /// Any request with any body; [`stream`](crate::stream) makes one in pieces.
    pub async fn send_body(&self, request: request::Builder, body: Body) -> Reply {
        self.try_send(request, body).await.unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    /// The same, where there may be no whole reply.
    pub async fn try_send(&self, request: request::Builder, body: Body) -> Result<Reply, String> {
        let mut request = request.body(body).expect("a request");
        if !request.headers().contains_key(HOST) {
            let host = HeaderValue::try_from(self.address.to_string()).expect("a host");
            request.headers_mut().insert(HOST, host);
        }
        let asked = format!("a reply to {} {}", request.method(), request.uri());
        within(&asked, self.exchange(request)).await
    }

    /// Sends a request without a body, and gives the reply before its end is there.
    pub async fn open(&self, request: request::Builder) -> Coming {
        let body = Full::default().map_err(|never| match never {}).boxed_unsync();
        let request = request.header(HOST, self.address.to_string()).body(body);
        let mut connection = self.connection().await.expect("a connection");
        let reply = connection.send_request(request.expect("a request"));
        let (head, body) = within("the head of a reply", reply).await.expect("a head").into_parts();
        Coming { headers: head.headers, body, _connection: connection }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Reply, String> {
        let mut connection = self.connection().await?;
        let reply = connection.send_request(request).await.map_err(chain)?;
        let reply = collect(reply).await?;
        // Not at once: a connection that is to close is ready never more.
        if connection.ready().await.is_ok() {
            self.idle().push(connection);
        }
        Ok(reply)
    }

    async fn connection(&self) -> Result<SendRequest<Body>, String> {
        while let Some(connection) = self.take_idle() {
            if connection.is_ready() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.address).await.map_err(|e| e.to_string())?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(chain)?;
        tokio::spawn(driver);
        self.opened.fetch_add(1, SeqCst);
        Ok(connection)
    }

    fn take_idle(&self) -> Option<SendRequest<Body>> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Body>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reply whose body comes piece by piece.
pub struct Coming {
    headers: HeaderMap,
    body: Incoming,
    _connection: SendRequest<Body>,
}

impl Coming {
    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What comes next of its body; none at the end.
    pub async fn more(&mut self) -> Option<Bytes> {
        let frame = within("more of a body", self.body.frame()).await?;
        Some(frame.expect("a whole body").into_data().unwrap_or_default())
    }
}

impl Reply {
    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The one value of a header; fails where there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() < 2, "{name} stands there more than once: {values:?}");
        values.first().map(|value| value.to_str().expect("text"))
    }

    /// A refusal: this status, as problem+json that says the same. Gives the problem.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem:#}");
        for text in ["type", "title", "detail"] {
            let value = problem[text].as_str().unwrap_or_default();
            assert!(!value.is_empty(), "`{text}` is missing: {problem:#}");
        }
        problem
    }
}

/// A request to add to.
pub fn request(method: &str, target: &str) -> request::Builder {
    Request::builder().method(method).uri(target)
}

pub(crate) async fn collect(reply: http::Response<Incoming>) -> Result<Reply, String> {
    let (head, mut body) = reply.into_parts();
    let (mut bytes, mut trailers) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data).map_err(chain)? {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(other) => trailers = other.into_trailers().ok(),
        }
    }
    let (status, body) = (head.status.as_u16(), bytes.freeze());
    Ok(Reply { status, headers: head.headers, body, trailers })
}

/// An error with its sources: hyper's own text names only the outermost.
pub(crate) fn chain(error: hyper::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    text
}
