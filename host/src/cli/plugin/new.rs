//! `torana plugin new NAME`

use std::{path::Path, process::ExitCode};

use workshop::{Language, Name};

use super::output;

/// Arguments of `plugin new`.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin's name, as in `tenant-check`. Its folder is made here.
    name: String,
    /// What it is written in: rust, js, python, go or c.
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    lang: Language,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let created = arguments
        .name
        .parse()
        .and_then(|name: Name| workshop::create(Path::new(""), &name, arguments.lang));
    match created {
        Ok(folder) => {
            let name = folder.display();
            output::say!(
                "{name}/ is made. What is next:\n\n    cd {name}\n    torana plugin build\n    torana run gateway.toml"
            );
            ExitCode::SUCCESS
        }
        Err(error) => output::fail(error),
    }
}
