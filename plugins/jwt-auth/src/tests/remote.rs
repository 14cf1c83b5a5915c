//! Keys that are fetched: renewed, shared, kept when the provider is down, and never fetched because
//! a client wants it.

use serde_json::{Value, json};
use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::{
    claims, logged, plugin,
    provider::{Provider, settings},
    request,
    signer::Signer,
    status,
};
use crate::JwtAuth;

/// A gateway in the course of time: one store, one provider, exchanges one after the other.
struct Gateway {
    plugin: JwtAuth,
    provider: Provider,
    last: FakeHost,
}

impl Gateway {
    fn new(provider: &Provider, settings: Value) -> Self {
        let provider = provider.clone();
        Self { plugin: plugin(settings), last: request(""), provider }
    }

    /// Another instance of the same plugin.
    fn beside(other: &Self, settings: Value) -> Self {
        let new = Self::new(&other.provider, settings);
        Self { last: new.last.clone().with_stores_of(&other.last), ..new }
    }

    fn exchange(&mut self, token: &str) -> FakeHost {
        let host = self.provider.behind(request(token));
        self.last = host.with_stores_of(&self.last);
        self.last.clone()
    }

    fn ask(&mut self, token: &str) -> u16 {
        let host = self.exchange(token);
        status(self.plugin.on_request_head(&host))
    }

    fn tick(&mut self) {
        let host = self.exchange("");
        self.plugin.on_tick(&host).unwrap();
    }

    fn wait(&self, seconds: u64) {
        self.last.advance_millis(seconds * 1000);
    }
}

