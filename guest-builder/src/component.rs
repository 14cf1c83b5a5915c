//! From a core module to a component.

use std::{
    env, fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tempfile::NamedTempFile;
use wit_component::ComponentEncoder;

use crate::Error;

/// A component on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The package it was built from.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The file's size.
    pub bytes: u64,
    /// False when the file was up to date.
    pub written: bool,
}

impl Component {
    /// Encodes `module` as `<name>.wasm` in `folder`, unless that is done already: an untouched file
    /// is no reason for a running gateway to reload.
    pub(crate) fn from_module(name: &str, module: &Path, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(format!("{name}.wasm"));
        let written = !is_fresh(&path, module);
        if written {
            let component = encode(name, &read(module)?)?;
            write(&path, folder, &component).map_err(|source| file_error(&path, source))?;
        }
        let bytes = fs::metadata(&path).map_err(|source| file_error(&path, source))?.len();
        Ok(Self { name: name.into(), path, bytes, written })
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = self.bytes.div_ceil(1024);
        let note = if self.written { "" } else { ", unchanged" };
        write!(f, "{} ({kib} KiB{note})", self.path.display())
    }
}

/// Whether a component is as new as its module and as this program, whose encoder may have changed.
/// (Just as new will do: file times are coarser than an encoding is long.)
fn is_fresh(component: &Path, module: &Path) -> bool {
    let builder = env::current_exe().ok().as_deref().and_then(modified);
    match (modified(component), modified(module), builder) {
        (Some(component), Some(module), Some(builder)) => component >= module.max(builder),
        _ => false,
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn encode(name: &str, module: &[u8]) -> Result<Vec<u8>, Error> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|source| Error::Encode { name: name.into(), source })
}

/// A gateway that reloads meanwhile sees the old file or the new one, never half of it.
fn write(path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    make_readable(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// A temporary file is its owner's alone, but a gateway may well run as another user.
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> Error {
    Error::File { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest module there is: magic number and version.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_component_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("jwt_auth.wasm");
        fs::write(&module, EMPTY).unwrap();
        let output = folder.path().join("components");

        let first = Component::from_module("jwt-auth", &module, &output).unwrap();
        assert!(first.written);
        assert_eq!(first.path, output.join("jwt-auth.wasm"));
        assert_eq!(fs::read(&first.path).unwrap()[4..8], [0x0d, 0, 1, 0], "a component's version");

        let second = Component::from_module("jwt-auth", &module, &output).unwrap();
        assert!(!second.written);
        assert_eq!(second.bytes, first.bytes);
        assert_eq!(fs::read_dir(&output).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_newer_module_is_encoded_again() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("components");
        let module = folder.path().join("guest.wasm");
        fs::write(&module, EMPTY).unwrap();
        let first = Component::from_module("guest", &module, &output).unwrap();

        let later = modified(&first.path).unwrap() + std::time::Duration::from_secs(1);
        fs::File::options().append(true).open(&module).unwrap().set_modified(later).unwrap();
        assert!(Component::from_module("guest", &module, &output).unwrap().written);
    }

    #[test]
    fn what_is_no_module_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("components");
        let module = folder.path().join("guest.wasm");
        fs::write(&module, b"no wasm").unwrap();
        let error = Component::from_module("guest", &module, &output).unwrap_err().to_string();
        assert!(error.starts_with("`guest` compiled, but makes no component"), "{error}");
        assert!(!output.exists(), "nothing is written");
    }
}
