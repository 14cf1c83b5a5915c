//! Counters that gateways share.
//!
//! ```text
//! local-first   decides by what this gateway knows, at once; `sync` tells the others soon, and
//!               hears of theirs
//! exact         asks the server, which decides; what it says is kept beside, for times at which
//!               it does not answer
//! ```
//!
//! What local-first can let through above a limit: a take is in the store after `sync` and a round
//! trip, and another gateway hears of it with a round of its own, so after as much again. With n
//! gateways, each of which gets r requests a second for one key, n - 1 of them have taken at most
//! r * 2 * (sync + round trip) of which the one that takes last knows nothing. That much is over.
//! GCRA owes it, so it is missing afterwards: in the long run the rate is exact.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU64, AtomicUsize,
        Ordering::{Relaxed, SeqCst},
    },
};

use tokio::sync::Notify;

use super::{failure::Failure, links::Links, numbers::Numbers, take};
use crate::{
    config::OnFailure,
    store::{
        bucket,
        clock::{Aged, Clock},
        limiter::Limiter,
    },
    stores::{Allowance, Answer, Bucket, RateLimit, StoreError, at_once, later},
};

/// The counters of this gateway, and the way to all.
pub(super) struct Counters {
    pub(super) local: Limiter,
    pub(super) links: Arc<Links>,
    pub(super) numbers: Arc<Numbers>,
    pub(super) news: News,
    /// Buckets that a round tells of just now.
    pub(super) under_way: AtomicUsize,
    pub(super) prefix: String,
    on_failure: OnFailure,
    /// The store is not there, or has not got back yet what it may have lost.
    alone: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl Counters {
    pub(super) fn new(
        links: Arc<Links>,
        numbers: Arc<Numbers>,
        prefix: String,
        on_failure: OnFailure,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(Aged::new());
        let local = Limiter::shared(clock.clone());
        let (news, alone) = (News::default(), AtomicBool::new(false));
        let under_way = AtomicUsize::new(0);
        Self { local, links, numbers, news, under_way, prefix, on_failure, alone, clock }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// From now on this gateway does without the others, or it does so no more.
    pub(super) fn set_alone(&self, alone: bool) {
        self.alone.store(alone, Relaxed);
    }

    /// How many buckets others do not know all of.
    pub(super) fn pending(&self) -> usize {
        // In this order: what goes from one to the other meanwhile counts twice, not never.
        self.local.pending() + self.under_way.load(SeqCst)
    }

    fn take_here(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Allowance>, StoreError> {
        let taken = self.local.take(buckets, cost)?;
        if taken.iter().all(|one| one.allowed) {
            self.news.there_are(|| self.now());
        }
        Ok(taken)
    }

    /// Without a store that should have been asked.
    fn take_without(
        &self,
        failure: Failure,
        buckets: &[Bucket],
        cost: u64,
    ) -> Result<Vec<Allowance>, StoreError> {
        match self.on_failure {
            OnFailure::Deny => Err(StoreError::Unavailable(failure.to_string())),
            OnFailure::Local => {
                self.numbers.decided_alone.inc();
                self.take_here(buckets, cost)
            }
        }
    }

    fn take_first(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Allowance>, StoreError> {
        match self.alone.load(Relaxed) {
            false => self.take_here(buckets, cost),
            true => self.take_without(Failure::Down, buckets, cost),
        }
    }

    async fn ask(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Allowance>, StoreError> {
        bucket::check(buckets, cost)?;
        if self.alone.load(Relaxed) {
            return self.take_without(Failure::Down, buckets, cost);
        }
        match take::ask(self.links.mine(), &self.prefix, &self.local, buckets, cost).await {
            Ok(taken) => Ok(taken),
            Err(failure) => self.take_without(failure, buckets, cost),
        }
    }
}

/// Decides at once.
pub(super) struct LocalFirst(pub(super) Arc<Counters>);

impl RateLimit for LocalFirst {
    fn take<'a>(&'a self, buckets: &'a [Bucket], cost: u64) -> Answer<'a, Vec<Allowance>> {
        at_once(self.0.take_first(buckets, cost))
    }
}

/// Lets the server decide.
pub(super) struct Exact(pub(super) Arc<Counters>);

impl RateLimit for Exact {
    fn take<'a>(&'a self, buckets: &'a [Bucket], cost: u64) -> Answer<'a, Vec<Allowance>> {
        later(self.0.ask(buckets, cost))
    }
}

/// Whether there is anything to tell the others.
#[derive(Default)]
pub(super) struct News {
    there: AtomicBool,
    /// When the oldest of it came.
    since: AtomicU64,
    wake: Notify,
}

impl News {
    /// There is something. Of many the first one writes; the others only look.
    pub(super) fn there_are(&self, now: impl Fn() -> u64) {
        if !self.there.load(Relaxed) && !self.there.swap(true, Relaxed) {
            self.since.store(now(), Relaxed);
            self.wake.notify_one();
        }
    }

    /// Waits until there is something.
    pub(super) async fn wait(&self) {
        while !self.there.load(Relaxed) {
            self.wake.notified().await;
        }
    }

    /// Begins anew, before all of it is taken; gives since when there was some.
    pub(super) fn clear(&self) -> u64 {
        let since = self.since.load(Relaxed);
        self.there.store(false, Relaxed);
        since
    }
}
