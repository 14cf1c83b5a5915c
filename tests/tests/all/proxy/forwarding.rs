//! What the gateway adds to messages, and what it takes away (RFC 9110, 7.6).

use http::HeaderValue;
use torana_tests::{Backend, Gateway, Received, Reply, reply, request, toml};

async fn exchange(
    toml: impl Fn(&Backend) -> String,
    headers: &[(&str, &str)],
) -> (Received, Reply) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml(&backend)).await;
    let with = |request: http::request::Builder, (name, value): &(&str, &str)| {
        request.header(*name, *value)
    };
    let request = headers.iter().fold(request("GET", "/a"), with);
    let answer = gateway.client().send(request, "").await;
    (backend.only(), answer)
}

async fn forward(headers: &[(&str, &str)]) -> (Received, Reply) {
    exchange(|backend| toml::proxy(backend.address()), headers).await
}

async fn forward_from_proxy(headers: &[(&str, &str)]) -> (Received, Reply) {
    let toml = |backend: &Backend| {
        let trust = "trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n";
        let all = toml::route("all", toml::ALL);
        [toml::LISTEN, trust, &toml::upstream("service", backend.address()), &all].concat()
    };
    exchange(toml, headers).await
}

#[tokio::test]
async fn other_headers_pass_in_order() {
    let sent =
        [("x-b", "1"), ("accept", "*/*"), ("x-a", "2"), ("x-b", "3"), ("authorization", "x")];
    let (received, _) = forward(&sent).await;
    let lines = received.header_lines();
    let values = |name| lines.iter().filter(|line| line.0 == name).map(|line| line.1).collect();
    let (a, b, auth): (Vec<_>, Vec<_>, Vec<_>) =
        (values("x-a"), values("x-b"), values("authorization"));
    assert_eq!((a, b, auth), (vec!["2"], vec!["1", "3"], vec!["x"]), "{}", received.head);
}

