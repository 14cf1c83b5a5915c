//! Components that were built once, for 0.1.0, and are not built again.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;
use torana_tests::{Backend, Gateway, Setup, command::torana, paths, reply, request, toml, within};

use crate::guests::PATIENT;

/// All that there are. What they are built from is in tests/guests.
const COMPONENTS: [&str; 3] = ["echo", "every", "stream-upper"];

fn file(name: &str) -> PathBuf {
    file_of("0.1.0", name)
}

fn file_of(version: &str, name: &str) -> PathBuf {
    paths::root().join("tests/data/frozen").join(version).join(name).with_extension("wasm")
}

fn frozen(name: &str, grants: &str, more: &str) -> String {
    frozen_at(file(name), name, grants, more)
}

fn frozen_at(path: PathBuf, name: &str, grants: &str, more: &str) -> String {
    let component = format!("component = {{ path = \"{}\" }}", path.display());
    format!("\n[plugins.{name}]\n{component}\ngrants = {{ {grants} }}\n{PATIENT}\n{more}\n")
}

/// A service that answers with what it is asked for, and the header that `every` looks at.
async fn service() -> Backend {
    Backend::start(|received| {
        let mut answer = reply(200, received.body.clone());
        answer.headers_mut().insert("x-of-service", http::HeaderValue::from_static("yes"));
        answer
    })
    .await
}

/// Fetches go to `service`, and the request to `other`, which the plugin chooses.
async fn with_every(service: &Backend, other: &Backend) -> Gateway {
    let grants = "request-edit = true, response-edit = true, request-body = \"read-write\", \
        response-body = \"read-write\", kv = true, rate-limit = true, fetch = [\"service\"], \
        crypto = true, secrets = { use = [\"key\"], reveal = [\"key\"] }";
    let settings = "config = { service = \"service\", key = { secret = \"key\" } }";
    let toml = [
        toml::LISTEN,
        "\n[secrets]\nkey = { env = \"KEY\" }\n",
        &toml::upstream("service", service.address()),
        &toml::upstream("other", other.address()),
        &frozen("every", grants, settings),
        &toml::route(
            "all",
            &format!("{}\nalternatives = [\"other\"]\nchain = [\"every\"]", toml::ALL),
        ),
    ];
    Setup::new(&toml.concat()).env("KEY", &"k".repeat(32)).start().await
}

#[tokio::test]
async fn every_capability_goes_on_answering() {
    let (service, other) = (service().await, service().await);
    let gateway = with_every(&service, &other).await;
    let call = request("POST", "/a/b?q=1&q=2").header("x-one", "1");
    let call = call.header("x-two", "1").header("x-two", "2");
    let answer = gateway.client().send(call, "hello").await;
    assert_eq!((answer.status, answer.text()), (203, "HELLO"));
    let basics = "true true true 16 true";
    let head = format!("{basics} true 2 true true 200 2 true true 48 false");
    assert_eq!(answer.header("x-head"), Some(&*head));
    let request = "POST http /a/b q=1&q=2 12 a/b HTTP/1.1 false all true true true 1 1 12 true";
    assert_eq!(answer.header("x-request"), Some(request));
    assert_eq!(answer.header("x-response"), Some("200 Some(\"yes\") 1 3 true"));
    assert_eq!(answer.header("x-gone"), Some("none"), "an attribute that was removed");
    assert_eq!(answer.header("x-of-service"), None);

    let seen = other.only();
    assert_eq!((&*seen.target, &*seen.body), ("/changed?changed=yes", b"HELLO".as_slice()));
    assert_eq!((seen.header("x-one"), seen.header("x-set")), (None, Some("set")));
    let fetched = service.received();
    assert_eq!(fetched.len(), 4);
    let key = format!("Key {}", "k".repeat(32));
    assert!(fetched.iter().all(|one| one.header("x-key") == Some(&*key)));
    gateway.wait_for_log("its line", |line| line.contains("every capability is called")).await;
    let metrics = gateway.admin().get("/metrics").await;
    assert!(metrics.text().contains("every_calls") && metrics.text().contains("every_level"));
}

#[tokio::test]
async fn on_tick_goes_on_being_called() {
    let (service, other) = (service().await, service().await);
    let gateway = with_every(&service, &other).await;
    let client = gateway.client();
    let ticks =
        async { while client.get("/").await.header("x-ticks").is_none_or(|ticks| ticks < "3") {} };
    within("the third tick", ticks).await;
}

