//! `cargo xtask suites`: what others wrote to test such programs with, run through a gateway.

mod packages;
mod programs;

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    build,
    cargo::{HOST, run as run_command},
    languages::has,
    progress::step,
    project::Project,
    suites::packages::{PACKAGES, Packages},
    test,
};

/// Installs the suites below target/suites, runs them, and shows their scores.
pub(crate) fn run(project: &Project) -> Result<()> {
    let folder = project.target.join("suites");
    for program in ["node", "npm", "python3"] {
        anyhow::ensure!(has(program), "the suites are read by `{program}`, which is not here");
    }
    build::run(project)?;
    step("suites from their registries", || {
        let packages = Packages::below(&folder);
        PACKAGES.iter().try_for_each(|package| packages.install(package))?;
        programs::install(&folder)
    })?;
    let scores = folder.join("scores");
    if scores.exists() {
        fs::remove_dir_all(&scores).context("removing the scores of the last run")?;
    }
    let ended = step("suites", || {
        let mut command = test::runner(project);
        command.args(HOST).args(["--test", "suites", "--features", "torana-tests/suites"]);
        run_command(&mut command)
    });
    // Scores that are too low are shown as well.
    show(&scores)?;
    ended
}

fn show(scores: &Path) -> Result<()> {
    if !scores.exists() {
        return Ok(());
    }
    let files = fs::read_dir(scores)?.map(|entry| Ok(fs::read_to_string(entry?.path())?));
    let mut rows = files.collect::<Result<Vec<_>>>().context("reading the scores")?;
    rows.sort();
    println!("\n{}", rows.join("\n"));
    Ok(())
}
