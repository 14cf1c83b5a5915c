//! What all commands print alike.

use std::{io::IsTerminal as _, process::ExitCode};

use tokio::runtime::{Builder, Runtime};

use crate::config::{Diagnostics, Source};

/// Prints problems to standard error, with colour where somebody looks.
pub(super) fn print(source: &Source, diagnostics: &Diagnostics) {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", diagnostics.render(source, color));
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
