//! `torana routes FILE`

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    config::{Config, LoadOptions, Route},
    gateway,
};

/// Arguments of `routes`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, options: &LoadOptions) -> ExitCode {
    let checked = output::control_runtime()
        .and_then(|runtime| runtime.block_on(gateway::check(&arguments.file, options)));
    match checked {
        Err(error) => output::fail(error),
        Ok(checked) => {
            output::print(&checked.source, &checked.diagnostics);
            let Some(config) = checked.config else { return ExitCode::FAILURE };
            print!("{}", table(&config));
            ExitCode::SUCCESS
        }
    }
}

/// One line a route, in columns.
fn table(config: &Config) -> String {
    let mut rows =
        vec![["ROUTE", "METHODS", "HOSTS", "PATH", "CHAIN", "UPSTREAM"].map(String::from)];
    rows.extend(config.routes.iter().map(row));
    let widths: Vec<usize> =
        (0..6).map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(route: &Route) -> [String; 6] {
    let or_any = |list: &[String]| match list {
        [] => "any".to_owned(),
        list => list.join(","),
    };
    let chain: Vec<&str> = route.chain.iter().map(|plugin| &*plugin.name).collect();
    let upstreams: Vec<&str> =
        route.upstream.iter().chain(&route.alternatives).map(|name| &**name).collect();
    [
        route.name.to_string(),
        or_any(&route.matcher.methods),
        or_any(&route.matcher.hosts),
        route.matcher.path.clone(),
        if chain.is_empty() { "-".to_owned() } else { chain.join(" > ") },
        if upstreams.is_empty() { "(handler)".to_owned() } else { upstreams.join("|") },
    ]
}
