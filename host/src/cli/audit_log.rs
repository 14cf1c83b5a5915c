//! `torana audit-log verify FILE...`

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use super::output;
use crate::audit_log::{Found, Verifier};

#[derive(Subcommand)]
pub(super) enum AuditLogCommand {
    /// Look whether a chain is whole: no line changed, none taken out, none cut.
    Verify(VerifyArguments),
}

#[derive(clap::Args)]
pub(super) struct VerifyArguments {
    /// The audit log; where it was rotated all of its files, the oldest first.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// How many broken lines of a file are shown.
const SHOWN: usize = 20;

pub(super) fn run(command: &AuditLogCommand) -> ExitCode {
    let AuditLogCommand::Verify(VerifyArguments { files }) = command;
    let (mut verifier, mut all_whole) = (Verifier::new(), true);
    for file in files {
        match File::open(file).and_then(|opened| verifier.read(BufReader::new(opened))) {
            Ok(found) => all_whole &= tell(file, &found),
            Err(error) => {
                return output::fail(format!("{}: it cannot be read: {error}", file.display()));
            }
        }
    }
    if all_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what a file was found to be, and whether that is good.
fn tell(file: &Path, found: &Found) -> bool {
    let (file, lines, hash) = (file.display(), found.lines, &found.hash);
    let breaks = found.breaks.len();
    for broken in found.breaks.iter().take(SHOWN) {
        output::fail(format!("{file}: {broken}"));
    }
    if breaks > SHOWN {
        output::fail(format!("{file}: and {} lines more", breaks - SHOWN));
    }
    let behind = match found.behind {
        0 => String::new(),
        1 => "; it goes on from another file with line 1".to_owned(),
        behind => format!("; it goes on from another file with lines 1 to {behind}"),
    };
    match breaks {
        0 => output::say!("{file}: whole, {lines} lines, the last one's hash is {hash}{behind}"),
        _ => output::complain!("{file}: the other {lines} lines are as they were written"),
    }
    breaks == 0
}
