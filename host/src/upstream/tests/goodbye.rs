//! How connections over TLS end: with a close_notify (RFC 8446, 6.1), unless a request was cut off.

use std::{io, time::Duration};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    join,
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{OK, Service, build, get, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    config::{self, Protocol, UpstreamTls},
    tls::{self, testing::Authority},
    upstream::Upstream,
};

/// A service behind TLS.
struct Secure {
    service: Service,
    acceptor: TlsAcceptor,
    authority: Authority,
}

impl Secure {
    async fn start() -> Self {
        let authority = Authority::new();
        let certificate = authority.issue(&["127.0.0.1"]);
        let acceptor = tls::server_config(&[certificate], None).unwrap().into();
        Self { service: Service::start().await, acceptor, authority }
    }

    fn settings(&self, protocol: Protocol, keep_alive: Duration) -> config::Upstream {
        let tls = UpstreamTls { ca: Some(self.authority.path()), ..UpstreamTls::default() };
        let settings = settings(&[self.service.address()]);
        config::Upstream { tls: Some(tls), protocol, keep_alive, ..settings }
    }

    async fn accept(&self) -> TlsStream<TcpStream> {
        self.acceptor.accept(self.service.accept().await.0).await.unwrap()
    }

    /// One exchange, in the end of which its connection is the client's again.
    async fn exchange(&self, upstream: &Upstream, response: &str) -> TlsStream<TcpStream> {
        let serve = async {
            let mut stream = self.accept().await;
            head(&mut stream).await;
            stream.write_all(response.as_bytes()).await.unwrap();
            stream
        };
        let (stream, answer) = join!(serve, upstream.send(get("/"), soon()));
        assert_eq!(text(answer).await.0, 200);
        stream
    }

    /// The same over HTTP/2, by hand: h2 takes any end of an idle connection for a good one.
    async fn exchange_h2(&self, upstream: &Upstream) -> TlsStream<TcpStream> {
        let serve = async {
            let mut stream = self.accept().await;
            stream.read_exact(&mut [0; PREFACE]).await.unwrap();
            while frame(&mut stream).await != HEADERS {}
            // Settings that say nothing, and on stream 1 `:status: 200` with the end of both.
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
            stream.write_all(&[0, 0, 1, HEADERS, 0b101, 0, 0, 0, 1, 0x88]).await.unwrap();
            stream
        };
        let (stream, answer) = join!(serve, upstream.send(get("/"), soon()));
        assert_eq!(text(answer).await.0, 200);
        stream
    }
}

/// The length of what HTTP/2 begins with, and a kind of frame (RFC 9113, sections 3.4 and 6.2).
const PREFACE: usize = 24;
const HEADERS: u8 = 1;

/// Reads a frame (RFC 9113, section 4.1). Gives its type.
async fn frame(stream: &mut TlsStream<TcpStream>) -> u8 {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    head[3]
}

async fn head(stream: &mut TlsStream<TcpStream>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a whole request head"));
    }
}

/// What a service reads of a connection that ends. rustls tells an end without a close_notify apart.
async fn rest(mut stream: TlsStream<TcpStream>) -> io::Result<usize> {
    stream.read_to_end(&mut Vec::new()).await
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn one_that_was_kept_long_enough_ends_with_a_goodbye() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::Http1, SHORT));
    let kept = service.exchange(&upstream, OK).await;
    assert_eq!(rest(kept).await.unwrap(), 0);
}

#[tokio::test]
async fn one_of_an_upstream_that_is_gone_ends_with_a_goodbye() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::Http1, LONG));
    let kept = service.exchange(&upstream, OK).await;
    drop(upstream);
    assert_eq!(rest(kept).await.unwrap(), 0);
}

#[tokio::test]
async fn one_that_may_not_be_kept_ends_with_a_goodbye() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::Http1, LONG));
    let closes = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let closed = service.exchange(&upstream, closes).await;
    assert_eq!(rest(closed).await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_that_is_cut_off_does_not_end_with_a_goodbye() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::Http1, LONG));
    let never = futures_util::stream::pending::<Result<Frame<Bytes>, BodyError>>();
    let body = Body::boxed(StreamBody::new(never));
    let request =
        http::Request::post("/").header("host", "service.example").body(body).unwrap().into();
    let serve = async {
        let mut stream = service.accept().await;
        head(&mut stream).await;
        stream
    };
    let stream = tokio::select! {
        stream = serve => stream,
        _ = upstream.send(request, soon()) => unreachable!("nobody answers"),
    };
    assert!(rest(stream).await.is_err());
}

#[tokio::test]
async fn a_shared_one_that_was_idle_ends_with_a_goodbye_and_is_made_anew() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::H2, SHORT));
    for connects in 1..=2 {
        let shared = service.exchange_h2(&upstream).await;
        rest(shared).await.unwrap();
        assert_eq!(upstream.stats()[0].connects, connects);
    }
}

#[tokio::test]
async fn a_shared_one_of_an_upstream_that_is_gone_ends_with_a_goodbye() {
    let service = Secure::start().await;
    let upstream = build(service.settings(Protocol::H2, LONG));
    let shared = service.exchange_h2(&upstream).await;
    drop(upstream);
    rest(shared).await.unwrap();
}
