//! Every algorithm, with every kind of key.

use serde_json::json;
use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::{claims, logged, plugin, request, signer::Signer, status};
use crate::{
    algorithm::Algorithm,
    key::{Key, KeyName, Material},
    pem,
    token::{LastHeader, Token},
    verify,
};

const ALL: [&str; 12] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256",
    "HS384", "HS512",
];
const SECRET: &[u8] = b"sixty-four bytes are what HMAC with SHA-512 wants of its secrets";

/// The key that an algorithm is for.
fn kid(algorithm: &str) -> &'static str {
    match algorithm {
        "ES256" => "p256",
        "ES384" => "p384",
        "EdDSA" => "ed",
        _ if algorithm.starts_with("HS") => "hmac",
        _ => "rsa",
    }
}

/// All of them are allowed, and there is a key of each kind: the widest settings there are.
fn all() -> (Vec<(&'static str, Signer)>, crate::JwtAuth) {
    let signers = vec![
        ("rsa", Signer::rsa()),
        ("p256", Signer::p256()),
        ("p384", Signer::p384()),
        ("ed", Signer::ed25519()),
        ("hmac", Signer::hmac(SECRET)),
    ];
    let keys = signers.iter().map(|(kid, signer)| match signer {
        Signer::Hmac(_) => json!({ "kid": kid, "hmac": { "secret": "idp" } }),
        _ => json!({ "kid": kid, "pem": signer.pem() }),
    });
    let keys = keys.collect::<Vec<_>>();
    let plugin = plugin(json!({ "algorithms": ALL, "keys": keys }));
    (signers, plugin)
}

#[test]
fn each_is_taken_with_its_own_key_and_with_no_other() {
    let (signers, plugin) = all();
    for algorithm in ALL {
        for (name, signer) in &signers {
            for named in ["rsa", "p256", "p384", "ed", "hmac"] {
                let token = signer.token(algorithm, json!({ "kid": named }), &claims());
                let host = request(&token).with_secret_bytes("idp", SECRET);
                let is_right = kid(algorithm) == *name && *name == named;
                let expected = if is_right { 200 } else { 401 };
                let is = status(plugin.on_request_head(&host));
                assert_eq!(is, expected, "{algorithm} of {name}, said to be {named}");
            }
        }
    }
}

#[test]
fn without_a_name_the_right_key_is_found() {
    let (signers, plugin) = all();
    for algorithm in ALL {
        let (_, signer) = signers.iter().find(|(name, _)| *name == kid(algorithm)).unwrap();
        let token = signer.token(algorithm, json!({}), &claims());
        let host = request(&token).with_secret_bytes("idp", SECRET);
        assert_eq!(status(plugin.on_request_head(&host)), 200, "{algorithm}");
    }
}

#[test]
fn a_public_key_is_no_secret_however_it_is_written() {
    let (signers, plugin) = all();
    for (name, signer) in signers.iter().filter(|(name, _)| *name != "hmac") {
        let pem = signer.pem();
        for secret in [pem.as_str(), pem.trim(), &pem.replace('\n', "")] {
            let forger = Signer::hmac(secret.as_bytes());
            for header in [json!({ "kid": name }), json!({ "kid": "hmac" }), json!({})] {
                let token = forger.token("HS256", header, &claims());
                let host = request(&token).with_secret_bytes("idp", SECRET);
                assert_eq!(status(plugin.on_request_head(&host)), 401, "{name}");
            }
        }
    }
}

#[test]
fn a_key_may_be_for_one_algorithm_alone() {
    let signer = Signer::rsa();
    let keys = json!([{ "pem": signer.pem(), "algorithm": "PS256" }]);
    let plugin = plugin(json!({ "keys": keys }));
    let good = request(&signer.token("PS256", json!({}), &claims()));
    assert_eq!(status(plugin.on_request_head(&good)), 200);
    let other = request(&signer.token("RS256", json!({}), &claims()));
    assert_eq!(status(plugin.on_request_head(&other)), 401);
    assert!(logged(&other, "it names no key, and none can be used with RS256"));
}

/// The keys that fit are found before; this is the last door.
#[test]
fn a_key_does_nothing_that_it_is_not_for() {
    let signer = Signer::rsa();
    let (kind, public) = pem::read(&signer.pem()).unwrap();
    let algorithm = Some(Algorithm::PS256);
    let key = Key { name: KeyName::Any, kind, algorithm, material: Material::Public(public) };
    let host = FakeHost::get("/");
    for (name, expected) in [("PS256", true), ("RS256", false), ("HS256", false)] {
        let text = signer.token(name, json!({}), &claims());
        let token = Token::parse(&text, &LastHeader::default()).unwrap();
        let (algorithm, message) = (token.header.algorithm, token.message.as_bytes());
        let holds = verify::holds(&host, algorithm, &key, message, &token.signature).unwrap();
        assert_eq!(holds, expected, "{name}");
    }
}

#[test]
fn no_character_of_a_token_can_be_changed() {
    let signer = Signer::p256();
    let plugin = plugin(json!({ "keys": [{ "jwk": signer.jwk("1") }] }));
    let token = signer.token("ES256", json!({ "kid": "1" }), &claims());
    assert_eq!(status(plugin.on_request_head(&request(&token))), 200);
    for (at, was) in token.char_indices() {
        for other in ['A', 'B', '_', '.', '=', '!', 'é'].into_iter().filter(|&other| other != was)
        {
            let changed = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            assert_eq!(status(plugin.on_request_head(&request(&changed))), 401, "{at}: {other}");
        }
        let shorter = format!("{}{}", &token[..at], &token[at + 1..]);
        assert_eq!(status(plugin.on_request_head(&request(&shorter))), 401, "without {at}");
    }
}

#[test]
fn a_key_that_the_host_cannot_read_is_told_to_the_operator() {
    // Not on the curve.
    let mut jwk = Signer::p256().jwk("1");
    jwk["y"] = jwk["x"].clone();
    let plugin = plugin(json!({ "keys": [{ "jwk": jwk }] }));
    let host = request(&Signer::p256().token("ES256", json!({ "kid": "1" }), &claims()));
    assert_eq!(status(plugin.on_request_head(&host)), 401);
    assert!(logged(&host, "is broken"), "{:?}", host.logs());
}
