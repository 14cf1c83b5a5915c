//! Where the buckets lie: hash maps behind locks, one of which covers all buckets that hash alike.
//!
//! Why not dashmap with an atomic in each entry, which is what one bucket at a time would want? A
//! take from several buckets is all or nothing, and exact: nobody may see, and be refused for, a
//! charge that is taken back. That needs all of them at once. dashmap cannot lock several of its
//! shards together (a second guard may deadlock), so the locks are here, always taken in the order
//! of their index. It costs little: a read guard of dashmap writes to its shard's lock as well,
//! before the entry's own atomic is touched. (Measured for one bucket, all arithmetic included:
//! 0.15 to 0.2 us; the barest counter on dashmap: 0.1 us.)

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    bucket::State,
    ledger::{Charge, Ledger},
};
use crate::stores::Bucket;

/// More than there are threads, by far: two that want different buckets seldom meet.
const SHARDS: usize = 128;
/// Below this a shard is not worth sweeping.
const MIN_SWEEP: usize = 64;

/// All buckets that are not full.
pub(super) struct Shards {
    shards: Box<[Aligned]>,
    /// Keyed, as the maps are: clients choose ids.
    hasher: RandomState,
}

/// A cache line of its own, so that neighbours do not slow each other down.
#[repr(align(64))]
struct Aligned(Mutex<Shard>);

impl Shards {
    /// Room for about `max` buckets.
    pub(super) fn new(max: usize) -> Self {
        Self::of(|| Shard::new(max.div_ceil(SHARDS)))
    }

    /// The same, and what is taken is written down for others.
    pub(super) fn with_ledgers(max: usize) -> Self {
        let ledger = || Some(Ledger::default());
        Self::of(|| Shard { ledger: ledger(), ..Shard::new(max.div_ceil(SHARDS)) })
    }

    fn of(shard: impl Fn() -> Shard) -> Self {
        let shard = || Aligned(Mutex::new(shard()));
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), hasher: RandomState::new() }
    }

    /// Locks what one id needs.
    pub(super) fn lock_one(&self, id: &str) -> MutexGuard<'_, Shard> {
        self.shard(self.index(id))
    }

    /// Locks what several ids need.
    pub(super) fn lock<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Locked<'_> {
        let of_ids: Vec<_> = ids.map(|id| self.index(id)).collect();
        let mut order = of_ids.clone();
        order.sort_unstable();
        order.dedup();
        let guards = order.into_iter().map(|index| (index, self.shard(index))).collect();
        Locked { guards, of_ids }
    }

    /// Every shard, locked one at a time.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        (0..SHARDS).map(|index| self.shard(index))
    }

    /// Forgets buckets that are full again.
    pub(super) fn expire(&self, now: impl Fn() -> u64) {
        self.each().for_each(|mut shard| shard.expire(now()));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        (0..SHARDS).map(|index| self.shard(index).states.len()).sum()
    }

    fn index(&self, id: &str) -> usize {
        self.hasher.hash_one(id) as usize % SHARDS
    }

    fn shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        // A state is replaced as a whole, so a panic leaves nothing half done.
        self.shards[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shards that some ids need.
pub(super) struct Locked<'a> {
    /// By index; each once, though ids may share one.
    guards: Vec<(usize, MutexGuard<'a, Shard>)>,
    /// The index that each id needs.
    of_ids: Vec<usize>,
}

impl Locked<'_> {
    /// The shard of the id that was given at this place.
    pub(super) fn of(&mut self, place: usize) -> &mut Shard {
        let wanted = self.of_ids[place];
        let found = self.guards.binary_search_by_key(&wanted, |(index, _)| *index);
        &mut self.guards[found.expect("it was locked")].1
    }
}

/// The buckets behind one lock.
pub(super) struct Shard {
    states: HashMap<Box<str>, State>,
    max: usize,
    /// So many make the next sweep worth its while.
    sweep_at: usize,
    /// None where there is nobody to tell.
    ledger: Option<Ledger>,
}

impl Shard {
    fn new(max: usize) -> Self {
        Self { states: HashMap::new(), max, sweep_at: MIN_SWEEP.min(max), ledger: None }
    }

    pub(super) fn get(&self, id: &str) -> Option<&State> {
        self.states.get(id)
    }

    /// Keeps what is left after a take.
    pub(super) fn take(&mut self, bucket: &Bucket, cost: u64, state: State, now: u64) {
        self.put(&bucket.id, state, now);
        self.owe(bucket, cost);
    }

    /// Writes a charge down for others.
    pub(super) fn owe(&mut self, bucket: &Bucket, cost: u64) {
        if let Some(ledger) = &mut self.ledger {
            ledger.add(bucket, cost);
        }
    }

    /// How much of a bucket others do not know of.
    pub(super) fn owed(&self, bucket: &Bucket) -> u64 {
        self.ledger.as_ref().map_or(0, |ledger| ledger.owed(bucket))
    }

