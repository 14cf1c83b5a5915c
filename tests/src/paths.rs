//! Where things are that `cargo xtask build` made.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The gateway.
pub fn torana() -> PathBuf {
    built("release/torana")
}

/// The plugins that come with it.
pub fn components() -> PathBuf {
    built("components")
}

/// A test guest's component, by its package name: for `component = { path = "..." }`.
pub fn guest(name: &str) -> PathBuf {
    built(&format!("test-guests/{name}.wasm"))
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in a folder")
}

/// Below the target folder: that of the gateway under test, which need not be that of the tests.
fn built(below: &str) -> PathBuf {
    let target = env::var_os("TORANA_TARGET").or_else(|| env::var_os("CARGO_TARGET_DIR"));
    let path = root().join(target.unwrap_or_else(|| "target".into())).join(below);
    assert!(path.exists(), "{} is missing: run `cargo xtask build` first", path.display());
    path
}
