//! What every reader of the file has at hand.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::de::DeTable;

use super::{Diagnostic, Diagnostics, LoadOptions, Source, keys::Shape, names::Names};

/// The file, its names, and the problems found so far.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) source: Arc<Source>,
    pub(super) options: LoadOptions,
    pub(super) names: Names,
    /// The declaration of the whole file: to say where a misplaced key belongs.
    pub(super) root: &'static Shape,
    folder: PathBuf,
    problems: RefCell<Diagnostics>,
}

impl Context {
    pub(super) fn new(
        source: Arc<Source>,
        options: LoadOptions,
        root: &'static Shape,
        tree: &DeTable<'_>,
    ) -> Self {
        let folder = source.path.parent().map(Path::to_path_buf).unwrap_or_default();
        let names = Names::collect(tree);
        Self { source, options, names, root, folder, problems: RefCell::default() }
    }

    /// Notes a problem. Reading goes on, so that all of them are found at once.
    pub(super) fn report(&self, problem: Diagnostic) {
        self.problems.borrow_mut().push(problem);
    }

    /// A path of the file, which is relative to the file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.borrow().has_errors()
    }

    pub(super) fn into_problems(self) -> Diagnostics {
        self.problems.into_inner()
    }
}
