//! A service that runs in several places: how requests are spread over them, and what is done when
//! some fail.

mod breaker;
mod goodbye;
mod hedging;
mod hosts;
mod keep_alive;
mod latency;
mod names;
mod numbers;
mod spreading;
mod sticky;
mod trouble;

use std::fmt::Write as _;

use torana_tests::{Backend, Gateway, reply, toml};

/// A service that answers with its own name.
async fn named(name: &'static str) -> Backend {
    Backend::start(move |_| reply(200, name)).await
}

/// Everything there is goes to these targets. `more` is about the upstream.
fn proxy(targets: &[String], more: &str) -> String {
    let mut upstream = "\n[upstreams.service]\n".to_owned();
    let _ = writeln!(upstream, "targets = [{}]\n{more}", targets.join(", "));
    // One worker: its turns are the gateway's.
    let listen = toml::LISTEN.replace("workers = 2", "workers = 1");
    [&listen, &upstream, &toml::route("all", toml::ALL)].map(String::as_str).concat()
}

/// The value of a metric with all its labels.
async fn metric(gateway: &Gateway, name: &str) -> String {
    let all = gateway.admin().get("/metrics").await;
    let line = all.text().lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {}", all.text())).trim().to_owned()
}

fn plain(backends: &[&Backend]) -> Vec<String> {
    backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect()
}
