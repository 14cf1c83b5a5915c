//! The generic cell rate algorithm: a bucket is one number, the time at which it will be full.
//!
//! Each unit of cost takes `window / limit` to come back. What has been taken and has not come back
//! is a debt of time, and a take is allowed while the debt stays within `burst` units.
//!
//! The debt may be more than that: it was made under a larger burst, or at several gateways that did
//! not know of each other yet. It is owed all the same, and told. To forgive what is above the burst,
//! a refused take would have to write; and whoever is refused under the smaller of two bursts of one
//! bucket would fill it up for the larger.
//!
//! Times are kept in 2^-32 ns, for whole nanoseconds are too coarse: at 300 million a second, a
//! plausible limit where the cost is in bytes, 3.33 ns would become 4.

use std::time::Duration;

use super::clock::nanos;
use crate::stores::Bucket;

const FRACTION: u32 = 32;
const MICROSECOND: f64 = 1000.0 * (1_u64 << FRACTION) as f64;

/// A bucket at one moment.
#[derive(Debug)]
pub(super) struct Gcra {
    now: u128,
    /// How long one unit takes to come back.
    unit: u128,
    /// The debt that is allowed.
    capacity: u128,
    debt: u128,
}

impl Gcra {
    /// The bucket as it stands, given the time at which it is full: none, it is full.
    pub(super) fn at(now: u64, bucket: &Bucket, full_at: Option<u128>) -> Self {
        let now = u128::from(now) << FRACTION;
        let unit = unit(bucket);
        let capacity = unit * u128::from(bucket.burst);
        let debt = full_at.unwrap_or(now).saturating_sub(now);
        Self { now, unit, capacity, debt }
    }

    pub(super) fn fits(&self, cost: u64) -> bool {
        self.with(cost) <= self.capacity
    }

    pub(super) fn take(&mut self, cost: u64) {
        self.debt = self.with(cost);
    }

    pub(super) fn remaining(&self) -> u64 {
        (self.free() / self.unit) as u64
    }

    pub(super) fn reset(&self) -> Duration {
        duration(self.debt)
    }

    /// Until `cost` fits.
    pub(super) fn retry_after(&self, cost: u64) -> Duration {
        duration(self.with(cost).saturating_sub(self.capacity))
    }

    /// When it is full again: all that there is to remember.
    pub(super) fn full_at(&self) -> u128 {
        self.now.saturating_add(self.debt)
    }

    /// The debt with this cost. A store may say anything of what is owed already.
    fn with(&self, cost: u64) -> u128 {
        self.debt.saturating_add(self.unit * u128::from(cost))
    }

    fn free(&self) -> u128 {
        self.capacity.saturating_sub(self.debt)
    }
}

/// A debt in microseconds, as others have it, as the time at which a bucket is full.
///
/// It is taken a billionth too small: what they rounded must not cost the last unit of a burst.
pub(super) fn full_at(now: u64, debt: f64) -> u128 {
    let debt = debt * (1.0 - 1e-9) * MICROSECOND;
    (u128::from(now) << FRACTION).saturating_add(debt as u128)
}

/// What is owed, in microseconds.
pub(super) fn debt(now: u64, full_at: u128) -> f64 {
    full_at.saturating_sub(u128::from(now) << FRACTION) as f64 / MICROSECOND
}

/// What a cost is as a debt, in microseconds.
pub(super) fn price(bucket: &Bucket, cost: u64) -> f64 {
    unit(bucket).saturating_mul(cost.into()) as f64 / MICROSECOND
}

/// How long a whole burst takes to come back; none, if that is beyond all reckoning.
pub(super) fn refill(bucket: &Bucket) -> Option<Duration> {
    let time = unit(bucket).checked_mul(bucket.burst.into())? >> FRACTION;
    Some(Duration::from_nanos(time.try_into().ok()?))
}

/// The nanosecond at or after a time.
pub(super) fn nanos_up(time: u128) -> u64 {
    time.div_ceil(1 << FRACTION).try_into().unwrap_or(u64::MAX)
}

/// Rounded up: then no more than `limit` come back in a window.
fn unit(bucket: &Bucket) -> u128 {
    (u128::from(nanos(bucket.window)) << FRACTION).div_ceil(bucket.limit.into())
}