#[tokio::test]
async fn values_that_are_not_utf8_pass() {
    let backend = Backend::start(|received| {
        let mut answer = reply(200, "");
        answer.headers_mut().insert("x-raw", received.headers["x-raw"].clone());
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let latin1 = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let answer = gateway.client().send(request("GET", "/a").header("x-raw", &latin1), "").await;
    assert_eq!(answer.headers["x-raw"], latin1);
}

#[tokio::test]
async fn fields_of_the_clients_connection_end_here() {
    let (received, _) = forward(&[
        ("connection", "keep-alive, x-secret, X-Other"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("x-secret", "1"),
        ("x-other", "1"),
        ("x-kept", "1"),
    ])
    .await;
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "upgrade",
        "http2-settings",
        "x-secret",
        "x-other",
    ] {
        assert_eq!(received.header(name), None, "{}", received.head);
    }
    assert_eq!(received.header("x-kept"), Some("1"));
}

#[tokio::test]
async fn the_gateways_own_fields_cannot_be_named_away() {
    let (received, _) = forward(&[(
        "connection",
        "close, host, x-forwarded-for, x-request-id, via, content-length",
    )])
    .await;
    for name in ["host", "x-forwarded-for", "x-request-id", "via"] {
        assert!(received.header(name).is_some(), "{name}: {}", received.head);
    }
}

#[tokio::test]
async fn fields_of_the_services_connection_end_here() {
    let backend = Backend::start(|_| {
        let mut answer = reply(200, "ok");
        for (name, value) in [
            ("connection", "x-internal"),
            ("keep-alive", "timeout=5"),
            ("x-internal", "1"),
            ("proxy-connection", "keep-alive"),
            ("x-kept", "1"),
        ] {
            answer.headers_mut().append(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let answer = gateway.client().get("/a").await;
    for name in ["connection", "keep-alive", "x-internal", "proxy-connection"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-kept"), Some("1"));
}

#[tokio::test]
async fn the_service_learns_who_asked_for_what() {
    let (received, _) = forward(&[("host", "Shop.example:8080")]).await;
    assert_eq!(received.header("host"), Some("Shop.example:8080"));
    assert_eq!(received.header("x-forwarded-host"), Some("Shop.example:8080"));
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
}

#[tokio::test]
async fn a_client_cannot_say_who_asked() {
    let (received, _) = forward(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "bank.example"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-ssl", "on"),
        ("x_forwarded_for", "1.2.3.4"),
        ("x-real-ip", "1.2.3.4"),
        ("forwarded", "for=1.2.3.4"),
    ])
    .await;
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    for name in ["x-forwarded-prefix", "x-forwarded-ssl", "x_forwarded_for"] {
        assert_eq!(received.header(name), None, "{}", received.head);
    }
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_ne!(received.header("x-forwarded-host"), Some("bank.example"));
    for name in ["forwarded", "x-real-ip", "x-forwarded-port"] {
        assert_eq!(received.header(name), None, "{}", received.head);
    }
}

#[tokio::test]
async fn a_trusted_proxy_can() {
    let (received, _) = forward_from_proxy(&[
        ("x-forwarded-for", "6.6.6.6, 1.2.3.4:4711, 10.0.0.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-port", "8443"),
        ("x-real-ip", "6.6.6.6"),
    ])
    .await;
    let addresses = received.header("x-forwarded-for").unwrap();
    assert!(addresses.contains("1.2.3.4"), "{addresses}");
    assert!(addresses.ends_with(", 127.0.0.1"), "{addresses}");
    assert!(
        !addresses.contains("6.6.6.6"),
        "said by a client that nobody vouches for: {addresses}"
    );
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
    assert_eq!(received.header("x-forwarded-host"), Some("shop.example"));
    assert_eq!(received.header("x-forwarded-port"), Some("8443"));
    assert_eq!(received.header("x-real-ip"), None);
}

#[tokio::test]
async fn both_sides_see_the_same_request_id() {
    let (received, answer) = forward(&[]).await;
    let id = received.header("x-request-id").expect("at the service");
    assert_eq!(answer.header("x-request-id"), Some(id));
    assert!(id.len() >= 16, "{id}");
}

#[tokio::test]
async fn request_ids_are_ours_and_differ() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for _ in 0..2 {
        gateway.client().send(request("GET", "/a").header("x-request-id", "mine"), "").await;
    }
    let received = backend.received();
    let ids: Vec<_> = received.iter().map(|one| one.header("x-request-id").unwrap()).collect();
    assert!(ids[0] != ids[1] && !ids.contains(&"mine"), "{ids:?}");
}

#[tokio::test]
async fn a_trusted_proxys_request_id_is_kept_if_it_is_plain() {
    let (received, answer) = forward_from_proxy(&[("x-request-id", "abc-123")]).await;
    assert_eq!(received.header("x-request-id"), Some("abc-123"));
    assert_eq!(answer.header("x-request-id"), Some("abc-123"));
    let (received, _) = forward_from_proxy(&[("x-request-id", "a\" onload=")]).await;
    assert_ne!(received.header("x-request-id"), Some("a\" onload="));
}

#[tokio::test]
async fn the_gateway_is_named_in_via() {
    let (received, answer) = forward(&[("via", "1.0 fred")]).await;
    let via: Vec<_> = received.headers.get_all("via").iter().map(|v| v.to_str().unwrap()).collect();
    let via = via.join(", ");
    assert!(via.starts_with("1.0 fred, 1.1 torana"), "{via}");
    assert!(answer.header("via").is_some_and(|via| via.starts_with("1.1 torana")), "{answer:?}");
}

#[tokio::test]
async fn a_trace_goes_on_and_otherwise_begins() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (received, _) = forward(&[("traceparent", trace), ("tracestate", "a=1")]).await;
    let parent = received.header("traceparent").unwrap();
    assert_eq!(parent[..35], trace[..35], "{parent}");
    assert_eq!(received.header("tracestate"), Some("a=1"));
    for sent in [None, Some(("traceparent", "00-nonsense"))] {
        let (received, _) = forward(sent.as_slice()).await;
        let parent = received.header("traceparent").unwrap();
        assert!(parent.len() == 55 && parent.starts_with("00-"), "{parent}");
    }
}

#[tokio::test]
async fn paths_are_rewritten_on_their_way() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let route = |name: &str, path: &str, more: &str| {
        toml::route(
            name,
            &format!("match = {{ path = \"{path}\" }}\nupstream = \"service\"\n{more}"),
        )
    };
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &route("strip", "/api/{*rest}", "strip = \"/api\""),
        &route("rewrite", "/old/{id}", "rewrite = \"/v2/items/{id}\""),
        &route("rest", "/files/{id}/{*rest}", "rewrite = \"/{rest}/of/{id}\""),
    ]
    .concat();
    let gateway = Gateway::start(&toml).await;
    for (sent, forwarded) in [
        ("/api/users?x=1", "/users?x=1"),
        ("/api/a%20b", "/a%20b"),
        ("/old/7?x=1", "/v2/items/7?x=1"),
        ("/old/a%20b%3Fc", "/v2/items/a%20b%3Fc"),
        ("/files/7/a/b%20c?x", "/a/b%20c/of/7?x"),
    ] {
        assert_eq!(gateway.client().get(sent).await.status, 200, "{sent}");
        assert_eq!(backend.received().pop().unwrap().target, forwarded);
    }
}
