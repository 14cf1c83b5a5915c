//! The keys of the provider, and how new ones take their place.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::key::Key;

/// How long replaced keys are still published: as long as tokens live that they signed.
const RETIREMENT: Duration = Duration::from_secs(3600);

/// The keys that sign, and those that did.
pub(super) struct Keys {
    generation: u32,
    current: Pair,
    retired: Vec<(Pair, Instant)>,
    /// Never published.
    stranger: Key,
}

struct Pair {
    rsa: Key,
    ec: Key,
}

impl Pair {
    fn generate(generation: u32) -> Self {
        Self { rsa: Key::rsa(format!("rsa-{generation}")), ec: Key::ec(format!("ec-{generation}")) }
    }
}

impl Keys {
    pub(super) fn generate() -> Self {
        let current = Pair::generate(1);
        // Under a name that is known, so that nothing but the signature gives it away.
        let stranger = Key::rsa(current.rsa.kid());
        Self { generation: 1, current, retired: Vec::new(), stranger }
    }

    /// Signs new tokens, with RS256.
    pub(super) fn rsa(&self) -> &Key {
        &self.current.rsa
    }

    /// Signs new tokens, with ES256.
    pub(super) fn ec(&self) -> &Key {
        &self.current.ec
    }

    /// Somebody else's key, of the same name as one of ours.
    pub(super) fn stranger(&self) -> &Key {
        &self.stranger
    }

    /// Makes new keys, and gives the names of those that sign from now on.
    pub(super) fn rotate(&mut self) -> [String; 2] {
        self.generation += 1;
        let new = Pair::generate(self.generation);
        let names = [new.rsa.kid().into(), new.ec.kid().into()];
        let old = std::mem::replace(&mut self.current, new);
        let now = Instant::now();
        self.retired.retain(|(_, since)| now - *since < RETIREMENT);
        self.retired.push((old, now));
        names
    }

    /// The key set (RFC 7517, section 5).
    pub(super) fn published(&self) -> Value {
        let now = Instant::now();
        let retired = self.retired.iter().filter(|(_, since)| now - *since < RETIREMENT);
        let pairs = [&self.current].into_iter().chain(retired.map(|(pair, _)| pair));
        json!({ "keys": pairs.flat_map(|pair| [pair.rsa.jwk(), pair.ec.jwk()]).collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keys: &Keys) -> Vec<String> {
        let published = keys.published();
        let keys = published["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_string()).collect()
    }

    #[test]
    fn replaced_keys_stay_published_and_sign_no_more() {
        let mut keys = Keys::generate();
        assert_eq!(names(&keys), ["rsa-1", "ec-1"]);
        assert_eq!(keys.rotate(), ["rsa-2", "ec-2"]);
        assert_eq!(names(&keys), ["rsa-2", "ec-2", "rsa-1", "ec-1"]);
        assert_eq!(keys.rsa().kid(), "rsa-2");
        assert_eq!(keys.ec().kid(), "ec-2");
    }

    #[test]
    fn the_stranger_has_a_known_name_and_an_unknown_key() {
        let keys = Keys::generate();
        assert_eq!(keys.stranger().kid(), keys.rsa().kid());
        let stranger = keys.stranger().jwk();
        assert!(!keys.published()["keys"].as_array().unwrap().contains(&stranger));
    }
}
