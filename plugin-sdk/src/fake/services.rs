//! Everything that is not the exchange: log, time, stores, other services.

use std::{cell::RefMut, collections::BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{
    FakeHost, State,
    state::{Stored, UnderWay, Value},
};
use crate::{
    Refused,
    host::{
        Algorithm, AttributeError, Attributes, Bucket, Clock, Crypto, CryptoError, DigestAlgorithm,
        Fetch, FetchError, Incoming, Key, Kv, KvError, LeadAnswer, Level, Log, Metrics, Outgoing,
        PublicKey, Random, RateLimit, RateLimitError, SecretError, Secrets, SignatureAlgorithm,
        Verdict,
        real::{key_name, keys},
    },
};

pub(super) struct FakeLog(pub(super) FakeHost);
pub(super) struct FakeClock(pub(super) FakeHost);
pub(super) struct FakeRandom(pub(super) FakeHost);
pub(super) struct FakeMetrics(pub(super) FakeHost);
pub(super) struct FakeAttributes(pub(super) FakeHost);
pub(super) struct FakeKv(pub(super) FakeHost);
pub(super) struct FakeRateLimit(pub(super) FakeHost);
pub(super) struct FakeFetch(pub(super) FakeHost);
pub(super) struct FakeCrypto(pub(super) FakeHost);
pub(super) struct FakeSecrets(pub(super) FakeHost);

impl Log for FakeLog {
    fn write(&self, level: Level, message: &str) {
        self.0.call("log").logs.push((level, message.into()));
    }
    fn enabled(&self, _: Level) -> bool {
        true
    }
}

impl Clock for FakeClock {
    fn unix_millis(&self) -> u64 {
        self.0.call("clock").unix_millis
    }
    fn monotonic_nanos(&self) -> u64 {
        self.0.call("clock").monotonic_nanos
    }
}

impl Random for FakeRandom {
    fn bytes(&self, length: u32) -> Vec<u8> {
        (0..length).map(|_| self.number().to_be_bytes()[0]).collect()
    }
    /// The same numbers in every test: splitmix64 from 0 on.
    fn number(&self) -> u32 {
        let mut state = self.0.call("random");
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state.random ^ (state.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper half, which is mixed best.
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

impl Metrics for FakeMetrics {
    fn count(&self, name: &str, by: u64) {
        *self.0.call("metrics").counts.entry(name.into()).or_default() += by;
    }
    fn gauge(&self, name: &str, value: f64) {
        self.0.call("metrics").gauges.insert(name.into(), value);
    }
}

const RESERVED_ATTRIBUTES: [&str; 4] =
    ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];

fn may_set(state: &State, name: &str) -> Result<(), AttributeError> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_legal) {
        return Err(AttributeError::InvalidName);
    }
    let is_granted = RESERVED_ATTRIBUTES.contains(&name) && state.granted_attributes.contains(name);
    if name.contains('.') && !is_granted { Err(AttributeError::Denied) } else { Ok(()) }
}

impl Attributes for FakeAttributes {
    fn get(&self, name: &str) -> Option<String> {
        self.0.call("attributes").attributes.get(name).cloned()
    }
    fn set(&self, name: &str, value: &str) -> Result<(), Refused<AttributeError>> {
        let mut state = self.0.call("attributes");
        may_set(&state, name).map_err(|why| Refused::new(name, why))?;
        state.attributes.insert(name.into(), value.into());
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<(), Refused<AttributeError>> {
        let mut state = self.0.call("attributes");
        may_set(&state, name).map_err(|why| Refused::new(name, why))?;
        state.attributes.remove(name);
        Ok(())
    }
    fn update(&self, values: &[(String, Option<String>)]) -> Result<(), Refused<AttributeError>> {
        let mut state = self.0.call("attributes");
        for (name, value) in values {
            if value.is_some() || state.attributes.contains_key(name) {
                may_set(&state, name).map_err(|why| Refused::new(name, why))?;
            }
        }
        for (name, value) in values.iter().cloned() {
            match value {
                Some(value) => drop(state.attributes.insert(name, value)),
                None => drop(state.attributes.remove(&name)),
            }
        }
        Ok(())
    }
}

impl State {
    fn stored(&mut self, key: &str) -> Option<Value> {
        let now = self.unix_millis;
        self.kv.retain(|_, stored| stored.expires.is_none_or(|at| at > now));
        self.kv.get(key).map(|stored| stored.value.clone())
    }

    fn store(&mut self, key: &str, value: Value, ttl_ms: Option<u64>) {
        let expires = ttl_ms.map(|ttl| self.unix_millis + ttl);
        self.kv.insert(key.into(), Stored { value, expires });
        self.led.remove(key);
    }
}

/// A counter is read as its decimal digits.
fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes,
        Value::Counter(number) => number.to_string().into_bytes(),
    }
}

