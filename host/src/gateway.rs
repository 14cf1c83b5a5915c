//! The composition root: a file in, a running gateway out; and another file in, swapped at once.

mod assemble;
mod auditing;
mod background;
mod logbook;
mod numbers;
mod vetting;
mod workers;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use crate::{
    admin::{self, AdminState},
    config::{Config, Diagnostic, Diagnostics, LoadOptions, Rejected, Source},
    plugin::{PluginRoom, Services},
    proxy::{self, Proxy, Snapshot},
    store::Memory,
    telemetry::Telemetry,
    upstream::{Fetch, Upstreams},
};
use assemble::{Assembled, Workshop};
use auditing::Auditor;
use background::Background;
use logbook::Logbook;
use numbers::Numbers;
pub use vetting::{describe, describe_all};
use workers::Workers;

/// What a file was found to be.
pub struct Checked {
    /// The text, for rendering; none if it could not be read.
    pub source: Arc<Source>,
    /// Errors and warnings.
    pub diagnostics: Diagnostics,
    /// The configuration, if there are no errors.
    pub config: Option<Config>,
}

/// Looks at a file as `run` would, and serves nothing. Plugins are instantiated and take their
/// settings; no socket is opened.
pub async fn check(path: &Path, options: &LoadOptions) -> io::Result<Checked> {
    let (mut config, mut diagnostics) = match Config::load(path, options) {
        Ok(loaded) => loaded,
        Err(Rejected { source, diagnostics }) => {
            return Ok(Checked { source, diagnostics, config: None });
        }
    };
    let source = config.source.clone();
    let parts = Parts::new(config.gateway.workers)?;
    let assembled = match vetting::vet(&mut config, options, &parts.room) {
        Ok(()) => parts.workshop(None).assemble(&config).await.map(drop),
        Err(problems) => Err(problems),
    };
    let config = match assembled {
        Ok(()) => Some(config),
        Err(problems) => {
            diagnostics.append(problems);
            None
        }
    };
    config.iter().filter_map(Logbook::check).for_each(|problem| diagnostics.push(problem));
    let config = config.filter(|_| !diagnostics.has_errors());
    diagnostics.sort();
    Ok(Checked { source, diagnostics, config })
}

/// A gateway that serves.
pub struct Gateway {
    path: PathBuf,
    options: LoadOptions,
    parts: Parts,
    config: Config,
    snapshot: Arc<ArcSwap<Snapshot>>,
    background: Background,
    logbook: Logbook,
    auditor: Auditor,
    workers: Workers,
}

/// Why a gateway does not start.
pub enum StartError {
    /// The file is wrong.
    Config(Arc<Source>, Diagnostics),
    /// The machine says no.
    Io(io::Error),
}

impl From<Rejected> for StartError {
    fn from(Rejected { source, diagnostics }: Rejected) -> Self {
        Self::Config(source, diagnostics)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Gateway {
    /// Checks the file, binds its addresses and begins to serve. Warnings are given back.
    pub async fn start(
        path: &Path,
        options: LoadOptions,
    ) -> Result<(Self, Arc<Source>, Diagnostics), StartError> {
        let (mut config, warnings) = Config::load(path, &options)?;
        let source = config.source.clone();
        let parts = Parts::new(config.gateway.workers)?;
        vetting::vet(&mut config, &options, &parts.room)
            .map_err(|problems| StartError::Config(source.clone(), problems))?;
        let assembled = parts
            .workshop(None)
            .assemble(&config)
            .await
            .map_err(|problems| StartError::Config(source.clone(), problems))?;
        let Assembled { mut snapshot, ticking, doors } = assembled;
        let mut logbook = Logbook::new(config.gateway.workers, parts.telemetry.clone());
        let target = Logbook::open(&config)
            .map_err(|problem| StartError::Config(source.clone(), problem.into()))?;
        snapshot.access_log = logbook.turn_to(&config, target)?;
        let auditor = Auditor::open(&config, &parts.telemetry)
            .map_err(|problem| StartError::Config(source.clone(), problem.into()))?;
        auditor.started();
        auditor.taken(&config, &snapshot.plugins);
        parts.fetch.replace(snapshot.upstreams.clone());
        let background = Background::start(&parts.fetch, &parts.memory, ticking);
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));
        let proxy =
            Arc::new(Proxy::new(snapshot.clone(), parts.telemetry.clone(), parts.via.clone()));
        let admin = config.admin.as_ref().map(admin::bind).transpose();
        let admin = admin.map_err(|error| at_span(&config, error))?;
        let workers =
            Workers::start(&config, doors, &proxy).map_err(|error| at_span(&config, error))?;
        parts.telemetry.collect(Box::new(Numbers {
            connections: workers.connections().clone(),
            snapshot: snapshot.clone(),
        }));
        if let Some(admin) = admin {
            let state = AdminState { telemetry: parts.telemetry.clone() };
            tokio::spawn(admin.serve(state));
        }
        let path = path.to_owned();
        let gateway =
            Self { path, options, parts, config, snapshot, background, logbook, auditor, workers };
        Ok((gateway, source, warnings))
    }

