//! Spans that wait to be sent.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::{telemetry::Telemetry, worker};

/// What one worker collects before the exporter is woken early, in bytes, if it has so much room twice.
const FULL_ENOUGH: usize = 256 << 10;

/// A buffer for each worker and the control thread: no worker waits for another, and the exporter takes all that is
/// in one at once. It outlives configurations.
pub struct Queue {
    shards: Box<[Shard]>,
    /// Bytes that one of them takes, with what is under way.
    room: AtomicUsize,
    /// Somebody has enough to be sent at once.
    pub(super) enough: Notify,
    /// Spans for which there was no room. A handle: looking it up takes a lock that all workers share.
    dropped: Counter,
}

#[derive(Default)]
struct Shard {
    spans: Mutex<Vec<Bytes>>,
    /// Bytes of its spans that are not done with, here or under way.
    bytes: AtomicUsize,
}

/// A span, and whose room it takes.
pub(super) struct Parcel {
    shard: usize,
    pub(super) span: Bytes,
}

impl Queue {
    /// For `workers` workers and the control thread. Without room, until it is given some.
    pub fn new(workers: usize, telemetry: &Telemetry) -> Arc<Self> {
        let shards = (0..=workers).map(|_| Shard::default()).collect();
        let (room, enough) = (AtomicUsize::new(0), Notify::new());
        Arc::new(Self { shards, room, enough, dropped: telemetry.spans_without_room() })
    }

    /// From now on so many bytes may wait in all.
    pub(super) fn resize(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.room.store(bytes / self.shards.len(), Relaxed);
    }

    /// Takes a span, or drops it where there is no room.
    pub(super) fn push(&self, span: Bytes) {
        let shard = &self.shards[worker::index().min(self.shards.len() - 1)];
        let (before, length) = (shard.bytes.load(Relaxed), span.len());
        if before + length > self.room.load(Relaxed) {
            self.dropped.inc();
            return;
        }
        shard.bytes.fetch_add(length, Relaxed);
        lock(&shard.spans).push(span);
        let enough = self.enough_for_one();
        if before < enough && before + length >= enough {
            self.enough.notify_one();
        }
    }

    /// What is worth waking the exporter for, in bytes of one shard: with half of a small one there is time left.
    fn enough_for_one(&self) -> usize {
        (self.room.load(Relaxed) / 2).min(FULL_ENOUGH)
    }

    /// All that waits. It takes its room until it is [done](Self::done) with.
    pub(super) fn take(&self) -> Vec<Parcel> {
        let mut all = Vec::new();
        for (index, shard) in self.shards.iter().enumerate() {
            let spans = mem::take(&mut *lock(&shard.spans));
            all.extend(spans.into_iter().map(|span| Parcel { shard: index, span }));
        }
        all
    }

    /// Whatever has become of them, they are here no more.
    pub(super) fn done(&self, parcels: &[Parcel]) {
        for Parcel { shard, span } in parcels {
            self.shards[*shard].bytes.fetch_sub(span.len(), Relaxed);
        }
        // Who had enough meanwhile has said so while nobody was waiting for it, or was not yet below.
        let enough = self.enough_for_one();
        if self.shards.iter().any(|shard| shard.bytes.load(Relaxed) >= enough) {
            self.enough.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_is_under_way_takes_room_until_it_is_done() {
        let telemetry = Telemetry::new();
        let queue = Queue::new(1, &telemetry);
        let dropped = |count: u64| {
            let line = format!("torana_traces_dropped_total{{reason=\"queue\"}} {count}\n");
            let text = telemetry.render();
            assert!(text.contains(&line), "{line}{text}");
        };
        queue.push(Bytes::from_static(b"nobody has given it room"));
        dropped(1);
        queue.resize(20);
        queue.push(Bytes::from_static(b"12345"));
        queue.push(Bytes::from_static(b"12345"));
        queue.push(Bytes::from_static(b"1"));
        dropped(2);
        let taken = queue.take();
        assert_eq!(taken.len(), 2);
        assert!(queue.take().is_empty());
        queue.push(Bytes::from_static(b"1"));
        dropped(3);
        queue.done(&taken);
        queue.push(Bytes::from_static(b"1"));
        dropped(3);
        assert_eq!(queue.take().len(), 1);
    }

    #[test]
    fn half_of_a_small_room_is_enough_also_when_it_comes_meanwhile() {
        let queue = Queue::new(1, &Telemetry::new());
        let is_enough = || queue.enough.notified().now_or_never().is_some();
        queue.resize(40);
        queue.push(Bytes::from_static(b"123456789"));
        assert!(!is_enough());
        queue.push(Bytes::from_static(b"1"));
        assert!(is_enough());
        let taken = queue.take();
        queue.push(Bytes::from_static(b"1234567890"));
        assert!(!is_enough(), "it was enough before");
        queue.done(&taken);
        assert!(is_enough());
        let taken = queue.take();
        queue.done(&taken);
        assert!(!is_enough(), "nothing waits");
    }
}
