//! The store of one process.

use std::sync::Arc;

use dashmap::DashMap;

use super::{
    clock::{Clock, Monotonic},
    limiter::Limiter,
    namespace::Namespace,
};
use crate::stores::{Kv, RateLimit, Stores};

/// Keeps everything in memory. Made once for the process: a reload asks it again for the same
/// names and finds what was there.
pub struct Memory {
    clock: Arc<dyn Clock>,
    namespaces: DashMap<Box<str>, Arc<Namespace>>,
    limiter: Arc<Limiter>,
}

impl Memory {
    /// An empty store on the system's clock.
    #[expect(clippy::new_without_default, reason = "its clock starts here")]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(Monotonic::new()))
    }

    /// An empty store on another clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let limiter = Arc::new(Limiter::new(clock.clone()));
        Self { clock, namespaces: DashMap::new(), limiter }
    }

    /// Drops what has expired. Nothing depends on it being called (an expired value is never seen,
    /// and makes room when room is needed); called every few seconds, it gives memory back early.
    pub fn expire(&self) {
        self.limiter.expire();
        self.namespaces.iter().for_each(|space| space.expire());
        // Gone from the configuration, and nothing in it. `kv` cannot hand one out meanwhile: it
        // needs the same shard of the map.
        self.namespaces.retain(|_, space| Arc::strong_count(space) > 1 || !space.is_empty());
    }
}

impl Stores for Memory {
    /// `shared` changes nothing here: of one process, all plugins see the same.
    fn kv(&self, namespace: &str, max_bytes: u64, _shared: bool) -> Arc<dyn Kv> {
        let new = || Arc::new(Namespace::new(self.clock.clone()));
        let space = self.namespaces.entry(namespace.into()).or_insert_with(new).clone();
        space.set_cap(max_bytes);
        space
    }

    fn rate_limit(&self, _plugin: &str) -> Arc<dyn RateLimit> {
        self.limiter.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::FutureExt as _;

    use super::{super::clock::manual::Manual, *};
    use crate::stores::{Algorithm, Bucket, StoreError};

    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("the store waits for nothing")
    }

    fn set(kv: &dyn Kv, key: &str, ttl: Option<Duration>) -> Result<(), StoreError> {
        now(kv.set(key, Bytes::from_static(b"0123456789"), ttl))
    }

    #[test]
    fn a_namespace_is_found_again_by_its_name() {
        let memory = Memory::new();
        set(&*memory.kv("a", 100, false), "k", None).unwrap();
        assert!(now(memory.kv("a", 100, false).get("k")).unwrap().is_some());
        assert!(now(memory.kv("b", 100, false).get("k")).unwrap().is_none());
    }

    #[test]
    fn the_newest_cap_holds_for_everyone() {
        let memory = Memory::new();
        let before = memory.kv("a", 11, false);
        set(&*before, "1", None).unwrap();
        assert_eq!(set(&*before, "2", None), Err(StoreError::Full));
        let after = memory.kv("a", 22, false);
        set(&*before, "2", None).unwrap();
        memory.kv("a", 5, false);
        assert_eq!(set(&*after, "3", None), Err(StoreError::Full));
        assert!(now(after.get("1")).unwrap().is_some(), "what is there stays");
    }

    #[test]
    fn buckets_outlive_the_handle() {
        let memory = Memory::new();
        let bucket = [Bucket {
            id: "b".into(),
            algorithm: Algorithm::FixedWindow,
            limit: 1,
            window: Duration::from_secs(1),
            burst: 1,
        }];
        assert!(now(memory.rate_limit("limits").take(&bucket, 1)).unwrap()[0].allowed);
        assert!(!now(memory.rate_limit("limits").take(&bucket, 1)).unwrap()[0].allowed);
    }

    #[test]
    fn expiry_forgets_empty_namespaces_that_nobody_holds() {
        let clock = Manual::new();
        let memory = Memory::with_clock(clock.clone());
        let held = memory.kv("held", 100, false);
        set(&*memory.kv("full", 100, false), "k", None).unwrap();
        set(&*memory.kv("late", 100, false), "k", Some(Duration::from_secs(1))).unwrap();
        memory.expire();
        assert_eq!(memory.namespaces.len(), 3);
        clock.advance(Duration::from_secs(1));
        memory.expire();
        let mut left: Vec<_> = memory.namespaces.iter().map(|e| e.key().to_string()).collect();
        left.sort();
        assert_eq!(left, ["full", "held"]);
        drop(held);
    }
}
