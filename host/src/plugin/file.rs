//! The file of a component: read whole, if it is a file and of a size that can be meant.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Take},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};

pub(super) const MIB: usize = 1 << 20;

/// The largest component. That of CPython has 18 MiB.
const LARGEST: usize = 64 * MIB;

/// Reads a component. A pipe would keep who reads it waiting, and a device like `/dev/zero` never ends:
/// neither is opened.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, length) = open(path)?;
    let mut wasm = Vec::with_capacity(length.min(LARGEST) + 1);
    file.read_to_end(&mut wasm)?;
    if wasm.len() > LARGEST { Err(too_large()) } else { Ok(wasm) }
}

/// The SHA-256 of what [`read_file`] would read.
pub fn digest_file(path: &Path) -> io::Result<[u8; 32]> {
    let (length, digest) = digest_of(open(path)?.0)?;
    if length > LARGEST as u64 { Err(too_large()) } else { Ok(digest) }
}

/// How much there is to read, and its SHA-256. It is never in memory as a whole, which would be the largest thing
/// there: the files of a configuration are looked at whenever something stirs beside them.
pub(super) fn digest_of(mut content: impl Read) -> io::Result<(u64, [u8; 32])> {
    let (mut digest, mut length, mut piece) = (Context::new(&SHA256), 0, vec![0; 64 << 10]);
    loop {
        match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => {
                digest.update(&piece[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    Ok((length, out))
}

/// A component's file, and its length now. It may grow while it is read, past what can be meant by one byte.
fn open(path: &Path) -> io::Result<(Take<File>, usize)> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        return Err(io::Error::other(format!("it is {what}, and not a file")));
    }
    Ok((File::open(path)?.take(LARGEST as u64 + 1), meta.len() as usize))
}

fn too_large() -> io::Error {
    let most = LARGEST / MIB;
    io::Error::other(format!("it is larger than {most} MiB, the most for a component"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_what_would_be_read_and_refuses_what_would_be_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        let content: Vec<u8> = (0..200_000_u32).map(|i| i as u8).collect();
        fs::write(&path, &content).unwrap();
        assert_eq!(digest_file(&path).unwrap(), super::super::sha256(&content));
        assert_eq!(read_file(&path).unwrap(), content);

        // A file with a hole takes no room.
        File::options().write(true).open(&path).unwrap().set_len(LARGEST as u64 + 1).unwrap();
        let said = digest_file(&path).unwrap_err().to_string();
        assert_eq!(said, "it is larger than 64 MiB, the most for a component");
        assert_eq!(read_file(&path).unwrap_err().to_string(), said);
        assert_eq!(
            digest_file(folder.path()).unwrap_err().to_string(),
            "it is a directory, and not a file"
        );
    }
}
