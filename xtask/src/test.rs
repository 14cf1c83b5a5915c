//! `cargo xtask test`: every test there is.

use std::process::Command;

use anyhow::Result;

use crate::{
    build,
    cargo::{HOST, cargo, has_nextest, run as run_command},
    languages,
    progress::step,
    project::Project,
};

/// Builds everything, then tests it. Filters narrow the run to those tests of the host's workspace.
pub(crate) fn run(project: &Project, filters: &[String]) -> Result<()> {
    // The tests run the gateway and the guests as a user would: built, from target/.
    build::run(project)?;
    let has_languages = languages::run(project)?;
    let has_redis = has_redis()?;
    let nextest = has_nextest(project);
    // First: a test of the host's has a newcomer build a plugin, from what was compiled for these.
    for workspace in ["plugins", "examples/plugins/rust"].iter().filter(|_| filters.is_empty()) {
        step(&format!("tests in {workspace}"), || {
            run_command(&mut plugin_tests(project, nextest, workspace))
        })?;
    }
    step("tests of the host", || {
        let mut command = tests(project, nextest);
        if has_languages {
            command.args(["--features", "torana-tests/languages"]);
        }
        if has_redis {
            command.args(["--features", "torana-tests/redis"]);
        }
        run_command(command.args(HOST).args(filters))
    })?;
    if !filters.is_empty() {
        return Ok(());
    }
    step("tests of the chores", || {
        run_command(tests(project, nextest).args(["--package", "xtask"]))
    })?;
    step("examples in the documentation", || {
        run_command(cargo(project, &["test", "--doc"]).args(DOCUMENTED))
    })
}

/// Whether there is a Redis to test the shared store with. Where everything must be tested, its
/// absence is an error.
fn has_redis() -> Result<bool> {
    let has_redis = languages::has("redis-server");
    if !has_redis {
        let missing = "the shared store: NOT TESTED, for there is no `redis-server` here";
        anyhow::ensure!(std::env::var_os("CI").is_none(), missing);
        eprintln!("==> {missing}");
    }
    Ok(has_redis)
}

/// The libraries that others program against, unoptimised: alone they have other features than
/// among [`HOST`], and would be compiled once more for it.
const DOCUMENTED: [&str; 4] = ["--package", "torana-plugin-sdk", "--package", "guest-builder"];

/// The plugins' own tests run natively: their logic is plain Rust. Unoptimised, so that arithmetic
/// that overflows is a failure; in a folder of their own, for they share no build with the rest.
fn plugin_tests(project: &Project, nextest: bool, workspace: &str) -> Command {
    let mut command = tests(project, nextest);
    command.args(["--workspace", "--manifest-path", &format!("{workspace}/Cargo.toml")]);
    command.arg("--target-dir").arg(project.target.join("guests-native"));
    command
}

/// What runs tests here.
pub(crate) fn runner(project: &Project) -> Command {
    tests(project, has_nextest(project))
}

/// nextest where it is installed: it runs tests side by side, and a crash takes only its own down.
/// Getting here took minutes, so every failure is told, not only the first.
fn tests(project: &Project, nextest: bool) -> Command {
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test"] };
    let mut command = cargo(project, runner);
    command.arg("--no-fail-fast");
    command
}
