//! What callers see of an upstream: how many requests, how they ended, how long they took.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use http::StatusCode;

/// Upper bounds of the histogram's buckets, seconds; one more has the rest.
pub const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How a request can end.
pub const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// One upstream's numbers, summed over the workers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalStats {
    /// Requests by [`CLASSES`] of their answers; the last had no answer.
    pub classes: [u64; CLASSES.len()],
    /// Requests by how long their answers took, along [`BOUNDS`].
    pub buckets: [u64; BOUNDS.len() + 1],
    /// All these times, microseconds.
    pub micros: u64,
}

/// One worker's count by [`CLASSES`].
#[derive(Debug, Default)]
pub(super) struct Classes([AtomicU64; CLASSES.len()]);

impl Classes {
    /// An answer with this status, or none.
    pub(super) fn count(&self, status: Option<StatusCode>) {
        let class = |status: StatusCode| usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        add(&self.0[status.map_or(CLASSES.len() - 1, class)], 1);
    }

    pub(super) fn add_to(&self, sum: &mut [u64; CLASSES.len()]) {
        sum.iter_mut().zip(&self.0).for_each(|(sum, part)| *sum += part.load(Relaxed));
    }
}

/// One worker's numbers, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Signals {
    classes: Classes,
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Signals {
    /// A request has ended: with this status, or without an answer.
    pub(super) fn count(&self, status: Option<StatusCode>, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.classes.count(status);
        add(&self.buckets[bucket], 1);
        add(&self.micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(super) fn add_to(&self, sum: &mut SignalStats) {
        let add = |sum: &mut u64, part: &AtomicU64| *sum += part.load(Relaxed);
        self.classes.add_to(&mut sum.classes);
        sum.buckets.iter_mut().zip(&self.buckets).for_each(|(sum, part)| add(sum, part));
        add(&mut sum.micros, &self.micros);
    }
}

/// Only one thread writes, so this is a plain addition and no locked one.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_counted_once_by_class_and_by_time() {
        let signals = Signals::default();
        signals.count(Some(StatusCode::OK), Duration::from_micros(500));
        signals.count(Some(StatusCode::BAD_GATEWAY), Duration::from_micros(501));
        signals.count(None, Duration::from_secs(11));
        let mut sum = SignalStats::default();
        signals.add_to(&mut sum);
        assert_eq!(sum.classes, [0, 1, 0, 0, 1, 1]);
        assert_eq!((sum.buckets[0], sum.buckets[1], sum.buckets[14]), (1, 1, 1));
        assert_eq!(sum.micros, 11_001_001);
    }
}
