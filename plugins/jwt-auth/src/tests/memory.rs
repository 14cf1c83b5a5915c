//! Tokens that an instance remembers.

use std::{cell::Cell, rc::Rc};

use serde_json::{Value, json};
use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::{claims, plugin, request, signer::Signer, status};
use crate::JwtAuth;

/// One instance, and how many signatures the host has verified for it.
struct Counted {
    plugin: JwtAuth,
    signer: Signer,
    verified: Rc<Cell<usize>>,
}

impl Counted {
    fn new(settings: Value) -> Self {
        let signer = Signer::ed25519();
        let mut all = json!({ "keys": [{ "jwk": signer.jwk("1") }] });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        Self { plugin: plugin(all), signer, verified: Rc::default() }
    }

    fn token(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.signer.token("EdDSA", json!({ "kid": "1" }), &claims)
    }

    /// A request, some seconds from now, with the host's verdict on the signature.
    fn ask(&self, token: &str, later: u64, holds: bool) -> (u16, FakeHost) {
        let verified = self.verified.clone();
        let host = request(token).with_verify(move |_, _, _, _| {
            verified.set(verified.get() + 1);
            holds
        });
        host.advance_millis(later * 1000);
        (status(self.plugin.on_request_head(&host)), host)
    }
}

#[test]
fn a_signature_is_verified_once() {
    let counted = Counted::new(json!({ "headers": { "x-user": "{claims.sub}" } }));
    let token = counted.token("sub", "bob".into());
    for _ in 0..5 {
        let (status, host) = counted.ask(&token, 0, true);
        assert_eq!((status, counted.verified.get()), (200, 1));
        // What is told is the same, remembered or not.
        assert_eq!(host.forwarded_header("x-user"), ["bob"]);
        assert_eq!(host.attributes().get("consumer.id").unwrap(), "bob");
    }
    assert_eq!(counted.ask(&counted.token("sub", "carol".into()), 0, true).0, 200);
    assert_eq!(counted.verified.get(), 2, "another token is another one");
}

#[test]
fn what_did_not_hold_is_not_remembered() {
    let counted = Counted::new(json!({}));
    let token = counted.token("sub", "bob".into());
    assert_eq!(counted.ask(&token, 0, false).0, 401);
    assert_eq!(counted.ask(&token, 0, false).0, 401);
    assert_eq!(counted.verified.get(), 2);
    assert_eq!(counted.ask(&token, 0, true).0, 200);
}

#[test]
fn a_remembered_token_expires_all_the_same() {
    let counted = Counted::new(json!({}));
    let token = counted.token("exp", (super::NOW + 60).into());
    assert_eq!(counted.ask(&token, 0, true).0, 200);
    assert_eq!(counted.ask(&token, 69, true).0, 200);
    assert_eq!(counted.verified.get(), 1);
    let (status, host) = counted.ask(&token, 70, true);
    assert_eq!(status, 401);
    assert!(super::logged(&host, "it expired 10 s ago"));
}

#[test]
fn a_remembered_token_grows_too_old_all_the_same() {
    let counted = Counted::new(json!({ "max_age": "1m" }));
    let token = counted.token("iat", super::NOW.into());
    assert_eq!(counted.ask(&token, 69, true).0, 200);
    assert_eq!(counted.ask(&token, 70, true).0, 401);
}

#[test]
fn a_clock_that_is_set_back_makes_a_remembered_token_too_new() {
    let counted = Counted::new(json!({}));
    let token = counted.token("nbf", (super::NOW + 100).into());
    assert_eq!(counted.ask(&token, 100, true).0, 200);
    assert_eq!(counted.ask(&token, 0, true).0, 401);
}

#[test]
fn a_cache_of_nothing_remembers_nothing() {
    let counted = Counted::new(json!({ "cache": 0 }));
    let token = counted.token("sub", "bob".into());
    assert_eq!(counted.ask(&token, 0, true).0, 200);
    assert_eq!(counted.ask(&token, 0, true).0, 200);
    assert_eq!(counted.verified.get(), 2);
}

#[test]
fn a_flood_of_tokens_drives_out_what_is_not_used() {
    let counted = Counted::new(json!({ "cache": 10 }));
    let token = counted.token("sub", "bob".into());
    assert_eq!(counted.ask(&token, 0, true).0, 200);
    for number in 0..20 {
        counted.ask(&counted.token("sub", number.to_string().into()), 0, true);
    }
    assert_eq!(counted.verified.get(), 21);
    assert_eq!(counted.ask(&token, 0, true).0, 200);
    assert_eq!(counted.verified.get(), 22);
}

#[test]
fn values_of_the_exchange_are_not_remembered() {
    let counted = Counted::new(json!({ "headers": { "x-who": "{claims.sub}@{request.id}" } }));
    let token = counted.token("sub", "bob".into());
    counted.ask(&token, 0, true);
    let host = request(&token).with_id("request-2");
    assert_eq!(status(counted.plugin.on_request_head(&host)), 200);
    assert_eq!(host.forwarded_header("x-who"), ["bob@request-2"]);
    assert_eq!(counted.verified.get(), 1);
}