    /// Whether others do not know of takes from it that count in another way.
    pub(super) fn owes_otherwise(&self, bucket: &Bucket) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.owes_otherwise(bucket))
    }

    /// How many buckets others do not know all of.
    pub(super) fn pending(&self) -> usize {
        self.ledger.as_ref().map_or(0, Ledger::len)
    }

    /// What was taken from one of them that others do not know of.
    pub(super) fn charge(&self, id: &str) -> Option<Charge> {
        self.ledger.as_ref()?.charge(id)
    }

    /// All buckets that are not full.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &State)> {
        self.states.iter().map(|(id, state)| (&**id, state))
    }

    /// Takes out all that others do not know of.
    pub(super) fn charges(&mut self) -> Vec<Charge> {
        self.ledger.as_mut().map(|ledger| ledger.drain().collect()).unwrap_or_default()
    }

    pub(super) fn put(&mut self, id: &str, state: State, now: u64) {
        if let Some(place) = self.states.get_mut(id) {
            *place = state;
            return;
        }
        if self.states.len() >= self.sweep_at {
            self.make_room(now);
        }
        self.states.insert(id.into(), state);
    }

    /// As it comes only when the number has doubled since the last time, each new bucket pays for
    /// looking at two old ones, however many there are.
    fn make_room(&mut self, now: u64) {
        self.expire(now);
        if self.states.len() >= self.max {
            self.evict();
        }
        self.sweep_at = (2 * self.states.len()).max(MIN_SWEEP).min(self.max);
    }

    fn expire(&mut self, now: u64) {
        self.states.retain(|_, state| state.expires() > now);
        self.forgive();
        if self.states.capacity() > 4 * self.states.len().max(MIN_SWEEP) {
            self.states.shrink_to(2 * self.states.len());
        }
    }

    /// Forgets an eighth: the buckets that will be full again soonest. Somebody who sends each
    /// request under another key displaces such keys, not those that are nearly used up.
    fn evict(&mut self) {
        let mut times: Vec<_> = self.states.values().map(State::expires).collect();
        let mut left = times.len() / 8 + 1;
        let (_, last, _) = times.select_nth_unstable(left - 1);
        self.states.retain(|_, state| {
            let goes = left > 0 && state.expires() <= *last;
            left -= usize::from(goes);
            !goes
        });
        self.forgive();
    }

    /// What was taken from a bucket that is full again is no news for anybody: while there is nobody
    /// to tell, the ledger is as small as what it is about.
    fn forgive(&mut self) {
        let states = &self.states;
        if let Some(ledger) = &mut self.ledger {
            ledger.retain(|id| states.contains_key(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_at(nanos: u64) -> State {
        State::Gcra(u128::from(nanos) << 32)
    }

    fn shard(max: usize) -> Shard {
        Shard::new(max)
    }

    #[test]
    fn a_sweep_comes_by_itself_and_keeps_what_counts() {
        let mut shard = shard(1 << 20);
        for now in 0..100_000_u64 {
            // One in ten stays for ever, the others for ten ticks.
            let expires = if now % 10 == 0 { u64::MAX >> 1 } else { now + 10 };
            shard.put(&now.to_string(), full_at(expires), now);
        }
        let (len, forever) = (shard.states.len(), 10_000);
        assert!((forever..=2 * forever + MIN_SWEEP).contains(&len), "{len}");
        assert!((0..100_000).step_by(10).all(|n| shard.get(&n.to_string()).is_some()));
    }

    #[test]
    fn past_its_maximum_the_fullest_go() {
        let mut shard = shard(800);
        for n in 0..800_u64 {
            shard.put(&n.to_string(), full_at(1_000_000 - n), 0);
        }
        shard.put("one more", full_at(5_000_000), 0);
        assert!(shard.states.len() <= 800);
        assert!(shard.get("one more").is_some());
        assert!(shard.get("0").is_some(), "nearly used up");
        assert!(shard.get("799").is_none(), "nearly full");
    }

    #[test]
    fn equal_ones_do_not_all_go() {
        let mut shard = shard(800);
        (0..801).for_each(|n| shard.put(&n.to_string(), full_at(7), 0));
        assert!(shard.states.len() > 600, "{}", shard.states.len());
    }

    #[test]
    fn a_small_maximum_holds() {
        let mut shard = shard(1);
        (0..10).for_each(|n| shard.put(&n.to_string(), full_at(7), 0));
        assert_eq!(shard.states.len(), 1);
        assert!(shard.get("9").is_some());
    }

    #[test]
    fn memory_comes_back() {
        let mut shard = shard(1 << 20);
        (0..100_000).for_each(|n| shard.put(&n.to_string(), full_at(7), 0));
        shard.expire(8);
        assert!(shard.states.capacity() < 1000, "{}", shard.states.capacity());
    }

    #[test]
    fn ids_of_one_shard_lock_it_once() {
        let shards = Shards::new(1 << 20);
        let ids: Vec<_> = (0..4 * SHARDS).map(|n| n.to_string()).collect();
        let mut locked = shards.lock(ids.iter().map(String::as_str));
        for (place, id) in ids.iter().enumerate() {
            locked.of(place).put(id, full_at(9), 0);
        }
        drop(locked);
        assert_eq!(shards.len(), ids.len());
        assert!(ids.iter().all(|id| shards.lock_one(id).get(id).is_some()));
    }
}
