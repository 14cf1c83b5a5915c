//! Whether a signature holds. The host does the arithmetic.
//!
//! jsonwebtoken has a seam for that, its `CryptoProvider`. It is not used: its functions are plain
//! pointers for the whole process, so the host at hand could reach them through a global only; they
//! take an HMAC secret as bytes, and here it is a name; and their one error cannot tell a wrong
//! signature from a key that is broken, which is a matter for the operator. What is used of the
//! crate are its algorithms and its JSON Web Keys.

use torana_plugin_sdk::{
    host::{CryptoError, SignatureAlgorithm},
    prelude::*,
};

use crate::{
    algorithm::{Algorithm, Method, method},
    key::{Key, Material},
};

/// Whether a message was signed with a key. No, if it cannot be used with the algorithm.
///
/// A failure is a mistake of the operator's: a secret that is not granted.
pub(crate) fn holds(
    host: &impl Host,
    algorithm: Algorithm,
    key: &Key,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    // Once more, at the last moment: a public key must never get to be an HMAC secret.
    if !key.allows(algorithm) {
        return Ok(false);
    }
    let crypto = host.crypto();
    match (method(algorithm), &key.material) {
        (Some(Method::Hmac(digest)), Material::Secret(secret)) => {
            let expected = crypto.hmac(digest, secret, message)?;
            Ok(crypto.equal(&expected, signature))
        }
        (Some(Method::Public(algorithm)), Material::Public(public)) => {
            if !has_length(algorithm, signature) {
                return Ok(false);
            }
            match crypto.verify(algorithm, public, message, signature) {
                Err(Refused { why: CryptoError::InvalidKey(why), .. }) => {
                    host.log().warn(format_args!("key {:?} is broken: {why}", key.name));
                    Ok(false)
                }
                other => Ok(other?),
            }
        }
        _ => Ok(false),
    }
}

/// ECDSA signatures are two numbers of full length, never ASN.1 (RFC 7518, 3.4).
fn has_length(algorithm: SignatureAlgorithm, signature: &[u8]) -> bool {
    match algorithm {
        SignatureAlgorithm::Es256 | SignatureAlgorithm::Ed25519 => signature.len() == 64,
        SignatureAlgorithm::Es384 => signature.len() == 96,
        _ => !signature.is_empty(),
    }
}
