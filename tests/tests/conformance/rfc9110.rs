//! HTTP Semantics.

use http::{HeaderValue, Response};
use torana_tests::{Backend, Gateway, Raw, reply, request, stream, toml};

use super::{answering, ask, header, ok, status};

#[tokio::test]
async fn s5_1_fields_that_nobody_knows_go_on() {
    let (backend, gateway) = ok().await;
    let ask = request("GET", "/").header("x-what-is-this", "a thing").header("when", "today");
    gateway.client().send(ask, "").await;
    let received = backend.only();
    assert_eq!(received.header("x-what-is-this"), Some("a thing"));
    assert_eq!(received.header("when"), Some("today"));
}

#[tokio::test]
async fn s5_3_lines_of_a_name_keep_their_order() {
    let (backend, gateway) = ok().await;
    let ask = request("GET", "/").header("x-a", "1").header("x-b", "2").header("x-a", "3");
    gateway.client().send(ask, "").await;
    let received = backend.only();
    let values: Vec<_> = received.headers.get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "3"]);
}

#[tokio::test]
async fn s5_5_bytes_above_ascii_pass_as_they_are() {
    let (backend, gateway) = ok().await;
    let ask = request("GET", "/").header("x", HeaderValue::from_bytes(b"\xc3\xbc\xff").unwrap());
    gateway.client().send(ask, "").await;
    assert_eq!(backend.only().headers["x"].as_bytes(), b"\xc3\xbc\xff");
}

#[tokio::test]
async fn s6_5_trailers_reach_the_other_side() {
    let (backend, gateway) = ok().await;
    let answer = ask(
        &gateway,
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTrailer: x-sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
    )
    .await;
    assert_eq!(status(&answer), 200);
    assert_eq!(backend.only().trailers.expect("trailers")["x-sum"], "6");
}

#[tokio::test]
async fn s6_6_1_a_date_is_kept_and_added_where_there_is_none() {
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    let head = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
    let (_backend, gateway) = answering(&head).await;
    assert_eq!(gateway.client().get("/").await.header("date"), Some(date));
    let (_backend, gateway) = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert!(gateway.client().get("/").await.header("date").is_some());
}

#[tokio::test]
async fn s7_2_the_host_goes_on_as_the_client_named_it() {
    let (backend, gateway) = ok().await;
    gateway.client().send(request("GET", "/").header("host", "shop.example:8080"), "").await;
    assert_eq!(backend.only().header("host"), Some("shop.example:8080"));
}

#[tokio::test]
async fn s7_6_1_connection_fields_are_removed() {
    let (backend, gateway) = ok().await;
    let ask = request("GET", "/")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "keep-alive")
        .header("te", "gzip")
        .header("upgrade", "what/2")
        .header("x-end", "2");
    gateway.client().send(ask, "").await;
    let received = backend.only();
    for name in ["connection", "x-hop", "keep-alive", "proxy-connection", "te", "upgrade"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert_eq!(received.header("x-end"), Some("2"));
}

