//! What a running demo shows first: what runs, what a request meets on its way, what to try.

use std::io::{IsTerminal, stdout};

use crate::{
    demo::{
        example::{Example, Gateway, Link, Listener, Route},
        readme::Action,
        stage::Stage,
    },
    project::Project,
};

/// Prints the screen.
pub(crate) fn show(project: &Project, example: &Example, stage: &Stage) {
    let style = Style { on: stdout().is_terminal() };
    let folder = format!("examples/{}", example.name);
    println!("\n{}\n", style.bold(&format!("{} is running", example.name)));
    for (name, value) in addresses(&example.gateway) {
        println!("  {} {value}", style.dim(&format!("{name:<12}")));
    }
    println!("\n{}\n", style.bold("A request's way"));
    for (request, way) in ways(&example.gateway) {
        println!("  {request}\n      {}", style.dim(&way));
    }
    let title = format!("Try it, in another terminal, in {folder}");
    println!("\n{}\n", style.bold(&title));
    for (note, command) in requests(example) {
        if !note.is_empty() {
            println!("  {}", style.dim(&format!("# {note}")));
        }
        println!("  {command}\n");
    }
    println!("{}  {folder}/gateway.toml", style.dim("What makes it so:"));
    println!("{}           {}", style.dim("The log:"), project.shown(stage.log()));
    println!("{}           Ctrl-C", style.dim("To stop:"));
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

/// Each route: what it matches, and what stands between client and upstream.
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
    ["client"].into_iter().chain(chain).chain(end).collect::<Vec<_>>().join(" → ")
}

/// The README's requests, with a word about each.
fn requests(example: &Example) -> impl Iterator<Item = (&str, &str)> {
    let sent =
        example.exchanges.iter().filter(|exchange| matches!(exchange.action, Action::Send(_)));
    sent.map(|exchange| (exchange.note.as_str(), exchange.text.as_str()))
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

    #[test]
    fn a_way_is_told_from_client_to_upstream() {
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
        assert_eq!(
            ways(&gateway),
            [
                pair("GET /products/{id}", "client → cors → @secured → quota → catalog"),
                pair("any *", "client → cors → page"),
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
