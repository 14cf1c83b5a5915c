//! Events to a file, on a thread of its own.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tracing::{error, info};

use super::file::{ChainFile, Lines};
use crate::telemetry::{Incidents, Telemetry};

/// How often what plugins did is put into lines: one for each plugin and kind, however often.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the last lines may take.
const CLOSING: Duration = Duration::from_secs(5);
/// The event before which everything else is written.
pub const STOP: &str = "stop";
/// The event that says how many lines could not be written.
const LOST: &str = "lost";

/// Takes events and writes them. Dropped, it writes what it has.
pub struct AuditLog {
    wishes: Option<Sender<Wish>>,
    done: Receiver<()>,
}

/// What the thread is asked for.
enum Wish {
    Event(&'static str, Map<String, Value>),
    Reopen,
}

impl AuditLog {
    /// Goes on with a file where it ends, or begins one.
    pub fn open(path: &Path, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let file = ChainFile::open(path)?;
        telemetry.watch_incidents();
        let (wishes, incoming) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let writer = Writer { file, telemetry, lost: 0 };
        thread::Builder::new().name("audit-log".into()).spawn(move || {
            writer.run(&incoming);
            let _ = finished.send(());
        })?;
        Ok(Self { wishes: Some(wishes), done })
    }

    /// Writes an event. Never waits for the disk.
    pub fn write(&self, event: &'static str, more: Map<String, Value>) {
        self.ask(Wish::Event(event, more));
    }

    /// What is written from now on goes to the file that has the path now.
    pub fn reopen(&self) {
        self.ask(Wish::Reopen);
    }

    fn ask(&self, wish: Wish) {
        if let Some(wishes) = &self.wishes {
            let _ = wishes.send(wish);
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.wishes = None;
        let _ = self.done.recv_timeout(CLOSING);
    }
}

struct Writer {
    file: ChainFile,
    telemetry: Arc<Telemetry>,
    /// Lines that could not be written since the last that could.
    lost: u64,
}

impl Writer {
    fn run(mut self, incoming: &Receiver<Wish>) {
        let mut counted = Instant::now();
        loop {
            let (event, open) = match incoming.recv_timeout(PAUSE) {
                Ok(Wish::Event(event, more)) => (Some((event, more)), true),
                Ok(Wish::Reopen) => {
                    self.reopen();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => (None, true),
                Err(RecvTimeoutError::Disconnected) => (None, false),
            };
            let is_last = !open || event.as_ref().is_some_and(|(event, _)| *event == STOP);
            let mut incidents = Incidents::new();
            if is_last || counted.elapsed() >= PAUSE {
                counted = Instant::now();
                incidents = self.telemetry.take_incidents();
            }
            // That lines are missing is said as soon as there is room for it.
            if event.is_some() || !incidents.is_empty() || self.lost > 0 {
                self.write(incidents, event);
            }
            if !open {
                return;
            }
        }
    }

    /// What plugins did since the last time, and then an event.
    fn write(&mut self, incidents: Incidents, event: Option<(&'static str, Map<String, Value>)>) {
        let (lost, new) = (self.lost, incidents.len() as u64 + u64::from(event.is_some()));
        let stored = self.file.append(|lines| {
            if lost > 0 {
                forge(lines, LOST, &json!({ "lines": lost }));
            }
            for ((plugin, what), count) in incidents {
                let more = json!({ "plugin": *plugin, "what": what, "count": count });
                forge(lines, "incident", &more);
            }
            if let Some((event, more)) = event {
                lines.forge(event, more);
            }
        });
        self.report(stored, new);
    }

    /// Said once, not for every line.
    fn report(&mut self, stored: io::Result<()>, lines: u64) {
        match stored {
            Ok(()) => {
                if self.lost > 0 {
                    info!(lost = self.lost, "the audit log is written again");
                }
                self.lost = 0;
            }
            Err(error) => {
                if self.lost == 0 {
                    error!(%error, "the audit log cannot be written; lines are lost");
                }
                self.lost += lines;
                self.telemetry.audit_lines_lost(lines);
            }
        }
    }

    fn reopen(&mut self) {
        if let Err(error) = self.file.reopen() {
            error!(%error, "the audit log cannot be opened anew; the file of before is written on");
        }
    }
}

fn forge(lines: &mut Lines<'_>, event: &str, more: &Value) {
    lines.forge(event, more.as_object().cloned().unwrap_or_default());
}
