//! The services behind the gateway, and the only outbound sockets.
//!
//! ```text
//! send, attempt   one request, however often it is sent   fetch    the same for plugins
//! dial      a connection for it, kept or new              wait, outcome   its answer, or why not
//! retry     whether to send it again                      hedge    or to two targets
//! limits    whether to send it at all                     breaker, window   while much fails
//! blame     whose fault it is, and who hears of it
//! balance, hash, ewma   who is next                       sticky   who stays where
//! health    checks in the background                      outlier  who fails and is passed over
//! ramp      how a target comes back                       pool     a worker's connections
//! connect   name, TCP, TLS, HTTP                          resolve  names, in the background
//! names     what a name stands for                        address  where plugins may not go
//! advice    what to change where it speaks otherwise
//! http1     HTTP/1.1 on it (HTTP/2 is hyper's)            connection  one of either
//! lease     an exchange's hold on one                     idle     those that wait for the next
//! unanswered  why there is no response                    switched what is HTTP no more
//! request, upload   what goes out                         download what comes back
//! stats, signals    what is counted                          traced   what is told of an attempt
//! ```
//!
//! Connections belong to a worker and never leave its thread. Health, and who was set aside or
//! ejected, are shared atomics on the target. What is not configured is not counted either: with
//! neither retries, nor limits, nor ejection, nor a breaker, nothing that workers share is written
//! for a request.

mod address;
mod advice;
mod attempt;
mod balance;
mod blame;
mod breaker;
mod connect;
mod connection;
mod dial;
mod download;
mod error;
mod ewma;
mod fetch;
pub mod hash;
mod health;
mod hedge;
mod http1;
mod idle;
mod lease;
mod limits;
mod names;
mod outcome;
mod outlier;
mod pool;
mod ramp;
mod request;
mod resolve;
mod retry;
mod rounds;
mod send;
mod signals;
mod stats;
mod sticky;
mod switched;
mod target;
mod traced;
mod unanswered;
mod upload;
mod wait;
mod window;

pub use address::is_public;
pub use breaker::{BreakerState, BreakerStats};
pub use error::{Phase, UpstreamError};
pub use fetch::Fetch;
pub use hash::Caller;
pub use health::run_health_checks;
pub use limits::LimitStats;
pub use resolve::run_resolver;
pub use send::Call;
pub use signals::{BOUNDS, CLASSES, SignalStats};
pub use stats::{BREAKS, TargetStats, UpstreamStats};
pub use switched::Switched;

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use address::Policy;
use balance::Load;
use blame::Blame;
use breaker::Breaker;
use connect::Connector;
use limits::Limits;
use pool::Slot;
use retry::Budget;
use sticky::Sticky;
use target::Target;

use crate::{
    body::Body,
    config::{self, Resolve, Span},
    heads::Response,
    tls, worker,
};

/// All upstreams of a configuration.
#[derive(Debug, Default)]
pub struct Upstreams {
    all: Vec<Arc<Upstream>>,
    by_name: HashMap<Arc<str>, Arc<Upstream>>,
    /// Whom plugins' fetches ask for names.
    dns: Arc<[SocketAddr]>,
}

impl Upstreams {
    /// Builds what the configuration names, for `workers` workers and the control thread. An
    /// upstream of `previous` with the same name and settings is taken over as it is, with its
    /// connections, health and counters.
    pub fn build(
        upstreams: &[config::Upstream],
        workers: usize,
        previous: Option<&Self>,
    ) -> Result<Self, Vec<(Span, String)>> {
        let (mut built, mut errors) = (Self::default(), Vec::new());
        for settings in upstreams {
            let old = previous.and_then(|previous| previous.get(&settings.name));
            match Upstream::renew(settings, workers, old) {
                Ok(upstream) => built.add(upstream),
                Err(why) => errors.push((settings.span, why)),
            }
        }
        if errors.is_empty() { Ok(built) } else { Err(errors) }
    }

    /// From now on the names of what plugins fetch are asked of these servers.
    pub fn with_dns(self, dns: Arc<[SocketAddr]>) -> Self {
        Self { dns, ..self }
    }

    /// The upstream of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.by_name.get(name)
    }

    /// All of them, in the configuration's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.all.iter()
    }

    fn add(&mut self, upstream: Arc<Upstream>) {
        self.by_name.insert(upstream.settings.name.clone(), upstream.clone());
        self.all.push(upstream);
    }
}

/// One service: its targets, and every worker's connections to them.
pub struct Upstream {
    settings: config::Upstream,
    /// Of the certificate files, which may change while the settings do not.
    files: u64,
    connector: Connector,
    targets: Arc<[Target]>,
    limits: Limits,
    blame: Arc<Blame>,
    sticky: Option<Sticky>,
    budget: Budget,
    /// By worker index.
    slots: Box<[Arc<Slot>]>,
}

impl Upstream {
    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    /// The name of the target of this index.
    pub fn target_name(&self, index: usize) -> Option<&Arc<str>> {
        self.targets.get(index).map(|target| &target.name)
    }

    /// The numbers of each target.
    pub fn stats(&self) -> Vec<TargetStats> {
        self.targets
            .iter()
            .enumerate()
            .map(|(index, target)| self.target_stats(index, target))
            .collect()
    }

