//! `torana schema [PLUGIN]`

use std::process::ExitCode;

use super::output;
use crate::{
    config::{self, ComponentRef, LoadOptions},
    gateway,
};

/// Arguments of `schema`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The `config` of this plugin instead: the name of a bundled component, or the file of another one.
    #[arg(value_name = "PLUGIN")]
    plugin: Option<String>,
}

pub(super) fn run(arguments: &Arguments, options: &LoadOptions) -> ExitCode {
    let schema = match &arguments.plugin {
        None => config::schema(),
        Some(plugin) => {
            let asked = gateway::schema_of(ComponentRef::named(plugin, options));
            match output::wait(asked) {
                Ok(Some(schema)) => schema,
                Ok(None) => return output::fail(format!("{plugin}: it has no schema")),
                Err(why) => return output::fail(format!("{plugin}: {why}")),
            }
        }
    };
    output::say!("{schema:#}");
    ExitCode::SUCCESS
}
