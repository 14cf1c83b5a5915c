//! Whether a log could be written, for those who only look.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{Access, access};

use crate::access_log;

/// Opens the file as who writes it would, or looks at the folder where it would be made. Changes nothing.
pub(super) fn look(path: &Path) -> io::Result<()> {
    match access_log::append(path, false) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => look_at_folder(path),
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            Err(io::Error::other("it is a folder"))
        }
        Err(error) => Err(error),
    }
}

fn look_at_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(io::Error::other(format!("there is no folder {}", folder.display())));
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|why| {
        io::Error::other(format!("no file can be made in {}: {why}", folder.display()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_could_not_be_written_is_told_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        look(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "a").unwrap();
        look(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a");
        let said = |path: &Path| look(path).unwrap_err().to_string();
        assert_eq!(said(folder.path()), "it is a folder");
        assert!(said(&folder.path().join("no/a.log")).starts_with("there is no folder "));
        assert!(look(&path.join("a.log")).is_err(), "below a file");
        // What runs is not written, by root neither.
        look(&std::env::current_exe().unwrap()).unwrap_err();
    }
}
