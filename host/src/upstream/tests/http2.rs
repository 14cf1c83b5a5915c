//! Shared connections, TLS and ALPN.

use std::{convert::Infallible, future::pending, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{join, net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::{Service, build, fails, get, settings, soon, text};
use crate::{
    body::{Body, BodyError},
    config::{self, Protocol, UpstreamTls},
    heads,
    tls::{self, Stream, testing::Authority},
    upstream::UpstreamError,
};

/// Answers every request with what it saw of it.
async fn mirror(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let head = format!(
        "{:?} {} {} host={:?}",
        request.version(),
        request.method(),
        request.uri(),
        request.headers().get("host")
    );
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::from(format!("{head} {}", String::from_utf8_lossy(&body)))))
}

/// The task that serves one HTTP/2 connection; dropped, it goes on.
pub(super) struct Serving(JoinHandle<hyper::Result<()>>);

pub(super) fn serve_h2(stream: Stream) -> Serving {
    let builder = conn::http2::Builder::new(TokioExecutor::new());
    Serving(tokio::spawn(builder.serve_connection(TokioIo::new(stream), service_fn(mirror))))
}

/// Serves whatever ALPN chooses.
async fn serve_tls(listener: TcpListener, config: Arc<rustls::ServerConfig>) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let Ok(session) = TlsAcceptor::from(config.clone()).accept(tcp).await else { continue };
        let stream = Stream::Tls(Box::new(TlsStream::Server(session)));
        if stream.chose_h2() {
            serve_h2(stream);
        } else {
            let connection = conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(mirror));
            tokio::spawn(connection);
        }
    }
}

pub(super) fn h2(targets: &[SocketAddr]) -> config::Upstream {
    config::Upstream { protocol: Protocol::H2, ..settings(targets) }
}

pub(super) async fn told(answer: Result<heads::Response<Body>, UpstreamError>) -> String {
    String::from_utf8(text(answer).await.1.to_vec()).unwrap()
}

#[tokio::test]
async fn requests_share_one_connection() {
    let service = Service::start().await;
    let upstream = build(h2(&[service.address()]));
    let post = Request::post("/b?c")
        .header("host", "service.example")
        .body(Body::from(Bytes::from("hello")));
    let client = async {
        join!(upstream.send(get("/a"), soon()), upstream.send(post.unwrap().into(), soon()))
    };
    let (_serving, (one, two)) =
        join!(async { serve_h2(Stream::Plain(service.accept().await.0)) }, client);
    assert_eq!(told(one).await, "HTTP/2.0 GET http://service.example/a host=None ");
    assert_eq!(told(two).await, "HTTP/2.0 POST http://service.example/b?c host=None hello");
    let stats = &upstream.stats()[0];
    assert_eq!((stats.connects, stats.requests, stats.in_flight), (1, 2, 0));
}

#[tokio::test]
async fn a_closed_connection_is_made_anew() {
    let service = Service::start().await;
    let upstream = build(h2(&[service.address()]));
    let (serving, answer) = join!(
        async { serve_h2(Stream::Plain(service.accept().await.0)) },
        upstream.send(get("/"), soon())
    );
    told(answer).await;
    // Aborted, and awaited: the socket is closed, and nobody on our side has looked yet.
    serving.0.abort();
    let _ = serving.0.await;
    let (_serving, answer) = join!(
        async { serve_h2(Stream::Plain(service.accept().await.0)) },
        upstream.send(get("/"), soon())
    );
    told(answer).await;
    assert_eq!(upstream.stats()[0].connects, 2);
}