/// A signer, its key's name, and a token that is good for a week.
struct Party(Signer, &'static str);

impl Party {
    fn new(kid: &'static str) -> Self {
        Self(Signer::ed25519(), kid)
    }

    fn jwk(&self) -> Value {
        self.0.jwk(self.1)
    }

    fn token(&self) -> String {
        let mut claims = claims();
        claims["exp"] = json!(super::NOW + 7 * 24 * 3600);
        self.0.token("EdDSA", json!({ "kid": self.1 }), &claims)
    }
}

#[test]
fn a_new_key_is_found_and_an_old_one_is_forgotten() {
    let (old, new) = (Party::new("old"), Party::new("new"));
    let provider = Provider::with_keys(&[old.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    assert_eq!(gateway.ask(&old.token()), 200);
    assert_eq!(provider.asked(), 1);

    provider.publish(&[new.jwk()]);
    gateway.wait(29);
    assert_eq!(gateway.ask(&new.token()), 401, "they were fetched just now");
    assert_eq!(provider.asked(), 1);
    assert_eq!(gateway.ask(&old.token()), 200, "nobody knows yet that its key is gone");

    gateway.wait(1);
    assert_eq!(gateway.ask(&new.token()), 200);
    assert_eq!(provider.asked(), 2);
    assert_eq!(gateway.ask(&old.token()), 401, "though it was remembered");
    assert_eq!(provider.asked(), 2);
}

#[test]
fn unknown_keys_do_not_make_it_fetch_at_will() {
    let party = Party::new("known");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    for minute in 1..=3 {
        for number in 0..50 {
            let kid = format!("{minute}-{number}");
            let token = party.0.token("EdDSA", json!({ "kid": kid }), &claims());
            assert_eq!(gateway.ask(&token), 401);
        }
        assert_eq!(provider.asked(), minute, "once in each cooldown");
        gateway.wait(60);
    }
}

#[test]
fn a_wrong_signature_with_a_known_key_makes_nobody_fetch() {
    let party = Party::new("known");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    assert_eq!(gateway.ask(&party.token()), 200);
    gateway.wait(60);
    let forged = Signer::ed25519().token("EdDSA", json!({ "kid": "known" }), &claims());
    assert_eq!(gateway.ask(&forged), 401);
    assert_eq!(provider.asked(), 1);
}

#[test]
fn the_last_good_keys_serve_while_the_provider_is_down() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    gateway.tick();
    let outages: [&dyn Fn(); 4] = [
        &|| provider.go_down(),
        &|| provider.answer(500, "oops"),
        &|| provider.answer(200, "<html>"),
        &|| provider.answer(200, r#"{"keys":[]}"#),
    ];
    for break_it in outages {
        break_it();
        let before = provider.asked();
        gateway.wait(600);
        gateway.tick();
        assert_eq!(provider.asked(), before + 1);
        assert!(logged(&gateway.last, "keys could not be fetched, the old ones serve on"));
        assert_eq!(gateway.ask(&party.token()), 200);
    }
    // A key that nobody knows may be a new one: that nobody can say is not the client's fault.
    assert_eq!(gateway.ask(&Party::new("2").token()), 503);
    provider.publish(&[party.jwk()]);
    gateway.wait(30);
    assert_eq!(gateway.ask(&Party::new("2").token()), 401);
}

#[test]
fn keys_grow_too_old() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut settings = settings();
    settings["refresh"] = json!({ "max_stale": "1h" });
    let mut gateway = Gateway::new(&provider, settings);
    assert_eq!(gateway.ask(&party.token()), 200);
    provider.go_down();
    gateway.wait(3600);
    assert_eq!(gateway.ask(&party.token()), 200);
    gateway.wait(1);
    assert_eq!(gateway.ask(&party.token()), 503, "not even a token that is remembered");
    provider.publish(&[party.jwk()]);
    gateway.wait(30);
    assert_eq!(gateway.ask(&party.token()), 200);
}

#[test]
fn ticks_fetch_at_the_start_and_when_it_is_time() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    assert_eq!(gateway.plugin.tick_every().unwrap().as_secs(), 5);
    for _ in 0..120 {
        gateway.tick();
        gateway.wait(5);
    }
    assert_eq!(provider.asked(), 1);
    gateway.tick();
    assert_eq!(provider.asked(), 2);
    assert_eq!(gateway.ask(&party.token()), 200);
    assert_eq!(provider.asked(), 2);
}

#[test]
fn without_keys_it_is_tried_again_soon() {
    let party = Party::new("1");
    let provider = Provider::default();
    let mut gateway = Gateway::new(&provider, settings());
    gateway.tick();
    for _ in 0..10 {
        assert_eq!(gateway.ask(&party.token()), 503);
    }
    assert_eq!(provider.asked(), 1, "requests do not hammer at a provider that is down");
    provider.publish(&[party.jwk()]);
    gateway.wait(5);
    gateway.tick();
    assert_eq!(gateway.ask(&party.token()), 200);
    assert_eq!(provider.asked(), 2);
}

#[test]
fn instances_share_what_one_has_fetched() {
    let (old, new) = (Party::new("old"), Party::new("new"));
    let provider = Provider::with_keys(&[old.jwk()]);
    let mut first = Gateway::new(&provider, settings());
    assert_eq!(first.ask(&old.token()), 200);
    let mut second = Gateway::beside(&first, settings());
    assert_eq!(second.ask(&old.token()), 200);
    assert_eq!(provider.asked(), 1);

    provider.publish(&[new.jwk()]);
    first.wait(600);
    first.tick();
    assert_eq!(provider.asked(), 2);
    second.last = second.last.clone().with_stores_of(&first.last);
    assert_eq!(second.ask(&old.token()), 401, "it follows the first");
    assert_eq!(second.ask(&new.token()), 200);
    assert_eq!(provider.asked(), 2);
}

#[test]
fn an_instance_with_other_settings_has_other_keys() {
    let (ours, theirs) = (Party::new("1"), Party::new("1"));
    let provider = Provider::with_keys(&[ours.jwk()]);
    let mut first = Gateway::new(&provider, settings());
    assert_eq!(first.ask(&ours.token()), 200);
    // A use of the same entry with keys of its own shares the store with it.
    let other = json!({ "keys": [{ "jwk": theirs.jwk() }] });
    let mut second = Gateway::beside(&first, other);
    assert_eq!(second.ask(&ours.token()), 401);
    assert_eq!(second.ask(&theirs.token()), 200);
    let upstream = json!({ "jwks": { "upstream": "idp", "path": "/jwks" } });
    let mut third = Gateway::beside(&first, upstream);
    third.provider = Provider::default();
    let host = request(&ours.token()).with_stores_of(&first.last);
    assert_eq!(status(third.plugin.on_request_head(&host)), 503, "it asks its own provider");
}

#[test]
fn while_another_instance_fetches_there_is_nothing_to_say() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    let host = gateway.exchange(&party.token());
    host.kv().lead("refresh:https://idp.example/jwks", 0).unwrap();
    assert_eq!(status(gateway.plugin.on_request_head(&host)), 503);
    assert_eq!(provider.asked(), 0);
    assert!(logged(&host, "they are being fetched, which takes too long"));
}