#[tokio::test]
async fn stream_hooks_go_on_changing_bodies() {
    let service = service().await;
    let grants = "request-edit = true, response-edit = true, request-body = \"read-write\", \
        response-body = \"read-write\"";
    let toml = [
        &*toml::proxy_with(service.address(), "chain = [\"stream-upper\"]"),
        &frozen("stream-upper", grants, ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let answer = gateway.client().send(request("POST", "/"), "hello").await;
    assert_eq!((answer.status, answer.text()), (200, "HELLO"));
    assert_eq!(answer.header("x-upper"), Some("yes"));
    assert_eq!(&*service.only().body, b"HELLO");
}

#[tokio::test]
async fn handlers_go_on_replying() {
    let route = toml::route("all", "match = { path = \"/{*path}\" }\nchain = [\"echo\"]");
    let toml = [toml::LISTEN, &frozen("echo", "request-body = \"read\"", ""), &route];
    let gateway = Gateway::start(&toml.concat()).await;
    let answer = gateway.client().send(request("POST", "/a?b"), "hello").await.json();
    assert_eq!((&answer["path"], &answer["body"]["text"]), (&"/a".into(), &"hello".into()));
}

#[tokio::test]
async fn what_came_with_0_1_1_goes_on_answering() {
    let service = service().await;
    let file = file_of("0.1.1", "ahead");
    let grants = "response-edit = true, response-body = \"read\"";
    let config = "config = { name = \"a\", without_response = true }\nlimits.body = \"1B\"";
    let toml = [
        &*toml::proxy_with(service.address(), "chain = [\"ahead\"]"),
        &frozen_at(file, "ahead", grants, config),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let answer = gateway.client().send(request("POST", "/"), "hello").await;
    assert_eq!((answer.status, answer.text()), (200, "hello"), "nobody wants it whole");
    assert_eq!(
        (answer.header("x-last"), answer.header("vary")),
        (Some("a"), Some("Accept, X-Tenant"))
    );
    let said = answer.headers.get_all("x-seen").iter().count();
    assert_eq!(said, 0, "the hook was skipped");
}

#[tokio::test]
async fn what_came_with_0_1_2_goes_on_standing() {
    let service = service().await;
    let file = file_of("0.1.2", "standing");
    let grants = "request-edit = true, response-edit = true";
    let config = "config = { name = \"a\", headers = [\"x-call\"] }";
    let toml = [
        &*toml::proxy_with(service.address(), "chain = [\"standing\"]"),
        &frozen_at(file, "standing", grants, config),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let client = gateway.client();
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.header("x-last")), (200, Some("a")));
    let seen = service.only();
    assert_eq!((seen.header("x-last"), seen.header("x-called")), (Some("a"), None), "not called");
    client.send(request("GET", "/").header("x-call", ""), "").await;
    let seen = service.received().pop().expect("a second request");
    assert_eq!(seen.header("x-called"), Some("a"), "called for this one");
}

fn inspect(name: &str) -> Value {
    let file = file(name);
    let ended = torana(paths::root(), &["plugin", "inspect", "--json", file.to_str().unwrap()]);
    serde_json::from_str(&ended.expect(0).stdout).expect("JSON")
}

/// Together they have all that the worlds of the frozen contract list.
#[test]
fn nothing_of_the_contract_is_left_out() {
    let listed = |key: &str| -> BTreeSet<String> {
        let names = COMPONENTS.map(|name| inspect(name)[key].as_array().expect("a list").clone());
        names.iter().flatten().map(|name| name.as_str().expect("text").to_owned()).collect()
    };
    let world = fs::read_to_string(file("every").with_file_name("wit/world.wit")).expect("a world");
    let named = |verb: &str| -> BTreeSet<String> {
        let lines = world.lines().filter_map(|line| line.trim().strip_prefix(verb));
        lines.map(|name| name.trim().trim_end_matches(';').to_owned()).collect()
    };
    assert_eq!(listed("imports"), named("import "));
    let hooks: BTreeSet<_> = listed("hooks").into_iter().chain(["configure".into()]).collect();
    assert_eq!(hooks, named("export "));
}
