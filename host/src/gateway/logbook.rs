//! The access log's writer. It outlives configurations, for exchanges of the old one still end.

use std::{io, sync::Arc, time::Duration};

use crate::{
    access_log::{AccessLog, Target, Writer},
    config::{self, Config, Diagnostic},
    telemetry::Telemetry,
};

/// How long the last lines may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Starts the writer when it is first needed, and sends it to other files.
pub(super) struct Logbook {
    writer: Option<Arc<Writer>>,
    workers: usize,
    telemetry: Arc<Telemetry>,
}

impl Logbook {
    pub(super) fn new(workers: usize, telemetry: Arc<Telemetry>) -> Self {
        Self { writer: None, workers, telemetry }
    }

    /// Looks whether the file can be there, without making one.
    pub(super) fn check(config: &Config) -> Option<Diagnostic> {
        let settings = config.access_log.as_ref()?;
        let path = settings.path.as_deref()?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if path.is_dir() {
            return Some(problem(settings, "it is a folder"));
        }
        let missing = folder.filter(|folder| !folder.is_dir())?;
        Some(problem(settings, format!("there is no folder {}", missing.display())))
    }

    /// Opens the file that a configuration names. A file that cannot be opened refuses it.
    pub(super) fn open(config: &Config) -> Result<Option<Target>, Diagnostic> {
        let Some(settings) = &config.access_log else { return Ok(None) };
        let opened = Target::open(settings.path.as_deref());
        opened.map(Some).map_err(|error| problem(settings, error))
    }

    /// From now on into that file: after a reload this is how a file that was moved away is left.
    pub(super) fn turn_to(
        &mut self,
        config: &Config,
        target: Option<Target>,
    ) -> io::Result<Option<Arc<AccessLog>>> {
        let (Some(settings), Some(target)) = (&config.access_log, target) else { return Ok(None) };
        let writer = match &self.writer {
            Some(writer) => {
                writer.redirect(target);
                writer.clone()
            }
            None => {
                let telemetry = self.telemetry.clone();
                Writer::start(target, settings.buffer, self.workers, telemetry)?
            }
        };
        self.writer = Some(writer.clone());
        Ok(Some(Arc::new(AccessLog::new(settings, writer))))
    }

    /// Writes what there is.
    pub(super) fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close(CLOSING);
        }
    }
}

fn problem(settings: &config::AccessLog, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(settings.span, format!("the access log cannot be opened: {why}"))
}
