//! The compilers that can make guests, and how each is called.

use std::{fmt, path::Path, process::Command};

use crate::{TARGET, environment};

/// A Rust that can compile for the guests' target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// `cargo` as found on the PATH; its target is installed.
    Active,
    /// Debian's `rustc-web`. Debian compiles no standard library for the target, but ships the
    /// source, vendored dependencies included: cargo builds it along, once per target folder.
    Debian,
}

impl Toolchain {
    /// This toolchain's cargo, ready for a subcommand, in `workspace`.
    ///
    /// Whatever cargo this process runs under has left its traces in the environment (RUSTC,
    /// RUSTFLAGS, ...); none reaches the guests' build, which is for another machine.
    pub(crate) fn cargo(self, workspace: &Path) -> Command {
        let mut command = match self {
            Self::Active => Command::new("cargo"),
            Self::Debian => Command::new("/usr/bin/cargo"),
        };
        environment::clean(&mut command, self);
        if self == Self::Debian {
            // `-Zbuild-std` is unstable, and this is how a released cargo is told to accept it.
            command.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", "/usr/bin/rustc");
        }
        command.current_dir(workspace);
        command
    }

    /// `cargo build` for the guests' target.
    pub(crate) fn cargo_build(self, workspace: &Path) -> Command {
        let mut command = self.cargo(workspace);
        command.args(["build", "--release", "--target", TARGET]);
        if self == Self::Debian {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "the active toolchain",
            Self::Debian => "Debian's rustc-web and a standard library built from its source",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(command: &Command) -> String {
        format!("{command:?}")
    }

    #[test]
    fn the_active_toolchain_is_plain_cargo() {
        let command = shown(&Toolchain::Active.cargo_build(Path::new("plugins")));
        assert!(command.contains(r#""cargo" "build" "--release" "--target" "#), "{command}");
        assert!(!command.contains("build-std"), "{command}");
    }

    #[test]
    fn debian_builds_its_own_standard_library() {
        let command = shown(&Toolchain::Debian.cargo_build(Path::new("plugins")));
        assert!(command.contains(r#""/usr/bin/cargo" "build""#), "{command}");
        assert!(command.contains(r#"RUSTC="/usr/bin/rustc""#), "{command}");
        assert!(command.contains(r#""-Zbuild-std=std,panic_abort""#), "{command}");
    }
}
