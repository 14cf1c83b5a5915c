//! How cargo is called for what runs on this machine. (Guests: the `guest-builder` crate.)

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// What every call for the host's programs and tests selects.
///
/// Cargo unifies the features of what is selected together, so another selection is another build
/// of whatever has other features in it, and of all that depends on that: `-p torana` alone differs
/// by wasmtime and fifty crates more. One selection for the binary, the sample services and the
/// tests compiles wasmtime once. This program is left out: it is there already, unoptimised.
pub(crate) const HOST: [&str; 3] = ["--release", "--workspace", "--exclude=xtask"];

/// The programs of [`HOST`], built as its tests will find them.
///
/// `--examples` is there for what it does to features: with it, those of dev-dependencies count, as
/// they do for tests. (There are no examples in cargo's sense.) What is shipped has none of them:
/// `cargo build --profile dist -p torana`.
pub(crate) const HOST_PROGRAMS: [&str; 2] = ["--bins", "--examples"];

/// A cargo subcommand, in the root folder.
pub(crate) fn cargo(project: &Project, subcommand: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(subcommand).current_dir(&project.root);
    if project.ci {
        command.arg("--locked");
    }
    command
}

/// Whether cargo-nextest is here.
pub(crate) fn has_nextest(project: &Project) -> bool {
    let mut version = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    version.args(["nextest", "--version"]).current_dir(&project.root);
    let status = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a command whose output is its own report.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    eprintln!("    $ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status}); it says above why");
    }
    Ok(())
}

/// The command line, with the program's bare name.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
