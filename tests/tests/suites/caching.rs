//! http-cache-tests (cache-tests.fyi): the `cache` plugin in front of the suite's own service.
//!
//! It has requirements of the RFCs (`required`), what the best caches do (`optimal`), and questions without a right answer
//! (`check`), which are not counted. Its results of others, as they come with it, are beside the scores.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use torana_tests::{Gateway, toml};

use crate::suite::{Score, objects, package, program, text};

const PACKAGE: &str = "http-cache-tests-0.4.5";
const SCRIPT: &str = "caching.mjs";

#[tokio::test]
async fn a_cache_that_holds_bodies_keeps_to_the_rules() {
    let cases = played("whole").await;
    score("HTTP cache, held, required", &cases, "required").expect(
        165,
        HELD.0,
        "others: 100 to 141",
    );
    score("HTTP cache, held, optimal", &cases, "optimal").expect(95, HELD.1, "others: 44 to 60");
}

#[tokio::test]
async fn a_cache_that_lets_bodies_pass_keeps_to_the_rules() {
    let cases = played("stream").await;
    score("HTTP cache, required", &cases, "required").expect(165, PASSING.0, "others: 100 to 141");
    score("HTTP cache, optimal", &cases, "optimal").expect(95, PASSING.1, "others: 44 to 60");
}

/// What passes at least, of required and of optimal cases: one less than does, for in some of them time passes.
const HELD: (usize, usize) = (153, 74);
const PASSING: (usize, usize) = (155, 74);

/// The cases, with what is wrong with each.
async fn played(gather: &str) -> Vec<Value> {
    let service = Service::start();
    let gateway = Gateway::start(&configuration(service.address, gather)).await;
    let base = format!("http://{}", gateway.address("public"));
    let mut command = program("node");
    command.arg(script()).arg(package(PACKAGE)).args(["run", &base]);
    objects(command).await
}

/// Nothing but the cache on its route. Cookies are kept and lifetimes guessed, for the suite wants it so.
fn configuration(service: SocketAddr, gather: &str) -> String {
    let plugin = format!(
        r#"
[plugins.cache]
component = "cache"
limits = {{ cpu = "15s" }}
grants = {{ kv = true, request-edit = true, response-edit = true, response-body = "read", headers = {{ read = ["authorization", "set-cookie"], write = ["set-cookie"] }} }}
config = {{ set_cookie = "keep", guess = "1d", gather = "{gather}" }}
"#
    );
    let route = toml::route("all", &format!("{}\nchain = [\"cache\"]", toml::ALL));
    let upstream = toml::upstream("service", service);
    [toml::LISTEN, &upstream, &plugin, &route].concat()
}

fn score(suite: &'static str, cases: &[Value], kind: &str) -> Score {
    let mut score = Score::of(suite);
    for case in cases.iter().filter(|case| text(case, "kind") == kind) {
        let wrong = case["wrong"].as_str().map(str::to_owned);
        score.count(text(case, "id"), wrong.map_or(Ok(()), Err));
    }
    score
}

fn script() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suites/read").join(SCRIPT)
}

/// The suite's own service. It ends with its stdin, and so with this.
struct Service {
    address: SocketAddr,
    child: Child,
}

impl Service {
    fn start() -> Self {
        let mut command = Command::new("node");
        command.arg(script()).arg(package(PACKAGE)).arg("serve");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node is needed");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line with the port");
        let ready: Value = serde_json::from_str(&line).expect("an object");
        let port = ready["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
        Self { address: (Ipv4Addr::LOCALHOST, port).into(), child }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
