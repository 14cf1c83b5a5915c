//! Who sees which reply.

use torana_tests::{Backend, Gateway, Reply, Unused, reply, request, toml};

use crate::guests::{handled, marker, plugin, route};

/// `outer`, `bad`, `inner`, and what comes then.
async fn chained(bad: &str, more: &str, end: &str) -> Gateway {
    let plugins = [marker("outer"), plugin("bad", bad, more), marker("inner")].concat();
    Gateway::start(&[toml::LISTEN, &plugins, end].concat()).await
}

const CHAIN: &str = "[\"outer\", \"bad\", \"inner\"]";

fn to_service(address: std::net::SocketAddr) -> String {
    toml::upstream("service", address) + &route(CHAIN)
}

async fn ask(gateway: &Gateway, mode: &str) -> Reply {
    gateway.client().send(request("POST", "/a").header("x-mode", mode), "body").await
}

/// Which of the markers saw it.
#[track_caller]
fn assert_seen_by(answer: &Reply, outer: bool, inner: bool) {
    for (name, expected) in [("x-outer", outer), ("x-inner", inner)] {
        assert_eq!(answer.header(name).is_some(), expected, "{name} of {answer:?}");
    }
}

#[tokio::test]
async fn the_services_reply_passes_all() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = chained("misbehaving", "", &to_service(backend.address())).await;
    let answer = ask(&gateway, "fine").await;
    assert_eq!(answer.text(), "ok");
    assert_seen_by(&answer, true, true);
}

#[tokio::test]
async fn a_plugins_own_reply_passes_those_before_it_only() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    // Its own response hook would fail.
    let more = "config.response = \"panic\"";
    let gateway = chained("misbehaving", more, &to_service(backend.address())).await;
    let answer = ask(&gateway, "hidden").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("name: \"hidden\""), "{}", answer.text());
    assert_seen_by(&answer, true, false);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_failure_passes_those_whose_request_phase_had_run() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    // When a body hook fails, the heads have passed all of them.
    for (guest, inner) in [("misbehaving", false), ("misbehaving-body", true)] {
        let gateway = chained(guest, "", &to_service(backend.address())).await;
        let answer = ask(&gateway, "panic").await;
        answer.problem(500);
        assert_seen_by(&answer, true, inner);
        assert!(backend.received().is_empty());
    }
}

#[tokio::test]
async fn a_response_hook_that_fails_or_replies_does_not_restart_the_pass() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    for (guest, mode, status) in [
        ("misbehaving", "response=panic", 500),
        ("misbehaving", "response=hidden", 200),
        ("misbehaving-body", "response=panic", 500),
        ("misbehaving-body", "response=respond", 418),
    ] {
        let gateway = chained(guest, "", &to_service(backend.address())).await;
        let answer = ask(&gateway, mode).await;
        assert_eq!(answer.status, status, "{guest} {mode}");
        // The inner one saw the reply of the service, of which nothing is left.
        assert_seen_by(&answer, true, false);
        assert_ne!(answer.text(), "ok");
    }
}

#[tokio::test]
async fn the_hosts_own_errors_pass_all() {
    let nobody = Unused::new();
    let gateway = chained("misbehaving", "", &to_service(nobody.address())).await;
    let answer = ask(&gateway, "fine").await;
    answer.problem(502);
    assert_seen_by(&answer, true, true);

    let silent = Backend::start_async(|_| std::future::pending()).await;
    let to_silent = to_service(silent.address()) + "timeout = \"300ms\"\n";
    let gateway = chained("misbehaving", "", &to_silent).await;
    let answer = ask(&gateway, "fine").await;
    answer.problem(504);
    assert_seen_by(&answer, true, true);
}

#[tokio::test]
async fn a_handlers_reply_passes_those_before_it() {
    let end = [plugin("echo", "echo", ""), handled("[\"outer\", \"bad\", \"inner\", \"echo\"]")];
    let gateway = chained("misbehaving", "", &end.concat()).await;
    let answer = ask(&gateway, "fine").await;
    assert_eq!(answer.json()["body"]["text"], "body");
    assert_seen_by(&answer, true, true);
    let answer = ask(&gateway, "panic").await;
    answer.problem(500);
    assert_seen_by(&answer, true, false);
}

#[tokio::test]
async fn heads_pass_before_any_body_is_read() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upper = plugin("upper", "body-upper", "");
    let bad = plugin("bad", "misbehaving", "");
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, &upstream, &upper, &bad, &route("[\"upper\", \"bad\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    // The body never comes: the head is refused without it, and no 100 is sent.
    let mut raw = torana_tests::Raw::connect(gateway.address("public")).await;
    raw.write(
        "POST / HTTP/1.1\r\nHost: a\r\nx-mode: fail\r\nExpect: 100-continue\r\n\
         Content-Length: 5\r\n\r\n",
    )
    .await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 500 "), "{head}");

    let mut raw = torana_tests::Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        .await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 100 "), "{head}");
    raw.write("hello").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(raw.read_exact(2).await, "OK");
    assert_eq!(backend.only().body, "HELLO");
}

#[tokio::test]
async fn a_listeners_chain_comes_before_that_of_a_route() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let toml = [
        toml::LISTEN,
        "chain = [\"outer\"]\n",
        &marker("outer"),
        &plugin("bad", "misbehaving", ""),
        &toml::upstream("service", backend.address()),
        &route("[\"bad\"]"),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    for (mode, status) in [("fine", 200), ("panic", 500)] {
        let answer = ask(&gateway, mode).await;
        assert_eq!(answer.status, status);
        assert_seen_by(&answer, true, false);
    }
}
