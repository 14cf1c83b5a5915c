//! Who may come to a Redis, and how.

use std::fs;

use serde_json::json;
use tempfile::TempDir;
use torana_tests::{Authority, Gateway, RawBackend, RedisServer, Setup, paths, within};

use super::{PATIENT, allowed, counter, store, take, up};
use crate::guests::metric;

fn with_password(redis: &RedisServer, url: &str) -> String {
    let more = format!("exact = true\n{PATIENT}\npassword = {{ secret = \"redis\" }}");
    let store = store(redis, &more);
    let store = store.replace(&redis.url(), url);
    counter(&format!("{store}\n[secrets]\nredis = {{ env = \"REDIS_PASSWORD\" }}\n"))
}

const PASSWORD: &str = "correct-horse";
/// What the documentation gives to a gateway's user, as arguments of the server.
fn user() -> Vec<String> {
    let text = fs::read_to_string(paths::root().join("docs/deployment.md")).expect("the document");
    let line = text.lines().find(|line| line.starts_with("ACL SETUSER ")).expect("a user");
    line.split(' ').skip(1).map(|word| word.replace("SETUSER", "--user")).collect()
}

#[tokio::test]
async fn a_password_lets_in() {
    let redis = RedisServer::start_with(&["--requirepass", PASSWORD]).await;
    let toml = with_password(&redis, &redis.url());
    let gateway = Setup::new(&toml).env("REDIS_PASSWORD", PASSWORD).start().await;
    up(&gateway, true).await;
    assert!(allowed(&take(&gateway, "k", 1).await));
    assert!(!allowed(&take(&gateway, "k", 1).await));
    assert!(!gateway.log().quote().contains(PASSWORD));
}

#[tokio::test]
async fn a_user_has_a_password_and_a_database_of_its_own() {
    let user = user();
    let arguments: Vec<_> = user.iter().map(String::as_str).collect();
    let redis = RedisServer::start_with(&arguments).await;
    let url = redis.url().replace("redis://", "redis://gate@") + "/3";
    let toml = with_password(&redis, &url);
    let gateway = Setup::new(&toml).env("REDIS_PASSWORD", PASSWORD).start().await;
    up(&gateway, true).await;
    assert!(allowed(&take(&gateway, "k", 1).await));
    assert_eq!(redis.ask(&["-n", "0", "DBSIZE"]), "0");
    assert_eq!(redis.ask(&["-n", "3", "DBSIZE"]), "1");
    // It may do all that there is to do.
    let client = gateway.client();
    for (path, expected) in [
        ("/kv/set/k/v?ttl=600000", json!(true)),
        ("/kv/cas/k/v/w", json!(true)),
        ("/kv/increment/n/1?ttl=600000", json!(1)),
        ("/kv/get/k", json!("w")),
        ("/kv/delete/k", json!(true)),
        ("/kv/lead/k/0", json!("yours")),
    ] {
        assert_eq!(client.get(path).await.json(), expected, "{path}");
    }
    assert_eq!(metric(&gateway, "torana_store_decided_alone_total", &[]).await, 0.0);
    let refused = ["result=\"refused\""];
    assert_eq!(metric(&gateway, "torana_store_round_trips_total", &refused).await, 0.0);
}

#[tokio::test]
async fn a_wrong_password_is_explained_once() {
    let redis = RedisServer::start_with(&["--requirepass", PASSWORD]).await;
    let toml = with_password(&redis, &redis.url());
    let wrong = Setup::new(&toml).env("REDIS_PASSWORD", "hunter2hunter2").start().await;
    let none = Gateway::start(&counter(&store(&redis, &format!("exact = true\n{PATIENT}")))).await;
    for (gateway, code) in [(&wrong, "user and password"), (&none, "NOAUTH")] {
        for _ in 0..5 {
            assert!(allowed(&take(gateway, "k", 100).await), "it counts alone");
        }
        let line = gateway.wait_for_log("why", |line| line.contains("the store is down")).await;
        assert!(line.contains(code) && line.contains("`password`"), "{line}");
        let told = gateway.log().lines().iter().filter(|line| line.contains("down")).count();
        assert_eq!(told, 1);
        assert!(!gateway.log().quote().contains("hunter2"));
    }
}

#[tokio::test]
async fn over_tls_its_certificate_must_be_good() {
    let authority = Authority::new();
    let redis = RedisServer::start_with_tls(&authority).await;
    let more = "timeout = \"10s\"\nexact = true\ntls = { ca = \"ca.pem\" }";
    let toml = counter(&store(&redis, more));
    let gateway = Setup::new(&toml).file("ca.pem", authority.pem()).start().await;
    up(&gateway, true).await;
    assert!(allowed(&take(&gateway, "k", 1).await));
    assert!(!allowed(&take(&gateway, "k", 1).await));

    let stranger = Authority::new().pem();
    let gateway = Setup::new(&toml).file("ca.pem", stranger).start().await;
    let line = gateway.wait_for_log("why", |line| line.contains("the store is down")).await;
    assert!(line.contains("certificate"), "{line}");
}

#[tokio::test]
async fn a_socket_of_the_same_machine_will_do() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("redis.sock");
    let socket = socket.to_str().expect("UTF-8");
    let redis = RedisServer::start_with(&["--unixsocket", socket]).await;
    let toml = counter(&store(&redis, &format!("exact = true\n{PATIENT}")));
    let toml = toml.replace(&redis.url(), &format!("unix://{socket}"));
    let gateway = Gateway::start(&toml).await;
    up(&gateway, true).await;
    assert!(allowed(&take(&gateway, "k", 1).await));
    assert!(!allowed(&take(&gateway, "k", 1).await));
}

#[tokio::test]
async fn whoever_never_answers_is_given_up() {
    let silent = RawBackend::start(|mut connection| async move {
        connection.rest().await;
    })
    .await;
    let url = format!("redis://{}", silent.address());
    let store = format!(
        "\n[store]\nkind = \"redis\"\nurl = \"{url}\"\ntimeout = \"200ms\"\nexact = true\n"
    );
    let gateway = Gateway::start(&counter(&store)).await;
    let line = gateway.wait_for_log("why", |line| line.contains("the store is down")).await;
    assert!(line.contains("no answer within 2s"), "{line}");
    within("decisions all the same", async {
        for _ in 0..20 {
            assert!(allowed(&take(&gateway, "k", 100).await));
        }
    })
    .await;
    assert!(metric(&gateway, "torana_store_decided_alone_total", &[]).await >= 20.0);
}
