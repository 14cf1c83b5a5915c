//! The contract in other languages: examples/plugins, one plugin written again and again, must do
//! the same in all of them.

use std::{fs, net::SocketAddr, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use torana_tests::{
    Backend, Gateway,
    command::{Ended, torana},
    paths, reply, request, toml,
};

use crate::guests::plugin_with;

/// What the plugin needs, WASI apart.
const GRANTS: &str = "kv = true, response-edit = true, response-body = \"read-write\"";

/// `[plugins.greet]` in a language. (What a first call costs is not the subject here.)
fn greet(language: &str, config: &str) -> String {
    // The runtime of Go wants WASI, and room.
    let (wasi, limits) = match language {
        "go" => ("wasi = true, ", "limits.keep = \"16MiB\"\n"),
        _ => ("", ""),
    };
    let grants = format!("{{ {wasi}{GRANTS} }}");
    plugin_with("greet", language, &grants, &format!("{limits}config = {config}"))
}

/// A gateway in front of a service, with the plugin between them.
fn greeting(language: &str, target: SocketAddr) -> String {
    saying(language, "Grüezi", target)
}

fn saying(language: &str, greeting: &str, target: SocketAddr) -> String {
    let config = format!("{{ header = \"x-user\", greeting = \"{greeting}\" }}");
    let plugin = greet(language, &config);
    let route = toml::route("all", &format!("{}\nchain = [\"greet\"]", toml::ALL));
    [toml::LISTEN, &toml::upstream("service", target), &plugin, &route].concat()
}

/// A service that sends back what it gets, as JSON or what else the request calls it.
async fn echo() -> Backend {
    Backend::start(|received| {
        let mut answer = reply(200, received.body.clone());
        let kind = received.headers.get("x-kind").cloned();
        let json = http::HeaderValue::from_static("application/json; charset=utf-8");
        answer.headers_mut().insert("content-type", kind.unwrap_or(json));
        answer
    })
    .await
}

async fn callers_are_greeted_and_counted(language: &str) {
    let backend = echo().await;
    let gateway = Gateway::start(&greeting(language, backend.address())).await;
    let client = gateway.client();
    for call in 1..=3 {
        let ada = request("POST", "/").header("x-user", "Ada \"L\"");
        let answer = client.send(ada, r#"{"id": 7, "name": "été"}"#).await;
        assert_eq!(answer.status, 200);
        let greeting = "Grüezi, Ada \"L\"!";
        let expected = json!({ "id": 7, "name": "été", "greeting": greeting, "call": call });
        assert_eq!(answer.json(), expected, "instances share the counter");
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length));
        assert_eq!(answer.header("x-call"), Some(&*call.to_string()), "left by the request hook");
        assert_eq!(answer.header("vary"), Some("x-user"), "said once, in `configure`");
    }
    gateway.wait_for_log("the third call", |line| line.contains("call 3")).await;
}

async fn whoever_has_no_name_is_refused(language: &str) {
    let backend = echo().await;
    let gateway = Gateway::start(&greeting(language, backend.address())).await;
    let client = gateway.client();
    let problem = client.get("/").await.problem(401);
    assert_eq!(problem["type"], "urn:torana:problem:missing-header");
    assert_eq!(problem["detail"], "The header `x-user` is missing.");

    let twice = request("GET", "/").header("x-user", "ada").header("x-user", "root");
    let problem = client.send(twice, "").await.problem(400);
    assert_eq!(problem["type"], "urn:torana:problem:bad-header");

    let cryptic = request("GET", "/").header("x-user", b"\xff".as_slice());
    let problem = client.send(cryptic, "").await.problem(400);
    assert_eq!(problem["type"], "urn:torana:problem:bad-header");
    assert!(backend.received().is_empty(), "the service is not called");
}

async fn what_is_no_json_object_is_left_alone(language: &str) {
    let backend = echo().await;
    let gateway = Gateway::start(&greeting(language, backend.address())).await;
    let client = gateway.client();
    let bodies =
        [("text/plain", "{}"), ("application/json", "[1]"), ("application/json", "{\"a\":")];
    for (kind, body) in bodies {
        let ada = request("POST", "/").header("x-user", "ada").header("x-kind", kind);
        let answer = client.send(ada, body).await;
        assert_eq!((answer.status, answer.text()), (200, body), "{kind}");
    }
}

