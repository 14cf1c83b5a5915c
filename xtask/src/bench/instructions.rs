//! `cargo xtask bench instructions`: how many instructions a request takes through a chain of one plugin
//! and of five, against numbers that are kept. A busy machine changes nothing about them, so that this can
//! hold where times cannot.
//!
//! Valgrind counts (cachegrind, without its caches): it follows code that is made as it runs, and stacks
//! that change, which wasmtime's guests have. Its processor is the same on every machine that has AVX2. The engine's
//! reservations do not fit into its address space, so instances are made on demand.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use super::install::debian;
use crate::{
    cargo::{HOST, cargo},
    guests,
    progress::step,
    project::Project,
};

const CHAINS: [&str; 2] = ["one", "five"];
/// The difference of two runs has neither start nor end in it, nor a first request.
const REQUESTS: [u64; 2] = [300, 1_300];
/// How far above its kept number one may be.
const TOLERANCE: f64 = 0.03;
const KEPT: &str = "benches/instructions.toml";

const HEADER: &str = "\
# Instructions of a request's head hooks, there and back. `cargo xtask bench instructions` holds new code
# against them, with 3 % of tolerance; with `--bless` it writes them. They change with the compilers of
# gateway and guests too.
";

/// Counts, and compares or keeps.
pub(super) fn run(project: &Project, words: &[String]) -> Result<()> {
    let bless = match words {
        [] => false,
        [word] if word == "--bless" => true,
        _ => bail!("it is `cargo xtask bench instructions [--bless]`"),
    };
    debian(&[("valgrind", "valgrind")])?;
    guests::run_only(project, &["cors", "jwt-auth", "quota", "authz", "headers"].map(Into::into))?;
    let program = step("what is counted", || build(project))?;
    if bless {
        let count = |chain| Ok(format!("{chain} = {}\n", of_a_request(project, &program, chain)?));
        let lines: Result<String> = CHAINS.into_iter().map(count).collect();
        return fs::write(project.path(KEPT), HEADER.to_owned() + &lines?).context(KEPT);
    }
    let kept = fs::read_to_string(project.path(KEPT));
    let kept = kept.with_context(|| format!("{KEPT}; `--bless` writes it"))?;
    let kept: BTreeMap<String, u64> = toml::from_str(&kept).context(KEPT)?;
    if let Some(missing) = missing_feature()? {
        println!("not compared: this processor has no {missing}, and valgrind's has none then");
        return Ok(());
    }
    let mut counts = BTreeMap::new();
    for chain in CHAINS {
        let limit = limit(&kept, chain)?;
        let count = || of_a_request(project, &program, chain);
        counts.insert(chain, step(&format!("a chain of {chain}"), || lowest(limit, count))?);
    }
    compare(&kept, &counts)
}

/// What the kept numbers were counted with and this processor has not: valgrind's has nothing that the
/// real one lacks, and other code is made for it.
fn missing_feature() -> Result<Option<&'static str>> {
    let said = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let flags = said.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let is_missing = |feature: &&str| !flags.split_whitespace().any(|flag| flag == *feature);
    Ok(["avx2", "bmi1", "bmi2", "fma"].into_iter().find(is_missing))
}

/// What may be counted: the kept number and the tolerance.
fn limit(kept: &BTreeMap<String, u64>, chain: &str) -> Result<u64> {
    let kept = *kept.get(chain).with_context(|| format!("{KEPT} has no `{chain}`"))?;
    Ok((kept as f64 * (1.0 + TOLERANCE)) as u64)
}

/// Counts again where it was too many. The epoch clock's thread runs by the clock on the wall, so that a guest
/// is asked for its budget a little more often on a machine with other work: up to 1 % was seen.
fn lowest(limit: u64, count: impl Fn() -> Result<u64>) -> Result<u64> {
    const TIMES: usize = 3;
    let mut lowest = count()?;
    for _ in 1..TIMES {
        if lowest <= limit {
            break;
        }
        lowest = lowest.min(count()?);
    }
    Ok(lowest)
}

