//! `torana plugin dev FILE`

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, SystemTime},
};

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
    let (file, print) = (&arguments.serve.file, Print::of(&arguments.serve.file));
    let sources = match Config::load(file, &options) {
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
            file.display()
        ));
    }
    // A gateway does not start without its components, so the first build has to be a good one.
    for source in &sources {
        match workshop::build(source.folder()) {
            Ok(built) => built.iter().for_each(|component| output::complain!("{component}")),
            Err(error) => return output::fail(error),
        }
    }
    let mut watch = Watch { file: file.clone(), print, options: options.clone(), sources };
    let spawned = thread::Builder::new().name("builds".into()).spawn(move || watch.rebuild());
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

/// A file as it was when it was last read; none where there is none.
#[derive(PartialEq, Eq)]
struct Print(Option<(SystemTime, u64)>);

impl Print {
    fn of(file: &Path) -> Self {
        let read = fs::metadata(file).and_then(|file| Ok((file.modified()?, file.len())));
        Self(read.ok())
    }
}

/// The sources of what the configuration names.
struct Watch {
    file: PathBuf,
    print: Print,
    options: LoadOptions,
    sources: Vec<Sources>,
}

impl Watch {
    /// Builds what has changed, for ever. The gateway sees the new component by itself.
    fn rebuild(&mut self) {
        loop {
            thread::sleep(PACE);
            self.read_anew();
            let changed = self.sources.iter_mut().filter_map(|s| s.have_changed().then_some(s));
            changed.for_each(|source| build(source));
        }
    }

    /// Looks whether the configuration names other plugins now. What is wrong with it is the gateway's to say.
    fn read_anew(&mut self) {
        let print = Print::of(&self.file);
        if print == self.print {
            return;
        }
        self.print = print;
        let Ok((config, _)) = Config::load(&self.file, &self.options) else { return };
        let mut known = std::mem::take(&mut self.sources);
        for source in sources(&config) {
            match known.iter().position(|known| known.folder() == source.folder()) {
                // What it saw last is what is built.
                Some(at) => self.sources.push(known.swap_remove(at)),
                None => {
                    info!(folder = %source.folder().display(), "watched from now on");
                    build(&source);
                    self.sources.push(source);
                }
            }
        }
    }
}

fn build(source: &Sources) {
    let folder = source.folder().display();
    info!(%folder, "building");
    match workshop::build(source.folder()) {
        Ok(_) => info!(%folder, "built"),
        Err(error) => error!(%folder, "not built, what was built before serves on: {error}"),
    }
}
