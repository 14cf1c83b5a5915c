//! Tokens (RFC 7519), good ones and others.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::{ISSUER, encoding::base64url, keys::Keys, kind::Kind};

/// How long a token is good for, in seconds.
const LIFE: u64 = 3600;

/// A token for the person with these claims.
pub(super) fn mint(keys: &Keys, person: Value, kind: Kind) -> String {
    let claims = claims(person, kind);
    let (rsa, kid) = (keys.rsa(), keys.rsa().kid());
    match kind {
        Kind::Es256 => signed(keys.ec().algorithm(), keys.ec().kid(), &claims, |message| {
            keys.ec().sign(message)
        }),
        Kind::Unsigned => signed("none", kid, &claims, |_| Vec::new()),
        Kind::OtherKey => {
            signed(rsa.algorithm(), kid, &claims, |message| keys.stranger().sign(message))
        }
        Kind::Confused => signed("HS256", kid, &claims, |message| {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, rsa.public_pem().as_bytes());
            hmac::sign(&secret, message).as_ref().into()
        }),
        Kind::Changed => {
            let token = signed(rsa.algorithm(), kid, &claims, |message| rsa.sign(message));
            with_claims(&token, &json!({ "roles": ["admin"] }), claims)
        }
        _ => signed(rsa.algorithm(), kid, &claims, |message| rsa.sign(message)),
    }
}

fn claims(mut claims: Value, kind: Kind) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let issued = match kind {
        Kind::Expired => now.saturating_sub(2 * LIFE),
        Kind::Early => now + LIFE,
        _ => now,
    };
    claims["iss"] = if kind == Kind::OtherIssuer { "http://other.example" } else { ISSUER }.into();
    claims["aud"] = if kind == Kind::OtherAudience { "another-shop" } else { "shop" }.into();
    claims["iat"] = issued.into();
    claims["nbf"] = issued.into();
    claims["exp"] = (issued + LIFE).into();
    claims
}

fn signed(alg: &str, kid: &str, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": alg, "typ": "JWT", "kid": kid });
    let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
    let signature = base64url(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The token with some claims changed, under the signature of the old ones.
fn with_claims(token: &str, changes: &Value, mut claims: Value) -> String {
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    let mut parts: Vec<_> = token.split('.').map(String::from).collect();
    parts[1] = base64url(claims.to_string());
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    };
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::identity::people;

    fn token(keys: &Keys, kind: Kind) -> String {
        mint(keys, people::claims("ann").unwrap(), kind)
    }

    fn decoded(part: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(part).unwrap()
    }

    fn parts(token: &str) -> (Value, Value, Vec<u8>) {
        let mut parts = token.split('.').map(decoded);
        let mut next = || parts.next().unwrap();
        let json = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
        (json(next()), json(next()), next())
    }

    /// Whether the published key that the token names signed it.
    fn holds(keys: &Keys, token: &str) -> bool {
        let (message, _) = token.rsplit_once('.').unwrap();
        let (header, _, signature) = parts(token);
        let published = keys.published();
        let known = published["keys"].as_array().unwrap();
        let jwk = known.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let number = |name: &str| decoded(jwk[name].as_str().unwrap());
        match header["alg"].as_str().unwrap() {
            "RS256" => RsaPublicKeyComponents { n: number("n"), e: number("e") }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
                .is_ok(),
            "ES256" => {
                let point = [vec![4], number("x"), number("y")].concat();
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message.as_bytes(), &signature).is_ok()
            }
            _ => false,
        }
    }

    #[test]
    fn good_tokens_hold() {
        let mut keys = Keys::generate();
        let tokens = [token(&keys, Kind::Rs256), token(&keys, Kind::Es256)];
        assert!(tokens.iter().all(|token| holds(&keys, token)));
        let (_, claims, _) = parts(&tokens[0]);
        assert_eq!(claims["sub"], "ann");
        assert_eq!(claims["aud"], "shop");
        assert_eq!(claims["exp"].as_u64(), claims["iat"].as_u64().map(|at| at + LIFE));

        keys.rotate();
        let new = token(&keys, Kind::Rs256);
        assert_eq!(parts(&new).0["kid"], "rsa-2");
        assert!(tokens.iter().chain([&new]).all(|token| holds(&keys, token)));
    }

    #[test]
    fn each_bad_one_is_bad_in_one_way() {
        let keys = Keys::generate();
        for kind in [Kind::Expired, Kind::Early, Kind::OtherAudience, Kind::OtherIssuer] {
            assert!(holds(&keys, &token(&keys, kind)), "{kind:?} is about the claims alone");
        }
        for kind in [Kind::Unsigned, Kind::OtherKey, Kind::Confused, Kind::Changed] {
            let token = token(&keys, kind);
            assert!(!holds(&keys, &token), "{kind:?}");
            assert_eq!(parts(&token).1["iss"], ISSUER, "{kind:?}");
        }
    }

    #[test]
    fn the_confused_one_holds_for_whoever_takes_the_public_key_as_a_secret() {
        let keys = Keys::generate();
        let token = token(&keys, Kind::Confused);
        let (message, _) = token.rsplit_once('.').unwrap();
        let (header, _, signature) = parts(&token);
        assert_eq!(header["alg"], "HS256");
        let secret = hmac::Key::new(hmac::HMAC_SHA256, keys.rsa().public_pem().as_bytes());
        hmac::verify(&secret, message.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_changed_one_says_admin() {
        let keys = Keys::generate();
        assert_eq!(parts(&token(&keys, Kind::Changed)).1["roles"], json!(["admin"]));
        assert_eq!(parts(&token(&keys, Kind::Rs256)).1["roles"], json!(["customer"]));
    }
}
