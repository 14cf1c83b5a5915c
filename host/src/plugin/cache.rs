//! Compiled components on disk, so that a second start takes no compiler.
//!
//! An entry is native code that runs in this process. So: a private directory, a name made of the
//! component's digest and of everything that changes the code, and a digest of the entry's own
//! content that is checked before a byte of it is believed. Whatever does not fit is compiled anew.
//!
//! Entries are mapped, not read: of the code of ten plugins, 14 MiB, most is never called and so never takes
//! memory (benches/results/2026-11-26-steps.md).

use std::{
    fs::{self, File},
    hash::{Hash, Hasher},
    io::{self, Read, Seek, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{self, SHA256};
use wasmtime::{Engine, component::Component};

use super::file::digest_of;

/// A directory of compiled components, or none: a cache that cannot be used is no error.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    directory: Option<PathBuf>,
}

impl Cache {
    /// The user's cache directory.
    pub(super) fn of_user() -> Self {
        let base = std::env::var_os("TORANA_CACHE")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("XDG_CACHE_HOME").map(|d| Path::new(&d).join("torana")))
            .or_else(|| std::env::var_os("HOME").map(|d| Path::new(&d).join(".cache/torana")));
        Self::at(base)
    }

    fn at(directory: Option<PathBuf>) -> Self {
        let directory = directory.and_then(|path| match private(&path) {
            Ok(()) => Some(path),
            Err(error) => {
                let directory = path.display();
                tracing::warn!(%directory, %error, "components are compiled at every start");
                None
            }
        });
        Self { directory }
    }

    /// What was kept of a component, if it is all there: that takes as long as hashing it.
    pub(super) fn find(&self, engine: &Engine, sha256: &[u8; 32]) -> Option<Entry> {
        find(&self.directory.as_ref()?.join(entry_name(engine, sha256)))
    }

    /// Compiles a component, and keeps that if it can.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        wasm: &[u8],
        sha256: &[u8; 32],
    ) -> wasmtime::Result<Compiled> {
        let component = Component::new(engine, wasm)?;
        let entry = self.directory.as_ref().and_then(|directory| {
            let path = directory.join(entry_name(engine, sha256));
            let code = component.serialize().map_err(io::Error::other);
            let kept = code.and_then(|code| write(directory, &path, &code));
            kept.inspect_err(|error| {
                tracing::warn!(entry = %path.display(), %error, "a compiled component is not kept");
            })
            .ok()
        });
        Ok(Compiled { component, entry })
    }
}

/// A component that was compiled now.
pub(super) struct Compiled {
    pub(super) component: Component,
    /// What is kept of it, if that was possible.
    pub(super) entry: Option<Entry>,
}

/// A compiled component on disk, looked at or written by this process.
pub(super) struct Entry(File);

impl Entry {
    /// Maps it, or reads it where nothing can be mapped.
    pub(super) fn load(mut self, engine: &Engine) -> Option<Component> {
        let component = mapped(engine, &self.0).or_else(|_| copied(engine, &mut self.0));
        component.inspect_err(|error| tracing::warn!(%error, "a cache entry does not load")).ok()
    }
}

/// Makes the directory, and refuses one that somebody else could write to.
fn private(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let meta = fs::symlink_metadata(path)?;
    // SAFETY-relevant: whoever can write here chooses the code that runs in this process.
    if !meta.is_dir() || meta.uid() != own_uid()? || meta.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other("the directory is not private to this user (chmod 700)"));
    }
    Ok(())
}

/// The user of this process, read off a file that it owns, which spares an unsafe call.
fn own_uid() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

fn entry_name(engine: &Engine, sha256: &[u8; 32]) -> String {
    let mut settings = std::hash::DefaultHasher::new();
    LAYOUT.hash(&mut settings);
    engine.precompile_compatibility_hash().hash(&mut settings);
    env!("CARGO_PKG_VERSION").hash(&mut settings);
    format!("{}-{:016x}.cwasm", hex::encode(sha256), settings.finish())
}

