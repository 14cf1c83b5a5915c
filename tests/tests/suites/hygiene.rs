//! httplint: responses that pass, and those that the gateway and its plugins make.

use std::fs;

use http::HeaderValue;
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, RawConnection, Unused, raw, reply, toml, within,
};

use crate::suite::{Score, objects, script, text};

/// What it says of every 400.
const KNOWN: &str = "The server didn't understand the request.";

#[tokio::test]
async fn responses_break_no_rule() {
    let service = Backend::start(|_| {
        let mut answer = reply(200, "{\"a\":1}");
        for (name, value) in [("content-type", "application/json"), ("cache-control", "max-age=60")]
        {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    // Whoever asks the other one keeps it busy.
    let (asked, mut is_asked) = tokio::sync::mpsc::unbounded_channel();
    let busy = RawBackend::start(move |mut connection: RawConnection| {
        let asked = asked.clone();
        async move {
            connection.head().await;
            let _ = asked.send(());
            connection.rest().await;
        }
    })
    .await;
    let gateway = Gateway::start(&configuration(&service, &busy)).await;
    let mut waiting = Raw::connect(gateway.address("public")).await;
    waiting.write("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n").await;
    within("the service to be busy", is_asked.recv()).await.expect("it runs");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = script("lint.py");
    for (path, status) in [
        ("/plain", 200),
        ("/translated", 200),
        ("/limited", 200),
        ("/nowhere", 404),
        ("/locked", 401),
        ("/a%2Fb", 400),
        ("/busy", 503),
        ("/dead", 502),
    ] {
        let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n");
        let answer = raw(gateway.address("public"), ask + "Connection: close\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        let file = folder.path().join(format!("{status} {}", path.replace('/', "")));
        fs::write(&file, answer).expect("a file");
        command.arg(file);
    }
    let notes = objects(command).await;
    let mut score = Score::of("httplint");
    for note in &notes {
        let (name, level, summary) =
            (text(note, "name"), text(note, "level"), text(note, "summary"));
        let is_wrong = ["WARN", "BAD"].contains(&level) && summary != KNOWN;
        score.count(name, if is_wrong { Err(format!("[{level}] {summary}")) } else { Ok(()) });
    }
    let count = notes.len();
    score.expect(count, count, "notes on 8 responses; 1 warns, that a 400 is one (stand-ins: 1-2)");
}

fn configuration(service: &Backend, busy: &RawBackend) -> String {
    let dead = Unused::new();
    let plugins = r#"
[plugins.translate]
component = "xml-json"
grants = { request-edit = true, response-edit = true, request-body = "read-write", response-body = "read-write" }

[plugins.quota]
component = "quota"
grants = { rate-limit = true, response-edit = true }
config = { key = "client.address", limit = { limit = "100/1h" } }

[plugins.keys]
component = "api-key"
grants = { request-edit = true, attributes = ["consumer.id"] }
config.consumers = [{ id = "acme", keys = ["sha256:ACMEacme:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE"] }]
"#;
    let route = |name: &str, upstream: &str, chain: &str| {
        let matched = format!("match = {{ path = \"/{name}\" }}\nupstream = \"{upstream}\"\n");
        toml::route(name, &format!("{matched}chain = {chain}"))
    };
    [
        toml::LISTEN,
        &toml::upstream("service", service.address()),
        &toml::upstream("busy", busy.address()),
        "limits = { in_flight = 1 }\n",
        &toml::upstream("dead", dead.address()),
        plugins,
        &route("plain", "service", "[]"),
        &route("translated", "service", "[\"translate\"]"),
        &route("limited", "service", "[\"quota\"]"),
        &route("locked", "service", "[\"keys\"]"),
        &route("busy", "busy", "[]"),
        &route("dead", "dead", "[]"),
    ]
    .concat()
}
