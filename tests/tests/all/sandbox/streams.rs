//! Hooks that transform bodies while they pass.

use futures_util::{StreamExt as _, stream::iter};
use http::Response;
use nix::sys::signal::Signal;
use tokio::sync::oneshot;
use torana_tests::{
    Backend, Body, Gateway, Raw, RawBackend, RawConnection, reply, request, stream, toml,
};

use crate::guests::{failures, metric, one_worker, plugin_with, route, wait_for_metric};

const GRANTS: &str = "{ request-body = \"read-write\", request-edit = true, \
                      response-body = \"read-write\", response-edit = true }";

fn upper(target: std::net::SocketAddr, more: &str) -> String {
    let upstream = toml::upstream("service", target);
    let plugin = plugin_with("upper", "stream-upper", GRANTS, more);
    [one_worker(), upstream, plugin, route("[\"upper\"]")].concat()
}

async fn echoing() -> Backend {
    Backend::start(|received| {
        let mut answer = reply(200, received.body.clone());
        let tag = http::HeaderValue::from_static("\"strong\"");
        answer.headers_mut().insert("etag", tag);
        answer.headers_mut().insert("accept-ranges", http::HeaderValue::from_static("bytes"));
        answer
    })
    .await
}

fn pieces(count: usize, piece: &'static [u8]) -> Body {
    stream(iter((0..count).map(move |_| Ok(bytes::Bytes::from_static(piece)))))
}

#[tokio::test]
async fn bodies_are_changed_both_ways_and_heads_stay_true() {
    let backend = echoing().await;
    let gateway = Gateway::start(&upper(backend.address(), "")).await;
    for _ in 0..3 {
        let answer = gateway.client().post("/a", "hello").await;
        assert_eq!((answer.status, answer.text()), (200, "HELLO"));
        assert_eq!(answer.header("x-upper"), Some("yes"), "heads are open in `start`");
        assert_eq!(answer.header("content-length"), None, "nobody can know it");
        assert_eq!(answer.header("etag"), Some("W/\"strong\""));
    }
    let received = backend.received();
    assert!(received.iter().all(|one| one.body == "HELLO" && one.header("x-upper") == Some("yes")));
    let kept = metric(&gateway, "torana_plugin_instances_idle", &["plugin=\"upper\""]).await;
    assert!((1.0..=2.0).contains(&kept), "the instances are used again: {kept}");
}

#[tokio::test]
async fn what_is_empty_or_has_no_body_passes_untouched() {
    let backend = echoing().await;
    let gateway = Gateway::start(&upper(backend.address(), "")).await;
    let empty = gateway.client().post("/a", "").await;
    assert_eq!((empty.text(), empty.header("x-upper")), ("", None));
    let head = gateway.client().send(request("HEAD", "/a"), "").await;
    assert_eq!((head.status, head.header("etag")), (200, Some("W/\"strong\"")), "as GET has it");
    let pass = Gateway::start(&upper(backend.address(), "config.pass = true")).await;
    let answer = pass.client().post("/a", "hello").await;
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("accept-ranges"), None, "it would be asked for them in vain");
}

#[tokio::test]
async fn the_client_sees_the_beginning_before_the_end_is_there() {
    let (go, gone) = oneshot::channel::<()>();
    let gone = std::sync::Mutex::new(Some(gone));
    let backend = Backend::start(move |_| {
        let gone = gone.lock().unwrap().take().expect("one request");
        let first = iter([Ok("begin".into())]);
        let last = futures_util::stream::once(async move {
            let _ = gone.await;
            Ok("end".into())
        });
        Response::new(stream(first.chain(last)))
    })
    .await;
    let gateway = Gateway::start(&upper(backend.address(), "")).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.read_head().await;
    assert_eq!(client.read_exact(10).await, "5\r\nBEGIN\r\n");
    go.send(()).expect("the service waits");
    assert_eq!(client.read_exact(13).await, "3\r\nEND\r\n0\r\n\r\n");
}

#[tokio::test]
async fn trailers_follow_a_body_that_was_changed_but_for_its_digests() {
    const BODY: &str = "1\r\na\r\n0\r\nx-sum: 7\r\ncontent-digest: md5=:x:\r\n\r\n";
    const FIELDS: &str = "Transfer-Encoding: chunked\r\nTrailer: x-sum, content-digest\r\n\r\n";
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        let head = connection.head().await.to_ascii_lowercase();
        assert!(head.contains("trailer: x-sum, content-digest"), "{head}");
        let expected = b"1\r\nA\r\n0\r\nx-sum: 7\r\n\r\n";
        assert_eq!(connection.bytes(expected.len()).await, expected);
        connection.write(format!("HTTP/1.1 200 OK\r\n{FIELDS}{BODY}")).await;
    })
    .await;
    let gateway = Gateway::start(&upper(service.address(), "")).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n";
    client.write(format!("{head}{FIELDS}{BODY}")).await;
    let answer = client.read_head().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(client.read_until("\r\n\r\n").await, "1\r\nA\r\n0\r\nx-sum: 7\r\n\r\n");
}

