//! Requests that are too large, too slow, or mean different things to different readers.

use tokio::{io::AsyncWriteExt as _, net::TcpSocket};
use torana_tests::{
    Backend, Client, Gateway, Raw, RawBackend, raw, reply, request, stream, toml, within,
};

use crate::guests::wait_for_metric;

async fn service() -> Backend {
    Backend::start(|_| reply(200, "ok")).await
}

/// A listener with more keys in its table.
fn listen_with(more: &str, backend: &Backend) -> String {
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, more, "\n", &upstream, &toml::route("all", toml::ALL)].concat()
}

fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status line: {answer:?}"))
}

#[tokio::test]
async fn a_body_over_the_cap_is_413() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), "max_body = \"1KiB\"")).await;
    let client = gateway.client();
    assert_eq!(client.post("/a", vec![b'x'; 1024]).await.status, 200);
    client.post("/a", vec![b'x'; 1025]).await.problem(413);
    assert_eq!(backend.received().len(), 1, "the length was enough to refuse it");
}

#[tokio::test]
async fn a_chunked_body_over_the_cap_is_413_and_never_whole_at_the_service() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), "max_body = \"1KiB\"")).await;
    let pieces = (0..3).map(|_| Ok(vec![b'x'; 512].into()));
    let body = stream(futures_util::stream::iter(pieces.collect::<Vec<_>>()));
    let answer = gateway.client().send_body(request("POST", "/a"), body).await;
    answer.problem(413);
    assert!(backend.received().iter().all(|one| !one.complete));
}

