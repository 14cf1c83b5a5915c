//! What all commands print alike.

use std::{
    fmt::Display,
    io::{self, ErrorKind, IsTerminal as _, Write},
    path::Path,
    process::{self, ExitCode},
};

use tokio::runtime::{Builder, Runtime};

use crate::{
    config::{Config, Diagnostics, LoadOptions, Source},
    gateway,
};

/// A line of standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::cli::output::put(format_args!("{}\n", format_args!($($text)*))) };
}
/// A line of standard error.
macro_rules! complain {
    ($($text:tt)*) => { $crate::cli::output::tell(format_args!("{}\n", format_args!($($text)*))) };
}
pub(super) use {complain, say};

/// Prints to standard output. That nobody reads it to its end (`torana schema | head`) is no mistake, as it
/// would be to `print!`; that there is no room for it is one.
pub(super) fn put(text: impl Display) {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            tell(format_args!("torana: standard output: {error}\n"));
            process::exit(1)
        }
        _ => {}
    }
}

/// Prints to standard error, if somebody reads it.
pub(super) fn tell(text: impl Display) {
    let _ = write!(io::stderr().lock(), "{text}");
}

/// Prints problems to standard error, with colour where somebody looks.
pub(super) fn print(source: &Source, diagnostics: &Diagnostics) {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tell(diagnostics.render(source, color));
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
pub(super) fn fail(what: impl Display) -> ExitCode {
    complain!("torana: {what}");
    ExitCode::FAILURE
}

/// What comes of work that waits, for a command that does nothing else.
pub(super) fn wait<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    control_runtime().map_err(|error| error.to_string())?.block_on(work)
}

/// The control thread's runtime.
pub(super) fn control_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
