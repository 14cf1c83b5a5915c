//! `crypto`, `secrets`, `attributes`, and headers that are credentials.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use torana_tests::{Gateway, Setup, command::torana, request, toml};

use crate::guests::{handled, plugin, plugin_with};

async fn cryptic(secrets: &str) -> Gateway {
    let grants = format!("{{ request-body = \"read\", crypto = true, secrets = {secrets} }}");
    let toml = [
        toml::LISTEN,
        "[secrets]\nused = { env = \"USED\" }\nweak = { env = \"SHORT\" }\nshown = { file = \"shown.txt\" }\n\
         other = { env = \"OTHER\" }\n",
        &plugin_with("c", "cryptic", &grants, ""),
        &handled("[\"c\"]"),
    ];
    let setup =
        Setup::new(&toml.concat()).env("USED", LONG).env("SHORT", "Jefe").env("OTHER", "not for c");
    setup.file("shown.txt", "shown text\n").start().await
}

const BOTH: &str = "{ use = [\"used\", \"weak\"], reveal = [\"shown\"] }";

/// As long as the longest digest.
const LONG: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

async fn order(gateway: &Gateway, order: Value) -> Value {
    let answer = gateway.client().post("/a", order.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn digests_and_macs() {
    let gateway = cryptic(BOTH).await;
    let abc = |algorithm| json!({ "do": "digest", "algorithm": algorithm, "data": "616263" });
    // FIPS 180-2, appendix B.1.
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(order(&gateway, abc("sha256")).await["ok"], sha256);
    for (algorithm, length) in [("sha384", 96), ("sha512", 128)] {
        let digest = order(&gateway, abc(algorithm)).await;
        assert_eq!(digest["ok"].as_str().map(str::len), Some(length));
    }
    // RFC 4231, 4.3: the key is "Jefe", the data "what do ya want for nothing?".
    let data = hex("what do ya want for nothing?");
    let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let hmac = async |key: Value| {
        let wanted = json!({ "do": "hmac", "algorithm": "sha256", "key": key, "data": data });
        order(&gateway, wanted).await
    };
    assert_eq!(hmac(json!({ "bytes": hex("Jefe") })).await["ok"], mac);
    let by_name = hmac(json!({ "secret": "used" })).await;
    assert_eq!(by_name, hmac(json!({ "bytes": hex(LONG) })).await);
    let weak = hmac(json!({ "secret": "weak" })).await["error"].to_string();
    assert!(weak.contains("has 4 bytes and needs 32"), "{weak}");
    for (a, b, same) in [("00", "00", true), ("00", "01", false), ("00", "0000", false)] {
        assert_eq!(order(&gateway, json!({ "do": "equal", "a": a, "b": b })).await["ok"], same);
    }
}

#[tokio::test]
async fn signatures() {
    let gateway = cryptic(BOTH).await;
    // RFC 8032, 7.1, test 2.
    let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                     085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    let verify = |data: &str, signature: &str| {
        json!({
            "do": "verify", "algorithm": "ed25519", "key": { "der": key },
            "data": data, "signature": signature,
        })
    };
    assert_eq!(order(&gateway, verify("72", signature)).await["ok"], true);
    assert_eq!(order(&gateway, verify("73", signature)).await["ok"], false);
    let forged = signature.replacen("92", "93", 1);
    assert_eq!(order(&gateway, verify("72", &forged)).await["ok"], false);
    assert_eq!(order(&gateway, verify("72", "")).await["ok"], false);
    let small = json!({
        "do": "verify", "algorithm": "rs256", "data": "72", "signature": "00",
        "key": { "modulus": "ff".repeat(128), "exponent": "010001" },
    });
    let error = order(&gateway, small).await["error"].to_string();
    assert!(error.contains("InvalidKey") && error.contains("2048"), "{error}");
}

#[tokio::test]
async fn a_secret_is_used_or_shown_as_it_is_granted() {
    let gateway = cryptic(BOTH).await;
    let reveal = |name: &str| json!({ "do": "reveal", "secret": name });
    let mac = |name: &str| json!({ "do": "hmac", "algorithm": "sha256", "key": { "secret": name }, "data": "00" });
    assert_eq!(order(&gateway, reveal("shown")).await["ok"], "shown text", "without the newline");
    for name in ["used", "other", "nothing"] {
        let error = order(&gateway, reveal(name)).await["error"].to_string();
        assert!(error.contains("denied"), "{name}: {error}");
    }
    assert!(order(&gateway, mac("used")).await["ok"].is_string());
    for name in ["shown", "other", "nothing"] {
        assert_eq!(order(&gateway, mac(name)).await["error"], "CryptoError::UnknownSecret");
    }
    let log = gateway.log().quote();
    for value in [LONG, "Jefe", "shown text", "not for c"] {
        assert!(!log.contains(value), "{log}");
    }
}

#[test]
fn a_secret_that_is_not_granted_cannot_be_named_in_the_settings() {
    let folder = TempDir::new().expect("a folder");
    let call = "config.calls = [{ to = \"service\", bearer = { secret = \"used\" } }]";
    let upstream = toml::upstream("service", "127.0.0.1:9001".parse().expect("an address"));
    for (grants, code) in [
        ("{ fetch = [\"service\"] }", 1),
        ("{ fetch = [\"service\"], secrets = { use = [\"used\"] } }", 0),
    ] {
        let secrets = "[secrets]\nused = { file = \"used.txt\" }\n";
        let fetcher = plugin_with("f", "fetcher", grants, call);
        let toml = [toml::LISTEN, secrets, &upstream, &fetcher, &handled("[\"f\"]")].concat();
        fs::write(folder.path().join("used.txt"), "s3cr3t").expect("writing the secret");
        fs::write(folder.path().join("gateway.toml"), toml).expect("writing the file");
        let said = torana(folder.path(), &["check", "gateway.toml"]).expect(code).text();
        assert!(!said.contains("s3cr3t"), "{said}");
        if code == 1 {
            assert!(said.contains("secrets = { use = [\"used\"] }"), "{said}");
        }
    }
}

/// What the echo sees after a plugin `setter` that sets these.
async fn attributes(grants: &str, set: &str) -> (u16, Value) {
    let names = ["setter.a", "consumer.id", "auth.claims", "echo.a", "a"];
    let setter = plugin_with("setter", "attribute-setter", grants, &format!("config.set = {set}"));
    let echo = plugin("echo", "echo", &format!("config.attributes = {}", json!(names)));
    let toml = [toml::LISTEN, &setter, &echo, &handled("[\"setter\", \"echo\"]")].concat();
    let gateway = Gateway::start(&toml).await;
    // All that a client could try.
    let mut asked = request("GET", "/a?consumer.id=root&setter.a=root");
    for name in ["consumer.id", "x-consumer-id", "auth.claims", "setter.a", "attributes"] {
        asked = asked.header(name, "root");
    }
    let answer = gateway.client().send(asked, "").await;
    let seen = answer.json()["attributes"].clone();
    (answer.status, seen)
}

#[tokio::test]
async fn attributes_go_from_plugin_to_plugin_and_never_come_from_clients() {
    let (status, seen) = attributes("{}", "{}").await;
    assert_eq!(status, 200);
    let values = seen.as_object().expect("an object");
    assert!(values.len() == 5 && values.values().all(Value::is_null), "{seen:#}");

    let (_, seen) = attributes("{}", "{ a = \"mine\" }").await;
    assert_eq!(seen["setter.a"], "mine");
    assert_eq!((&seen["a"], &seen["echo.a"]), (&Value::Null, &Value::Null), "of another plugin");
}

#[tokio::test]
async fn reserved_attributes_need_a_grant() {
    let set = "{ \"consumer.id\" = \"alice\" }";
    assert_eq!(attributes("{}", set).await.0, 500);
    assert_eq!(attributes("{ attributes = [\"auth.claims\"] }", set).await.0, 500);
    let (status, seen) = attributes("{ attributes = [\"consumer.id\"] }", set).await;
    assert_eq!((status, &seen["consumer.id"]), (200, &"alice".into()));
}

#[tokio::test]
async fn attributes_of_others_cannot_be_set() {
    for set in
        ["{ \"echo.a\" = \"x\" }", "{ \"setter.a\" = \"x\" }", "{ \"consumer.idd\" = \"x\" }"]
    {
        assert_eq!(attributes("{ attributes = [\"consumer.id\"] }", set).await.0, 500, "{set}");
    }
    for name in ["", "a b", "ä", &"a".repeat(65)] {
        let set = format!("{{ \"{name}\" = \"x\" }}");
        assert_eq!(attributes("{}", &set).await.0, 500, "{set}");
    }
    let large = format!("{{ a = \"{}\" }}", "x".repeat(65 << 10));
    assert_eq!(attributes("{}", &large).await.0, 500, "more than 64 KiB");
}

#[tokio::test]
async fn credentials_are_seen_by_those_who_may() {
    for (grants, names) in [
        ("{ request-body = \"read\" }", &[][..]),
        (
            "{ request-body = \"read\", headers = { read = [\"authorization\"] } }",
            &["authorization"],
        ),
        (
            "{ request-body = \"read\", headers = { read = [\"Cookie\", \"proxy-authorization\"] } }",
            &["cookie", "proxy-authorization"],
        ),
        ("{ request-body = \"read\", headers = { write = [\"cookie\"] } }", &[]),
    ] {
        let echo = plugin_with("echo", "echo", grants, "");
        let gateway = Gateway::start(&[toml::LISTEN, &echo, &handled("[\"echo\"]")].concat()).await;
        let mut asked = request("GET", "/a").header("x-plain", "seen");
        for name in ["authorization", "cookie", "proxy-authorization"] {
            asked = asked.header(name, "credential");
        }
        let seen = gateway.client().send(asked, "").await.json()["headers"].clone();
        assert_eq!(seen["x-plain"], json!(["seen"]));
        for name in ["authorization", "cookie", "proxy-authorization"] {
            assert_eq!(
                !seen[name].is_null(),
                names.contains(&name),
                "{grants}: {name} in {seen:#}"
            );
        }
    }
}

#[tokio::test]
async fn a_plugin_sees_the_request_as_it_came() {
    let echo = plugin("echo", "echo", "config.params = [\"id\"]");
    let more = "match = { path = \"/users/{id}/files\" }\nchain = [\"echo\"]";
    let gateway =
        Gateway::start(&[toml::LISTEN, &echo, &toml::route("files", more)].concat()).await;
    let asked =
        request("PUT", "/users/ada%20l/files?b=%2F&a").header("x-a", "1").header("x-a", "2");
    let answer = gateway.client().send(asked.header("host", "shop.example:80"), "hello").await;
    let seen = answer.json();
    for (name, expected) in [
        ("method", json!("PUT")),
        ("scheme", json!("http")),
        ("authority", json!("shop.example:80")),
        ("path", json!("/users/ada%20l/files")),
        ("query", json!("b=%2F&a")),
        ("version", json!("HTTP/1.1")),
        ("client", json!("127.0.0.1")),
        ("tls", Value::Null),
        ("route", json!("files")),
        ("id", json!(answer.header("x-request-id"))),
        ("params", json!({ "id": "ada l" })),
        ("body", json!({ "length": 5, "text": "hello" })),
    ] {
        assert_eq!(seen[name], expected, "{name} of {seen:#}");
    }
    assert_eq!(seen["headers"]["x-a"], json!(["1", "2"]));
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
