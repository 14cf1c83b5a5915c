//! Signatures, and the public keys that they are verified with. A worker keeps those that it used last as the
//! library wants them: to read an RSA key, and to prepare the arithmetic for its modulus, takes an eighth of a
//! verification, and a plugin hands over the same few keys again and again.

use std::cell::RefCell;

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};

use crate::plugin::bindings::crypto::{CryptoError, PublicKey, RsaComponents, SignatureAlgorithm};

thread_local! {
    static KEYS: RefCell<Keys> = const { RefCell::new(Keys(Vec::new())) };
}

/// Whether a signature holds. A key that cannot be read is a mistake of the operator's, so it is told apart from
/// a wrong signature.
pub(super) fn verify(
    algorithm: SignatureAlgorithm,
    key: PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, CryptoError> {
    KEYS.with_borrow_mut(|keys| {
        let key = keys.read(algorithm, key)?;
        Ok(key.verify_sig(message, signature).is_ok())
    })
}

/// How many keys a worker keeps. One takes some 2 KiB, the largest 20.
const KEPT: usize = 16;

/// The most bytes that a key has: 1 KiB is the modulus of the largest RSA key that is used.
const MAX_BYTES: usize = 2 << 10;

/// The keys that were used last, the very last one first.
struct Keys(Vec<Known>);

/// A key as it was handed over, and as it was read. The whole of it is compared: what is kept for one key never
/// stands in for another.
struct Known {
    algorithm: SignatureAlgorithm,
    given: PublicKey,
    read: ParsedPublicKey,
}

impl Keys {
    fn read(
        &mut self,
        algorithm: SignatureAlgorithm,
        key: PublicKey,
    ) -> Result<&ParsedPublicKey, CryptoError> {
        match self.0.iter().position(|known| known.is(algorithm, &key)) {
            Some(at) => self.0[..=at].rotate_right(1),
            None => {
                let read = parse(algorithm, &key)?;
                self.0.truncate(KEPT - 1);
                self.0.insert(0, Known { algorithm, given: key, read });
            }
        }
        Ok(&self.0[0].read)
    }
}

impl Known {
    fn is(&self, algorithm: SignatureAlgorithm, key: &PublicKey) -> bool {
        self.algorithm == algorithm
            && match (&self.given, key) {
                (PublicKey::Rsa(a), PublicKey::Rsa(b)) => {
                    a.modulus == b.modulus && a.exponent == b.exponent
                }
                (PublicKey::Der(a), PublicKey::Der(b)) => a == b,
                _ => false,
            }
    }
}

fn parse(algorithm: SignatureAlgorithm, key: &PublicKey) -> Result<ParsedPublicKey, CryptoError> {
    let bytes = match key {
        PublicKey::Rsa(key) => key.modulus.len() + key.exponent.len(),
        PublicKey::Der(key) => key.len(),
    };
    if bytes > MAX_BYTES {
        return Err(CryptoError::InvalidKey(format!(
            "a key of {bytes} bytes (at most {MAX_BYTES})"
        )));
    }
    match key {
        PublicKey::Rsa(key) => parse_rsa(algorithm, key),
        PublicKey::Der(key) => ParsedPublicKey::new(verification(algorithm), key)
            .map_err(|error| CryptoError::InvalidKey(error.to_string())),
    }
}

fn parse_rsa(
    algorithm: SignatureAlgorithm,
    key: &RsaComponents,
) -> Result<ParsedPublicKey, CryptoError> {
    let parameters = rsa_parameters(algorithm)
        .ok_or_else(|| CryptoError::InvalidKey("an RSA key for another algorithm".into()))?;
    let bits = key.modulus.len() * 8;
    if bits < 2048 {
        return Err(CryptoError::InvalidKey(format!("an RSA key of {bits} bits (at least 2048)")));
    }
    RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent }
        .to_parsed_public_key(parameters)
        .map_err(|error| CryptoError::InvalidKey(error.to_string()))
}

fn verification(algorithm: SignatureAlgorithm) -> &'static dyn VerificationAlgorithm {
    match (rsa_parameters(algorithm), algorithm) {
        (Some(rsa), _) => rsa,
        (None, SignatureAlgorithm::Es256) => &signature::ECDSA_P256_SHA256_FIXED,
        (None, SignatureAlgorithm::Es384) => &signature::ECDSA_P384_SHA384_FIXED,
        (None, _) => &signature::ED25519,
    }
}

fn rsa_parameters(algorithm: SignatureAlgorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        SignatureAlgorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        SignatureAlgorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        SignatureAlgorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        SignatureAlgorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::AsDer as _,
        rand::SystemRandom,
        rsa::KeySize,
        signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
    };

    use super::*;

    fn kept() -> usize {
        KEYS.with_borrow(|keys| keys.0.len())
    }

    fn ed25519(key: &Ed25519KeyPair) -> PublicKey {
        PublicKey::Der(key.public_key().as_ref().to_vec())
    }

    #[test]
    fn keys_that_take_turns_are_told_apart_and_bounded() {
        let pairs: Vec<_> =
            (0..KEPT + 3).map(|_| Ed25519KeyPair::generate().expect("a key")).collect();
        let verify = |key: &Ed25519KeyPair, by: &Ed25519KeyPair| {
            let signature = by.sign(b"a");
            verify(SignatureAlgorithm::Ed25519, ed25519(key), b"a", signature.as_ref())
        };
        for _ in 0..2 {
            for two in pairs.windows(2) {
                assert!(matches!(verify(&two[0], &two[0]), Ok(true)));
                assert!(matches!(verify(&two[1], &two[0]), Ok(false)));
                assert!(matches!(verify(&two[0], &two[1]), Ok(false)), "found again");
                assert!(kept() <= KEPT);
            }
        }
        assert_eq!(kept(), KEPT);
    }

    #[test]
    fn one_key_is_another_for_another_algorithm() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"a", &mut signature).expect("signed");
        let key = pair.public_key().as_der().expect("an encoded key").as_ref().to_vec();
        let verify = |algorithm, signature: &[u8]| {
            verify(algorithm, PublicKey::Der(key.clone()), b"a", signature)
        };
        for _ in 0..2 {
            assert!(matches!(verify(SignatureAlgorithm::Rs256, &signature), Ok(true)));
            assert!(matches!(verify(SignatureAlgorithm::Rs384, &signature), Ok(false)));
            assert!(matches!(verify(SignatureAlgorithm::Ps256, &signature), Ok(false)));
            assert!(matches!(verify(SignatureAlgorithm::Rs256, &signature[1..]), Ok(false)));
        }
        assert!(verify(SignatureAlgorithm::Es256, &signature).is_err());
        assert_eq!(kept(), 3);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_an_error_and_is_not_kept() {
        let rsa = |modulus, exponent| PublicKey::Rsa(RsaComponents { modulus, exponent });
        for (key, why) in [
            (PublicKey::Der(vec![0; 31]), "Encoding"),
            (PublicKey::Der(vec![0; MAX_BYTES + 1]), "2049 bytes"),
            (rsa(vec![0xff; 128], vec![1, 0, 1]), "1024 bits"),
            (rsa(vec![0; 256], vec![1, 0, 1]), "Components"),
        ] {
            let Err(CryptoError::InvalidKey(told)) =
                verify(SignatureAlgorithm::Rs256, key, b"", b"")
            else {
                panic!("it was read: {why}");
            };
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(kept(), 0);
    }
}
