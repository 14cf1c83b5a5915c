//! The fixed window: at most `limit` in each, and a window begins with the first take in it.

use std::time::Duration;

use super::clock::nanos;
use crate::stores::Bucket;

/// A bucket at one moment.
#[derive(Debug)]
pub(super) struct Window {
    now: u64,
    limit: u64,
    count: Count,
    ends: u64,
}

/// What there is to remember of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) began: u64,
    pub(super) used: u64,
}

impl Count {
    /// The later of two that were told of one bucket, each with a delay of its own: those that
    /// began within half a length of each other are of one window.
    pub(super) fn or_later(self, other: Self, length: u64) -> Self {
        if self.began.abs_diff(other.began) < length / 2 {
            let began = self.began.min(other.began);
            return Self { began, used: self.used.max(other.used) };
        }
        if self.began > other.began { self } else { other }
    }
}

impl Window {
    /// The window as it stands; a new one, if there was none or it is over. Limits that were
    /// changed hold for the window that runs.
    pub(super) fn at(now: u64, bucket: &Bucket, count: Option<Count>) -> Self {
        let length = nanos(bucket.window);
        let count = count
            .filter(|count| now < count.began + length)
            .unwrap_or(Count { began: now, used: 0 });
        Self { now, limit: bucket.limit, count, ends: count.began + length }
    }

    pub(super) fn fits(&self, cost: u64) -> bool {
        cost <= self.remaining()
    }

    pub(super) fn take(&mut self, cost: u64) {
        self.count.used += cost;
    }

    pub(super) fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.count.used)
    }

    pub(super) fn reset(&self) -> Duration {
        if self.count.used == 0 { Duration::ZERO } else { self.left() }
    }

    /// Until `cost` fits.
    pub(super) fn retry_after(&self, cost: u64) -> Duration {
        if self.fits(cost) { Duration::ZERO } else { self.left() }
    }

    pub(super) fn count(&self) -> Count {
        self.count
    }

    pub(super) fn ends(&self) -> u64 {
        self.ends
    }

    fn left(&self) -> Duration {
        Duration::from_nanos(self.ends - self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::Algorithm;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(limit: u64, seconds: u64) -> Bucket {
        let window = Duration::from_secs(seconds);
        Bucket { id: String::new(), algorithm: Algorithm::FixedWindow, limit, window, burst: 0 }
    }

    fn take(now: u64, bucket: &Bucket, state: &mut Option<Count>, cost: u64) -> bool {
        let mut level = Window::at(now, bucket, *state);
        let fits = level.fits(cost);
        if fits {
            level.take(cost);
            *state = Some(level.count());
        }
        fits
    }

    #[test]
    fn a_window_begins_with_the_first_take() {
        let bucket = bucket(2, 1);
        let mut state = None;
        let mut at = |nanos: u64| take(nanos, &bucket, &mut state, 1);
        assert_eq!([at(SECOND / 2), at(SECOND), at(SECOND)], [true, true, false]);
        assert_eq!([at(SECOND + SECOND / 2 - 1), at(SECOND + SECOND / 2)], [false, true]);
        assert_eq!([at(2 * SECOND), at(2 * SECOND + 400_000_000)], [true, false]);
    }

    #[test]
    fn it_says_how_much_is_left_and_when_there_is_more() {
        let bucket = bucket(10, 1);
        let mut state = None;
        assert_eq!(Window::at(5, &bucket, state).reset(), Duration::ZERO, "untouched");
        assert!(take(0, &bucket, &mut state, 8));
        let level = Window::at(SECOND / 4, &bucket, state);
        assert_eq!(level.remaining(), 2);
        assert_eq!(level.reset(), Duration::from_millis(750));
        assert_eq!(level.retry_after(2), Duration::ZERO);
        assert_eq!(level.retry_after(3), Duration::from_millis(750));
        assert_eq!(level.ends(), SECOND);
    }

    #[test]
    fn changed_limits_hold_for_the_window_that_runs() {
        let mut state = None;
        assert!(take(0, &bucket(10, 1), &mut state, 8));
        assert_eq!(Window::at(0, &bucket(5, 1), state).remaining(), 0);
        assert_eq!(Window::at(0, &bucket(20, 1), state).remaining(), 12);
        assert_eq!(Window::at(0, &bucket(10, 60), state).reset(), Duration::from_secs(60));
        assert_eq!(Window::at(SECOND, &bucket(10, 1), state).remaining(), 10);
    }

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let bucket = bucket(u64::MAX, 1);
        let mut state = None;
        assert!(take(0, &bucket, &mut state, u64::MAX));
        assert!(!take(0, &bucket, &mut state, 1));
    }
}
