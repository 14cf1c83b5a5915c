//! Takes from several buckets, or from none.

use std::sync::Arc;

use super::{
    bucket::{self, Level},
    clock::Clock,
    shards::Shards,
};
use crate::stores::{Allowance, Answer, Bucket, RateLimit, StoreError, at_once};

/// Buckets of everyone together. A full bucket is not kept, so these are the clients that have
/// been here within their window. One takes about 200 bytes.
const MAX_BUCKETS: usize = 1 << 20;

/// The counters of the process.
pub(super) struct Limiter {
    pub(super) shards: Shards,
    pub(super) clock: Arc<dyn Clock>,
}

impl Limiter {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { shards: Shards::new(MAX_BUCKETS), clock }
    }

    /// Counters that are merged with those of others.
    pub(super) fn shared(clock: Arc<dyn Clock>) -> Self {
        Self { shards: Shards::with_ledgers(MAX_BUCKETS), clock }
    }

    /// Forgets buckets that are full again.
    pub(super) fn expire(&self) {
        self.shards.expire(|| self.clock.now());
    }

    pub(super) fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Allowance>, StoreError> {
        bucket::check(buckets, cost)?;
        Ok(match buckets {
            [bucket] => vec![self.take_one(bucket, cost)],
            _ => self.take_all(buckets, cost),
        })
    }

    /// What nearly every take is; without the lists it takes half as long.
    fn take_one(&self, bucket: &Bucket, cost: u64) -> Allowance {
        let mut shard = self.shards.lock_one(&bucket.id);
        let now = self.clock.now();
        let mut level = Level::at(now, bucket, shard.get(&bucket.id));
        let allowed = level.fits(cost);
        if allowed {
            level.take(cost);
            shard.take(bucket, cost, level.state(), now);
        }
        drop(shard);
        level.allowance(cost, allowed)
    }

    fn take_all(&self, buckets: &[Bucket], cost: u64) -> Vec<Allowance> {
        let mut shards = self.shards.lock(buckets.iter().map(|bucket| &*bucket.id));
        // Read under the locks: no bucket sees time go back.
        let now = self.clock.now();
        let mut levels = Vec::with_capacity(buckets.len());
        for (place, bucket) in buckets.iter().enumerate() {
            levels.push(Level::at(now, bucket, shards.of(place).get(&bucket.id)));
        }
        let verdicts: Vec<_> = levels.iter().map(|level| level.fits(cost)).collect();
        if !verdicts.contains(&false) {
            for (place, (bucket, level)) in buckets.iter().zip(&mut levels).enumerate() {
                level.take(cost);
                shards.of(place).take(bucket, cost, level.state(), now);
            }
        }
        drop(shards);
        let say = |(level, allowed): (&Level, bool)| level.allowance(cost, allowed);
        levels.iter().zip(verdicts).map(say).collect()
    }
}

