//! Keys as JSON: RFC 7517, with the kinds of RFC 7518, 6 and RFC 8037, 2.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, Jwk,
        KeyOperations, OctetKeyPairParameters, PublicKeyUse, RSAKeyParameters,
    },
};
use serde::Deserialize as _;
use serde_json::Value;
use torana_plugin_sdk::host::{PublicKey, RsaComponents};

use crate::key::{Key, KeyName, Kind, Material, check_rsa};

/// Members of private keys (RFC 7518, 6.2.2 and 6.3.2). Whoever publishes one has given it away.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Reads one public key. The error says why it cannot be used, for the log.
pub(crate) fn read(jwk: &Value) -> Result<Key, String> {
    if let Some(member) = PRIVATE.iter().find(|member| jwk.get(member).is_some()) {
        return Err(format!(
            "it is private (it has `{member}`): make a new one, this one is known"
        ));
    }
    if jwk.get("k").is_some() || jwk.get("kty").is_some_and(|kty| kty == "oct") {
        return Err("it is a shared secret: that belongs into [secrets], to be used by name".into());
    }
    let Jwk { common, algorithm } = Jwk::deserialize(jwk).map_err(|error| error.to_string())?;
    is_for_verifying(&common)?;
    let (kind, material) = match algorithm {
        AlgorithmParameters::RSA(key) => rsa(&key)?,
        AlgorithmParameters::EllipticCurve(key) => elliptic(&key)?,
        AlgorithmParameters::OctetKeyPair(key) => edwards(&key)?,
        _ => return Err(unknown_kind(jwk)),
    };
    let key = Key {
        algorithm: only_algorithm(&common, kind)?,
        name: common.key_id.map_or(KeyName::None, KeyName::Kid),
        kind,
        material: Material::Public(material),
    };
    Ok(key)
}

/// What the key says of its use (RFC 7517, 4.2 and 4.3), if it says something.
fn is_for_verifying(common: &CommonParameters) -> Result<(), String> {
    match &common.public_key_use {
        None | Some(PublicKeyUse::Signature) => {}
        Some(other) => return Err(format!("its `use` is {other:?}, not `sig`")),
    }
    match &common.key_operations {
        Some(operations) if !operations.contains(&KeyOperations::Verify) => {
            Err("its `key_ops` have no `verify`".into())
        }
        _ => Ok(()),
    }
}

/// The algorithm that the key says it is for (RFC 7517, 4.4), if it says one.
fn only_algorithm(common: &CommonParameters, kind: Kind) -> Result<Option<Algorithm>, String> {
    let Some(named) = common.key_algorithm else { return Ok(None) };
    match Algorithm::try_from(named) {
        Ok(algorithm) if kind.allows(algorithm) => Ok(Some(algorithm)),
        Ok(algorithm) => Err(format!("its `alg` is {algorithm:?}, which no {kind:?} key can do")),
        Err(_) => Err("its `alg` is no algorithm that is supported here".into()),
    }
}

fn rsa(key: &RSAKeyParameters) -> Result<(Kind, PublicKey), String> {
    let modulus = without_zeros(decoded("n", &key.n)?);
    let exponent = without_zeros(decoded("e", &key.e)?);
    check_rsa(&modulus, &exponent)?;
    Ok((Kind::Rsa, PublicKey::Rsa(RsaComponents { modulus, exponent })))
}

/// As the host wants them.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|&byte| byte == 0).collect()
}

fn elliptic(key: &EllipticCurveKeyParameters) -> Result<(Kind, PublicKey), String> {
    let (kind, length) = match key.curve {
        EllipticCurve::P256 => (Kind::P256, 32),
        EllipticCurve::P384 => (Kind::P384, 48),
        ref other => return Err(format!("the curve {other:?} is not supported")),
    };
    // SEC 1, 2.3.3: an uncompressed point. Coordinates have their full length (RFC 7518, 6.2.1.2).
    let mut point = vec![0x04];
    for (name, coordinate) in [("x", &key.x), ("y", &key.y)] {
        let bytes = decoded(name, coordinate)?;
        if bytes.len() != length {
            return Err(format!("its `{name}` has {} bytes, not {length}", bytes.len()));
        }
        point.extend(bytes);
    }
    Ok((kind, PublicKey::Der(point)))
}

fn edwards(key: &OctetKeyPairParameters) -> Result<(Kind, PublicKey), String> {
    let EllipticCurve::Ed25519 = key.curve else {
        return Err(format!("the curve {:?} is not supported", key.curve));
    };
    let bytes = decoded("x", &key.x)?;
    match bytes.len() {
        32 => Ok((Kind::Ed25519, PublicKey::Der(bytes))),
        length => Err(format!("its `x` has {length} bytes, not 32")),
    }
}

fn unknown_kind(jwk: &Value) -> String {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or("none").to_owned();
    format!(
        "its kind is not supported, or incomplete (`kty` {}, `crv` {})",
        text("kty"),
        text("crv")
    )
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| format!("its `{name}` is not base64url: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7517, A.1, the first key.
    fn p256() -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "kid": "1",
        })
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn wrong(jwk: Value) -> String {
        read(&jwk).unwrap_err()
    }

    #[test]
    fn a_key_says_what_it_is_for() {
        let key = read(&p256()).unwrap();
        assert_eq!((key.kind, key.algorithm), (Kind::P256, None));
        assert_eq!(key.name, KeyName::Kid("1".into()));
        for (name, value) in [
            ("use", json!("sig")),
            ("key_ops", json!(["verify"])),
            ("alg", json!("ES256")),
            ("x5c", json!(["of no interest"])),
        ] {
            assert!(read(&with(p256(), name, value)).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_key_for_something_else_is_not_used() {
        assert!(wrong(with(p256(), "use", json!("enc"))).contains("`use`"));
        assert!(wrong(with(p256(), "key_ops", json!(["deriveKey"]))).contains("`key_ops`"));
        assert!(wrong(with(p256(), "key_ops", json!([]))).contains("`key_ops`"));
        assert!(wrong(with(p256(), "alg", json!("ES384"))).contains("no P256 key can do"));
        assert!(wrong(with(p256(), "alg", json!("HS256"))).contains("no P256 key can do"));
        assert!(wrong(with(p256(), "alg", json!("ECDH-ES"))).contains("`alg`"));
    }

    #[test]
    fn private_and_shared_keys_are_not_used() {
        assert!(wrong(with(p256(), "d", json!("AQAB"))).contains("it is private"));
        assert!(wrong(json!({ "kty": "oct", "k": "c2VjcmV0" })).contains("shared secret"));
        assert!(wrong(json!({ "kty": "oct" })).contains("shared secret"));
    }

    #[test]
    fn a_key_that_is_broken_is_not_used() {
        assert!(wrong(with(p256(), "x", json!("AQAB"))).contains("3 bytes, not 32"));
        assert!(wrong(with(p256(), "x", json!("%"))).contains("base64url"));
        assert!(wrong(with(p256(), "crv", json!("P-521"))).contains("P521"));
        assert!(wrong(with(p256(), "crv", json!("secp256k1"))).contains("secp256k1"));
        assert!(wrong(with(p256(), "kty", json!("RSA"))).contains("`kty` RSA"));
        assert!(wrong(with(p256(), "kid", json!(7))).contains("invalid type"));
        assert!(wrong(json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" })).contains("weak"));
        assert!(wrong(json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQAB" })).contains("3 bytes"));
        assert!(wrong(json!({ "kty": "OKP", "crv": "X25519", "x": "AQAB" })).contains("X25519"));
        assert!(read(&json!([])).is_err() && read(&json!("key")).is_err());
    }
}
