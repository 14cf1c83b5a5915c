//! `torana audit-log verify FILE`

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use clap::Subcommand;

use super::output;
use crate::audit_log;

#[derive(Subcommand)]
pub(super) enum AuditLogCommand {
    /// Look whether a file is whole: no line changed, none taken out, none cut.
    Verify(VerifyArguments),
}

#[derive(clap::Args)]
pub(super) struct VerifyArguments {
    /// The audit log.
    file: PathBuf,
}

pub(super) fn run(command: &AuditLogCommand) -> ExitCode {
    let AuditLogCommand::Verify(VerifyArguments { file }) = command;
    let opened = File::open(file).map_err(audit_log::Broken::Io);
    match opened.and_then(|opened| audit_log::verify(BufReader::new(opened))) {
        Ok((lines, hash)) => {
            output::say!("{}: whole, {lines} lines, the last one's hash is {hash}", file.display());
            ExitCode::SUCCESS
        }
        Err(broken) => output::fail(format!("{}: {broken}", file.display())),
    }
}
