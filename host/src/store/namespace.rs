//! Keys and values of one plugin entry.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use dashmap::{DashMap, Entry};
use tokio::time::{Instant, timeout_at};

use super::{
    clock::{Clock, nanos},
    flights::{Flights, Role},
    room::Room,
};
use crate::stores::{Answer, Kv, Lead, StoreError, at_once, later};

const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 1 << 20;
/// Nobody waits for longer in `lead`: long for a hook, and safe to add to any time.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Of an entry without a TTL.
const NEVER: u64 = u64::MAX;

/// One namespace.
pub(super) struct Namespace {
    entries: DashMap<Box<str>, Stored>,
    room: Room,
    flights: Arc<Flights>,
    /// No entry expires before this; it tells whether a sweep is worth its while.
    next_expiry: AtomicU64,
    /// Held by whoever sweeps: a writer that needs the room waits for it instead of being told
    /// that there is nothing to sweep.
    sweep: Mutex<()>,
    clock: Arc<dyn Clock>,
}

struct Stored {
    value: Value,
    expires: u64,
}

enum Value {
    Bytes(Bytes),
    /// A kind of its own: "7" that was set is not a counter.
    Counter(i64),
}

impl Namespace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: DashMap::new(),
            room: Room::default(),
            flights: Arc::default(),
            next_expiry: AtomicU64::new(NEVER),
            sweep: Mutex::default(),
            clock,
        }
    }

    pub(super) fn set_cap(&self, bytes: u64) {
        self.room.set_cap(bytes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops what has expired, one shard of the map at a time.
    pub(super) fn expire(&self) {
        let _sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if self.next_expiry.load(SeqCst) > now {
            return;
        }
        // First of all, so that an entry that comes meanwhile is not missed: it is in the map
        // before its expiry is noted, so either the sweep sees it or the note comes after this.
        self.next_expiry.store(NEVER, SeqCst);
        let mut next = NEVER;
        self.entries.retain(|key, stored| {
            let live = stored.is_live(now);
            if live {
                next = next.min(stored.expires);
            } else {
                self.room.leave(size(key, stored));
            }
            live
        });
        self.next_expiry.fetch_min(next, SeqCst);
    }

    fn read(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        check_key(key)?;
        let now = self.clock.now();
        let found = self.entries.get(key).filter(|stored| stored.is_live(now));
        Ok(found.map(|stored| stored.value.bytes()))
    }

    fn remove(&self, key: &str) -> Result<bool, StoreError> {
        check_key(key)?;
        let now = self.clock.now();
        // Accounted for under the lock: a `set` that comes next must find the room.
        let removed = self.entries.remove_if(key, |key, stored| {
            self.room.leave(size(key, stored));
            true
        });
        self.flights.end(key);
        Ok(removed.is_some_and(|(_, stored)| stored.is_live(now)))
    }

    /// Replaces what is there by what `change` makes of it, or leaves it; whether it replaced it.
    fn update(&self, key: &str, mut change: impl Change) -> Result<bool, StoreError> {
        check_key(key)?;
        let updated = match self.try_update(key, &mut change) {
            Err(StoreError::Full) => {
                self.expire();
                self.try_update(key, &mut change)
            }
            done => done,
        }?;
        if updated {
            self.flights.end(key);
        }
        Ok(updated)
    }

    fn try_update(&self, key: &str, change: &mut impl Change) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let expires = match self.entries.entry(key.into()) {
            Entry::Occupied(mut slot) => {
                let old = slot.get();
                let Some(new) = change(Some(old).filter(|old| old.is_live(now)), now)? else {
                    return Ok(false);
                };
                self.room.resize(size(key, old), size(key, &new))?;
                slot.insert(new).expires
            }
            Entry::Vacant(slot) => {
                let Some(new) = change(None, now)? else { return Ok(false) };
                self.room.enter(size(key, &new))?;
                slot.insert(new).expires
            }
        };
        self.next_expiry.fetch_min(expires, SeqCst);
        Ok(true)
    }
}

/// Gets what is there and has not expired, and the time.
trait Change: FnMut(Option<&Stored>, u64) -> Result<Option<Stored>, StoreError> {}
impl<F: FnMut(Option<&Stored>, u64) -> Result<Option<Stored>, StoreError>> Change for F {}

impl Kv for Namespace {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        at_once(self.read(key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> Answer<'a, ()> {
        let set = check_value(&value).and_then(|()| {
            self.update(key, |_: Option<&Stored>, now| Ok(Some(Stored::bytes(&value, ttl, now))))
        });
        at_once(set.map(drop))
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, bool> {
        at_once(self.remove(key))
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        let swapped = check_value(&value).and_then(|()| {
            self.update(key, |old: Option<&Stored>, now| {
                let same = old.map(|old| old.value.bytes()) == expected;
                Ok(same.then(|| Stored::bytes(&value, ttl, now)))
            })
        });
        at_once(swapped)
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64, ttl: Option<Duration>) -> Answer<'a, i64> {
        let mut sum = 0;
        let updated = self.update(key, |old: Option<&Stored>, now| {
            let (before, expires) = match old {
                None => (0, expiry(ttl, now)),
                Some(Stored { value: Value::Counter(before), expires }) => (*before, *expires),
                Some(_) => return Err(StoreError::NotACounter),
            };
            sum = before.checked_add(by).ok_or_else(out_of_range)?;
            Ok(Some(Stored { value: Value::Counter(sum), expires }))
        });
        at_once(updated.map(|_| sum))
    }

    fn lead<'a>(&'a self, key: &'a str, wait: Duration) -> Answer<'a, Lead> {
        later(async move {
            let deadline = Instant::now() + wait.min(MAX_WAIT);
            loop {
                if let Some(value) = self.read(key)? {
                    return Ok(Lead::Value(value));
                }
                match self.flights.join(key) {
                    // Another leader may have set the value and ended its flight since we looked.
                    Role::Leader(leader) => {
                        return Ok(match self.read(key)? {
                            Some(value) => Lead::Value(value),
                            None => Lead::Yours(Box::new(leader)),
                        });
                    }
                    Role::Follower(follower) => {
                        if timeout_at(deadline, follower.wait()).await.is_err() {
                            return Ok(Lead::Busy);
                        }
                    }
                }
            }
        })
    }
}

impl Stored {
    fn bytes(value: &Bytes, ttl: Option<Duration>, now: u64) -> Self {
        Self { value: Value::Bytes(value.clone()), expires: expiry(ttl, now) }
    }

    fn is_live(&self, now: u64) -> bool {
        self.expires > now
    }
}

impl Value {
    /// A counter reads as its decimal digits, as it does elsewhere (Redis).
    fn bytes(&self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Counter(count) => count.to_string().into(),
        }
    }
}

fn expiry(ttl: Option<Duration>, now: u64) -> u64 {
    ttl.map_or(NEVER, |ttl| now.saturating_add(nanos(ttl)))
}

fn size(key: &str, stored: &Stored) -> u64 {
    let value = match &stored.value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Counter(_) => size_of::<i64>(),
    };
    (key.len() + value) as u64
}

pub(super) fn check_key(key: &str) -> Result<(), StoreError> {
    if key.len() > MAX_KEY { Err(StoreError::TooLarge) } else { Ok(()) }
}

pub(super) fn check_value(value: &Bytes) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE { Err(StoreError::TooLarge) } else { Ok(()) }
}

pub(super) fn out_of_range() -> StoreError {
    StoreError::Invalid("the counter would leave the range of a signed 64-bit number".into())
}

#[cfg(test)]
mod tests;
