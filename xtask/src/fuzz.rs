//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while, from the kept corpus.
//!
//! Without cargo-fuzz and without nightly: what it tells rustc for coverage are options of LLVM,
//! which the stable compiler passes on. (What needs nightly is AddressSanitizer. Nothing that is
//! fuzzed here has `unsafe` code of its own; arithmetic that overflows and assertions are caught.)

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cargo::{cargo, run as run_command},
    languages::has,
    progress::step,
    project::Project,
};

/// Instrumentation, as cargo-fuzz has it: which edges were taken how often, and what was compared.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// What no input may cost: seconds (on a busy machine), and MiB.
const LIMITS: [&str; 2] = ["-timeout=30", "-rss_limit_mb=2048"];

/// Larger ones find little that smaller ones do not. In bytes.
const LONGEST: &str = "-max_len=4096";

/// The command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// All of them if there is none.
    targets: Vec<String>,
    /// For each target.
    seconds: u32,
    /// Whether what was found goes into the kept corpus.
    keep: bool,
}

impl Arguments {
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut arguments = Self { targets: Vec::new(), seconds: 60, keep: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--keep" => arguments.keep = true,
                "--seconds" => {
                    let seconds = words.next().and_then(|word| word.parse().ok());
                    arguments.seconds = seconds.context("--seconds takes a number")?;
                }
                option if option.starts_with('-') => bail!("fuzz knows no {option}"),
                target => arguments.targets.push(target.into()),
            }
        }
        Ok(arguments)
    }
}

