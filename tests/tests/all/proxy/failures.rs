//! Something is wrong with the service or with the request: the client learns what it can use, and
//! never mistakes half an answer for a whole one.

use serde_json::Value;
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, RawConnection, Reply, Unused, reply, request, toml, within,
};

/// A refusal of the gateway's own: the id in its body is the one in its head.
#[track_caller]
fn refusal(answer: &Reply, status: u16) -> Value {
    let problem = answer.problem(status);
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{answer:?}");
    assert!(problem["request_id"].is_string(), "{answer:?}");
    problem
}

#[tokio::test]
async fn a_path_without_a_route_is_404() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let route = toml::route("a", "match = { path = \"/a\" }\nupstream = \"service\"");
    let toml = [toml::LISTEN, &toml::upstream("service", backend.address()), &route].concat();
    let gateway = Gateway::start(&toml).await;
    for path in ["/", "/b", "/a/", "/a/b", "/A"] {
        let problem = refusal(&gateway.client().get(path).await, 404);
        assert_eq!(problem["type"], "urn:torana:problem:no-route");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_path_with_routes_for_other_methods_is_405() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let route = |name: &str, method: &str| {
        let rules = format!("match = {{ path = \"/a\", methods = [\"{method}\"] }}");
        toml::route(name, &format!("{rules}\nupstream = \"service\""))
    };
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, &route("get", "GET"), &route("put", "PUT")].concat();
    let gateway = Gateway::start(&toml).await;
    let answer = gateway.client().send(request("DELETE", "/a"), "").await;
    refusal(&answer, 405);
    let allow = answer.header("allow").unwrap();
    let mut allowed: Vec<_> = allow.split(", ").collect();
    allowed.sort();
    assert_eq!(allowed, ["GET", "HEAD", "PUT"]);
    assert_eq!(gateway.client().send(request("HEAD", "/a"), "").await.status, 200);
}

#[tokio::test]
async fn a_service_that_is_down_is_502() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&toml::proxy(nobody.address())).await;
    let answer = gateway.client().post("/a", "body").await;
    let problem = refusal(&answer, 502);
    assert_eq!(problem["type"], "urn:torana:problem:upstream-unreachable");
    let text = answer.text();
    assert!(!text.contains("127.0.0.1") && !text.contains("service\""), "the inside: {text}");
    let id = answer.header("x-request-id").unwrap().to_owned();
    let line = gateway.wait_for_log("the reason", |line| line.contains(&id)).await;
    assert!(line.contains("refused"), "the log says why: {line}");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_502() {
    for nonsense in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: unfinished",
    ] {
        let service = RawBackend::answering(nonsense).await;
        let gateway = Gateway::start(&toml::proxy(service.address())).await;
        let answer = gateway.client().post("/a", "not to be sent twice").await;
        let problem = refusal(&answer, 502);
        assert_eq!(problem["type"], "urn:torana:problem:upstream-failed", "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_504() {
    let backend = Backend::start_async(|_| std::future::pending()).await;
    let head = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        "timeouts = { head = \"100ms\" }\n",
        &toml::route("all", toml::ALL),
    ]
    .concat();
    let whole = toml::proxy_with(backend.address(), "timeout = \"100ms\"");
    for toml in [head, whole] {
        let gateway = Gateway::start(&toml).await;
        let problem = refusal(&gateway.client().get("/a").await, 504);
        assert_eq!(problem["type"], "urn:torana:problem:upstream-timeout");
    }
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_not_taken_for_whole() {
    for beginning in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
    ] {
        let service = RawBackend::answering(beginning).await;
        let gateway = Gateway::start(&toml::proxy(service.address())).await;
        let broken = gateway.client().try_send(request("GET", "/a"), empty()).await;
        let error = broken.expect_err("half of a body");
        assert!(error.contains("error reading a body") || error.contains("body"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_is_broken_off_at_the_timeout() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
        // Holds the connection until the gateway gives up.
        connection.rest().await;
    })
    .await;
    let upstream = toml::upstream("service", service.address());
    let idle = "timeouts = { idle = \"100ms\" }\n";
    let idle = [toml::LISTEN, &upstream, idle, &toml::route("all", toml::ALL)].concat();
    let whole = toml::proxy_with(service.address(), "timeout = \"200ms\"");
    for toml in [idle, whole] {
        let gateway = Gateway::start(&toml).await;
        let broken = gateway.client().try_send(request("GET", "/a"), empty()).await;
        broken.expect_err("half of a body");
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_call_to_the_service() {
    let (sender, mut left) = tokio::sync::watch::channel(0);
    let service = RawBackend::start(move |mut connection: RawConnection| {
        let sender = sender.clone();
        async move {
            connection.head().await;
            sender.send_modify(|steps| *steps += 1);
            connection.rest().await;
            sender.send_modify(|steps| *steps += 1);
        }
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    within("the request at the service", left.wait_for(|steps| *steps == 1)).await.unwrap();
    drop(raw);
    within("the end of the call", left.wait_for(|steps| *steps == 2)).await.unwrap();
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_not_taken_for_whole() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for beginning in [
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write(beginning).await;
        drop(raw);
    }
    let received = backend.wait_for(2).await;
    assert!(received.iter().all(|one| !one.complete), "{received:#?}");
}

#[tokio::test]
async fn a_client_that_stops_sending_its_body_is_told_so() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let idle = "timeouts = { idle = \"100ms\" }\n";
    let idle = [toml::LISTEN, &upstream, idle, &toml::route("all", toml::ALL)].concat();
    for beginning in [
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let gateway = Gateway::start(&idle).await;
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write(beginning).await;
        // RFC 9110, 15.5.9: and what may still come of the body is no request.
        let answer = raw.read_to_close().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("urn:torana:problem:request-timeout"), "{answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_service_closed_costs_no_request() {
    // Each connection serves one request, says nothing of closing, and closes.
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let client = gateway.client();
    for _ in 0..50 {
        assert_eq!(client.get("/a").await.status, 200);
    }
}

#[tokio::test]
async fn a_request_that_comes_back_is_stopped() {
    let nobody = Unused::new();
    let gateway = Gateway::start(&toml::proxy(nobody.address())).await;
    gateway.write(&toml::proxy(gateway.address("public")));
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    // Not under the same id: each pass of the circle was a request of its own.
    gateway.client().get("/a").await.problem(508);

    // Nor does a plugin that takes off what says so.
    let blind = "\n[plugins.blind]\ncomponent = \"headers\"\ngrants = { request-edit = true, response-edit = true }\n\
                 config.request.remove = [\"via\"]\n";
    let circle = toml::proxy_with(gateway.address("public"), "chain = [\"blind\"]");
    gateway.write(&(circle + blind));
    gateway.signal_reload();
    gateway.log().wait_for(2, "the reload", |line| line.contains("reloaded")).await;
    gateway.client().get("/a").await.problem(508);
}

fn empty() -> torana_tests::Body {
    torana_tests::stream(futures_util::stream::empty())
}