fn fits(key: &str, value: &[u8]) -> Result<(), Refused<KvError>> {
    if key.len() > 512 || value.len() > 1 << 20 {
        return Err(Refused::new(key, KvError::TooLarge));
    }
    Ok(())
}

const DOWN: &str = "the store is down";

impl FakeKv {
    fn call(&self, key: &str) -> Result<RefMut<'_, State>, Refused<KvError>> {
        let state = self.0.call("kv");
        if state.stores_are_down {
            return Err(Refused::new(key, KvError::Unavailable(DOWN.into())));
        }
        Ok(state)
    }
}

impl Kv for FakeKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refused<KvError>> {
        Ok(self.call(key)?.stored(key).map(bytes))
    }
    fn set(&self, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Refused<KvError>> {
        fits(key, value)?;
        self.call(key)?.store(key, Value::Bytes(value.to_vec()), ttl_ms);
        Ok(())
    }
    fn delete(&self, key: &str) -> Result<bool, Refused<KvError>> {
        let mut state = self.call(key)?;
        let was_there = state.stored(key).is_some();
        state.kv.remove(key);
        state.led.remove(key);
        Ok(was_there)
    }
    fn compare_and_swap(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, Refused<KvError>> {
        fits(key, value)?;
        let mut state = self.call(key)?;
        let is_expected = state.stored(key).map(bytes).as_deref() == expected;
        if is_expected {
            state.store(key, Value::Bytes(value.to_vec()), ttl_ms);
        }
        Ok(is_expected)
    }
    fn increment(&self, key: &str, by: i64, ttl_ms: Option<u64>) -> Result<i64, Refused<KvError>> {
        let mut state = self.call(key)?;
        match state.stored(key) {
            None => {
                state.store(key, Value::Counter(by), ttl_ms);
                Ok(by)
            }
            Some(Value::Counter(number)) => {
                let sum = number.wrapping_add(by);
                state.kv.entry(key.into()).and_modify(|stored| stored.value = Value::Counter(sum));
                Ok(sum)
            }
            Some(Value::Bytes(_)) => Err(Refused::new(key, KvError::NotACounter)),
        }
    }
    /// Nobody else is there to wait for: a key that is led already is busy.
    fn lead(&self, key: &str, _: u32) -> Result<LeadAnswer, Refused<KvError>> {
        let mut state = self.call(key)?;
        Ok(match state.stored(key) {
            Some(value) => LeadAnswer::Value(bytes(value)),
            None if state.led.insert(key.into()) => LeadAnswer::Yours,
            None => LeadAnswer::Busy,
        })
    }
}

/// How full a bucket is: for `gcra`, until when; for `fixed-window`, since when and how much.
#[derive(Clone, Copy, Default)]
pub(super) struct Fill {
    until: f64,
    since: u64,
    taken: u64,
}

impl Fill {
    /// The bucket with the cost taken, if it fits, and what is to be said of it.
    fn take(self, bucket: &Bucket, cost: u64, now: u64) -> (Self, Verdict) {
        match bucket.algorithm {
            Algorithm::Gcra => self.take_spaced(bucket, cost, now as f64),
            Algorithm::FixedWindow => self.take_windowed(bucket, cost, now),
        }
    }

    /// What is to be said of it when another bucket refuses, so that nothing is taken.
    fn keep(self, bucket: &Bucket, now: u64, verdict: Verdict) -> Verdict {
        let (_, as_it_is) = self.take(bucket, 0, now);
        Verdict { remaining: as_it_is.remaining, reset_ms: as_it_is.reset_ms, ..verdict }
    }

    fn take_spaced(self, bucket: &Bucket, cost: u64, now: f64) -> (Self, Verdict) {
        let each = bucket.window_ms as f64 / bucket.limit as f64;
        let room = each * capacity(bucket) as f64;
        let full = self.until.max(now);
        let after = full + each * cost as f64;
        let late = (after - now - room).max(0.0);
        let until = if late == 0.0 { after } else { full };
        let verdict = Verdict {
            allowed: late == 0.0,
            remaining: ((room - (until - now)) / each) as u64,
            reset_ms: (until - now).ceil() as u64,
            retry_after_ms: late.ceil() as u64,
        };
        (Self { until, ..self }, verdict)
    }

    fn take_windowed(self, bucket: &Bucket, cost: u64, now: u64) -> (Self, Verdict) {
        let is_over = now >= self.since + bucket.window_ms;
        let (since, taken) = if is_over { (now, 0) } else { (self.since, self.taken) };
        let allowed = taken + cost <= bucket.limit;
        let taken = if allowed { taken + cost } else { taken };
        let left_ms = since + bucket.window_ms - now;
        let verdict = Verdict {
            allowed,
            remaining: bucket.limit - taken,
            reset_ms: if taken == 0 { 0 } else { left_ms },
            retry_after_ms: if allowed { 0 } else { left_ms },
        };
        (Self { since, taken, ..self }, verdict)
    }
}

/// How much a bucket holds when it is full.
fn capacity(bucket: &Bucket) -> u64 {
    match bucket.algorithm {
        Algorithm::Gcra => bucket.burst.unwrap_or(bucket.limit),
        Algorithm::FixedWindow => bucket.limit,
    }
}

fn is_possible(bucket: &Bucket, cost: u64) -> bool {
    bucket.limit > 0 && bucket.window_ms > 0 && (1..=capacity(bucket)).contains(&cost)
}

/// Policy and key of each bucket.
fn names(buckets: &[Bucket], route: &str) -> Vec<(String, String)> {
    let policy = |bucket: &Bucket| bucket.policy.clone().unwrap_or_else(|| route.to_owned());
    buckets.iter().map(|bucket| (policy(bucket), bucket.key.clone())).collect()
}

impl RateLimit for FakeRateLimit {
    fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Verdict>, Refused<RateLimitError>> {
        let mut state = self.0.call("rate-limit");
        let refused = |why| Err(Refused::new(keys(buckets), why));
        if state.stores_are_down {
            return refused(RateLimitError::Unavailable(DOWN.into()));
        }
        if !buckets.iter().all(|bucket| is_possible(bucket, cost)) {
            return refused(RateLimitError::Invalid("limit, window and cost must fit".into()));
        }
        let names = names(buckets, &state.request.route);
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            return refused(RateLimitError::Invalid("two buckets have one policy and key".into()));
        }
        let now = state.unix_millis;
        let fills: Vec<Fill> =
            names.iter().map(|name| state.buckets.get(name).copied().unwrap_or_default()).collect();
        let taken = fills.iter().zip(buckets).map(|(fill, bucket)| fill.take(bucket, cost, now));
        let (after, verdicts): (Vec<Fill>, Vec<Verdict>) = taken.unzip();
        // All or nothing.
        if verdicts.iter().all(|verdict| verdict.allowed) {
            state.buckets.extend(names.into_iter().zip(after));
            return Ok(verdicts);
        }
        let kept = fills.iter().zip(buckets).zip(verdicts);
        Ok(kept.map(|((fill, bucket), verdict)| fill.keep(bucket, now, verdict)).collect())
    }
}

