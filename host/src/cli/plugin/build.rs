//! `torana plugin build [FOLDER]`

use std::{path::PathBuf, process::ExitCode};

use super::output;

/// Arguments of `plugin build`.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin's folder. Its component is written there.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    match workshop::build(&arguments.folder) {
        Ok(built) => {
            built.iter().for_each(|component| output::say!("{component}"));
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(error),
    }
}
