//! The facts about this machine that decide how guests can be built.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
};

use crate::{TARGET, debian};

/// What was found here. Plain facts, so that [`Choice::of`](crate::Choice::of) stays a pure function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The active toolchain has a compiled standard library for the guests' target.
    pub target_installed: bool,
    /// Debian's Rust, its library's source and its linker are all installed.
    pub debian_rust: bool,
    /// This is Debian itself; its derivatives do not carry the packages.
    pub debian: bool,
    /// Packages may be installed.
    pub root: bool,
    /// The toolchain is rustup's, which can add a target.
    pub rustup: bool,
}

impl Machine {
    /// Looks around, as seen from the workspace to be built: a `rust-toolchain.toml` there counts.
    pub fn probe(workspace: &Path) -> Self {
        Self {
            target_installed: target_installed(workspace),
            debian_rust: debian::is_installed(),
            debian: debian::is_this(),
            root: is_root(),
            rustup: answers(Command::new("rustup").arg("--version")),
        }
    }
}

/// Asks rustc where the target's library would be and looks there. Asking rustup instead would miss
/// toolchains that do not come from it.
fn target_installed(workspace: &Path) -> bool {
    let answer = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(workspace)
        .stderr(Stdio::null())
        .output();
    answer.is_ok_and(|answer| {
        let folder = String::from_utf8_lossy(&answer.stdout);
        answer.status.success() && has_core(Path::new(folder.trim()))
    })
}

/// The folder alone proves nothing: rustup leaves an empty one behind when a target is removed.
fn has_core(libdir: &Path) -> bool {
    let entries = fs::read_dir(libdir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with("libcore-"))
}

/// Who owns this process, as the kernel shows it; spares a dependency for `geteuid`.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn answers(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
