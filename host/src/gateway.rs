//! The composition root: a file in, a running gateway out; and another file in, swapped at once.

mod assemble;
mod background;
mod check;
mod logbook;
mod numbers;
mod restart;
mod watch;
mod workers;

pub use check::{Checked, check, describe};

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use crate::{
    admin::{self, AdminState, Status},
    config::{Config, Diagnostic, Diagnostics, LoadOptions, Rejected, Source, Span},
    plugin::{PluginRoom, Services},
    proxy::{self, Proxy, Snapshot},
    store::Memory,
    telemetry::Telemetry,
    upstream::{Fetch, Upstreams},
};
use assemble::{Assembled, Workshop};
use background::Background;
use logbook::Logbook;
use numbers::Numbers;
use restart::needs_restart;
use watch::Watch;
use workers::Workers;

/// A gateway that serves.
pub struct Gateway {
    path: PathBuf,
    options: LoadOptions,
    parts: Parts,
    /// What serves, for those who ask.
    status: Arc<ArcSwap<Status>>,
    /// What serves, for the workers.
    snapshot: Arc<ArcSwap<Snapshot>>,
    watch: Watch,
    background: Background,
    logbook: Logbook,
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
    fn from(Rejected { source, diagnostics, .. }: Rejected) -> Self {
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
        let (config, warnings) = Config::load(path, &options)?;
        let source = config.source.clone();
        // Before the files that it names are read: what changes from here on is seen.
        let mut watch = Watch::default();
        watch.turn(config.gateway.watch);
        watch.follow(&config.reads);
        let parts = Parts::new(config.gateway.workers)?;
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
        parts.fetch.replace(snapshot.upstreams.clone());
        let mut background = Background::start(&parts.fetch, &parts.memory);
        background.tick(ticking);
        let serving = Arc::new(snapshot);
        let snapshot = Arc::new(ArcSwap::new(serving.clone()));
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
        parts.telemetry.config_taken();
        let status = Arc::new(ArcSwap::from_pointee(Status::serving(config, serving)));
        if let Some(admin) = admin {
            let state = AdminState { telemetry: parts.telemetry.clone(), status: status.clone() };
            tokio::spawn(admin.serve(state));
        }
        let path = path.to_owned();
        let gateway =
            Self { path, options, parts, status, snapshot, watch, background, logbook, workers };
        Ok((gateway, source, warnings))
    }

    /// Ready when a file of the configuration has changed. Never, where nobody watches them.
    pub async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Takes the file anew, whole or not at all. What runs goes on with what it began with.
    pub async fn reload(&mut self) {
        let loaded = Config::load(&self.path, &self.options);
        // Also the files of one that is refused: it may be one of them that has to change.
        self.watch.follow(match &loaded {
            Ok((config, _)) => &config.reads,
            Err(rejected) => &rejected.reads,
        });
        let (config, warnings) = match loaded {
            Ok(loaded) => loaded,
            Err(rejected) => return self.refuse(rejected),
        };
        let source = config.source.clone();
        match self.make_ready(&config).await {
            Err(diagnostics) => {
                self.refuse(Rejected { source, diagnostics, reads: config.reads });
            }
            Ok(assembled) => {
                self.take(config, assembled);
                if !warnings.is_empty() {
                    warn!("{}", warnings.render(&source, false).trim_end());
                }
                info!(file = %self.path.display(), "reloaded");
            }
        }
    }

    /// Stops accepting, and gives running exchanges the drain time.
    pub async fn stop(self) {
        let drain = self.status.load().service.config.gateway.drain;
        info!(?drain, "stopping");
        self.workers.drain(drain).await;
        self.logbook.close();
        info!("stopped");
    }

    /// Makes a configuration ready beside the one that serves, and gives it its access log.
    async fn make_ready(&mut self, config: &Config) -> Result<Assembled, Diagnostics> {
        needs_restart(&self.status.load().service.config, config)?;
        let previous = self.snapshot.load().upstreams.clone();
        let mut assembled = self.parts.workshop(Some(previous)).assemble(config).await?;
        let target = Logbook::open(config)?;
        let log = self.logbook.turn_to(config, target).map_err(|error| {
            Diagnostic::error(None, format!("no thread for the access log: {error}"))
        })?;
        assembled.snapshot.access_log = log;
        Ok(assembled)
    }

    fn take(&mut self, config: Config, assembled: Assembled) {
        let Assembled { snapshot, ticking, doors } = assembled;
        let snapshot = Arc::new(snapshot);
        self.parts.fetch.replace(snapshot.upstreams.clone());
        self.background.tick(ticking);
        self.snapshot.store(snapshot.clone());
        self.workers.adopt(&config, doors);
        if config.gateway.watch != self.status.load().service.config.gateway.watch {
            self.watch.turn(config.gateway.watch);
            self.watch.follow(&config.reads);
        }
        self.status.store(Arc::new(Status::serving(config, snapshot)));
        self.parts.telemetry.reload_taken();
        self.parts.room.tidy();
    }

    fn refuse(&self, rejected: Rejected) {
        self.parts.telemetry.reload_refused();
        self.parts.room.tidy();
        error!(
            "reload refused, the old configuration goes on serving:\n{}",
            rejected.to_string().trim_end()
        );
        self.status.store(Arc::new(self.status.load().refusing(rejected)));
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

/// A machine's "no", shown at the address that asked for it.
fn at_span(config: &Config, (span, message): (Span, String)) -> StartError {
    StartError::Config(config.source.clone(), Diagnostic::error(span, message).into())
}