/// Fails where one takes more than it did; where one takes less it says that this can be kept.
fn compare(kept: &BTreeMap<String, u64>, counts: &BTreeMap<&str, u64>) -> Result<()> {
    let mut worse = Vec::new();
    for (chain, count) in counts {
        let before = kept[*chain];
        let change = *count as f64 / before as f64 - 1.0;
        let line = format!("a chain of {chain}: {before} to {count}, {:+.1} %", change * 100.0);
        println!("{line}");
        if *count > limit(kept, chain)? {
            worse.push(line);
        } else if change < -TOLERANCE {
            println!("    that is less: keep it with `cargo xtask bench instructions --bless`");
        }
    }
    ensure!(
        worse.is_empty(),
        "more instructions than before: {}. Find out why, or keep it with `--bless` and say why",
        worse.join("; ")
    );
    Ok(())
}

/// Gives the program.
fn build(project: &Project) -> Result<PathBuf> {
    let mut command = cargo(project, &["bench", "--bench", "instructions", "--no-run"]);
    // Always optimised as what is shipped, which `cargo bench` does by itself.
    command.args(&HOST[1..]).args(["--message-format", "json"]);
    let output = command.stderr(Stdio::inherit()).output().context("cargo")?;
    ensure!(output.status.success(), "what failed to compile is said above");
    let said = String::from_utf8_lossy(&output.stdout);
    executable(&said).context("cargo names no program")
}

/// The one in cargo's messages, a JSON object on each line.
fn executable(messages: &str) -> Option<PathBuf> {
    let mut named = messages.lines().filter_map(|line| line.split(r#""executable":""#).nth(1));
    named.find_map(|rest| Some(rest.split('"').next()?.into()))
}

/// Instructions that each further request takes.
fn of_a_request(project: &Project, program: &Path, chain: &str) -> Result<u64> {
    let [few, many] = REQUESTS;
    let count = |requests| count(project, program, chain, requests);
    // The first run compiles the plugins.
    count(1)?;
    Ok(count(many)?.saturating_sub(count(few)?) / (many - few))
}

fn count(project: &Project, program: &Path, chain: &str, requests: u64) -> Result<u64> {
    let mut command = Command::new(program);
    command.args(["count", chain, &requests.to_string()]);
    // Of its own, for valgrind's processor is another one than this machine's.
    command.env("TORANA_CACHE", project.target.join("instructions"));
    let output = command.output().context("starting what is counted")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed:\n{said}");
    counted(&said).with_context(|| format!("valgrind has no count:\n{said}"))
}

/// `==1== I   refs:      1,234`
fn counted(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("refs:"))?;
    line.rsplit(' ').next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_tools_say_is_read() {
        assert_eq!(counted("==7== \n==7== I   refs:      1,234,567\n"), Some(1_234_567));
        assert_eq!(counted("==7== error"), None);
        let messages =
            "{\"executable\":null}\n{\"reason\":\"x\",\"executable\":\"/a/b-1\",\"fresh\":true}";
        assert_eq!(executable(messages), Some("/a/b-1".into()));
    }

    #[test]
    fn three_percent_more_pass_and_four_do_not() {
        let kept = [("one".to_owned(), 1_000)].into();
        compare(&kept, &[("one", 1_030)].into()).unwrap();
        compare(&kept, &[("one", 500)].into()).unwrap();
        let error = compare(&kept, &[("one", 1_040)].into()).unwrap_err().to_string();
        assert!(error.contains("1000 to 1040, +4.0 %"), "{error}");
    }

    #[test]
    fn too_many_are_counted_again() {
        let mut said = [1_100, 1_090, 1_020, 7].into_iter();
        let said = std::cell::RefCell::new(&mut said);
        let count = || said.borrow_mut().next().context("no more");
        assert_eq!(lowest(1_030, count).unwrap(), 1_020);
        assert_eq!(lowest(1_030, count).unwrap(), 7, "once is enough");
    }
}
