//! One worker's connections. Everything here is touched by its worker alone, so the lock is there
//! for the compiler and is never waited for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    connection::{Connection, Http1, Http2},
    stats::Counters,
    target::Target,
};

/// A worker's share of an upstream.
pub(super) struct Slot {
    pool: Mutex<Pool>,
    pub(super) counters: Arc<[Counters]>,
    /// Held while a shared connection is made, so that requests that come meanwhile wait for it
    /// and do not make more. One for each target.
    pub(super) dialing: Box<[tokio::sync::Mutex<()>]>,
    /// Idle connections kept for each target.
    keep: usize,
}

struct Pool {
    /// Where the next search for a target begins.
    cursor: usize,
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
    /// Workers begin at different targets, or they would all call the first one together.
    pub(super) fn new(targets: usize, keep: usize, worker: usize) -> Self {
        Self {
            pool: Mutex::new(Pool {
                cursor: worker % targets.max(1),
                lanes: (0..targets).map(|_| Lane::default()).collect(),
            }),
            counters: (0..targets).map(|_| Counters::default()).collect(),
            dialing: (0..targets).map(|_| tokio::sync::Mutex::default()).collect(),
            keep,
        }
    }

    /// The next target that is not among `tried`, and a kept connection to it if `kept` and there
    /// is one. Where no target is fit for requests, any will do: a wrong health check must not
    /// turn away everything.
    pub(super) fn pick(
        &self,
        targets: &[Target],
        tried: &[usize],
        kept: bool,
    ) -> Option<(usize, Option<Connection>)> {
        let mut pool = self.pool();
        let count = targets.len();
        let mut order =
            (0..count).map(|i| (pool.cursor + i) % count).filter(|i| !tried.contains(i));
        let target = order.clone().find(|i| targets[*i].is_fit()).or_else(|| order.next())?;
        pool.cursor = (target + 1) % count;
        Some((target, if kept { pool.lanes[target].take() } else { None }))
    }

    /// The shared connection to a target.
    pub(super) fn shared(&self, target: usize) -> Option<Connection> {
        self.pool().lanes[target].shared()
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
    fn take(&mut self) -> Option<Connection> {
        if let Some(shared) = self.shared() {
            return Some(shared);
        }
        while let Some(newest) = self.idle.pop_back() {
            if newest.sender.is_ready() {
                return Some(Connection::Http1(newest));
            }
        }
        None
    }

    fn shared(&mut self) -> Option<Connection> {
        if self.shared.as_ref()?.sender.is_closed() {
            self.shared = None;
        }
        self.shared.clone().map(Connection::Http2)
    }
}
