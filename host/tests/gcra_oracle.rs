//! GCRA beside another implementation.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
use torana::{
    store::{Clock, Memory},
    stores::{Algorithm, Bucket, Stores as _},
};

/// A clock that stands until it is moved.
#[derive(Default)]
struct Manual(AtomicU64);

impl Clock for Manual {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// xorshift64: the same walk every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A walk through takes of all sizes at all times. The other one's units are whole nanoseconds, so
/// these buckets' are.
#[tokio::test]
async fn agrees_with_governor() {
    let mut random = Random(42);
    let mut refused = 0;
    for _ in 0..300 {
        let (unit, burst) = (1_000_000 + random.below(1_000_000), 1 + random.below(50));
        let limit = 1 + random.below(1000);
        let ours = Arc::new(Manual::default());
        let limiter = Memory::with_clock(ours.clone()).rate_limit("quota");
        let bucket = Bucket {
            id: "walk".into(),
            algorithm: Algorithm::Gcra,
            limit,
            window: Duration::from_nanos(unit * limit),
            burst,
        };
        let buckets = [bucket];
        let clock = FakeRelativeClock::default();
        let cells = |n: u64| NonZeroU32::new(n as u32).unwrap();
        let rate = Quota::with_period(Duration::from_nanos(unit)).unwrap();
        let theirs = RateLimiter::direct_with_clock(rate.allow_burst(cells(burst)), clock.clone());
        for _ in 0..100 {
            let cost = 1 + random.below(burst);
            let took = limiter.take(&buckets, cost).await.expect("memory is always there");
            let allowed = theirs.check_n(cells(cost)).unwrap().is_ok();
            assert_eq!(took[0].allowed, allowed, "{buckets:?} cost {cost}");
            refused += u32::from(!allowed);
            let step = random.below(2 * unit * cost);
            clock.advance(Duration::from_nanos(step));
            ours.0.fetch_add(step, Ordering::SeqCst);
        }
    }
    assert!((3_000..27_000).contains(&refused), "{refused} of 30,000: no test of both sides");
}
