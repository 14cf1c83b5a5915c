//! `[store]`.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use super::{
    Diagnostic, Secrets, Span, UpstreamTls,
    fault::{Fault, quote},
    keys::{Kind, Shape, key},
    secrets::{SECRET_REFERENCE, reference},
    table::Table,
    upstream,
    value::Value,
};

mod url;

/// `[store]`: where plugins' counters and shared keys are.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// Where its table stands, or the files for TLS.
    pub span: Span,
    /// Redis; the memory of the process where there is none.
    pub redis: Option<Redis>,
}

/// `kind = "redis"`.
#[derive(Clone, PartialEq, Eq)]
pub struct Redis {
    /// Where it listens.
    pub address: RedisAddress,
    /// TLS to it, if any.
    pub tls: Option<UpstreamTls>,
    /// Who we are there; its default user where there is none.
    pub user: Option<String>,
    /// The password. Its secret's value.
    pub password: Option<Arc<str>>,
    /// The number of the database.
    pub database: u32,
    /// What every key begins with.
    pub prefix: String,
    /// Whose counters are asked for each decision.
    pub exact: Exact,
    /// Between two rounds in which the other counters are merged.
    pub sync: Duration,
    /// Longest wait of a request.
    pub timeout: Duration,
    /// What becomes of decisions when Redis does not answer.
    pub on_failure: OnFailure,
}

/// A place where Redis listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisAddress {
    /// Host (IPv6 without brackets) and port.
    Tcp(String, u16),
    /// The path of a socket.
    Unix(PathBuf),
}

/// `exact`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exact {
    /// Every plugin's counters, or none's.
    All(bool),
    /// Those of some entries of `[plugins]`.
    Plugins(Vec<String>),
}

/// What becomes of decisions when Redis does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// Each gateway counts for itself.
    Local,
    /// The plugin gets an error.
    Deny,
}