impl FakeFetch {
    /// The answer, and how long it takes in milliseconds. One that takes longer than the request
    /// allows does not come.
    fn answer(&self, request: &Outgoing) -> (u64, Result<Incoming, FetchError>) {
        let (answer, delay) = {
            let mut state = self.0.call("fetch");
            state.fetched.push(request.clone());
            (state.answer.clone(), state.delay.clone())
        };
        let (answer, delay) = (answer(request), delay(request));
        match request.timeout_ms.map(u64::from) {
            Some(timeout) if delay > timeout => (timeout, Err(FetchError::Timeout)),
            _ => (delay, answer),
        }
    }
}

impl UnderWay {
    fn order(&self) -> (u64, u32) {
        (self.ends_nanos, self.number)
    }
}

impl Fetch for FakeFetch {
    fn send(&self, request: &Outgoing) -> Result<Incoming, Refused<FetchError>> {
        let (takes, answer) = self.answer(request);
        self.0.advance_millis(takes);
        answer.map_err(|why| Refused::new(&request.to, why))
    }
    fn send_all(&self, requests: &[Outgoing]) -> Vec<Result<Incoming, Refused<FetchError>>> {
        let answers: Vec<_> = requests.iter().map(|request| self.answer(request)).collect();
        self.0.advance_millis(answers.iter().map(|(takes, _)| *takes).max().unwrap_or_default());
        let pairs = requests.iter().zip(answers);
        pairs.map(|(out, (_, answer))| answer.map_err(|why| Refused::new(&out.to, why))).collect()
    }
    fn start(&self, request: &Outgoing) -> u32 {
        let (takes, answer) = self.answer(request);
        let mut state = self.0.call("fetch");
        state.started += 1;
        let number = state.started;
        let ends_nanos = state.monotonic_nanos + takes * 1_000_000;
        state.under_way.push(UnderWay { ends_nanos, number, answer });
        number
    }
    /// The one that ends first; of several, the one that was started first. Waiting takes time on
    /// the fake clock.
    fn wait_any(&self) -> Option<(u32, Result<Incoming, Refused<FetchError>>)> {
        let mut state = self.0.call("fetch");
        let first = state.under_way.iter().map(UnderWay::order).min()?;
        let at = state.under_way.iter().position(|fetch| fetch.order() == first)?;
        let UnderWay { ends_nanos, number, answer } = state.under_way.remove(at);
        let wait = ends_nanos.saturating_sub(state.monotonic_nanos);
        drop(state);
        self.0.advance_millis(wait / 1_000_000);
        Some((number, answer.map_err(|why| Refused::new(format!("call {number}"), why))))
    }
}

