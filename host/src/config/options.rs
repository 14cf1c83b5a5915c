//! What a configuration is read with, besides its text.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

/// Looks up an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// Where to look for what the file only names.
#[derive(Clone)]
pub struct LoadOptions {
    /// The folder of the bundled components; looked for near the binary if not given.
    pub components: Option<PathBuf>,
    /// Whether components must be as `torana.lock` has them.
    pub locked: bool,
    /// Whether a plugin is being written: files are watched, and each request is shown.
    pub develop: bool,
    /// For `{ env = "..." }`; the process's own by default.
    pub environment: Environment,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            components: None,
            locked: false,
            develop: false,
            environment: Arc::new(|name| std::env::var_os(name)),
        }
    }
}

impl std::fmt::Debug for LoadOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadOptions").field("components", &self.components).finish_non_exhaustive()
    }
}

impl LoadOptions {
    /// The folder that holds `NAME.wasm` for every bundled NAME: the one that was given, or
    /// `components` beside the binary's folder (`bin/torana`), or in it.
    pub fn components_folder(&self) -> PathBuf {
        self.components.clone().unwrap_or_else(|| {
            let binary = std::env::current_exe().unwrap_or_default();
            let beside = |folder: &std::path::Path| folder.join("components");
            let above = binary.ancestors().nth(2).map(beside).filter(|folder| folder.is_dir());
            let here = || binary.parent().map(beside).unwrap_or_default();
            above.unwrap_or_else(here)
        })
    }
}
