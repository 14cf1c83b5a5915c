//! Messages pass as they are.

use bytes::Bytes;
use http::{HeaderValue, Response};
use torana_tests::{Backend, Gateway, Raw, RawBackend, reply, request, toml};

async fn echo() -> Backend {
    Backend::start(|received| {
        reply(200, format!("{} {} {}", received.method, received.target, received.body.len()))
    })
    .await
}

#[tokio::test]
async fn every_method_passes() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = gateway.client();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "X-OWN"] {
        let answer = client.send(request(method, "/things"), "").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("{method} /things 0")));
    }
}

#[tokio::test]
async fn path_and_query_pass_byte_for_byte() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for target in [
        "/a",
        "/a?",
        "/a?b=c&b=d&&=e&f",
        "/a%20b/%C3%BC?q=%2F%26+x",
        "/a;v=1/b,c/@d/~e/!$'()*+=:",
        "/a/",
        "/a%2Db%2E%41",
        "/a?x=/../y//&z=?",
    ] {
        gateway.client().get(target).await;
        assert_eq!(backend.received().pop().unwrap().target, target);
    }
}

#[tokio::test]
async fn the_root_is_a_path_like_any_other() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    assert_eq!(gateway.client().get("/?a").await.text(), "GET /?a 0");
}

#[tokio::test]
async fn status_and_headers_of_the_reply_pass() {
    let backend = Backend::start(|_| {
        let mut answer = reply(418, "short and stout");
        for (name, value) in [
            ("set-cookie", "a=1"),
            ("x-pot", "tea"),
            ("set-cookie", "b=2; Secure"),
            ("etag", "\"1\""),
        ] {
            answer.headers_mut().append(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let answer = gateway.client().get("/pot").await;
    assert_eq!((answer.status, answer.text()), (418, "short and stout"));
    assert_eq!(answer.header("x-pot"), Some("tea"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(answer.header("content-length"), Some("15"));
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2; Secure"], "one line each, in order");
}

#[tokio::test]
async fn redirects_are_not_followed_and_errors_are_not_replaced() {
    let backend = Backend::start(|received| {
        let status = received.target[1..].parse().unwrap();
        let mut answer = reply(status, "as it is");
        answer.headers_mut().insert("location", HeaderValue::from_static("http://elsewhere/"));
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for status in [301, 400, 404, 500, 503] {
        let answer = gateway.client().get(&format!("/{status}")).await;
        assert_eq!((answer.status, answer.text()), (status, "as it is"));
        assert_eq!(answer.header("location"), Some("http://elsewhere/"));
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let backend = Backend::start(|received| {
        assert_eq!(received.method, "HEAD");
        let mut answer = reply(200, "");
        answer.headers_mut().insert("content-length", HeaderValue::from_static("1234"));
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = gateway.client();
    let answer = client.send(request("HEAD", "/a"), "").await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(answer.header("content-length"), Some("1234"));
    client.send(request("HEAD", "/a"), "").await;
    assert_eq!(client.connections(), 1, "no byte of a body was left over");
}

#[tokio::test]
async fn replies_that_have_no_body_get_none() {
    let backend = Backend::start(|received| {
        let status = received.target[1..].parse().unwrap();
        reply(status, "")
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    for status in [204, 304] {
        raw.write(format!("GET /{status} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let head = raw.read_head().await.to_lowercase();
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        // RFC 9110, 8.6 and RFC 9112, 6.1: neither framing field in a 204.
        assert!(status == 304 || !head.contains("content-length"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = gateway.client();
    for turn in 0..20 {
        let answer = client.post("/a", format!("body {turn}")).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(client.connections(), 1);
    let connections: Vec<_> = backend.received().iter().map(|one| one.connection).collect();
    assert_eq!(connections, [0; 20], "one worker has one connection of the client");
}

#[tokio::test]
async fn a_client_that_wants_to_close_is_closed_and_the_service_is_not() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for _ in 0..2 {
        let bytes = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answer = torana_tests::raw(gateway.address("public"), bytes).await;
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.ends_with("GET /a 0"), "{answer}");
    }
    let received = backend.received();
    assert!(received.iter().all(|one| one.header("connection").is_none()), "{received:#?}");
}

#[tokio::test]
async fn requests_that_are_sent_together_are_answered_in_order() {
    let backend = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none\
         GET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
         GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;
    let answers = raw.read_to_close().await;
    let at = |text: &str| answers.find(text).unwrap_or_else(|| panic!("{text}: {answers}"));
    assert!(at("POST /1 3") < at("GET /2 0") && at("GET /2 0") < at("GET /3 0"));
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let backend = Backend::start(|_| {
        let pieces = ["one ", "two"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
        Response::new(torana_tests::stream(futures_util::stream::iter(pieces)))
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let answer =
        torana_tests::raw(gateway.address("public"), "GET /a HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.to_lowercase().contains("transfer-encoding"), "it knows no chunks: {answer}");
    assert!(answer.ends_with("\r\n\r\none two"), "{answer}");
    assert!(backend.only().head.starts_with("GET /a HTTP/1.1\r\n"), "each hop has its version");
}

#[tokio::test]
async fn interim_replies_end_here() {
    let service = RawBackend::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let answer = gateway.client().get("/a").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!(answer.header("link"), None);
}

#[tokio::test]
async fn the_services_own_spelling_of_a_reply_does_not_matter() {
    let service = RawBackend::answering(
        "HTTP/1.1 200 Fine By Me\r\nCONTENT-LENGTH:2\r\nX-Odd:   spaced out  \r\n\r\nok",
    )
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let answer = gateway.client().get("/a").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_eq!(answer.header("x-odd"), Some("spaced out"));
}
