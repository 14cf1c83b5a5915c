//! Copies of requests: what they are, and that nobody notices them.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all, stream::iter};
use http::Response;
use tokio::sync::watch;
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, Received, Setup, Unused, reply, request, stream, toml,
    within,
};

use crate::guests::{metric, wait_for_metric};

/// Everything goes to `service`, and copies to `shadow`. `more` is about the copies.
fn config(service: SocketAddr, shadow: SocketAddr, more: &str) -> String {
    config_with(service, shadow, more, "")
}

/// The same, with more in its route.
fn config_with(service: SocketAddr, shadow: SocketAddr, more: &str, route: &str) -> String {
    let mirror = format!("mirror = {{ upstream = \"shadow\"{more} }}\n{route}");
    toml::proxy_with(service, &mirror) + &toml::upstream("shadow", shadow)
}

async fn counted(gateway: &Gateway, result: &str, count: f64) {
    let labels = ["upstream=\"shadow\"", &format!("result=\"{result}\"")];
    wait_for_metric(gateway, "torana_mirrored_total", &labels, count).await;
}

async fn ok() -> Backend {
    Backend::start(|_| reply(200, "from the service")).await
}

#[tokio::test]
async fn a_copy_goes_to_the_target_that_its_fields_choose() {
    let service = ok().await;
    let (one, other) = (ok().await, ok().await);
    let shadow = format!(
        "\n[upstreams.shadow]\ntargets = [\"{}\", \"{}\"]\nbalance = \"hash\"\n\
         hash = {{ header = \"x-session\" }}\n",
        one.address(),
        other.address()
    );
    let toml =
        toml::proxy_with(service.address(), "mirror = { upstream = \"shadow\" }\n") + &shadow;
    let gateway = Gateway::start(&toml).await;
    for _ in 0..12 {
        let session = request("GET", "/a").header("x-session", "7");
        assert_eq!(gateway.client().send(session, "").await.status, 200);
    }
    counted(&gateway, "answered", 12.0).await;
    let mut copies = [one.received().len(), other.received().len()];
    copies.sort_unstable();
    assert_eq!(copies, [0, 12]);
}

/// A service that answers when it is told to.
async fn held() -> (Backend, watch::Sender<bool>) {
    let (release, released) = watch::channel(false);
    let backend = Backend::start_async(move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|released| *released).await;
            reply(200, "at last")
        }
    })
    .await;
    (backend, release)
}

/// Many requests at the same time, each on a connection of its own.
async fn many(gateway: &Gateway, count: usize) {
    let clients: Vec<_> = (0..count).map(|_| gateway.client()).collect();
    for answer in join_all(clients.iter().map(|client| client.get("/a"))).await {
        assert_eq!((answer.status, answer.text()), (200, "from the service"));
    }
}

fn headers(received: &Received) -> BTreeMap<&str, &str> {
    received.header_lines().into_iter().collect()
}

