//! What a plugin has beside the exchange and the stores: log, time, attributes, cryptography, secrets.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{FakeHost, State};
use crate::{
    Refused,
    host::{
        AttributeError, Attributes, Clock, Crypto, CryptoError, DigestAlgorithm, Key, Level, Log,
        Metrics, PublicKey, Random, SecretError, Secrets, SignatureAlgorithm, real::key_name,
    },
    one_line::one_line,
};

pub(super) struct FakeLog(pub(super) FakeHost);
pub(super) struct FakeClock(pub(super) FakeHost);
pub(super) struct FakeRandom(pub(super) FakeHost);
pub(super) struct FakeMetrics(pub(super) FakeHost);
pub(super) struct FakeAttributes(pub(super) FakeHost);
pub(super) struct FakeCrypto(pub(super) FakeHost);
pub(super) struct FakeSecrets(pub(super) FakeHost);

impl Log for FakeLog {
    fn write(&self, level: Level, message: &str) {
        self.0.call("log").logs.push((level, one_line(message)));
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
                let secret = state.secret_to_use(name).ok_or_else(unknown)?;
                let (bytes, needed) = (secret.len(), digest_length(algorithm));
                if bytes < needed {
                    let why = format!(
                        "the secret `{name}` has {bytes} bytes and needs {needed} for this digest"
                    );
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
        let secret = state.secrets.get(name).filter(|_| state.revealed.contains(name));
        let text = secret.and_then(|bytes| str::from_utf8(bytes).ok());
        text.map(str::to_owned).ok_or_else(|| Refused::new(name, SecretError::Denied))
    }
}
