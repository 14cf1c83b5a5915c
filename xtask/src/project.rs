//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The project's folders.
pub(crate) struct Project {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder: `target/`, unless CARGO_TARGET_DIR moved it.
    pub(crate) target: PathBuf,
    /// Whether nobody is watching: lock files must be current, then.
    pub(crate) ci: bool,
}

impl Project {
    /// The project that this program was compiled in.
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is in a folder");
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Self { root: root.into(), target: root.join(target), ci: env::var_os("CI").is_some() }
    }

    /// A path below the root, which is absolute.
    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// A program that `cargo xtask build` made.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A path as one would type it at the root.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