    /// A request to it has ended, and how long its caller waited.
    pub fn ended(&self, answer: &Result<Response<Body>, UpstreamError>, took: Duration) {
        self.slot().signals.count(answer.as_ref().ok().map(|answer| answer.head.status), took);
    }

    /// Its own numbers.
    pub fn own_stats(&self) -> UpstreamStats {
        let mut signals = SignalStats::default();
        self.slots.iter().for_each(|slot| slot.signals.add_to(&mut signals));
        UpstreamStats {
            signals,
            hedges: self.budget.hedges(),
            hedges_won: self.budget.hedges_won(),
            breaker: self.blame.breaker.as_ref().map(Breaker::stats),
            retries: self.budget.retries(),
            retry_budget_exhausted: self.budget.exhausted(),
            limits: self.limits.stats(),
        }
    }

    fn target_stats(&self, index: usize, target: &Target) -> TargetStats {
        let mut sum = TargetStats {
            target: target.name.clone(),
            weight: target.weight,
            addresses: target.addresses.all(),
            next_look_up: target.addresses.next_look_up(),
            healthy: target.is_well(),
            ejected: target.outlier.ejected_for(target::milliseconds()),
            ejections: target.outlier.ejections(),
            requests: 0,
            answers: Default::default(),
            broken: Default::default(),
            in_flight: 0,
            connects: 0,
            connect_failures: 0,
            open: 0,
            idle: 0,
        };
        for slot in &self.slots {
            slot.counters[index].add_to(&mut sum);
            sum.idle += slot.idle(index) as u64;
        }
        sum
    }

    /// `old` if it is still right, otherwise a new one that knows what `old` knew of the targets.
    fn renew(
        settings: &config::Upstream,
        workers: usize,
        old: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, String> {
        let slots = workers + 1;
        let files = settings.tls.as_ref().map_or(0, tls::fingerprint);
        if let Some(old) = old
            && old.files == files
            && old.slots.len() == slots
            && same(&old.settings, settings)
        {
            return Ok(old.clone());
        }
        let new = Self::new(settings.clone(), files, slots, Policy::Any)?;
        if let Some(old) = old {
            new.inherit(old);
        }
        Ok(Arc::new(new))
    }

    fn new(
        settings: config::Upstream,
        files: u64,
        slots: usize,
        policy: Policy,
    ) -> Result<Self, String> {
        let targets = settings.targets.iter().map(|target| Target::new(target, &settings));
        let targets = targets.collect::<Result<Arc<[_]>, _>>()?;
        let sticky = settings.sticky.as_ref();
        let sticky = sticky.map(|sticky| Sticky::new(sticky, &settings.name, &targets));
        let blame = Arc::new(Blame::new(&settings, targets.clone()));
        let load = Load::of(&settings);
        let slot = |index| Arc::new(Slot::new(&settings, index, load.clone(), blame.clone()));
        Ok(Self {
            connector: Connector::new(&settings, policy)?,
            slots: (0..slots).map(slot).collect(),
            limits: Limits::new(&settings),
            sticky: sticky.transpose()?,
            blame,
            budget: Budget::default(),
            targets,
            files,
            settings,
        })
    }

    /// A target that is out stays out until a check finds otherwise, and its name stands for what
    /// it did until that is looked up.
    fn inherit(&self, old: &Self) {
        self.inherit_ejections(old);
        if let (Some(breaker), Some(old)) = (&self.blame.breaker, &old.blame.breaker) {
            breaker.inherit(old);
        }
        let (names, health) =
            (self.settings.resolve != Resolve::AtConnect, self.settings.health.is_some());
        for target in &*self.targets {
            let known = old.targets.iter().find(|known| known.name == target.name);
            if let (Some(known), true) = (known, names) {
                target.addresses.inherit(&known.addresses);
            }
            if health {
                let healthy = known.is_none_or(|known| known.healthy.load(Relaxed));
                target.healthy.store(healthy, Relaxed);
            }
        }
    }

    fn slot(&self) -> &Arc<Slot> {
        &self.slots[worker::index() % self.slots.len()]
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Equal but for where it stands in the file.
fn same(a: &config::Upstream, b: &config::Upstream) -> bool {
    let place = |target: &config::Target| (target.host.clone(), target.port, target.weight);
    a.name == b.name
        && a.targets.iter().map(place).eq(b.targets.iter().map(place))
        && (&a.tls, a.protocol, &a.host, &a.health) == (&b.tls, b.protocol, &b.host, &b.health)
        && (&a.balance, &a.retries, a.eject, a.limits)
            == (&b.balance, &b.retries, b.eject, b.limits)
        && (a.resolve, &a.dns) == (b.resolve, &b.dns)
        && (a.breaker, &a.sticky, a.slow_start) == (b.breaker, &b.sticky, b.slow_start)
        && (a.connect_timeout, a.head_timeout, a.try_timeout, a.idle_timeout)
            == (b.connect_timeout, b.head_timeout, b.try_timeout, b.idle_timeout)
        && (a.keep_alive, a.keep_connections) == (b.keep_alive, b.keep_connections)
}

#[cfg(test)]
mod tests;
