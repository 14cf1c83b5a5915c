//! Services, bodies and stores that fail.

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::gateway::*;
use crate::Cache;

#[test]
fn what_fails_is_stood_in_for() {
    let gateway = Gateway::new("{}");
    let lenient = page("one", &[("cache-control", "max-age=5, stale-if-error=10")]);
    gateway.get("/", lenient);
    gateway.wait(15);
    let got = gateway.get("/", Reply::empty(503));
    assert_eq!((got.status, got.text(), got.header("age")), (200, "one", Some("15")));
    assert_eq!(got.told(), "torana; fwd=stale; fwd-status=503; detail=stale-if-error");
    assert_eq!(gateway.get("/", Reply::empty(404)).status, 404, "that is an answer");
    gateway.get("/", page("two", &[("cache-control", "max-age=5, stale-if-error=10")]));
    gateway.wait(16);
    assert_eq!(gateway.get("/", Reply::empty(503)).status, 503);
}

#[test]
fn one_asks_while_others_get_what_is_stale() {
    let gateway = Gateway::new("{}");
    let reply = |text| {
        page(text, &[("cache-control", "max-age=5, stale-while-revalidate=10"), ("etag", "\"a\"")])
    };
    gateway.get("/", reply("one"));
    gateway.wait(6);
    let first = gateway.ask(FakeHost::get("/")).expect("it asks the service");
    let second = gateway.get("/", fresh(""));
    assert_eq!((second.is_hit(), second.told()), (true, "torana; hit; ttl=-1"));
    assert_eq!(gateway.answer(first, reply("two")).text(), "two");
    assert_eq!(gateway.get("/", fresh("")).told(), "torana; hit; ttl=5");
    gateway.wait(6);
    let first = gateway.ask(FakeHost::get("/")).expect("the next round");
    assert_eq!(gateway.answer(first, Reply::empty(304)).text(), "two");
    assert_eq!(gateway.get("/", fresh("")).told(), "torana; hit; ttl=5");
    gateway.wait(16);
    assert!(!gateway.get("/", fresh("")).is_hit(), "that is too long");
}

#[test]
fn a_body_that_is_too_large_passes() {
    let gateway = Gateway::new(r#"{ "max_size": "4B" }"#);
    gateway.get("/", fresh("four"));
    assert!(gateway.get("/", fresh("")).is_hit());
    let large = gateway.get("/b", fresh("fives"));
    assert_eq!(large.asked.map(|host| host.counted("too-large")), Some(1));
    assert!(!gateway.get("/b", fresh("")).is_hit());
    let told = page("fives", &[("cache-control", "max-age=60"), ("content-length", "5")]);
    assert_eq!(gateway.get("/c", told).told(), "torana; fwd=uri-miss; fwd-status=200");
}

#[test]
fn a_body_that_breaks_off_is_not_kept() {
    let gateway = Gateway::new("{}");
    let host = gateway.ask(FakeHost::get("/")).unwrap();
    host.set_response(&fresh("whole"));
    gateway.cache.on_response_head(&host).unwrap();
    let mut transform = gateway.cache.on_response_stream(&host).unwrap().unwrap();
    transform.chunk(b"who".to_vec()).unwrap();
    drop(transform);
    assert!(!gateway.get("/", fresh("")).is_hit());
}

#[test]
fn a_reply_in_the_place_of_a_response_is_judged_anew() {
    let gateway = Gateway::new("{}");
    let host = gateway.ask(FakeHost::get("/")).unwrap();
    host.set_response(&fresh("one"));
    gateway.cache.on_response_head(&host).unwrap();
    host.set_response(&page("refused", &[("cache-control", "no-store")]));
    gateway.cache.on_response_head(&host).unwrap();
    assert!(gateway.cache.on_response_stream(&host).unwrap().is_none());
}

#[test]
fn a_store_that_is_down_or_full_fails_nobody() {
    let gateway = Gateway::new(r#"{ "collapse": "1s" }"#);
    let down = FakeHost::get("/").grant_read("authorization").with_unavailable_stores();
    assert_eq!(gateway.cache.on_request_head(&down), Ok(Action::Next));
    down.set_response(&fresh("one"));
    assert_eq!(gateway.cache.on_response_head(&down), Ok(Action::Next));
    assert!(down.counted("store-error") > 1 && down.logs().len() == 1, "told once");
    let gateway = Gateway::new("{}");
    let full = gateway.send(FakeHost::get("/").with_kv_room(10), fresh("one")).asked.unwrap();
    assert_eq!((full.counted("not-stored"), full.counted("stored")), (1, 0));
    assert!(full.logs()[0].1.contains("raise `max_bytes`"));
}

#[test]
fn what_is_garbled_in_the_store_is_not_there() {
    let gateway = Gateway::new("{}");
    gateway.get("/", fresh("one"));
    let host = gateway.last.borrow().clone();
    let target = Cache::target(&host);
    let keys = gateway.cache.keys(&host, &target).unwrap();
    host.kv().set(&keys.base, b"\x01garbled", None).unwrap();
    assert!(!gateway.get("/", fresh("two")).is_hit());
    assert_eq!(gateway.get("/", fresh("")).text(), "two");
}

#[test]
fn what_is_stale_outlives_those_who_bring_nothing() {
    let settings = r#"{ "stale_while_revalidate": "1m", "collapse": "1s" }"#;
    let gateway = Gateway::new(settings);
    let reply = page("one", &[("cache-control", "max-age=5"), ("etag", "\"a\"")]);
    gateway.get("/", reply);
    gateway.wait(6);
    assert!(gateway.send(FakeHost::new("HEAD", "/"), fresh("")).is_hit(), "it brings nothing");
    let no_store = FakeHost::get("/").with_header("cache-control", "no-store");
    assert!(gateway.send(no_store, fresh("")).is_hit());
    assert_eq!(gateway.get("/", Reply::empty(500)).status, 500);
    let next = gateway.ask(FakeHost::get("/")).expect("the next one asks again");
    assert_eq!(gateway.get("/", fresh("")).text(), "one");
    assert_eq!(gateway.answer(next, Reply::empty(304)).text(), "one");
}
