//! `cargo xtask build`: all that a gateway needs to run.

use anyhow::Result;

use crate::{
    cargo::{HOST, HOST_PROGRAMS, cargo, run as run_command},
    guests,
    progress::step,
    project::Project,
};

/// Builds the host's programs and the guests.
pub(crate) fn run(project: &Project) -> Result<()> {
    step("the gateway", || {
        if !project.binary("torana").exists() {
            eprintln!("    the first time takes some minutes: it compiles a WebAssembly engine");
        }
        run_command(cargo(project, &["build"]).args(HOST).args(HOST_PROGRAMS))
    })?;
    guests::run(project)
}
