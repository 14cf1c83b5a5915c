//! What a request hook wants changed in the response, and hooks that a plugin has no need of.

use http::HeaderValue;
use torana_tests::{Backend, Gateway, Reply, Unused, request, toml};

use crate::guests::{marker, metric, plugin_with, route};

const GRANTS: &str = "{ response-edit = true, response-body = \"read\" }";

/// A service with fields that the plugin is to change.
async fn service() -> Backend {
    Backend::start(|_| {
        let mut answer = torana_tests::reply(200, "a body of 21 bytes ...");
        for (name, value) in [
            ("server", "orders/1.4"),
            ("x-service-a", "1"),
            ("x-service-b", "2"),
            ("vary", "accept"),
            ("x-last", "the service"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await
}

fn ahead(name: &str, more: &str) -> String {
    let config = format!("name = \"{name}\"{}{more}", if more.is_empty() { "" } else { ", " });
    plugin_with(name, "ahead", GRANTS, &format!("config = {{ {config} }}"))
}

/// A route `all` through `a` and `b`, of which `b` has settings of its own.
fn through_two(service: &str, more: &str) -> String {
    [toml::LISTEN, service, &ahead("a", ""), &ahead("b", more), &route("[\"a\", \"b\"]")].concat()
}

fn order(answer: &Reply) -> Vec<&str> {
    all(answer, "x-order")
}

fn all<'a>(answer: &'a Reply, name: &str) -> Vec<&'a str> {
    let values = answer.headers.get_all(name).iter();
    values.map(|value| value.to_str().expect("text")).collect()
}

#[tokio::test]
async fn changes_are_made_on_the_way_back_at_the_plugins_own_place() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    let gateway = Gateway::start(&through_two(&upstream, "")).await;
    let answer = gateway.client().get("/").await;
    assert_eq!(order(&answer), ["b", "a"], "backward through the chain");
    assert_eq!(answer.header("x-last"), Some("a"));
    assert_eq!(answer.header("vary"), Some("accept, X-Tenant"), "each member once");
    for gone in ["server", "x-service-a", "x-service-b"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    // Each sees what it wanted changed, the attributes that it left, and that it is too late now.
    let seen = all(&answer, "x-seen");
    assert_eq!(seen, ["b [true, false, false] true", "a [true, false, false] true"]);
}

#[tokio::test]
async fn every_response_that_comes_by_is_changed_but_the_plugins_own() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    let gateway = Gateway::start(&through_two(&upstream, "")).await;
    let by = |name: &'static str| request("GET", "/").header("x-reply", name);
    let client = gateway.client();
    let answer = client.send(by("b"), "").await;
    assert_eq!((answer.text(), order(&answer)), ("a reply", vec!["a"]));
    assert_eq!(answer.header("server"), None, "`a` takes it from the reply of `b`");
    let answer = client.send(by("a"), "").await;
    assert_eq!((answer.header("server"), order(&answer)), (Some("the plugin"), vec![]));
    assert!(service.received().is_empty());

    let unused = Unused::new();
    let nobody = toml::upstream("service", unused.address());
    let gateway = Gateway::start(&through_two(&nobody, "")).await;
    let answer = gateway.client().get("/").await;
    answer.problem(502);
    assert_eq!(order(&answer), ["b", "a"], "the gateway's own");
}

#[tokio::test]
async fn who_fails_leaves_nothing_of_it() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    let failing = "fails = true }\non_error = { request = \"skip\", response = 500 } #";
    let gateway = Gateway::start(&through_two(&upstream, failing)).await;
    let answer = gateway.client().get("/").await;
    assert_eq!((answer.status, order(&answer)), (200, vec!["a"]), "`b` was passed over");

    let gateway = Gateway::start(&through_two(&upstream, "fails = true")).await;
    let answer = gateway.client().get("/").await;
    answer.problem(500);
    assert_eq!(order(&answer), ["a"]);
}

#[tokio::test]
async fn what_is_not_granted_is_named() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    for (more, said) in [
        ("sets = \"set-cookie\"", "headers = { write = [\"set-cookie\"] }"),
        ("sets = \"Content-Length\"", "`Content-Length` is kept by the host"),
        ("sets = \"x y\"", "`x y` is not a header name"),
        ("claims = \"consumer.id\"", "`consumer.id`"),
        ("claims = \"other.name\"", "`other.name`"),
    ] {
        let gateway = Gateway::start(&through_two(&upstream, more)).await;
        let answer = gateway.client().get("/").await;
        answer.problem(500);
        assert_eq!(order(&answer), ["a"], "{more}");
        gateway.wait_for_log("why", |line| line.contains(said) && line.contains("\"b\"")).await;
    }
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn hooks_that_settings_do_not_need_are_not_called() {
    let service = service().await;
    let chain = |more: &str| {
        let upstream = toml::upstream("service", service.address());
        let plugin = ahead("a", more) + "limits.body = \"8B\"\n";
        [toml::LISTEN, &upstream, &plugin, &marker("m"), &route("[\"a\", \"m\"]")].concat()
    };
    let gateway = Gateway::start(&chain("")).await;
    gateway.client().get("/").await.problem(502);

    let gateway = Gateway::start(&chain("without_response = true")).await;
    let answer = gateway.client().get("/").await;
    assert_eq!(answer.text(), "a body of 21 bytes ...", "nobody wants it whole");
    assert_eq!((order(&answer), answer.header("x-seen")), (vec!["a"], None));
    let calls = "torana_plugin_seconds_count";
    let of = async |plugin: &str, hook: &str| {
        let labels = [format!("plugin=\"{plugin}\""), format!("hook=\"{hook}\"")];
        metric(&gateway, calls, &labels.each_ref().map(|label| &**label)).await
    };
    assert_eq!(of("a", "on-request-head").await, 1.0);
    assert_eq!(of("a", "on-response-head").await, 0.0);
    assert_eq!(of("m", "on-request-head").await, 0.0, "`headers` changes responses alone here");
    assert_eq!(of("m", "on-response-head").await, 1.0);
    let plugins = gateway.admin().get("/plugins").await.json();
    assert_eq!(plugins[0]["hooks"], serde_json::json!(["on-request-head", "schema"]));
}