    /// Takes the file anew, whole or not at all. What runs goes on with what it began with.
    pub async fn reload(&mut self) {
        let (mut config, warnings) = match Config::load(&self.path, &self.options) {
            Ok(loaded) => loaded,
            Err(Rejected { source, diagnostics }) => return self.refuse(&source, diagnostics),
        };
        let source = config.source.clone();
        if let Some(problems) = needs_restart(&self.config, &config) {
            return self.refuse(&source, problems);
        }
        if let Err(problems) = vetting::vet(&mut config, &self.options, &self.parts.room) {
            return self.refuse(&source, problems);
        }
        let previous = self.snapshot.load().upstreams.clone();
        let assembled = self.parts.workshop(Some(previous)).assemble(&config).await;
        let ready = assembled.and_then(|assembled| self.equip(&config, assembled));
        match ready {
            Err(problems) => self.refuse(&source, problems),
            Ok(assembled) => {
                self.take(config, assembled);
                if !warnings.is_empty() {
                    warn!("{}", warnings.render(&source, false).trim_end());
                }
                self.parts.telemetry.reloaded("ok");
                info!(file = %self.path.display(), "reloaded");
            }
        }
    }

    /// Stops accepting, and gives running exchanges the drain time.
    pub async fn stop(self) {
        info!(drain = ?self.config.gateway.drain, "stopping");
        self.workers.drain(self.config.gateway.drain).await;
        self.logbook.close();
        self.auditor.stopped();
        info!("stopped");
    }

    /// Gives a configuration its access log, opened anew.
    fn equip(
        &mut self,
        config: &Config,
        mut assembled: Assembled,
    ) -> Result<Assembled, Diagnostics> {
        let target = Logbook::open(config)?;
        let log = self.logbook.turn_to(config, target).map_err(|error| {
            Diagnostic::error(None, format!("no thread for the access log: {error}"))
        })?;
        assembled.snapshot.access_log = log;
        Ok(assembled)
    }

    fn take(&mut self, config: Config, assembled: Assembled) {
        let Assembled { snapshot, ticking, doors } = assembled;
        self.auditor.taken(&config, &snapshot.plugins);
        self.parts.fetch.replace(snapshot.upstreams.clone());
        self.background = Background::start(&self.parts.fetch, &self.parts.memory, ticking);
        self.snapshot.store(Arc::new(snapshot));
        self.workers.adopt(&config, doors);
        self.config = config;
        self.parts.room.tidy();
    }

    fn refuse(&self, source: &Source, problems: Diagnostics) {
        self.parts.telemetry.reloaded("refused");
        self.auditor.refused(source, &problems);
        error!(
            "reload refused, the old configuration goes on serving:\n{}",
            problems.render(source, false).trim_end()
        );
    }
}

/// What outlives every configuration.
struct Parts {
    room: PluginRoom,
    telemetry: Arc<Telemetry>,
    fetch: Arc<Fetch>,
    memory: Arc<Memory>,
    via: Arc<str>,
    workers: usize,
}

impl Parts {
    fn new(workers: usize) -> io::Result<Self> {
        let telemetry = Telemetry::new();
        let fetch = Arc::new(Fetch::new(Arc::default(), workers));
        let memory = Arc::new(Memory::new());
        let via = proxy::via_name();
        let services = Services {
            stores: memory.clone(),
            dispatch: fetch.clone(),
            telemetry: telemetry.clone(),
            via: via.clone(),
        };
        let room = PluginRoom::new(services, workers).map_err(io::Error::other)?;
        Ok(Self { room, telemetry, fetch, memory, via, workers })
    }

    fn workshop(&self, previous: Option<Arc<Upstreams>>) -> Workshop<'_> {
        let Self { room, telemetry, workers, .. } = self;
        Workshop { room, telemetry, workers: *workers, previous }
    }
}

/// What cannot be changed while the process runs.
fn needs_restart(old: &Config, new: &Config) -> Option<Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut restart = |span: Option<crate::config::Span>, what: &str| {
        problems.push(
            Diagnostic::error(span, format!("{what} cannot change while torana runs"))
                .help(Some("restart torana to use it".to_owned())),
        );
    };
    if old.gateway.workers != new.gateway.workers {
        restart(None, "gateway.workers");
    }
    if old.admin.as_ref().map(|a| a.address) != new.admin.as_ref().map(|a| a.address) {
        restart(new.admin.as_ref().map(|a| a.address_span), "admin.address");
    }
    if let (Some(old), Some(new)) = (&old.access_log, &new.access_log)
        && old.buffer != new.buffer
    {
        restart(Some(new.span), "access_log.buffer");
    }
    let path = |config: &Config| config.audit_log.as_ref().map(|log| log.path.clone());
    if path(old) != path(new) {
        restart(new.audit_log.as_ref().map(|log| log.span), "audit_log.path");
    }
    for listener in &new.listeners {
        let same = old.listeners.iter().find(|other| other.name == listener.name);
        if same.is_none_or(|other| other.address != listener.address) {
            let what = format!("the address of listener `{}`", listener.name);
            restart(Some(listener.address_span), &what);
        }
    }
    for listener in &old.listeners {
        if !new.listeners.iter().any(|other| other.name == listener.name) {
            restart(None, &format!("that there is a listener `{}`", listener.name));
        }
    }
    problems.has_errors().then_some(problems)
}

/// A machine's "no", shown at the address that asked for it.
fn at_span(config: &Config, (span, message): (crate::config::Span, String)) -> StartError {
    StartError::Config(config.source.clone(), Diagnostic::error(span, message).into())
}
