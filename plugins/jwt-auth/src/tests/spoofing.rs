//! What a client says of itself never reaches the upstream as ours.

use serde_json::{Value, json};
use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::{anonymous, claims, plugin, request, signer::Signer, status};

const HEADERS: [(&str, &str, &str); 6] = [
    ("x-user-id", "{claims.sub}", "alice"),
    ("x-roles", "{claims.realm_access.roles}", "a,b"),
    ("x-tenant", "tenant-{claims.tenant}", "tenant-7"),
    ("x-verified", "{claims.email_verified}", "true"),
    ("x-who", "{claims.sub} at {client.address}", "alice at 192.0.2.1"),
    ("x-default", "{claims.nothing:-none}", "none"),
];

fn spoofed(host: FakeHost) -> FakeHost {
    HEADERS.iter().fold(host, |host, (name, ..)| {
        host.with_header(name, "admin")
            .with_header(&name.to_ascii_uppercase(), "root")
            .with_header(&name.replace('-', "_"), "admin")
    })
}

fn settings(signer: &Signer, more: Value) -> Value {
    let headers: serde_json::Map<_, _> =
        HEADERS.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))).collect();
    let mut settings = json!({ "keys": [{ "jwk": signer.jwk("1") }], "headers": headers });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

#[test]
fn each_header_has_the_tokens_value_and_no_other() {
    let signer = Signer::p256();
    let plugin = plugin(settings(&signer, json!({})));
    let mut all = claims();
    all["realm_access"] = json!({ "roles": ["a", "b"] });
    all["tenant"] = json!(7);
    all["email_verified"] = json!(true);
    let token = signer.token("ES256", json!({ "kid": "1" }), &all);
    // The second time it is remembered.
    for _ in 0..2 {
        let host = spoofed(request(&token));
        assert_eq!(status(plugin.on_request_head(&host)), 200);
        for (name, _, expected) in HEADERS {
            assert_eq!(host.forwarded_header(name), [expected], "{name}");
            assert!(host.forwarded_header(&name.replace('-', "_")).is_empty(), "{name}");
        }
    }
}

#[test]
fn where_the_token_has_no_such_claim_there_is_no_header() {
    let signer = Signer::p256();
    let plugin = plugin(settings(&signer, json!({})));
    let nothing = [json!(null), json!(""), json!([])];
    for nothing in nothing {
        let mut few = claims();
        for name in ["sub", "tenant", "email_verified"] {
            few[name] = nothing.clone();
        }
        few["realm_access"] = json!({ "roles": nothing });
        let host = spoofed(request(&signer.token("ES256", json!({ "kid": "1" }), &few)));
        assert_eq!(status(plugin.on_request_head(&host)), 200);
        for (name, ..) in HEADERS.iter().filter(|(name, ..)| *name != "x-default") {
            assert!(host.forwarded_header(name).is_empty(), "{name} with {nothing}");
        }
        assert_eq!(host.forwarded_header("x-default"), ["none"]);
    }
}

#[test]
fn nobody_has_no_header_either() {
    let plugin = plugin(settings(&Signer::p256(), json!({ "optional": true })));
    let host = spoofed(anonymous());
    assert_eq!(status(plugin.on_request_head(&host)), 200);
    for (name, ..) in HEADERS {
        assert!(host.forwarded_header(name).is_empty(), "{name}");
        assert!(host.forwarded_header(&name.replace('-', "_")).is_empty(), "{name}");
    }
    assert!(host.attributes().get("consumer.id").is_none());
    assert!(host.attributes().get("auth.claims").is_none());
}

#[test]
fn no_claim_can_make_a_header_of_its_own() {
    let signer = Signer::p256();
    let plugin = plugin(settings(&signer, json!({})));
    for value in ["a\r\nx-admin: 1", "a\nb", "a\0b", "\u{7f}", "a\u{85}b", " admin", "admin\t"] {
        for claim in ["sub", "tenant"] {
            let mut bad = claims();
            bad[claim] = value.into();
            let host = request(&signer.token("ES256", json!({ "kid": "1" }), &bad));
            assert_eq!(status(plugin.on_request_head(&host)), 401, "{claim}: {value:?}");
        }
    }
}
