//! Tokens that were verified, so that the next request with the same token need not be. Nothing
//! here knows the gateway.

use std::{collections::BTreeMap, mem, rc::Rc};

use crate::fingerprint::Id;

/// Keeps the values that were used last, within two bounds.
///
/// Two generations stand in for an exact order of use: what is found in the old one moves to the
/// young one, and when the young one is full it becomes the old one, whose rest is dropped. That is
/// constant work, and what is used within half a filling is never lost.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    young: Generation<V>,
    old: Generation<V>,
    /// Of a generation: half of the cache's.
    max_entries: usize,
    max_bytes: usize,
    /// Of the keys that the tokens were verified with.
    keys: u64,
}

#[derive(Debug)]
struct Generation<V> {
    entries: BTreeMap<Id, (Rc<V>, usize)>,
    bytes: usize,
}

impl<V> Default for Generation<V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), bytes: 0 }
    }
}

impl<V> Cache<V> {
    /// A cache with at most so many values, and about so many bytes.
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Self {
        let (young, old) = (Generation::default(), Generation::default());
        // One entry needs one generation.
        let (max_entries, max_bytes) = (max_entries.div_ceil(2), max_bytes / 2);
        Self { young, old, max_entries, max_bytes, keys: 0 }
    }

    /// The value of a token. Where the keys are others than those it was verified with, all is
    /// forgotten: the key may be gone.
    pub(crate) fn get(&mut self, id: Id, keys: u64) -> Option<Rc<V>> {
        self.follow(keys);
        if let Some((value, _)) = self.young.entries.get(&id) {
            return Some(value.clone());
        }
        let (value, bytes) = self.old.remove(id)?;
        self.put(id, value.clone(), bytes);
        Some(value)
    }

    /// Keeps the value of a token. `bytes` is about what it takes.
    pub(crate) fn insert(&mut self, id: Id, keys: u64, value: Rc<V>, bytes: usize) {
        self.follow(keys);
        if self.max_entries > 0 && bytes <= self.max_bytes {
            self.put(id, value, bytes);
        }
    }

    /// Forgets a token.
    pub(crate) fn remove(&mut self, id: Id) {
        self.young.remove(id);
        self.old.remove(id);
    }

    fn follow(&mut self, keys: u64) {
        if mem::replace(&mut self.keys, keys) != keys {
            (self.young, self.old) = (Generation::default(), Generation::default());
        }
    }

    fn put(&mut self, id: Id, value: Rc<V>, bytes: usize) {
        self.remove(id);
        let is_full = self.young.entries.len() >= self.max_entries
            || self.young.bytes + bytes > self.max_bytes;
        if is_full {
            self.old = mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        self.young.entries.insert(id, (value, bytes));
    }
}

impl<V> Generation<V> {
    fn remove(&mut self, id: Id) -> Option<(Rc<V>, usize)> {
        let removed = self.entries.remove(&id)?;
        self.bytes -= removed.1;
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<V>(cache: &Cache<V>) -> (usize, usize) {
        let of = |generation: &Generation<V>| (generation.entries.len(), generation.bytes);
        let (young, old) = (of(&cache.young), of(&cache.old));
        (young.0 + old.0, young.1 + old.1)
    }

    #[test]
    fn what_is_used_stays() {
        let mut cache = Cache::new(10, 10_000);
        cache.insert(0, 1, Rc::new(0), 10);
        for number in 1..1000 {
            cache.insert(number, 1, Rc::new(number), 10);
            assert_eq!(cache.get(0, 1).as_deref(), Some(&0), "after {number}");
            assert!(cache.get(number, 1).is_some());
            assert!(size(&cache).0 <= 10 && size(&cache).1 == size(&cache).0 * 10);
        }
        assert!(cache.get(1, 1).is_none());
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut cache = Cache::new(1000, 1000);
        for number in 0..1000 {
            cache.insert(number, 1, Rc::new(()), 90);
            assert!(size(&cache).1 <= 1000);
        }
        assert!(size(&cache).0 >= 5);
        cache.insert(5000, 1, Rc::new(()), 501);
        assert!(cache.get(5000, 1).is_none(), "too large to be kept");
    }

    #[test]
    fn a_value_is_kept_once() {
        let mut cache = Cache::new(10, 1000);
        for _ in 0..100 {
            cache.insert(1, 1, Rc::new(()), 100);
        }
        assert_eq!(size(&cache), (1, 100));
        cache.remove(1);
        assert_eq!(size(&cache), (0, 0));
    }

    #[test]
    fn other_keys_mean_a_new_beginning() {
        let mut cache = Cache::new(10, 1000);
        cache.insert(1, 1, Rc::new(()), 100);
        assert!(cache.get(1, 2).is_none());
        assert!(cache.get(1, 1).is_none(), "it does not come back");
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        let mut cache = Cache::new(0, 1000);
        cache.insert(1, 1, Rc::new(()), 1);
        assert!(cache.get(1, 1).is_none());
        let mut cache = Cache::new(1, 1000);
        cache.insert(1, 1, Rc::new(()), 1);
        assert!(cache.get(1, 1).is_some());
    }
}
