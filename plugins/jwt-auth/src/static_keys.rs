//! Keys that stand in the settings.

use serde_json::Value;
use torana_plugin_sdk::{host::Key as SecretKey, prelude::*};

use crate::{
    algorithm::{Algorithm, AlgorithmName},
    json, jwk,
    key::{Key, KeyName, Kind, Material},
    keyset::KeySet,
    pem,
    settings::StaticKey,
};

/// Reads the keys of the settings, which must fit the algorithms.
pub(crate) fn read(
    settings: &[StaticKey],
    algorithms: &[Algorithm],
    wrong: &mut SettingErrors,
) -> KeySet {
    let mut keys: Vec<Key> = Vec::new();
    for (index, setting) in settings.iter().enumerate() {
        let at = |name: &str| vec!["keys".to_owned(), index.to_string(), name.to_owned()];
        let whole = || vec!["keys".to_owned(), index.to_string()];
        match key(setting) {
            Err(("", why)) => wrong.add(whole(), why),
            Err((name, why)) => wrong.add(at(name), why),
            Ok(key) => {
                let is_double = |known: &Key| {
                    matches!(key.name, KeyName::Kid(_))
                        && known.name == key.name
                        && known.kind == key.kind
                };
                if keys.iter().any(is_double) {
                    wrong.add(whole(), "another key of this kind has the same name");
                }
                if !algorithms.iter().any(|&algorithm| key.allows(algorithm)) {
                    let text =
                        format!("it can be used with none of `algorithms`: add {}", usual(&key));
                    wrong.add(whole(), text);
                }
                keys.push(key);
            }
        }
    }
    KeySet::new(keys)
}

/// An algorithm for a key.
fn usual(key: &Key) -> String {
    let algorithm = key.algorithm.unwrap_or(match key.kind {
        Kind::Rsa => Algorithm::RS256,
        Kind::P256 => Algorithm::ES256,
        Kind::P384 => Algorithm::ES384,
        Kind::Ed25519 => Algorithm::EdDSA,
        Kind::Hmac => Algorithm::HS256,
    });
    format!("\"{algorithm:?}\"")
}

/// A key, or the wrong setting of it and what is wrong.
fn key(setting: &StaticKey) -> Result<Key, (&'static str, String)> {
    let StaticKey { jwk, pem, hmac, kid, algorithm } = setting;
    let mut key = match (jwk, pem, hmac) {
        (Some(jwk), None, None) => from_jwk(jwk).map_err(|why| ("jwk", why))?,
        (None, Some(pem), None) => {
            let (kind, key) = pem::read(pem).map_err(|why| ("pem", why))?;
            nameless(kind, Material::Public(key))
        }
        (None, None, Some(secret)) => {
            nameless(Kind::Hmac, Material::Secret(SecretKey::Secret(secret.secret.clone())))
        }
        _ => return Err(("", "a key is one of `jwk`, `pem` and `hmac`".into())),
    };
    match (&key.name, kid) {
        (KeyName::Kid(own), Some(kid)) if own != kid => {
            return Err(("kid", format!("the key itself says that it is {own:?}")));
        }
        (_, Some(kid)) => key.name = KeyName::Kid(kid.clone()),
        // What an operator gives without a name is meant for every token.
        (KeyName::None, None) => key.name = KeyName::Any,
        _ => {}
    }
    if let Some(AlgorithmName(only)) = algorithm {
        if !key.allows(*only) {
            return Err(("algorithm", format!("{only:?} is not for this key")));
        }
        key.algorithm = Some(*only);
    }
    Ok(key)
}

fn from_jwk(setting: &Value) -> Result<Key, String> {
    match setting {
        Value::String(text) => jwk::read(&json::parse(text.as_bytes())?),
        table => jwk::read(table),
    }
}

fn nameless(kind: Kind, material: Material) -> Key {
    Key { name: KeyName::Any, kind, algorithm: None, material }
}
