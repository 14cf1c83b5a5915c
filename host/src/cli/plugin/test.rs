//! `torana plugin test [FOLDER]`

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::output;
use crate::trial::{LogLines, Trial};

/// Arguments of `plugin test`.
#[derive(clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin's folder, with the component that `plugin build` has made, and cases/*.toml.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Another component than FOLDER/NAME.wasm.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Write what came of the cases into their files, as what they expect. Read what changes.
    #[arg(long)]
    bless: bool,
}

pub(in crate::cli) fn run(arguments: &Arguments) -> ExitCode {
    match tested(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => output::fail(why),
    }
}

fn tested(arguments: &Arguments) -> Result<bool, String> {
    let (folder, started) = (&arguments.folder, Instant::now());
    let component = match &arguments.component {
        Some(component) => component.clone(),
        None => only_component(folder)?,
    };
    let cases = files(&folder.join("cases"), "toml");
    if cases.is_empty() {
        return Err(format!("{} has no cases/*.toml", folder.display()));
    }
    let log = LogLines::default();
    let _ = tracing_subscriber::registry().with(log.clone()).try_init();
    let runtime = output::control_runtime().map_err(|why| why.to_string())?;
    let trial = runtime.block_on(Trial::new(&component, log));
    let trial = trial.map_err(|why| format!("{}: {why}", component.display()))?;
    let mut failed = 0;
    for case in &cases {
        let played = runtime.block_on(trial.file(case));
        let played = match played {
            Ok(played) if played.wrong().is_empty() => continue,
            Ok(played) if arguments.bless => {
                let written = played.blessed().and_then(|text| {
                    fs::write(case, text).map_err(|why| why.to_string())?;
                    output::say!("{}: written anew", case.display());
                    runtime.block_on(trial.file(case))
                });
                // Calls that went wrong, say, are no expectations: they are for a person.
                written.map(|again| again.wrong().to_vec()).unwrap_or_else(|why| vec![why])
            }
            Ok(played) => played.wrong().to_vec(),
            Err(why) => vec![why],
        };
        if played.is_empty() {
            continue;
        }
        failed += 1;
        output::say!("{}:\n  {}\n", case.display(), played.join("\n").replace('\n', "\n  "));
    }
    let took = started.elapsed().as_secs_f32();
    output::say!("{} cases on the real host, {failed} failed, {took:.1} s", cases.len());
    Ok(failed == 0)
}

fn only_component(folder: &Path) -> Result<PathBuf, String> {
    let mut found = files(folder, "wasm");
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => {
            Err(format!("{} has no component: run `torana plugin build` first", folder.display()))
        }
        _ => Err(format!("{} has several components: name one, --component", folder.display())),
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    files
}
