//! A service that runs in several places: how requests are spread over them, and what is done when
//! some fail.

mod spreading;
mod trouble;

use std::fmt::Write as _;

use torana_tests::{Backend, reply, toml};

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

fn plain(backends: &[&Backend]) -> Vec<String> {
    backends.iter().map(|backend| format!("\"{}\"", backend.address())).collect()
}
