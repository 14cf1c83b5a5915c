//! What all commands print alike.

use std::{io::IsTerminal as _, path::Path, process::ExitCode};

use tokio::runtime::{Builder, Runtime};

use crate::{
    config::{Config, Diagnostics, LoadOptions, Source},
    gateway,
};

/// Prints problems to standard error, with colour where somebody looks.
pub(super) fn print(source: &Source, diagnostics: &Diagnostics) {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", diagnostics.render(source, color));
}

/// The configuration, if `check` takes it. What is wrong with it, and warnings, are printed.
pub(super) fn good(file: &Path, options: &LoadOptions) -> Option<Config> {
    let checked =
        control_runtime().and_then(|runtime| runtime.block_on(gateway::check(file, options)));
    match checked {
        Ok(checked) => {
            print(&checked.source, &checked.diagnostics);
            checked.config
        }
        Err(error) => {
            fail(error);
            None
        }
    }
}

/// Says in one line what went wrong outside the file.
pub(super) fn fail(what: impl std::fmt::Display) -> ExitCode {
    eprintln!("torana: {what}");
    ExitCode::FAILURE
}

/// The control thread's runtime.
pub(super) fn control_runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