#[tokio::test]
async fn paths_that_readers_read_differently_are_400() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for path in [
        "/a%2Fb",
        "/a%2fb",
        "/a%5Cb",
        "/a%00b",
        "/../a",
        "/a/../../b",
        "/%2e%2e/a",
        "/a%zz",
        "/a/..;/b",
        "/a/..%3Bx=1/b",
    ] {
        let problem = gateway.client().get(path).await.problem(400);
        assert_eq!(problem["type"], "urn:torana:problem:bad-path", "{path}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_dot_at_the_end_of_a_host_makes_it_no_other() {
    let backend = service().await;
    let hosted = "match = { path = \"/{*path}\", hosts = [\"admin.example\", \"*.tenant.example\"] }\n\
                  reply = { status = 418 }";
    let proxy = toml::proxy(backend.address()) + &toml::route("hosted", hosted);
    let gateway = Gateway::start(&proxy).await;
    let get = |host: &str| request("GET", "/a").header("host", host);
    for host in ["admin.example", "admin.example.", "ADMIN.example.:80", "a.tenant.example."] {
        assert_eq!(gateway.client().send(get(host), "").await.status, 418, "{host}");
    }
    for host in ["admin.example..", "[admin.example]", "admin.example,x", "admin.example;x"] {
        gateway.client().send(get(host), "").await.problem(400);
    }
    assert_eq!(gateway.client().send(get("other.example."), "").await.status, 200);
    assert_eq!(backend.only().header("host"), Some("other.example"));
}

#[tokio::test]
async fn slashes_that_follow_each_other_are_one() {
    let backend = service().await;
    let guarded =
        "match = { path = \"/admin/{*rest}\", methods = [\"PUT\"] }\nupstream = \"service\"";
    let raw = "match = { path = \"/raw/{*rest}\" }\nupstream = \"service\"\nmerge_slashes = false\nrewrite = \"/new/{rest}\"";
    let proxy = [
        &*toml::proxy(backend.address()),
        &toml::route("admin", guarded),
        &toml::route("raw", raw),
    ];
    let gateway = Gateway::start(&proxy.concat()).await;
    for path in ["//admin/x", "/admin//x", "/a/..//admin/x", "///admin/x", "/%2e//admin/x"] {
        gateway.client().get(path).await.problem(405);
    }
    for (path, forwarded) in [
        ("/a//b/?x=//", "/a/b/?x=//"),
        ("/raw/http://a//b", "/new/http://a//b"),
        ("/raw/./x//", "/new/x//"),
        // Nothing is left of what they would have said.
        ("//raw//x", "/new/x"),
    ] {
        gateway.client().get(path).await;
        assert_eq!(backend.received().pop().unwrap().target, forwarded, "{path}");
    }
}

#[tokio::test]
async fn dot_segments_within_the_root_are_resolved_before_anybody_decides() {
    let backend = service().await;
    let private = toml::route(
        "private",
        "match = { path = \"/private/{x}\", methods = [\"PUT\"] }\nupstream = \"service\"",
    );
    let gateway = Gateway::start(&(toml::proxy(backend.address()) + &private)).await;
    let answer = gateway.client().send(request("PUT", "/a/%2e%2E/private/./x?y=.."), "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(backend.only().target, "/private/x?y=..");
}

#[tokio::test]
async fn what_is_no_request_is_told_why_logged_and_counted() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for (bytes, status, reason, why) in [
        ("\x16\x03\x01\0", 400, "bad-request", "TLS"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "bad-request", "a field's name"),
        ("GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400, "bad-request", "Content-Length"),
        (
            &*format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(101)),
            431,
            "head-too-large",
            "100 fields",
        ),
    ] {
        let answer = raw(gateway.address("public"), bytes).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(self::status(head), status, "{answer}");
        assert!(head.contains("\r\nconnection: close"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(problem["type"], format!("urn:torana:problem:{reason}"));
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{body}");
        let id = problem["request_id"].as_str().expect("an id").to_owned();
        assert!(head.contains(&format!("\r\nx-request-id: {id}")), "{head}");
        gateway.wait_for_log("the refusal", |line| line.contains(&id) && line.contains(why)).await;
    }
    let metrics = gateway.admin().get("/metrics").await;
    let metrics = metrics.text();
    assert!(metrics.contains("torana_refusals_total{reason=\"bad-request\"} 3"), "{metrics}");
    assert!(metrics.contains("torana_refusals_total{reason=\"head-too-large\"} 1"), "{metrics}");
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_target_with_a_fragment_is_400_also_on_a_connection_that_was_used() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    for (target, status) in [("/a", 200), ("/a#b", 400), ("/a?b#c", 400), ("/a?%23", 200)] {
        raw.write(format!("GET {target} HTTP/1.1\r\nHost: a\r\nReferer: /x#y\r\n\r\n")).await;
        let head = raw.read_head().await.to_lowercase();
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{target}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = raw.read_exact(length.unwrap().parse().unwrap()).await;
        assert!(status == 200 || body.contains("its target has a fragment"), "{body}");
    }
    assert_eq!(backend.received().len(), 2);
}

#[tokio::test]
async fn a_target_over_the_limit_is_414() {
    let backend = service().await;
    let gateway = Gateway::start(&listen_with("limits = { uri_bytes = 100 }", &backend)).await;
    let path = |length: usize| format!("/{}", "x".repeat(length - 1));
    assert_eq!(gateway.client().get(&path(100)).await.status, 200);
    gateway.client().get(&path(101)).await.problem(414);
}

#[tokio::test]
async fn a_head_over_the_limit_is_431() {
    let backend = service().await;
    let toml = listen_with("limits = { head_bytes = \"8KiB\", headers = 20 }", &backend);
    let gateway = Gateway::start(&toml).await;
    let address = gateway.address("public");
    let long = format!("GET /a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert_eq!(status(&raw(address, long).await), 431);
    let many = format!("GET /a HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(20));
    assert_eq!(status(&raw(address, many).await), 431);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let backend = service().await;
    let toml = listen_with("limits = { head_timeout = \"100ms\" }", &backend);
    let gateway = Gateway::start(&toml).await;
    let mut slow = Raw::connect(gateway.address("public")).await;
    slow.write("GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    let answer = slow.read_to_close().await;
    assert!(answer.is_empty() || status(&answer) == 408, "{answer}");
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_connection_that_is_not_used_is_closed() {
    let backend = service().await;
    let toml = listen_with("limits = { idle_timeout = \"100ms\" }", &backend);
    let gateway = Gateway::start(&toml).await;
    let mut idle = Raw::connect(gateway.address("public")).await;
    idle.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.read_head().await;
    assert_eq!(idle.read_exact(2).await, "ok");
    assert_eq!(idle.read_to_close().await, "");
}

/// What follows a request that is refused.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn requests_for_nobody_in_particular_are_refused() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for bytes in [
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET http://b/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        let answer = raw(gateway.address("public"), [bytes, NEXT].concat()).await;
        assert_eq!(status(&answer), 400, "{bytes}: {answer}");
        // Where such a request ends is clear, so the next one may be answered.
        let received = backend.received();
        assert!(received.iter().all(|one| one.target == "/next"), "{bytes}: {received:#?}");
    }
}

#[tokio::test]
async fn after_a_request_whose_end_is_unclear_nothing_is_read() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for (head, body) in [
        ("Content-Length: 1\r\nContent-Length: 2", "xy"),
        ("Content-Length: 1, 2", "xy"),
        ("Content-Length: +1", "x"),
        ("Content-Length: 0x1", "x"),
        ("Content-Length: -1", ""),
        ("Content-Length : 1", "x"),
        ("Content-Length: 18446744073709551616", "x"),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "0x1\r\na\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "-1\r\n\r\n"),
        ("Transfer-Encoding: chunked", "1\r\nabc\r\n0\r\n\r\n"),
        ("X: y\rContent-Length: 1", "x"),
        ("X: y\r\n Content-Length: 1", "x"),
        ("X: \0", ""),
        ("no colon", ""),
    ] {
        let bytes = format!("POST /a HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n{body}{NEXT}");
        let answer = raw(gateway.address("public"), &bytes).await;
        assert!(answer.is_empty() || status(&answer) == 400, "{bytes:?}: {answer}");
        let whole: Vec<_> = backend.received().into_iter().filter(|one| one.complete).collect();
        assert!(whole.is_empty(), "{bytes:?}: {whole:#?}");
    }
}

#[tokio::test]
async fn of_length_and_chunks_only_one_goes_on() {
    let backend = service().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let answer = raw(
        gateway.address("public"),
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\nx\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    .await;
    match status(&answer) {
        // Refusing it is as good (RFC 9112, 6.1).
        400 => assert!(backend.received().is_empty()),
        _ => {
            let received = backend.only();
            assert_eq!(received.header("content-length"), None, "{}", received.head);
            assert_eq!(received.body, "x");
        }
    }
}

#[tokio::test]
async fn what_a_client_does_not_take_is_not_kept_for_it() {
    // So little that the system takes all of it from the gateway, and so much that the client's does not.
    let backend = Backend::start(|_| reply(200, vec![b'x'; 200_000])).await;
    let gateway =
        Gateway::start(&listen_with("limits = { idle_timeout = \"200ms\" }", &backend)).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let connect = socket.connect(gateway.address("public"));
    let mut stream = within("a connection", connect).await.expect("connecting");
    stream.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("writing");
    let ports = (gateway.address("public").port(), stream.local_addr().expect("a port").port());
    // Without reading a byte of it.
    let dropped = async {
        while is_held(ports) {
            tokio::task::yield_now().await;
        }
    };
    within("the system to drop the connection", dropped).await;
}

/// Whether the system has the gateway's end of a connection, in whatever state.
fn is_held((gateway, client): (u16, u16)) -> bool {
    let connections = std::fs::read_to_string("/proc/net/tcp").expect("all connections");
    let ends = (format!(":{gateway:04X}"), format!(":{client:04X}"));
    connections.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let mut has = |end: &str| fields.next().is_some_and(|field| field.ends_with(end));
        has(&ends.0) && has(&ends.1)
    })
}

#[tokio::test]
async fn requests_that_wait_are_bounded_for_each_listener() {
    let backend = RawBackend::start(|mut connection| async move {
        connection.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let quick = service().await;
    let one =
        "limits.requests = 1\n\n[listen.other]\naddress = \"127.0.0.1:0\"\nlimits.requests = 1\n";
    let slow = "match = { path = \"/slow\" }\nupstream = \"slow\"";
    let toml = [
        &*listen_with(one, &quick),
        &toml::upstream("slow", backend.address()),
        &toml::route("slow", slow),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let mut waiting = Raw::connect(gateway.address("public")).await;
    waiting.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let served = "torana_requests_in_flight";
    wait_for_metric(&gateway, served, &[], 1.0).await;
    let problem = gateway.client().get("/a").await.problem(503);
    assert_eq!(problem["type"], "urn:torana:problem:overloaded");
    let other = Client::new(gateway.address("other"));
    assert_eq!(other.get("/a").await.status, 200, "it has nothing to do");
    // A reload does not forget who waits.
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    gateway.client().get("/a").await.problem(503);
    waiting.vanish();
    wait_for_metric(&gateway, served, &[], 0.0).await;
    assert_eq!(gateway.client().get("/a").await.status, 200);
}
