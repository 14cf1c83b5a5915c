//! A folder of one test, with files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    command::{Ended, torana},
    paths,
};

/// A folder that is gone, with its files, when this is dropped.
pub struct Folder(TempDir);

impl Folder {
    /// One that is empty.
    #[expect(clippy::new_without_default, reason = "it makes something on the disk")]
    pub fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where a file of it is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Writes a component of `tests/guests` as this file.
    pub fn write_guest(&self, name: &str, guest: &str) {
        self.write(name, fs::read(paths::guest(guest)).expect("a component"));
    }

    /// What is in a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs `torana ARGUMENTS` here.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        torana(self.path(), arguments)
    }
}
