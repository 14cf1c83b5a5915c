//! What a path leads through.

use std::{
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// Every entry of a directory that decides what is found at `path`: the symbolic links on the way,
/// and the file itself, or the first part of the way that is missing. The directories are real ones.
pub(super) fn places(path: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let Ok(path) = std::path::absolute(path) else { return places };
    let mut here = PathBuf::from("/");
    let mut rest = steps(&path);
    while let Some(step) = rest.pop() {
        let name = match step {
            Step::Root => {
                here = PathBuf::from("/");
                continue;
            }
            Step::Up => {
                here.pop();
                continue;
            }
            Step::Down(name) => name,
        };
        let entry = here.join(name);
        match fs::read_link(&entry) {
            Ok(target) if places.len() < MAX_LINKS => {
                rest.extend(steps(&target));
                places.push(entry);
            }
            Err(_) if !rest.is_empty() && entry.is_dir() => here = entry,
            _ => {
                places.push(entry);
                break;
            }
        }
    }
    places
}

enum Step {
    Root,
    Up,
    Down(OsString),
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<Step> {
    let step = |component| match component {
        Component::RootDir | Component::Prefix(_) => Some(Step::Root),
        Component::CurDir => None,
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
    };
    path.components().rev().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_leads_through_links_and_ends_at_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let found = |path: &str| -> Vec<String> {
            let places = places(&root.join(path)).into_iter();
            let inside =
                |place: PathBuf| place.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            places.map(inside).collect()
        };
        // As Kubernetes mounts a ConfigMap.
        fs::create_dir(root.join("..2026")).unwrap();
        fs::write(root.join("..2026/a.toml"), "").unwrap();
        symlink("..2026", root.join("..data")).unwrap();
        symlink("..data/a.toml", root.join("a.toml")).unwrap();
        assert_eq!(found("a.toml"), ["a.toml", "..data", "..2026/a.toml"]);
        assert_eq!(found("..2026/a.toml"), ["..2026/a.toml"]);
        assert_eq!(found("..2026/../b"), ["b"]);
        assert_eq!(found("certs/new/key.pem"), ["certs"]);
        assert_eq!(found("a.toml/under/a/file"), ["a.toml", "..data", "..2026/a.toml"]);
        symlink("round", root.join("round")).unwrap();
        assert_eq!(found("round").len(), MAX_LINKS + 1);
    }
}
