//! `cargo xtask build`: all that a gateway needs to run.

use anyhow::Result;

use crate::{
    cargo::{HOST, cargo, run as run_command},
    guests,
    progress::step,
    project::Project,
};

/// Builds the host's programs and the guests.
pub(crate) fn run(project: &Project) -> Result<()> {
    step("the gateway", || {
        if !project.binary("torana").exists() {
            eprintln!("    the first time takes ten minutes or so: it compiles wasmtime");
        }
        run_command(cargo(project, &["build"]).args(HOST))
    })?;
    guests::run(project)
}