#[tokio::test]
async fn a_large_body_needs_no_more_memory_than_a_small_one() {
    let backend = echoing().await;
    // The guest could not hold a tenth of it.
    let gateway = Gateway::start(&upper(backend.address(), "limits.memory = \"2MiB\"")).await;
    const PIECE: &[u8] = &[b'a'; 64 << 10];
    let answer = gateway.client().send_body(request("POST", "/a"), pieces(400, PIECE)).await;
    assert_eq!(answer.body.len(), 400 * PIECE.len());
    assert!(answer.body.iter().all(|byte| *byte == b'A'));
    assert_eq!(failures(&gateway, "upper", "memory").await, 0.0);
}

#[tokio::test]
async fn a_failure_in_the_middle_is_never_taken_for_the_end() {
    let backend = echoing().await;
    for (more, cause) in [
        ("config.fail_after = 100000", "error"),
        ("config = { fail_after = 100000, panic = true }", "trap"),
    ] {
        // On the way to the service: it learns that the body broke off, and the client gets a 502.
        let gateway = Gateway::start(&upper(backend.address(), more)).await;
        const PIECE: &[u8] = &[b'a'; 50_000];
        let sent = gateway.client().try_send(request("POST", "/a"), pieces(5, PIECE)).await;
        let problem = sent.expect("a refusal").problem(500);
        let told = problem["detail"] == "It is too long.";
        assert_eq!(told, cause == "error", "what a plugin says for the client: {problem}");
        wait_for_metric(&gateway, "torana_plugin_failures_total", &[cause], 1.0).await;
        let wanted = |line: &str| line.contains("on-request-stream") && line.contains("on purpose");
        gateway.wait_for_log("who failed, and why", wanted).await;

        // On the way back: the head is out, so the connection breaks.
        let long = Backend::start(|_| Response::new(pieces(5, PIECE))).await;
        let gateway = Gateway::start(&upper(long.address(), more)).await;
        let broken =
            gateway.client().try_send(request("GET", "/a"), reply(200, "").into_body()).await;
        broken.expect_err("half of a body");
        let wanted =
            |line: &str| line.contains("on-response-stream") && line.contains("on purpose");
        gateway.wait_for_log("who failed, and why", wanted).await;
        let after = gateway.client().send(request("HEAD", "/a"), "").await;
        assert_eq!(after.status, 200, "nobody else notices");
    }
}

#[tokio::test]
async fn the_answer_to_a_failed_upload_does_not_pass_the_plugin_that_failed() {
    let backend = echoing().await;
    let mut gateway = Gateway::start(&upper(backend.address(), "config.fail_after = 3")).await;
    let answer = gateway.client().post("/a", "hello").await;
    // In lower case, and whole.
    answer.problem(500);
    // Once in the log, and once among the refusals.
    let id = answer.header("x-request-id").expect("an id").to_owned();
    gateway.wait_for_log("the failure", |line| line.contains(&id)).await;
    let refused = metric(&gateway, "torana_refusals_total", &["reason=\"plugin-failed\""]).await;
    assert_eq!(refused, 1.0);
    gateway.signal(Signal::SIGTERM);
    gateway.ended().await;
    let lines = gateway.log().lines();
    assert_eq!(lines.iter().filter(|line| line.contains(&id)).count(), 1);
}

#[tokio::test]
async fn streams_are_of_identity_and_whole() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let gateway = Gateway::start(&upper(backend.address(), "")).await;
    let asked = request("GET", "/a").header("accept-encoding", "gzip").header("range", "bytes=1-2");
    assert_eq!(gateway.client().send(asked, "").await.text(), "FINE");
    let sent = backend.only();
    assert_eq!((sent.header("accept-encoding"), sent.header("range")), (Some("identity"), None));
}

#[tokio::test]
async fn a_client_that_leaves_gives_the_instance_free() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbeg").await;
        connection.rest().await;
    })
    .await;
    let more = "limits.streams = 1";
    let gateway = Gateway::start(&upper(service.address(), more)).await;
    for _ in 0..3 {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // Only one instance may run: the next request would get a 503 if this one kept it.
        assert!(client.read_head().await.starts_with("HTTP/1.1 200 "));
        drop(client);
    }
}

#[tokio::test]
async fn open_bodies_keep_no_calls_waiting_and_have_a_limit_of_their_own() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        connection.head().await;
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nbeg").await;
        connection.rest().await;
    })
    .await;
    let more = "limits.instances = 1\nlimits.streams = 2";
    let gateway = Gateway::start(&upper(service.address(), more)).await;
    let mut open = Vec::new();
    for wanted in ["200", "200", "503"] {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {wanted} ")), "{head}");
        open.push(client);
    }
    gateway.wait_for_log("which limit", |line| line.contains("limits.streams")).await;
    open.remove(0);
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 200 "), "there is room again");
}
