//! `crypto`, with the host's aws-lc. Allowed in `configure` too: it reaches nothing outside.

use aws_lc_rs::{constant_time, digest, hmac};

use super::public_keys;
use crate::plugin::{
    bindings::crypto::{CryptoError, DigestAlgorithm, Host, Key, PublicKey, SignatureAlgorithm},
    state::State,
};

impl Host for State {
    fn digest(&mut self, algorithm: DigestAlgorithm, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        let algorithm = match algorithm {
            DigestAlgorithm::Sha256 => &digest::SHA256,
            DigestAlgorithm::Sha384 => &digest::SHA384,
            DigestAlgorithm::Sha512 => &digest::SHA512,
        };
        Ok(digest::digest(algorithm, &data).as_ref().to_vec())
    }

    fn hmac(
        &mut self,
        algorithm: DigestAlgorithm,
        key: Key,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, CryptoError>> {
        let algorithm = match algorithm {
            DigestAlgorithm::Sha256 => hmac::HMAC_SHA256,
            DigestAlgorithm::Sha384 => hmac::HMAC_SHA384,
            DigestAlgorithm::Sha512 => hmac::HMAC_SHA512,
        };
        let key = match key {
            Key::Bytes(bytes) => hmac::Key::new(algorithm, &bytes),
            Key::Secret(name) => match self.secret(&name) {
                // The guest cannot see how long it is, so this is the place to look.
                Some(value) => match check_length(&name, value.len(), algorithm) {
                    Ok(()) => hmac::Key::new(algorithm, &value),
                    Err(weak) => return Ok(Err(weak)),
                },
                None => return Ok(Err(CryptoError::UnknownSecret)),
            },
        };
        Ok(Ok(hmac::sign(&key, &data).as_ref().to_vec()))
    }

    fn verify(
        &mut self,
        algorithm: SignatureAlgorithm,
        key: PublicKey,
        message: Vec<u8>,
        signature: Vec<u8>,
    ) -> wasmtime::Result<Result<bool, CryptoError>> {
        Ok(public_keys::verify(algorithm, key, &message, &signature))
    }

    fn equal(&mut self, a: Vec<u8>, b: Vec<u8>) -> wasmtime::Result<bool> {
        Ok(constant_time::verify_slices_are_equal(&a, &b).is_ok())
    }
}

/// RFC 2104, 3, and for tokens RFC 7518, 3.2: a key below the length of the digest is the weakest
/// part.
fn check_length(name: &str, bytes: usize, algorithm: hmac::Algorithm) -> Result<(), CryptoError> {
    let needed = algorithm.digest_algorithm().output_len();
    if bytes >= needed {
        return Ok(());
    }
    let why = format!("the secret `{name}` has {bytes} bytes and needs {needed} for this digest");
    Err(CryptoError::InvalidKey(why))
}
