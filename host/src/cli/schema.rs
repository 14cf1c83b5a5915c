//! `torana schema`

use std::process::ExitCode;

use super::output;
use crate::config;

pub(super) fn run() -> ExitCode {
    output::say!("{:#}", config::schema());
    ExitCode::SUCCESS
}
