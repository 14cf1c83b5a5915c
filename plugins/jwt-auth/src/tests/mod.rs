//! Whole requests, natively: with real signatures, a settable clock and a provider that can change
//! its keys or go down.

mod algorithms;
mod memory;
mod provider;
mod remote;
mod rfc;
mod signer;
mod spoofing;

use serde_json::{Value, json};
use torana_plugin_sdk::{fake::FakeHost, prelude::*, settings::parse};

use crate::JwtAuth;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<JwtAuth>("cases");
}

/// The time of every new host, in seconds.
const NOW: u64 = 1_800_000_000;

/// A plugin with these settings, beside an issuer and an audience.
fn plugin(settings: Value) -> JwtAuth {
    let mut all = json!({ "issuer": "https://idp.example", "audience": "shop" });
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    JwtAuth::new(parse(&all.to_string()).unwrap()).unwrap()
}

/// Claims that are good for an hour.
fn claims() -> Value {
    json!({ "iss": "https://idp.example", "aud": "shop", "sub": "alice", "exp": NOW + 3600 })
}

/// A request with a token, on a host that grants everything.
fn request(token: &str) -> FakeHost {
    anonymous().with_header("authorization", &format!("Bearer {token}"))
}

/// A request without one.
fn anonymous() -> FakeHost {
    let granted = ["consumer.id", "consumer.tier", "auth.scopes", "auth.claims"];
    let host = FakeHost::get("/").with_unix_millis(NOW * 1000).grant_read("authorization");
    granted.iter().fold(host, |host, name| host.grant_attribute(name))
}

/// The status of a reply; 200 where the request goes on.
fn status(outcome: Outcome) -> u16 {
    match outcome.unwrap() {
        Action::Next => 200,
        Action::Respond(reply) => reply.status,
    }
}

/// Whether something was logged.
fn logged(host: &FakeHost, part: &str) -> bool {
    host.logs().iter().any(|(_, line)| line.contains(part))
}
