//! Replies that break off, and what is none: half an answer is never taken for a whole one.

use bytes::Bytes;
use http::Response;
use torana_tests::{
    Backend, Body, End, Fault, Gateway, Point, Raw, RawBackend, Wire, reply, request, stream, toml,
    within,
};

use super::before;

fn whole() -> Bytes {
    Bytes::from(vec![b'x'; 200_000])
}

/// A service whose body has a length at `/length`, and is chunked elsewhere.
async fn service() -> Backend {
    Backend::start(|received| match received.target.as_str() {
        "/length" => reply(200, whole()),
        _ => Response::new(stream(futures_util::stream::iter([Ok(whole())]))),
    })
    .await
}

fn empty() -> Body {
    reply(200, "").into_body()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_whole_one_over_http1() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.client();
    for how in [End::Close, End::Reset] {
        // Below what is sent with the head, and far above it.
        for after in [1, 150_000] {
            wire.set(Fault::Cut { after: Point::Body(after), how }).await;
            for target in ["/length", "/chunked"] {
                let broken = client.try_send(request("GET", target), empty()).await;
                broken.expect_err(&format!("{target} with {after} bytes, {how:?}"));
            }
        }
    }
    wire.set(Fault::Pass).await;
    assert_eq!(client.get("/length").await.body, whole());
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_reset_stream_over_http2() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.h2().await;
    for how in [End::Close, End::Reset] {
        wire.set(Fault::Cut { after: Point::Body(150_000), how }).await;
        for target in ["/length", "/chunked"] {
            let broken = client.try_send(request("GET", target), empty()).await;
            let error = broken.expect_err(target);
            assert!(error.contains("stream error"), "{error}");
        }
    }
    // The others on the connection have nothing to do with it.
    wire.set(Fault::Pass).await;
    assert_eq!(client.get("/chunked").await.body, whole());
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_head_that_breaks_off_is_a_502() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.client();
    for how in [End::Close, End::Reset] {
        for after in [0, 1, 12, 20] {
            wire.set(Fault::Cut { after: Point::Head(after), how }).await;
            let problem = client.post("/length", "is sent once").await.problem(502);
            assert_eq!(problem["type"], "urn:torana:problem:upstream-failed", "{after} {how:?}");
        }
    }
    assert_eq!(backend.received().len(), 8, "none was sent twice");
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_service_that_half_closes_without_an_answer_is_a_502() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    wire.set(Fault::HalfClose).await;
    let client = gateway.client();
    client.post("/length", "x").await.problem(502);
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_requests_end_is_not_lost() {
    let service = RawBackend::start(|mut connection| async move {
        connection.head().await;
        // With what it has not read its close is a reset.
        connection
            .write("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
            .await;
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let upload = vec![b'x'; 3_000_000];
    for _ in 0..40 {
        let answer = gateway.client().post("/", upload.clone()).await;
        assert_eq!((answer.status, answer.text()), (413, "no"));
    }
    gateway.at_rest().await;
}

#[tokio::test]
async fn after_nonsense_a_connection_is_not_used_again() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.client();
    let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for nonsense in [
        "220 smtp.example ESMTP\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nabc",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX-\0: a\r\nContent-Length: 2\r\n\r\nok",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        wire.set(Fault::Answer(nonsense.into())).await;
        let before = wire.connections();
        let problem = client.post("/", "is sent once").await.problem(502);
        assert_eq!(problem["type"], "urn:torana:problem:upstream-failed", "{nonsense:?}");
        wire.set(Fault::Answer(good.into())).await;
        assert_eq!(client.get("/").await.text(), "ok", "{nonsense:?}");
        assert_eq!(wire.connections(), before + 2, "{nonsense:?}");
        // The good one is kept, so it would serve the next: a service that breaks it off is rid of it.
        wire.set(Fault::Refuse).await;
    }
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn what_follows_a_reply_is_nobodys_answer() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    let client = gateway.client();
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst\
               HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    wire.set(Fault::Answer(two.into())).await;
    for _ in 0..10 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, "first"));
    }
    assert_eq!(wire.connections(), 10, "none was used again");
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_retry_goes_elsewhere_when_a_target_resets() {
    let (bad, good) = (service().await, Backend::start(|_| reply(200, "good")).await);
    let mut wire = Wire::to(bad.address()).await;
    wire.set(Fault::Cut { after: Point::Head(0), how: End::Reset }).await;
    let more = "retries = { on = [\"reset\"], backoff = \"1ms\" }";
    let gateway = Gateway::start(&before(&[wire.address(), good.address()], more)).await;
    let client = gateway.client();
    for _ in 0..6 {
        assert_eq!(client.get("/length").await.text(), "good");
    }
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_learns_that_a_body_broke_off() {
    let backend = service().await;
    let mut wire = Wire::to(backend.address()).await;
    let gateway = Gateway::start(&toml::proxy(wire.address())).await;
    wire.set(Fault::Cut { after: Point::Body(150_000), how: End::Close }).await;
    for target in ["/length", "/chunked"] {
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write(format!("GET {target} HTTP/1.0\r\nHost: a\r\n\r\n")).await;
        let head = raw.read_head().await;
        let rest = within("the end", raw.read_to_end()).await;
        // A length that is not reached says it as well.
        let told = head.to_lowercase().contains("content-length: 200000") || rest.is_err();
        assert!(told, "{head}");
    }
    gateway.at_rest().await;
}
