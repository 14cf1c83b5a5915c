//! How long things took, counted without a lock: threads add to cache lines of their own. The
//! histogram of prometheus-client has a mutex, which all workers would meet at, for each hook call.

use std::{
    cell::Cell,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};

/// The most bounds that a histogram may have.
const BOUNDS: usize = 15;

/// Threads that have a share of their own. More than these take turns, which is right and slower.
const SHARES: usize = 8;

/// A histogram of times. A copy counts to the same.
#[derive(Clone, Debug)]
pub struct Seconds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Upper bounds, in nanoseconds, in order.
    bounds: &'static [u64],
    /// Made when a thread first counts: with thousands of routes most are never asked for.
    shares: [OnceLock<Box<Share>>; SHARES],
}

/// What some thread has counted.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Share {
    nanos: AtomicU64,
    /// By bound; one more has the rest.
    counts: [AtomicU64; BOUNDS + 1],
}

impl Seconds {
    /// One with these upper bounds, in nanoseconds and in order.
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.len() <= BOUNDS && bounds.is_sorted());
        Self(Arc::new(Shared { bounds, shares: Default::default() }))
    }

    /// Something took so long.
    pub fn observe(&self, took: Duration) {
        let Shared { bounds, shares } = &*self.0;
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| nanos <= *bound).unwrap_or(bounds.len());
        let share = shares[mine()].get_or_init(Box::default);
        share.counts[bucket].fetch_add(1, Relaxed);
        share.nanos.fetch_add(nanos, Relaxed);
    }

    fn sum(&self, part: impl Fn(&Share) -> u64) -> u64 {
        self.0.shares.iter().filter_map(OnceLock::get).map(|share| part(share)).sum()
    }
}

/// The share of this thread.
fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    MINE.get().unwrap_or_else(|| {
        let next = NEXT.fetch_add(1, Relaxed) % SHARES;
        MINE.set(Some(next));
        next
    })
}

impl TypedMetric for Seconds {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Seconds {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.0.bounds.iter().map(|nanos| in_seconds(*nanos)).chain([f64::INFINITY]);
        let count = |bucket: usize| self.sum(|share| share.counts[bucket].load(Relaxed));
        let buckets: Vec<_> = bounds.zip((0..).map(count)).collect();
        let all = buckets.iter().map(|(_, count)| count).sum();
        let sum = in_seconds(self.sum(|share| share.nanos.load(Relaxed)));
        encoder.encode_histogram::<NoLabelSet>(sum, all, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

fn in_seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text::encode, registry::Registry};

    use super::*;

    #[test]
    fn what_all_threads_have_counted_is_one_sum() {
        let seconds = Seconds::new(&[2_000, 1_000_000]);
        std::thread::scope(|scope| {
            for _ in 0..SHARES + 3 {
                scope.spawn(|| {
                    seconds.observe(Duration::from_nanos(2_000));
                    seconds.observe(Duration::from_nanos(2_001));
                    seconds.observe(Duration::from_secs(1));
                });
            }
        });
        let mut registry = Registry::default();
        registry.register("took", "Times", seconds);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "took_sum 11.000044011",
                "took_count 33",
                "took_bucket{le=\"0.000002\"} 11",
                "took_bucket{le=\"0.001\"} 22",
                "took_bucket{le=\"+Inf\"} 33",
            ]
        );
    }
}
