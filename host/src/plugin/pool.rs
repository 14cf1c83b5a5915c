//! Idle instances, kept for each worker so that no two threads ever meet here.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
    time::timeout,
};

use super::instance::Instance;
use crate::{config::PluginLimits, worker};

/// How long a hook call or a body waits for an instance when all are busy. Then it is a 503: a
/// queue that grows without end helps nobody.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The instances of one plugin.
pub(super) struct Pool {
    /// At most in calls, for each worker.
    instances: usize,
    /// At most in bodies on their way, for each worker.
    streams: usize,
    shares: Box<[Share]>,
}

/// One worker's share. The mutex is never contended: it is there because a future may move.
struct Share {
    state: Mutex<State>,
    places: Semaphore,
    /// Of their own: a client that reads slowly keeps its stream's instance from nobody's calls.
    streams: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    #[expect(
        clippy::vec_box,
        reason = "half a kilobyte each, which changes hands several times a call"
    )]
    idle: Vec<Box<Instance>>,
    /// Calls that got a place.
    calls: u64,
}

/// The right to run one instance on this worker for a call.
pub(super) struct Place<'a> {
    _permit: SemaphorePermit<'a>,
}

/// The same for a body, from its first byte to its last.
pub(super) struct StreamPlace {
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool for `workers` workers and the control thread, within the limits on each.
    pub(super) fn new(workers: usize, limits: &PluginLimits) -> Self {
        let share = || Share {
            state: Mutex::default(),
            places: Semaphore::new(limits.instances),
            streams: Arc::new(Semaphore::new(limits.streams)),
        };
        let (instances, streams) = (limits.instances, limits.streams);
        Self { instances, streams, shares: (0..=workers).map(|_| share()).collect() }
    }

    /// Waits for a place, and gives an idle instance if there is one.
    pub(super) async fn check_out(&self) -> Option<(Place<'_>, Option<Box<Instance>>)> {
        let share = self.share();
        let permit = match share.places.try_acquire() {
            Ok(permit) => permit,
            Err(_) => timeout(MAX_WAIT, share.places.acquire()).await.ok()?.ok()?,
        };
        let mut state = share.state();
        state.calls += 1;
        Some((Place { _permit: permit }, state.idle.pop()))
    }

    /// Waits until one body more may pass through.
    pub(super) async fn stream(&self) -> Option<StreamPlace> {
        let streams = self.share().streams.clone();
        let permit = timeout(MAX_WAIT, streams.acquire_owned()).await.ok()?.ok()?;
        Some(StreamPlace { _permit: permit })
    }

    /// Keeps an instance for the next call. The one that was used last is used first: its memory
    /// is in the caches.
    pub(super) fn check_in(&self, instance: Box<Instance>) {
        self.share().state().idle.push(instance);
    }

    /// Idle instances of all workers.
    pub(super) fn idle(&self) -> usize {
        self.shares.iter().map(|share| share.state().idle.len()).sum()
    }

    /// Instances that are in a call, or have a body on its way, of all workers.
    pub(super) fn busy(&self) -> usize {
        let calls = |share: &Share| self.instances - share.places.available_permits();
        let bodies = |share: &Share| self.streams - share.streams.available_permits();
        self.shares.iter().map(|share| calls(share) + bodies(share)).sum()
    }

    /// Calls so far.
    pub(super) fn calls(&self) -> u64 {
        self.shares.iter().map(|share| share.state().calls).sum()
    }

    fn share(&self) -> &Share {
        &self.shares[worker::index() % self.shares.len()]
    }
}

impl Share {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
