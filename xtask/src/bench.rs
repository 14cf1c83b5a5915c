//! `cargo xtask bench peers`: Torana beside what users would pick instead, in one run on one machine.
//!
//! Each subject runs alone, with one worker pinned to one core; backend and load share the other.
//! What is compared is CPU time per request: it says what a request costs whoever pays for the
//! machine, and neither the load generator nor the backend nor a busy neighbour is in it. Subjects
//! take turns over several rounds, and the median counts. An answer that is wrong ends the run.
//!
//! What the project wants of itself is in [`targets`], and stands in the report beside what came of it.
//!
//! `cargo xtask bench instructions` needs no quiet machine, and no others: see [`instructions`].

mod backend;
mod chart;
mod entries;
mod filters;
mod identity;
mod idle;
mod install;
mod instructions;
mod load;
mod measure;
mod paced;
mod report;
mod results;
mod scenario;
mod scenarios;
mod subject;
mod targets;
mod tools;

use std::{
    fs,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{
    bench::{
        backend::Backend, identity::Identity, idle::IDLE, install::Peers, load::Sample,
        report::Report, results::Row, scenario::Scenario, scenarios::SCENARIOS, subject::Subject,
    },
    build,
    progress::step,
    project::Project,
};

/// Runs what the first word names.
pub(crate) fn run(project: &Project, words: &[String]) -> Result<()> {
    match words.split_first().map(|(word, rest)| (word.as_str(), rest)) {
        Some(("peers", rest)) => peers(project, &Arguments::parse(rest)?),
        Some(("instructions", rest)) => instructions::run(project, rest),
        _ => bail!("say which: `cargo xtask bench peers` or `cargo xtask bench instructions`"),
    }
}

/// How the comparison is asked for.
#[derive(Default)]
struct Arguments {
    /// Names of scenarios; all if empty.
    scenarios: Vec<String>,
    rounds: usize,
    seconds: u64,
    /// Measures the binary that is there.
    as_built: bool,
    /// Measures this one: what is shipped is of the profile `dist`.
    binary: Option<String>,
    /// Where the report goes; only shown if none.
    out: Option<String>,
}

impl Arguments {
    fn parse(words: &[String]) -> Result<Self> {
        let mut arguments = Self { rounds: 3, seconds: 2, ..Self::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => arguments.rounds = value()?.parse().context("--rounds")?,
                "--seconds" => arguments.seconds = value()?.parse().context("--seconds")?,
                "--as-built" => arguments.as_built = true,
                "--binary" => arguments.binary = Some(value()?.clone()),
                "--out" => arguments.out = Some(value()?.clone()),
                name if names().any(|known| known == name) => {
                    arguments.scenarios.push(name.to_owned());
                }
                other => {
                    let names: Vec<_> = names().collect();
                    bail!("`{other}` is no scenario; there are {}", names.join(", "));
                }
            }
        }
        if arguments.rounds == 0 || arguments.seconds == 0 {
            bail!("--rounds and --seconds are at least 1");
        }
        Ok(arguments)
    }

    fn wants(&self, name: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|wanted| wanted == name)
    }
}

/// What can be asked for.
fn names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|scenario| scenario.name).chain([IDLE])
}

/// What every measurement needs.
struct Rig<'a> {
    project: &'a Project,
    /// The gateway's program.
    torana: PathBuf,
    peers: Peers,
    backend: Backend,
    identity: Rc<Identity>,
    rounds: usize,
    seconds: u64,
}

/// Installs the peers, runs the scenarios, and shows or writes the report.
fn peers(project: &Project, arguments: &Arguments) -> Result<()> {
    if !arguments.as_built {
        build::run(project)?;
    }
    let started = Instant::now();
    allow_many_files()?;
    let folder = project.target.join("peers");
    let peers = step("peers from their registries", || Peers::install(&folder))?;
    let has_filter =
        |scenario: &Scenario| (scenario.subjects)().iter().any(|entry| entry.filter.is_some());
    if SCENARIOS.iter().any(|scenario| arguments.wants(scenario.name) && has_filter(scenario)) {
        step("Wasm filters", || filters::build(project))?;
    }
    let backend = Backend::start(&folder)?;
    let (rounds, seconds) = (arguments.rounds, arguments.seconds);
    let identity = Rc::new(Identity::make(&folder)?);
    let torana = match &arguments.binary {
        Some(binary) => project.path(binary),
        None => project.binary("torana"),
    };
    let rig = Rig { project, torana, peers, backend, identity, rounds, seconds };
    let mut report = Report::new(&rig)?;
    for scenario in SCENARIOS.iter().filter(|scenario| arguments.wants(scenario.name)) {
        let rows = step(scenario.name, || rig.compare(scenario))?;
        println!("\n{}", report.add(scenario, rows));
    }
    if arguments.wants(IDLE) {
        let idle = step(IDLE, || idle::measure(&rig))?;
        println!("\n{}", report.add_idle(&idle));
    }
    println!("\n{}", report.add_targets());
    eprintln!("all of it: {} s", started.elapsed().as_secs());
    if let Some(out) = &arguments.out {
        let path = project.path(out);
        fs::write(&path, report.text()).with_context(|| format!("writing {out}"))?;
        fs::write(path.with_extension("svg"), report.chart())?;
    }
    Ok(())
}

/// 5,000 connections are as many files, here and in each subject, which inherits this.
fn allow_many_files() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}

impl Rig<'_> {
    /// Every subject of a scenario, in turns.
    fn compare(&self, scenario: &Scenario) -> Result<Vec<Row>> {
        let entries = (scenario.subjects)();
        let mut samples: Vec<Vec<Sample>> = entries.iter().map(|_| Vec::new()).collect();
        for _ in 0..self.rounds {
            for (entry, samples) in entries.iter().zip(&mut samples) {
                let subject = Subject::start(self, scenario.name, entry)
                    .with_context(|| format!("starting {}", entry.name))?;
                // In each round: some listen before they know their routes.
                subject.check(scenario, entry).with_context(|| format!("asking {}", entry.name))?;
                samples.push(self.sample(scenario, &subject).context(entry.name)?);
            }
        }
        let rows = entries.iter().zip(samples);
        Ok(rows.map(|(entry, samples)| Row::of(entry.name, samples)).collect())
    }

    /// One subject's turn.
    fn sample(&self, scenario: &Scenario, subject: &Subject) -> Result<Sample> {
        let time = Duration::from_secs(self.seconds);
        scenario.load.warm_up(subject).context("warming up")?;
        let mut sample = scenario.load.run(subject, time)?;
        if scenario.half {
            let half = scenario.load.paced(subject, sample.rate / 2.0, time);
            sample.half = Some(half.context("at half its rate")?);
        }
        Ok(sample)
    }
}
