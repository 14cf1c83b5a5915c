//! `kv`, with the host's rules about keys, room and counters.

use std::cell::RefMut;

use super::{
    FakeHost, State,
    state::{Stored, Value},
};
use crate::{
    Refused,
    host::{Kv, KvError, LeadAnswer},
};

pub(super) struct FakeKv(pub(super) FakeHost);

/// In bytes.
const LONGEST_KEY: usize = 512;
const LARGEST_VALUE: usize = 1 << 20;
/// Room for one entry in each so many bytes of room, and for so many in any case.
const BYTES_PER_ENTRY: u64 = 64;
const MIN_ENTRIES: u64 = 1024;

impl State {
    fn stored(&mut self, key: &str) -> Option<&Stored> {
        let now = self.unix_millis;
        self.kv.retain(|_, stored| stored.expires.is_none_or(|at| at > now));
        self.kv.get(key)
    }

    fn value(&mut self, key: &str) -> Option<Vec<u8>> {
        self.stored(key).map(|stored| stored.value.bytes())
    }

    /// In the place of what is there, and whoever led has done so.
    fn store(&mut self, key: &str, value: Value, expires: Option<u64>) -> Result<(), KvError> {
        let new = size(key, &value);
        let old = self.stored(key).map(|stored| size(key, &stored.value));
        let used: u64 = self.kv.iter().map(|(key, stored)| size(key, &stored.value)).sum();
        let grows = new > old.unwrap_or_default();
        let is_full = grows && used - old.unwrap_or_default() + new > self.kv_room;
        let entries = (self.kv_room / BYTES_PER_ENTRY).max(MIN_ENTRIES);
        if is_full || old.is_none() && self.kv.len() as u64 >= entries {
            return Err(KvError::Full);
        }
        self.kv.insert(key.into(), Stored { value, expires });
        self.led.remove(key);
        Ok(())
    }

    fn expiry(&self, ttl_ms: Option<u64>) -> Option<u64> {
        ttl_ms.map(|ttl| self.unix_millis.saturating_add(ttl))
    }
}

impl Value {
    /// A counter is read as its decimal digits.
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Counter(number) => number.to_string().into_bytes(),
        }
    }
}

fn size(key: &str, value: &Value) -> u64 {
    let value = match value {
        Value::Bytes(bytes) => bytes.len(),
        Value::Counter(_) => size_of::<i64>(),
    };
    (key.len() + value) as u64
}

fn bytes(value: &[u8]) -> Result<Value, KvError> {
    if value.len() > LARGEST_VALUE {
        return Err(KvError::TooLarge);
    }
    Ok(Value::Bytes(value.to_vec()))
}

