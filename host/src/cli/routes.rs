//! `torana routes FILE`

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use super::output;
use crate::config::{Config, LoadOptions, Route};

/// Arguments of `routes`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, options: &LoadOptions) -> ExitCode {
    let Some(config) = output::good(&arguments.file, options) else { return ExitCode::FAILURE };
    output::put(table(&config));
    ExitCode::SUCCESS
}

/// One line a route, in columns; several where listeners put different plugins before it.
fn table(config: &Config) -> String {
    let mut rows =
        vec![["ROUTE", "LISTEN", "METHODS", "HOSTS", "PATH", "CHAIN", "ANSWER"].map(String::from)];
    rows.extend(config.routes.iter().flat_map(|route| rows_of(config, route)));
    let widths: Vec<usize> =
        (0..7).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn rows_of(config: &Config, route: &Route) -> Vec<[String; 7]> {
    let or_any = |list: &[String]| match list {
        [] => "any".to_owned(),
        list => list.join(","),
    };
    let row = |(listeners, chain): (Vec<&str>, String)| {
        [
            route.name.to_string(),
            listeners.join(","),
            or_any(&route.matcher.methods),
            or_any(&route.matcher.hosts),
            route.matcher.path.clone(),
            chain,
            answer(route),
        ]
    };
    chains(config, route).into_iter().map(row).collect()
}

/// Where requests go, or what is said to them: `catalog|catalog-v2`, `catalog=95|catalog-v2=5`,
/// `catalog +10% to next`, `308 https://{host}{path}`, `503 (reply)`.
fn answer(route: &Route) -> String {
    if let Some(redirect) = &route.redirect {
        return format!("{} {}", redirect.status.as_u16(), redirect.to.text);
    }
    if let Some(reply) = &route.reply {
        return format!("{} (reply)", reply.status.as_u16());
    }
    let shares = route.split.as_ref().map(|split| &split.shares[..]).unwrap_or_default();
    let shown = |name: &Arc<str>| match shares.iter().find(|share| share.upstream == *name) {
        Some(share) => format!("{name}={}", share.weight),
        None => name.to_string(),
    };
    let upstreams: Vec<_> = route.upstreams().into_iter().map(shown).collect();
    match &route.mirror {
        _ if upstreams.is_empty() => "(handler)".to_owned(),
        Some(copies) => {
            format!("{} +{}% to {}", upstreams.join("|"), copies.percent, copies.upstream)
        }
        None => upstreams.join("|"),
    }
}

/// Every chain that leads through a route, with the listeners that it begins at.
fn chains<'a>(config: &'a Config, route: &Route) -> Vec<(Vec<&'a str>, String)> {
    let mut chains: Vec<(Vec<&str>, String)> = Vec::new();
    let wanted = &route.matcher.listen;
    for listener in
        config.listeners.iter().filter(|l| wanted.is_empty() || wanted.contains(&l.name))
    {
        let all = listener.chain.iter().chain(&route.chain);
        let names: Vec<&str> = all.map(|plugin| &*plugin.name).collect();
        let chain = if names.is_empty() { "-".to_owned() } else { names.join(" > ") };
        match chains.iter_mut().find(|(_, known)| *known == chain) {
            Some((listeners, _)) => listeners.push(&listener.name),
            None => chains.push((vec![&listener.name], chain)),
        }
    }
    chains
}
