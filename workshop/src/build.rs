//! The component of a plugin's folder.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use guest_builder::{Build, Choice, Component, Machine, Packages, Toolchain};
use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

use crate::Error;

/// A component that was built.
#[derive(Debug)]
pub struct Built {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} KiB)", self.path.display(), self.bytes.div_ceil(1024))
    }
}

/// Builds the plugin of a folder, as `FOLDER/NAME.wasm`. What the tools say goes to stderr.
///
/// Cargo's target folder is `CARGO_TARGET_DIR`, or `target` in the plugin's folder.
///
/// # Errors
///
/// If the folder has no plugin, tools are missing, or they fail.
pub fn build(folder: &Path) -> Result<Vec<Built>, Error> {
    let folder =
        folder.canonicalize().map_err(|source| Error::File { path: folder.into(), source })?;
    if folder.join("Cargo.toml").is_file() {
        rust(&folder)
    } else if folder.join("build.sh").is_file() {
        script(&folder).map(|built| vec![built])
    } else {
        Err(Error::NoPlugin(folder))
    }
}

fn rust(folder: &Path) -> Result<Vec<Built>, Error> {
    let build = Build {
        workspace: folder.into(),
        packages: Packages::All,
        target_dir: env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| folder.join("target"), PathBuf::from),
        output: folder.into(),
        locked: false,
    };
    let components = build.run(&toolchain(folder)?)?;
    let built = |Component { path, bytes, .. }| Built { path, bytes };
    Ok(components.into_iter().map(built).collect())
}

/// Nobody asked for packages to be installed: what would have to be is said.
fn toolchain(folder: &Path) -> Result<Toolchain, Error> {
    match Choice::of(&Machine::probe(folder)) {
        Choice::Ready(toolchain) => Ok(toolchain),
        _ => Err(guest_builder::Error::NoToolchain.into()),
    }
}

/// What the scripts of the languages start, how to ask whether it is whole, and where it comes from.
const PROGRAMS: [(&str, &[&str], &str); 3] = [
    ("npm", &["--version"], "install Node.js: `apt-get install nodejs npm`, or https://nodejs.org"),
    (
        "python3",
        // Some systems ship it without what makes virtual environments.
        &["-c", "import ensurepip, venv"],
        "install Python and its venv: `apt-get install python3 python3-venv`",
    ),
    (
        "wit-bindgen",
        &["--version"],
        "install it: `cargo install wit-bindgen-cli@0.63.0 --no-default-features --features c,go`",
    ),
];

fn script(folder: &Path) -> Result<Built, Error> {
    let script = folder.join("build.sh");
    let text = fs::read_to_string(&script)
        .map_err(|source| Error::File { path: script.clone(), source })?;
    for (program, question, advice) in PROGRAMS {
        if starts(&text, program) && !answers(program, question) {
            return Err(Error::Missing { program, advice });
        }
    }
    let name = folder.file_name().unwrap_or_default();
    let path = folder.join(name).with_extension("wasm");
    let mut command = Command::new(&script);
    command.arg(&path).current_dir(folder).stdout(io::stderr());
    if text.contains("$ADAPTER") && env::var_os("ADAPTER").is_none() {
        command.env("ADAPTER", adapter(folder)?);
    }
    let status = command.status();
    let status = status.map_err(|source| Error::File { path: script.clone(), source })?;
    if !status.success() {
        return Err(Error::Script { script, status: status.to_string() });
    }
    let bytes = fs::metadata(&path).map_err(|source| Error::File { path: path.clone(), source })?;
    Ok(Built { path, bytes: bytes.len() })
}

/// What stands between preview 1 of WASI, which Go speaks, and components.
fn adapter(folder: &Path) -> Result<PathBuf, Error> {
    let file = folder.join("build/wasi_snapshot_preview1.reactor.wasm");
    let written = fs::create_dir_all(folder.join("build"))
        .and_then(|()| fs::write(&file, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER));
    written.map_err(|source| Error::File { path: file.clone(), source })?;
    Ok(file)
}

/// Whether a line of a script, comments aside, begins with a program or has it after `||`.
fn starts(script: &str, program: &str) -> bool {
    let commands = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    commands.flat_map(|line| line.split("||")).any(|command| {
        command.trim_start().strip_prefix(program).is_some_and(|rest| rest.starts_with(' '))
    })
}

fn answers(program: &str, question: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_starts_is_seen() {
        let script = "# npm\n[ -d .venv ] || python3 -m venv .venv\nwit-bindgen c wit\n";
        assert!(starts(script, "python3") && starts(script, "wit-bindgen"));
        assert!(!starts(script, "npm") && !starts(script, "venv"));
    }

    #[test]
    fn a_folder_without_a_plugin_is_told_how_to_get_one() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("make one with `torana plugin new NAME`"), "{error}");
    }

    #[test]
    fn a_script_that_fails_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("build.sh");
        fs::write(&script, "#!/bin/sh\nexit 3\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
        let error = build(folder.path()).unwrap_err().to_string();
        assert!(error.contains("build.sh failed (exit status: 3)"), "{error}");
    }
}