#[tokio::test]
async fn a_service_that_refuses_every_stream_is_an_error() {
    let service = Service::start().await;
    let upstream = build(h2(&[service.address()]));
    let refuse = async {
        let mut connection = h2::server::handshake(service.accept().await.0).await.unwrap();
        while let Some(Ok((_, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
        }
    };
    let client = async {
        for _ in 0..2 {
            let error = fails(upstream.send(get("/"), soon()).await);
            assert!(matches!(error, UpstreamError::Protocol { .. }), "{error}");
        }
    };
    tokio::select! {
        () = refuse => unreachable!(),
        () = client => {}
    }
    // The first on a new connection is final; the second is sent twice.
    assert_eq!(upstream.stats()[0].requests, 3);
}

/// How a service breaks off what it has begun, though without a word of blame.
#[derive(Debug, Clone, Copy)]
enum GoodOrder {
    /// RST_STREAM with NO_ERROR, which a service may send behind a whole response only (RFC 9113, 8.1).
    Reset,
    /// GOAWAY with NO_ERROR, and the end of the connection.
    GoneAway,
}

/// A response that says no length is whole with END_STREAM, and with nothing else.
#[tokio::test]
async fn a_response_that_is_broken_off_in_good_order_is_not_whole() {
    for how in [GoodOrder::Reset, GoodOrder::GoneAway] {
        let service = Service::start().await;
        let upstream = build(h2(&[service.address()]));
        let (has_come, come) = oneshot::channel::<()>();
        let serve = async {
            let mut connection = h2::server::handshake(service.accept().await.0).await.unwrap();
            let (_, mut respond) = connection.accept().await.unwrap().unwrap();
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from("a part"), false).unwrap();
            tokio::select! {
                _ = connection.accept() => unreachable!("there is one request"),
                come = come => come.unwrap(),
            }
            match how {
                GoodOrder::Reset => body.send_reset(h2::Reason::NO_ERROR),
                GoodOrder::GoneAway => connection.abrupt_shutdown(h2::Reason::NO_ERROR),
            }
            while connection.accept().await.is_some() {}
            pending().await
        };
        let ask = async {
            let mut body = upstream.send(get("/"), soon()).await.unwrap().body;
            let part = body.frame().await.unwrap().unwrap().into_data().unwrap();
            has_come.send(()).unwrap();
            (part, body.frame().await)
        };
        let (part, end) = tokio::select! {
            () = serve => unreachable!("what it serves is not waited for"),
            told = ask => told,
        };
        assert_eq!(part, "a part", "{how:?}");
        let end = end.map(|frame| frame.map(|_| "a frame"));
        assert!(matches!(end, Some(Err(BodyError::Aborted(_)))), "{how:?}: {end:?}");
    }
}

#[tokio::test]
async fn tls_with_a_root_of_ones_own() {
    let authority = Authority::new();
    let certificate = authority.issue(&["service.internal", "127.0.0.1"]);
    let server = tls::server_config(&[certificate], None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_tls(listener, server));

    let ask = async |protocol, sni: Option<&str>, ca| {
        let tls = UpstreamTls { ca, sni: sni.map(str::to_owned), identity: None };
        let settings = config::Upstream { tls: Some(tls), protocol, ..settings(&[address]) };
        let upstream = build(settings);
        let first = upstream.send(get("/"), soon()).await;
        text(upstream.send(get("/"), soon()).await).await;
        assert_eq!(upstream.stats()[0].connects, 1);
        told(first).await
    };
    let ca = || Some(authority.path());
    assert!(ask(Protocol::Http1, None, ca()).await.starts_with("HTTP/1.1 GET / "));
    assert!(
        ask(Protocol::Auto, None, ca()).await.starts_with("HTTP/2.0 GET https://service.example/")
    );
    assert!(ask(Protocol::H2, Some("service.internal"), ca()).await.starts_with("HTTP/2.0"));

    let refused = async |tls| {
        let settings = config::Upstream { tls: Some(tls), ..settings(&[address]) };
        fails(build(settings).send(get("/"), soon()).await).to_string()
    };
    let stranger = Authority::new();
    let other_root = UpstreamTls { ca: Some(stranger.path()), ..UpstreamTls::default() };
    assert!(refused(other_root).await.contains("invalid peer certificate"));
    let other_name = UpstreamTls { ca: ca(), sni: Some("x.internal".into()), identity: None };
    assert!(refused(other_name).await.contains("not valid for name"));
}
