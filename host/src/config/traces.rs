//! `[traces]`.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, uri::PathAndQuery};

use super::{
    Diagnostic, Span,
    fault::{Fault, quote},
    header, is_credential,
    keys::{HOUR, Kind, Shape, key},
    table::Table,
    units,
};
use crate::fields::Fields;

/// `[traces]`: spans of requests, plugins and services, for an OpenTelemetry collector.
#[derive(Debug, Clone)]
pub struct Traces {
    /// Where the table stands.
    pub span: Span,
    /// The upstream that takes them.
    pub upstream: Arc<str>,
    /// The path to POST to.
    pub path: PathAndQuery,
    /// How many of a million requests are traced that nobody has decided on.
    pub sample: u32,
    /// Whose decision is followed.
    pub follow: Follow,
    /// What the gateway is called in traces.
    pub service: String,
    /// What else all its spans say of it.
    pub resource: Vec<(String, String)>,
    /// What requests to the collector carry. Their values are marked as sensitive.
    pub headers: Fields,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// Bytes of spans that wait, or are under way, before others are dropped.
    pub queue: u64,
    /// How long spans wait for others to go with.
    pub interval: Duration,
    /// How long the collector may take for an answer.
    pub timeout: Duration,
}

#[cfg(test)]
impl Traces {
    /// Those of a file that says no more than it must.
    pub(crate) fn usual() -> Self {
        Self {
            span: Span::default(),
            upstream: "collector".into(),
            path: PathAndQuery::from_static("/v1/traces"),
            sample: 1_000_000,
            follow: Follow::Trusted,
            service: "torana".to_owned(),
            resource: Vec::new(),
            headers: Fields::new(),
            gzip: false,
            queue: 16 << 20,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Whose `traceparent` decides whether a request is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Every caller's.
    Always,
    /// That of the listener's `trusted_proxies`.
    Trusted,
    /// Nobody's.
    Never,
}

/// The table's keys.
pub(super) static TRACES: Shape = Shape {
    id: "traces",
    place: "[traces]",
    about: "Spans of requests, of each plugin's call and of each attempt at a service, sent to an OpenTelemetry \
            collector over OTLP/HTTP.",
    keys: &[
        key(
            "upstream",
            Kind::Text("collector"),
            "The upstream that takes them; its TLS, checks, breaker and limits hold.",
        )
        .required(),
        key("path", Kind::Text("/v1/traces"), "The path to POST to.").or("/v1/traces"),
        key(
            "sample",
            Kind::Text("5%"),
            "How many requests are traced, of those whose caller has not decided: \"100%\", \"5%\", \"0.01%\".",
        )
        .or("100%"),
        key(
            "follow",
            Kind::Choice(&["trusted", "always", "never"]),
            "Whose decision in `traceparent` holds: that of the listener's `trusted_proxies`, of every \
             caller, or of none. A caller who decides can have each of its requests traced. The trace \
             itself goes on in any case.",
        )
        .or("trusted"),
        key("service", Kind::Text("shop-gateway"), "`service.name` of the gateway's spans.")
            .or("torana"),
        key(
            "resource",
            Kind::Map("deployment.environment.name", &Kind::Text("production")),
            "Other attributes of the gateway, on all its spans.",
        ),
        key(
            "headers",
            Kind::Map("authorization", &Kind::Text("Bearer ...")),
            "Header fields for the collector; credentials as `{ env = \"...\" }` or `{ file = \"...\" }`.",
        ),
        key("gzip", Kind::Bool, "Compress what is sent.").or("false"),
        key(
            "queue",
            Kind::Size(64 << 10, 1 << 30),
            "What may wait to be taken. When it is full, spans are dropped and counted: a slow collector \
             slows no request.",
        )
        .or("16MiB"),
        key(
            "interval",
            Kind::Duration(10, 60_000),
            "How long spans wait for others that go with them.",
        )
        .or("1s"),
        key("timeout", Kind::Duration(10, HOUR), "How long the collector may take for an answer.")
            .or("10s"),
    ],
};

/// Reads `[traces]`.
pub(super) fn read(root: &Table<'_>) -> Option<Traces> {
    let table = root.get("traces")?.table()?;
    let upstreams = &root.cx.names.upstreams;
    let upstream = table.text("upstream")?;
    upstreams.mark(&upstream.text);
    if !upstreams.has(&upstream.text) {
        root.cx.report(upstreams.unknown_text(&upstream));
    }
    Some(Traces {
        span: table.span,
        upstream: upstream.text.as_ref().into(),
        path: table.parse("path", path).unwrap_or_else(|| PathAndQuery::from_static("/v1/traces")),
        sample: table.parse("sample", units::millionths).unwrap_or(1_000_000),
        follow: match table.choice("follow") {
            "always" => Follow::Always,
            "never" => Follow::Never,
            _ => Follow::Trusted,
        },
        service: table.parse("service", service).unwrap_or_else(|| "torana".to_owned()),
        resource: resource(&table),
        headers: headers(&table),
        gzip: table.bool("gzip"),
        queue: table.size("queue"),
        interval: table.duration("interval"),
        timeout: table.duration("timeout"),
    })
}

fn path(text: &str) -> Result<PathAndQuery, Fault> {
    let fault = || Fault::new("is not a path");
    if let Some((_, rest)) = text.split_once("://") {
        let path = rest.find('/').map_or("/v1/traces", |slash| &rest[slash..]);
        return Err(fault().help(format!("the upstream says where: write \"{path}\"")));
    }
    if !text.starts_with('/') {
        return Err(fault().help(format!("write \"/{text}\"")));
    }
    if text.contains('#') {
        let help = "leave out what begins with `#`: it is not sent";
        return Err(Fault::new("has a fragment").help(help));
    }
    text.parse().map_err(|_| fault().help("what is no letter, digit or `-._~/` is percent-encoded"))
}

fn service(text: &str) -> Result<String, Fault> {
    match text.trim() {
        "" => Err(Fault::new("is no name").help("leave it out for \"torana\"")),
        name => Ok(name.to_owned()),
    }
}

/// Values may come from the environment: where a gateway runs is often known there.
fn resource(table: &Table<'_>) -> Vec<(String, String)> {
    let entries = table.get("resource").map(|value| value.entries()).unwrap_or_default();
    let pair = |(name, value): (super::table::Name<'_>, super::value::Value<'_>)| {
        if name.text == "service.name" {
            let problem = Diagnostic::error(name.span, "`service.name` has a key of its own");
            table.cx.report(problem.help("write it as `service`".to_owned()));
        }
        Some((name.text.to_owned(), value.text()?.text.into_owned()))
    };
    entries.into_iter().filter_map(pair).collect()
}

/// What says how a body is sent, which we do.
const OWN: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "te",
    "transfer-encoding",
];

fn headers(table: &Table<'_>) -> Fields {
    let mut headers = Fields::new();
    for (written, value) in table.get("headers").map(|value| value.entries()).unwrap_or_default() {
        let parsed = value.parse(header::value);
        let is_credential = |value: &HeaderValue| value.to_str().is_ok_and(is_credential);
        if value.outside().is_none() && parsed.as_ref().is_some_and(is_credential) {
            let message =
                "a credential cannot stand in this file, which is read, copied and committed";
            let help = "write `{ env = \"VARIABLE\" }` or `{ file = \"/run/secrets/...\" }`";
            table.cx.report(Diagnostic::error(value.span, message).help(help.to_owned()));
        }
        match (header::name(written.text, &OWN), parsed) {
            // TOML tells apart what is one name here.
            (Ok(name), _) if headers.contains(&name) => {
                let message = format!("{} stands twice", quote(name.as_str()));
                table.cx.report(Diagnostic::error(written.span, message).label("the second one"));
            }
            (Ok(name), Some(mut value)) => {
                value.set_sensitive(true);
                headers.append(name, value);
            }
            (Ok(_), None) => {}
            (Err(fault), _) => {
                let message = format!("{} {}", quote(written.text), fault.what);
                table.cx.report(Diagnostic::error(written.span, message).help(fault.help));
            }
        }
    }
    headers
}
