//! What a guest's build must not inherit.

use std::{env, process::Command};

use crate::Toolchain;

/// Takes away what an outer cargo, or a user's tuning of host builds, left in the environment.
pub(crate) fn clean(command: &mut Command, toolchain: Toolchain) {
    for (name, _) in env::vars_os() {
        let unwanted = name.to_str().is_some_and(|name| leaks(name, toolchain));
        if unwanted {
            command.env_remove(name);
        }
    }
}

/// Whether a variable would steer the guests' build.
///
/// Settings about reaching the registry (`CARGO_HOME`, `CARGO_NET_*`, `CARGO_HTTP_*`, ...) and about
/// the terminal pass: they say where this machine keeps things, not how to compile.
fn leaks(name: &str, toolchain: Toolchain) -> bool {
    // Flags, wrappers and linkers chosen for host builds, whose target is not wasm.
    const STEERING: [&str; 6] = [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
    ];
    const STEERING_PREFIXES: [&str; 3] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];
    // What `cargo run` tells the program that it runs about itself.
    const OUTER: [&str; 3] = ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"];
    const OUTER_PREFIXES: [&str; 2] = ["CARGO_PKG_", "CARGO_BIN_"];

    let steers = STEERING.contains(&name) || starts_with(name, &STEERING_PREFIXES);
    let outer = OUTER.contains(&name) || starts_with(name, &OUTER_PREFIXES);
    steers || outer || (toolchain == Toolchain::Debian && points_at_rustup(name))
}

/// rustup's choice of toolchain holds for its own cargo, and would mislead Debian's: rustup puts its
/// libraries before the system's, where Debian's rustc would find the wrong compiler.
fn points_at_rustup(name: &str) -> bool {
    name == "LD_LIBRARY_PATH" || name.starts_with("RUSTUP_")
}

fn starts_with(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Toolchain; 2] = [Toolchain::Active, Toolchain::Debian];

    #[test]
    fn what_steers_a_host_build_stays_out() {
        let steering = [
            "CARGO",
            "CARGO_BUILD_TARGET",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
        ];
        for name in steering {
            assert!(BOTH.iter().all(|toolchain| leaks(name, *toolchain)), "{name}");
        }
    }

    #[test]
    fn rustup_is_kept_from_debian_only() {
        for name in ["RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "LD_LIBRARY_PATH"] {
            assert!(leaks(name, Toolchain::Debian), "{name}");
            assert!(!leaks(name, Toolchain::Active), "{name}");
        }
    }

    #[test]
    fn the_way_to_the_registry_stays_open() {
        let kept = ["CARGO_HOME", "CARGO_HTTP_CAINFO", "CARGO_NET_OFFLINE", "CARGO_TERM_COLOR"];
        for name in kept.into_iter().chain(["HOME", "PATH", "HTTPS_PROXY"]) {
            assert!(!BOTH.iter().any(|toolchain| leaks(name, *toolchain)), "{name}");
        }
    }
}