impl RateLimit for Limiter {
    fn take<'a>(&'a self, buckets: &'a [Bucket], cost: u64) -> Answer<'a, Vec<Allowance>> {
        at_once(self.take(buckets, cost))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering::SeqCst},
        thread,
        time::Duration,
    };

    use super::{super::clock::manual::Manual, *};
    use crate::stores::Algorithm::{self, FixedWindow, Gcra};

    const SECOND: Duration = Duration::from_secs(1);

    fn limiter() -> (Limiter, Arc<Manual>) {
        let clock = Manual::new();
        (Limiter::new(clock.clone()), clock)
    }

    fn bucket(id: &str, algorithm: Algorithm, limit: u64) -> Bucket {
        Bucket { id: id.into(), algorithm, limit, window: SECOND, burst: limit }
    }

    fn verdicts(allowances: &[Allowance]) -> Vec<(bool, u64)> {
        allowances.iter().map(|one| (one.allowed, one.remaining)).collect()
    }

    #[test]
    fn all_or_nothing_in_order() {
        let (limiter, _) = limiter();
        let buckets = [bucket("small", Gcra, 2), bucket("large", FixedWindow, 10)];
        let take = |cost| verdicts(&limiter.take(&buckets, cost).unwrap());
        assert_eq!(take(1), [(true, 1), (true, 9)]);
        assert_eq!(take(2), [(false, 1), (true, 9)], "the large one was not charged");
        assert_eq!(take(1), [(true, 0), (true, 8)]);
        assert_eq!(take(1), [(false, 0), (true, 8)]);
    }

    #[test]
    fn a_verdict_that_is_allowed_asks_for_no_wait_though_another_refused() {
        let (limiter, _) = limiter();
        let buckets = [bucket("none", FixedWindow, 1), bucket("some", FixedWindow, 2)];
        limiter.take(&buckets, 1).unwrap();
        let again = limiter.take(&buckets, 1).unwrap();
        assert_eq!(again[0].retry_after, SECOND);
        assert_eq!((again[1].allowed, again[1].retry_after), (true, Duration::ZERO));
    }

    #[test]
    fn no_buckets_refuse_nothing() {
        assert_eq!(limiter().0.take(&[], 1).unwrap(), []);
    }

    #[test]
    fn ids_are_apart() {
        let (limiter, _) = limiter();
        assert!(limiter.take(&[bucket("a", Gcra, 1)], 1).unwrap()[0].allowed);
        assert!(limiter.take(&[bucket("b", Gcra, 1)], 1).unwrap()[0].allowed);
        assert!(!limiter.take(&[bucket("a", Gcra, 1)], 1).unwrap()[0].allowed);
    }

    #[test]
    fn nonsense_is_refused_and_changes_nothing() {
        let (limiter, _) = limiter();
        let buckets = [bucket("a", Gcra, 5), bucket("b", Gcra, 2)];
        assert!(matches!(limiter.take(&buckets, 3), Err(StoreError::Invalid(_))));
        assert_eq!(verdicts(&limiter.take(&buckets, 1).unwrap()), [(true, 4), (true, 1)]);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (limiter, clock) = limiter();
        for algorithm in [Gcra, FixedWindow] {
            let buckets: Vec<_> =
                (0..50).map(|n| bucket(&format!("{algorithm:?} {n}"), algorithm, 9)).collect();
            limiter.take(&buckets, 9).unwrap();
        }
        clock.advance(SECOND - Duration::from_nanos(1));
        limiter.expire();
        assert_eq!(limiter.shards.len(), 100);
        clock.advance(Duration::from_nanos(2));
        limiter.expire();
        assert_eq!(limiter.shards.len(), 0);
    }

    #[test]
    fn a_refused_take_is_not_kept() {
        let (limiter, _) = limiter();
        let used_up = bucket("used up", Gcra, 1);
        limiter.take(std::slice::from_ref(&used_up), 1).unwrap();
        for n in 0..100 {
            limiter.take(&[used_up.clone(), bucket(&n.to_string(), Gcra, 1)], 1).unwrap();
        }
        assert_eq!(limiter.shards.len(), 1);
    }

    /// Lets eight threads take 10,000 times in all; how often all was allowed.
    fn crowd(limiter: &Limiter, buckets: &(dyn Fn(u64) -> Vec<Bucket> + Sync)) -> u64 {
        let allowed = AtomicU64::new(0);
        thread::scope(|scope| {
            for me in 0..8 {
                let allowed = &allowed;
                scope.spawn(move || {
                    for turn in 0..1250 {
                        let taken = limiter.take(&buckets(me + turn), 1).unwrap();
                        let all = taken.iter().all(|one| one.allowed);
                        allowed.fetch_add(all.into(), SeqCst);
                    }
                });
            }
        });
        allowed.into_inner()
    }

    #[test]
    fn exactly_the_limit_passes_a_crowd() {
        for algorithm in [Gcra, FixedWindow] {
            let (limiter, _) = limiter();
            assert_eq!(crowd(&limiter, &|_| vec![bucket("a", algorithm, 1000)]), 1000);
        }
    }

    #[test]
    fn exactly_the_limit_passes_a_crowd_over_two_buckets() {
        let (limiter, _) = limiter();
        // Every other take names them the other way round: that must not dead-lock.
        let buckets = |turn: u64| {
            let mut both = vec![bucket("a", Gcra, 1000), bucket("b", FixedWindow, 3000)];
            if turn % 2 == 1 {
                both.reverse();
            }
            both
        };
        assert_eq!(crowd(&limiter, &buckets), 1000);
        let left = limiter.take(&[bucket("b", FixedWindow, 3000)], 1).unwrap();
        assert_eq!(left[0].remaining, 1999, "refusals by the one cost the other nothing");
    }

    #[test]
    fn crowds_with_a_bucket_in_common_get_all_of_it() {
        let (limiter, _) = limiter();
        // Each of four keys may take 400, and all together 1,000: no take that is refused for its
        // key's bucket may keep another from the common one, not even for a moment.
        let buckets = |turn: u64| {
            vec![bucket(&format!("key {}", turn % 4), Gcra, 400), bucket("common", Gcra, 1000)]
        };
        assert_eq!(crowd(&limiter, &buckets), 1000);
    }

    #[test]
    fn a_crowd_on_the_system_clock_gets_no_more_than_burst_and_refill() {
        let clock = Arc::new(super::super::clock::Monotonic::new());
        let limiter = Limiter::new(clock.clone());
        let a = || Bucket { burst: 1000, ..bucket("a", Gcra, 10_000) };
        let before = clock.now();
        let allowed = crowd(&limiter, &|_| vec![a()]);
        // One in 100,000 ns comes back.
        let most = 1000 + (clock.now() - before) / 100_000 + 1;
        assert!((1000..=most).contains(&allowed), "{allowed} of at most {most}");
    }
}
