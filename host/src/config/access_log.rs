//! `[access_log]`.

use std::path::PathBuf;

use http::HeaderName;

use super::{
    Span,
    fault::{Fault, join, nearest, quote},
    grants::HIDDEN,
    keys::{Kind, Shape, key},
    table::Table,
};

/// `[access_log]`: one line of JSON for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLog {
    /// Where the path stands, or the table.
    pub span: Span,
    /// The file; standard output if not given.
    pub path: Option<PathBuf>,
    /// What a line says, in this order.
    pub fields: Vec<LogField>,
    /// Bytes that wait to be written before lines are dropped.
    pub buffer: u64,
}

/// One member of a line, named as it is written in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogField {
    /// One of [`PLAIN_FIELDS`].
    Plain(PlainField),
    /// `attributes.NAME`: what a plugin said of the exchange.
    Attribute(String),
    /// `param.NAME`: a parameter of the route's path.
    Param(String),
    /// `request_header.NAME`, as the client sent it or plugins changed it.
    RequestHeader(HeaderName),
    /// `response_header.NAME`, as the client got it.
    ResponseHeader(HeaderName),
}

/// A field without a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainField {
    /// When the head had arrived: RFC 3339, UTC, milliseconds.
    Time,
    /// The request id.
    RequestId,
    /// The trace that the request belongs to; null where nobody knows one.
    TraceId,
    /// The client's address, taken through trusted proxies.
    Client,
    /// The address of the connection's other end.
    Peer,
    /// The request's method.
    Method,
    /// `http` or `https`.
    Scheme,
    /// Host and port as the client named them.
    Host,
    /// The path, without the query.
    Path,
    /// The query. It may hold what nobody should read, so it is not among the defaults.
    Query,
    /// `HTTP/1.1`, `HTTP/2.0`.
    Protocol,
    /// The route's name; null if none was found.
    Route,
    /// The upstream that was called; null if none was.
    Upstream,
    /// The target of the upstream that answered, or that was tried last, as it is written; null if none was.
    Target,
    /// How many attempts there were to get an answer: targets that took no connection, retries and hedges are counted,
    /// and so is what was sent again on a new connection, for the kept one had been closed.
    Attempts,
    /// The status that the client got.
    Status,
    /// Bytes of the request's body that were read.
    RequestBytes,
    /// Bytes of the response's body that were sent.
    ResponseBytes,
    /// From the request's head to the end of the response, milliseconds.
    DurationMs,
    /// From calling the upstream to its response's head, milliseconds.
    UpstreamMs,
    /// Whether the whole response was sent.
    Complete,
    /// Why not: `client`, `upstream`, `idle`, `deadline`, `plugin` or `drain`; null if it was.
    Broken,
    /// What each plugin did: an array of plugin, hook, decision and microseconds.
    Plugins,
    /// All attributes, as an object.
    Attributes,
}

/// What [`PlainField`]s are called.
const PLAIN_FIELDS: [(&str, PlainField); 24] = [
    ("time", PlainField::Time),
    ("request_id", PlainField::RequestId),
    ("trace_id", PlainField::TraceId),
    ("client", PlainField::Client),
    ("peer", PlainField::Peer),
    ("method", PlainField::Method),
    ("scheme", PlainField::Scheme),
    ("host", PlainField::Host),
    ("path", PlainField::Path),
    ("query", PlainField::Query),
    ("protocol", PlainField::Protocol),
    ("route", PlainField::Route),
    ("upstream", PlainField::Upstream),
    ("target", PlainField::Target),
    ("attempts", PlainField::Attempts),
    ("status", PlainField::Status),
    ("request_bytes", PlainField::RequestBytes),
    ("response_bytes", PlainField::ResponseBytes),
    ("duration_ms", PlainField::DurationMs),
    ("upstream_ms", PlainField::UpstreamMs),
    ("complete", PlainField::Complete),
    ("broken", PlainField::Broken),
    ("plugins", PlainField::Plugins),
    ("attributes", PlainField::Attributes),
];

const DEFAULT_FIELDS: [&str; 18] = [
    "time",
    "request_id",
    "client",
    "method",
    "host",
    "path",
    "route",
    "attributes.consumer.id",
    "upstream",
    "target",
    "attempts",
    "status",
    "request_bytes",
    "response_bytes",
    "duration_ms",
    "complete",
    "broken",
    "plugins",
];

