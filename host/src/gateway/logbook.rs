//! The access log's writer. It outlives its configuration, for exchanges of that still end.

use std::{
    io,
    sync::{Arc, Weak},
    time::Duration,
};

use tracing::error;

use super::writable;
use crate::{
    access_log::{AccessLog, Target, Writer},
    config::{self, Config, Diagnostic},
    telemetry::Telemetry,
};

/// How long the last lines may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Starts the writer when it is first needed, and sends it to other files.
pub(super) struct Logbook {
    current: Option<Current>,
    /// Writers of before, as long as an exchange has a line for them.
    retired: Vec<Weak<Writer>>,
    workers: usize,
    telemetry: Arc<Telemetry>,
}

impl Logbook {
    pub(super) fn new(workers: usize, telemetry: Arc<Telemetry>) -> Self {
        Self { current: None, retired: Vec::new(), workers, telemetry }
    }

    /// Looks whether the file can be written, without making one.
    pub(super) fn check(config: &Config) -> Option<Diagnostic> {
        let settings = config.access_log.as_ref()?;
        let path = settings.path.as_deref()?;
        writable::look(path).err().map(|why| problem(settings, why))
    }

    /// Opens the file that a configuration names. A file that cannot be opened refuses it.
    pub(super) fn open(config: &Config) -> Result<Option<Target>, Diagnostic> {
        let Some(settings) = &config.access_log else { return Ok(None) };
        let opened = Target::open(settings.path.as_deref());
        opened.map(Some).map_err(|error| problem(settings, error))
    }

    /// Opens the file of the configuration that serves anew, for whoever has moved it away. Where that is
    /// not possible, lines go on into the one of before.
    pub(super) fn reopen(&self, config: &Config) {
        let Some(current) = &self.current else { return };
        match Self::open(config) {
            Ok(target) => target.into_iter().for_each(|target| current.writer.redirect(target)),
            Err(problem) => error!("{}", problem.message),
        }
    }

    /// From now on into that file: after a reload this is how a file that was moved away is left.
    pub(super) fn turn_to(
        &mut self,
        config: &Config,
        target: Option<Target>,
    ) -> io::Result<Option<Arc<AccessLog>>> {
        let (Some(settings), Some(target)) = (&config.access_log, target) else {
            self.retire();
            return Ok(None);
        };
        let writer = match &self.current {
            Some(current) if current.buffer == settings.buffer => {
                current.writer.redirect(target);
                current.writer.clone()
            }
            _ => {
                let (buffer, telemetry) = (settings.buffer, self.telemetry.clone());
                let writer = Writer::start(target, buffer, self.workers, telemetry)?;
                self.retire();
                self.current = Some(Current { writer: writer.clone(), buffer });
                writer
            }
        };
        Ok(Some(Arc::new(AccessLog::new(settings, writer))))
    }

    /// Writes what there is.
    pub(super) fn close(&self) {
        let retired = self.retired.iter().filter_map(Weak::upgrade);
        let current = self.current.iter().map(|current| current.writer.clone());
        retired.chain(current).for_each(|writer| writer.close(CLOSING));
    }

    /// Leaves the writer to the exchanges that have it: with the last of them it ends, and its file
    /// is closed.
    fn retire(&mut self) {
        self.retired.retain(|writer| writer.strong_count() > 0);
        self.retired.extend(self.current.take().map(|current| Arc::downgrade(&current.writer)));
    }
}

/// The writer in service, and the room that it was given.
struct Current {
    writer: Arc<Writer>,
    buffer: u64,
}

fn problem(settings: &config::AccessLog, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(settings.span, format!("the access log cannot be opened: {why}"))
}
