//! `grants`: what the TOML lets a plugin do beyond what all may do.

mod narrow;

pub(super) use narrow::{narrow, widened};

use std::{net::IpAddr, sync::Arc};

use super::{
    Diagnostic, Span,
    context::Context,
    fault::{Fault, join, nearest, quote},
    host,
    keys::{Kind, Shape, key},
    table::Table,
    value::Value,
};

/// What the TOML lets a plugin do beyond what all may do (wit/README.md). Everything is denied
/// unless it stands here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Grants {
    /// Where `grants` stands; the entry's own span where there is none.
    pub span: Span,
    /// Hidden headers that may be read, lower case.
    pub headers_read: Vec<String>,
    /// Hidden headers that may be written, lower case.
    pub headers_write: Vec<String>,
    /// `request-edit`
    pub request_edit: bool,
    /// `response-edit`
    pub response_edit: bool,
    /// `request-body`
    pub request_body: BodyGrant,
    /// `response-body`
    pub response_body: BodyGrant,
    /// `kv`
    pub kv: Option<KvGrant>,
    /// `rate-limit`
    pub rate_limit: bool,
    /// `fetch`: where it may call.
    pub fetch: Vec<FetchGrant>,
    /// `fetch` is there; an empty list lets a plugin import it and call nobody.
    pub fetch_named: bool,
    /// `crypto`
    pub crypto: bool,
    /// Secrets that may be used by name.
    pub secrets_use: Vec<String>,
    /// Secrets whose text may be read.
    pub secrets_reveal: Vec<String>,
    /// Reserved attributes that may be written.
    pub attributes: Vec<String>,
    /// WASI 0.2 with an empty context.
    pub wasi: bool,
}

/// How much of a body a plugin may touch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BodyGrant {
    /// Nothing.
    #[default]
    None,
    /// `"read"`
    Read,
    /// `"read-write"`
    ReadWrite,
}

/// `kv = true` or `kv = { max_bytes = "16MiB", shared = false }`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KvGrant {
    /// Cap of the namespace in bytes, keys and values together.
    pub max_bytes: u64,
    /// Whether it lives in the shared store.
    pub shared: bool,
}

impl Default for KvGrant {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, shared: false }
    }
}

/// One place that a plugin may call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FetchGrant {
    /// An upstream of this file, by name.
    Upstream(Arc<str>),
    /// `scheme://host[:port]`
    Origin {
        /// Whether it is called over TLS.
        https: bool,
        /// Lower case; an IPv6 address without brackets.
        host: String,
        /// The port, the scheme's own if none was written.
        port: u16,
        /// Set when the host is an address: only then may it be a private one.
        address: Option<IpAddr>,
    },
}

/// Headers that a plugin sees only if it is granted (wit/types.wit): they carry credentials.
pub(super) const HIDDEN: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// Attributes that decide trust (wit/attributes.wit).
const RESERVED: [&str; 4] = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];

const NAMES: Kind = Kind::List(&Kind::Text("NAME"));
const HEADER_NAMES: Kind = Kind::List(&Kind::Text("authorization"));
const BODY: Kind = Kind::Choice(&["read", "read-write"]);

/// The table's keys.
pub(super) static GRANTS: Shape = Shape {
    id: "grants",
    place: "`grants`",
    about: "What the plugin may do beyond what all may do. Nothing that is not written here.",
    keys: &[
        key(
            "fetch",
            Kind::List(&Kind::Text("https://idp.example")),
            "Where it may call: names of upstreams, and origins (`https://idp.example`).",
        ),
        key("crypto", Kind::Bool, "Signatures, HMAC and digests by the host's library.")
            .or("false"),
        key(
            "kv",
            Kind::OneOf(&[Kind::Bool, Kind::Table(&KV)]),
            "A key-value store of its own: true, or a table.",
        )
        .or("false"),
        key("rate-limit", Kind::Bool, "Counters that say whether something may happen now.")
            .or("false"),
        key("request-edit", Kind::Bool, "Change the request's head on its way to the upstream.")
            .or("false"),
        key("response-edit", Kind::Bool, "Change the response's head on its way to the client.")
            .or("false"),
        key("request-body", BODY, "Read the request's body, or read and change it."),
        key("response-body", BODY, "Read the response's body, or read and change it."),
        key(
            "headers",
            Kind::Table(&HEADERS),
            "Hidden headers: authorization, cookie, proxy-authorization and set-cookie.",
        ),
        key("secrets", Kind::Table(&SECRETS), "Entries of [secrets] that the plugin may touch."),
        key(
            "attributes",
            Kind::List(&Kind::Text("consumer.id")),
            "Reserved attributes that it may write: consumer.id, consumer.tier, auth.scopes, \
             auth.claims.",
        ),
        key("wasi", Kind::Bool, "WASI 0.2 with an empty context: no files, sockets, environment.")
            .or("false"),
    ],
};

static KV: Shape = Shape {
    id: "kv",
    place: "`kv` of `grants`",
    about: "A key-value store of the plugin's own.",
    keys: &[
        key("max_bytes", Kind::Size(1 << 10, 1 << 40), "Cap of keys and values together.")
            .or("16MiB"),
        key(
            "shared",
            Kind::Bool,
            "Keep it in the shared store, where other gateways see it (and can write it).",
        )
        .or("false"),
    ],
};

