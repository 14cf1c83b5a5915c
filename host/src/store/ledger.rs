//! What was taken here and others do not know of yet.

use std::{collections::HashMap, time::Duration};

use crate::stores::{Algorithm, Bucket};

/// Charges by bucket, of one shard.
#[derive(Default)]
pub(super) struct Ledger(HashMap<Box<str>, Owed>);

/// What was taken from one bucket, and how it counts by whoever took last.
struct Owed {
    algorithm: Algorithm,
    limit: u64,
    window: Duration,
    burst: u64,
    cost: u64,
}

impl Owed {
    fn charge(&self, id: String) -> Charge {
        let Self { algorithm, limit, window, burst, cost } = *self;
        Charge { bucket: Bucket { id, algorithm, limit, window, burst }, cost }
    }
}

/// What was taken from a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) bucket: Bucket,
    pub(super) cost: u64,
}

impl Ledger {
    pub(super) fn add(&mut self, bucket: &Bucket, cost: u64) {
        let Bucket { id, algorithm, limit, window, burst } = bucket;
        let terms = |cost| Owed {
            algorithm: *algorithm,
            limit: *limit,
            window: *window,
            burst: *burst,
            cost,
        };
        match self.0.get_mut(&**id) {
            // Counting in another way it began anew, and what was owed is forgotten.
            Some(owed) if owed.algorithm != *algorithm => *owed = terms(cost),
            Some(owed) => *owed = terms(owed.cost.saturating_add(cost)),
            None => drop(self.0.insert(id.as_str().into(), terms(cost))),
        }
    }

    /// How much of a bucket is not known to others.
    pub(super) fn owed(&self, bucket: &Bucket) -> u64 {
        let owed = self.0.get(&*bucket.id).filter(|owed| owed.algorithm == bucket.algorithm);
        owed.map_or(0, |owed| owed.cost)
    }

    /// Whether something is not known to others that was taken under another algorithm.
    pub(super) fn owes_otherwise(&self, bucket: &Bucket) -> bool {
        self.0.get(&*bucket.id).is_some_and(|owed| owed.algorithm != bucket.algorithm)
    }

    /// What was taken from one bucket.
    pub(super) fn charge(&self, id: &str) -> Option<Charge> {
        self.0.get(id).map(|owed| owed.charge(id.to_owned()))
    }

    /// Takes all of it out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Charge> {
        self.0.drain().map(|(id, owed)| owed.charge(id.into()))
    }

    /// Forgets what was taken from other buckets than these.
    pub(super) fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.0.retain(|id, _| keeps(id));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(id: &str, algorithm: Algorithm, limit: u64) -> Bucket {
        Bucket { id: id.into(), algorithm, limit, window: Duration::from_secs(1), burst: limit }
    }

    #[test]
    fn charges_of_a_bucket_add_up_under_its_newest_limits() {
        let mut ledger = Ledger::default();
        ledger.add(&bucket("a", Algorithm::Gcra, 5), 2);
        ledger.add(&bucket("b", Algorithm::Gcra, 5), 1);
        ledger.add(&bucket("a", Algorithm::Gcra, 9), 3);
        let a = bucket("a", Algorithm::Gcra, 9);
        assert_eq!((ledger.owed(&a), ledger.len()), (5, 2));
        let charges: Vec<_> = ledger.drain().collect();
        assert!(charges.contains(&Charge { bucket: a.clone(), cost: 5 }), "{charges:?}");
        assert_eq!((ledger.owed(&a), ledger.len()), (0, 0));
    }

    #[test]
    fn a_bucket_that_counts_in_another_way_owes_nothing_of_before() {
        let mut ledger = Ledger::default();
        ledger.add(&bucket("a", Algorithm::Gcra, 5), 2);
        let window = bucket("a", Algorithm::FixedWindow, 5);
        assert_eq!((ledger.owed(&window), ledger.owes_otherwise(&window)), (0, true));
        ledger.add(&window, 1);
        assert_eq!(ledger.owed(&window), 1);
    }
}
