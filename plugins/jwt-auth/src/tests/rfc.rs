//! The examples of the RFCs. Where their payload is no set of claims, the signature alone is looked
//! at. (A.2 and A.3 of RFC 7515 are cases.)

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use torana_plugin_sdk::{fake::FakeHost, host::Key as SecretKey, prelude::*};

use super::{plugin, request, status};
use crate::{
    jwk,
    key::{Key, KeyName, Kind, Material},
    token::{LastHeader, Token},
    verify,
};

fn holds(token: &str, key: &Key) -> bool {
    let token = Token::parse(token, &LastHeader::default()).unwrap();
    let (message, host) = (token.message.as_bytes(), FakeHost::get("/"));
    verify::holds(&host, token.header.algorithm, key, message, &token.signature).unwrap()
}

/// Whether it holds, and does not with one bit changed.
fn holds_exactly(token: &str, key: &Key) -> bool {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut changed = URL_SAFE_NO_PAD.decode(signature).unwrap();
    changed[20] ^= 1;
    let changed = format!("{message}.{}", URL_SAFE_NO_PAD.encode(changed));
    holds(token, key) && !holds(&changed, key)
}

fn secret(text: &str) -> Key {
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    let material = Material::Secret(SecretKey::Bytes(bytes));
    Key { name: KeyName::Any, kind: Kind::Hmac, algorithm: None, material }
}

fn public(jwk: Value) -> Key {
    jwk::read(&jwk).unwrap()
}

#[test]
fn rfc_7515_a_1() {
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz\
                 ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p\
                 1r_wW1gFWFOEjXk";
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    assert!(holds_exactly(token, &secret(key)));

    // It is a JSON Web Token too, and its secret is no text.
    let plugin = plugin(json!({
        "issuer": "joe",
        "audience": "*",
        "algorithms": ["HS256"],
        "keys": [{ "hmac": { "secret": "joe" } }],
        "claims": { "http://example.com/is_root": true },
    }));
    let at = |seconds: u64| {
        let bytes = URL_SAFE_NO_PAD.decode(key).unwrap();
        request(token).with_secret_bytes("joe", &bytes).with_unix_millis(seconds * 1000)
    };
    assert_eq!(status(plugin.on_request_head(&at(1_300_819_379))), 200);
    assert_eq!(status(plugin.on_request_head(&at(1_300_819_391))), 401);
}

/// RFC 7520, 3.3: the key of 4.1 and 4.2.
fn bilbo() -> Key {
    public(json!({
        "kty": "RSA",
        "kid": "bilbo.baggins@hobbiton.example",
        "use": "sig",
        "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_\
              AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpP\
              e7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg\
              _3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw",
        "e": "AQAB",
    }))
}

/// The payload that the JWS examples of RFC 7520 share.
fn frodo() -> String {
    let text = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, \
                and if you don't keep your feet, there\u{2019}s no knowing where you might be swept \
                off to.";
    URL_SAFE_NO_PAD.encode(text)
}

#[test]
fn rfc_7520_4_1() {
    let token = format!(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.{}.MRjdkly7_-oTPTS3\
         AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDk\
         oBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocS\
         adnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZD\
         nd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg",
        frodo()
    );
    assert!(holds_exactly(&token, &bilbo()));
}

#[test]
fn rfc_7520_4_2() {
    let token = format!(
        "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.{}.cu22eBqkYDKgIlTp\
         zDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OL\
         PpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0\
         TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPb\
         Byi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        frodo()
    );
    assert!(holds_exactly(&token, &bilbo()));
}

#[test]
fn rfc_7520_4_4() {
    let token = format!(
        "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.{}.\
         s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
        frodo()
    );
    assert!(holds_exactly(&token, &secret("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg")));
}

#[test]
fn rfc_8037_a() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-\
                 09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = json!({
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    assert!(holds_exactly(token, &public(key)));
}

/// RFC 7517, A.1, with the keys of RFC 7638, 3.1: what is for signatures, and what is not.
#[test]
fn rfc_7517_a_1() {
    let elliptic = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
        "kid": "1",
    });
    let rsa = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
              BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_F\
              DW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4v\
              MQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    });
    assert!(jwk::read(&elliptic).unwrap_err().contains("`use`"));
    let key = public(rsa);
    assert_eq!((key.kind, key.name), (Kind::Rsa, KeyName::Kid("2011-04-29".into())));
}
