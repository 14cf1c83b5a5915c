//! Debian's Rust for the web: the packages, and what they need.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Error, error::run};

/// A current Rust, kept so for browsers: compiler, cargo, the library's source, LLVM's tools.
/// No version is pinned: Debian moves them together.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];

/// The linker by the name that rustc calls it by. `rust-web-llvm` brings the link, but not the
/// package it points into (see [`linker_package`]).
const LINKER: &str = "/usr/bin/rust-lld";

/// Whether this system is Debian.
pub(crate) fn is_this() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=debian")
}

/// Whether everything is there. The packages are asked for by name, because Debian's own old
/// `rustc` would sit at the same path.
pub(crate) fn is_installed() -> bool {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}\n"])
        .args(PACKAGES)
        .stderr(Stdio::null())
        .output();
    let packages = query.is_ok_and(|query| {
        let states = String::from_utf8_lossy(&query.stdout);
        states.lines().filter(|state| *state == "installed").count() == PACKAGES.len()
    });
    packages && Path::new(LINKER).exists()
}

/// Installs everything.
pub(crate) fn install() -> Result<(), Error> {
    // Even a look-up needs the lists, and a fresh container has none.
    run(apt_get().arg("update"), "see what apt-get says above; is the network there?")?;
    let linker = linker_package()?;
    run(
        apt_get()
            // rustc-web takes the place of Debian's plain rustc. Whoever installed that one should
            // be the one to give it up.
            .args(["install", "--yes", "--no-install-recommends", "--no-remove"])
            .args(PACKAGES)
            .arg(linker),
        "see what apt-get says above. If it would have to remove rustc: `apt-get remove rustc cargo`, \
         then try again",
    )
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet");
    command
}

/// The linker has LLVM's version in its name, and no package of Rust's depends on it; it must be of
/// the version that Debian's Rust is built on.
fn linker_package() -> Result<String, Error> {
    let query = Command::new("apt-cache").args(["depends", "rust-web-llvm"]).output();
    let depends = query.map(|query| query.stdout).unwrap_or_default();
    linker_beside(&String::from_utf8_lossy(&depends)).ok_or(Error::NoLinker)
}

/// `Depends: llvm-22` asks for `lld-22`.
fn linker_beside(depends: &str) -> Option<String> {
    let mut packages = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let version = packages.find_map(|package| package.strip_prefix("llvm-"))?;
    Some(format!("lld-{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linker_is_of_the_compilers_llvm() {
        let depends = "rust-web-llvm\n  Depends: libc6\n  Depends: libgcc-s1\n  Depends: llvm-22\n  \
                       Conflicts: <rust-llvm>\n";
        assert_eq!(linker_beside(depends).as_deref(), Some("lld-22"));
    }

    #[test]
    fn without_an_llvm_there_is_no_linker_to_name() {
        assert_eq!(linker_beside("rust-web-llvm\n  Depends: libc6\n"), None);
        assert_eq!(linker_beside(""), None);
    }
}
