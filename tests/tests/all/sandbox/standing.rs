//! What a plugin says once, in `configure`: changes that nothing is called for, and the requests that it is called for.

use http::HeaderValue;
use serde_json::json;
use tempfile::TempDir;
use torana_tests::{Backend, Gateway, Reply, Unused, command::torana, request, toml};

use crate::guests::{metric, plugin_with, route};

const GRANTS: &str = "{ request-edit = true, response-edit = true }";

async fn service() -> Backend {
    Backend::start(|_| {
        let mut answer = torana_tests::reply(200, "ok");
        answer.headers_mut().insert("server", HeaderValue::from_static("orders/1.4"));
        answer
    })
    .await
}

fn standing(name: &str, config: &str) -> String {
    let config = format!("config = {{ name = \"{name}\", {config} }}");
    plugin_with(name, "standing", GRANTS, &config)
}

/// A route `all` through `a` and `b`, which are configured alike.
fn through_two(service: &str, config: &str) -> String {
    let plugins = ["a", "b"].map(|name| standing(name, config)).concat();
    [toml::LISTEN, service, &plugins, &route("[\"a\", \"b\"]")].concat()
}

fn all<'a>(headers: &'a http::HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect()
}

fn order(answer: &Reply) -> Vec<&str> {
    all(&answer.headers, "x-order")
}

async fn calls(gateway: &Gateway, plugin: &str) -> f64 {
    let plugin = format!("plugin=\"{plugin}\"");
    metric(gateway, "torana_plugin_seconds_count", &[&plugin, "hook=\"on-request-head\""]).await
}

#[tokio::test]
async fn heads_are_changed_at_the_plugins_place_and_nobody_is_called() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    for isolation in ["pooled", "request"] {
        let config = "headers = [] }\nisolation = \"ISOLATION\" #".replace("ISOLATION", isolation);
        let gateway = Gateway::start(&through_two(&upstream, &config)).await;
        let asked = request("GET", "/")
            .header("x-debug", "1")
            .header("x-last", "forged")
            .header("x_last", "forged too");
        let answer = gateway.client().send(asked, "").await;
        assert_eq!(order(&answer), ["b", "a"], "backward through the chain");
        assert_eq!(answer.header("x-last"), Some("a"));
        assert_eq!(answer.header("server"), None);
        let received = service.received().pop().expect("one request").headers;
        assert_eq!(all(&received, "x-order"), ["a", "b"]);
        assert_eq!(all(&received, "x-last"), ["b"]);
        for gone in ["x-debug", "x_last", "x-called"] {
            assert!(!received.contains_key(gone), "{gone}");
        }
        assert_eq!((calls(&gateway, "a").await, calls(&gateway, "b").await), (0.0, 0.0));
    }
}

#[tokio::test]
async fn a_hook_is_called_for_some_requests_and_sees_what_was_changed() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    let config = "headers = [\"X-Call\", \"x-reply\"], methods = [\"OPTIONS\"]";
    let gateway = Gateway::start(&through_two(&upstream, config)).await;
    let client = gateway.client();
    for (asked, called) in [
        (request("GET", "/"), vec![]),
        (request("OPTIONS", "/"), vec!["a", "b"]),
        (request("GET", "/").header("x-call", ""), vec!["a", "b"]),
    ] {
        client.send(asked, "").await;
        let received = service.received().pop().expect("one request").headers;
        assert_eq!(all(&received, "x-called"), called);
    }
    assert_eq!(calls(&gateway, "a").await, 2.0);
    // Nothing stands for what it replies itself; the one before it changes that as any response.
    let answer = client.send(request("GET", "/").header("x-reply", "b"), "").await;
    assert_eq!((answer.text(), order(&answer)), ("a reply", vec!["a"]));
    let plugins = gateway.admin().get("/plugins").await.json();
    let expected = json!({
        "requests": ["set x-last", "add x-order", "remove x-debug"],
        "responses": ["remove server", "set x-last", "add x-order"],
        "called_for": { "headers": ["x-call", "x-reply"], "methods": ["OPTIONS"] },
    });
    assert_eq!(plugins[0]["standing"], expected);
}

#[tokio::test]
async fn the_gateways_own_answers_are_changed_too() {
    let unused = Unused::new();
    let nobody = toml::upstream("service", unused.address());
    let gateway = Gateway::start(&through_two(&nobody, "")).await;
    let answer = gateway.client().get("/").await;
    answer.problem(502);
    assert_eq!(order(&answer), ["b", "a"]);
}

