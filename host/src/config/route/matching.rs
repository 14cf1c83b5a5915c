//! `match`: which requests a route takes.

use std::sync::Arc;

use super::{
    super::{
        Diagnostic,
        fault::{Fault, nearest, quote},
        host,
        keys::{Kind, Shape, key},
        path,
        table::Table,
        value::Value,
    },
    references,
};

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

impl Match {
    /// The names of the path's parameters, in order; none of a path that is not sound.
    pub fn params(&self) -> Vec<String> {
        path::route_path(&self.path).unwrap_or_default()
    }
}

/// `x-beta = true` (present), `x-beta = "1"` (equal).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Header name in lower case, or query parameter.
    pub name: String,
    /// None: it is enough that it is there.
    pub value: Option<String>,
}

/// The table's keys.
pub(super) static MATCH: Shape = Shape {
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

/// What may stand for conditions.
pub(super) const CONDITIONS: Kind =
    Kind::Map("x-beta", &Kind::OneOf(&[Kind::Bool, Kind::Text("the value")]));

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

/// The rules and the names of the path's parameters, if the path is one.
pub(super) fn matcher(table: &Table<'_>) -> (Match, Option<Vec<String>>) {
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
        check_not_empty(table, key, &format!("leave `{key}` out to match any"));
    }
    (matcher, parameters)
}

/// An empty list could be read as "none" as well as "any".
pub(super) fn check_not_empty(table: &Table<'_>, key: &str, help: &str) {
    if table.get(key).is_some_and(|value| value.is_empty_list()) {
        let problem = Diagnostic::error(table.span_of(key), format!("`{key}` is empty"));
        table.cx.report(problem.help(help.to_owned()));
    }
}

pub(super) fn method(text: &str) -> Result<String, Fault> {
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
pub(super) fn check_methods(table: &Table<'_>, methods: &[String]) {
    for method in methods.iter().filter(|method| !METHODS.contains(&method.as_str())) {
        if let Some(near) = nearest(method, METHODS) {
            let message = format!("{} is an unusual method", quote(method));
            let problem = Diagnostic::warning(table.span_of("methods"), message);
            table.cx.report(problem.help(format!("did you mean \"{near}\"?")));
        }
    }
}

pub(super) fn conditions(
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

pub(super) fn header_name(text: &str) -> Result<String, Fault> {
    let name = http::HeaderName::from_bytes(text.as_bytes());
    let name = name.map_err(|_| Fault::new("is not a header name"))?;
    if name == http::header::HOST {
        return Err(Fault::new("is matched elsewhere").help("write hosts = [\"shop.example\"]"));
    }
    Ok(name.as_str().to_owned())
}
