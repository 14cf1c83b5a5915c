//! Whether the sources of a plugin have changed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What builds leave in a folder.
const BUILT: [&str; 6] = [".git", "node_modules", ".venv", "__pycache__", "build", "target"];

/// The sources of a plugin's folder, as they were when they were last looked at.
#[derive(Debug)]
pub struct Sources {
    folder: PathBuf,
    seen: Seen,
}

/// Times and sizes by path.
type Seen = BTreeMap<PathBuf, (SystemTime, u64)>;

impl Sources {
    /// The folder that a component was built in, if it is one of a plugin: what lies beside it says so.
    pub fn beside(component: &Path) -> Option<Self> {
        let folder = component.parent()?;
        // `plugin.wasm`, a file of the working directory: an empty path names no folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let is_plugin = ["Cargo.toml", "build.sh"].iter().any(|file| folder.join(file).is_file());
        is_plugin.then(|| Self { folder: folder.into(), seen: look(folder) })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether something is different from the last time, and looks.
    pub fn have_changed(&mut self) -> bool {
        let now = look(&self.folder);
        let have_changed = now != self.seen;
        self.seen = now;
        have_changed
    }
}

/// A file that goes away while it is looked at is one that is not there.
fn look(folder: &Path) -> Seen {
    let mut seen = Seen::new();
    let _ = collect(folder, &mut seen);
    seen
}

fn collect(folder: &Path, seen: &mut Seen) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_built =
            path.file_name().is_some_and(|name| BUILT.iter().any(|built| name == *built));
        if is_built {
            continue;
        }
        let Ok(file) = fs::metadata(&path) else { continue };
        if file.is_dir() {
            collect(&path, seen)?;
        } else if is_source(&path) {
            seen.insert(path, (file.modified()?, file.len()));
        }
    }
    Ok(())
}

/// A build may write the lock and the component; TOML is the gateway's or a test's, but for Cargo's.
fn is_source(path: &Path) -> bool {
    let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    let is_manifest = path.file_name().is_some_and(|name| name == "Cargo.toml");
    is_manifest || !["wasm", "lock", "toml", "md"].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The working directory of a test is its package's folder.
    #[test]
    fn a_component_in_the_working_directory_has_its_sources_there() {
        let sources = Sources::beside(Path::new("plugin.wasm")).unwrap();
        assert!(sources.folder().canonicalize().unwrap().ends_with("workshop"));
        assert!(sources.seen.keys().any(|path| path.ends_with("src/sources.rs")));
    }

    #[test]
    fn sources_change_and_what_is_built_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let component = folder.path().join("a.wasm");
        assert!(Sources::beside(&component).is_none(), "nothing says that it is a plugin's");
        write("Cargo.toml", "");
        let mut sources = Sources::beside(&component).unwrap();
        for built in ["a.wasm", "target/release/a.d", "Cargo.lock", "gateway.toml"] {
            write(built, "new");
            assert!(!sources.have_changed(), "{built}");
        }
        write("src/lib.rs", "new");
        assert!(sources.have_changed());
        assert!(!sources.have_changed());
        write("src/lib.rs", "newer");
        assert!(sources.have_changed());
        fs::remove_file(folder.path().join("src/lib.rs")).unwrap();
        assert!(sources.have_changed());
    }
}
