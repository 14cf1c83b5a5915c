//! One worker's connections. Everything here is touched by its worker alone, so the lock is there
//! for the compiler and is never waited for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    balance::{Balancer, Load, Wanted},
    connection::{Connection, Http1, Http2},
    ewma::Peaks,
    signals::Signals,
    stats::Counters,
    target::Target,
};
use crate::config;

/// A worker's share of an upstream.
pub(super) struct Slot {
    pool: Mutex<Pool>,
    pub(super) counters: Arc<[Counters]>,
    /// Requests in flight to each target, where somebody has to know.
    load: Option<Arc<[Load]>>,
    /// Whether somebody wants to know how long answers take.
    pub(super) is_timed: bool,
    /// What came of the requests.
    pub(super) signals: Signals,
    /// Held while a shared connection is made, so that requests that come meanwhile wait for it
    /// and do not make more. One for each target.
    pub(super) dialing: Box<[tokio::sync::Mutex<()>]>,
    /// Idle connections kept for each target.
    keep: usize,
}

struct Pool {
    balancer: Balancer,
    lanes: Box<[Lane]>,
}

/// The connections to one target.
#[derive(Default)]
struct Lane {
    /// Newest last. The newest is taken first: it is the least likely to have been closed, and
    /// under less load the oldest are left alone until they expire.
    idle: VecDeque<Http1>,
    shared: Option<Http2>,
}

impl Slot {
    /// `load` is shared with the other workers' slots.
    pub(super) fn new(
        settings: &config::Upstream,
        worker: usize,
        load: Option<Arc<[Load]>>,
    ) -> Self {
        let targets = settings.targets.len();
        let counters: Arc<[_]> = (0..targets).map(|_| Counters::default()).collect();
        let balancer = Balancer::new(settings, worker, load.clone(), &counters);
        Self {
            is_timed: balancer.peaks.is_some(),
            pool: Mutex::new(Pool {
                balancer,
                lanes: (0..targets).map(|_| Lane::default()).collect(),
            }),
            counters,
            load,
            signals: Signals::default(),
            dialing: (0..targets).map(|_| tokio::sync::Mutex::default()).collect(),
            keep: if settings.keep_alive.is_zero() { 0 } else { settings.keep_connections },
        }
    }

    /// The next target, and a kept connection to it if one is wanted and there is one.
    pub(super) fn pick(
        &self,
        targets: &[Target],
        wanted: Wanted<'_>,
    ) -> Option<(usize, Option<Connection>)> {
        let mut pool = self.pool();
        let index = pool.balancer.pick(targets, wanted)?;
        let kept = if wanted.kept { pool.lanes[index].take(&targets[index]) } else { None };
        Some((index, kept))
    }

    /// A request is sent to a target.
    pub(super) fn request_began(&self, target: usize) {
        self.counters[target].request_began();
        if let Some(load) = &self.load {
            load[target].began();
        }
    }

    /// Its response has ended.
    pub(super) fn request_ended(&self, target: usize) {
        self.counters[target].request_ended();
        if let Some(load) = &self.load {
            load[target].ended();
        }
    }

    /// A target has answered after this time.
    pub(super) fn answered(&self, target: usize, took: Duration) {
        self.learn(|peaks| peaks.answered(target, took, Instant::now()));
    }

    /// Nobody waits for a target any longer, after this time.
    pub(super) fn waited(&self, target: usize, took: Duration) {
        self.learn(|peaks| peaks.waited(target, took, Instant::now()));
    }

    /// A target has failed.
    pub(super) fn failed(&self, target: usize) {
        self.learn(|peaks| peaks.failed(target, Instant::now()));
    }

    fn learn(&self, what: impl FnOnce(&mut Peaks)) {
        if self.is_timed {
            self.pool().balancer.peaks.as_mut().map(what);
        }
    }

    /// The shared connection to a target.
    pub(super) fn shared(&self, index: usize, target: &Target) -> Option<Connection> {
        self.pool().lanes[index].shared(target)
    }

    /// Makes a connection the shared one.
    pub(super) fn share(&self, target: usize, connection: Http2) {
        self.pool().lanes[target].shared = Some(connection);
    }

    /// Takes back a connection whose exchange is complete on both sides.
    pub(super) fn keep(&self, target: usize, connection: Http1) {
        if self.keep == 0 || !connection.sender.is_ready() {
            return;
        }
        let mut pool = self.pool();
        let idle = &mut pool.lanes[target].idle;
        let oldest = if idle.len() >= self.keep { idle.pop_front() } else { None };
        idle.push_back(connection);
        drop(pool);
        drop(oldest);
    }

    /// How many connections to a target wait for a request.
    pub(super) fn idle(&self, target: usize) -> usize {
        let pool = self.pool();
        pool.lanes[target].idle.iter().filter(|kept| !kept.sender.is_closed()).count()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn take(&mut self, target: &Target) -> Option<Connection> {
        if let Some(shared) = self.shared(target) {
            return Some(shared);
        }
        while let Some(newest) = self.idle.pop_back() {
            if newest.sender.is_ready() && target.addresses.has(newest.usage.origin()) {
                return Some(Connection::Http1(newest));
            }
        }
        None
    }

    fn shared(&mut self, target: &Target) -> Option<Connection> {
        let shared = self.shared.as_ref()?;
        if shared.sender.is_closed() || !target.addresses.has(shared.usage.origin()) {
            self.shared = None;
        }
        self.shared.clone().map(Connection::Http2)
    }
}
