//! HTTP/1.1. What is refused for its framing stands in `tests/all/smuggling/http1.txt`, too.

use torana_tests::{Backend, Gateway, Raw, RawBackend, raw, reply, request, toml};

use super::{answering, ask, header, ok, status};

#[tokio::test]
async fn s2_2_empty_lines_before_a_request_are_passed_over() {
    let (backend, gateway) = ok().await;
    let answer =
        ask(&gateway, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status(&answer), backend.received().len()), (200, 1));
}

#[tokio::test]
async fn s2_2_a_bare_cr_is_refused() {
    let (backend, gateway) = ok().await;
    assert_eq!(status(&ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n").await), 400);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s2_3_the_version_is_the_gateways_own() {
    let (backend, gateway) = ok().await;
    let answer = ask(&gateway, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&answer), 200);
    assert!(backend.only().head.starts_with("GET / HTTP/1.1\r\n"));
    let (_backend, gateway) = answering("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn s3_2_a_request_without_one_host_is_a_400() {
    let (backend, gateway) = ok().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a:b\r\n", "Host:\r\n"] {
        let answer =
            ask(&gateway, &format!("GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await;
        assert_eq!(status(&answer), 400, "{hosts:?}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s3_2_2_an_absolute_form_becomes_the_origin_form() {
    let (backend, gateway) = ok().await;
    let answer = ask(
        &gateway,
        "GET http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), 200);
    let received = backend.only();
    assert_eq!((received.target.as_str(), received.header("host")), ("/b?c", Some("a.example")));
}

#[tokio::test]
async fn s5_1_a_space_before_the_colon_is_refused() {
    let (backend, gateway) = ok().await;
    assert_eq!(status(&ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n").await), 400);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s5_1_a_space_before_the_colon_of_a_reply_does_not_pass() {
    let (_backend, gateway) =
        answering("HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    // It is to be removed, or the reply refused.
    assert!(!answer.to_lowercase().contains("x :"), "{answer}");
    assert!([200, 502].contains(&status(&answer)), "{answer}");
}

#[tokio::test]
async fn s5_2_folded_lines_are_refused_or_unfolded() {
    let (backend, gateway) = ok().await;
    assert_eq!(
        status(&ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n").await),
        400
    );
    assert!(backend.received().is_empty());
    let (_backend, gateway) =
        answering("HTTP/1.1 200 OK\r\nX: y\r\n z\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(!answer.contains("\r\n z"), "{answer}");
    assert!([200, 502].contains(&status(&answer)), "{answer}");
}

#[tokio::test]
async fn s6_1_a_client_of_http_1_0_gets_no_chunks() {
    let (_backend, gateway) =
        answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            .await;
    let answer = ask(&gateway, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert_eq!(header(&answer, "transfer-encoding"), None);
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[tokio::test]
async fn s6_1_a_coding_that_nobody_undoes_is_refused() {
    let (backend, gateway) = ok().await;
    for coding in ["gzip, chunked", "gzip", "identity"] {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
        );
        assert_eq!(status(&ask(&gateway, &bytes).await), 400, "{coding}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s6_3_chunks_win_over_a_length_in_replies() {
    let (_backend, gateway) = answering(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n\
         2\r\nok\r\n0\r\n\r\n",
    )
    .await;
    let answer = gateway.client().get("/").await;
    assert_eq!((answer.status, answer.text()), (200, "ok"));
    assert_ne!(answer.header("content-length"), Some("100"));
}

#[tokio::test]
async fn s6_3_a_reply_with_two_lengths_is_a_502() {
    for lengths in ["Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2, 3"] {
        let (_backend, gateway) =
            answering(&format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nabc")).await;
        gateway.client().get("/").await.problem(502);
    }
}

#[tokio::test]
async fn s6_3_a_reply_without_a_length_ends_with_its_connection() {
    let (_backend, gateway) = answering("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    let client = gateway.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").await.text(), "until the end");
    }
    assert_eq!(client.connections(), 1, "the client's framing is the gateway's own");
}

#[tokio::test]
async fn s6_3_a_request_without_a_length_has_no_body() {
    let (backend, gateway) = ok().await;
    let answer = ask(&gateway, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status(&answer), backend.only().body.len()), (200, 0));
}

#[tokio::test]
async fn s7_1_chunks_are_read_whatever_their_sizes() {
    let (backend, gateway) = ok().await;
    let answer = ask(
        &gateway,
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\na\r\nA\r\n0123456789\r\n0a\r\n0123456789\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), 200);
    assert_eq!(backend.only().body, "a01234567890123456789");
}

#[tokio::test]
async fn s7_1_1_chunk_extensions_are_ignored_and_go_no_further() {
    let service = RawBackend::start(|mut connection| async move {
        connection.head().await;
        let body = connection.bytes("3\r\nabc\r\n0\r\n\r\n".len()).await;
        let length = body.len();
        connection.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).await;
        connection.write(body).await;
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let answer = ask(
        &gateway,
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n",
    )
    .await;
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn s8_half_a_body_is_no_message() {
    let (_backend, gateway) = answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
    let body = reply(200, "").into_body();
    gateway.client().try_send(request("GET", "/"), body).await.expect_err("it is cut");
}

#[tokio::test]
async fn s9_2_a_pipelines_answers_are_in_order() {
    let backend = Backend::start(|received| reply(200, received.target.clone())).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let bytes =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = raw(gateway.address("public"), bytes).await;
    let (first, second) = (answer.find("/1").unwrap(), answer.find("/2").unwrap());
    assert!(first < second, "{answer}");
}

#[tokio::test]
async fn s9_3_connections_persist_as_their_version_says() {
    let (_backend, gateway) = ok().await;
    // HTTP/1.0 closes, unless it asks not to.
    let answer = ask(&gateway, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("ok"), "{answer}");
    let mut raw = Raw::connect(gateway.address("public")).await;
    for version in ["1.0\r\nConnection: keep-alive", "1.1"] {
        raw.write(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        raw.read_head().await;
        assert_eq!(raw.read_exact(2).await, "ok");
    }
}

#[tokio::test]
async fn s9_6_after_a_close_nothing_is_answered() {
    let (backend, gateway) = ok().await;
    let bytes =
        "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = ask(&gateway, bytes).await;
    assert_eq!(header(&answer, "connection").as_deref(), Some("close"));
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(backend.only().target, "/1");
}

#[tokio::test]
async fn s9_6_a_service_that_closes_is_not_asked_on_that_connection_again() {
    let service = RawBackend::start(|mut connection| async move {
        connection.head().await;
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        connection.write(head).await;
        // It stays open for a while, and hears nothing more.
        assert_eq!(connection.rest().await, b"");
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "ok");
    }
    assert_eq!(client.connections(), 1, "the client's connection is another matter");
}