/// The table's keys.
pub(super) static ACCESS_LOG: Shape = Shape {
    id: "access_log",
    place: "[access_log]",
    about: "One line of JSON for each request, written when its response has ended. What came over HTTP/1.1 \
            and was refused as no request has a line too, with null for what it did not say.",
    keys: &[
        key(
            "path",
            Kind::Text("access.log"),
            "The file; standard output if not given. SIGHUP opens it again.",
        ),
        key(
            "fields",
            Kind::List(&Kind::Text("status")),
            "What a line says: time, request_id, trace_id, client, peer, method, scheme, host, path, query, \
             protocol, route, upstream, target, attempts, status, request_bytes, response_bytes, \
             duration_ms, upstream_ms, complete, broken, plugins, attributes, attributes.NAME, param.NAME, \
             request_header.NAME, response_header.NAME. `target` is the one of the upstream's that \
             answered, or that was tried last, and `attempts` how many there were: targets that take \
             no connection, retries and hedges count. `broken` is null, or why the response is not \
             complete: client, upstream, idle, deadline, plugin, drain. `trace_id` is among the \
             fields of a file with [traces] that does not say which.",
        ),
        key(
            "buffer",
            Kind::Size(64 << 10, 1 << 30),
            "What may wait to be written. When it is full, lines are dropped and counted: a slow \
             disk slows no request.",
        )
        .or("16MiB"),
    ],
};

/// Reads `[access_log]`.
pub(super) fn read(root: &Table<'_>) -> Option<AccessLog> {
    let table = root.get("access_log")?.table()?;
    let fields = match table.get("fields") {
        Some(list) => list.parsed_list(LogField::parse),
        None => defaults(root.has("traces")),
    };
    Some(AccessLog {
        span: table.span_of("path"),
        path: table.output_path("path"),
        fields,
        buffer: table.size("buffer"),
    })
}

fn defaults(are_traced: bool) -> Vec<LogField> {
    let mut fields: Vec<_> = DEFAULT_FIELDS.iter().flat_map(|name| LogField::parse(name)).collect();
    if are_traced {
        fields.insert(2, LogField::Plain(PlainField::TraceId));
    }
    fields
}

impl AccessLog {
    /// On standard output, with these fields and no others.
    pub(super) fn shown(fields: &[&str]) -> Self {
        let fields = fields.iter().filter_map(|name| LogField::parse(name).ok()).collect();
        Self { span: Span::default(), path: None, fields, buffer: 1 << 20 }
    }
}

impl LogField {
    fn parse(text: &str) -> Result<Self, Fault> {
        if let Some((_, field)) = PLAIN_FIELDS.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Plain(*field));
        }
        match text.split_once('.') {
            Some(("attributes", name)) if !name.is_empty() => Ok(Self::Attribute(name.to_owned())),
            Some(("param", name)) if !name.is_empty() => Ok(Self::Param(name.to_owned())),
            Some(("request_header", name)) => header(name).map(Self::RequestHeader),
            Some(("response_header", name)) => header(name).map(Self::ResponseHeader),
            _ => Err(unknown(text)),
        }
    }

    /// The member's name: what was written in the file.
    pub fn name(&self) -> String {
        match self {
            Self::Plain(field) => {
                let known = PLAIN_FIELDS.iter().find(|(_, known)| known == field);
                known.map(|(name, _)| *name).unwrap_or_default().to_owned()
            }
            Self::Attribute(name) => format!("attributes.{name}"),
            Self::Param(name) => format!("param.{name}"),
            Self::RequestHeader(name) => format!("request_header.{name}"),
            Self::ResponseHeader(name) => format!("response_header.{name}"),
        }
    }
}

/// Credentials in a log are read by whoever reads the log.
fn header(name: &str) -> Result<HeaderName, Fault> {
    let parsed: HeaderName = name.parse().map_err(|_| Fault::new("does not name a header"))?;
    match HIDDEN.contains(&parsed.as_str()) {
        false => Ok(parsed),
        true => Err(Fault::new("is a credential and is never logged")
            .help("log who it was: attributes.consumer.id")),
    }
}

fn unknown(text: &str) -> Fault {
    let names = || PLAIN_FIELDS.iter().map(|(name, _)| *name);
    let families = ["attributes.NAME", "param.NAME", "request_header.NAME", "response_header.NAME"];
    let help = match nearest(text, names()) {
        Some(name) => format!("did you mean {}?", quote(name)),
        None => format!("fields are {}", join(&names().chain(families).collect::<Vec<_>>(), "and")),
    };
    Fault::new("is not a field of the access log").help(help)
}
