//! What a running demo shows first: what runs, what a request meets on its way, what to try.

use std::io::{IsTerminal, stdout};

use crate::{
    demo::{
        example::{Example, Gateway, Link, Listener, Route},
        readme::Exchange,
        stage::Stage,
    },
    project::Project,
};

/// Prints the screen.
pub(crate) fn show(project: &Project, example: &Example, stage: &Stage) {
    let style = Style { on: stdout().is_terminal() };
    let folder = format!("examples/{}", example.name);
    println!("\n{}\n", style.bold(&format!("{} is running", example.name)));
    println!("  {}\n", example.about);
    let addresses = addresses(&example.gateway);
    let column = widest(&addresses).max(12);
    for (name, value) in &addresses {
        println!("  {} {value}", style.dim(&format!("{name:<column$}")));
    }
    println!("\n{}\n", style.bold("A request's way, and a reply's way back"));
    let ways = ways(&example.gateway);
    let column = widest(&ways);
    for (request, way) in &ways {
        println!("  {request:<column$}  {}", style.dim(way));
    }
    println!("\n{}", style.bold(&format!("Try it, in another terminal, in {folder}")));
    for exchange in requests(example) {
        show_request(exchange, &style);
    }
    println!("\n{}\n", style.bold("And then"));
    for (what, place) in [
        ("what makes it so", format!("{folder}/gateway.toml")),
        ("all of it, told", format!("{folder}/README.md")),
        ("all of it, checked", format!("cargo xtask demo {} --check", example.name)),
        ("the log", project.shown(stage.log())),
        ("to stop", "Ctrl-C".into()),
    ] {
        println!("  {} {place}", style.dim(&format!("{what:<19}")));
    }
}

/// Of the first column.
fn widest(rows: &[(String, String)]) -> usize {
    rows.iter().map(|(first, _)| first.chars().count()).max().unwrap_or(0)
}

/// A command to paste, under the title of its section or the sentence that leads up to it, and
/// what will come of it.
fn show_request(exchange: &Exchange, style: &Style) {
    if !exchange.note.is_empty() {
        let section = style.bold(&format!("# {}", exchange.section));
        println!("\n  {section}{}", style.dim(&format!(": {}", exchange.note)));
    }
    println!("  {}", exchange.text.replace('\n', "\n  "));
    if let Some(outcome) = outcome(exchange) {
        println!("  {}", style.dim(&format!("# → {outcome}")));
    }
}

/// As much of the reply as the README shows of it on one line: the status, or the last of several
/// bodies.
fn outcome(exchange: &Exchange) -> Option<String> {
    const WIDTH: usize = 80;
    if let Some(status) = exchange.expected.first()?.strip_prefix("HTTP/1.1 ") {
        return Some(status.into());
    }
    let last = exchange.expected.last().filter(|line| line.len() > 1 && line.starts_with('{'))?;
    match last.char_indices().nth(WIDTH) {
        Some((end, _)) => Some(format!("{}…", &last[..end])),
        None => Some(last.clone()),
    }
}

/// Who listens where.
fn addresses(gateway: &Gateway) -> Vec<(String, String)> {
    let url = |listener: &Listener| {
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", listener.address)
    };
    let listeners = gateway.listen.iter().map(|(name, listener)| (name.clone(), url(listener)));
    let admin = gateway
        .admin
        .iter()
        .map(|admin| ("admin".into(), format!("http://{}/metrics", admin.address)));
    let upstreams = gateway
        .upstreams
        .iter()
        .map(|(name, upstream)| (name.clone(), upstream.targets.join(", ")));
    listeners.chain(admin).chain(upstreams).collect()
}

/// Each route: what it matches, and what stands before its upstream.
fn ways(gateway: &Gateway) -> Vec<(String, String)> {
    let before_all: Vec<_> = gateway.listen.values().flat_map(|listener| &listener.chain).collect();
    gateway.routes.iter().map(|route| (matched(route), way(&before_all, route))).collect()
}

fn matched(route: &Route) -> String {
    let methods = match route.matches.methods.as_slice() {
        [] => "any".into(),
        methods => methods.join(" "),
    };
    format!("{methods} {}", route.matches.path.as_deref().unwrap_or("*"))
}

fn way(before_all: &[&Link], route: &Route) -> String {
    let chain = before_all.iter().copied().chain(&route.chain).map(Link::name);
    let end = route.upstream.as_deref().or(route.handler.as_ref().map(Link::name));
    chain.chain(end).collect::<Vec<_>>().join(" → ")
}

/// What to try: of each section of the README the first block, as far as it sends requests.
fn requests(example: &Example) -> impl Iterator<Item = &Exchange> {
    example.exchanges.iter().filter(|exchange| exchange.is_first && exchange.is_request())
}

/// Bold and dim, where there is someone to see it.
struct Style {
    on: bool,
}

impl Style {
    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expecting(expected: &[&str]) -> Exchange {
        Exchange {
            section: String::new(),
            is_first: true,
            note: String::new(),
            line: 1,
            text: "curl http://h/".into(),
            expected: expected.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn an_outcome_is_one_line() {
        let outcome = |expected: &[&str]| outcome(&expecting(expected));
        assert_eq!(outcome(&["HTTP/1.1 200 OK", "a: b", "", "{}"]).unwrap(), "200 OK");
        assert_eq!(outcome(&["{\"nr\":1}", "{\"status\":429}"]).unwrap(), "{\"status\":429}");
        let long = format!("{{{}}}", "ä".repeat(100));
        assert_eq!(outcome(&[&long]).unwrap(), format!("{{{}…", "ä".repeat(79)));
        assert_eq!(outcome(&["{", "}"]), None);
        assert_eq!(outcome(&[]), None);
    }

    #[test]
    fn a_way_is_told_up_to_the_upstream() {
        let gateway: Gateway = toml::from_str(
            r#"
            listen.public = { address = "127.0.0.1:8080", chain = ["cors"] }
            admin.address = "127.0.0.1:9090"
            upstreams.catalog.targets = ["127.0.0.1:9001", "127.0.0.1:9002"]
            [[routes]]
            match = { path = "/products/{id}", methods = ["GET"] }
            chain = ["@secured", { plugin = "quota" }]
            upstream = "catalog"
            [[routes]]
            handler = "page"
            "#,
        )
        .unwrap();
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(widest(&ways(&gateway)), "GET /products/{id}".len());
        assert_eq!(
            ways(&gateway),
            [
                pair("GET /products/{id}", "cors → @secured → quota → catalog"),
                pair("any *", "cors → page"),
            ]
        );
        assert_eq!(
            addresses(&gateway),
            [
                pair("public", "http://127.0.0.1:8080"),
                pair("admin", "http://127.0.0.1:9090/metrics"),
                pair("catalog", "127.0.0.1:9001, 127.0.0.1:9002"),
            ]
        );
    }
}
