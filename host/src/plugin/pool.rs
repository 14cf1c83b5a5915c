//! Idle instances, kept for each worker so that no two threads ever meet here.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::instance::Instance;
use crate::worker;

/// How long a hook call waits for an instance when all are busy. Then it is a 503: a queue that
/// grows without end helps nobody.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The instances of one plugin.
pub(super) struct Pool {
    shares: Box<[Share]>,
    /// The most on each.
    instances: usize,
}

/// One worker's share. The mutex is never contended: it is there because a future may move.
struct Share {
    idle: Mutex<Vec<Instance>>,
    places: Arc<Semaphore>,
}

/// The right to run one instance on this worker.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool for `workers` workers and the control thread, at most `instances` on each.
    pub(super) fn new(workers: usize, instances: usize) -> Self {
        let share =
            || Share { idle: Mutex::default(), places: Arc::new(Semaphore::new(instances)) };
        Self { shares: (0..=workers).map(|_| share()).collect(), instances }
    }

    /// Waits for a place, and gives an idle instance if there is one.
    pub(super) async fn check_out(&self) -> Option<(Place, Option<Instance>)> {
        let share = self.share();
        let places = share.places.clone();
        let permit = match places.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(MAX_WAIT, places.acquire_owned()).await.ok()?.ok()?,
        };
        Some((Place { _permit: permit }, share.idle().pop()))
    }

    /// Keeps an instance for the next call. The one that was used last is used first: its memory
    /// is in the caches.
    pub(super) fn check_in(&self, instance: Instance) {
        self.share().idle().push(instance);
    }

    /// Idle instances of all workers.
    pub(super) fn idle(&self) -> usize {
        self.shares.iter().map(|share| share.idle().len()).sum()
    }

    /// Instances of all workers that run a call, or hold a body between two.
    pub(super) fn busy(&self) -> usize {
        let busy = |share: &Share| self.instances - share.places.available_permits();
        self.shares.iter().map(busy).sum()
    }

    fn share(&self) -> &Share {
        &self.shares[worker::index() % self.shares.len()]
    }
}

impl Share {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Instance>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
