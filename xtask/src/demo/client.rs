//! Sends a README's request. No curl is needed; what it would print is shown the same.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use ureq::{
    Agent,
    http::{self, HeaderMap},
};

use crate::demo::curl::Request;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Bytes of the body, as it came.
    pub(crate) size: usize,
    /// From the start, connecting included, to the last byte.
    pub(crate) took: Duration,
}

impl Reply {
    /// The three digits.
    pub(crate) fn status(&self) -> &str {
        self.status_line.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether the status is one of success.
    pub(crate) fn is_success(&self) -> bool {
        self.status().starts_with('2')
    }

    /// A header's values.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| value.as_str())
    }
}

/// As `curl -i` prints it.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status_line)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

/// Sends a request to each of its URLs.
pub(crate) fn send(request: &Request) -> Result<Vec<Reply>> {
    request.urls.iter().map(|url| send_to(url, request)).collect()
}

/// Sends a request over a connection of its own, as every call of curl does.
fn send_to(url: &str, request: &Request) -> Result<Reply> {
    let mut builder = http::Request::builder().method(request.method.as_str()).uri(url);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let agent = agent(Duration::from_secs(30));
    let start = Instant::now();
    let reply = match &request.body {
        Some(body) => agent.run(builder.body(body.as_slice())?),
        None => agent.run(builder.body(())?),
    };
    let mut reply = reply.with_context(|| format!("{} {url}", request.method))?;
    let body = reply.body_mut().read_to_vec().context("reading the reply's body")?;
    Ok(Reply {
        status_line: format!("{:?} {}", reply.version(), reply.status()),
        headers: shown(reply.headers()),
        body: String::from_utf8_lossy(&body).into_owned(),
        size: body.len(),
        took: start.elapsed(),
    })
}

/// Whether a GET of `url` is answered with 200, soon.
pub(crate) fn is_ok(url: &str) -> bool {
    agent(Duration::from_secs(1)).get(url).call().is_ok_and(|reply| reply.status() == 200)
}

/// A client that hides nothing: errors and redirects are replies like others.
fn agent(timeout: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .allow_non_standard_methods(true)
        // A proxy set for this machine's way out has no part in talking to itself.
        .proxy(None)
        .user_agent("curl")
        .timeout_global(Some(timeout))
        .build()
        .into()
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), shown(value))).collect()
}