/// Builds the targets and runs each. The first crash ends it.
pub(crate) fn run(project: &Project, arguments: &Arguments) -> Result<()> {
    ensure!(has("c++"), "libFuzzer is compiled from C++, and there is no `c++` here");
    let all = targets(project)?;
    if let Some(unknown) = arguments.targets.iter().find(|target| !all.contains(target)) {
        bail!("there is no target `{unknown}`; there are {}", all.join(", "));
    }
    let chosen = if arguments.targets.is_empty() { &all } else { &arguments.targets };
    let folder = project.target.join("fuzz");
    let machine = machine()?;
    step("targets", || build(project, &folder, &machine))?;
    for name in chosen {
        let program = folder.join(&machine).join("release").join(name);
        let target = Target::new(project, &folder, name, program)?;
        step(name, || {
            target.run(project, arguments.seconds)?;
            if arguments.keep { target.keep() } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// Each file in `fuzz/fuzz_targets/` is one.
fn targets(project: &Project) -> Result<Vec<String>> {
    let files = fs::read_dir(project.path("fuzz/fuzz_targets"))?;
    let names = files.map(|file| Ok(file?.path().file_stem().map(|n| n.display().to_string())));
    let mut names: Vec<_> = names.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    names.sort();
    Ok(names)
}

/// For a named machine, though it is this one: else build scripts and macros were instrumented too,
/// and they have no libFuzzer to report to.
fn build(project: &Project, folder: &Path, machine: &str) -> Result<()> {
    let mut command = cargo(project, &["build", "--release", "--manifest-path", "fuzz/Cargo.toml"]);
    command.args(["--target", machine]).arg("--target-dir").arg(folder);
    run_command(command.env("RUSTFLAGS", COVERAGE.join(" ")))
}

/// `x86_64-unknown-linux-gnu`, as rustc calls this one.
fn machine() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("asking rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.into())
}

/// A target, and where its inputs are.
struct Target {
    program: PathBuf,
    /// In the repository.
    kept: PathBuf,
    /// What this machine found beside it.
    found: PathBuf,
    /// Inputs that make it crash.
    crashes: PathBuf,
    log: PathBuf,
}

impl Target {
    fn new(project: &Project, folder: &Path, name: &str, program: PathBuf) -> Result<Self> {
        let target = Self {
            program,
            kept: project.path("fuzz/corpus").join(name),
            found: folder.join("found").join(name),
            crashes: folder.join("crashes").join(name),
            log: folder.join(format!("{name}.log")),
        };
        for folder in [&target.kept, &target.found, &target.crashes] {
            fs::create_dir_all(folder)?;
        }
        Ok(target)
    }

    fn run(&self, project: &Project, seconds: u32) -> Result<()> {
        let log = fs::File::create(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(LIMITS).args([LONGEST, &format!("-max_total_time={seconds}")]);
        command.arg(format!("-artifact_prefix={}/", self.crashes.display()));
        // What is new goes into the first one.
        command.args([&self.found, &self.kept]);
        command.current_dir(&project.root).stdout(log.try_clone()?).stderr(log);
        let status = command.status().context("starting the target")?;
        let said = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        if status.success() {
            println!("    {}", summary(&said));
            return Ok(());
        }
        let tail: Vec<_> = said.lines().rev().take(40).collect();
        tail.iter().rev().for_each(|line| eprintln!("    | {line}"));
        bail!(
            "an input makes it crash; it is in {}: run {} with its path",
            project.shown(&self.crashes),
            project.shown(&self.program)
        )
    }

    /// Puts both corpora together: of inputs that reach the same edges, however often, only a small one
    /// stays.
    fn keep(&self) -> Result<()> {
        let merged = self.found.with_extension("merged");
        fs::create_dir_all(&merged)?;
        let log = fs::File::create(&self.log)?;
        let mut command = Command::new(&self.program);
        command.args(LIMITS).args([LONGEST, "-set_cover_merge=1", "-use_counters=0"]);
        command.args([&merged, &self.found, &self.kept]);
        command.stdout(log.try_clone()?).stderr(log);
        ensure!(command.status()?.success(), "merging failed; see {}", self.log.display());
        fs::remove_dir_all(&self.kept)?;
        fs::create_dir_all(&self.kept)?;
        for input in fs::read_dir(&merged)? {
            let input = input?;
            fs::copy(input.path(), self.kept.join(input.file_name()))?;
        }
        fs::remove_dir_all(&merged)?;
        Ok(())
    }
}

/// libFuzzer's last line, `#60485 DONE cov: 4643 ft: 10883 corp: 885/172Kb ...`, in words.
fn summary(log: &str) -> String {
    let done = log.lines().rev().find(|line| line.contains("DONE"));
    let words: Vec<_> = done.unwrap_or_default().split_whitespace().collect();
    match words[..] {
        [runs, _, _, reached, _, _, _, corpus, ..] => {
            let runs = runs.trim_start_matches('#');
            let inputs = corpus.split('/').next().unwrap_or_default();
            format!("{runs} inputs tried, {reached} edges reached, {inputs} inputs in the corpus")
        }
        _ => "it said nothing of what it did".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        Arguments::parse(&words.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn targets_and_options_in_any_order() {
        let all = Arguments { targets: Vec::new(), seconds: 60, keep: false };
        assert_eq!(parse(&[]).unwrap(), all);
        let some = Arguments { targets: vec!["jwt".into()], seconds: 5, keep: true };
        assert_eq!(parse(&["--seconds", "5", "jwt", "--keep"]).unwrap(), some);
    }

    #[test]
    fn what_is_no_number_or_no_option_is_refused() {
        for words in [&["--seconds"][..], &["--seconds", "soon"], &["--forever"]] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_last_line_says_what_was_done() {
        let log = "#1\tINITED cov: 1 ft: 1\n\
                   #60485\tDONE   cov: 4643 ft: 10883 corp: 885/172Kb lim: 881 exec/s: 4652\n\
                   Done 60485 runs in 13 second(s)\n";
        let said = "60485 inputs tried, 4643 edges reached, 885 inputs in the corpus";
        assert_eq!(summary(log), said);
        assert_eq!(summary(""), "it said nothing of what it did");
    }
}