impl Exact {
    /// Whether an entry's counters are exact.
    pub fn holds_for(&self, plugin: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Plugins(names) => names.iter().any(|name| name == plugin),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The table's keys.
pub(super) static STORE: Shape = Shape {
    id: "store",
    place: "[store]",
    about: "Where plugins' counters and shared keys are: in the memory of this process, or in a \
            Redis or Valkey that several gateways share.",
    keys: &[
        key(
            "kind",
            Kind::Choice(&["memory", "redis"]),
            "Where they are; `redis` is Valkey as well.",
        )
        .or("memory"),
        key(
            "url",
            Kind::Text("redis://redis.internal:6379"),
            "Where Redis is: `redis://` or (over TLS) `rediss://USER@HOST:PORT/DATABASE`, of which \
             only the host is needed, or `unix:///PATH`.",
        ),
        key("password", SECRET_REFERENCE, "The user's password."),
        key("tls", Kind::Table(&STORE_TLS), "Certificates and names of your own for `rediss://`."),
        key("prefix", Kind::Text("torana:"), "What every key in Redis begins with.").or("torana:"),
        key(
            "sync",
            Kind::Duration(1, 60_000),
            "How often counters are merged with those of other gateways; in between each decides \
             for itself. With n gateways that get r requests a second each for one key, at most \
             (n - 1) * r * 2 * (sync + round trip) pass above a limit.",
        )
        .or("5ms"),
        key(
            "exact",
            Kind::OneOf(&[Kind::Bool, Kind::List(&Kind::Text("limits"))]),
            "Ask Redis for each decision, a round trip that the request waits for: true, or the \
             plugins whose limits are worth it.",
        )
        .or("false"),
        key("timeout", Kind::Duration(1, 60_000), "Longest wait of a request for Redis.")
            .or("100ms"),
        key(
            "on_failure",
            Kind::Choice(&["local", "deny"]),
            "When Redis does not answer: `local` goes on counting in this gateway alone, `deny` \
             tells the plugin that its counters are not available.",
        )
        .or("local"),
    ],
};

static STORE_TLS: Shape = Shape {
    id: "store_tls",
    place: "`tls` of [store]",
    about: "TLS to Redis.",
    keys: &[
        key("ca", Kind::Text("ca.pem"), "PEM file of roots; the system's if not given."),
        key(
            "sni",
            Kind::Text("redis.internal"),
            "The name to ask for and to verify; the host of `url` if not given.",
        ),
        key("cert", Kind::Text("client.pem"), "PEM chain to show to Redis; needs `key`."),
        key("key", Kind::Text("client.key"), "PEM file of the private key of `cert`."),
    ],
};

/// Reads `[store]`.
pub(super) fn read(root: &Table<'_>, secrets: &Secrets) -> Store {
    let Some(table) = root.get("store").and_then(|value| value.table()) else {
        return Store::default();
    };
    let redis = match table.choice("kind") {
        "redis" => redis(&table, secrets),
        _ => None,
    };
    if !table.has("kind") {
        refuse_keys_of_redis(&table);
    }
    let span = if table.has("tls") { table.span_of("tls") } else { table.span };
    Store { span, redis }
}

fn redis(table: &Table<'_>, secrets: &Secrets) -> Option<Redis> {
    let password = password(table, secrets);
    let tls = table.get("tls").and_then(|value| Some(upstream::certificates(&value.table()?)));
    let prefix = table.parse("prefix", prefix).unwrap_or_else(|| "torana:".to_owned());
    let exact = exact(table);
    let (sync, timeout) = (table.duration("sync"), table.duration("timeout"));
    let on_failure = match table.choice("on_failure") {
        "deny" => OnFailure::Deny,
        _ => OnFailure::Local,
    };
    let url = url::read(table)?;
    if tls.is_some() && !url.tls {
        let message = "`tls` is for a `url` that begins with rediss://";
        let problem = Diagnostic::error(table.span_of("tls"), message).label("not over TLS");
        table.cx.report(problem.help("write rediss://, and Redis's TLS port".to_owned()));
    }
    Some(Redis {
        address: url.address,
        tls: url.tls.then(|| tls.unwrap_or_default()),
        user: url.user,
        password,
        database: url.database,
        prefix,
        exact,
        sync,
        timeout,
        on_failure,
    })
}

fn refuse_keys_of_redis(table: &Table<'_>) {
    for key in STORE.keys.iter().filter(|key| table.has(key.name)) {
        let message = format!("{} does nothing in a store in memory", quote(key.name));
        let problem = Diagnostic::error(table.span_of(key.name), message);
        table.cx.report(problem.help("add kind = \"redis\", or take it out".to_owned()));
    }
}

fn password(table: &Table<'_>, secrets: &Secrets) -> Option<Arc<str>> {
    let value = table.get("password")?;
    // A secret that could not be read has been reported where it stands.
    let bytes = secrets.0.get(&reference(&value)?)?;
    let text = std::str::from_utf8(bytes).ok();
    if text.is_none() {
        let message = "this secret cannot be a password: it is not UTF-8";
        table.cx.report(Diagnostic::error(value.span, message));
    }
    text.map(Arc::from)
}

fn exact(table: &Table<'_>) -> Exact {
    let Some(value) = table.get("exact").filter(|value| !value.is_bool()) else {
        return Exact::All(table.bool("exact"));
    };
    if value.outside().is_some() {
        return Exact::All(value.bool());
    }
    let plugins = &table.cx.names.plugins;
    let known = |item: Value<'_>| {
        let name = item.text()?;
        if !plugins.has(&name.text) {
            table.cx.report(plugins.unknown_text(&name));
        }
        Some(name.text.into_owned())
    };
    Exact::Plugins(value.list().into_iter().filter_map(known).collect())
}

fn prefix(text: &str) -> Result<String, Fault> {
    if text.len() > 64 || text.chars().any(char::is_control) {
        return Err(Fault::new("is not a prefix").help("at most 64 characters that can be printed"));
    }
    Ok(text.to_owned())
}
