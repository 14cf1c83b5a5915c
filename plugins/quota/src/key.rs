//! The key of a bucket: whom it counts, as text that no two callers share.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::{name::Name, source::Source};

/// A value up to this length stands in a key as it is.
const LONGEST_VALUE: usize = 64;
/// The host takes 1024 bytes for plugin, policy and key together.
const LONGEST_KEY: usize = 512;

/// Who is counted, whatever the limit: the sources that were asked for and what they gave, as they stand in keys.
///
/// Each text stands behind its length, so that ("a", "bc") is not ("ab", "c"), and each value behind its source, so
/// that a consumer called 192.0.2.1 is not that address.
#[derive(Debug)]
pub(crate) struct Parts(String);

impl Parts {
    /// Nothing yet: all callers are one.
    pub(crate) fn new() -> Self {
        // Of most keys all has room there.
        Self(String::with_capacity(128))
    }

    /// Adds a source and its value. False for an empty one: it tells nobody apart.
    ///
    /// What a client writes is kept as a digest only: it may be a credential, and the store is no
    /// place for these. What others write is one if it is long.
    pub(crate) fn add(&mut self, source: &Source, value: &[u8]) -> bool {
        if value.is_empty() {
            return false;
        }
        push(&mut self.0, &source.words());
        match std::str::from_utf8(value) {
            Ok(text) if text.len() <= LONGEST_VALUE && !source.is_the_clients() => {
                push(&mut self.0, &[text]);
            }
            _ => push(&mut self.0, &[&digest(value)]),
        }
        true
    }
}

/// The key of one limit.
pub(crate) fn compose(limit: &Name, parts: &Parts) -> String {
    let mut key = String::with_capacity(limit.as_str().len() + parts.0.len() + "64:".len());
    push(&mut key, &[limit.as_str()]);
    key.push_str(&parts.0);
    // A composed key begins with a digit, so that none is another one's digest.
    if key.len() > LONGEST_KEY { digest(key.as_bytes()) } else { key }
}

/// Appends a text, which may be in pieces.
fn push(key: &mut String, text: &[&str]) {
    let length = text.iter().map(|piece| piece.len()).sum::<usize>();
    key.push_str(itoa::Buffer::new().format(length));
    key.push(':');
    text.iter().for_each(|piece| key.push_str(piece));
}

/// Half of SHA-256 is plenty: who would share somebody's bucket has to find a second preimage.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::from("#");
    for byte in &Sha256::digest(bytes)[..16] {
        // (Writing to a string cannot fail.)
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key(limit: &str, given: &[(&str, &str)]) -> String {
        let mut parts = Parts::new();
        for (source, value) in given {
            assert!(parts.add(&Source::parse(source).unwrap(), value.as_bytes()));
        }
        compose(&Name::try_from(limit.to_owned()).unwrap(), &parts)
    }

    #[test]
    fn no_two_callers_share_a_key() {
        let (a, b) = ("claims.a", "claims.b");
        let keys = [
            key("1m", &[]),
            key("1m", &[(a, "a"), (b, "bc")]),
            key("1m", &[(a, "ab"), (b, "c")]),
            key("1m", &[(b, "a"), (a, "bc")]),
            key("1h", &[(a, "a"), (b, "bc")]),
            key("1m", &[(a, "a2:bc")]),
            key("1m", &[(a, "a8:claims.b2:bc")]),
            key("1m8:claims.a1:a", &[(b, "bc")]),
            key("1m", &[("attributes.consumer.id", "192.0.2.1")]),
            key("1m", &[("client.address", "192.0.2.1")]),
            key("1m", &[("params.id", "x")]),
            key("1m", &[("request.query.id", "x")]),
            key("1m", &[("request.header.id", "x")]),
        ];
        let different: BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len(), "{keys:#?}");
    }

    /// Of texts that are made to be mistaken for each other.
    #[test]
    fn different_parts_make_different_keys() {
        use proptest::{collection::vec, prelude::*};

        let part = || ("(claims|params)\\.[a:1]{1,3}", "[a:1#]{1,4}");
        let parts = || vec(part(), 0..4);
        let key = |parts: &[(String, String)]| {
            let borrowed: Vec<_> = parts.iter().map(|(s, v)| (s.as_str(), v.as_str())).collect();
            key("1m", &borrowed)
        };
        proptest!(ProptestConfig::with_cases(2000), |(one in parts(), other in parts())| {
            prop_assert_eq!(one == other, key(&one) == key(&other));
        });
    }

    #[test]
    fn a_key_can_be_read_in_the_store() {
        let key = key("1m", &[("attributes.consumer.id", "alice")]);
        assert_eq!(key, "2:1m22:attributes.consumer.id5:alice");
    }

    #[test]
    fn what_a_client_writes_is_never_kept() {
        let key = key("1m", &[("request.header.x-api-key", "secret")]);
        // SHA-256 of "secret" begins so.
        assert_eq!(key, "2:1m24:request.header.x-api-key33:#2bb80d537b1da3e38bd30361aa855686");
    }

    #[test]
    fn keys_do_not_grow_with_their_values() {
        let long = "x".repeat(1 << 20);
        let one = key("1m", &[("claims.sub", &long)]);
        assert!(one.len() < 100, "{one}");
        assert_ne!(one, key("1m", &[("claims.sub", &format!("{long}x"))]));
        let sources: Vec<_> = (0..8).map(|n| format!("claims.{n}{}", "y".repeat(100))).collect();
        let parts: Vec<_> = sources.iter().map(|source| (source.as_str(), "1")).collect();
        assert_eq!(key("1m", &parts).len(), 33);
        assert_ne!(key("1m", &parts), key("1h", &parts));
    }

    #[test]
    fn a_value_need_not_be_text_but_must_be_there() {
        let part = |source, value: &[u8]| {
            let mut parts = Parts::new();
            parts.add(&Source::parse(source).unwrap(), value).then_some(parts.0)
        };
        let header = "request.header.x";
        assert_ne!(part(header, b"\xff").unwrap(), part(header, b"\xfe").unwrap());
        assert_eq!(part(header, b""), None);
        assert_eq!(part("claims.sub", b""), None);
    }
}
