//! One worker's connections. Everything here is touched by its worker alone, so the lock is there
//! for the compiler and is never waited for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use super::{
    balance::{Balancer, Load, Wanted},
    blame::Blame,
    connection::{Connection, Http1, Http2},
    ewma::Peaks,
    idle::watch,
    signals::Signals,
    stats::Counters,
    target::Target,
};
use crate::config;

/// A worker's share of an upstream.
pub(super) struct Slot {
    pool: Mutex<Pool>,
    pub(super) counters: Arc<[Counters]>,
    pub(super) blame: Arc<Blame>,
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
    /// How long they are.
    keep_alive: Duration,
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
    idle: VecDeque<Idle>,
    /// Of the task that watches them, while there is one.
    watch: Option<Waker>,
    /// Whether one was kept since that task looked.
    kept: bool,
    shared: Option<Http2>,
}

/// A connection that waits for a request.
struct Idle {
    http1: Http1,
    since: Instant,
}

impl Slot {
    /// `load` and `blame` are shared with the other workers' slots.
    pub(super) fn new(
        settings: &config::Upstream,
        worker: usize,
        load: Option<Arc<[Load]>>,
        blame: Arc<Blame>,
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
            blame,
            load,
            signals: Signals::default(),
            dialing: (0..targets).map(|_| tokio::sync::Mutex::default()).collect(),
            keep: if settings.keep_alive.is_zero() { 0 } else { settings.keep_connections },
            keep_alive: settings.keep_alive,
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
    pub(super) fn learn_failure(&self, target: usize) {
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
    pub(super) fn keep(self: &Arc<Self>, target: usize, mut http1: Http1) {
        if self.keep == 0 || !http1.connection.is_free() {
            return;
        }
        let mut pool = self.pool();
        let lane = &mut pool.lanes[target];
        let watch = lane.watch.get_or_insert_with(|| watch(self, target)).clone();
        if http1.connection.poll_closed(&mut Context::from_waker(&watch)).is_ready() {
            return;
        }
        let oldest = if lane.idle.len() >= self.keep { lane.idle.pop_front() } else { None };
        lane.idle.push_back(Idle { http1, since: Instant::now() });
        lane.kept = true;
        drop(pool);
        drop(oldest);
    }

    /// Lets go of connections to a target that have waited too long or were closed, and has `cx`
    /// woken when another is. Says when to look again; not at all where none was kept since.
    pub(super) fn sweep(&self, target: usize, cx: &mut Context<'_>) -> Option<Instant> {
        let mut pool = self.pool();
        let lane = &mut pool.lanes[target];
        let now = Instant::now();
        lane.idle.retain_mut(|idle| {
            let is_fresh = idle.since + self.keep_alive > now;
            is_fresh && idle.http1.connection.poll_closed(cx).is_pending()
        });
        let oldest = lane.idle.front().map(|oldest| oldest.since);
        let was_kept = std::mem::take(&mut lane.kept);
        let since = oldest.or(was_kept.then_some(now));
        lane.watch = since.map(|_| cx.waker().clone());
        since.map(|since| since + self.keep_alive)
    }

    /// How many connections to a target wait for a request.
    pub(super) fn idle(&self, target: usize) -> usize {
        self.pool().lanes[target].idle.len()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let pool = self.pool.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Whoever watches has nothing left to watch.
        pool.lanes.iter_mut().filter_map(|lane| lane.watch.take()).for_each(Waker::wake);
    }
}

impl Lane {
    fn take(&mut self, target: &Target) -> Option<Connection> {
        if let Some(shared) = self.shared(target) {
            return Some(shared);
        }
        // Whoever sends on it says whom to wake from now on.
        let mut cx = Context::from_waker(Waker::noop());
        while let Some(Idle { mut http1, .. }) = self.idle.pop_back() {
            let is_open = http1.connection.poll_closed(&mut cx).is_pending();
            if is_open && target.addresses.has(&http1.origin) {
                return Some(Connection::Http1(http1));
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