fn digest_length(algorithm: DigestAlgorithm) -> usize {
    match algorithm {
        DigestAlgorithm::Sha256 => 32,
        DigestAlgorithm::Sha384 => 48,
        DigestAlgorithm::Sha512 => 64,
    }
}

impl Crypto for FakeCrypto {
    fn digest(&self, algorithm: DigestAlgorithm, data: &[u8]) -> Vec<u8> {
        self.0.call("crypto");
        match algorithm {
            DigestAlgorithm::Sha256 => Sha256::digest(data).to_vec(),
            DigestAlgorithm::Sha384 => Sha384::digest(data).to_vec(),
            DigestAlgorithm::Sha512 => Sha512::digest(data).to_vec(),
        }
    }
    fn hmac(
        &self,
        algorithm: DigestAlgorithm,
        key: &Key,
        data: &[u8],
    ) -> Result<Vec<u8>, Refused<CryptoError>> {
        let state = self.0.call("crypto");
        let unknown = || Refused::new(key_name(key), CryptoError::UnknownSecret);
        let key = match key {
            Key::Bytes(bytes) => bytes,
            Key::Secret(name) => {
                let secret = state.secrets.get(name).ok_or_else(unknown)?;
                let (bytes, needed) = (secret.len(), digest_length(algorithm));
                if bytes < needed {
                    let why = format!("the secret `{name}` has {bytes} bytes and needs {needed}");
                    return Err(Refused::new(key_name(key), CryptoError::InvalidKey(why)));
                }
                secret
            }
        };
        Ok(match algorithm {
            DigestAlgorithm::Sha256 => mac::<Hmac<Sha256>>(key, data),
            DigestAlgorithm::Sha384 => mac::<Hmac<Sha384>>(key, data),
            DigestAlgorithm::Sha512 => mac::<Hmac<Sha512>>(key, data),
        })
    }
    fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Refused<CryptoError>> {
        let holds = self.0.call("crypto").holds.clone();
        holds(algorithm, key, message, signature)
            .map_err(|why| Refused::new(format!("{algorithm:?}"), why))
    }
    fn equal(&self, a: &[u8], b: &[u8]) -> bool {
        self.0.call("crypto");
        a == b
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(data).finalize().into_bytes().to_vec()
}

impl Secrets for FakeSecrets {
    fn reveal(&self, name: &str) -> Result<String, Refused<SecretError>> {
        let state = self.0.call("secrets");
        let text = state.secrets.get(name).and_then(|bytes| str::from_utf8(bytes).ok());
        text.map(str::to_owned).ok_or_else(|| Refused::new(name, SecretError::Denied))
    }
}
