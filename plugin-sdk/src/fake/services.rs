//! Everything that is not the exchange: log, time, stores, other services.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{
    FakeHost, State,
    state::{Stored, Value},
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
    fn number(&self) -> u64 {
        let mut state = self.0.call("random");
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state.random ^ (state.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
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

impl Kv for FakeKv {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Refused<KvError>> {
        Ok(self.0.call("kv").stored(key).map(bytes))
    }
    fn set(&self, key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Refused<KvError>> {
        fits(key, value)?;
        self.0.call("kv").store(key, Value::Bytes(value.to_vec()), ttl_ms);
        Ok(())
    }
    fn delete(&self, key: &str) -> Result<bool, Refused<KvError>> {
        let mut state = self.0.call("kv");
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
        let mut state = self.0.call("kv");
        let is_expected = state.stored(key).map(bytes).as_deref() == expected;
        if is_expected {
            state.store(key, Value::Bytes(value.to_vec()), ttl_ms);
        }
        Ok(is_expected)
    }
    fn increment(&self, key: &str, by: i64, ttl_ms: Option<u64>) -> Result<i64, Refused<KvError>> {
        let mut state = self.0.call("kv");
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
        let mut state = self.0.call("kv");
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
    fn take(self, bucket: &Bucket, cost: u64, now: u64) -> (Self, Verdict) {
        match bucket.algorithm {
            Algorithm::Gcra => self.take_spaced(bucket, cost, now as f64),
            Algorithm::FixedWindow => self.take_windowed(bucket, cost, now),
        }
    }

    fn take_spaced(self, bucket: &Bucket, cost: u64, now: f64) -> (Self, Verdict) {
        let each = bucket.window_ms as f64 / bucket.limit as f64;
        let room = each * bucket.burst.unwrap_or(bucket.limit) as f64;
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
        let reset_ms = since + bucket.window_ms - now;
        let verdict = Verdict {
            allowed,
            remaining: bucket.limit - taken,
            reset_ms,
            retry_after_ms: if allowed { 0 } else { reset_ms },
        };
        (Self { since, taken, ..self }, verdict)
    }
}

fn is_possible(bucket: &Bucket, cost: u64) -> bool {
    bucket.limit > 0 && bucket.window_ms > 0 && (1..=bucket.limit).contains(&cost)
}

impl RateLimit for FakeRateLimit {
    fn take(&self, buckets: &[Bucket], cost: u64) -> Result<Vec<Verdict>, Refused<RateLimitError>> {
        let mut state = self.0.call("rate-limit");
        if !buckets.iter().all(|bucket| is_possible(bucket, cost)) {
            let why = RateLimitError::Invalid("limit, window and cost must fit".into());
            return Err(Refused::new(keys(buckets), why));
        }
        let (now, route) = (state.unix_millis, state.request.route.clone());
        let taken: Vec<_> = buckets
            .iter()
            .map(|bucket| {
                let policy = bucket.policy.clone().unwrap_or_else(|| route.clone());
                let name = (policy, bucket.key.clone());
                let fill = state.buckets.get(&name).copied().unwrap_or_default();
                (name, fill.take(bucket, cost, now))
            })
            .collect();
        // All or nothing.
        if taken.iter().all(|(_, (_, verdict))| verdict.allowed) {
            state.buckets.extend(taken.iter().map(|(name, (fill, _))| (name.clone(), *fill)));
        }
        Ok(taken.into_iter().map(|(_, (_, verdict))| verdict).collect())
    }
}

impl FakeFetch {
    fn answer(&self, request: &Outgoing) -> Result<Incoming, FetchError> {
        let answer = {
            let mut state = self.0.call("fetch");
            state.fetched.push(request.clone());
            state.answer.clone()
        };
        answer(request)
    }
}

impl Fetch for FakeFetch {
    fn send(&self, request: &Outgoing) -> Result<Incoming, Refused<FetchError>> {
        self.answer(request).map_err(|why| Refused::new(&request.to, why))
    }
    fn send_all(&self, requests: &[Outgoing]) -> Vec<Result<Incoming, Refused<FetchError>>> {
        requests.iter().map(|request| self.send(request)).collect()
    }
    fn start(&self, request: &Outgoing) -> u32 {
        let answer = self.answer(request);
        let mut state = self.0.call("fetch");
        state.started += 1;
        let number = state.started;
        state.arrived.push_back((number, answer));
        number
    }
    /// In the order of the starts.
    fn wait_any(&self) -> Option<(u32, Result<Incoming, Refused<FetchError>>)> {
        let (number, answer) = self.0.call("fetch").arrived.pop_front()?;
        Some((number, answer.map_err(|why| Refused::new(format!("call {number}"), why))))
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
            Key::Secret(name) => state.secrets.get(name).ok_or_else(unknown)?.as_bytes(),
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
        Ok(holds(algorithm, key, message, signature))
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
        let text = state.secrets.get(name).cloned();
        text.ok_or_else(|| Refused::new(name, SecretError::Denied))
    }
}
