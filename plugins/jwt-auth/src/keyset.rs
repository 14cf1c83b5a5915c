//! A set of keys, and which of them a token may be verified with.

use serde_json::Value;

use crate::{
    algorithm::Algorithm,
    json, jwk,
    key::{Key, KeyName},
    token::quoted,
};

/// Keys that can be used.
#[derive(Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

/// What came of a JWK Set.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) set: KeySet,
    /// The keys that cannot be used, and why: for the log.
    pub(crate) ignored: Vec<String>,
}

/// How many keys a token without `kid` is tried with. More would let a client make the host verify
/// as many signatures as the set has keys, with one bad token.
pub(crate) const MAX_TRIED: usize = 4;

impl KeySet {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// Reads a JWK Set (RFC 7517, 5). A key that cannot be used is left out (as the RFC asks), but a
    /// set without a usable key is an error: it is more likely to be a mistake than the wish to
    /// lock everybody out.
    pub(crate) fn read(text: &[u8], max_keys: usize) -> Result<Read, String> {
        let object = json::parse_object(text)?;
        let Some(Value::Array(jwks)) = object.get("keys") else {
            return Err("it has no list `keys`: it is no JWK Set".into());
        };
        if jwks.len() > max_keys {
            return Err(format!("it has {} keys, more than `max_keys` ({max_keys})", jwks.len()));
        }
        let (mut set, mut ignored) = (Self::default(), Vec::new());
        for (index, jwk) in jwks.iter().enumerate() {
            match jwk::read(jwk) {
                Ok(key) => set.0.push(key),
                Err(why) => ignored.push(format!("key {} is not used: {why}", name_of(jwk, index))),
            }
        }
        set.drop_ambiguous(&mut ignored);
        if set.0.is_empty() {
            ignored.insert(0, "it has no key that can be used".into());
            return Err(ignored.join("; "));
        }
        Ok(Read { set, ignored })
    }

    /// Two keys of one kind and name: nobody can say which of them is meant, so neither is used. (A
    /// name for keys of different kinds is fine, RFC 7517, 4.5; a key that is listed twice, too.)
    fn drop_ambiguous(&mut self, ignored: &mut Vec<String>) {
        let keys = std::mem::take(&mut self.0);
        let is_double = |key: &Key, other: &Key| {
            matches!(key.name, KeyName::Kid(_)) && key.name == other.name && key.kind == other.kind
        };
        let mut doubles = Vec::new();
        for key in keys {
            match self.0.iter().position(|known| is_double(&key, known)) {
                Some(at) if self.0[at].is_same(&key) => {}
                Some(at) => doubles.push(self.0.remove(at)),
                None if doubles.iter().any(|double| is_double(&key, double)) => {}
                None => self.0.push(key),
            }
        }
        ignored.extend(doubles.iter().map(|Key { name, .. }| {
            format!("{name:?} names two keys of one kind: neither is used")
        }));
    }

    /// Whether a key is called so.
    pub(crate) fn names(&self, kid: &str) -> bool {
        self.0.iter().any(|key| matches!(&key.name, KeyName::Kid(name) if name == kid))
    }

    /// The keys that a token with this header may be verified with.
    pub(crate) fn fitting<'a>(
        &'a self,
        algorithm: Algorithm,
        kid: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Key> {
        self.0.iter().filter(move |key| key.fits(algorithm, kid))
    }
}

fn name_of(jwk: &Value, index: usize) -> String {
    match jwk.get("kid").and_then(Value::as_str) {
        Some(kid) => quoted(kid),
        None => format!("number {}", index + 1),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: [&str; 2] = [
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE",
    ];

    fn jwk(kid: &str, x: usize) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": X[x] })
    }

    fn read(keys: &[Value]) -> Result<Read, String> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes(), 4)
    }

    fn count(set: &KeySet, kid: Option<&str>) -> usize {
        set.fitting(Algorithm::EdDSA, kid).count()
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let Read { set, ignored } = read(&[jwk("a", 0), jwk("b", 1)]).unwrap();
        assert!(ignored.is_empty());
        assert_eq!(count(&set, Some("a")), 1);
        assert_eq!(count(&set, Some("A")), 0);
        assert_eq!(count(&set, None), 2, "a token that names none may be of either");
        assert!(set.names("b") && !set.names("c"));
        assert_eq!(set.fitting(Algorithm::ES256, Some("a")).count(), 0);
    }

    #[test]
    fn a_key_without_a_name_is_for_tokens_without_one() {
        let mut nameless = jwk("", 0);
        nameless.as_object_mut().unwrap().remove("kid");
        let Read { set, .. } = read(&[nameless]).unwrap();
        assert_eq!((count(&set, None), count(&set, Some(""))), (1, 0));
    }

    #[test]
    fn a_bad_key_does_not_spoil_the_set() {
        let bad = json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0" });
        let Read { set, ignored } = read(&[bad, json!(7), jwk("a", 0)]).unwrap();
        assert_eq!(count(&set, None), 1);
        assert!(ignored[0].starts_with(r#"key "s" is not used: it is a shared secret"#));
        assert!(ignored[1].starts_with("key number 2 is not used"));
    }

    #[test]
    fn one_name_for_two_keys_is_no_name() {
        let Read { set, ignored } = read(&[jwk("a", 0), jwk("b", 1), jwk("a", 1)]).unwrap();
        assert_eq!((count(&set, Some("a")), count(&set, Some("b"))), (0, 1));
        assert!(ignored[0].contains("names two keys"), "{ignored:?}");
        // Not even if it comes again.
        let keys = [jwk("a", 0), jwk("a", 1), jwk("a", 0), jwk("b", 1)];
        assert_eq!(count(&read(&keys).unwrap().set, Some("a")), 0);
        // One key that is listed twice is one key.
        assert_eq!(count(&read(&[jwk("a", 0), jwk("a", 0)]).unwrap().set, Some("a")), 1);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "<html>"] {
            assert!(KeySet::read(text.as_bytes(), 4).is_err(), "{text}");
        }
        assert!(KeySet::read(br#"{"keys":[],"keys":[]}"#, 4).unwrap_err().contains("twice"));
        let many: Vec<_> = (0..5).map(|number| jwk(&number.to_string(), 0)).collect();
        assert!(read(&many).unwrap_err().contains("`max_keys`"));
    }
}
