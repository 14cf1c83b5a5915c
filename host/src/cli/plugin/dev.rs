//! `torana plugin dev FILE`

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode, thread, time::Duration};

use tracing::{error, info};
use workshop::Sources;

use super::output;
use crate::{
    cli::run as serve,
    config::{Config, LoadOptions},
};

/// Arguments of `plugin dev`.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    serve: serve::Arguments,
}

/// How often sources are looked at. Few files, and somebody who types: nothing that needs events.
const PACE: Duration = Duration::from_millis(300);

pub(super) fn run(arguments: Arguments, options: LoadOptions) -> ExitCode {
    let options = LoadOptions { develop: true, ..options };
    let sources = match Config::load(&arguments.serve.file, &options) {
        Ok((config, _)) => sources(&config),
        Err(rejected) => {
            output::print(&rejected.source, &rejected.diagnostics);
            return ExitCode::FAILURE;
        }
    };
    if sources.is_empty() {
        return output::fail(format!(
            "{}: no plugin here lies in the folder that it is built from\n\
             write component = {{ path = \"FOLDER/NAME.wasm\" }}; `torana plugin new NAME` makes such a folder",
            arguments.serve.file.display()
        ));
    }
    // A gateway does not start without its components, so the first build has to be a good one.
    for source in &sources {
        match workshop::build(source.folder()) {
            Ok(built) => built.iter().for_each(|component| output::complain!("{component}")),
            Err(error) => return output::fail(error),
        }
    }
    let spawned = thread::Builder::new().name("builds".into()).spawn(|| rebuild(sources));
    match spawned {
        // It ends with the process.
        Ok(_) => serve::run(arguments.serve, options),
        Err(error) => output::fail(error),
    }
}

/// The folders of the plugins that are used, each once.
fn sources(config: &Config) -> Vec<Sources> {
    let components: BTreeSet<&PathBuf> =
        config.plugins.iter().map(|plugin| &plugin.component.path).collect();
    let mut sources: Vec<Sources> =
        components.into_iter().filter_map(|path| Sources::beside(path)).collect();
    sources.dedup_by(|one, other| one.folder() == other.folder());
    sources
}

/// Builds what has changed, for ever. The gateway sees the new component by itself.
fn rebuild(mut sources: Vec<Sources>) {
    loop {
        thread::sleep(PACE);
        for source in
            sources.iter_mut().filter_map(|source| source.have_changed().then_some(source))
        {
            let folder = source.folder().display();
            info!(%folder, "building");
            match workshop::build(source.folder()) {
                Ok(_) => info!(%folder, "built"),
                Err(error) => {
                    error!(%folder, "not built, what was built before serves on: {error}")
                }
            }
        }
    }
}
