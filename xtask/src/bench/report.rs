//! What came of it, as a page.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use anyhow::Result;

use super::{
    Rig, chart,
    idle::Idle,
    results::{Results, Row},
    scenario::Scenario,
    targets,
};

/// The page, as it grows.
pub(super) struct Report {
    text: String,
    results: Results,
}

/// The profile that the gateway was built by, which is the folder that it is in.
fn profile(rig: &Rig) -> String {
    let folder = rig.torana.parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Report {
    pub(super) fn new(rig: &Rig) -> Result<Self> {
        let mut text = String::from("# Torana beside its peers\n\n");
        let commit = said(
            Command::new("git")
                .args(["rev-parse", "--short", "HEAD"])
                .current_dir(&rig.project.root),
        );
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": ?");
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let mut versions = vec![format!(
            "torana {} ({}, {})",
            env!("CARGO_PKG_VERSION"),
            commit.trim(),
            profile(rig)
        )];
        for name in ["nginx", "haproxy", "envoy", "traefik", "caddy"] {
            versions.push(rig.peers.version(name)?);
        }
        let tools = format!("{}, {}", rig.peers.version("wrk")?, rig.peers.version("h2load")?);
        writeln!(
            text,
            "{model}, Linux {kernel}. {versions}. Each subject alone, one worker on one core; service \
             (nginx) and load ({tools}) on the other. {rounds} rounds of {seconds} s in turns, the \
             median counts; in brackets the lowest and the highest. CPU is the process's own, of user \
             and system, for each request.\n\nAgain: `cargo xtask bench peers --rounds {rounds} --seconds {seconds}`. The files of all \
             subjects are in `benches/peers`.\n",
            model = model.trim_start_matches([' ', '\t', ':']),
            kernel = kernel.trim(),
            versions = versions.join(", "),
            rounds = rig.rounds,
            seconds = rig.seconds,
        )?;
        Ok(Self { text, results: Results::default() })
    }

    /// Adds a scenario, and gives its part of the page.
    pub(super) fn add(&mut self, scenario: &Scenario, rows: Vec<Row>) -> String {
        let mut part = format!("## {}\n\n{}\n\n", scenario.name, scenario.about);
        let (title, line) = if scenario.half { (" p99 at half |", " --- |") } else { ("", "") };
        let _ = writeln!(
            part,
            "| | CPU a request, us | of it the kernel's | of the first | requests/s | p50 | p99 | p99.9 |{title} memory |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |{line} --- |"
        );
        let first = rows[0].median.cpu.as_secs_f64();
        for row in &rows {
            part.push_str(&line_of(row, first));
        }
        self.results.scenarios.push((scenario.name, rows));
        self.append(part)
    }

    /// Adds what was measured without load.
    pub(super) fn add_idle(&mut self, idle: &Idle) -> String {
        self.results.numbers.extend(idle.numbers.clone());
        self.append(format!("## idle\n\n{}", idle.text))
    }

    /// Adds what the project wants of itself, and whether it is so.
    pub(super) fn add_targets(&mut self) -> String {
        self.append(format!("## Targets\n\n{}", targets::table(&self.results)))
    }

    fn append(&mut self, part: String) -> String {
        self.text.push_str(&part);
        self.text.push('\n');
        part
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// CPU per request, as bars.
    pub(super) fn chart(&self) -> String {
        let bar = |row: &Row| (row.name, micros(row.median.cpu));
        let group = |(name, rows): &(_, Vec<Row>)| (*name, rows.iter().map(bar).collect());
        chart::bars(&self.results.scenarios.iter().map(group).collect::<Vec<_>>())
    }
}

/// A line of a scenario's table; CPU also as a share of the first subject's.
fn line_of(row: &Row, first: f64) -> String {
    let Row { name, median, range } = row;
    let half = median.half.map(|half| format!(" {} |", millis(half))).unwrap_or_default();
    format!(
        "| {name} | {:.1} ({:.1} to {:.1}) | {:.1} | {:.2} | {:.0} | {} | {} | {} |{half} {} MiB |\n",
        micros(median.cpu),
        micros(range.0),
        micros(range.1),
        micros(median.kernel),
        median.cpu.as_secs_f64() / first,
        median.rate,
        millis(median.p50),
        millis(median.p99),
        millis(median.p999),
        median.memory >> 20,
    )
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
