//! `[upstreams.NAME]`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use super::{
    Diagnostic, Secrets, Span,
    fault::Fault,
    host,
    keys::{DAY, HOUR, Kind, Shape, key},
    table::{Name, Table},
    value::Value,
};

mod balance;
mod breaker;
mod host_field;
mod resolve;
mod sticky;
mod trouble;

pub use balance::{Balance, HashKey, Target};
pub(super) use balance::{HASH, hash_key};
pub use breaker::Breaker;
pub use host_field::HostField;
pub use resolve::Resolve;
pub use sticky::Sticky;
pub use trouble::{Eject, Hedge, Retries, RetryOn, UpstreamLimits};

/// One service and the places where it runs.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its name: the label in metrics and logs.
    pub name: Arc<str>,
    /// Where its table stands.
    pub span: Span,
    /// At least one.
    pub targets: Vec<Target>,
    /// Which of them is next.
    pub balance: Balance,
    /// TLS to the targets, if any.
    pub tls: Option<UpstreamTls>,
    /// Which HTTP the targets speak.
    pub protocol: Protocol,
    /// Which `Host` they get; none where the file does not say, and then it is the client's.
    pub host: Option<HostField>,
    /// Active health checks, if any.
    pub health: Option<HealthCheck>,
    /// Which requests are sent again, if any.
    pub retries: Option<Retries>,
    /// When a target is passed over for its failures, if ever.
    pub eject: Option<Eject>,
    /// What may be asked of it at a time.
    pub limits: UpstreamLimits,
    /// When nothing is asked of it for its failures, if ever.
    pub breaker: Option<Breaker>,
    /// How a client stays with its target, if it does.
    pub sticky: Option<Sticky>,
    /// How long a target that is new or healthy again takes to get its whole share.
    pub slow_start: Duration,
    /// When the targets' names are looked up again.
    pub resolve: Resolve,
    /// The DNS servers to ask, of `[dns]`; those of `/etc/resolv.conf` if there is none.
    pub dns: Arc<[SocketAddr]>,
    /// TCP (and TLS) connect.
    pub connect_timeout: Duration,
    /// From the request sent to the response head.
    pub head_timeout: Duration,
    /// From looking for a connection to the response head, for each attempt.
    pub try_timeout: Option<Duration>,
    /// Between two reads of a body.
    pub idle_timeout: Duration,
    /// How long an unused connection is kept; below the service's own keep-alive.
    pub keep_alive: Duration,
    /// Idle connections kept for each worker and target.
    pub keep_connections: usize,
}

/// `tls = true` or `tls = { ca, sni, cert, key }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// PEM file of roots; the system's where there is none.
    pub ca: Option<PathBuf>,
    /// The name to ask for and to verify; the target's host where there is none.
    pub sni: Option<String>,
    /// Client certificate (PEM chain) and key, for mutual TLS.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Which HTTP to speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    #[default]
    Http1,
    /// HTTP/2, by prior knowledge where there is no TLS.
    H2,
    /// By ALPN.
    Auto,
}

/// `health = { path = "/healthz", interval = "2s" }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What to GET; 2xx is healthy.
    pub path: String,
    /// Between two checks.
    pub interval: Duration,
    /// Longest wait for a reply.
    pub timeout: Duration,
    /// Failures in a row that take a target out.
    pub unhealthy_after: u32,
    /// Successes in a row that bring it back.
    pub healthy_after: u32,
}