fn duration(time: u128) -> Duration {
    Duration::from_nanos(nanos_up(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::Algorithm;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(limit: u64, window: Duration, burst: u64) -> Bucket {
        Bucket { id: String::new(), algorithm: Algorithm::Gcra, limit, window, burst }
    }

    /// Takes as a store would: whether it was allowed.
    fn take(now: u64, bucket: &Bucket, state: &mut Option<u128>, cost: u64) -> bool {
        let mut level = Gcra::at(now, bucket, *state);
        let fits = level.fits(cost);
        if fits {
            level.take(cost);
            *state = Some(level.full_at());
        }
        fits
    }

    #[test]
    fn a_burst_and_then_evenly() {
        let bucket = bucket(10, Duration::from_secs(1), 3);
        let mut state = None;
        let mut at = |millis: u64| take(millis * 1_000_000, &bucket, &mut state, 1);
        assert_eq!([at(0), at(0), at(0), at(0)], [true, true, true, false]);
        assert_eq!([at(99), at(100), at(100)], [false, true, false]);
        assert_eq!([at(350), at(350), at(350)], [true, true, false]);
    }

    #[test]
    fn it_says_how_much_is_left_and_when_there_is_more() {
        let bucket = bucket(10, Duration::from_secs(1), 5);
        let mut state = None;
        assert!(take(0, &bucket, &mut state, 4));
        let level = Gcra::at(0, &bucket, state);
        assert_eq!(level.remaining(), 1);
        assert_eq!(level.reset(), Duration::from_millis(400));
        assert_eq!(level.retry_after(1), Duration::ZERO);
        assert_eq!(level.retry_after(3), Duration::from_millis(200));
        assert_eq!(Gcra::at(50_000_000, &bucket, state).remaining(), 1, "half of one is none");
        assert_eq!(Gcra::at(100_000_000, &bucket, state).remaining(), 2);
        assert_eq!(Gcra::at(SECOND, &bucket, state).remaining(), 5, "never more than the burst");
    }

    #[test]
    fn a_store_that_says_nonsense_lets_nobody_in() {
        let bucket = bucket(10, Duration::from_secs(1), 10);
        for full_at in [u128::MAX, full_at(0, f64::INFINITY)] {
            let level = Gcra::at(SECOND, &bucket, Some(full_at));
            assert_eq!((level.fits(1), level.remaining()), (false, 0));
            assert_eq!(level.retry_after(1), Duration::from_nanos(u64::MAX));
            assert!(level.full_at() > u128::from(u64::MAX));
        }
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_let_in() {
        for limit in [1, 3, 7, 1000, 999_983, 300_000_000, 7_000_000_000] {
            let bucket = bucket(limit, Duration::from_secs(1), 3);
            let mut state = None;
            let mut now = 12_345;
            for _ in 0..1000 {
                let wait = Gcra::at(now, &bucket, state).retry_after(2);
                if !wait.is_zero() {
                    let early = now + nanos(wait) - 1;
                    assert!(!take(early, &bucket, &mut state, 2), "limit {limit}: too early");
                }
                now += nanos(wait);
                assert!(take(now, &bucket, &mut state, 2), "limit {limit}");
            }
        }
    }

    #[test]
    fn a_rate_that_is_no_whole_number_of_nanoseconds_is_kept() {
        for limit in [7, 300_000_000, 7_000_000_000] {
            let bucket = bucket(limit, Duration::from_secs(1), limit);
            let mut state = None;
            assert!(take(0, &bucket, &mut state, limit), "the whole burst at once");
            let after = |now| Gcra::at(now, &bucket, state).remaining();
            // 2^-32 ns too long for each unit: a hundred-millionth of the rate, at most.
            let slack = 1 + limit / 100_000_000;
            for (time, back) in [(SECOND / 2, limit / 2), (SECOND, limit)] {
                assert!((back - slack..=back).contains(&after(time)), "{}", after(time));
            }
            assert_eq!(after(SECOND + 2), limit);
        }
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_let_in_after_the_limits_have_changed() {
        let minute = Duration::from_secs(60);
        let wide = bucket(100, minute, 100);
        for narrow in [
            bucket(100, minute, 20),
            bucket(10, minute, 10),
            bucket(100, Duration::from_secs(1), 5),
            bucket(1000, minute, 1000),
        ] {
            for cost in [1, 5] {
                let mut state = None;
                assert!(take(0, &wide, &mut state, 100));
                let level = Gcra::at(7, &narrow, state);
                assert_eq!((level.fits(cost), level.remaining()), (false, 0), "{narrow:?}");
                let wait = nanos(level.retry_after(cost));
                let at = |now| Gcra::at(now, &narrow, state);
                assert!(!at(7 + wait - 1).fits(cost), "{narrow:?}: too late");
                assert!(at(7 + wait).fits(cost), "{narrow:?}: too early");
                assert_eq!(at(7 + nanos(level.reset())).remaining(), narrow.burst);
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let ten_years = Duration::from_secs(10 * 366 * 24 * 3600);
        for bucket in [
            bucket(u64::MAX, ten_years, u64::MAX),
            bucket(1, ten_years, 1),
            bucket(u64::MAX, Duration::from_millis(1), u64::MAX),
        ] {
            assert!(refill(&bucket).is_some());
            let now = u64::MAX / 4;
            let mut state = None;
            assert!(take(now, &bucket, &mut state, bucket.burst));
            assert!(!take(now, &bucket, &mut state, 1));
            let reset = Gcra::at(now, &bucket, state).reset();
            assert!(reset >= bucket.window && reset <= 2 * bucket.window + ten_years, "{reset:?}");
        }
        assert!(refill(&bucket(1, ten_years, u64::MAX)).is_none());
    }
}
