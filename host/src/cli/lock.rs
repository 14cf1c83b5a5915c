//! `torana lock FILE`

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::output;
use crate::{
    config::{Config, LoadOptions},
    gateway,
    trust::Lock,
};

/// Arguments of `lock`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration. Its lock is the file `torana.lock` beside it.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, options: &LoadOptions) -> ExitCode {
    let Some(config) = output::good(&arguments.file, options) else { return ExitCode::FAILURE };
    let path = Lock::path(&arguments.file);
    let written = lock(&config).and_then(|lock| {
        let text = lock.to_text().map_err(|error| error.to_string())?;
        write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(lock.len())
    });
    match written {
        Err(why) => output::fail(why),
        Ok(count) => {
            output::say!("{}: {count} plugin{}", path.display(), if count == 1 { "" } else { "s" });
            ExitCode::SUCCESS
        }
    }
}

fn lock(config: &Config) -> Result<Lock, String> {
    let components = output::wait(gateway::describe_all(config))?;
    Ok(Lock::of(config, |plugin| components.get(&plugin.component.path)))
}

/// Writes beside, then renames: a reader sees all of a lock or the one before.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("lock.{}", std::process::id()));
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
