//! `[[routes]]`: what is matched, what runs, where it goes.

mod destination;
mod matching;
mod mirror;
mod redirect;
mod reply;
mod rewrite;
mod split;

pub use matching::{Condition, Match};
pub use mirror::Mirror;
pub use redirect::{Location, Piece, Redirect};
pub use reply::StaticReply;
pub use rewrite::Rewrite;
pub use split::{Share, Split};

use std::{sync::Arc, time::Duration};

use matching::{MATCH, matcher};

use super::{
    Diagnostic, PluginUse, Span,
    chain::{CHAIN, Library},
    context::Context,
    fault::{Fault, quote},
    keys::{DAY, Kind, Shape, key},
    names::{self, Registry},
    table::Table,
    upstream::HASH,
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
    /// Name of the upstream. None where requests are split, or something else answers.
    pub upstream: Option<Arc<str>>,
    /// In its place: several, each with its share.
    pub split: Option<Split>,
    /// Other upstreams that a plugin may choose.
    pub alternatives: Vec<Arc<str>>,
    /// Where copies of requests go.
    pub mirror: Option<Mirror>,
    /// It sends clients elsewhere.
    pub redirect: Option<Redirect>,
    /// It always says the same.
    pub reply: Option<StaticReply>,
    /// From the request head to the end of the response.
    pub timeout: Duration,
    /// Whether slashes that follow each other are one in what is forwarded, as they are in what is matched.
    pub merge_slashes: bool,
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

impl Route {
    /// The key that says what answers; none where a plugin of the chain does.
    pub fn end(&self) -> Option<&'static str> {
        let ends = [
            ("upstream", self.upstream.is_some()),
            ("split", self.split.is_some()),
            ("redirect", self.redirect.is_some()),
            ("reply", self.reply.is_some()),
        ];
        ends.into_iter().find(|(_, is_there)| *is_there).map(|(key, _)| key)
    }

    /// The upstreams that its requests may go to, each once: its own, those of `split`, and those
    /// that a plugin may choose. An exchange knows them by their place in here.
    pub fn upstreams(&self) -> Vec<&Arc<str>> {
        let shares = self.split.iter().flat_map(|split| &split.shares);
        let own = self.upstream.iter().chain(shares.map(|share| &share.upstream));
        let mut names: Vec<&Arc<str>> = Vec::new();
        for name in own.chain(&self.alternatives) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
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
            "Where requests go; left out where `split`, `redirect`, `reply` or a plugin of the chain \
             stands for it.",
        ),
        key("split", split::SPLIT, "Several upstreams, each with its share of the requests."),
        key(
            "split_by",
            HASH,
            "Whose requests stay together in `split`: the client's address, or one of a header, a \
             cookie and an attribute. Without it, and for requests that lack it, chance decides.",
        ),
        key(
            "alternatives",
            Kind::List(&Kind::Text("catalog-v2")),
            "Other upstreams that a plugin may choose.",
        ),
        key(
            "mirror",
            Kind::Table(&mirror::MIRROR),
            "Sends copies of requests to another upstream, whose answers nobody sees.",
        ),
        key(
            "redirect",
            Kind::Table(&redirect::REDIRECT),
            "Sends clients elsewhere, when the plugins have had their say.",
        ),
        key(
            "reply",
            Kind::Table(&reply::REPLY),
            "Says always the same, when the plugins have had their say.",
        ),
        key(
            "timeout",
            Kind::Duration(1, DAY),
            "From the request's head to the end of the reply: a download or a stream of events \
             that takes longer is cut.",
        )
        .or("60s"),
        key(
            "merge_slashes",
            Kind::Bool,
            "Take slashes that follow each other for one in what is forwarded, as in what is matched.",
        )
        .or("true"),
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
            "It is meant to have no authenticating plugin: `check` does not warn of it. The chain of \
             the listener runs before it all the same.",
        )
        .or("false"),
    ],
};

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
        split: split::read(table),
        mirror: table.get("mirror").and_then(|value| mirror::read(&value.table()?)),
        redirect: table.get("redirect").and_then(|value| {
            redirect::read(&value.table()?, &matcher.path, parameters.as_deref())
        }),
        reply: table.get("reply").and_then(|value| reply::read(&value.table()?)),
        alternatives: references(table, "alternatives", &cx.names.upstreams),
        timeout: table.duration("timeout"),
        merge_slashes: table.bool("merge_slashes"),
        rewrite: rewrite::read(table, &matcher.path, parameters.as_deref()),
        max_body: table.size("max_body"),
        upgrade: table.get("upgrade").map(|value| value.parsed_list(protocol)).unwrap_or_default(),
        upgrade_span: table.span_of("upgrade"),
        upgrade_idle: table.duration("upgrade_idle"),
        public: table.bool("public"),
        matcher,
    };
    destination::check(table, &route);
    if let Some(copies) = &route.mirror {
        mirror::check(table, copies, &route.upstreams());
    }
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
