//! What can go wrong, and what to do about it.

use std::{io, path::PathBuf};

/// A plugin that could not be made or built. Every message ends with what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that a package, a component or the TOML could not have.
    #[error(
        "`{name}` cannot be a plugin's name: {why}\nwrite words of a-z and 0-9 with dashes between, as in `tenant-check`"
    )]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something is there already, and might be somebody's work.
    #[error("{0} is there already, and nothing is overwritten\ntake another name, or move it away")]
    Exists(PathBuf),
    /// A folder that holds no plugin.
    #[error(
        "{0} is no plugin's folder: there is neither Cargo.toml nor build.sh\n\
         name the folder, or make one with `torana plugin new NAME`"
    )]
    NoPlugin(PathBuf),
    /// A program that the language's build needs.
    #[error("building this plugin needs `{program}`, which is not on the PATH\n{advice}")]
    Missing {
        /// The program.
        program: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// The build script of the plugin failed, and has said why.
    #[error("{script} failed ({status})\nwhat failed is said above")]
    Script {
        /// The script.
        script: PathBuf,
        /// How it ended.
        status: String,
    },
    /// Rust's way failed.
    #[error(transparent)]
    Guest(#[from] guest_builder::Error),
    /// A file that could not be read or written.
    #[error("{path}: {source}\ndoes the folder exist, and may it be written?")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
