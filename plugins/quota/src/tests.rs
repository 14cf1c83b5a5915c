//! What takes more than one exchange, or more than one plugin, to see.

use torana_plugin_sdk::{fake::FakeHost, prelude::*, settings};

use super::Quota;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<Quota>("cases");
}

fn quota(settings: &str) -> Quota {
    Quota::new(settings::parse(settings).unwrap()).unwrap()
}

/// The next exchange of a gateway.
fn next(before: &FakeHost) -> FakeHost {
    FakeHost::get("/").with_stores_of(before)
}

/// The status that an exchange ends with, and its `RateLimit`.
fn answer(quota: &Quota, host: &FakeHost) -> (u16, String) {
    match quota.on_request_head(host).unwrap() {
        Action::Next => {
            host.set_response(&Reply::empty(200));
            (200, host.answered_header("ratelimit").join("|"))
        }
        Action::Respond(reply) => {
            let field = reply.headers.iter().find(|header| header.name == "ratelimit");
            (reply.status, field.map(|field| field.value.clone()).unwrap_or_default())
        }
    }
}

fn status(quota: &Quota, host: &FakeHost) -> u16 {
    answer(quota, host).0
}

#[test]
fn whoever_waits_as_long_as_told_is_let_in() {
    let quota = quota(r#"{"limit":{"limit":"6/1m","burst":2},"key":[]}"#);
    let host = FakeHost::get("/");
    assert_eq!(answer(&quota, &host), (200, r#""1m";r=1;t=10"#.into()));
    let host = next(&host);
    assert_eq!(answer(&quota, &host), (200, r#""1m";r=0;t=20"#.into()));
    let host = next(&host);
    assert_eq!(answer(&quota, &host), (429, r#""1m";r=0;t=10"#.into()));
    host.advance_millis(9_999);
    assert_eq!(answer(&quota, &next(&host)), (429, r#""1m";r=0;t=1"#.into()));
    host.advance_millis(1);
    assert_eq!(answer(&quota, &next(&host)), (200, r#""1m";r=0;t=20"#.into()));
}

#[test]
fn callers_do_not_share() {
    let quota = quota(r#"{"limit":"1/1h"}"#);
    let of = |host: &FakeHost, id| next(host).with_attribute("consumer.id", id);
    let alice = of(&FakeHost::get("/"), "alice");
    assert_eq!(status(&quota, &alice), 200);
    let bob = of(&alice, "bob");
    assert_eq!(status(&quota, &bob), 200);
    assert_eq!(status(&quota, &of(&bob, "alice")), 429);
}

#[test]
fn a_caller_that_moves_within_its_network_is_the_same() {
    let quota = quota(r#"{"limit":"1/1h","key":"client.address"}"#);
    let host = FakeHost::get("/").with_client("2001:db8:0:7::1");
    assert_eq!(status(&quota, &host), 200);
    assert_eq!(status(&quota, &next(&host).with_client("2001:db8:0:7:ffff::2")), 429);
    assert_eq!(status(&quota, &next(&host).with_client("2001:db8:0:8::1")), 200);
}

#[test]
fn a_consumer_named_like_an_address_is_not_that_address() {
    let quota = quota(r#"{"limit":"1/1h","missing_key":"ip"}"#);
    let host = FakeHost::get("/").with_client("192.0.2.9");
    assert_eq!(status(&quota, &host), 200);
    assert_eq!(status(&quota, &next(&host).with_attribute("consumer.id", "192.0.2.9")), 200);
    assert_eq!(status(&quota, &next(&host).with_client("192.0.2.9")), 429);
}

#[test]
fn routes_count_apart_unless_their_policies_are_named_alike() {
    let apart = quota(r#"{"limit":"1/1h","key":[]}"#);
    let host = FakeHost::get("/").with_route("a");
    assert_eq!(status(&apart, &host), 200);
    assert_eq!(status(&apart, &next(&host).with_route("b")), 200);
    assert_eq!(status(&apart, &next(&host).with_route("a")), 429);

    let together = quota(r#"{"limit":"1/1h","key":[],"policy":"api"}"#);
    let host = FakeHost::get("/").with_route("a");
    assert_eq!(status(&together, &host), 200);
    assert_eq!(status(&together, &next(&host).with_route("b")), 429);
}

#[test]
fn another_tier_goes_on_from_what_was_used() {
    let settings = |silver: &str, gold: &str| {
        let limit = |rate| format!(r#"{{"limit":"{rate}","algorithm":"fixed-window"}}"#);
        let (silver, gold) = (limit(silver), limit(gold));
        quota(&format!(r#"{{"key":[],"tiers":{{"silver":{silver},"gold":{gold}}}}}"#))
    };
    let quota = settings("2/1h", "10/1h");
    let of = |host: &FakeHost, tier| next(host).with_attribute("consumer.tier", tier);
    let mut host = FakeHost::get("/");
    for _ in 0..2 {
        host = of(&host, "silver");
        assert_eq!(status(&quota, &host), 200);
    }
    assert_eq!(status(&quota, &of(&host, "silver")), 429);
    assert_eq!(answer(&quota, &of(&host, "gold")), (200, r#""1h";r=7;t=3600"#.into()));
}

#[test]
fn a_plugin_that_stands_in_a_chain_twice_tells_of_both() {
    let all = quota(r#"{"limit":"100/1h","key":[],"policy":"all"}"#);
    let route = quota(r#"{"limit":"10/1m","key":[]}"#);
    let host = FakeHost::get("/");
    assert_eq!(all.on_request_head(&host), Ok(Action::Next));
    assert_eq!(route.on_request_head(&host), Ok(Action::Next));
    host.set_response(&Reply::empty(200));
    let mut told = host.answered_header("ratelimit");
    told.sort_unstable();
    assert_eq!(told, [r#""1h";r=99;t=36"#, r#""1m";r=9;t=6"#]);
}

#[test]
fn later_plugins_are_told_where_that_is_wanted() {
    let told = |more: &str| {
        let host = FakeHost::get("/");
        let quota = quota(&format!(r#"{{"limit":"10/1m","key":[]{more}}}"#));
        assert_eq!(quota.on_request_head(&host), Ok(Action::Next));
        ["ratelimit-policy", "ratelimit"].map(|name| host.attributes().get(name))
    };
    assert_eq!(told(""), [None, None]);
    let both = [r#""1m";q=10;w=60"#, r#""1m";r=9;t=6"#].map(|text| Some(text.to_owned()));
    assert_eq!(told(r#","attributes":true"#), both);
    assert_eq!(told(r#","attributes":true,"fields":false"#), both);
}

#[test]
fn what_goes_on_uncounted_is_counted_as_such() {
    let quota = quota(r#"{"limit":"1/1h","key":[],"store_error":"allow"}"#);
    let host = FakeHost::get("/").with_unavailable_stores();
    assert_eq!(status(&quota, &host), 200);
    assert_eq!(host.counted("uncounted"), 1);
}

#[test]
fn a_dry_run_counts_what_it_would_refuse() {
    let quota = quota(r#"{"limit":"1/1h","key":[],"dry_run":true}"#);
    let first = FakeHost::get("/");
    assert_eq!(answer(&quota, &first), (200, String::new()));
    assert_eq!(first.counted("would-refuse"), 0);
    let second = next(&first);
    assert_eq!(answer(&quota, &second), (200, String::new()));
    assert_eq!(second.counted("would-refuse"), 1);
}

#[test]
fn the_schema_has_every_setting() {
    let schema = settings::schema::<super::Settings>();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for name in ["limit", "limits", "tiers", "missing_key", "method_costs", "legacy_fields"] {
        assert!(schema["properties"][name].is_object(), "{name}: {schema:#}");
    }
}
