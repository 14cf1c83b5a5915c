//! What a configuration is made of beside its text: other files, and values from outside.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of a file's content; none if it cannot be read.
pub type Print = Option<[u8; 32]>;

/// The print of a content.
pub(super) fn print_of(content: &[u8]) -> Print {
    digest(&SHA256, content).as_ref().try_into().ok()
}

/// What reading a configuration has led to, whether it was found good or not.
#[derive(Clone, Default)]
pub struct Reads {
    /// Every file that it is made of, the configuration's own first.
    pub files: Vec<FileRead>,
    /// What `{ env = ... }` and `{ file = ... }` stood for: never to be shown.
    pub values: Vec<Arc<[u8]>>,
}

/// One file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// Where it is.
    pub path: PathBuf,
    /// What was found there; none if it has not been read yet, as components and certificates.
    pub found: Option<Print>,
}

impl Reads {
    /// A file that was read, or could not be.
    pub(super) fn note_read(&mut self, path: &Path, content: Option<&[u8]>) {
        self.note(path, Some(content.and_then(print_of)));
    }

    /// A file that is read later.
    pub(super) fn note_later(&mut self, path: &Path) {
        self.note(path, None);
    }

    fn note(&mut self, path: &Path, found: Option<Print>) {
        if !self.files.iter().any(|file| file.path == path) {
            self.files.push(FileRead { path: path.to_owned(), found });
        }
    }
}

impl fmt::Debug for Reads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reads").field("files", &self.files).finish_non_exhaustive()
    }
}
