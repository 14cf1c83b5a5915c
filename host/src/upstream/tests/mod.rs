//! The room's tests: real sockets, and the service's side played by hand.

mod advice;
mod asked;
mod breaker;
mod broken;
mod goodbye;
mod hedging;
mod hosts;
mod http1;
mod http2;
mod rebuild;
mod trouble;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    body::Body,
    config::{self, Protocol, Span},
    heads::{Request, Response},
    upstream::{Upstream, UpstreamError, Upstreams},
};

/// A service that does what the test says.
pub(in crate::upstream) struct Service(TcpListener);

impl Service {
    pub(in crate::upstream) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(in crate::upstream) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The next connection.
    pub(in crate::upstream) async fn accept(&self) -> Peer {
        Peer(self.0.accept().await.unwrap().0)
    }

    /// Accepts, reads one request and answers with `response`.
    pub(in crate::upstream) async fn answer(&self, response: &str) -> Peer {
        let mut peer = self.accept().await;
        peer.answer(response).await;
        peer
    }
}

/// The service's end of a connection.
pub(in crate::upstream) struct Peer(pub(in crate::upstream) TcpStream);

impl Peer {
    /// A request head; what follows it stays unread.
    pub(in crate::upstream) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.expect("a whole request head"));
        }
        String::from_utf8(head).unwrap()
    }

    pub(in crate::upstream) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    pub(in crate::upstream) async fn answer(&mut self, response: &str) -> String {
        let head = self.head().await;
        self.write(response).await;
        head
    }

    /// Waits until the other side has closed.
    pub(in crate::upstream) async fn closed(&mut self) {
        while matches!(self.0.read(&mut [0; 1024]).await, Ok(1..)) {}
    }
}

pub(in crate::upstream) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

pub(in crate::upstream) fn settings(targets: &[SocketAddr]) -> config::Upstream {
    let target = |address: &SocketAddr| config::Target {
        span: Span::default(),
        host: address.ip().to_string(),
        port: address.port(),
        weight: 1,
    };
    config::Upstream {
        name: "service".into(),
        span: Span { start: 7, end: 9 },
        targets: targets.iter().map(target).collect(),
        balance: config::Balance::RoundRobin,
        tls: None,
        protocol: Protocol::Http1,
        host: None,
        health: None,
        retries: None,
        eject: None,
        limits: config::UpstreamLimits::default(),
        breaker: None,
        sticky: None,
        slow_start: Duration::ZERO,
        resolve: config::Resolve::AtConnect,
        dns: Arc::default(),
        connect_timeout: Duration::from_secs(5),
        head_timeout: Duration::from_secs(5),
        try_timeout: None,
        idle_timeout: Duration::from_secs(5),
        keep_alive: Duration::from_secs(5),
        keep_connections: 4,
    }
}

pub(in crate::upstream) fn build(settings: config::Upstream) -> Arc<Upstream> {
    let name = settings.name.clone();
    Upstreams::build(&[settings], 1, None).unwrap().get(&name).unwrap().clone()
}

/// An address where nobody listens, and nobody will: the port is taken for as long as the test's
/// process lives, or another test might get it.
pub(in crate::upstream) async fn nowhere() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = socket.local_addr().unwrap();
    std::mem::forget(socket);
    address
}

pub(in crate::upstream) fn get(path: &str) -> Request<Body> {
    http::Request::get(path).header("host", "service.example").body(Body::Empty).unwrap().into()
}

pub(in crate::upstream) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub(in crate::upstream) async fn text(
    response: Result<Response<Body>, UpstreamError>,
) -> (u16, Bytes) {
    let (head, body) = response.unwrap().into_parts();
    (head.status.as_u16(), body.collect(1 << 20).await.unwrap())
}

/// A `Body` cannot be shown, so `unwrap_err` will not do.
pub(in crate::upstream) fn fails(answer: Result<Response<Body>, UpstreamError>) -> UpstreamError {
    answer.err().expect("an error")
}
