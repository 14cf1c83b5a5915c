//! What came of it, as a page.

use std::{fmt::Write as _, fs, process::Command, time::Duration};

use anyhow::Result;

use super::{Arguments, chart, install::Peers, load::Sample, scenario::Scenario};
use crate::project::Project;

/// One subject of one scenario: the median of its rounds.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) median: Sample,
    /// Lowest and highest CPU time per request.
    range: (Duration, Duration),
}

impl Row {
    pub(super) fn of(name: &'static str, mut samples: Vec<Sample>) -> Self {
        samples.sort_by_key(|sample| sample.cpu);
        let range = (samples[0].cpu, samples[samples.len() - 1].cpu);
        Self { name, median: samples[samples.len() / 2], range }
    }
}

/// The page, as it grows.
pub(super) struct Report {
    text: String,
    bars: Vec<(&'static str, Vec<(&'static str, f64)>)>,
}

impl Report {
    pub(super) fn new(project: &Project, peers: &Peers, arguments: &Arguments) -> Result<Self> {
        let mut text = String::from("# Torana beside its peers\n\n");
        let commit = said(
            Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(&project.root),
        );
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": ?");
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut versions =
            vec![format!("torana {} ({})", env!("CARGO_PKG_VERSION"), commit.trim())];
        for name in ["nginx", "haproxy", "envoy", "traefik", "caddy"] {
            versions.push(peers.version(name)?);
        }
        writeln!(
            text,
            "{model}, Linux {kernel}. {versions}. Each subject alone, one worker on one core; service \
             (nginx) and load (wrk, h2load) on the other. {rounds} rounds of {seconds} s in turns, the \
             median counts; in brackets the lowest and the highest. CPU is the process's own, of user \
             and system, for each request.\n\nAgain: `cargo xtask bench peers`. The files of all \
             subjects are in `benches/peers`.\n",
            model = model.trim_start_matches([' ', '\t', ':']),
            kernel = kernel.trim(),
            versions = versions.join(", "),
            rounds = arguments.rounds,
            seconds = arguments.seconds,
        )?;
        Ok(Self { text, bars: Vec::new() })
    }

    /// Adds a scenario, and gives its part of the page.
    pub(super) fn add(&mut self, scenario: &Scenario, rows: Vec<Row>) -> String {
        let mut part = format!("## {}\n\n{}\n\n", scenario.name, scenario.about);
        part.push_str(
            "| | CPU a request, us | of the first | requests/s | p50 | p99 | p99.9 | memory |\n",
        );
        part.push_str("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
        let first = rows[0].median.cpu.as_secs_f64();
        for row in &rows {
            let Row { name, median, range } = row;
            let _ = writeln!(
                part,
                "| {name} | {:.1} ({:.1} to {:.1}) | {:.2} | {:.0} | {} | {} | {} | {} MiB |",
                micros(median.cpu),
                micros(range.0),
                micros(range.1),
                median.cpu.as_secs_f64() / first,
                median.rate,
                millis(median.p50),
                millis(median.p99),
                millis(median.p999),
                median.memory >> 20,
            );
        }
        self.text.push_str(&part);
        self.text.push('\n');
        self.bars.push((
            scenario.name,
            rows.iter().map(|row| (row.name, micros(row.median.cpu))).collect(),
        ));
        part
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// CPU per request, as bars.
    pub(super) fn chart(&self) -> String {
        chart::bars(&self.bars)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).into_owned()
}