/// Not even looked at: of this one the hook would say that it is not UTF-8.
async fn a_body_that_nobody_is_greeted_in_is_left_alone(language: &str) {
    let backend = echo().await;
    let gateway = Gateway::start(&saying(language, "", backend.address())).await;
    let ada = request("POST", "/").header("x-user", "ada");
    let body = b"{\"a\": \"\xff\"}".as_slice();
    let answer = gateway.client().send(ada, body).await;
    assert_eq!((answer.status, &*answer.body), (200, body));
    assert_eq!(answer.header("x-call"), Some("1"));
}

/// The whole of what the guest says about an exception is in the log, and nothing of it outside.
async fn a_failure_is_told_with_its_place(language: &str, parts: &[&str]) {
    let backend = echo().await;
    let gateway = Gateway::start(&greeting(language, backend.address())).await;
    let client = gateway.client();
    let ada = request("POST", "/").header("x-user", "ada");
    let problem = client.send(ada, b"{\"a\": \"\xff\"}".as_slice()).await.problem(500);
    let is_it = |line: &str| line.contains("on-response-body") && line.contains("ERROR");
    let line = gateway.wait_for_log("the failure", is_it).await;
    for part in parts {
        assert!(line.contains(part), "`{part}` is missing: {line}");
        assert!(!problem.to_string().contains(part), "{problem:#}");
    }
    // The instance goes on: it failed by the contract, it did not trap.
    let again = client.send(request("POST", "/").header("x-user", "ada"), "{}").await;
    assert_eq!(again.json()["call"], 2);
}

fn check(language: &str, config: &str) -> Ended {
    let folder = TempDir::new().expect("a folder");
    let file = greet(language, config)
        + "\n[listen.public]\naddress = \"127.0.0.1:0\"\n"
        + "[upstreams.service]\ntargets = [\"127.0.0.1:9\"]\n"
        + &toml::route("all", &format!("{}\nchain = [\"greet\"]", toml::ALL));
    fs::write(folder.path().join("gateway.toml"), file).expect("writing the file");
    torana(folder.path(), &["check", "gateway.toml", "--format", "json"])
}

