//! What can go wrong, and what to do about it.

use std::{io, path::PathBuf, process::Command};

use crate::TARGET;

/// A guest that could not be built. Every message ends with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No way to compile for the guests' target.
    #[error(
        "no Rust toolchain here can compile for {TARGET}\n\
         do one of these:\n  \
         - with rustup: `rustup target add {TARGET}`\n  \
         - on Debian 12 or later, as root: `apt-get install rustc-web cargo-web rust-web-src \
         rust-web-llvm lld-NN` (NN as in the llvm-NN that rust-web-llvm depends on)"
    )]
    NoToolchain,
    /// Debian's Rust does not say which linker goes with it.
    #[error(
        "cannot tell which lld goes with Debian's Rust: rust-web-llvm depends on no llvm-NN\n\
         install the newest lld-NN by hand, so that /usr/bin/rust-lld works, and the other packages: \
         rustc-web cargo-web rust-web-src rust-web-llvm"
    )]
    NoLinker,
    /// A program that would not start.
    #[error("cannot start `{command}`: {source}\nis it installed, and on the PATH?")]
    Start {
        /// The command line.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// A program that failed. It has said why on stderr.
    #[error("`{command}` failed ({status})\n{advice}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What to do.
        advice: String,
    },
    /// `cargo metadata` answered something unexpected.
    #[error(
        "cannot read what `cargo metadata` says of {workspace}: {source}\n\
         does a wrapper around cargo print to stdout, or is it much older than 2024?"
    )]
    Metadata {
        /// The workspace asked about.
        workspace: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A workspace without plugins.
    #[error(
        "no package in {0} is a plugin\n\
         a plugin's Cargo.toml has `[lib]` with `crate-type = [\"cdylib\", \"rlib\"]`"
    )]
    NoGuests(PathBuf),
    /// A package that is not there, or is no plugin.
    #[error("no plugin named `{name}` in {workspace}\nthose there are: {known}")]
    UnknownGuest {
        /// The name asked for.
        name: String,
        /// Where it was looked for.
        workspace: PathBuf,
        /// The names that would have been found.
        known: String,
    },
    /// A core module that does not make a component.
    #[error(
        "`{name}` compiled, but makes no component: {source:#}\n\
         does it export its hooks, and are its WIT files those of the SDK it uses?"
    )]
    Encode {
        /// The package.
        name: String,
        /// wit-component's reason.
        source: anyhow::Error,
    },
    /// A file that could not be read or written.
    #[error("{path}: {source}\ndoes it exist, and may it be read and written?")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Runs a program that reports on stderr by itself; nothing of it comes on this process's stdout,
/// which belongs to the caller.
pub(crate) fn run(command: &mut Command, advice: &str) -> Result<(), Error> {
    let shown = shown(command);
    let status = command
        .stdout(io::stderr())
        .status()
        .map_err(|source| Error::Start { command: shown.clone(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { command: shown, status: status.to_string(), advice: advice.into() })
}

/// A command line as one would type it: `Command`'s Debug also shows the folder and the environment.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