#[test]
fn what_may_not_stand_is_refused_before_the_first_request() {
    for (config, said) in [
        ("sets = \"authorization\"", "headers = { write = [\"authorization\"] }"),
        ("sets = \"Content-Length\"", "`Content-Length` is kept by the host"),
        ("sets = \"x y\"", "`x y` is not a header name"),
        ("answers = \"set-cookie\"", "headers = { write = [\"set-cookie\"] }"),
        ("headers = [\"cookie\"]", "headers = { read = [\"cookie\"] }"),
        (
            "headers = [\"x-a\", \"Cookie\"], methods = [\"GET\"]",
            "headers = { read = [\"Cookie\"] }",
        ),
        ("headers = [\"x-a\", \"x y\"]", ": `x y` is not a header name"),
        ("headers = [], methods = [\"GET \"]", "`GET ` is not"),
        ("mistake = \"Path\"", "request-edit.set-path was called in configure"),
        ("mistake = \"Many\"", "hook-needs.only-for was called with 65 names (at most 64 in all)"),
    ] {
        let folder = TempDir::new().expect("a folder");
        let upstream = toml::upstream("service", Unused::new().address());
        let file = folder.path().join("gateway.toml");
        std::fs::write(file, through_two(&upstream, config)).expect("writing the file");
        let problems = torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr;
        assert!(problems.contains(said), "{config}: {problems}");
    }
}

#[tokio::test]
async fn what_stands_stands_where_the_hook_failed_and_was_passed_over() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    let skipped = "mistake = \"Late\" }\non_error = { request = \"skip\", response = 500 } #";
    let gateway = Gateway::start(&through_two(&upstream, skipped)).await;
    let answer = gateway.client().get("/").await;
    assert_eq!((answer.status, order(&answer)), (200, vec!["b", "a"]));
    let received = service.only().headers;
    assert_eq!((all(&received, "x-order"), all(&received, "x-called")), (vec!["a", "b"], vec![]));
}

/// Its chain is gone through before there is a route.
#[tokio::test]
async fn it_stands_for_all_that_comes_to_a_listener() {
    let service = service().await;
    let listen = toml::LISTEN.replacen("[listen.public]", "[listen.public]\nchain = [\"a\"]", 1);
    let upstream = toml::upstream("service", service.address());
    let route = toml::route("one", "match = { path = \"/one\" }\nupstream = \"service\"");
    let toml = [listen, upstream, standing("a", ""), route].concat();
    let gateway = Gateway::start(&toml).await;
    let answer = gateway.client().get("/other").await;
    assert_eq!(order(&answer), ["a"]);
    answer.problem(404);
    let answer = gateway.client().get("/one").await;
    assert_eq!((answer.status, order(&answer)), (200, vec!["a"]));
    assert_eq!(all(&service.only().headers, "x-order"), ["a"]);
}

#[test]
fn a_chain_entry_takes_away_what_may_stand() {
    let folder = TempDir::new().expect("a folder");
    let grants =
        "{ request-edit = true, response-edit = true, headers = { write = [\"cookie\"] } }";
    let config = "config = { name = \"a\", sets = \"cookie\" }";
    let plugin = plugin_with("a", "standing", grants, config);
    let upstream = toml::upstream("service", Unused::new().address());
    let check = |chain: &str| {
        let file = [toml::LISTEN, &upstream, &plugin, &route(chain)].concat();
        std::fs::write(folder.path().join("gateway.toml"), file).expect("writing the file");
        torana(folder.path(), &["check", "gateway.toml"])
    };
    check("[\"a\"]").expect(0);
    let less = "[{ plugin = \"a\", grants = { headers = { write = [] } } }]";
    let problems = check(less).expect(1).stderr;
    assert!(problems.contains("headers = { write = [\"cookie\"] }"), "{problems}");
}

/// As many as request.wit says that there is room for, and one more.
#[test]
fn so_many_changes_stand() {
    let folder = TempDir::new().expect("a folder");
    let upstream = toml::upstream("service", Unused::new().address());
    let check = |count: usize| {
        // It has three of its own.
        let more = count - 3;
        let plugin = plugin_with("a", "standing", GRANTS, &format!("config = {{ more = {more} }}"));
        let file = [toml::LISTEN, &upstream, &plugin, &route("[\"a\"]")].concat();
        std::fs::write(folder.path().join("gateway.toml"), file).expect("writing the file");
        torana(folder.path(), &["check", "gateway.toml"])
    };
    check(64).expect(0);
    let problems = check(65).expect(1).stderr;
    assert!(problems.contains("there is no room for `x-more`"), "{problems}");
}

#[tokio::test]
async fn it_is_said_in_configure_or_never() {
    let service = service().await;
    let upstream = toml::upstream("service", service.address());
    for (mistake, call) in [("Late", "only-for"), ("LateName", "reads-header")] {
        let mistake = format!("mistake = \"{mistake}\"");
        let gateway = Gateway::start(&through_two(&upstream, &mistake)).await;
        gateway.client().get("/").await.problem(500);
        let said = format!("hook-needs.{call} was called outside of configure");
        gateway.wait_for_log("why", |line| line.contains(&said)).await;
    }
    assert!(service.received().is_empty());
}
