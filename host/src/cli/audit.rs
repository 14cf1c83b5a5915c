//! `torana audit FILE`

use std::{path::PathBuf, process::ExitCode};

use super::output;
use crate::{
    audit::{Report, Severity, Subject},
    config::{Config, LoadOptions},
    gateway,
    trust::Lock,
};

/// Arguments of `audit`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration.
    file: PathBuf,
    /// How to show it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 if there is a finding that is this grave or graver.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One object, for programs.
    Json,
    /// One page, for a browser.
    Html,
}

pub(super) fn run(arguments: &Arguments, options: &LoadOptions) -> ExitCode {
    let Some(config) = output::good(&arguments.file, options) else { return ExitCode::FAILURE };
    let report = match report(&config) {
        Ok(report) => report,
        Err(why) => return output::fail(why),
    };
    match arguments.format {
        Format::Text => output::put(report.to_text()),
        Format::Json => output::put(report.to_json()),
        Format::Html => output::put(report.to_html()),
    }
    match arguments.fail_on.is_some_and(|severity| report.reaches(severity)) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

fn report(config: &Config) -> Result<Report, String> {
    let components = output::wait(gateway::describe_all(config))?;
    // A lock that is not there, or that nobody can read, pins nothing.
    let lock = Lock::read(&Lock::path(&config.source.path)).ok();
    Ok(Report::of(&Subject { config, components: &components, lock: lock.as_ref() }))
}
