//! Events to a file, on a thread of its own.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Map, Value, json};
use tracing::error;

use super::chain::Link;
use crate::telemetry::{Incidents, Telemetry};

/// How often what plugins did is put into lines: one for each plugin and kind, however often.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the last lines may take.
const CLOSING: Duration = Duration::from_secs(5);
/// The event before which everything else is written.
pub const STOP: &str = "stop";
/// How the first line begins.
const BEGIN: &str = "{\"seq\":1,";
/// In which the last line of a file is looked for. Lines are much shorter.
const TAIL: u64 = 256 << 10;

/// Takes events and writes them. Dropped, it writes what it has.
pub struct AuditLog {
    events: Option<Sender<(&'static str, Map<String, Value>)>>,
    done: Receiver<()>,
}

impl AuditLog {
    /// Goes on with a file where it ends, or begins one.
    pub fn open(path: &Path, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let link = end_of(&mut file)?;
        telemetry.watch_incidents();
        let (events, incoming) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let left = file.metadata()?.len();
        let writer = Writer { file, link, left, telemetry, failing: false };
        thread::Builder::new().name("audit-log".into()).spawn(move || {
            writer.run(&incoming);
            let _ = finished.send(());
        })?;
        Ok(Self { events: Some(events), done })
    }

    /// Writes an event. Never waits for the disk.
    pub fn write(&self, event: &'static str, more: Map<String, Value>) {
        if let Some(events) = &self.events {
            let _ = events.send((event, more));
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.events = None;
        let _ = self.done.recv_timeout(CLOSING);
    }
}

/// Where the chain of a file stands. After a line that was cut by a crash a new one begins, and the
/// chain goes on from the last whole one: `verify` shows the place.
fn end_of(file: &mut File) -> io::Result<Link> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    if tail.is_empty() {
        return Ok(Link::first());
    }
    let text = String::from_utf8_lossy(&tail);
    let link = match text.lines().rev().find_map(Link::read) {
        Some((link, _)) => link,
        // The very first line was cut.
        None if text.starts_with(BEGIN) && !text.contains('\n') => Link::first(),
        None => return Err(io::Error::other("it is no audit log: no line of it is one")),
    };
    if !text.ends_with('\n') {
        file.write_all(b"\n")?;
    }
    Ok(link)
}

struct Writer {
    file: File,
    link: Link,
    /// How long the file was when this writer left it.
    left: u64,
    telemetry: Arc<Telemetry>,
    /// The last write failed: said once, not for every line.
    failing: bool,
}

impl Writer {
    fn run(mut self, incoming: &Receiver<(&'static str, Map<String, Value>)>) {
        let mut counted = Instant::now();
        loop {
            let (event, open) = match incoming.recv_timeout(PAUSE) {
                Ok(event) => (Some(event), true),
                Err(RecvTimeoutError::Timeout) => (None, true),
                Err(RecvTimeoutError::Disconnected) => (None, false),
            };
            let is_last = !open || event.as_ref().is_some_and(|(event, _)| *event == STOP);
            let mut incidents = Incidents::new();
            if is_last || counted.elapsed() >= PAUSE {
                counted = Instant::now();
                incidents = self.telemetry.take_incidents();
            }
            if event.is_some() || !incidents.is_empty() {
                self.write(incidents, event);
            }
            if !open {
                return;
            }
        }
    }

    /// What plugins did since the last time, and then an event.
    fn write(&mut self, incidents: Incidents, event: Option<(&'static str, Map<String, Value>)>) {
        let locked = self.file.lock();
        self.follow();
        let mut lines = String::new();
        for ((plugin, what), count) in incidents {
            let more = json!({ "plugin": *plugin, "what": what, "count": count });
            self.forge(&mut lines, "incident", more.as_object().cloned().unwrap_or_default());
        }
        if let Some((event, more)) = event {
            self.forge(&mut lines, event, more);
        }
        self.store(&lines);
        if locked.is_ok() {
            let _ = self.file.unlock();
        }
    }

    /// While a gateway hands over there are two that write: each goes on where the other one stopped.
    fn follow(&mut self) {
        if self.file.metadata().is_ok_and(|meta| meta.len() != self.left)
            && let Ok(link) = end_of(&mut self.file)
        {
            self.link = link;
        }
    }

    fn forge(&mut self, lines: &mut String, event: &str, more: Map<String, Value>) {
        let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        lines.push_str(&self.link.forge(&time, event, more));
        lines.push('\n');
    }

    /// Lines that could not be written are missing in the chain, and are seen to be.
    fn store(&mut self, lines: &str) {
        let stored = self.file.write_all(lines.as_bytes()).and_then(|()| self.file.sync_data());
        self.left = self.file.metadata().map_or(0, |meta| meta.len());
        if let Err(error) = &stored
            && !self.failing
        {
            error!(%error, "the audit log cannot be written; lines are lost");
        }
        self.failing = stored.is_err();
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
        std::fs::write(&path, "mine").unwrap();
        assert!(end_of(&mut open()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine", "left alone");
    }
}
