//! An identity provider: keys made at the start, published as a JWKS, replaced when asked, and
//! tokens for whoever asks, also such that no gateway should take.
//!
//! ```text
//! GET  /.well-known/openid-configuration   where the keys are
//! GET  /jwks.json                          the public keys
//! GET  /token/{user}                       a token, as text
//! GET  /token/{user}/{kind}                one of another kind, good or bad
//! POST /rotate                             new tokens are signed by new keys
//! ```
//!
//! A real one asks who you are before it gives you a token. This one does not.

mod encoding;
mod key;
mod keys;
mod kind;
mod people;
mod token;

use std::sync::Mutex;

use serde_json::json;
use services_kit::{Reply, Request, reply};

use self::{keys::Keys, kind::Kind};

/// The name in its tokens, and where it is found.
const ISSUER: &str = "http://127.0.0.1:9203";

/// The identity provider.
pub(crate) struct Identity(Mutex<Keys>);

impl Identity {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Keys::generate()))
    }

    pub(crate) fn answer(&self, request: &Request) -> Reply {
        let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
        match (request.method().as_str(), path.as_slice()) {
            ("GET", [".well-known", "openid-configuration"]) => reply::json(200, &discovery()),
            ("GET", ["jwks.json"]) => reply::json(200, &self.keys(|keys| keys.published())),
            ("GET", ["token", user]) => self.token(user, Kind::Rs256),
            ("GET", ["token", user, kind]) => match Kind::named(kind) {
                Some(kind) => self.token(user, kind),
                None => not_found(&format!("no kind `{kind}`; there are: {}", Kind::names())),
            },
            ("POST", ["rotate"]) => {
                let kid = self.keys(|keys| keys.rotate());
                reply::json(200, &json!({ "signs_now": kid }))
            }
            _ => reply::status(404),
        }
    }

    fn token(&self, user: &str, kind: Kind) -> Reply {
        match people::claims(user) {
            Some(person) => reply::text(200, self.keys(|keys| token::mint(keys, person, kind))),
            None => not_found(&format!("no user `{user}`; there are: {}", people::names())),
        }
    }

    fn keys<T>(&self, work: impl FnOnce(&mut Keys) -> T) -> T {
        work(&mut self.0.lock().expect("no answer panics"))
    }
}

fn discovery() -> serde_json::Value {
    json!({
        "issuer": ISSUER,
        "jwks_uri": format!("{ISSUER}/jwks.json"),
        "token_endpoint": format!("{ISSUER}/token"),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    })
}

fn not_found(what: &str) -> Reply {
    reply::json(404, &json!({ "error": format!("there is {what}") }))
}
