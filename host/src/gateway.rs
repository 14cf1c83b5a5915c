//! The composition root: a file in, a running gateway out; and another file in, swapped at once.

mod assemble;
mod auditing;
mod background;
mod check;
mod collecting;
mod descriptors;
mod logbook;
mod numbers;
mod operator;
mod restart;
mod sockets;
mod successor;
mod vetting;
mod watch;
mod workers;
mod writable;

pub use check::{Checked, check};
pub use sockets::Sockets;
pub use successor::{Predecessor, Successor};
pub use vetting::{describe, describe_all, schema_of};

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use tracing::{error, info, warn};

use crate::{
    admin::Status,
    config::{Config, Diagnostic, Diagnostics, LoadOptions, Rejected, Source, Span},
    listener::Farewell,
    memory,
    plugin::{PluginRoom, Services, Traces},
    proxy::{self, Proxy, Snapshot},
    store::Store,
    telemetry::Telemetry,
    upstream::{Fetch, Upstreams},
    wall::WallClock,
};
use assemble::{Assembled, Shown, Workshop};
use auditing::Auditor;
use background::Background;
use collecting::Collecting;
use logbook::Logbook;
use numbers::Numbers;
use operator::AdminDoor;
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
    collecting: Collecting,
    auditor: Auditor,
    workers: Workers,
    admin: Option<AdminDoor>,
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
    /// Checks the file, binds its addresses where there are no sockets for them, and begins to
    /// serve. Warnings are given back.
    pub async fn start(
        path: &Path,
        options: LoadOptions,
        mut sockets: Sockets,
    ) -> Result<(Self, Arc<Source>, Diagnostics), StartError> {
        let (mut config, mut warnings) = Config::load(path, &options)?;
        descriptors::raise();
        descriptors::warn_if_few(&config);
        let source = config.source.clone();
        // Before the files that it names are read: what changes from here on is seen.
        let mut watch = Watch::default();
        watch.turn(config.gateway.watch);
        watch.follow(&config.reads);
        let store = Store::new(&config.store, config.gateway.workers)
            .map_err(|problem| StartError::Config(source.clone(), problem.into()))?;
        let traces = if options.develop { Traces::WithLines } else { Traces::Short };
        let parts = Parts::new(config.gateway.workers, store, traces)?;
        vetting::vet(&mut config, &options, &parts.room)
            .await
            .map_err(|problems| StartError::Config(source.clone(), problems))?;
        let assembled = parts
            .workshop(None)
            .assemble(&config)
            .await
            .map_err(|problems| StartError::Config(source.clone(), problems))?;
        let Assembled { mut snapshot, ticking, doors, certificates, warnings: more } = assembled;
        warnings.append(more);
        let mut logbook = Logbook::new(config.gateway.workers, parts.telemetry.clone());
        let target = Logbook::open(&config)
            .map_err(|problem| StartError::Config(source.clone(), problem.into()))?;
        snapshot.access_log = logbook.turn_to(&config, target)?;
        let collecting = Collecting::start(config.gateway.workers, &parts.fetch, &parts.telemetry);
        collecting.turn_to(&config);
        snapshot.tracer = collecting.tracer(&config);
        let auditor = Auditor::open(&config, &parts.telemetry)
            .map_err(|problem| StartError::Config(source.clone(), problem.into()))?;
        parts.fetch.replace(snapshot.upstreams.clone());
        let mut background = Background::start(&parts.fetch, &parts.store);
        background.tick(ticking);
        let serving = Arc::new(snapshot);
        let snapshot = Arc::new(ArcSwap::new(serving.clone()));
        let proxy =
            Arc::new(Proxy::new(snapshot.clone(), parts.telemetry.clone(), parts.via.clone()));
        let admin = AdminDoor::bind(&config, &mut sockets);
        let mut admin = admin.map_err(|error| at_span(&config, error))?;
        let workers = Workers::start(&config, doors, &mut sockets, &proxy)
            .map_err(|error| at_span(&config, error))?;
        sockets.close_rest();
        auditor.started();
        auditor.taken(&config, &serving.plugins);
        parts.telemetry.collect(Box::new(Numbers {
            connections: workers.connections().clone(),
            snapshot: snapshot.clone(),
        }));
        if let Some(numbers) = parts.store.start() {
            parts.telemetry.collect(numbers);
        }
        parts.telemetry.config_taken();
        tell_expiries(&parts.telemetry, &certificates);
        let status = Arc::new(ArcSwap::from_pointee(Status::serving(config, serving)));
        admin.iter_mut().for_each(|admin| admin.open(&parts.telemetry, &status));
        memory::give_back();
        let path = path.to_owned();
        let gateway = Self {
            path,
            options,
            parts,
            status,
            snapshot,
            watch,
            background,
            logbook,
            collecting,
            auditor,
            workers,
            admin,
        };
        Ok((gateway, source, warnings))
    }

    /// Ready when a file of the configuration has changed. Never, where nobody watches them.
    pub async fn changed(&mut self) {
        self.watch.changed().await;
    }

    /// Opens the files of the logs anew: who rotates them says so, whatever becomes of the configuration.
    pub fn reopen_logs(&self) {
        self.logbook.reopen(&self.status.load().service.config);
        self.auditor.reopen();
    }

    /// Takes the file anew, whole or not at all. What runs goes on with what it began with.
    pub async fn reload(&mut self) {
        self.load_anew().await;
        memory::give_back();
    }

    async fn load_anew(&mut self) {
        let loaded = Config::load(&self.path, &self.options);
        // Also the files of one that is refused: it may be one of them that has to change.
        self.watch.follow(match &loaded {
            Ok((config, _)) => &config.reads,
            Err(rejected) => &rejected.reads,
        });
        let (mut config, mut warnings) = match loaded {
            Ok(loaded) => loaded,
            Err(rejected) => return self.refuse(rejected),
        };
        let source = config.source.clone();
        match self.make_ready(&mut config).await {
            Err(diagnostics) => {
                self.refuse(Rejected { source, diagnostics, reads: config.reads });
            }
            Ok(mut assembled) => {
                warnings.append(std::mem::take(&mut assembled.warnings));
                self.take(config, assembled);
                if !warnings.is_empty() {
                    warn!("{}", warnings.render(&source, false).trim_end());
                }
                info!(file = %self.path.display(), "reloaded");
            }
        }
    }

    /// Starts another torana, from the file that this one was started from and with its command
    /// line, and gives it the sockets of this one, which goes on serving.
    pub fn succeed(&self) -> io::Result<Successor> {
        let mut sockets = self.workers.share()?;
        if let Some(admin) = &self.admin {
            sockets.extend(admin.share()?);
        }
        Successor::start(sockets)
    }

    /// Stops accepting, and gives running exchanges the drain time.
    pub async fn stop(self) {
        let status = self.status.load_full();
        let gateway = &status.service.config.gateway;
        self.admin.iter().for_each(AdminDoor::say_no);
        if !gateway.notice.is_zero() {
            info!(notice = ?gateway.notice, "still accepting, but not ready any more");
            tokio::time::sleep(gateway.notice).await;
        }
        self.end(Farewell::stop(gateway.drain)).await;
    }

    /// The same, where a successor serves already.
    pub async fn leave(self) {
        // Who asks for numbers is to get those of the successor.
        self.admin.iter().for_each(AdminDoor::close);
        let drain = self.status.load().service.config.gateway.drain;
        self.end(Farewell::hand_over(drain)).await;
    }

    async fn end(self, farewell: Farewell) {
        info!(drain = ?farewell.drain, "stopping");
        self.workers.drain(farewell).await;
        self.collecting.close().await;
        self.logbook.close();
        self.auditor.stopped();
        info!("stopped");
    }

    /// Makes a configuration ready beside the one that serves, and gives it its access log.
    async fn make_ready(&mut self, config: &mut Config) -> Result<Assembled, Diagnostics> {
        needs_restart(&self.status.load().service.config, config)?;
        let door = self.admin.as_ref().map_or(Ok(()), |door| door.may_serve(config));
        door.map_err(|(span, message)| Diagnostic::error(span, message))?;
        vetting::vet(config, &self.options, &self.parts.room).await?;
        let previous = self.snapshot.load().upstreams.clone();
        let mut assembled = self.parts.workshop(Some(previous)).assemble(config).await?;
        let target = Logbook::open(config)?;
        let log = self.logbook.turn_to(config, target).map_err(|error| {
            Diagnostic::error(None, format!("no thread for the access log: {error}"))
        })?;
        assembled.snapshot.access_log = log;
        assembled.snapshot.tracer = self.collecting.tracer(config);
        Ok(assembled)
    }

    fn take(&mut self, config: Config, assembled: Assembled) {
        let Assembled { snapshot, ticking, doors, certificates, .. } = assembled;
        self.auditor.taken(&config, &snapshot.plugins);
        let snapshot = Arc::new(snapshot);
        self.parts.fetch.replace(snapshot.upstreams.clone());
        self.collecting.turn_to(&config);
        self.background.tick(ticking);
        self.snapshot.store(snapshot.clone());
        self.workers.adopt(&config, doors);
        if config.gateway.watch != self.status.load().service.config.gateway.watch {
            self.watch.turn(config.gateway.watch);
            self.watch.follow(&config.reads);
        }
        self.status.store(Arc::new(Status::serving(config, snapshot)));
        self.parts.telemetry.reload_taken();
        tell_expiries(&self.parts.telemetry, &certificates);
        self.parts.room.tidy();
    }

    fn refuse(&self, rejected: Rejected) {
        self.parts.telemetry.reload_refused();
        self.parts.room.tidy();
        self.auditor.refused(&rejected);
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
    store: Store,
    via: Arc<str>,
    workers: usize,
}

