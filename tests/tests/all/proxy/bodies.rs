//! Bodies: any size, any framing, streamed in both directions.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::iter};
use http::{HeaderValue, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use torana_tests::{
    Backend, Body, Gateway, Raw, RawBackend, RawConnection, reply, request, stream, toml,
};

const MIB: usize = 1 << 20;

/// Not the same anywhere, so that a lost or doubled piece shows.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    });
    next.take(length).collect()
}

fn in_pieces(body: Bytes, size: usize) -> Body {
    let starts = (0..body.len()).step_by(size);
    let pieces: Vec<_> = starts.map(|at| Ok(body.slice(at..(at + size).min(body.len())))).collect();
    stream(iter(pieces))
}

async fn mirror() -> Backend {
    Backend::start(|received| {
        assert!(received.complete);
        match received.headers.contains_key("x-chunked") {
            true => Response::new(in_pieces(received.body.clone(), 100_000)),
            false => reply(200, received.body.clone()),
        }
    })
    .await
}

#[tokio::test]
async fn five_mib_there_and_back() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let body = noise(5 * MIB);
    let answer = gateway.client().post("/a", body.clone()).await;
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    assert_eq!(answer.header("content-length"), Some("5242880"));
    let received = backend.only();
    assert_eq!(received.header("content-length"), Some("5242880"));
    assert_eq!(received.header("transfer-encoding"), None);
}

#[tokio::test]
async fn five_mib_in_chunks_there_and_back() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let body = noise(5 * MIB + 1);
    let request = request("POST", "/a").header("x-chunked", "1");
    let answer = gateway.client().send_body(request, in_pieces(body.clone(), 70_001)).await;
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
    assert_eq!(answer.header("content-length"), None);
    let received = backend.only();
    assert_eq!(received.header("transfer-encoding"), Some("chunked"));
    assert_eq!(received.header("content-length"), None);
}

#[tokio::test]
async fn an_empty_body_stays_one() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    raw.read_head().await;
    raw.write("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    raw.read_head().await;
    raw.write("GET /c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    raw.read_to_close().await;
    let received = backend.received();
    assert_eq!(received[0].header("content-length"), Some("0"), "{}", received[0].head);
    assert_eq!(received[2].header("content-length"), None, "{}", received[2].head);
    assert_eq!(received[2].header("transfer-encoding"), None, "{}", received[2].head);
}

#[tokio::test]
async fn get_may_have_a_body_and_delete_too() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for method in ["GET", "DELETE"] {
        assert_eq!(gateway.client().send(request(method, "/a"), "why not").await.text(), "why not");
    }
}

#[tokio::test]
async fn the_service_sees_the_beginning_before_the_client_has_sent_the_end() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        connection.head().await;
        assert_eq!(connection.bytes(5).await, b"first");
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nhave it, ").await;
        assert_eq!(connection.bytes(4).await, b"last");
        connection.write("and all").await;
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nfirst").await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(raw.read_exact(9).await, "have it, ", "replies may come before the end as well");
    raw.write("last").await;
    assert_eq!(raw.read_exact(7).await, "and all");
}

#[tokio::test]
async fn the_client_sees_the_beginning_before_the_service_has_sent_the_end() {
    let (go_on, may_go_on) = tokio::sync::watch::channel(false);
    let backend = Backend::start(move |_| {
        let mut may_go_on = may_go_on.clone();
        let last = async move {
            may_go_on.wait_for(|go| *go).await.unwrap();
            Ok(Bytes::from_static(b"last"))
        };
        let first = iter([Ok(Bytes::from_static(b"first"))]);
        Response::new(stream(first.chain(futures_util::stream::once(last))))
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    assert_eq!(raw.read_until("first\r\n").await, "5\r\nfirst\r\n");
    go_on.send(true).unwrap();
    assert_eq!(raw.read_until("0\r\n\r\n").await, "4\r\nlast\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_client_that_expects_100_is_told_to_go_on() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(raw.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.write("body").await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(raw.read_exact(4).await, "body");
    assert_eq!(backend.only().header("expect"), None, "the gateway has answered it");
}

#[tokio::test]
async fn a_refused_client_that_expects_100_need_not_send_its_body() {
    let backend = mirror().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), "max_body = \"1KiB\"")).await;
    let bytes = "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\
                 Connection: close\r\n\r\n";
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write(bytes).await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let service = RawBackend::answering("HTTP/1.1 200 OK\r\n\r\nuntil I hang up").await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let client = gateway.client();
    for _ in 0..2 {
        let answer = client.get("/a").await;
        assert_eq!((answer.status, answer.text()), (200, "until I hang up"));
    }
    assert_eq!(client.connections(), 1, "the client's own is kept: to it the body has an end");
}

#[tokio::test]
async fn trailers_pass_to_those_who_want_them() {
    let backend = Backend::start(|received| {
        let sum = received.trailers.as_ref().and_then(|trailers| trailers.get("x-sum"));
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        let frames = [Ok(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(trailers))];
        let mut answer = Response::new(StreamBody::new(iter(frames)).boxed_unsync());
        answer.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
        if let Some(sum) = sum {
            answer.headers_mut().insert("x-sum-seen", sum.clone());
        }
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write(
        "POST /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTrailer: x-sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n1\r\n.\r\n0\r\nx-sum: 7\r\n\r\n",
    )
    .await;
    let head = raw.read_head().await;
    assert!(head.contains("\r\nx-sum-seen: 7\r\n"), "{head}");
    assert_eq!(raw.read_until("\r\n\r\n").await, "4\r\nbody\r\n0\r\nx-sum: 42\r\n\r\n");
    raw.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    assert_eq!(raw.read_until("0\r\n\r\n").await, "4\r\nbody\r\n0\r\n\r\n", "it did not ask");
}
