//! `torana check FILE`

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{config::LoadOptions, gateway};

/// Arguments of `check`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
    /// How to print problems.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Refuse plugins that are not as torana.lock has them.
    #[arg(long)]
    locked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// An array of objects, for programs.
    Json,
}

pub(super) fn run(arguments: &Arguments, options: LoadOptions) -> ExitCode {
    let options = LoadOptions { locked: arguments.locked, ..options };
    let checked = output::control_runtime()
        .and_then(|runtime| runtime.block_on(gateway::check(&arguments.file, &options)));
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => return output::fail(error),
    };
    match arguments.format {
        Format::Json => output::say!("{:#}", checked.diagnostics.to_json(&checked.source)),
        Format::Text => output::print(&checked.source, &checked.diagnostics),
    }
    let file = arguments.file.display();
    match (&checked.config, arguments.format) {
        (Some(config), Format::Text) => {
            let routes = config.routes.len();
            output::say!("{file}: good ({routes} route{})", if routes == 1 { "" } else { "s" });
        }
        (None, Format::Text) => {
            let errors = checked.diagnostics.len();
            output::complain!("{file}: {errors} problem{}", if errors == 1 { "" } else { "s" });
        }
        _ => {}
    }
    if checked.config.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
