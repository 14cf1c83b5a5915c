//! `[[routes]]`: what is matched, what runs, where it goes.

use std::{sync::Arc, time::Duration};

use super::{
    Diagnostic, PluginUse, Span,
    chain::{CHAIN, Library},
    context::Context,
    fault::{Fault, nearest, quote},
    host,
    keys::{DAY, Kind, Shape, key},
    names::{self, Registry},
    path,
    table::Table,
    value::{Text, Value},
};

/// One route, checked.
#[derive(Debug, Clone)]
pub struct Route {
    /// The label in metrics, logs and audit. Required, unique.
    pub name: Arc<str>,
    /// Where `name` stands.
    pub span: Span,
    /// What it answers to.
    pub matcher: Match,
    /// Where `match` stands.
    pub match_span: Span,
    /// The plugins in order, without the listeners' own: those are in `Listener::chain`.
    pub chain: Vec<PluginUse>,
    /// Name of the default upstream. None where the chain ends in a handler.
    pub upstream: Option<Arc<str>>,
    /// Other upstreams that a plugin may choose.
    pub alternatives: Vec<Arc<str>>,
    /// From the request head to the end of the response.
    pub timeout: Duration,
    /// The path that is forwarded.
    pub rewrite: Rewrite,
    /// Largest request body that is forwarded, bytes.
    pub max_body: u64,
    /// Protocols that a connection may become, lower case: `websocket`.
    pub upgrade: Vec<String>,
    /// Where `upgrade` stands.
    pub upgrade_span: Span,
    /// How long such a connection may be silent.
    pub upgrade_idle: Duration,
    /// Nobody has to say who he is.
    pub public: bool,
}

/// Which requests a route takes. Empty lists mean any.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// Names of listeners.
    pub listen: Vec<Arc<str>>,
    /// `shop.example` or `*.shop.example`, lower case.
    pub hosts: Vec<String>,
    /// `/a/{id}/b`, `/files/{*rest}`.
    pub path: String,
    /// Upper case. `GET` includes HEAD.
    pub methods: Vec<String>,
    /// Every one must hold.
    pub headers: Vec<Condition>,
    /// Every one must hold.
    pub query: Vec<Condition>,
}

/// `x-beta = true` (present), `x-beta = "1"` (equal).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Header name in lower case, or query parameter.
    pub name: String,
    /// None: it is enough that it is there.
    pub value: Option<String>,
}

/// What becomes of the path on its way to the upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rewrite {
    /// Forwarded as received.
    #[default]
    None,
    /// `strip = "/api"`: this prefix is taken off.
    Strip(String),
    /// `rewrite = "/v2/{id}"`: a template of the route's parameters.
    Template(String),
}

/// The table's keys.
pub(super) static ROUTE: Shape = Shape {
    id: "route",
    place: "[[routes]]",
    about: "What is matched, what runs, where it goes.",
    keys: &[
        key("name", Kind::Text("product-details"), "The label in metrics, logs and audit; unique.")
            .required(),
        key("match", Kind::Table(&MATCH), "Which requests the route takes.").required(),
        key(
            "chain",
            CHAIN,
            "The plugins in order: a name, \"@NAME\" for a chain, or a plugin with changes.",
        ),
        key(
            "upstream",
            Kind::Text("catalog"),
            "Where requests go; left out where a plugin of the chain makes the reply.",
        ),
        key(
            "alternatives",
            Kind::List(&Kind::Text("catalog-v2")),
            "Other upstreams that a plugin may choose.",
        ),
        key("timeout", Kind::Duration(1, DAY), "From the request's head to the end of the reply.")
            .or("60s"),
        key("strip", Kind::Text("/api"), "A prefix to take off the path before it is forwarded."),
        key(
            "rewrite",
            Kind::Text("/v2/{id}"),
            "The path to forward, with parameters of `match.path`; the query stays.",
        ),
        key(
            "max_body",
            Kind::Size(0, 1 << 50),
            "Largest request body. It streams, so it costs no memory; a plugin that needs the \
             whole body has `limits.body`.",
        )
        .or("1GiB"),
        key(
            "upgrade",
            Kind::List(&Kind::Text("websocket")),
            "Protocols that a connection may become: its heads pass the chain, and what follows \
             passes unseen.",
        ),
        key("upgrade_idle", Kind::Duration(1, DAY), "How long such a connection may be silent.")
            .or("10m"),
        key(
            "public",
            Kind::Bool,
            "It is meant to have no authenticating plugin: `check` does not warn of it.",
        )
        .or("false"),
    ],
};