static HEADERS: Shape = Shape {
    id: "grant_headers",
    place: "`headers` of `grants`",
    about: "Hidden headers that the plugin may touch.",
    keys: &[
        key("read", HEADER_NAMES, "Hidden headers that it may read."),
        key("write", HEADER_NAMES, "Hidden headers that it may set, add or remove."),
    ],
};

static SECRETS: Shape = Shape {
    id: "grant_secrets",
    place: "`secrets` of `grants`",
    about: "Entries of [secrets] that the plugin may touch.",
    keys: &[
        key("use", NAMES, "Used by name, in `crypto` and `fetch`: the plugin never sees the text."),
        key("reveal", NAMES, "The plugin may read the text."),
    ],
};

/// Reads the `grants` of a `[plugins.NAME]`.
pub(super) fn read(table: &Table<'_>) -> Grants {
    let (headers, secrets) = (table.sub("headers"), table.sub("secrets"));
    Grants {
        span: table.span,
        headers_read: header_names(&headers, "read"),
        headers_write: header_names(&headers, "write"),
        request_edit: table.bool("request-edit"),
        response_edit: table.bool("response-edit"),
        request_body: body(table, "request-body"),
        response_body: body(table, "response-body"),
        kv: kv(table, &KvGrant::default()),
        rate_limit: table.bool("rate-limit"),
        fetch: parsed(table, "fetch", |text| fetch(table.cx, text)),
        fetch_named: table.has("fetch"),
        crypto: table.bool("crypto"),
        secrets_use: secret_names(&secrets, "use"),
        secrets_reveal: secret_names(&secrets, "reveal"),
        attributes: parsed(table, "attributes", attribute),
        wasi: table.bool("wasi"),
    }
}

fn parsed<T: PartialEq>(
    table: &Table<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<T> {
    table.get(key).map(|value| value.parsed_list(parse)).unwrap_or_default()
}

fn body(table: &Table<'_>, key: &str) -> BodyGrant {
    let Some(value) = table.get(key) else { return BodyGrant::None };
    match value.choice() {
        "read-write" => BodyGrant::ReadWrite,
        _ => BodyGrant::Read,
    }
}

fn kv(table: &Table<'_>, base: &KvGrant) -> Option<KvGrant> {
    let value = table.get("kv")?;
    if !value.is_table() {
        return value.bool().then(|| base.clone());
    }
    let kv = value.table()?;
    let max_bytes = if kv.has("max_bytes") { kv.size("max_bytes") } else { base.max_bytes };
    let shared = if kv.has("shared") { kv.bool("shared") } else { base.shared };
    Some(KvGrant { max_bytes, shared })
}

fn header_names(headers: &Table<'_>, key: &str) -> Vec<String> {
    let names = parsed(headers, key, |text| {
        http::HeaderName::from_bytes(text.as_bytes())
            .map(|name| name.as_str().to_owned())
            .map_err(|_| Fault::new("is not a header name"))
    });
    for name in names.iter().filter(|name| !HIDDEN.contains(&name.as_str())) {
        let message = format!("{} needs no grant: only hidden headers do", quote(name));
        let problem = Diagnostic::warning(headers.span_of(key), message);
        headers.cx.report(problem.help(format!("hidden are {}", join(&HIDDEN, "and"))));
    }
    names
}

fn secret_names(secrets: &Table<'_>, key: &str) -> Vec<String> {
    let cx = secrets.cx;
    let mut names = Vec::new();
    for text in secrets.list(key).iter().filter_map(Value::text) {
        cx.names.secrets.mark(&text.text);
        if !cx.names.secrets.has(&text.text) {
            cx.report(cx.names.secrets.unknown_text(&text));
        }
        names.push(text.text.into_owned());
    }
    names
}

fn attribute(text: &str) -> Result<String, Fault> {
    if RESERVED.contains(&text) {
        return Ok(text.to_owned());
    }
    let fault = Fault::new("is not a reserved attribute");
    Err(match nearest(text, RESERVED) {
        Some(near) => fault.help(format!("did you mean \"{near}\"?")),
        None => fault.help(format!(
            "reserved are {}; a plugin's own attributes need no grant",
            join(&RESERVED, "and")
        )),
    })
}

/// With a scheme it is an origin, without one the name of an upstream.
fn fetch(cx: &Context, text: &str) -> Result<FetchGrant, Fault> {
    let upstreams = &cx.names.upstreams;
    if let Some((scheme, rest)) = text.split_once("://") {
        let (https, host, port) = host::origin(scheme, rest)?;
        let address = host.parse().ok();
        return Ok(FetchGrant::Origin { https, host, port, address });
    }
    if upstreams.has(text) {
        upstreams.mark(text);
        return Ok(FetchGrant::Upstream(text.into()));
    }
    let fault = Fault::new("is not an upstream of this file");
    Err(match upstreams.nearest(text) {
        Some(near) => fault.help(format!("did you mean {}?", quote(near))),
        None if text.contains(['.', ':']) => {
            fault.help(format!("for an origin write its scheme: \"https://{text}\""))
        }
        None => fault.help(format!("add [upstreams.{text}], or write an origin, https://...")),
    })
}
