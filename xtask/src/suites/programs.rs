//! Programs that test a gateway from outside: of Python in the suites' virtual environment, of Debian in
//! the system.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use super::packages::pip;
use crate::cargo::run as run_command;

/// Of PyPI, with their versions: scores are those of these.
const PYTHON: [&str; 6] = [
    "kosoku==0.1.0",
    "sslyze==6.3.1",
    "httplint==2026.10.4",
    "http-sf==1.5.0",
    "pytest==8.4.2",
    "opentelemetry-proto==1.45.2",
];

/// What is called, and the package of Debian that has it.
const DEBIAN: [(&str, &str); 3] =
    [("slowhttptest", "slowhttptest"), ("h2load", "nghttp2-client"), ("promtool", "prometheus")];

/// Installs what is missing of them.
pub(crate) fn install(folder: &Path) -> Result<()> {
    of_python(&folder.join("venv"))?;
    of_debian()
}

fn of_python(venv: &Path) -> Result<()> {
    let (installed, wanted) = (venv.join("installed"), PYTHON.join("\n"));
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut command = pip(venv)?;
    command.args(["install", "--quiet", "--disable-pip-version-check"]).args(PYTHON);
    run_command(&mut command)?;
    fs::write(installed, wanted).context("noting what is installed")
}

/// By apt, which only root may, as in CI; who is not root reads what to type.
fn of_debian() -> Result<()> {
    let missing = DEBIAN.iter().filter(|(program, _)| !is_there(program));
    let missing: Vec<_> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        run_command(&mut command)
    };
    let install = ["install", "--quiet=2", "--yes", "--no-install-recommends"];
    apt(&["update", "--quiet=2"])
        .and_then(|()| apt(&[&install, &missing[..]].concat()))
        .with_context(|| {
            format!("the suites need more: as root, `apt-get install {}`", missing.join(" "))
        })?;
    let still = DEBIAN.iter().find(|(program, _)| !is_there(program));
    anyhow::ensure!(still.is_none(), "installed, and not there: {still:?}");
    Ok(())
}

/// Not all of them say their version and are content.
fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("-h").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}
