//! What is kept of a key: an ID to find it by, and a salted digest. Nothing here knows the gateway.
//!
//! ```text
//! key   PREFIX "_" ID "_" SECRET                          keys of other makers may be any text
//! hash  "sha256:" ID ":" SALT ":" SHA-256(salt, key)      base64url; ID is empty for such keys
//! ```
//!
//! One round of SHA-256 is enough, because a made key has 256 random bits: nobody can try them all,
//! so nothing is won by making each try slow. (Slow hashes are for passwords.)

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The part of a made key that is no secret: 8 letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyId([u8; 8]);

/// The hash of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyHash {
    /// None for keys of other makers, which have no such part.
    pub(crate) id: Option<KeyId>,
    salt: [u8; 16],
    digest: [u8; 32],
}

/// Letters and digits of a made key's secret part: 43 of 62 are 256 bits.
const SECRET: usize = 43;

impl KeyId {
    /// The ID of a key that has the shape of a made one.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let mut parts = key.rsplitn(3, |&byte| byte == b'_');
        parts.next().filter(|secret| secret.len() == SECRET && is_plain(secret))?;
        let id = parts.next().filter(|id| is_plain(id))?;
        // The prefix may be anything: it is not ours to judge.
        parts.next()?;
        id.try_into().ok().map(Self)
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 8] = text.as_bytes().try_into().ok()?;
        is_plain(&bytes).then_some(Self(bytes))
    }

    /// As it stands in the key.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_alphanumeric)
}

impl KeyHash {
    /// What a key is held against that nobody has: it costs what every other costs. That it never
    /// fits is [`Self::fits`]'s caller's to see to, not the digest's.
    pub(crate) const NOBODYS: Self = Self { id: None, salt: [0; 16], digest: [0; 32] };

    /// Whether this is the hash of `key`. The time it takes depends on the length of `key` alone.
    pub(crate) fn fits(&self, key: &[u8]) -> Choice {
        let digest = Sha256::new().chain_update(self.salt).chain_update(key).finalize();
        digest.as_slice().ct_eq(&self.digest)
    }
}

impl TryFrom<String> for KeyHash {
    type Error = &'static str;

    /// The text is in no error: somebody may have written the key itself.
    fn try_from(text: String) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("sha256:").ok_or(NO_HASH)?;
        let mut parts = rest.split(':');
        let (Some(id), Some(salt), Some(digest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NOT_THREE);
        };
        let id = match id {
            "" => None,
            id => Some(KeyId::parse(id).ok_or(NO_ID)?),
        };
        Ok(Self { id, salt: bytes(salt).ok_or(NO_SALT)?, digest: bytes(digest).ok_or(NO_DIGEST)? })
    }
}

const NO_HASH: &str = "this is no hash of a key, which begins with `sha256:`: make one with \
                       `torana secret hash`";
const NOT_THREE: &str = "a hash is `sha256:ID:SALT:DIGEST`, the ID may be empty: make one with \
                         `torana secret hash`";
const NO_ID: &str = "the hash's ID is not 8 letters and digits: make one with `torana secret hash`";
const NO_SALT: &str = "the hash's salt is not 16 bytes in base64url, 22 characters: was it cut? \
                       Make one with `torana secret hash`";
const NO_DIGEST: &str = "the hash's digest is not 32 bytes in base64url, 43 characters: was it \
                         cut? Make one with `torana secret hash`";

/// One text for each hash: no padding, no stray bits in the last character.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"demo_ACMEacme_0123456789abcdefghijABCDEFGHIJ0123456789abc";
    const HASH: &str =
        "sha256:ACMEacme:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE";

    fn hash(text: &str) -> Result<KeyHash, &'static str> {
        KeyHash::try_from(text.to_owned())
    }

    fn id(key: &str) -> Option<String> {
        KeyId::of(key.as_bytes()).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn a_hash_fits_its_key_alone() {
        let hash = hash(HASH).unwrap();
        assert_eq!(hash.id.unwrap().as_str(), "ACMEacme");
        assert!(bool::from(hash.fits(KEY)));
        assert!(!bool::from(hash.fits(&KEY[1..])));
        assert!(!bool::from(hash.fits(b"")));
        assert!(!bool::from(KeyHash::NOBODYS.fits(KEY)));
    }

    #[test]
    fn a_made_key_has_its_id_in_it() {
        let secret = "a".repeat(43);
        assert_eq!(id(&format!("demo_Ab12Cd34_{secret}")).unwrap(), "Ab12Cd34");
        assert_eq!(id(&format!("sk_live_Ab12Cd34_{secret}")).unwrap(), "Ab12Cd34");
        assert_eq!(id(&format!("_Ab12Cd34_{secret}")).unwrap(), "Ab12Cd34");
        for other in [
            format!("Ab12Cd34_{secret}"),
            format!("demo_Ab12Cd3_{secret}"),
            format!("demo_Ab12Cd3-_{secret}"),
            format!("demo_Ab12Cd34_{secret}a"),
            format!("demo_Ab12Cd34_{}", &secret[1..]),
            format!("demo_Ab12Cd34_{}-", &secret[1..]),
            "6f2a9c".to_owned(),
            String::new(),
        ] {
            assert_eq!(id(&other), None, "{other}");
        }
    }

    #[test]
    fn a_hash_of_another_makers_key_has_no_id() {
        let text = HASH.replace("ACMEacme", "");
        assert_eq!(hash(&text).unwrap().id, None);
    }

    #[test]
    fn a_malformed_hash_says_which_part_it_is() {
        let [_, id, salt, digest] = HASH.split(':').collect::<Vec<_>>().try_into().unwrap();
        for (text, why) in [
            (String::new(), NO_HASH),
            ("demo_ACMEacme_012345".into(), NO_HASH),
            (format!("SHA256:{id}:{salt}:{digest}"), NO_HASH),
            ("sha256:".into(), NOT_THREE),
            (format!("sha256:{salt}:{digest}"), NOT_THREE),
            (format!("{HASH}:"), NOT_THREE),
            (format!("sha256:ACME:{salt}:{digest}"), NO_ID),
            (format!("sha256:ACME-acm:{salt}:{digest}"), NO_ID),
            (format!("sha256:{id}:{}:{digest}", &salt[1..]), NO_SALT),
            (format!("sha256:{id}:{salt}==:{digest}"), NO_SALT),
            (format!("sha256:{id}::{digest}"), NO_SALT),
            (format!("sha256:{id}:{salt}:{}", &digest[1..]), NO_DIGEST),
            (format!("sha256:{id}:{salt}:{}+", &digest[1..]), NO_DIGEST),
            // The last character has two bits that say nothing: they must be 0.
            (format!("sha256:{id}:{salt}:{}F", &digest[..42]), NO_DIGEST),
        ] {
            assert_eq!(hash(&text), Err(why), "{text}");
        }
    }
}