#[tokio::test]
async fn a_copy_is_the_request_as_it_was_forwarded_and_a_mark() {
    let (service, shadow) = (ok().await, ok().await);
    let (more, route) = (", methods = [\"POST\"]", "rewrite = \"/v2/{path}\"");
    let toml = config_with(service.address(), shadow.address(), more, route);
    let gateway = Gateway::start(&toml).await;
    let body: Bytes = (0..60_000_u32).map(|i| (i % 251) as u8).collect();
    let request =
        || request("POST", "/a/b?c=%20d").header("x-b", "1").header("x-torana-mirror", "1");
    let answer = gateway.client().send(request(), body.clone()).await;
    assert_eq!((answer.status, answer.text()), (200, "from the service"));
    let copy = shadow.wait_for(1).await.remove(0);
    let original = service.only();
    assert_eq!(copy.body, body);
    assert_eq!((copy.method.as_str(), copy.target.as_str()), ("POST", "/v2/a/b?c=%20d"));
    let mut expected = headers(&original);
    assert_eq!(expected.insert("x-torana-mirror", "1"), None, "no client can say so");
    assert_eq!(headers(&copy), expected);

    // A body of unknown length, in pieces.
    let pieces: Vec<_> =
        body.chunks(7_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    gateway.client().send_body(request(), stream(iter(pieces))).await;
    let copy = shadow.wait_for(2).await.remove(1);
    assert_eq!(service.received()[1].body, body);
    assert!(copy.complete && copy.body == body);
    assert_eq!(copy.header("content-length"), Some("60000"));
    counted(&gateway, "answered", 2.0).await;
}

#[tokio::test]
async fn a_copy_has_no_cookie_of_the_gateways_sessions() {
    let (service, shadow) = (ok().await, ok().await);
    let sticky = "sticky = { cookie = \"place\", key = { secret = \"places\" } }\n";
    let secret = "\n[secrets]\nplaces = { env = \"PLACES\" }\n";
    let upstream = toml::upstream("service", service.address()) + sticky;
    let route = toml::route("all", &format!("{}\nmirror = {{ upstream = \"shadow\" }}", toml::ALL));
    let shadows = toml::upstream("shadow", shadow.address());
    let toml = [toml::LISTEN, &upstream, &shadows, &route, secret].concat();
    let gateway = Setup::new(&toml).env("PLACES", &"0123".repeat(8)).start().await;
    let ask = async |cookies: String| {
        let request = request("GET", "/").header("cookie", cookies);
        gateway.client().send(request, "").await
    };
    let first = ask("a=1".to_owned()).await;
    let session = first.header("set-cookie").and_then(|set| set.split(';').next()).expect("one");
    ask(format!("a=1; {session}; b=2")).await;
    ask(session.to_owned()).await;
    let copies = shadow.wait_for(3).await;
    let mut cookies: Vec<_> = copies.iter().map(|copy| copy.header("cookie")).collect();
    // Each copy is sent in a task of its own.
    cookies.sort_unstable();
    assert_eq!(cookies, [None, Some("a=1"), Some("a=1; b=2")]);
}

#[tokio::test]
async fn a_shadow_that_is_dead_is_not_noticed() {
    let (service, shadow) = (ok().await, Unused::new());
    let gateway = Gateway::start(&config(service.address(), shadow.address(), "")).await;
    many(&gateway, 100).await;
    counted(&gateway, "failed", 100.0).await;
}

#[tokio::test]
async fn a_shadow_that_never_answers_is_not_noticed_and_gets_no_more_than_it_may() {
    let service = ok().await;
    let shadow = Backend::start_async(|_| std::future::pending()).await;
    let more = ", in_flight = 10, timeout = \"1h\"";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    many(&gateway, 100).await;
    counted(&gateway, "dropped", 90.0).await;
    shadow.wait_for(10).await;
    many(&gateway, 10).await;
    counted(&gateway, "dropped", 100.0).await;
    assert_eq!((shadow.received().len(), service.received().len()), (10, 110));
}

#[tokio::test]
async fn a_shadow_that_is_slow_is_not_waited_for() {
    let (service, (shadow, release)) = (ok().await, held().await);
    let more = ", timeout = \"1h\"";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    many(&gateway, 100).await;
    shadow.wait_for(100).await;
    assert_eq!(metric(&gateway, "torana_mirrored_total", &["upstream=\"shadow\""]).await, 0.0);
    release.send(true).expect("it waits");
    counted(&gateway, "answered", 100.0).await;
    // There is room again.
    many(&gateway, 1).await;
    counted(&gateway, "answered", 101.0).await;
}

#[tokio::test]
async fn a_shadow_has_its_time_and_no_more() {
    let (service, (shadow, _release)) = (ok().await, held().await);
    let more = ", in_flight = 1, timeout = \"50ms\"";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    for count in 1..=3 {
        many(&gateway, 1).await;
        counted(&gateway, "failed", f64::from(count)).await;
    }
}

#[tokio::test]
async fn an_answer_without_end_is_left_in_the_middle() {
    let service = ok().await;
    let shadow = Backend::start(|_| {
        let piece = Bytes::from(vec![b'x'; 64 << 10]);
        Response::new(stream(futures_util::stream::repeat(piece).map(Ok)))
    })
    .await;
    let gateway = Gateway::start(&config(service.address(), shadow.address(), "")).await;
    many(&gateway, 1).await;
    counted(&gateway, "answered", 1.0).await;
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_not_copied() {
    let (service, shadow) = (ok().await, ok().await);
    let more = ", methods = [\"POST\"], max_body = \"1KiB\"";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    let client = gateway.client();
    let pieces = |count: usize| stream(iter((0..count).map(|_| Ok(Bytes::from(vec![b'x'; 256])))));
    client.post("/length", vec![b'x'; 1025]).await;
    counted(&gateway, "too-large", 1.0).await;
    client.send_body(request("POST", "/pieces"), pieces(5)).await;
    counted(&gateway, "too-large", 2.0).await;
    client.post("/length", vec![b'x'; 1024]).await;
    client.send_body(request("POST", "/pieces"), pieces(4)).await;
    counted(&gateway, "answered", 2.0).await;
    let lengths = |backend: &Backend| -> Vec<_> {
        backend.received().iter().map(|received| received.body.len()).collect()
    };
    assert_eq!(lengths(&service), [1025, 1280, 1024, 1024]);
    assert_eq!(lengths(&shadow), [1024, 1024]);
}

#[tokio::test]
async fn a_body_that_takes_too_long_gives_up_its_place_and_goes_on_to_the_service() {
    let (service, shadow) = (ok().await, ok().await);
    let more = ", methods = [\"GET\", \"POST\"], in_flight = 1, timeout = \"2s\"";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    let mut slow = Raw::connect(gateway.address("public")).await;
    slow.write("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf").await;
    counted(&gateway, "too-slow", 1.0).await;
    many(&gateway, 1).await;
    assert_eq!(shadow.wait_for(1).await[0].method, "GET");
    slow.write("more").await;
    slow.read_until("from the service").await;
    let received = service.received();
    assert!(received.iter().any(|received| received.body == "halfmore"), "{received:?}");
    assert_eq!(shadow.received().len(), 1);
    assert_eq!(metric(&gateway, "torana_mirrored_total", &["result=\"incomplete\""]).await, 0.0);
}

#[tokio::test]
async fn half_a_body_is_not_copied() {
    let (service, shadow) = (ok().await, ok().await);
    let more = ", methods = [\"POST\"]";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf").await;
    drop(raw);
    counted(&gateway, "incomplete", 1.0).await;
    assert!(shadow.received().is_empty());
}

#[tokio::test]
async fn methods_that_change_something_are_copied_only_if_that_was_asked_for() {
    let (service, shadow) = (ok().await, ok().await);
    for (more, copied) in [
        ("", &["GET", "HEAD", "OPTIONS"][..]),
        (", methods = [\"GET\", \"DELETE\"]", &["GET", "DELETE"]),
    ] {
        let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
        let before = shadow.received().len();
        for method in ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"] {
            gateway.client().send(request(method, "/a"), "").await;
        }
        counted(&gateway, "answered", copied.len() as f64).await;
        let received = shadow.received();
        let mut methods: Vec<_> =
            received[before..].iter().map(|one| one.method.as_str()).collect();
        let mut copied = copied.to_vec();
        methods.sort();
        copied.sort();
        assert_eq!(methods, copied);
    }
}

#[tokio::test]
async fn a_part_of_the_requests_can_be_copied() {
    let (service, shadow) = (ok().await, ok().await);
    let more = ", percent = 10, in_flight = 1000";
    let gateway = Gateway::start(&config(service.address(), shadow.address(), more)).await;
    let client = gateway.client();
    for _ in 0..1000 {
        client.get("/a").await;
    }
    // Five standard deviations around 100.
    shadow.wait_for(53).await;
    let settled = async {
        let sent = &["upstream=\"shadow\""][..];
        while metric(&gateway, "torana_mirrored_total", sent).await
            != metric(&gateway, "torana_upstream_requests_total", sent).await
        {}
    };
    within("the copies to be answered", settled).await;
    let copies = shadow.received().len();
    assert!((53..=147).contains(&copies), "{copies} of 1000");
}

#[tokio::test]
async fn what_becomes_another_protocol_is_not_copied() {
    let shadow = ok().await;
    let service = RawBackend::answering(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello",
    )
    .await;
    let toml = config_with(service.address(), shadow.address(), "", "upgrade = [\"chat\"]");
    let gateway = Gateway::start(&toml).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\n")
        .await;
    assert!(raw.read_head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(raw.read_exact(5).await, "hello");
    // A request that asks for nothing is copied, and it is the only one.
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET /plain HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(shadow.wait_for(1).await[0].target, "/plain");
    counted(&gateway, "answered", 1.0).await;
}
