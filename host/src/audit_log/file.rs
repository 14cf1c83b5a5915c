//! The file of a chain: where it ends, what is added to it, and which one comes after it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Map, Value};

use super::chain::Link;

/// How the first line begins.
const BEGIN: &str = "{\"seq\":1,";
/// In which the last line of a file is looked for. Lines are much shorter.
const TAIL: u64 = 256 << 10;

/// A file that is only added to.
pub(super) struct ChainFile {
    path: PathBuf,
    file: File,
    link: Link,
    /// How long the file was when this writer left it.
    left: u64,
}

/// Whether a chain can go on, or begin, in what is there; without a change of it.
pub fn look(path: &Path) -> io::Result<()> {
    match options(OpenOptions::new().read(true), path) {
        Ok(mut file) => link_of(&tail_of(&mut file)?).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl ChainFile {
    /// Goes on with a file where it ends, or begins one.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = open(path)?;
        let link = end_of(&mut file)?;
        let left = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, link, left })
    }

    /// Adds lines, all of them or none: what came of them before an error is taken off again.
    pub(super) fn append(&mut self, forge: impl FnOnce(&mut Lines<'_>)) -> io::Result<()> {
        let locked = self.file.lock();
        let stored = self.follow().and_then(|()| self.store(forge, locked.is_ok()));
        if locked.is_ok() {
            let _ = self.file.unlock();
        }
        stored
    }

    /// Turns to the file that has the path now. Where that is a new one, as after a rotation, the
    /// chain goes on in it; the one that was moved away is left as it is.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        let mut file = open(&self.path)?;
        let (new, old) = (file.metadata()?, self.file.metadata()?);
        if (new.dev(), new.ino()) == (old.dev(), old.ino()) {
            return Ok(());
        }
        if new.len() > 0 {
            self.link = end_of(&mut file)?;
        } else {
            // Another process may have written the last lines of the old one.
            let locked = self.file.lock();
            let followed = self.follow();
            if locked.is_ok() {
                let _ = self.file.unlock();
            }
            followed?;
        }
        self.left = file.metadata()?.len();
        self.file = file;
        Ok(())
    }

    /// While a gateway hands over there are two that write: each goes on where the other one
    /// stopped. What somebody has emptied is as a new file.
    fn follow(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length != self.left && length > 0 {
            self.link = end_of(&mut self.file)?;
        }
        self.left = self.file.metadata()?.len();
        Ok(())
    }

    fn store(&mut self, forge: impl FnOnce(&mut Lines<'_>), is_alone: bool) -> io::Result<()> {
        let mut link = self.link.clone();
        let mut lines = Lines { link: &mut link, text: String::new() };
        if self.left == 0 {
            lines.go_on();
        }
        forge(&mut lines);
        let Lines { text, .. } = lines;
        let stored = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        match &stored {
            Ok(()) => {
                self.link = link;
                self.left = self.file.metadata()?.len();
            }
            // Half a line would be in the way of all that follow. Where it cannot be taken off,
            // `follow` finds it, and ends it.
            Err(_) if is_alone => drop(self.file.set_len(self.left)),
            Err(_) => {}
        }
        stored
    }
}

/// Lines that are added together.
pub(super) struct Lines<'a> {
    link: &'a mut Link,
    text: String,
}

impl Lines<'_> {
    /// Adds one.
    pub(super) fn forge(&mut self, event: &str, more: Map<String, Value>) {
        let line = self.link.forge(&now(), event, more);
        self.put(&line);
    }

    /// The first line of a file says so where its chain began in another one.
    fn go_on(&mut self) {
        if *self.link != Link::first() {
            let line = self.link.forge_continued(&now());
            self.put(&line);
        }
    }

    fn put(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn open(path: &Path) -> io::Result<File> {
    options(OpenOptions::new().read(true).append(true).create(true), path)
}

/// Never waits: a FIFO that nobody writes would hold up whoever opens it.
fn options(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = options.custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file")),
    }
}

/// Where the chain of a file stands. After a line that was cut by a crash a new one begins, and the
/// chain goes on from the last whole one: `verify` shows the place.
fn end_of(file: &mut File) -> io::Result<Link> {
    let text = tail_of(file)?;
    let link = link_of(&text)?;
    if !text.is_empty() && !text.ends_with('\n') {
        file.write_all(b"\n")?;
    }
    Ok(link)
}

fn tail_of(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).into_owned())
}

fn link_of(tail: &str) -> io::Result<Link> {
    match tail.lines().rev().find_map(Link::read) {
        Some(whole) => Ok(whole.link),
        None if tail.is_empty() => Ok(Link::first()),
        // The very first line was cut.
        None if tail.starts_with(BEGIN) && !tail.trim_end().contains('\n') => Ok(Link::first()),
        None => Err(io::Error::other("it is no audit log: no line of it is one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_goes_on_after_a_line_that_was_cut() {
        let mut link = Link::first();
        let whole = link.forge("now", "start", Map::new());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let open = || OpenOptions::new().read(true).append(true).open(&path).unwrap();
        for (content, left) in [
            (format!("{whole}\n"), format!("{whole}\n")),
            (whole.clone(), format!("{whole}\n")),
            (format!("{whole}\n{{\"seq\":2,"), format!("{whole}\n{{\"seq\":2,\n")),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(end_of(&mut open()).unwrap(), link);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), left);
        }
        std::fs::write(&path, "").unwrap();
        assert_eq!(end_of(&mut open()).unwrap(), Link::first());
        std::fs::write(&path, "{\"seq\":1,\"ti").unwrap();
        assert_eq!(end_of(&mut open()).unwrap(), Link::first(), "cut in its first line");
        assert_eq!(end_of(&mut open()).unwrap(), Link::first(), "and ended since");
        std::fs::write(&path, "mine").unwrap();
        assert!(end_of(&mut open()).is_err());
        assert!(look(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine", "left alone");
    }

    #[test]
    fn a_chain_goes_on_behind_the_last_line_whoever_wrote_that() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.log"), folder.path().join("audit.log.1"));
        let add = |file: &mut ChainFile, event: &str| {
            file.append(|lines| lines.forge(event, Map::new())).unwrap();
        };
        let (mut old, mut new) = (ChainFile::open(&path).unwrap(), ChainFile::open(&path).unwrap());
        add(&mut old, "start");
        add(&mut new, "start");
        // As after a hand-over: who drained is the last to write.
        add(&mut old, "stop");
        std::fs::rename(&path, &moved).unwrap();
        new.reopen().unwrap();
        add(&mut new, "reload");
        let mut verifier = super::super::Verifier::new();
        for file in [&moved, &path] {
            let text = std::fs::read(file).unwrap();
            assert_eq!(verifier.read(&text[..]).unwrap().breaks, [], "{}", file.display());
        }
    }

    #[test]
    fn looking_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        look(&path).unwrap();
        assert!(!path.exists());
        let cut = format!("{}\n{{\"seq\":2,", Link::first().forge("now", "start", Map::new()));
        std::fs::write(&path, &cut).unwrap();
        look(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), cut);
        assert!(look(folder.path()).is_err());
    }
}