static MATCH: Shape = Shape {
    id: "match",
    place: "`match` of [[routes]]",
    about: "Which requests a route takes. All that is given must hold.",
    keys: &[
        key(
            "path",
            Kind::Text("/products/{id}"),
            "The path: `/a/{id}` for one segment, `/files/{*rest}` for all that follows.",
        )
        .required(),
        key(
            "methods",
            Kind::List(&Kind::Text("GET")),
            "Methods, in upper case; GET includes HEAD. Any if not given.",
        ),
        key(
            "hosts",
            Kind::List(&Kind::Text("shop.example")),
            "Hosts, `shop.example` or `*.shop.example`. Any if not given.",
        ),
        key("headers", CONDITIONS, "Headers that must be there (true) or have a value."),
        key("query", CONDITIONS, "Query parameters that must be there (true) or have a value."),
        key("listen", Kind::List(&Kind::Text("public")), "Names of listeners. Any if not given."),
    ],
};

const CONDITIONS: Kind = Kind::Map("x-beta", &Kind::OneOf(&[Kind::Bool, Kind::Text("the value")]));

/// Methods that are registered with IANA and in use.
const METHODS: [&str; 21] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "QUERY",
    "COPY",
    "LOCK",
    "MKCOL",
    "MOVE",
    "PROPFIND",
    "PROPPATCH",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "LINK",
    "UNLINK",
];

/// Reads every `[[routes]]`.
pub(super) fn read<'a>(root: &Table<'a>, library: &Library<'a>) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for value in root.list("routes") {
        let Some(route) = value.table().map(|table| one(&table, library)) else { continue };
        if let Some(first) =
            routes.iter().find(|first| first.name == route.name && !first.name.is_empty())
        {
            let line = root.cx.source.position(first.span.start).0;
            let message = format!("there are two routes {}", quote(&route.name));
            let problem = Diagnostic::error(route.span, message);
            root.cx.report(problem.label(format!("the first one is in line {line}")));
        }
        routes.push(route);
    }
    routes
}

fn one<'a>(table: &Table<'a>, library: &Library<'a>) -> Route {
    let cx = table.cx;
    let rules = table.get("match").and_then(|value| value.table());
    let (matcher, parameters) = rules.as_ref().map(matcher).unwrap_or_default();
    let route = Route {
        name: table.parse("name", name).unwrap_or_default().into(),
        span: table.span_of("name"),
        match_span: table.span_of("match"),
        chain: table.get("chain").map(|value| library.chain(&value)).unwrap_or_default(),
        upstream: table.text("upstream").map(|text| refer(cx, &cx.names.upstreams, text)),
        alternatives: references(table, "alternatives", &cx.names.upstreams),
        timeout: table.duration("timeout"),
        rewrite: rewrite(table, &matcher.path, parameters.as_deref()),
        max_body: table.size("max_body"),
        upgrade: table.get("upgrade").map(|value| value.parsed_list(protocol)).unwrap_or_default(),
        upgrade_span: table.span_of("upgrade"),
        upgrade_idle: table.duration("upgrade_idle"),
        public: table.bool("public"),
        matcher,
    };
    check_destination(table, &route);
    route
}

fn name(text: &str) -> Result<String, Fault> {
    names::check(text, true).map(|()| text.to_owned())
}

/// A token (RFC 9110, 7.8), of which the case means nothing.
fn protocol(text: &str) -> Result<String, Fault> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+".contains(&byte);
    let name = text.to_ascii_lowercase();
    match name.as_str() {
        "h2c" | "http/2.0" => Err(Fault::new("would take requests past the chain").help(
            "clients may speak HTTP/2 \
                from the first byte on",
        )),
        "" => Err(Fault::new("is not a protocol").help("write \"websocket\"")),
        _ if !name.bytes().all(token) => {
            Err(Fault::new("is not a protocol").help("write \"websocket\""))
        }
        _ => Ok(name),
    }
}

/// Somebody must answer.
fn check_destination(table: &Table<'_>, route: &Route) {
    if table.has("upstream") {
        return;
    }
    if !table.has("chain") || table.get("chain").is_some_and(|value| value.is_empty_list()) {
        let message = "nothing answers this route: it has neither an upstream nor a plugin";
        let help = "add upstream = \"NAME\", or a chain whose last plugin makes the reply";
        table.cx.report(Diagnostic::error(route.span, message).help(help.to_owned()));
    }
    if table.has("alternatives") {
        let message = "`alternatives` needs an `upstream`, for when no plugin chooses";
        table.cx.report(Diagnostic::error(table.span_of("alternatives"), message));
    }
}

