//! `torana plugin inspect FILE`

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    filter::Hooks,
    plugin::{Description, Import},
};

/// Arguments of `plugin inspect`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The component.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let described = crate::gateway::describe(&arguments.file);
    match described {
        Err(why) => output::fail(format!("{}: {why}", arguments.file.display())),
        Ok(description) if arguments.json => {
            println!("{:#}", json(&description));
            ExitCode::SUCCESS
        }
        Ok(description) => {
            print!("{}", text(&description));
            ExitCode::SUCCESS
        }
    }
}

fn text(description: &Description) -> String {
    let list = |names: Vec<String>| match names[..] {
        [] => "none".to_owned(),
        _ => names.join(", "),
    };
    format!(
        "sha256   {}\nsize     {} bytes\nwit      torana:plugin@{}\nhooks    {}\nimports  {}\n",
        hex::encode(description.sha256),
        description.size,
        description.wit_version,
        list(hooks(description.hooks)),
        list(imports(description)),
    )
}

fn json(description: &Description) -> serde_json::Value {
    serde_json::json!({
        "sha256": hex::encode(description.sha256),
        "size": description.size,
        "wit": description.wit_version,
        "hooks": hooks(description.hooks),
        "imports": imports(description),
    })
}

fn imports(description: &Description) -> Vec<String> {
    let name = |import: &Import| match import {
        Import::Capability(name) | Import::Wasi(name) => name.clone(),
    };
    description.imports.iter().map(name).collect()
}

fn hooks(hooks: Hooks) -> Vec<String> {
    [
        ("on-request-head", hooks.request_head),
        ("on-request-body", hooks.request_body),
        ("on-request-stream", hooks.request_stream),
        ("handler", hooks.handler),
        ("on-response-head", hooks.response_head),
        ("on-response-body", hooks.response_body),
        ("on-response-stream", hooks.response_stream),
        ("on-tick", hooks.tick),
        ("schema", hooks.schema),
    ]
    .into_iter()
    .filter(|(_, exported)| *exported)
    .map(|(name, _)| name.to_owned())
    .collect()
}