impl Parts {
    fn new(workers: usize, store: Store, traces: Traces) -> io::Result<Self> {
        let telemetry = Telemetry::new();
        let fetch = Arc::new(Fetch::new(Arc::default(), workers));
        let via = proxy::via_name();
        let services = Services {
            stores: store.stores(),
            dispatch: fetch.clone(),
            telemetry: telemetry.clone(),
            via: via.clone(),
            wall: WallClock::System,
        };
        let room = PluginRoom::new(services, workers, traces).map_err(io::Error::other)?;
        Ok(Self { room, telemetry, fetch, store, via, workers })
    }

    fn workshop(&self, previous: Option<Arc<Upstreams>>) -> Workshop<'_> {
        let Self { room, telemetry, workers, .. } = self;
        Workshop { room, scope: telemetry.scope(), workers: *workers, previous }
    }
}

fn tell_expiries(telemetry: &Telemetry, certificates: &[Shown]) {
    telemetry.certificates_taken(certificates.iter().map(|Shown { listener, path, not_after }| {
        (listener.to_string(), path.display().to_string(), *not_after)
    }));
}

/// A machine's "no", shown at the address that asked for it.
fn at_span(config: &Config, (span, message): (Span, String)) -> StartError {
    StartError::Config(config.source.clone(), Diagnostic::error(span, message).into())
}