/// The rules and the names of the path's parameters, if the path is one.
fn matcher(table: &Table<'_>) -> (Match, Option<Vec<String>>) {
    let cx = table.cx;
    let path = table.text("path").map(|text| text.text.into_owned()).unwrap_or_default();
    let parameters = table.parse("path", path::route_path);
    let hosts = table.get("hosts").map(|value| value.parsed_list(host::pattern));
    let methods = table.get("methods").map(|value| value.parsed_list(method));
    let matcher = Match {
        listen: references(table, "listen", &cx.names.listeners),
        hosts: hosts.unwrap_or_default(),
        path,
        methods: methods.unwrap_or_default(),
        headers: conditions(table, "headers", header_name),
        query: conditions(table, "query", |name| Ok(name.to_owned())),
    };
    check_methods(table, &matcher.methods);
    for key in ["hosts", "methods", "listen"] {
        check_not_empty(table, key);
    }
    (matcher, parameters)
}

/// An empty list could be read as "none" as well as "any".
fn check_not_empty(table: &Table<'_>, key: &str) {
    if table.get(key).is_some_and(|value| value.is_empty_list()) {
        let problem = Diagnostic::error(table.span_of(key), format!("`{key}` is empty"));
        table.cx.report(problem.help(format!("leave `{key}` out to match any")));
    }
}

fn method(text: &str) -> Result<String, Fault> {
    let fault = Fault::new("is not a method");
    if text == "*" {
        return Err(fault.help("leave `methods` out to match any"));
    }
    if http::Method::from_bytes(text.as_bytes()).is_err() {
        return Err(fault);
    }
    if text.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(fault.help(format!("methods are in upper case: \"{}\"", text.to_uppercase())));
    }
    Ok(text.to_owned())
}

/// A method may be anybody's invention, but `PSOT` hardly is.
fn check_methods(table: &Table<'_>, methods: &[String]) {
    for method in methods.iter().filter(|method| !METHODS.contains(&method.as_str())) {
        if let Some(near) = nearest(method, METHODS) {
            let message = format!("{} is an unusual method", quote(method));
            let problem = Diagnostic::warning(table.span_of("methods"), message);
            table.cx.report(problem.help(format!("did you mean \"{near}\"?")));
        }
    }
}

fn conditions(
    table: &Table<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<String, Fault>,
) -> Vec<Condition> {
    let mut conditions: Vec<Condition> = Vec::new();
    for (written, value) in table.get(key).map(|value| value.entries()).unwrap_or_default() {
        let name = parse(written.text).unwrap_or_else(|fault| {
            let message = format!("{} {}", quote(written.text), fault.what);
            table.cx.report(Diagnostic::error(written.span, message).help(fault.help));
            String::new()
        });
        if conditions.iter().any(|known| known.name == name && !name.is_empty()) {
            let message = format!("{} stands twice", quote(&name));
            table.cx.report(Diagnostic::error(written.span, message).label("the second one"));
        }
        conditions.push(Condition { name, value: condition(&value) });
    }
    conditions
}

fn condition(value: &Value<'_>) -> Option<String> {
    if !value.is_bool() {
        return value.text().map(|text| text.text.into_owned());
    }
    if !value.bool() {
        let message = "that something is missing cannot be matched";
        let help = "write true (it is there) or a string; a more specific route is tried first";
        value.cx.report(Diagnostic::error(value.span, message).help(help.to_owned()));
    }
    None
}

fn header_name(text: &str) -> Result<String, Fault> {
    let name = http::HeaderName::from_bytes(text.as_bytes());
    let name = name.map_err(|_| Fault::new("is not a header name"))?;
    if name == http::header::HOST {
        return Err(Fault::new("is matched elsewhere").help("write hosts = [\"shop.example\"]"));
    }
    Ok(name.as_str().to_owned())
}

fn references(table: &Table<'_>, key: &str, registry: &Registry) -> Vec<Arc<str>> {
    let values = table.list(key);
    let texts = values.iter().filter_map(Value::text);
    texts.map(|text| refer(table.cx, registry, text)).collect()
}

fn refer(cx: &Context, registry: &Registry, text: Text<'_>) -> Arc<str> {
    registry.mark(&text.text);
    if !registry.has(&text.text) {
        cx.report(registry.unknown_text(&text));
    }
    text.text.as_ref().into()
}

fn rewrite(table: &Table<'_>, path: &str, parameters: Option<&[String]>) -> Rewrite {
    if table.has("strip") && table.has("rewrite") {
        let message = "`strip` and `rewrite` both say what is forwarded";
        let problem = Diagnostic::error(table.span_of("rewrite"), message).label("take one out");
        table.cx.report(problem.help("`rewrite` alone can do both".to_owned()));
    }
    // Without a path there is nothing to hold them against.
    let Some(parameters) = parameters else { return Rewrite::None };
    let strip = |text: &str| path::strip(text, path).map(|()| Rewrite::Strip(text.to_owned()));
    let template =
        |text: &str| path::rewrite(text, parameters).map(|()| Rewrite::Template(text.to_owned()));
    let (strip, template) = (table.parse("strip", strip), table.parse("rewrite", template));
    template.or(strip).unwrap_or_default()
}
