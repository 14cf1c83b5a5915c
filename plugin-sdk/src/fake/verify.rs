//! Signatures, as the host verifies them: the same library, the same algorithms, the same refusals.

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
};

use crate::host::{CryptoError, PublicKey, RsaComponents, SignatureAlgorithm};

pub(super) fn verify(
    algorithm: SignatureAlgorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, CryptoError> {
    match key {
        PublicKey::Rsa(key) => verify_rsa(algorithm, key, message, signature),
        PublicKey::Der(key) => verify_der(algorithm, key, message, signature),
    }
}

fn verify_rsa(
    algorithm: SignatureAlgorithm,
    key: &RsaComponents,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, CryptoError> {
    let invalid = |why: String| CryptoError::InvalidKey(why);
    let parameters = rsa_parameters(algorithm)
        .ok_or_else(|| invalid("an RSA key for another algorithm".into()))?;
    let bits = key.modulus.len() * 8;
    if bits < 2048 {
        return Err(invalid(format!("an RSA key of {bits} bits (at least 2048)")));
    }
    let key = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent }
        .to_parsed_public_key(parameters)
        .map_err(|error| invalid(error.to_string()))?;
    Ok(key.verify_sig(message, signature).is_ok())
}

fn verify_der(
    algorithm: SignatureAlgorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, CryptoError> {
    let key = ParsedPublicKey::new(verification(algorithm), key)
        .map_err(|error| CryptoError::InvalidKey(error.to_string()))?;
    Ok(key.verify_sig(message, signature).is_ok())
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