/// Anybody can name an unknown key, and while a provider is slow all instances would wait for it.
#[test]
fn few_wait_for_an_unknown_key_while_another_instance_fetches() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    assert_eq!(gateway.ask(&party.token()), 200);
    gateway.wait(30);
    let unknown = Party::new("2").token();
    for (others, waited) in [(1, 500), (2, 0)] {
        let host = gateway.exchange(&unknown);
        host.kv().lead("refresh:https://idp.example/jwks", 0).unwrap();
        host.kv().increment("waiting:https://idp.example/jwks", others, Some(500)).unwrap();
        let before = host.elapsed_millis();
        assert_eq!(status(gateway.plugin.on_request_head(&host)), 503);
        assert_eq!(host.elapsed_millis() - before, waited, "{others} wait already");
        host.end_hook();
    }
    assert_eq!(provider.asked(), 1);
}

#[test]
fn where_ticks_do_not_come_requests_renew_the_keys() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let mut gateway = Gateway::new(&provider, settings());
    assert_eq!(gateway.ask(&party.token()), 200);
    gateway.wait(1199);
    let other = |sub: &str| {
        let mut claims = claims();
        claims["sub"] = sub.into();
        party.0.token("EdDSA", json!({ "kid": "1" }), &claims)
    };
    assert_eq!(gateway.ask(&other("bob")), 200);
    assert_eq!(provider.asked(), 1);
    provider.go_down();
    gateway.wait(1);
    assert_eq!(gateway.ask(&other("carol")), 200, "and serve on with the old ones");
    assert_eq!(provider.asked(), 2);
    provider.publish(&[Party::new("2").jwk()]);
    gateway.wait(30);
    assert_eq!(gateway.ask(&party.token()), 401, "though it was remembered");
    assert_eq!(provider.asked(), 3);
}

#[test]
fn without_a_store_the_cooldown_holds_all_the_same() {
    let party = Party::new("1");
    let provider = Provider::with_keys(&[party.jwk()]);
    let plugin = plugin(settings());
    let ask = |token: &str, later: u64| {
        let host = provider.behind(request(token)).with_unavailable_stores();
        host.advance_millis(later * 1000);
        status(plugin.on_request_head(&host))
    };
    assert_eq!(ask(&party.token(), 0), 200);
    for _ in 0..10 {
        assert_eq!(ask(&Party::new("2").token(), 1), 401);
    }
    assert_eq!(provider.asked(), 1);
    assert_eq!(ask(&Party::new("2").token(), 30), 401);
    assert_eq!(provider.asked(), 2);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_old_keys() {
    let (old, new) = (Party::new("old"), Party::new("new"));
    let provider = Provider::with_keys(&[old.jwk()]);
    let plugin = plugin(settings());
    let at = |token: &str, millis: u64| {
        let host = provider.behind(request(token)).with_unix_millis(millis);
        status(plugin.on_request_head(&host))
    };
    let now = super::NOW * 1000;
    assert_eq!(at(&old.token(), now), 200);
    provider.publish(&[new.jwk()]);
    let two_days_ago = now - 2 * 24 * 3600 * 1000;
    assert_eq!(at(&old.token(), two_days_ago), 401);
    assert_eq!(at(&new.token(), two_days_ago), 200);
}

#[test]
fn keys_of_the_settings_need_no_provider() {
    let (fixed, fetched) = (Party::new("fixed"), Party::new("fetched"));
    let provider = Provider::default();
    let mut both = settings();
    both["keys"] = json!([{ "jwk": fixed.jwk() }]);
    let mut gateway = Gateway::new(&provider, both);
    assert_eq!(gateway.ask(&fixed.token()), 200);
    assert_eq!(provider.asked(), 0);
    assert_eq!(gateway.ask(&fetched.token()), 503);
    provider.publish(&[fetched.jwk()]);
    gateway.wait(5);
    assert_eq!(gateway.ask(&fetched.token()), 200);
    assert_eq!(gateway.ask(&fixed.token()), 200);
}

#[test]
fn a_token_without_a_name_is_tried_with_a_few_keys_only() {
    let parties: Vec<_> = ["1", "2", "3", "4", "5"].into_iter().map(Party::new).collect();
    let jwks: Vec<_> = parties.iter().map(Party::jwk).collect();
    let provider = Provider::with_keys(&jwks);
    let mut gateway = Gateway::new(&provider, settings());
    let nameless = |party: &Party| party.0.token("EdDSA", json!({}), &claims());
    assert_eq!(gateway.ask(&nameless(&parties[3])), 200);
    assert_eq!(gateway.ask(&nameless(&parties[4])), 401);
    assert!(logged(&gateway.last, "5 could be it, and only 4 are tried"));
    assert_eq!(gateway.ask(&parties[4].token()), 200);
}
