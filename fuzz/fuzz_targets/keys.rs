//! `jwt-auth`: keys, as an identity provider publishes them and as operators paste them.
//!
//! A key that can be used is of a kind that is known, and is no weak one.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/jwt-auth/src/algorithm.rs"]
mod algorithm;
#[path = "../../plugins/jwt-auth/src/json.rs"]
mod json;
#[path = "../../plugins/jwt-auth/src/jwk.rs"]
mod jwk;
#[path = "../../plugins/jwt-auth/src/key.rs"]
mod key;
#[path = "../../plugins/jwt-auth/src/keyset.rs"]
mod keyset;
#[path = "../../plugins/jwt-auth/src/pem.rs"]
mod pem;
#[path = "../../plugins/jwt-auth/src/token.rs"]
mod token;

use algorithm::Algorithm;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use key::{Kind, MIN_RSA_BITS, Material, rsa_bits};
use keyset::KeySet;
use libfuzzer_sys::fuzz_target;
use torana_plugin_sdk::host::PublicKey;

const MAX_KEYS: usize = 8;

fuzz_target!(|data: &[u8]| {
    if let Ok(read) = KeySet::read(data, MAX_KEYS) {
        for algorithm in algorithm::ASYMMETRIC {
            for key in read.set.fitting(algorithm, None) {
                let Material::Public(material) = &key.material else { panic!("{key:?}") };
                usable(key.kind, material, algorithm);
            }
        }
        assert_eq!(read.set.fitting(Algorithm::HS256, None).count(), 0, "a secret was published");
    }
    // What is in the armour, and the armour itself.
    let armoured = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(data)
    );
    for text in [Ok(&*armoured), std::str::from_utf8(data)].into_iter().flatten() {
        if let Ok((kind, material)) = pem::read(text) {
            let algorithm = algorithm::ASYMMETRIC.into_iter().find(|&a| kind.allows(a));
            usable(kind, &material, algorithm.expect("a kind is there to be used"));
        }
    }
});

fn usable(kind: Kind, material: &PublicKey, algorithm: Algorithm) {
    assert!(kind.allows(algorithm));
    match (kind, material) {
        (Kind::Rsa, PublicKey::Rsa(key)) => assert!(rsa_bits(&key.modulus) >= MIN_RSA_BITS),
        (Kind::P256, PublicKey::Der(point)) => assert_eq!(point.len(), 65),
        (Kind::P384, PublicKey::Der(point)) => assert_eq!(point.len(), 97),
        (Kind::Ed25519, PublicKey::Der(point)) => assert_eq!(point.len(), 32),
        other => panic!("{other:?}"),
    }
}
