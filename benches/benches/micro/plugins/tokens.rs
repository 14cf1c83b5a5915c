//! `jwt-auth`: tokens that it remembers, and tokens that have to be verified.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD as BASE64, BASE64_URL_SAFE_NO_PAD as BASE64URL},
};
use criterion::{BenchmarkId, Criterion};
use http::StatusCode;
use torana::message::Exchange;

use super::{exchange, heads, route, set};
use crate::{cpu::CpuTime, room::Room};

/// What the token says; `exp` comes to it.
pub(super) const CLAIMS: &str = concat!(
    r#"{"iss":"https://idp.example","aud":"shop","sub":"u-1842","client_id":"spa","plan":"gold","#,
    r#""scope":"orders:read orders:write profile","roles":["clerk","auditor"],"#,
    r#""department":"ops","email":"u-1842@shop.example","email_verified":true,"level":3}"#,
);

pub(super) fn benches(c: &mut Criterion<CpuTime>) {
    let room = Room::new();
    let mut group = c.benchmark_group("jwt-auth");
    for signer in [Signer::rs256(), Signer::es256()] {
        let token = signer.token();
        let id = |what| BenchmarkId::new(what, signer.algorithm);
        let with_token = || bearer(exchange(), &token);
        for (what, cache) in [("remembered", 500), ("verified", 0)] {
            let text = route(&plugin(&signer.pem, cache), "\"jwt\"");
            heads(&mut group, id(what), &room, &text, StatusCode::OK, with_token);
        }
        group.bench_function(id("signature-alone"), |b| b.iter(|| signer.verify(&token)));
    }
    group.finish();
}

/// The plugin with a key in its settings.
pub(super) fn plugin(pem: &str, cache: usize) -> String {
    format!(
        r#"
[plugins.jwt]
component = "jwt-auth"
[plugins.jwt.grants]
fetch = []
crypto = true
kv = true
request-edit = true
headers = {{ read = ["authorization"] }}
attributes = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"]
[plugins.jwt.config]
issuer = "https://idp.example"
audience = "shop"
consumer = {{ tier = "plan" }}
scopes = ["orders:read"]
cache = {cache}
keys = [{{ kid = "k1", pem = '''
{pem}''' }}]
"#
    )
}

pub(super) fn bearer(mut exchange: Box<Exchange>, token: &str) -> Box<Exchange> {
    set(&mut exchange, "authorization", &format!("Bearer {token}"));
    exchange
}

/// A key of this run.
pub(super) struct Signer {
    algorithm: &'static str,
    /// The public half, in PEM.
    pub(super) pem: String,
    public: Vec<u8>,
    key: Key,
}

enum Key {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

impl Signer {
    pub(super) fn rs256() -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
        Self::new("RS256", public.as_ref().to_vec(), Key::Rsa(key))
    }

    fn es256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
        Self::new("ES256", public.as_ref().to_vec(), Key::Ecdsa(key))
    }

    fn new(algorithm: &'static str, public: Vec<u8>, key: Key) -> Self {
        let text = BASE64.encode(&public);
        let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
        let lines = lines.collect::<Vec<_>>().join("\n");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n");
        Self { algorithm, pem, public, key }
    }

    /// A token for the next hour.
    pub(super) fn token(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let header = format!(r#"{{"alg":"{}","typ":"JWT","kid":"k1"}}"#, self.algorithm);
        let exp = now + 3600;
        let payload = CLAIMS.replacen('{', &format!(r#"{{"exp":{exp},"#), 1);
        let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
        let signature = BASE64URL.encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signing");
                signature
            }
            Key::Ecdsa(key) => key.sign(&random, message).expect("signing").as_ref().to_vec(),
        }
    }

    /// What a native gateway could not do without.
    fn verify(&self, token: &str) {
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        let signature = BASE64URL.decode(signature).expect("base64url");
        let algorithm: &dyn VerificationAlgorithm = match self.key {
            Key::Rsa(_) => &RSA_PKCS1_2048_8192_SHA256,
            Key::Ecdsa(_) => &ECDSA_P256_SHA256_FIXED,
        };
        UnparsedPublicKey::new(algorithm, &self.public)
            .verify(signed.as_bytes(), &signature)
            .expect("a good signature");
    }
}