/// The table's keys.
pub(super) static UPSTREAM: Shape = Shape {
    id: "upstream",
    place: "[upstreams.NAME]",
    about: "One service and the places where it runs.",
    keys: &[
        key(
            "targets",
            balance::TARGETS,
            "Where it runs: `host:port` of each instance, or a table with a `weight`. Requests are \
             spread over them.",
        )
        .required(),
        key(
            "balance",
            balance::BALANCE,
            "Which target is next. `round-robin`: they take turns by weight. `least-requests`: of \
             two that are drawn by weight, the one with fewer requests in flight. `peak-ewma`: of \
             two that are drawn by weight, the one that answers sooner: by how long its answers \
             took of late, times the requests that it has in flight. `hash`: always the same one \
             for the same `hash`, as long as it is fit.",
        )
        .or("round-robin"),
        key(
            "hash",
            balance::HASH,
            "What `balance = \"hash\"` hashes: the client's address, or one of a header, a cookie \
             and an attribute. Requests without it take turns.",
        ),
        key(
            "decay",
            Kind::Duration(100, HOUR),
            "How long `balance = \"peak-ewma\"` remembers a slow answer: by then a third of it is \
             left.",
        )
        .or("10s"),
        key(
            "tls",
            Kind::OneOf(&[Kind::Bool, Kind::Table(&UPSTREAM_TLS)]),
            "TLS to the targets: true, or a table with certificates and names of your own.",
        )
        .or("false"),
        key(
            "protocol",
            Kind::Choice(&["http/1.1", "h2", "auto"]),
            "Which HTTP the targets speak. `h2` without TLS is by prior knowledge, `auto` is by ALPN.",
        )
        .or("http/1.1"),
        key(
            "host",
            host_field::HOST,
            "Which `Host` the targets get. `client`: the one that the client asked for. `target`: \
             their own name and port, as virtual hosts and services of others want it. Or a name \
             that is always the same; health checks ask by it as well. `X-Forwarded-Host` is what \
             the client asked for in any case, and TLS goes by `tls.sni`.",
        )
        .or("client"),
        key("health", Kind::Table(&HEALTH), "Checks each target in the background, if given."),
        key("eject", Kind::Table(&trouble::EJECT), "Passes over targets that fail, if given."),
        key(
            "retries",
            Kind::Table(&trouble::RETRIES),
            "Sends requests again where that is safe, if given. Without, only targets that take no \
             connection and kept connections that were closed meanwhile are replaced.",
        ),
        key("limits", Kind::Table(&trouble::LIMITS), "What may be asked of it at a time."),
        key(
            "breaker",
            Kind::Table(&breaker::BREAKER),
            "Asks nothing of the upstream while too much of it fails, if given.",
        ),
        key(
            "slow_start",
            Kind::Duration(0, HOUR),
            "How long a target takes to get its whole share when a reload has brought it, or its \
             checks find it healthy again. It begins with a tenth.",
        )
        .or("0s"),
        key(
            "sticky",
            Kind::Table(&sticky::STICKY),
            "Keeps a client at its target by a cookie of the gateway's, if given.",
        ),
        key(
            "resolve",
            resolve::RESOLVE,
            "When the names of targets are looked up again. `ttl`: when the answer of DNS does not \
             hold any more, after 1s at the earliest and 30s at the latest; names that the system \
             knows and DNS does not, those of /etc/hosts as well, every 5s. Or an interval. \
             Connections to addresses that a name no longer has are not used again, new ones are \
             spread over all of its addresses. If nobody answers, the addresses stay. With \"0s\" \
             each new connection looks up the name, and kept ones stay.",
        )
        .or("ttl"),
        key("timeouts", Kind::Table(&TIMEOUTS), "How long to wait for a target."),
        key("keep_alive", Kind::Table(&KEEP_ALIVE), "Connections that wait for the next request."),
    ],
};

static UPSTREAM_TLS: Shape = Shape {
    id: "upstream_tls",
    place: "`tls` of [upstreams.NAME]",
    about: "TLS to the targets of an upstream.",
    keys: &[
        key("ca", Kind::Text("ca.pem"), "PEM file of roots; the system's if not given."),
        key(
            "sni",
            Kind::Text("catalog.internal"),
            "The name to ask for and to verify; the target's host if not given.",
        ),
        key("cert", Kind::Text("client.pem"), "PEM chain to show to the target; needs `key`."),
        key("key", Kind::Text("client.key"), "PEM file of the private key of `cert`."),
    ],
};

static HEALTH: Shape = Shape {
    id: "health",
    place: "`health` of [upstreams.NAME]",
    about: "Active health checks.",
    keys: &[
        key("path", Kind::Text("/healthz"), "What to GET; a 2xx reply is healthy.").required(),
        key("interval", Kind::Duration(100, HOUR), "Between two checks.").or("10s"),
        key("timeout", Kind::Duration(1, HOUR), "Longest wait for a reply.").or("2s"),
        key("unhealthy_after", Kind::Integer(1, 100), "Failures in a row that take a target out.")
            .or("3"),
        key("healthy_after", Kind::Integer(1, 100), "Successes in a row that bring it back.")
            .or("2"),
    ],
};

static TIMEOUTS: Shape = Shape {
    id: "upstream_timeouts",
    place: "`timeouts` of [upstreams.NAME]",
    about: "How long to wait for a target. A route's `timeout` holds beside them.",
    keys: &[
        key("connect", Kind::Duration(1, HOUR), "TCP and TLS connect.").or("5s"),
        key("head", Kind::Duration(1, DAY), "From the request sent to the head of the reply.")
            .or("60s"),
        key(
            "try",
            Kind::Duration(1, DAY),
            "From looking for a connection to the head of the reply, for each attempt; without \
             limit if not given. It does not hold while a body is streamed to the target.",
        ),
        key(
            "idle",
            Kind::Duration(1, DAY),
            "Between two reads of a body. A stream of events that is silent for longer breaks off: \
             its service sends a comment now and then, or this is raised, and the route's `timeout`.",
        )
        .or("60s"),
    ],
};

static KEEP_ALIVE: Shape = Shape {
    id: "keep_alive",
    place: "`keep_alive` of [upstreams.NAME]",
    about: "Connections that wait for the next request.",
    keys: &[
        key(
            "idle",
            Kind::Duration(0, DAY),
            "How long an unused connection is kept. Stay below the service's own keep-alive.",
        )
        .or("30s"),
        key(
            "connections",
            Kind::Integer(0, 100_000),
            "Idle connections for each worker and target.",
        )
        .or("64"),
    ],
};