#[tokio::test]
async fn s7_6_1_connection_fields_of_replies_are_removed() {
    let (_backend, gateway) = answering(
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         X-End: 2\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let answer = gateway.client().get("/").await;
    for name in ["x-hop", "keep-alive"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-end"), Some("2"));
}

#[tokio::test]
async fn s7_6_2_max_forwards_is_counted_down() {
    let (backend, gateway) = ok().await;
    let client = gateway.client();
    for (method, sent, forwarded) in
        [("OPTIONS", "10", "9"), ("TRACE", "1", "0"), ("GET", "10", "10"), ("OPTIONS", "x", "x")]
    {
        client.send(request(method, "/").header("max-forwards", sent), "").await;
        let received = backend.received().pop().expect("a request");
        assert_eq!(received.header("max-forwards"), Some(forwarded), "{method}");
    }
}

#[tokio::test]
async fn s7_6_2_at_max_forwards_zero_the_gateway_answers() {
    let (backend, gateway) = ok().await;
    for method in ["OPTIONS", "TRACE"] {
        let ask = request(method, "/").header("max-forwards", "0");
        gateway.client().send(ask, "").await.problem(501);
    }
    assert!(backend.received().is_empty());
    // It means nothing in other methods.
    let ask = request("GET", "/").header("max-forwards", "0");
    assert_eq!(gateway.client().send(ask, "").await.status, 200);
}

#[tokio::test]
async fn s7_6_3_via_is_appended_both_ways() {
    let backend = Backend::start(|_| {
        let mut answer = reply(200, "");
        answer.headers_mut().insert("via", HeaderValue::from_static("1.0 behind"));
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let answer = gateway.client().send(request("GET", "/").header("via", "1.1 before"), "").await;
    let of = |headers: &http::HeaderMap| {
        let values = headers.get_all("via").iter().map(|value| value.to_str().unwrap().to_owned());
        values.collect::<Vec<_>>().join(", ")
    };
    let received = of(&backend.only().headers);
    assert!(received.starts_with("1.1 before, 1.1 torana-"), "{received}");
    let answered = of(&answer.headers);
    assert!(answered.starts_with("1.0 behind, 1.1 torana-"), "{answered}");
}

#[tokio::test]
async fn s7_7_the_path_goes_on_without_changes() {
    let (backend, gateway) = ok().await;
    for target in ["/a%2Db/c;d?e=%2F//&f", "/", "/?", "/%C3%BC"] {
        gateway.client().get(target).await;
        assert_eq!(backend.received().pop().unwrap().target, target);
    }
}

#[tokio::test]
async fn s8_6_a_content_length_is_the_bodys() {
    let (backend, gateway) = ok().await;
    gateway.client().post("/", "12345").await;
    let received = backend.only();
    assert_eq!((received.header("content-length"), received.body.len()), (Some("5"), 5));
    assert_eq!(received.header("transfer-encoding"), None);
}

#[tokio::test]
async fn s9_2_2_only_what_is_idempotent_is_sent_again() {
    // A connection that is closed as soon as the second request is on it.
    let backend = torana_tests::RawBackend::start(|mut connection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        if connection.number % 2 == 0 {
            connection.head().await;
        }
    })
    .await;
    let toml = toml::proxy(backend.address()).replace("workers = 2", "workers = 1");
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/").await.status, 200, "it was sent again");
    // The next connection's number is even: it answers once, and then is lost.
    assert_eq!(client.get("/").await.status, 200);
    client.post("/", "once").await.problem(502);
}

#[tokio::test]
async fn s9_3_2_head_has_what_get_has_and_no_body() {
    let (_backend, gateway) =
        answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n").await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    let head = raw.read_head().await;
    assert_eq!(header(&head, "content-length").as_deref(), Some("5"));
    assert_eq!(header(&head, "x").as_deref(), Some("y"));
    assert_eq!(raw.read_to_close().await, "");
}

#[tokio::test]
async fn s9_3_6_connect_is_refused_for_this_is_no_tunnel() {
    let (backend, gateway) = ok().await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").await;
    assert_eq!(status(&raw.read_head().await), 400);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s9_3_7_options_of_a_path_go_to_the_service() {
    let (backend, gateway) = ok().await;
    assert_eq!(gateway.client().send(request("OPTIONS", "/a"), "").await.status, 200);
    assert_eq!(backend.only().method, "OPTIONS");
}

#[tokio::test]
async fn s9_3_7_options_of_the_server_are_the_gateways_own() {
    let (backend, gateway) = ok().await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    // On one connection: nothing is left over behind the first answer. RFC 9112, 3.2.4: a server's name alone
    // is another word for it.
    for target in ["*", "http://a", "*"] {
        let head = format!("OPTIONS {target} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n");
        raw.write(&head).await;
        let head = raw.read_head().await;
        assert_eq!(status(&head), 204, "{head}");
        let allow = header(&head, "allow").expect("what it can do");
        assert!(allow.split(", ").any(|method| method == "DELETE"), "{allow}");
        assert_eq!(
            (header(&head, "content-length"), header(&head, "transfer-encoding")),
            (None, None)
        );
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s9_3_7_only_options_are_of_the_server() {
    let (backend, gateway) = ok().await;
    let refused = [
        "GET * HTTP/1.1\r\nHost: a",
        "POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 0",
        "OPTIONS *?a HTTP/1.1\r\nHost: a",
        "OPTIONS ** HTTP/1.1\r\nHost: a",
        // RFC 9112, 3.2: whatever the target.
        "OPTIONS * HTTP/1.1",
    ];
    for request in refused {
        let answer = ask(&gateway, &format!("{request}\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(status(&answer), 400, "{request:?}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s10_1_1_a_100_comes_when_the_body_is_wanted() {
    let (backend, gateway) = ok().await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(status(&raw.read_head().await), 100);
    raw.write("body").await;
    assert_eq!(status(&raw.read_head().await), 200);
    let received = backend.only();
    assert_eq!((received.header("expect"), &received.body[..]), (None, &b"body"[..]));
}

#[tokio::test]
async fn s10_1_1_no_100_comes_where_the_body_is_refused() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), "max_body = \"1KiB\"")).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4000\r\n\r\n")
        .await;
    assert_eq!(status(&raw.read_head().await), 413);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s15_2_interim_responses_do_not_end_a_request() {
    let (_backend, gateway) = answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    assert_eq!(gateway.client().get("/").await.text(), "ok");
}

#[tokio::test]
async fn s15_a_status_that_nobody_knows_passes() {
    for code in [299, 499, 599] {
        let head = format!("HTTP/1.1 {code} What\r\nContent-Length: 2\r\n\r\nok");
        let (_backend, gateway) = answering(&head).await;
        let answer = gateway.client().get("/").await;
        assert_eq!((answer.status, answer.text()), (code, "ok"));
    }
}

#[tokio::test]
async fn s15_3_5_a_204_has_no_body() {
    let (_backend, gateway) = answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(
        (header(&answer, "content-length"), header(&answer, "transfer-encoding")),
        (None, None)
    );
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn s15_4_5_a_304_has_the_fields_and_no_body() {
    let (_backend, gateway) =
        answering("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(header(&answer, "etag").as_deref(), Some("\"a\""));
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn s15_5_6_a_405_says_what_is_allowed() {
    let route =
        "match = { path = \"/{*path}\", methods = [\"GET\", \"PUT\"] }\nupstream = \"service\"";
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let gateway =
        Gateway::start(&[toml::LISTEN, &upstream, &toml::route("all", route)].concat()).await;
    let answer = gateway.client().send(request("DELETE", "/"), "").await;
    let allow = answer.header("allow").expect("allow").to_owned();
    answer.problem(405);
    assert!(allow.contains("GET") && allow.contains("PUT") && !allow.contains("DELETE"), "{allow}");
}

#[tokio::test]
async fn s15_6_3_and_5_a_service_that_fails_is_502_and_one_that_is_late_504() {
    let (_backend, gateway) = answering("nonsense\r\n\r\n").await;
    gateway.client().get("/").await.problem(502);
    let silent = Backend::start_async(|_| std::future::pending()).await;
    let gateway = Gateway::start(&toml::proxy_with(silent.address(), "timeout = \"100ms\"")).await;
    gateway.client().get("/").await.problem(504);
}

#[tokio::test]
async fn s6_4_1_a_body_passes_while_it_comes() {
    let backend = Backend::start(|_| {
        let endless = futures_util::stream::iter([Ok("first".into())]);
        let never = futures_util::stream::pending();
        Response::new(stream(futures_util::StreamExt::chain(endless, never)))
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    assert_eq!(raw.read_exact(10).await, "5\r\nfirst\r\n");
}