fn wrong_settings_are_told_where_they_stand(language: &str) {
    for (setting, config) in [
        ("header", r#"{ greeting = "Hi", header = "x user" }"#),
        ("greeting", r#"{ header = "x-user", greeting = 5 }"#),
        ("colour", r#"{ header = "x-user", colour = "red" }"#),
    ] {
        let said = check(language, config).expect(1).stdout;
        let problems: Value = serde_json::from_str(&said).expect("JSON");
        let start = format!("plugin `greet`, setting `{setting}`: ");
        let message = problems[0]["message"].as_str().expect("a text");
        assert!(message.starts_with(&start), "{setting}: {problems:#?}");
        let column = problems[0]["column"].as_u64().expect("a column") as usize;
        let begins = "config = ".len() + config.rfind(setting).expect("the setting") + 1;
        assert!(column >= begins, "{setting}: {problems:#?}");
    }
    let missing = check(language, "{}").expect(1).stdout;
    assert!(missing.contains("`header`"), "{missing}");
}

/// Those that are written by hand; the SDK's stop at the first.
fn all_wrong_settings_are_told_at_once(language: &str) {
    let config = r#"{ header = "x user", greeting = 5, colour = "red" }"#;
    let problems: Value = serde_json::from_str(&check(language, config).expect(1).stdout).unwrap();
    let problems = problems.as_array().expect("a list");
    let said = |setting: &str| {
        let start = format!("plugin `greet`, setting `{setting}`: ");
        let message = |problem: &Value| problem["message"].as_str().map(str::to_owned);
        problems.iter().find(|one| message(one).is_some_and(|text| text.starts_with(&start)))
    };
    let columns = ["header", "greeting", "colour"].map(|setting| {
        let problem = said(setting).unwrap_or_else(|| panic!("`{setting}`: {problems:#?}"));
        problem["column"].as_u64().expect("a column")
    });
    assert!(columns.is_sorted_by(|one, next| one < next), "each at its own place: {columns:?}");
    assert_eq!(problems.len(), 3, "{problems:#?}");
}

/// What the gateway reads off the component: what the world says, and WASI only for Go.
fn it_imports_no_more_than_its_world(language: &str) {
    let file = paths::guest(language);
    let file = file.to_str().expect("a path in UTF-8");
    let ended = torana(Path::new("."), &["plugin", "inspect", "--json", file]).expect(0);
    let inspected: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let names = |key: &str| {
        let list = inspected[key].as_array().expect("a list").iter();
        let mut names: Vec<_> = list.filter_map(Value::as_str).collect();
        names.sort_unstable();
        names
    };
    let imports = [
        "attributes",
        "hook-needs",
        "kv",
        "log",
        "request",
        "response",
        "response-ahead",
        "response-body",
        "response-body-edit",
    ];
    let (wasi, others): (Vec<_>, Vec<_>) =
        names("imports").into_iter().partition(|name| name.starts_with("wasi:"));
    assert_eq!(others, imports);
    assert_eq!(wasi.is_empty(), language != "go", "{wasi:?}");
    assert_eq!(names("hooks"), ["on-request-head", "on-response-body", "schema"]);
}

/// The tests of one language. `fails_with` is what its log line has of a failure.
macro_rules! language {
    ($language:ident, fails_with: $parts:expr $(, and: $all:ident)?) => {
        mod $language {
            const LANGUAGE: &str = stringify!($language);

            #[tokio::test]
            async fn callers_are_greeted_and_counted() {
                super::callers_are_greeted_and_counted(LANGUAGE).await;
            }

            #[tokio::test]
            async fn whoever_has_no_name_is_refused() {
                super::whoever_has_no_name_is_refused(LANGUAGE).await;
            }

            #[tokio::test]
            async fn what_is_no_json_object_is_left_alone() {
                super::what_is_no_json_object_is_left_alone(LANGUAGE).await;
            }

            #[tokio::test]
            async fn a_body_that_nobody_is_greeted_in_is_left_alone() {
                super::a_body_that_nobody_is_greeted_in_is_left_alone(LANGUAGE).await;
            }

            #[tokio::test]
            async fn a_failure_is_told_with_its_place() {
                super::a_failure_is_told_with_its_place(LANGUAGE, &$parts).await;
            }

            #[test]
            fn wrong_settings_are_told_where_they_stand() {
                super::wrong_settings_are_told_where_they_stand(LANGUAGE);
            }

            $(#[test]
            fn $all() {
                super::$all(LANGUAGE);
            })?

            #[test]
            fn it_imports_no_more_than_its_world() {
                super::it_imports_no_more_than_its_world(LANGUAGE);
            }
        }
    };
}

language!(c, fails_with: ["the body is not UTF-8"], and: all_wrong_settings_are_told_at_once);
language!(go, fails_with: ["the body is not UTF-8"], and: all_wrong_settings_are_told_at_once);
language!(
    javascript,
    fails_with: ["not-text", "plugin.js:"],
    and: all_wrong_settings_are_told_at_once
);
language!(
    python,
    fails_with: ["BodyError.NOT_TEXT", "plugin.py:"],
    and: all_wrong_settings_are_told_at_once
);
language!(rust, fails_with: ["UTF-8"]);

#[test]
fn the_cases_of_the_one_in_rust_hold_for_the_others() {
    let folder = paths::root().join("examples/plugins/rust");
    // (Python as well; but it begins anew for each case, and takes ten seconds for that.)
    for language in ["c", "go", "javascript", "rust"] {
        let component = paths::guest(language).display().to_string();
        let said = torana(&folder, &["plugin", "test", "--component", &component]);
        assert_eq!(said.code, 0, "{language}: {}", said.text());
    }
}

fn with_wasi(grants: &str) -> String {
    let config = "config = { header = \"x-user\", greeting = \"Hello\" }";
    let plugin = plugin_with("greet", "javascript-wasi", grants, config);
    let route = toml::route("all", &format!("{}\nchain = [\"greet\"]", toml::ALL));
    let nobody = "127.0.0.1:9".parse().expect("an address");
    [toml::LISTEN, &toml::upstream("service", nobody), &plugin, &route].concat()
}

#[test]
fn wasi_is_refused_unless_it_is_granted_and_told_of_once() {
    let folder = TempDir::new().expect("a folder");
    let toml = with_wasi(&format!("{{ {GRANTS} }}"));
    fs::write(folder.path().join("gateway.toml"), toml).expect("writing");
    let said = torana(folder.path(), &["check", "gateway.toml"]).expect(1).text();
    assert_eq!(said.matches("add `wasi = true`").count(), 1, "{said}");
}

#[tokio::test]
async fn wasi_has_a_context_with_nothing_in_it() {
    let backend = echo().await;
    let toml = with_wasi(&format!("{{ {GRANTS}, wasi = true }}"));
    let toml = toml.replace("127.0.0.1:9\"", &format!("{}\"", backend.address()));
    let gateway = Gateway::start(&toml).await;
    let ada = request("POST", "/").header("x-user", "Ada");
    let answer = gateway.client().send(ada, "{}").await;
    assert_eq!((answer.status, &answer.json()["greeting"]), (200, &json!("Hello, Ada!")));
}