/// How an entry is laid out: the code, and behind it its digest.
const LAYOUT: u32 = 2;
const DIGEST: u64 = 32;

fn find(entry: &Path) -> Option<Entry> {
    let meta = fs::symlink_metadata(entry).ok()?;
    let own = own_uid().ok()?;
    if !meta.is_file() || meta.uid() != own || meta.permissions().mode() & 0o022 != 0 {
        tracing::warn!(entry = %entry.display(), "a foreign cache entry is passed over");
        return None;
    }
    let mut file = File::open(entry).ok()?;
    if !is_whole(&mut file).ok()? {
        tracing::warn!(entry = %entry.display(), "a corrupt cache entry is compiled anew");
        return None;
    }
    Some(Entry(file))
}

/// Whether an entry ends with the digest of what stands before it.
fn is_whole(file: &mut File) -> io::Result<bool> {
    let Some(length) = file.metadata()?.len().checked_sub(DIGEST) else { return Ok(false) };
    let (read, digest) = digest_of(Read::by_ref(file).take(length))?;
    if read < length {
        return Ok(false);
    }
    let mut stored = [0; DIGEST as usize];
    file.read_exact(&mut stored)?;
    Ok(digest == stored)
}

/// The very file that was looked at, whatever has its name now.
fn mapped(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    // SAFETY: the code was written by `write` of this same version (the name says so) into a directory and a
    // file that only this user can write to, and its digest is what it was then. A file is written
    // once and replaced by renaming, so what is mapped does not change.
    #[allow(unsafe_code)]
    unsafe {
        Component::deserialize_file(engine, path)
    }
}

/// Where nothing can be mapped to be executed, as in a folder that is mounted `noexec`.
fn copied(engine: &Engine, file: &mut File) -> wasmtime::Result<Component> {
    let mut code = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut code)?;
    // SAFETY: as above.
    #[allow(unsafe_code)]
    unsafe {
        Component::deserialize(engine, code)
    }
}

/// Writes beside, then renames: a reader sees all of an entry or none.
fn write(directory: &Path, entry: &Path, code: &[u8]) -> io::Result<Entry> {
    let beside = directory.join(format!(".{}.{:x}", std::process::id(), super::meter::nanos()));
    let written = File::create_new(&beside).and_then(|mut file| {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(code)?;
        file.write_all(digest::digest(&SHA256, code).as_ref())?;
        fs::rename(&beside, entry)?;
        // To be read only, for what is open to be written cannot be mapped to be executed everywhere.
        File::open(entry).map(Entry)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn digest_of(wasm: &[u8]) -> [u8; 32] {
        digest::digest(&SHA256, wasm).as_ref().try_into().unwrap()
    }

    #[test]
    fn corrupt_and_foreign_entries_are_refused() {
        let engine = super::super::engine::engine(super::super::Traces::Short).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(Some(folder.path().join("cache")));
        let sha256 = digest_of(EMPTY);
        assert!(cache.find(&engine, &sha256).is_none());
        let compiled = cache.compile(&engine, EMPTY, &sha256).unwrap();
        assert!(compiled.entry.unwrap().load(&engine).is_some());
        assert!(cache.find(&engine, &sha256).unwrap().load(&engine).is_some());
        let entry = folder.path().join("cache").join(entry_name(&engine, &sha256));
        let mut file = File::open(&entry).unwrap();
        assert!(is_whole(&mut file).unwrap());
        assert!(mapped(&engine, &file).is_ok());
        assert!(copied(&engine, &mut file).is_ok());
        assert!(find(&entry).is_some());

        let good = fs::read(&entry).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        fs::write(&entry, &bad).unwrap();
        assert!(find(&entry).is_none(), "a flipped bit");
        fs::write(&entry, &good[..20]).unwrap();
        assert!(find(&entry).is_none(), "a stump");
        fs::write(&entry, &good).unwrap();
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(find(&entry).is_none(), "writable by others");
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Cache::at(Some(folder.path().to_owned())).directory.is_none());
    }
}
