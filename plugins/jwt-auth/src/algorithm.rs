//! The algorithms of RFC 7518, 3 and RFC 8037, 3, as far as the host verifies them.

use std::{borrow::Cow, str::FromStr};

pub(crate) use jsonwebtoken::Algorithm;
use torana_plugin_sdk::{
    host::{DigestAlgorithm, SignatureAlgorithm},
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{Deserialize, Deserializer, de::Error},
};

/// Every algorithm whose keys may be known to everybody: those that are allowed unless the settings
/// say otherwise.
pub(crate) const ASYMMETRIC: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How a signature is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// With a secret that both sides know.
    Hmac(DigestAlgorithm),
    /// With the public half of a key.
    Public(SignatureAlgorithm),
}

/// None for what the crate knows and the host does not.
pub(crate) fn method(algorithm: Algorithm) -> Option<Method> {
    Some(match algorithm {
        Algorithm::HS256 => Method::Hmac(DigestAlgorithm::Sha256),
        Algorithm::HS384 => Method::Hmac(DigestAlgorithm::Sha384),
        Algorithm::HS512 => Method::Hmac(DigestAlgorithm::Sha512),
        Algorithm::RS256 => Method::Public(SignatureAlgorithm::Rs256),
        Algorithm::RS384 => Method::Public(SignatureAlgorithm::Rs384),
        Algorithm::RS512 => Method::Public(SignatureAlgorithm::Rs512),
        Algorithm::PS256 => Method::Public(SignatureAlgorithm::Ps256),
        Algorithm::PS384 => Method::Public(SignatureAlgorithm::Ps384),
        Algorithm::PS512 => Method::Public(SignatureAlgorithm::Ps512),
        Algorithm::ES256 => Method::Public(SignatureAlgorithm::Es256),
        Algorithm::ES384 => Method::Public(SignatureAlgorithm::Es384),
        Algorithm::EdDSA => Method::Public(SignatureAlgorithm::Ed25519),
        _ => return None,
    })
}

/// An algorithm in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AlgorithmName(pub(crate) Algorithm);

impl FromStr for AlgorithmName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("none") {
            return Err("`none` is no signature: it is never accepted".into());
        }
        Algorithm::from_str(name)
            .map(Self)
            .map_err(|_| format!("`{name}` is not supported: there are {}", NAMES.join(", ")))
    }
}

const NAMES: [&str; 12] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256",
    "HS384", "HS512",
];

impl<'de> Deserialize<'de> for AlgorithmName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for AlgorithmName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Algorithm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_an_algorithm_with_a_method() {
        for name in NAMES {
            let AlgorithmName(algorithm) = name.parse().unwrap();
            let is_hmac = matches!(method(algorithm), Some(Method::Hmac(_)));
            assert_eq!(is_hmac, name.starts_with("HS"), "{name}");
            assert_eq!(ASYMMETRIC.contains(&algorithm), !is_hmac, "{name}");
        }
    }

    #[test]
    fn a_name_is_taken_by_the_letter() {
        for name in ["", "none", "NONE", "rs256", "RS256 ", "ES512", "ES256K", "HS1"] {
            assert!(name.parse::<AlgorithmName>().is_err(), "{name}");
        }
    }
}
