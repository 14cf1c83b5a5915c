//! Autobahn's WebSocket cases, by kosoku, through an upgrade to a service that echoes: nothing of a
//! connection may be changed, held back or ended by the gateway.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use torana_tests::{Gateway, toml};

use crate::suite::{Score, objects, package, script, text};

/// Fails against the service itself as well: messages of 4 MiB in fragments of 64 bytes.
const SLOW: &str = "9.3.1 9.4.1";
/// For the other test.
const COMPRESSED: &str = "12.* 13.*";
/// A thousand messages each, up to 1 KiB. Larger ones take minutes; those of 13.2 and 13.5 to 13.7 that
/// are left out stop in kosoku itself ("Strings must be encoded before hashing").
const SMALL: &str = "12.1.1 12.1.2 12.1.3 12.1.4 12.2.1 12.2.2 12.2.3 12.2.4 12.3.1 12.3.2 12.3.3 12.3.4 \
    12.4.1 12.4.2 12.4.3 12.4.4 12.5.1 12.5.2 12.5.3 12.5.4 13.1.1 13.1.2 13.1.3 13.1.4 \
    13.2.4 13.3.1 13.3.2 13.3.3 13.3.4 13.4.1 13.4.2 13.4.3 13.4.4 13.5.4 13.6.4 13.7.4";

#[tokio::test]
async fn websockets_pass_as_if_there_were_no_gateway() {
    let results = results("*", &format!("{SLOW} {COMPRESSED}")).await;
    let (limits, core): (Vec<_>, Vec<_>) =
        results.iter().partition(|result| text(result, "id").starts_with("9."));
    score("Autobahn, core", &core).expect(247, 247, "as nginx, haproxy and Caddy");
    score("Autobahn, limits", &limits).expect(52, 52, "2 fail without a gateway, too");
}

#[tokio::test]
async fn compressed_messages_pass_as_they_are() {
    let results = results(SMALL, "").await;
    let all: Vec<_> = results.iter().collect();
    score("Autobahn, compression", &all).expect(36, 36, "of 216: small messages");
}

async fn results(wanted: &str, left_out: &str) -> Vec<Value> {
    let echo = Echo::start();
    let more = "upgrade = [\"websocket\"]\n";
    let gateway = Gateway::start(&toml::proxy_with(echo.address, more)).await;
    let mut command = script("websocket.py");
    command.arg(format!("ws://{}", gateway.address("public"))).args([wanted, left_out]);
    objects(command).await
}

fn score(suite: &'static str, results: &[&Value]) -> Score {
    let mut score = Score::of(suite);
    for result in results {
        let passed = result["passed"].as_bool().expect("a verdict");
        let outcome = if passed { Ok(()) } else { Err(text(result, "why").to_owned()) };
        score.count(text(result, "id"), outcome);
    }
    score
}

/// `ws` of npm.
struct Echo {
    child: Child,
    address: SocketAddr,
}

impl Echo {
    fn start() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suites/read/echo.mjs");
        let mut command = Command::new("node");
        command.arg(path).arg(package("ws-8.23.0")).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node");
        let (mut line, output) = (String::new(), child.stdout.take().expect("a pipe"));
        BufReader::new(output).read_line(&mut line).expect("its port");
        let port: u16 = line.trim().parse().expect("a port");
        Self { child, address: ([127, 0, 0, 1], port).into() }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
