//! A key, and what it may be used for.

use torana_plugin_sdk::host::{Key as SecretKey, PublicKey};

use crate::algorithm::Algorithm;

/// A key that a signature can be verified with.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: KeyName,
    pub(crate) kind: Kind,
    /// The one algorithm that it may be used with, if it says so.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) material: Material,
}

/// Which tokens a key is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyName {
    /// Those that name it.
    Kid(String),
    /// Those that name no key.
    None,
    /// All of them: an operator gave it, and left its name out.
    Any,
}

/// What a key is, which decides what it can be used with: a token that names an algorithm of
/// another kind never gets to it (RFC 8725, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
    Hmac,
}

#[derive(Clone, Debug)]
pub(crate) enum Material {
    Public(PublicKey),
    Secret(SecretKey),
}

/// RSA keys below this are weak (RFC 7518, 3.3), in bits.
pub(crate) const MIN_RSA_BITS: usize = 2048;
/// The host's library takes no larger ones, in bits.
pub(crate) const MAX_RSA_BITS: usize = 8192;

impl Key {
    /// Whether a token with this header may be verified with it.
    pub(crate) fn fits(&self, algorithm: Algorithm, kid: Option<&str>) -> bool {
        self.name.fits(kid) && self.allows(algorithm)
    }

    /// Whether it may be used with this algorithm.
    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.kind.allows(algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Whether it is the same key, whatever it is called.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.material, &other.material) {
            (Material::Public(a), Material::Public(b)) => self.kind == other.kind && a == b,
            _ => false,
        }
    }
}

impl KeyName {
    fn fits(&self, kid: Option<&str>) -> bool {
        match (self, kid) {
            (Self::Any, _) | (Self::None, None) => true,
            (Self::None, Some(_)) => false,
            // A token that names no key leaves it to us to find the right one.
            (Self::Kid(_), None) => true,
            (Self::Kid(name), Some(kid)) => name == kid,
        }
    }
}

impl Kind {
    pub(crate) fn allows(self, algorithm: Algorithm) -> bool {
        use Algorithm::{
            ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
        };
        match self {
            Self::Rsa => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
            Self::P256 => algorithm == ES256,
            Self::P384 => algorithm == ES384,
            Self::Ed25519 => algorithm == EdDSA,
            Self::Hmac => matches!(algorithm, HS256 | HS384 | HS512),
        }
    }
}

/// The length of an RSA modulus in bits; big-endian, leading zeros do not count.
pub(crate) fn rsa_bits(modulus: &[u8]) -> usize {
    let significant =
        modulus.iter().position(|&byte| byte != 0).map_or(&[][..], |at| &modulus[at..]);
    match significant.first() {
        Some(first) => significant.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

/// What is wrong with an RSA key, if anything is.
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), String> {
    let bits = rsa_bits(modulus);
    if bits < MIN_RSA_BITS {
        return Err(format!("an RSA key of {bits} bits is weak: at least {MIN_RSA_BITS}"));
    }
    if bits > MAX_RSA_BITS {
        return Err(format!("an RSA key of {bits} bits is too large: at most {MAX_RSA_BITS}"));
    }
    // An exponent of 1 makes every message its own signature; even ones are no exponents.
    let is_odd = exponent.last().is_some_and(|last| last & 1 == 1);
    let is_one =
        exponent.iter().rev().skip(1).all(|&byte| byte == 0) && exponent.last() == Some(&1);
    if !is_odd || is_one {
        return Err("the exponent of an RSA key is odd and above 1".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::ASYMMETRIC;

    #[test]
    fn a_key_is_used_within_its_kind() {
        let allowed = |kind: Kind| ASYMMETRIC.iter().filter(|&&a| kind.allows(a)).count();
        assert_eq!([Kind::Rsa, Kind::P256, Kind::P384, Kind::Ed25519].map(allowed), [6, 1, 1, 1]);
        assert_eq!(allowed(Kind::Hmac), 0, "an HMAC key is never used with a public algorithm");
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(Kind::Hmac.allows(algorithm));
            assert!(!Kind::Rsa.allows(algorithm), "a public key is no HMAC secret");
            assert!(!Kind::P256.allows(algorithm) && !Kind::Ed25519.allows(algorithm));
        }
    }

    #[test]
    fn a_name_is_compared_by_the_letter() {
        let named = KeyName::Kid("../../dev/null".into());
        assert!(named.fits(Some("../../dev/null")) && named.fits(None));
        assert!(!named.fits(Some("dev/null")) && !named.fits(Some("")));
        assert!(KeyName::None.fits(None) && !KeyName::None.fits(Some("")));
        assert!(KeyName::Any.fits(None) && KeyName::Any.fits(Some("x")));
    }

    #[test]
    fn rsa_keys_are_measured_in_bits() {
        assert_eq!(rsa_bits(&[]), 0);
        assert_eq!(rsa_bits(&[0, 0, 1]), 1);
        assert_eq!(rsa_bits(&[0x80, 0]), 16);
        let odd = [1, 0, 1];
        assert!(check_rsa(&[0xff; 256], &odd).is_ok());
        assert!(
            check_rsa(&[&[0x7f][..], &[0xff; 255]].concat(), &odd).unwrap_err().contains("2047")
        );
        assert!(check_rsa(&[0xff; 1025], &odd).is_err());
        for exponent in [&[][..], &[0], &[1], &[0, 1], &[2], &[1, 0]] {
            assert!(check_rsa(&[0xff; 256], exponent).is_err(), "{exponent:?}");
        }
    }
}
