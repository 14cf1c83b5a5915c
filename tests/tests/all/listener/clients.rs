//! Clients that are slow, or gone: they cost nobody else anything, and leave nothing behind.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::Response;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet};
use torana_tests::{Backend, Gateway, Raw, RawBackend, RawConnection, reply, toml, within};

use crate::guests::{one_worker, plugin_with, route, wait_for_metric};

const GRANTS: &str = "{ request-body = \"read-write\", request-edit = true, \
                      response-body = \"read-write\", response-edit = true }";

/// A gateway with short timeouts, and a plugin that holds an instance while a body passes.
fn config(target: std::net::SocketAddr, timeout: &str) -> String {
    let listen = format!("{}limits = {{ idle_timeout = \"300ms\" }}\n", one_worker());
    let plugin = plugin_with("upper", "stream-upper", GRANTS, "");
    let route = route("[\"upper\"]") + &format!("timeout = \"{timeout}\"\n");
    [listen, toml::upstream("service", target), plugin, route].concat()
}

/// Nothing is left of clients that are gone, and others are served.
async fn is_at_rest(gateway: &Gateway) {
    wait_for_metric(gateway, "torana_connections_open", &[], 0.0).await;
    wait_for_metric(gateway, "torana_requests_in_flight", &[], 0.0).await;
    wait_for_metric(gateway, "torana_upstream_in_flight", &[], 0.0).await;
    let answer = gateway.client().post("/fine", "fine").await;
    assert_eq!((answer.status, answer.text()), (200, "FINE"));
}

async fn echoing() -> Backend {
    Backend::start(|received| reply(200, received.body.clone())).await
}

const HALF: &str = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf";

/// More than a worker may have instances: if one were lost each time, they would run out.
const MANY: usize = 80;

#[tokio::test]
async fn clients_that_vanish_in_their_request() {
    let backend = echoing().await;
    let gateway = Gateway::start(&config(backend.address(), "1m")).await;
    for beginning in ["", "GET /a HT", HALF] {
        for _ in 0..MANY {
            let mut client = Raw::connect(gateway.address("public")).await;
            client.write(beginning).await;
            client.vanish();
        }
        is_at_rest(&gateway).await;
    }
}

#[tokio::test]
async fn an_http2_connection_that_vanishes_takes_its_requests_with_it() {
    let backend = endless().await;
    let gateway = Gateway::start(&config(backend.address(), "1m")).await;
    for _ in 0..10 {
        let tcp = TcpStream::connect(gateway.address("public")).await.expect("connecting");
        tcp.set_zero_linger().expect("an open socket");
        let io = TokioIo::new(tcp);
        let (client, connection) =
            http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
        let connection = tokio::spawn(connection);
        // Half of a body, and a response that does not end, on each of ten streams.
        let streams = (0..10).map(|number| {
            let mut client = client.clone();
            async move {
                let half = stream::once(async { Ok(bytes::Bytes::from_static(b"half")) });
                let body = torana_tests::stream(half.chain(stream::pending()));
                let body =
                    if number % 2 == 0 { body } else { torana_tests::stream(stream::empty()) };
                let request = http::Request::post("http://a/a").body(body).expect("a request");
                let _ = client.send_request(request).await;
            }
        });
        let mut streams: JoinSet<_> = streams.collect();
        // Those without a body have been answered.
        for _ in 0..5 {
            within("an answer", streams.join_next()).await;
        }
        connection.abort();
    }
    is_at_rest(&gateway).await;
}

/// A response without an end, a piece each millisecond.
async fn endless() -> Backend {
    Backend::start(|received| {
        if received.target == "/fine" {
            return reply(200, "fine");
        }
        let pieces = stream::unfold((), |()| async {
            torana_tests::pause(Duration::from_millis(1)).await;
            Some((Ok(bytes::Bytes::from_static(&[b'x'; 64_000])), ()))
        });
        Response::new(torana_tests::stream(pieces))
    })
    .await
}

#[tokio::test]
async fn clients_that_vanish_in_their_response() {
    let backend = endless().await;
    let gateway = Gateway::start(&config(backend.address(), "1m")).await;
    for _ in 0..MANY {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.read_head().await;
        client.read_exact(2000).await;
        client.vanish();
    }
    is_at_rest(&gateway).await;
}

#[tokio::test]
async fn clients_that_close_their_side_have_left() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        if connection.head().await.starts_with("POST /fine") {
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine").await;
        }
        connection.rest().await;
    })
    .await;
    let gateway = Gateway::start(&config(service.address(), "1m")).await;
    for request in ["GET /a HTTP/1.1\r\nHost: a\r\n\r\n", HALF] {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(request).await;
        client.finish().await;
        let answer = client.read_to_close().await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        is_at_rest(&gateway).await;
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_is_waited_for_as_long_as_the_route_says() {
    let backend = echoing().await;
    let gateway = Gateway::start(&config(backend.address(), "2s")).await;
    let mut slow = Raw::connect(gateway.address("public")).await;
    slow.write(HALF).await;
    let answer = slow.read_to_close();
    let meanwhile = async {
        for _ in 0..10 {
            assert_eq!(gateway.client().post("/a", "fine").await.text(), "FINE");
        }
    };
    let (answer, ()) = futures_util::future::join(answer, meanwhile).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    is_at_rest(&gateway).await;
    assert!(backend.received().iter().all(|one| one.complete || one.body.len() < 100));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let backend = endless().await;
    let gateway = Gateway::start(&config(backend.address(), "1m")).await;
    let mut client = Raw::of(small_window(&gateway).await);
    client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_head().await;
    // It stays, and takes nothing more.
    is_at_rest(&gateway).await;
    drop(client);
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_everything() {
    let body = vec![b'x'; 3 << 20];
    let whole = body.clone();
    let backend = Backend::start(move |_| reply(200, whole.clone())).await;
    let toml = [
        toml::LISTEN,
        "limits = { idle_timeout = \"3s\" }\n",
        &toml::upstream("service", backend.address()),
        &toml::route("all", toml::ALL),
    ]
    .concat();
    let gateway = Gateway::start(&toml).await;
    let mut client = Raw::of(small_window(&gateway).await);
    client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_head().await;
    // In all it takes longer than the connection may be idle; it never is.
    let mut left = body.len();
    while left > 0 {
        let some = left.min(128 << 10);
        client.read_exact(some).await;
        left -= some;
        torana_tests::pause(Duration::from_millis(150)).await;
    }
}

/// A connection whose receiver takes little at a time.
async fn small_window(gateway: &Gateway) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("a size");
    socket.connect(gateway.address("public")).await.expect("connecting")
}
