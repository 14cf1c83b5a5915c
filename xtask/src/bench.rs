//! `cargo xtask bench peers`: Torana beside what users would pick instead, in one run on one machine.
//!
//! Each subject runs alone, with one worker pinned to one core; backend and load share the other.
//! What is compared is CPU time per request: it says what a request costs whoever pays for the
//! machine, and neither the load generator nor the backend nor a busy neighbour is in it. Subjects
//! take turns over several rounds, and the median counts. An answer that is wrong ends the run.

mod chart;
mod install;
mod load;
mod measure;
mod report;
mod scenario;
mod subject;

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    bench::{
        install::Peers,
        load::Sample,
        report::Row,
        scenario::{SCENARIOS, Scenario},
        subject::{Backend, Subject},
    },
    build,
    progress::step,
    project::Project,
};

/// How it is asked for.
pub(crate) struct Arguments {
    /// Names of scenarios; all if empty.
    scenarios: Vec<String>,
    rounds: usize,
    seconds: u64,
    /// Measures the binary that is there.
    as_built: bool,
    /// Where the report goes; only shown if none.
    out: Option<String>,
}

impl Arguments {
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut arguments =
            Self { scenarios: Vec::new(), rounds: 3, seconds: 4, as_built: false, out: None };
        let mut words = words.iter();
        match words.next().map(String::as_str) {
            Some("peers") => {}
            _ => bail!("say which: `cargo xtask bench peers`"),
        }
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => arguments.rounds = value()?.parse().context("--rounds")?,
                "--seconds" => arguments.seconds = value()?.parse().context("--seconds")?,
                "--as-built" => arguments.as_built = true,
                "--out" => arguments.out = Some(value()?.clone()),
                name if SCENARIOS.iter().any(|scenario| scenario.name == name) => {
                    arguments.scenarios.push(name.to_owned());
                }
                other => bail!("`{other}` is no scenario; there are {}", scenario::names()),
            }
        }
        Ok(arguments)
    }

    fn wants(&self, scenario: &Scenario) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|name| name == scenario.name)
    }
}

/// Installs the peers, runs the scenarios, and shows or writes the report.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    if !arguments.as_built {
        build::run(project)?;
    }
    let folder = project.target.join("peers");
    let peers = step("peers from their registries", || Peers::install(&folder))?;
    let backend = Backend::start(&folder)?;
    let mut report = report::Report::new(project, &peers, arguments)?;
    for scenario in SCENARIOS.iter().filter(|scenario| arguments.wants(scenario)) {
        let rows = step(scenario.name, || compare(project, &peers, &backend, scenario, arguments))?;
        println!("\n{}", report.add(scenario, rows));
    }
    if let Some(out) = &arguments.out {
        let path = project.path(out);
        fs::write(&path, report.text()).with_context(|| format!("writing {out}"))?;
        fs::write(path.with_extension("svg"), report.chart())?;
    }
    Ok(())
}

/// Every subject of a scenario, in turns.
fn compare(
    project: &Project,
    peers: &Peers,
    backend: &Backend,
    scenario: &Scenario,
    arguments: &Arguments,
) -> Result<Vec<Row>> {
    let entries = (scenario.subjects)();
    let mut samples: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
    for round in 0..arguments.rounds {
        for (entry, samples) in entries.iter().zip(&mut samples) {
            let subject = Subject::start(project, peers, backend, scenario, entry)
                .with_context(|| format!("starting {}", entry.name))?;
            if round == 0 {
                subject.check(scenario).with_context(|| format!("asking {}", entry.name))?;
            }
            let load = |seconds| scenario.load.run(&subject, Duration::from_secs(seconds));
            load(1).with_context(|| format!("warming up {}", entry.name))?;
            samples.push(load(arguments.seconds).context(entry.name)?);
        }
    }
    Ok(entries.iter().zip(samples).map(|(entry, samples)| Row::of(entry.name, samples)).collect())
}
