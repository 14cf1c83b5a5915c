//! `torana plugin inspect FILE`

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    gateway,
    plugin::{Description, Import},
};

/// Arguments of `plugin inspect`.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The component.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let described = output::wait(gateway::describe(&arguments.file));
    match described {
        Err(why) => output::fail(format!("{}: {why}", arguments.file.display())),
        Ok(description) if arguments.json => {
            output::say!("{:#}", json(&description));
            ExitCode::SUCCESS
        }
        Ok(description) => {
            output::put(text(&description));
            ExitCode::SUCCESS
        }
    }
}

fn text(description: &Description) -> String {
    let list = |names: Vec<&str>| match names[..] {
        [] => "none".to_owned(),
        _ => names.join(", "),
    };
    format!(
        "sha256   {}\nsize     {} bytes\nwit      torana:plugin@{}\nhooks    {}\nimports  {}\n",
        hex::encode(description.sha256),
        description.size,
        description.wit_version,
        list(description.hooks.names()),
        list(imports(description)),
    )
}

fn json(description: &Description) -> serde_json::Value {
    serde_json::json!({
        "sha256": hex::encode(description.sha256),
        "size": description.size,
        "wit": description.wit_version,
        "hooks": description.hooks.names(),
        "imports": imports(description),
    })
}

fn imports(description: &Description) -> Vec<&str> {
    description.imports.iter().map(Import::name).collect()
}
