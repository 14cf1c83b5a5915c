//! The store, whose failures are never a request's: what it does not answer is not there, and what it does not take is
//! not kept.

use std::cell::Cell;

use torana_plugin_sdk::{
    host::{KvError, LeadAnswer},
    prelude::*,
};

use crate::{
    entry::{Entry, Stored},
    key::{flight, wait},
    storable::LONGEST,
};

/// Between two log lines about the store, of one instance, in milliseconds.
const QUIET: u64 = 10_000;
/// How long it is remembered that nobody needs to wait, for what comes is not kept; in milliseconds.
const UNKEPT: u64 = 10_000;
/// How long a response may be asked about after it is of no use without an answer, in milliseconds.
const SLACK: u64 = 60_000;
/// What stands in a flight then.
const PASS: &[u8] = b"pass";
const ASKS: &[u8] = b"asks";

/// When this instance last wrote of a failure, in milliseconds since 1970.
#[derive(Default)]
pub(crate) struct Trouble(Cell<u64>);

/// The store of one exchange.
pub(crate) struct Store<'a, H> {
    pub(crate) host: &'a H,
    trouble: &'a Trouble,
    is_down: Cell<bool>,
}

impl<'a, H: Host> Store<'a, H> {
    pub(crate) fn new(host: &'a H, trouble: &'a Trouble) -> Self {
        Self { host, trouble, is_down: Cell::new(false) }
    }

    /// Whether it has failed to answer.
    pub(crate) fn is_down(&self) -> bool {
        self.is_down.get()
    }

    /// What is under a key.
    pub(crate) fn get(&self, key: &str) -> Option<Stored> {
        self.bytes(key).and_then(|bytes| Stored::read(&bytes))
    }

    /// The response under a key.
    pub(crate) fn entry(&self, key: &str) -> Option<Entry> {
        match self.get(key) {
            Some(Stored::Entry(entry)) => Some(entry),
            _ => None,
        }
    }

    /// Whether it was taken. `until` is in milliseconds since 1970. It stays a little longer, for the service may be
    /// asked at the last moment whether it holds, and take its time.
    pub(crate) fn set(&self, key: &str, value: &[u8], until: u64) -> bool {
        self.put(key, value, until.saturating_sub(self.now()) + SLACK)
    }

    /// The same of what is to outlive all responses.
    pub(crate) fn set_long(&self, key: &str, value: &[u8]) -> bool {
        self.put(key, value, LONGEST * 1000 + SLACK)
    }

    /// The same where the old value still stands there: what others have put in its place meanwhile is newer.
    pub(crate) fn replace(&self, key: &str, old: &[u8], new: &[u8], until: u64) {
        let ttl = until.saturating_sub(self.now()) + SLACK;
        self.noted(self.host.kv().compare_and_swap(key, Some(old), new, Some(ttl)));
    }

    pub(crate) fn delete(&self, key: &str) {
        self.noted(self.host.kv().delete(key));
    }

    /// When something was last changed, in milliseconds since 1970.
    pub(crate) fn moment(&self, key: &str) -> Option<u64> {
        let bytes = self.bytes(key)?;
        bytes.try_into().ok().map(u64::from_le_bytes)
    }

    /// Notes that something was changed just now, for longer than anything from before may be there. Whether it was
    /// taken.
    pub(crate) fn note_moment(&self, key: &str) -> bool {
        self.put(key, &self.now().to_le_bytes(), LONGEST * 1000 + 2 * SLACK)
    }

    /// Whether this exchange is the one that asks the service for what is to stand under a key, for the next `millis`.
    pub(crate) fn takes_off(&self, key: &str, millis: u64) -> bool {
        let taken = self.host.kv().compare_and_swap(&flight(key), None, ASKS, Some(millis));
        // Without a store all go.
        self.noted(taken).unwrap_or(true)
    }

    /// Waits for what somebody else asks for, at most `millis`.
    ///
    /// `lead` is for one hook call, and who asks the service is long out of the one that began it. So those who wait lead
    /// among themselves: the first of them is told that it is its turn, and waits like all others when it asks again. All
    /// are woken when the key on which they wait is deleted. It is one that has no value, for what they wait for may be
    /// there before, stale, and need not end with the flight.
    pub(crate) fn wait(&self, key: &str, millis: u64) {
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        // Who has waited may be told that it is its turn, too: then the flight is over.
        for _ in 0..2 {
            if !self.is_asked_for(key)
                || self.noted(self.host.kv().lead(&wait(key), millis)) != Some(LeadAnswer::Yours)
            {
                return;
            }
        }
    }

    /// Whether somebody asks the service for what is to stand under a key.
    fn is_asked_for(&self, key: &str) -> bool {
        self.bytes(&flight(key)).is_some_and(|said| said == ASKS)
    }

    /// Says that a flight is over: what was waited for is there, or somebody else may ask.
    pub(crate) fn lands(&self, key: &str) {
        self.delete(&flight(key));
        self.delete(&wait(key));
    }

    /// Says that nothing comes of a flight, and that there is nothing to wait for in the next seconds.
    pub(crate) fn lands_empty(&self, key: &str) {
        self.noted(self.host.kv().set(&flight(key), PASS, Some(UNKEPT)));
        self.delete(&wait(key));
    }

    fn put(&self, key: &str, value: &[u8], ttl: u64) -> bool {
        self.noted(self.host.kv().set(key, value, Some(ttl))).is_some()
    }

    fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.noted(self.host.kv().get(key)).flatten()
    }

    fn now(&self) -> u64 {
        self.host.clock().unix_millis()
    }

    fn noted<T>(&self, answer: Result<T, Refused<KvError>>) -> Option<T> {
        let refused = match answer {
            Ok(answer) => return Some(answer),
            Err(refused) => refused,
        };
        self.host.metrics().count("store-error", 1);
        self.is_down.set(self.is_down() || matches!(refused.why, KvError::Unavailable(_)));
        let now = self.now();
        if now.saturating_sub(self.trouble.0.get()) >= QUIET {
            self.trouble.0.set(now);
            self.host.log().warn(format_args!("the cache goes without: {refused}"));
        }
        None
    }
}