impl FakeKv {
    /// The state, if the store answers and could have such a key.
    fn with<R>(
        &self,
        key: &str,
        call: impl FnOnce(RefMut<'_, State>) -> Result<R, KvError>,
    ) -> Result<R, Refused<KvError>> {
        let state = self.0.call("kv");
        let answer = if state.stores_are_down {
            Err(KvError::Unavailable(super::DOWN.into()))
        } else if key.len() > LONGEST_KEY {
            Err(KvError::TooLarge)
        } else {
            call(state)
        };
        answer.map_err(|why| Refused::new(key, why))
    }
}

impl Kv for FakeKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refused<KvError>> {
        self.with(key, |mut state| Ok(state.value(key)))
    }
    fn set(&self, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Refused<KvError>> {
        self.with(key, |mut state| {
            let expires = state.expiry(ttl_ms);
            state.store(key, bytes(value)?, expires)
        })
    }
    fn delete(&self, key: &str) -> Result<bool, Refused<KvError>> {
        self.with(key, |mut state| {
            let was_there = state.stored(key).is_some();
            state.kv.remove(key);
            state.led.remove(key);
            Ok(was_there)
        })
    }
    fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, Refused<KvError>> {
        self.with(key, |mut state| {
            let value = bytes(value)?;
            let is_expected = state.value(key).as_deref() == expected;
            if is_expected {
                let expires = state.expiry(ttl_ms);
                state.store(key, value, expires)?;
            }
            Ok(is_expected)
        })
    }
    fn increment(&self, key: &str, by: i64, ttl_ms: Option<u64>) -> Result<i64, Refused<KvError>> {
        self.with(key, |mut state| {
            let new = state.expiry(ttl_ms);
            let (before, expires) = match state.stored(key) {
                None => (0, new),
                Some(Stored { value: Value::Counter(before), expires }) => (*before, *expires),
                Some(_) => return Err(KvError::NotACounter),
            };
            let sum = before.checked_add(by).ok_or_else(out_of_range)?;
            state.store(key, Value::Counter(sum), expires)?;
            Ok(sum)
        })
    }
    /// Nobody else is there to be done: a key that is led already is busy for as long as it is waited for.
    fn lead(&self, key: &str, wait_ms: u32) -> Result<LeadAnswer, Refused<KvError>> {
        self.with(key, |mut state| {
            Ok(match state.value(key) {
                Some(value) => LeadAnswer::Value(value),
                None if state.led.insert(key.into()) => LeadAnswer::Yours,
                None => {
                    state.pass(u64::from(wait_ms));
                    LeadAnswer::Busy
                }
            })
        })
    }
}

fn out_of_range() -> KvError {
    KvError::Unavailable("the counter would leave the range of a signed 64-bit number".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host as _;

    fn host() -> FakeHost {
        FakeHost::get("/")
    }

    #[test]
    fn a_long_key_fits_nowhere() {
        let (host, key) = (host(), "k".repeat(LONGEST_KEY + 1));
        let kv = host.kv();
        for why in [
            kv.get(&key).unwrap_err().why,
            kv.set(&key, b"", None).unwrap_err().why,
            kv.delete(&key).unwrap_err().why,
            kv.compare_and_swap(&key, None, b"", None).unwrap_err().why,
            kv.increment(&key, 1, None).unwrap_err().why,
            kv.lead(&key, 0).unwrap_err().why,
        ] {
            assert_eq!(why, KvError::TooLarge);
        }
        assert!(kv.set(&key[1..], b"", None).is_ok());
        let large = vec![0; LARGEST_VALUE + 1];
        assert_eq!(kv.set("k", &large, None).unwrap_err().why, KvError::TooLarge);
        assert!(kv.set("k", &large[1..], None).is_ok());
    }

    #[test]
    fn a_counter_does_not_wrap() {
        let host = host();
        host.kv().increment("c", i64::MAX, None).unwrap();
        let refused = host.kv().increment("c", 1, None).unwrap_err();
        assert!(
            refused.to_string().ends_with("leave the range of a signed 64-bit number"),
            "{refused}"
        );
        assert_eq!(host.kv().increment("c", -1, None).unwrap(), i64::MAX - 1);
    }

    #[test]
    fn a_value_may_live_as_long_as_it_likes() {
        let host = host();
        host.kv().set("k", b"v", Some(u64::MAX)).unwrap();
        host.kv().increment("c", 1, Some(u64::MAX)).unwrap();
        host.advance_millis(1 << 40);
        assert_eq!(host.kv().get("k").unwrap().unwrap(), b"v");
        assert_eq!(host.kv().increment("c", 1, None).unwrap(), 2);
    }

    #[test]
    fn there_is_room_for_so_many_bytes() {
        let host = host();
        let kv = host.kv();
        let value = vec![0; LARGEST_VALUE];
        let set = |key: usize| kv.set(&key.to_string(), &value, Some(1000));
        assert_eq!((0..99).find(|key| set(*key).is_err()), Some(15), "keys are counted as well");
        assert_eq!(set(15).unwrap_err().why, KvError::Full);
        assert!(set(0).is_ok() && kv.set("0", b"", None).is_ok() && set(15).is_ok());
        host.advance_millis(1000);
        assert!(set(16).is_ok(), "what has expired takes no room");

        let small = self::host().with_kv_room(16);
        assert!(small.kv().set("12345678", b"12345678", None).is_ok());
        assert_eq!(small.kv().increment("", 1, None).unwrap_err().why, KvError::Full);
        small.kv().delete("12345678").unwrap();
        assert_eq!(small.kv().increment("", 1, None).unwrap(), 1);
    }

    #[test]
    fn there_is_room_for_so_many_entries() {
        let host = host().with_kv_room(BYTES_PER_ENTRY * (MIN_ENTRIES + 1));
        let set = |key: u64| host.kv().set(&format!("{key:x}"), b"", None);
        assert_eq!((0..).find(|key| set(*key).is_err()), Some(MIN_ENTRIES + 1));
    }

    #[test]
    fn whoever_leads_does_so_until_its_hook_ends() {
        let host = host();
        let lead = || host.kv().lead("k", 0).unwrap();
        assert_eq!((lead(), lead()), (LeadAnswer::Yours, LeadAnswer::Busy));
        host.end_hook();
        assert_eq!((lead(), lead()), (LeadAnswer::Yours, LeadAnswer::Busy));
    }
}
