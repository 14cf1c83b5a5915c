//! How much a namespace holds, and how much it may.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::stores::StoreError;

/// The account of one namespace. It is kept before entries change, never after: what is there is
/// never more than what is accounted for.
#[derive(Default)]
pub(super) struct Room {
    cap: AtomicU64,
    /// Of all keys and values.
    bytes: AtomicU64,
    entries: AtomicU64,
}

/// An entry costs about a hundred bytes beyond its key and value. A guest that fills its namespace
/// with empty values would take many times its cap; so entries are counted as well, and a cap is
/// good for one in each 64 of its bytes.
const BYTES_PER_ENTRY: u64 = 64;
/// What the smallest cap is good for.
const MIN_ENTRIES: u64 = 1024;

impl Room {
    pub(super) fn set_cap(&self, bytes: u64) {
        self.cap.store(bytes, Relaxed);
    }

    /// Makes room for an entry of so many bytes.
    pub(super) fn enter(&self, bytes: u64) -> Result<(), StoreError> {
        add(&self.entries, 1, max_entries(self.cap.load(Relaxed)))?;
        let grown = self.grow(bytes);
        if grown.is_err() {
            self.entries.fetch_sub(1, Relaxed);
        }
        grown
    }

    /// Gives back an entry's room.
    pub(super) fn leave(&self, bytes: u64) {
        self.entries.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Changes the room of an entry. Above a cap that was lowered it may still shrink.
    pub(super) fn resize(&self, from: u64, to: u64) -> Result<(), StoreError> {
        if to > from {
            return self.grow(to - from);
        }
        self.bytes.fetch_sub(from - to, Relaxed);
        Ok(())
    }

    fn grow(&self, by: u64) -> Result<(), StoreError> {
        add(&self.bytes, by, self.cap.load(Relaxed))
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> (u64, u64) {
        (self.entries.load(Relaxed), self.bytes.load(Relaxed))
    }
}

/// How many entries a cap is good for.
pub(super) fn max_entries(cap: u64) -> u64 {
    (cap / BYTES_PER_ENTRY).max(MIN_ENTRIES)
}

fn add(account: &AtomicU64, amount: u64, max: u64) -> Result<(), StoreError> {
    let added = |now: u64| now.checked_add(amount).filter(|sum| *sum <= max);
    account.fetch_update(Relaxed, Relaxed, added).map(drop).map_err(|_| StoreError::Full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(cap: u64) -> Room {
        let room = Room::default();
        room.set_cap(cap);
        room
    }

    #[test]
    fn the_last_byte_fits_and_no_more() {
        let room = room(10);
        room.enter(4).unwrap();
        room.enter(6).unwrap();
        assert_eq!(room.enter(1), Err(StoreError::Full));
        assert_eq!(room.used(), (2, 10), "a refusal leaves no trace");
        room.leave(6);
        room.enter(6).unwrap();
    }

    #[test]
    fn an_entry_grows_within_the_cap_and_shrinks_above_it() {
        let room = room(10);
        room.enter(4).unwrap();
        room.resize(4, 10).unwrap();
        assert_eq!(room.resize(10, 11), Err(StoreError::Full));
        room.set_cap(5);
        room.resize(10, 8).unwrap();
        assert_eq!(room.used(), (1, 8));
    }

    #[test]
    fn entries_are_counted_too() {
        let small = room(10);
        (0..MIN_ENTRIES).for_each(|_| small.enter(0).unwrap());
        assert_eq!(small.enter(0), Err(StoreError::Full));
        let large = room(BYTES_PER_ENTRY * (MIN_ENTRIES + 1));
        (0..=MIN_ENTRIES).for_each(|_| large.enter(0).unwrap());
        assert_eq!(large.enter(0), Err(StoreError::Full));
    }

    #[test]
    fn sums_do_not_wrap() {
        let room = room(u64::MAX);
        room.enter(u64::MAX).unwrap();
        assert_eq!(room.enter(1), Err(StoreError::Full));
    }
}
