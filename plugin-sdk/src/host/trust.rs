use super::{CryptoError, DigestAlgorithm, Key, PublicKey, SecretError, SignatureAlgorithm};
use crate::Refused;

/// Cryptography with the host's library, an order of magnitude faster than in the sandbox.
pub trait Crypto {
    /// A digest.
    fn digest(&self, algorithm: DigestAlgorithm, data: &[u8]) -> Vec<u8>;
    /// A keyed digest. The key may be a secret that the guest never sees.
    fn hmac(
        &self,
        algorithm: DigestAlgorithm,
        key: &Key,
        data: &[u8],
    ) -> Result<Vec<u8>, Refused<CryptoError>>;
    /// Whether the signature holds. ECDSA signatures are fixed-length (r, s), as in JWS.
    fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Refused<CryptoError>>;
    /// Compares in a time that depends on the lengths only.
    fn equal(&self, a: &[u8], b: &[u8]) -> bool;
}

/// Reads the text of a secret. To use one without seeing it, name it in [`Crypto`] or
/// [`Fetch`](super::Fetch).
pub trait Secrets {
    /// The secret's text.
    fn reveal(&self, name: &str) -> Result<String, Refused<SecretError>>;
}
