//! What the files of a configuration hold.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    config::{Print, Reads},
    plugin,
};

/// Files and the prints of their contents.
#[derive(Debug, Default)]
pub(super) struct Prints(BTreeMap<PathBuf, Print>);

impl Prints {
    /// As they were found by whoever read them; the others are looked at now.
    pub(super) fn of(reads: &Reads) -> Self {
        let lasting = reads.files.iter().filter(|file| is_lasting(&file.path));
        let one = |path: &PathBuf, found: Option<Print>| {
            (path.clone(), found.unwrap_or_else(|| look(path)))
        };
        Self(lasting.map(|file| one(&file.path, file.found)).collect())
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// The first file that now holds something else.
    pub(super) fn first_difference(&self) -> Option<&Path> {
        let differs = |(path, known): &(&PathBuf, &Print)| look(path) != **known;
        self.0.iter().find(differs).map(|(path, _)| path.as_path())
    }
}

/// A pipe or a device gives its content once, and must not be read for a look.
fn is_lasting(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |meta| meta.is_file() || meta.is_dir())
}

fn look(path: &Path) -> Print {
    // What is larger than any component was refused for that, and is not read again and again.
    plugin::digest_file(path).ok()
}
