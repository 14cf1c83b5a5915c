//! Keys in the store: digests, for the host takes 512 bytes and a path may have more. Nothing here knows the gateway.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where the responses of one target are, for one kind of client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    /// Of the target, whoever asks.
    pub(crate) target: String,
    /// Of the target and of what `key` adds.
    pub(crate) base: String,
}

impl Keys {
    /// `target` says what is asked for, `more` is the route, and what `key` makes of the request: a change on one route is
    /// one for all.
    pub(crate) fn of(target: &[&str], more: &[&str]) -> Self {
        let target = digest(target.iter().copied());
        let base = digest([target.as_str()].into_iter().chain(more.iter().copied()));
        Self { base, target }
    }

    /// Where it says when the target was last changed, in milliseconds since 1970.
    pub(crate) fn changed(&self) -> String {
        format!("changed:{}", self.target)
    }
}

/// Of one response out of several: by the fields on which it depends, and their values.
pub(crate) fn variant(base: &str, generation: &str, fields: &[(&String, String)]) -> String {
    let fields = fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    digest([base, generation].into_iter().chain(fields))
}

/// Where it says that somebody asks the service for what stands under a key.
pub(crate) fn flight(key: &str) -> String {
    format!("flight:{key}")
}

/// Where those wait who want what somebody else asks for. There is never a value.
pub(crate) fn wait(key: &str) -> String {
    format!("wait:{key}")
}

/// The digest of texts. Each stands behind its length, so that ("a", "bc") is not ("ab", "c").
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let digits = |byte: &u8| {
        [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
    };
    hash.finalize().iter().flat_map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_have_one_key() {
        let of = Keys::of;
        assert_ne!(of(&["a", "bc"], &[]), of(&["ab", "c"], &[]));
        let (ada, bob) = (of(&["/"], &["ada"]), of(&["/"], &["bob"]));
        assert_eq!(ada.changed(), bob.changed());
        assert_ne!(ada.base, bob.base);
        assert_ne!(of(&["/"], &[]).base, of(&["/"], &[""]).base);
        let of = |name: &str, value: &str| variant("a", "1", &[(&name.to_owned(), value.into())]);
        assert!(of("b", &"x".repeat(9_000)).len() <= 512);
        assert_ne!(of("b", "1"), of("c", "1"), "another field with the same value");
    }

    #[test]
    fn a_digest_is_sha_256() {
        // Of eight zero bytes: a text without a letter.
        let expected = "af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc";
        assert_eq!(digest([""]), expected);
    }
}
