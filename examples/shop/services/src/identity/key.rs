//! A signing key.

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use serde_json::{Value, json};

use super::encoding::{base64url, pem, rsa_numbers};

/// A key pair under the name that tokens call it by.
pub(super) struct Key {
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
}

// What fails here is this machine's randomness; there is nothing to do about that.
impl Key {
    /// For RS256.
    pub(super) fn rsa(kid: impl Into<String>) -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a new RSA key");
        Self { kid: kid.into(), pair: Pair::Rsa(pair) }
    }

    /// For ES256.
    pub(super) fn ec(kid: impl Into<String>) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a new EC key");
        Self { kid: kid.into(), pair: Pair::Ec(pair) }
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The name of its algorithm (RFC 7518, section 3.1).
    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// The signature as it stands in a token.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signing");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).expect("signing").as_ref().into(),
        }
    }

    /// The public half (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                let (modulus, exponent) = rsa_numbers(der).expect("the library's own encoding");
                json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) })
            }
            Pair::Ec(pair) => {
                // Uncompressed: 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y) })
            }
        };
        jwk["kid"] = self.kid.as_str().into();
        jwk["alg"] = self.algorithm().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The public half as text: what an attacker can have of it.
    pub(super) fn public_pem(&self) -> String {
        let der = match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ec(pair) => pair.public_key().as_der(),
        };
        pem(der.expect("encoding a key").as_ref())
    }
}
