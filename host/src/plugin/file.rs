//! The file of a component: read whole, if it is a file and of a size that can be meant.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

pub(super) const MIB: usize = 1 << 20;

/// The largest component. That of CPython has 18 MiB.
const LARGEST: usize = 64 * MIB;

/// Reads a component. A pipe would keep who reads it waiting, and a device like `/dev/zero` never ends:
/// neither is opened.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        let what = if meta.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        return Err(io::Error::other(format!("it is {what}, and not a file")));
    }
    let mut wasm = Vec::new();
    // It may grow while it is read.
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut wasm)?;
    match wasm.len() {
        0..=LARGEST => Ok(wasm),
        _ => {
            let most = LARGEST / MIB;
            Err(io::Error::other(format!("it is larger than {most} MiB, the most for a component")))
        }
    }
}
