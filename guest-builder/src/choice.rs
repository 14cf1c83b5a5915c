//! Which of the three ways of building guests is taken.

use std::{fmt, process::Command};

use crate::{Error, Machine, TARGET, Toolchain, debian, error::run};

/// The first way that is open on a [`Machine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Everything is there.
    Ready(Toolchain),
    /// Debian's packages are to be installed first.
    InstallDebian,
    /// rustup is to fetch the target first.
    AddTarget,
    /// Nothing that could be done from here. [`Choice::prepare`] fails, and says what to do.
    Nothing,
}

impl Choice {
    /// Decides. What is installed comes first; what is fetched comes last, and from the
    /// distribution before rustup's servers, which are out of reach on many a build machine.
    pub fn of(machine: &Machine) -> Self {
        match machine {
            Machine { target_installed: true, .. } => Self::Ready(Toolchain::Active),
            Machine { debian_rust: true, .. } => Self::Ready(Toolchain::Debian),
            Machine { debian: true, root: true, .. } => Self::InstallDebian,
            Machine { rustup: true, .. } => Self::AddTarget,
            _ => Self::Nothing,
        }
    }

    /// Installs what is missing. Installers write to this process's stderr.
    pub fn prepare(self) -> Result<Toolchain, Error> {
        match self {
            Self::Ready(toolchain) => Ok(toolchain),
            Self::InstallDebian => debian::install().map(|()| Toolchain::Debian),
            Self::AddTarget => add_target().map(|()| Toolchain::Active),
            Self::Nothing => Err(Error::NoToolchain),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(toolchain) => write!(f, "guests are built with {toolchain}"),
            Self::InstallDebian => {
                write!(f, "guests need Debian's Rust: installing it with apt-get")
            }
            Self::AddTarget => write!(f, "guests need the target {TARGET}: adding it with rustup"),
            Self::Nothing => write!(f, "guests cannot be built on this machine as it is"),
        }
    }
}

fn add_target() -> Result<(), Error> {
    run(
        Command::new("rustup").args(["target", "add", TARGET]),
        "rustup needs the network for this; on Debian, running as root installs its packages instead",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Machine = Machine {
        target_installed: false,
        debian_rust: false,
        debian: false,
        root: false,
        rustup: false,
    };

    #[test]
    fn an_installed_target_wins_over_everything() {
        let machine = Machine {
            target_installed: true,
            debian_rust: true,
            debian: true,
            root: true,
            rustup: true,
        };
        assert_eq!(Choice::of(&machine), Choice::Ready(Toolchain::Active));
        let machine = Machine { target_installed: true, ..BARE };
        assert_eq!(Choice::of(&machine), Choice::Ready(Toolchain::Active));
    }

    #[test]
    fn installed_debian_packages_serve_any_user() {
        let machine = Machine { debian_rust: true, debian: true, rustup: true, ..BARE };
        assert_eq!(Choice::of(&machine), Choice::Ready(Toolchain::Debian));
    }

    #[test]
    fn root_on_debian_installs_packages_rather_than_ask_rustup() {
        let machine = Machine { debian: true, root: true, rustup: true, ..BARE };
        assert_eq!(Choice::of(&machine), Choice::InstallDebian);
    }

    #[test]
    fn a_user_on_debian_or_root_elsewhere_asks_rustup() {
        let user = Machine { debian: true, rustup: true, ..BARE };
        assert_eq!(Choice::of(&user), Choice::AddTarget);
        let elsewhere = Machine { root: true, rustup: true, ..BARE };
        assert_eq!(Choice::of(&elsewhere), Choice::AddTarget);
    }

    #[test]
    fn nothing_possible_says_what_to_do() {
        for machine in [BARE, Machine { debian: true, ..BARE }, Machine { root: true, ..BARE }] {
            assert_eq!(Choice::of(&machine), Choice::Nothing);
        }
        let advice = Choice::Nothing.prepare().unwrap_err().to_string();
        assert!(advice.contains("rustup target add wasm32-unknown-unknown"), "{advice}");
        assert!(advice.contains("apt-get install rustc-web"), "{advice}");
    }

    #[test]
    fn what_is_ready_needs_no_preparation() {
        assert_eq!(Choice::Ready(Toolchain::Debian).prepare().unwrap(), Toolchain::Debian);
    }
}