/// Reads one `[upstreams.NAME]`.
pub(super) fn read(
    name: Name<'_>,
    table: &Table<'_>,
    secrets: &Secrets,
    dns: &Arc<[SocketAddr]>,
) -> Upstream {
    let slow_start = table.has("slow_start").then(|| table.duration("slow_start"));
    let (timeouts, keep_alive) = (table.sub("timeouts"), table.sub("keep_alive"));
    let upstream = Upstream {
        name: name.text.into(),
        span: table.span,
        targets: balance::targets(table),
        balance: balance::read(table),
        tls: table.get("tls").and_then(|value| tls(&value)),
        protocol: protocol(table.choice("protocol")),
        host: host_field::read(table),
        health: table.get("health").and_then(|value| health(&value.table()?)),
        retries: table.get("retries").and_then(|value| Some(trouble::retries(&value.table()?))),
        eject: table
            .get("eject")
            .and_then(|value| Some(trouble::eject(&value.table()?, slow_start))),
        limits: trouble::limits(&table.sub("limits")),
        breaker: table.get("breaker").and_then(|value| Some(breaker::read(&value.table()?))),
        sticky: table.get("sticky").and_then(|value| sticky::read(&value.table()?, secrets)),
        slow_start: slow_start.unwrap_or_default(),
        resolve: resolve::read(table),
        dns: dns.clone(),
        connect_timeout: timeouts.duration("connect"),
        head_timeout: timeouts.duration("head"),
        try_timeout: timeouts.has("try").then(|| timeouts.duration("try")),
        idle_timeout: timeouts.duration("idle"),
        keep_alive: keep_alive.duration("idle"),
        keep_connections: keep_alive.integer("connections") as usize,
    };
    if let Some(eject) = &upstream.eject
        && upstream.targets.len() * (eject.most as usize) < 100
    {
        let message = "`eject` ejects nobody: `most` of the targets is less than one";
        let problem = Diagnostic::warning(table.span_of("eject"), message);
        table.cx.report(problem.help("add a target, or raise `most`".to_owned()));
    }
    if upstream.targets.len() == 1 && upstream.retries.as_ref().is_some_and(|r| r.hedge.is_some()) {
        let message = "`hedge` does nothing: there is no other target";
        let problem = Diagnostic::warning(table.sub("retries").span_of("hedge"), message);
        table.cx.report(problem.help("add a target".to_owned()));
    }
    if upstream.protocol == Protocol::Auto && upstream.tls.is_none() {
        let message = "`protocol = \"auto\"` needs TLS: it is negotiated in the handshake (ALPN)";
        let problem = Diagnostic::error(table.span_of("protocol"), message).label("without `tls`");
        table
            .cx
            .report(problem.help("write \"http/1.1\" or \"h2\", or add `tls = true`".to_owned()));
    }
    upstream
}

fn tls(value: &Value<'_>) -> Option<UpstreamTls> {
    if !value.is_table() {
        return value.bool().then(UpstreamTls::default);
    }
    Some(certificates(&value.table()?))
}

/// What both sides of TLS to a service go by: roots, the name, and our own certificate.
pub(super) fn certificates(table: &Table<'_>) -> UpstreamTls {
    let identity = match (table.has("cert"), table.has("key")) {
        (true, true) => table.path("cert").zip(table.path("key")),
        (false, false) => None,
        (has_cert, _) => {
            let (there, missing) = if has_cert { ("cert", "key") } else { ("key", "cert") };
            let message = format!("`{there}` is nothing without `{missing}`");
            let problem = Diagnostic::error(table.span_of(there), message);
            table.cx.report(problem.help(format!("add `{missing}`, a PEM file")));
            None
        }
    };
    UpstreamTls { ca: table.path("ca"), sni: table.parse("sni", host::host), identity }
}

fn protocol(written: &str) -> Protocol {
    match written {
        "h2" => Protocol::H2,
        "auto" => Protocol::Auto,
        _ => Protocol::Http1,
    }
}

fn health(table: &Table<'_>) -> Option<HealthCheck> {
    Some(HealthCheck {
        path: table.parse("path", health_path)?,
        interval: table.duration("interval"),
        timeout: table.duration("timeout"),
        unhealthy_after: table.integer("unhealthy_after") as u32,
        healthy_after: table.integer("healthy_after") as u32,
    })
}

fn health_path(text: &str) -> Result<String, Fault> {
    let fault = || Fault::new("is not a path to request");
    if text.contains("://") {
        return Err(fault().help("the targets are known: write the path alone, \"/healthz\""));
    }
    if !text.starts_with('/') {
        return Err(fault().help(format!("write \"/{text}\"")));
    }
    text.parse::<http::uri::PathAndQuery>()
        .map(|_| text.to_owned())
        .map_err(|_| fault().help("write it percent-encoded"))
}
