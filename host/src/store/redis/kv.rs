//! Keys and values of one plugin entry, for all gateways.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use redis::{Cmd, Value};

use super::{failure::Failure, lead, links::Links, script::KV};
use crate::{
    store::{
        flights::Flights,
        namespace::{check_key, check_value, out_of_range},
        room,
    },
    stores::{Answer, Kv, Lead, StoreError, later},
};

/// A TTL that is longer is as good as none, and all sums of times fit.
const LONGEST_TTL: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// One namespace.
pub(super) struct Namespace {
    pub(super) links: Arc<Links>,
    /// Those of this gateway that wait for a value; one of them asks the others.
    pub(super) flights: Arc<Flights>,
    cap: AtomicU64,
    /// What its keys begin with.
    prefix: String,
}

impl Namespace {
    pub(super) fn new(links: Arc<Links>, prefix: &str, name: &str) -> Self {
        let prefix = format!("{prefix}kv:{name}:");
        Self { links, flights: Arc::default(), cap: AtomicU64::new(0), prefix }
    }

    pub(super) fn set_cap(&self, bytes: u64) {
        self.cap.store(bytes, Relaxed);
    }

    /// Where a value is.
    pub(super) fn value(&self, key: &str) -> String {
        format!("{}value:{key}", self.prefix)
    }

    /// Where it says who makes a value.
    pub(super) fn lead_of(&self, key: &str) -> String {
        format!("{}lead:{key}", self.prefix)
    }

    pub(super) async fn read(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        check_key(key)?;
        let mut get = redis::cmd("GET");
        get.arg(self.value(key));
        let answer = self.links.mine().call(&get).await.map_err(unavailable)?;
        Ok(bytes(answer).map(content))
    }

    /// One of the writes of `kv.lua`; what it says.
    async fn write(
        &self,
        key: &str,
        ttl: Option<Duration>,
        what: &str,
        with: impl Fn(&mut Cmd),
    ) -> Result<Bytes, StoreError> {
        check_key(key)?;
        let cap = self.cap.load(Relaxed);
        let fill = |command: &mut Cmd| {
            command.arg(4).arg(self.value(key)).arg(self.lead_of(key));
            command.arg(format!("{}sizes", self.prefix)).arg(format!("{}ends", self.prefix));
            command.arg(what).arg(format!("k{key}")).arg(cap).arg(room::max_entries(cap));
            match ttl {
                Some(ttl) => command.arg(ttl.min(LONGEST_TTL).as_millis() as u64),
                None => command.arg(""),
            };
            with(command);
        };
        let answer = KV.run(self.links.mine(), fill).await.map_err(unavailable)?;
        let said = bytes(answer).ok_or_else(senseless)?;
        match &*said {
            b"full" => return Err(StoreError::Full),
            b"kind" => return Err(StoreError::NotACounter),
            b"range" => return Err(out_of_range()),
            b"other" | b"none" => {}
            _ => self.flights.end(key),
        }
        Ok(said)
    }
}

impl Kv for Namespace {
    fn get<'a>(&'a self, key: &'a str) -> Answer<'a, Option<Bytes>> {
        later(self.read(key))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, ttl: Option<Duration>) -> Answer<'a, ()> {
        later(async move {
            check_value(&value)?;
            let with = |command: &mut Cmd| {
                command.arg(&value[..]);
            };
            self.write(key, ttl, "set", with).await.map(drop)
        })
    }

    fn delete<'a>(&'a self, key: &'a str) -> Answer<'a, bool> {
        later(async move {
            let said = self.write(key, None, "delete", |_| ()).await?;
            self.flights.end(key);
            Ok(said == "ok")
        })
    }

    fn compare_and_swap<'a>(
        &'a self,
        key: &'a str,
        expected: Option<Bytes>,
        value: Bytes,
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        later(async move {
            check_value(&value)?;
            let with = |command: &mut Cmd| {
                command.arg(&value[..]);
                if let Some(expected) = &expected {
                    command.arg(&expected[..]);
                }
            };
            Ok(self.write(key, ttl, "swap", with).await? == "ok")
        })
    }

    fn increment<'a>(&'a self, key: &'a str, by: i64, ttl: Option<Duration>) -> Answer<'a, i64> {
        later(async move {
            let with = |command: &mut Cmd| {
                command.arg(by);
            };
            let said = self.write(key, ttl, "add", with).await?;
            let sum = std::str::from_utf8(&said).ok().and_then(|digits| digits.parse().ok());
            sum.ok_or_else(senseless)
        })
    }

    fn lead<'a>(&'a self, key: &'a str, wait: Duration) -> Answer<'a, Lead> {
        later(lead::lead(self, key, wait))
    }
}

/// The text of an answer, if it has one.
pub(super) fn bytes(answer: Value) -> Option<Bytes> {
    match answer {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

/// What is kept, without the mark that tells values from counters.
pub(super) fn content(kept: Bytes) -> Bytes {
    match kept.first() {
        Some(b'v') => kept.slice(1..),
        _ => kept,
    }
}

pub(super) fn unavailable(failure: Failure) -> StoreError {
    StoreError::Unavailable(failure.to_string())
}

pub(super) fn senseless() -> StoreError {
    StoreError::Unavailable("an answer that makes no sense".into())
}
