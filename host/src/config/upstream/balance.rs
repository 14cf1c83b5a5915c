//! `targets`, `balance`, `hash` and `decay`: how requests are spread.

use std::time::Duration;

use http::HeaderName;

use super::super::{
    Diagnostic, Span,
    fault::Fault,
    host,
    keys::{Kind, Shape, key},
    table::Table,
    value::Value,
};

/// One instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where it stands.
    pub span: Span,
    /// A name or an address (IPv6 without brackets).
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its share of the requests, against the others' weights.
    pub weight: u32,
}

/// Which target is next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Balance {
    /// They take turns.
    #[default]
    RoundRobin,
    /// The less busy one of two that are drawn.
    LeastRequests,
    /// The one of two that are drawn that answers sooner, by what is known of both.
    PeakEwma {
        /// How long a slow answer is remembered: by then a third of it is left.
        decay: Duration,
    },
    /// The same one for the same key, as long as it is fit.
    Hash(HashKey),
}

/// What `balance = "hash"` hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address.
    Client,
    /// The first value of a request header.
    Header(HeaderName),
    /// A cookie of the request.
    Cookie(String),
    /// An attribute that a plugin has set.
    Attribute(String),
}

/// What may stand in `targets`.
pub(super) const TARGETS: Kind =
    Kind::List(&Kind::OneOf(&[Kind::Text("127.0.0.1:9001"), Kind::Table(&TARGET)]));

static TARGET: Shape = Shape {
    id: "target",
    place: "a target of [upstreams.NAME]",
    about: "One instance of a service.",
    keys: &[
        key("address", Kind::Text("127.0.0.1:9001"), "Its host and port.").required(),
        key(
            "weight",
            Kind::Integer(1, 1000),
            "Its share of the requests, against the weights of the others.",
        )
        .or("1"),
    ],
};

/// What may stand for `balance`.
pub(super) const BALANCE: Kind =
    Kind::Choice(&["round-robin", "least-requests", "peak-ewma", "hash"]);

/// What may stand for `hash`.
pub(in super::super) const HASH: Kind =
    Kind::OneOf(&[Kind::Choice(&["client"]), Kind::Table(&HASH_KEY)]);

static HASH_KEY: Shape = Shape {
    id: "hash_key",
    place: "`hash` of [upstreams.NAME], `split_by` of [[routes]]",
    about: "What is hashed; one of these.",
    keys: &[
        key("header", Kind::Text("x-session"), "A header of the request; its first value counts."),
        key("cookie", Kind::Text("session"), "A cookie of the request."),
        key("attribute", Kind::Text("consumer.id"), "An attribute that a plugin has set."),
    ],
};

/// Reads `targets`.
pub(super) fn targets(table: &Table<'_>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for value in table.list("targets") {
        let Some(target) = target(&value) else { continue };
        if targets.iter().any(|known| known.host == target.host && known.port == target.port) {
            table.cx.report(
                Diagnostic::warning(value.span, "this target stands twice").label("the second one"),
            );
        }
        targets.push(target);
    }
    if table.get("targets").is_some_and(|value| value.is_empty_list()) {
        let problem = Diagnostic::error(table.span_of("targets"), "an upstream needs a target");
        table.cx.report(problem.label("empty").help("write targets = [\"host:port\"]".to_owned()));
    }
    targets
}

fn target(value: &Value<'_>) -> Option<Target> {
    let span = value.span;
    if !value.is_table() {
        let (host, port) = value.parse(host::target)?;
        return Some(Target { span, host, port, weight: 1 });
    }
    let table = value.table()?;
    let (host, port) = table.parse("address", host::target)?;
    Some(Target { span, host, port, weight: table.integer("weight") as u32 })
}

/// Reads `balance` and what belongs to it.
pub(super) fn read(table: &Table<'_>) -> Balance {
    let (balance, key) = (table.choice("balance"), table.get("hash"));
    if balance != "peak-ewma"
        && let Some(decay) = table.get("decay")
    {
        let message = "`decay` means nothing without `balance = \"peak-ewma\"`";
        table.cx.report(Diagnostic::error(decay.span, message));
    }
    match (balance, key) {
        ("hash", Some(key)) => hash_key(&key, "hash").map(Balance::Hash).unwrap_or_default(),
        ("hash", None) => {
            let message = "`balance = \"hash\"` needs `hash`, which says what is hashed";
            let problem = Diagnostic::error(table.span_of("balance"), message);
            table.cx.report(
                problem.help("add hash = \"client\", or hash = { header = \"...\" }".to_owned()),
            );
            Balance::RoundRobin
        }
        (other, key) => {
            if let Some(key) = key {
                let message = "`hash` means nothing without `balance = \"hash\"`";
                table.cx.report(Diagnostic::error(key.span, message));
            }
            match other {
                "least-requests" => Balance::LeastRequests,
                "peak-ewma" => Balance::PeakEwma { decay: table.duration("decay") },
                _ => Balance::RoundRobin,
            }
        }
    }
}

/// Reads what is hashed; `name` is the key that it stands for.
pub(in super::super) fn hash_key(value: &Value<'_>, name: &str) -> Option<HashKey> {
    if !value.is_table() {
        value.choice();
        return Some(HashKey::Client);
    }
    let table = value.table()?;
    let there: Vec<_> =
        ["header", "cookie", "attribute"].into_iter().filter(|name| table.has(name)).collect();
    match there[..] {
        ["header"] => table.parse("header", header).map(HashKey::Header),
        ["cookie"] => table.parse("cookie", token).map(HashKey::Cookie),
        ["attribute"] => table.parse("attribute", attribute).map(HashKey::Attribute),
        _ => {
            let message = format!("`{name}` has one key: `header`, `cookie` or `attribute`");
            table.cx.report(Diagnostic::error(value.span, message));
            None
        }
    }
}

fn header(text: &str) -> Result<HeaderName, Fault> {
    text.parse().map_err(|_| Fault::new("is not a header name"))
}

/// RFC 6265, 4.1.1: a cookie's name is a token, as a header's is.
pub(super) fn token(text: &str) -> Result<String, Fault> {
    let is_token = HeaderName::from_bytes(text.as_bytes()).is_ok();
    if is_token { Ok(text.to_owned()) } else { Err(Fault::new("is not the name of a cookie")) }
}

fn attribute(text: &str) -> Result<String, Fault> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(Fault::new("is not the name of an attribute")) }
}
