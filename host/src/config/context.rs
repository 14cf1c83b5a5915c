//! What every reader of the file has at hand.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use toml::de::DeTable;

use super::{Diagnostic, Diagnostics, LoadOptions, Reads, Source, keys::Shape, names::Names};

/// The file, its names, and the problems found so far.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) source: Arc<Source>,
    pub(super) options: LoadOptions,
    pub(super) names: Names,
    /// The declaration of the whole file: to say where a misplaced key belongs.
    pub(super) root: &'static Shape,
    folder: PathBuf,
    reads: RefCell<Reads>,
    problems: RefCell<Diagnostics>,
}

impl Context {
    pub(super) fn new(
        source: Arc<Source>,
        options: LoadOptions,
        root: &'static Shape,
        tree: &DeTable<'_>,
        reads: Reads,
    ) -> Self {
        let folder = source.path.parent().map(Path::to_path_buf).unwrap_or_default();
        let names = Names::collect(tree);
        let (reads, problems) = (RefCell::new(reads), RefCell::default());
        Self { source, options, names, root, folder, reads, problems }
    }

    /// Notes a problem. Reading goes on, so that all of them are found at once.
    pub(super) fn report(&self, problem: Diagnostic) {
        self.problems.borrow_mut().push(problem);
    }

    /// A path of the file, which is relative to the file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// A file that this configuration names and that is read later.
    pub(super) fn will_read(&self, path: &Path) {
        self.reads.borrow_mut().note_later(path);
    }

    /// A file that was read for a value, or could not be.
    pub(super) fn has_read(&self, path: &Path, content: Option<&[u8]>) {
        self.reads.borrow_mut().note_read(path, content);
    }

    /// A value from outside, which nobody may see.
    pub(super) fn hide(&self, value: &[u8]) {
        self.reads.borrow_mut().values.push(value.into());
    }

    /// What was read so far.
    pub(super) fn reads(&self) -> Reads {
        self.reads.borrow().clone()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.problems.borrow().has_errors()
    }

    pub(super) fn into_problems(self) -> Diagnostics {
        self.problems.into_inner()
    }
}
