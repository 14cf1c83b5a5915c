//! The `cache` plugin, as the component that it is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::future::join_all;
use http::HeaderValue;
use tokio::sync::Notify;
use torana_tests::{Backend, Body, Gateway, Reply, reply, request, toml, within};

use crate::guests::{PATIENT, metric, wait_for_metric};

/// A plugin entry with these settings.
fn plugin(kv: &str, settings: &str) -> String {
    format!(
        "\n[plugins.cache]\ncomponent = \"cache\"\n{PATIENT}\n\
         grants = {{ kv = {kv}, request-edit = true, response-edit = true, response-body = \"read\", \
         headers = {{ read = [\"authorization\", \"set-cookie\"] }} }}\n{settings}\n"
    )
}

fn configuration(service: &Backend, kv: &str, settings: &str, store: &str) -> String {
    let route = toml::route("all", &format!("{}\nchain = [\"cache\"]", toml::ALL));
    let upstream = toml::upstream("service", service.address());
    [toml::LISTEN, store, &upstream, &plugin(kv, settings), &route].concat()
}

async fn gateway(service: &Backend, settings: &str) -> Gateway {
    Gateway::start(&configuration(service, "true", settings, "")).await
}

/// A response with these fields.
fn with(
    status: u16,
    body: impl Into<bytes::Bytes>,
    fields: &[(&'static str, &'static str)],
) -> http::Response<Body> {
    let mut answer = reply(status, body);
    for (name, value) in fields {
        answer.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    answer
}

/// A service that says which request it answers, counted from 1.
async fn counting(fields: &'static [(&'static str, &'static str)]) -> Backend {
    let count = AtomicUsize::new(0);
    Backend::start(move |_| {
        let number = count.fetch_add(1, SeqCst) + 1;
        with(200, number.to_string(), fields)
    })
    .await
}

/// So many responses are stored, each before its last byte is out: a body is heard piece by piece.
async fn stored(gateway: &Gateway, count: u32) {
    wait_for_metric(gateway, "torana_plugin_custom_total", &["name=\"stored\""], f64::from(count))
        .await;
}

fn told(answer: &Reply) -> &str {
    answer.header("cache-status").expect("what was done")
}

#[tokio::test]
async fn a_response_is_kept_and_answered_from() {
    let service =
        counting(&[("cache-control", "max-age=60"), ("etag", "\"a\""), ("x-a", "1")]).await;
    let gateway = gateway(&service, "").await;
    let client = gateway.client();
    let first = client.get("/a?b").await;
    assert_eq!((first.text(), told(&first)), ("1", "torana; fwd=uri-miss; fwd-status=200; stored"));
    assert_eq!((first.header("etag"), first.header("content-length")), (Some("\"a\""), Some("1")));
    stored(&gateway, 1).await;
    let second = client.get("/a?b").await;
    assert_eq!((second.status, second.text(), second.header("x-a")), (200, "1", Some("1")));
    assert!(told(&second).starts_with("torana; hit; ttl="), "{second:?}");
    assert!(second.header("age").is_some_and(|age| age.parse::<u64>().is_ok()), "{second:?}");
    assert_eq!(
        (second.header("etag"), second.header("content-length")),
        (Some("\"a\""), Some("1"))
    );
    let known = client.send(request("GET", "/a?b").header("if-none-match", "\"a\""), "").await;
    assert_eq!((known.status, known.text()), (304, ""));
    let part = client.send(request("GET", "/a?b").header("range", "bytes=0-0"), "").await;
    assert_eq!((part.status, part.header("content-range")), (206, Some("bytes 0-0/1")));
    let head = client.send(request("HEAD", "/a?b"), "").await;
    assert_eq!((head.status, head.text(), head.header("etag")), (200, "", Some("\"a\"")));
    assert_eq!(service.received().len(), 1);
    assert_eq!(client.get("/a").await.text(), "2");
    let hits =
        metric(&gateway, "torana_plugin_custom_total", &["name=\"hit\"", "route=\"all\""]).await;
    assert_eq!(hits, 4.0);
}

#[tokio::test]
async fn what_holds_is_freshened() {
    let service = Backend::start(|received| match received.header("if-none-match") {
        Some("\"a\"") => with(304, "", &[("x-a", "2"), ("etag", "\"a\"")]),
        _ => with(200, "hello", &[("cache-control", "no-cache"), ("etag", "\"a\""), ("x-a", "1")]),
    })
    .await;
    let gateway = gateway(&service, "").await;
    let client = gateway.client();
    assert_eq!(client.get("/").await.header("x-a"), Some("1"));
    stored(&gateway, 1).await;
    let asked = request("GET", "/").header("if-none-match", "\"other\"");
    let second = client.send(asked, "").await;
    assert_eq!((second.status, second.text(), second.header("x-a")), (200, "hello", Some("2")));
    assert_eq!(told(&second), "torana; fwd=stale; fwd-status=304");
    assert_eq!(service.received().len(), 2);
}

#[tokio::test]
async fn what_depends_on_a_field_is_kept_for_each_value() {
    let service = Backend::start(|received| {
        let language = received.header("accept-language").unwrap_or("none").to_owned();
        with(200, language, &[("cache-control", "max-age=60"), ("vary", "accept-language")])
    })
    .await;
    let gateway = gateway(&service, "").await;
    let client = gateway.client();
    for round in 1..=2 {
        for language in ["en", "de"] {
            let answer =
                client.send(request("GET", "/").header("accept-language", language), "").await;
            assert_eq!(answer.text(), language);
        }
        stored(&gateway, 2).await;
        assert_eq!(service.received().len(), 2, "round {round}");
    }
}

const NOT_FOR_ALL: [&[(&str, &str)]; 5] = [
    &[("cache-control", "private, max-age=60")],
    &[("cache-control", "no-store")],
    &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
    &[("cache-control", "max-age=60"), ("vary", "*")],
    &[("cache-control", "max-age=60"), ("vary", "cookie")],
];

#[tokio::test]
async fn what_is_not_for_all_is_not_kept() {
    for fields in NOT_FOR_ALL {
        let service = Backend::start(move |_| with(200, "hello", fields)).await;
        let gateway = gateway(&service, "").await;
        let client = gateway.client();
        for _ in 0..2 {
            let answer = client.get("/").await;
            assert_eq!(told(&answer), "torana; fwd=uri-miss; fwd-status=200", "{fields:?}");
        }
    }
}

#[tokio::test]
async fn the_authorized_share_nothing_unless_it_is_said() {
    let service = counting(&[("cache-control", "max-age=60")]).await;
    let gateway = gateway(&service, "").await;
    let client = gateway.client();
    let authorized = || request("GET", "/").header("authorization", "Bearer x");
    assert_eq!(client.send(authorized(), "").await.text(), "1");
    assert_eq!(client.send(authorized(), "").await.text(), "2");
    assert_eq!(client.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_change_ends_what_was_kept() {
    let service = counting(&[("cache-control", "max-age=60")]).await;
    let gateway = gateway(&service, "").await;
    let client = gateway.client();
    assert_eq!(client.get("/").await.text(), "1");
    stored(&gateway, 1).await;
    assert_eq!(client.get("/").await.text(), "1");
    assert_eq!(client.post("/", "x").await.text(), "2");
    assert_eq!(client.get("/").await.text(), "3");
}

#[tokio::test]
async fn a_body_that_is_too_large_passes_whole() {
    let large = "x".repeat(300_000);
    let sent = large.clone();
    let service =
        Backend::start(move |_| with(200, sent.clone(), &[("cache-control", "max-age=60")])).await;
    for gather in ["stream", "whole"] {
        let settings = format!("config = {{ max_size = \"100KiB\", gather = \"{gather}\" }}");
        let gateway = gateway(&service, &settings).await;
        for _ in 0..2 {
            let answer = gateway.client().get("/").await;
            assert_eq!((answer.status, answer.text() == large), (200, true), "{gather}");
            assert!(!told(&answer).contains("hit"), "{gather}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_held_stays_as_it_is() {
    let service = counting(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]).await;
    let gateway = gateway(&service, "config.gather = \"whole\"").await;
    for _ in 0..2 {
        let answer = gateway.client().get("/").await;
        assert_eq!(
            (answer.text(), answer.header("etag"), answer.header("content-length")),
            ("1", Some("\"a\""), Some("1"))
        );
    }
    assert_eq!(service.received().len(), 1);
}

#[tokio::test]
async fn a_service_that_fails_is_stood_in_for() {
    let count = AtomicUsize::new(0);
    let service = Backend::start(move |_| match count.fetch_add(1, SeqCst) {
        0 => with(200, "hello", &[("cache-control", "max-age=60")]),
        _ => with(503, "", &[]),
    })
    .await;
    let gateway =
        gateway(&service, "config = { ttl = { 200 = \"1s\" }, stale_if_error = \"1h\" }").await;
    let client = gateway.client();
    assert_eq!(client.get("/").await.text(), "hello");
    stored(&gateway, 1).await;
    let stale = async {
        loop {
            let answer = client.get("/").await;
            assert_eq!((answer.status, answer.text()), (200, "hello"));
            if told(&answer).contains("stale-if-error") {
                return answer;
            }
        }
    };
    let answer = within("the second to be over", stale).await;
    assert_eq!(told(&answer), "torana; fwd=stale; fwd-status=503; detail=stale-if-error");
}

/// A request that is answered when the service is let go, and five more for the same that come meanwhile.
async fn ask_together(cache_control: &'static str) -> (Vec<Reply>, Backend) {
    let go = Arc::new(Notify::new());
    let (held, count) = (go.clone(), AtomicUsize::new(0));
    let service = Backend::start_async(move |_| {
        let (held, is_first) = (held.clone(), count.fetch_add(1, SeqCst) == 0);
        async move {
            if is_first {
                held.notified().await;
            }
            let mut answer = reply(200, "hello");
            let value = HeaderValue::from_static(cache_control);
            answer.headers_mut().insert("cache-control", value);
            answer
        }
    })
    .await;
    // Longer than any test may take: whoever is not woken is found out.
    let gateway = gateway(&service, "config.collapse = \"1h\"\nlimits.wall = \"1h\"").await;
    let ask = || {
        let client = gateway.client();
        tokio::spawn(async move { client.get("/").await })
    };
    let mut asked = vec![ask()];
    service.wait_for(1).await;
    asked.extend((0..5).map(|_| ask()));
    wait_for_metric(&gateway, "torana_requests_in_flight", &[], 6.0).await;
    go.notify_one();
    let answers = within("six answers", join_all(asked)).await;
    (answers.into_iter().map(|answer| answer.expect("an answer")).collect(), service)
}

#[tokio::test]
async fn of_many_that_want_the_same_one_asks() {
    let (answers, service) = ask_together("max-age=60").await;
    assert!(answers.iter().all(|answer| answer.text() == "hello"));
    let hits = answers.iter().filter(|answer| told(answer).starts_with("torana; hit")).count();
    assert_eq!((hits, service.received().len()), (5, 1));
}

#[tokio::test]
async fn nobody_waits_for_what_is_not_kept() {
    let (answers, service) = ask_together("no-store").await;
    assert!(answers.iter().all(|answer| answer.text() == "hello"));
    assert_eq!(service.received().len(), 6);
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn two_gateways_have_one_cache() {
    let redis = torana_tests::RedisServer::start().await;
    let service = counting(&[("cache-control", "max-age=60")]).await;
    let store = format!("\n[store]\nkind = \"redis\"\nurl = \"{}\"\n", redis.url());
    let toml = configuration(&service, "{ shared = true }", "", &store);
    let (here, there) = (Gateway::start(&toml).await, Gateway::start(&toml).await);
    // The host is in the key, and without a name it would be each gateway's own port.
    let ask = async |gateway: &Gateway, method: &str| {
        gateway.client().send(request(method, "/").header("host", "shop.example"), "").await
    };
    assert_eq!(ask(&here, "GET").await.text(), "1");
    stored(&here, 1).await;
    let answer = ask(&there, "GET").await;
    assert_eq!((answer.text(), answer.header("age").is_some()), ("1", true));
    assert_eq!(ask(&there, "DELETE").await.text(), "2");
    assert_eq!(ask(&here, "GET").await.text(), "3");
}
