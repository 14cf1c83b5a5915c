//! A handler that does what the request body says with crypto and secrets. Bytes are in hex.
//!
//! ```json
//! { "do": "digest", "algorithm": "sha256", "data": "616263" }
//! { "do": "hmac", "algorithm": "sha256", "key": { "bytes": "00ff" }, "data": "616263" }
//! { "do": "hmac", "algorithm": "sha256", "key": { "secret": "NAME" }, "data": "616263" }
//! { "do": "verify", "algorithm": "rs256", "key": { "der": "..." }, "data": "...", "signature": "..." }
//! { "do": "verify", "algorithm": "rs256", "key": { "modulus": "...", "exponent": "010001" }, ... }
//! { "do": "equal", "a": "00", "b": "00" }
//! { "do": "reveal", "secret": "NAME" }
//! ```
//!
//! The reply is `{ "ok": ... }` or `{ "error": "..." }`.

use std::fmt::Debug;

use serde_json::{Value, json};
use torana_plugin_sdk::{
    host::{DigestAlgorithm, Key, PublicKey, RsaComponents, SignatureAlgorithm},
    prelude::*,
};

struct Cryptic;

#[plugin]
impl Plugin for Cryptic {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingErrors> {
        Ok(Self)
    }

    fn handle(&self, host: &impl Host) -> Result<Reply, Failure> {
        let order: Value = serde_json::from_str(&host.request_body().text()?)?;
        let result = match text(&order, "do")? {
            "digest" => {
                let data = bytes(&order, "data")?;
                json!({ "ok": hex::encode(host.crypto().digest(digest(&order)?, &data)) })
            }
            "hmac" => {
                let mac =
                    host.crypto().hmac(digest(&order)?, &key(&order)?, &bytes(&order, "data")?);
                told(mac.map(hex::encode))
            }
            "verify" => told(host.crypto().verify(
                signature(&order)?,
                &public_key(&order)?,
                &bytes(&order, "data")?,
                &bytes(&order, "signature")?,
            )),
            "equal" => {
                json!({ "ok": host.crypto().equal(&bytes(&order, "a")?, &bytes(&order, "b")?) })
            }
            "reveal" => told(host.secrets().reveal(text(&order, "secret")?)),
            other => return Err(format!("`{other}` cannot be done").into()),
        };
        Reply::json(200, &result)
    }
}

fn told<T: Into<Value>, E: Debug>(result: Result<T, Refused<E>>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value.into() }),
        Err(refused) => json!({ "error": format!("{:?}", refused.why) }),
    }
}

fn text<'a>(order: &'a Value, name: &str) -> Result<&'a str, Failure> {
    order[name].as_str().ok_or_else(|| format!("`{name}` is missing").into())
}

fn bytes(order: &Value, name: &str) -> Result<Vec<u8>, Failure> {
    hex::decode(text(order, name)?).map_err(|error| format!("`{name}`: {error}").into())
}

fn key(order: &Value) -> Result<Key, Failure> {
    let key = &order["key"];
    match text(key, "secret") {
        Ok(name) => Ok(Key::Secret(name.to_owned())),
        Err(_) => Ok(Key::Bytes(bytes(key, "bytes")?)),
    }
}

fn public_key(order: &Value) -> Result<PublicKey, Failure> {
    let key = &order["key"];
    if key["der"].is_string() {
        return Ok(PublicKey::Der(bytes(key, "der")?));
    }
    let (modulus, exponent) = (bytes(key, "modulus")?, bytes(key, "exponent")?);
    Ok(PublicKey::Rsa(RsaComponents { modulus, exponent }))
}

fn digest(order: &Value) -> Result<DigestAlgorithm, Failure> {
    Ok(match text(order, "algorithm")? {
        "sha256" => DigestAlgorithm::Sha256,
        "sha384" => DigestAlgorithm::Sha384,
        "sha512" => DigestAlgorithm::Sha512,
        other => return Err(format!("no digest is called `{other}`").into()),
    })
}

fn signature(order: &Value) -> Result<SignatureAlgorithm, Failure> {
    Ok(match text(order, "algorithm")? {
        "rs256" => SignatureAlgorithm::Rs256,
        "rs384" => SignatureAlgorithm::Rs384,
        "rs512" => SignatureAlgorithm::Rs512,
        "ps256" => SignatureAlgorithm::Ps256,
        "ps384" => SignatureAlgorithm::Ps384,
        "ps512" => SignatureAlgorithm::Ps512,
        "es256" => SignatureAlgorithm::Es256,
        "es384" => SignatureAlgorithm::Es384,
        "ed25519" => SignatureAlgorithm::Ed25519,
        other => return Err(format!("no signature is called `{other}`").into()),
    })
}
