//! Replies that are always the same.

use tempfile::TempDir;
use torana_tests::{Gateway, Raw, Setup, command::torana, request, toml};

use crate::guests::{PATIENT, marker, plugin};

fn config(reply: &str, more: &str) -> String {
    let keys = format!("match = {{ path = \"/{{*path}}\" }}\nreply = {reply}\n{more}");
    [toml::LISTEN, &toml::route("all", &keys)].concat()
}

#[tokio::test]
async fn it_says_always_the_same() {
    let reply = "{ status = 418, body = \"short and stout\", headers = { X-Pot = \"tea\" } }";
    let gateway = Gateway::start(&config(reply, "")).await;
    let client = gateway.client();
    for method in ["GET", "POST", "DELETE"] {
        let answer = client.send(request(method, "/a"), "a body that nobody reads").await;
        assert_eq!((answer.status, answer.text()), (418, "short and stout"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("content-length"), Some("15"));
        assert_eq!(answer.header("x-pot"), Some("tea"));
        assert!(answer.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let gateway = Gateway::start(&config("{ body = \"12345\" }", "")).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    for _ in 0..2 {
        raw.write("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = raw.read_head().await.to_lowercase();
        assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-length: 5\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_reply_without_a_body_has_none() {
    for (status, length) in [(200, Some("content-length: 0")), (204, None)] {
        let gateway = Gateway::start(&config(&format!("{{ status = {status} }}"), "")).await;
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = raw.read_head().await.to_lowercase();
        let said = head.lines().find(|line| line.starts_with("content-length"));
        assert_eq!(said, length, "{head}");
        assert!(!head.contains("content-type") && !head.contains("transfer-encoding"), "{head}");
    }
}

#[tokio::test]
async fn a_page_for_maintenance_stands_in_a_file_and_changes_on_reload() {
    let reply = "{ status = 503, body = { file = \"maintenance.html\" }, \
                 headers = { Content-Type = \"text/html\", Retry-After = \"3600\" } }";
    let toml = config(reply, "");
    let gateway = Setup::new(&toml).file("maintenance.html", "<h1>Soon</h1>\n").start().await;
    let answer = gateway.client().get("/any/thing").await;
    assert_eq!((answer.status, answer.text()), (503, "<h1>Soon</h1>"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    std::fs::write(gateway.path("maintenance.html"), "<h1>Sooner</h1>").expect("writing");
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    assert_eq!(gateway.client().get("/").await.text(), "<h1>Sooner</h1>");
}

#[tokio::test]
async fn the_plugins_have_their_say_before_and_after() {
    let require = format!(
        "\n[plugins.require]\ncomponent = \"require\"\n{PATIENT}\n\
         config = {{ headers = [\"x-tenant\"] }}\n"
    );
    let upper = plugin("upper", "body-upper", "");
    let chain = "chain = [\"seen\", \"upper\", \"require\"]";
    let toml = config("{ body = \"hello\" }", chain) + &marker("seen") + &upper + &require;
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let refused = client.get("/").await;
    assert_eq!(refused.status, 400);
    assert!(!refused.text().contains("HELLO") && refused.header("x-seen").is_some());
    for (method, text) in [("GET", "HELLO"), ("HEAD", "")] {
        let answer = client.send(request(method, "/").header("x-tenant", "a"), "").await;
        assert_eq!((answer.status, answer.text()), (200, text));
        assert_eq!(answer.header("x-seen"), Some("seen"));
    }
}

/// What `check` says of a route that has a handler and this key as well.
fn said_of(key: &str, upstream: &str) -> String {
    let keys = format!("match = {{ path = \"/\" }}\nchain = [\"echo\"]\n{key}");
    let toml =
        [toml::LISTEN, upstream, &toml::route("two", &keys), &plugin("echo", "echo", "")].concat();
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("gateway.toml"), toml).expect("writing");
    torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr
}

#[tokio::test]
async fn a_handler_and_another_answer_are_one_too_many() {
    let upstream = toml::upstream("service", "127.0.0.1:9".parse().expect("an address"));
    for (key, name, upstream) in [
        ("upstream = \"service\"", "upstream", &*upstream),
        ("split = [{ upstream = \"service\" }]", "split", &upstream),
        ("redirect = { to = \"/a\" }", "redirect", ""),
        ("reply = {}", "reply", ""),
    ] {
        let said = said_of(key, upstream);
        let message = format!("route `two` has a handler and `{name}`");
        assert!(said.contains(&message) && said.contains("remove one of them"), "{said}");
    }
}
