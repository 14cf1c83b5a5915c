//! What ends a response, and what does not.

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::gateway::*;

#[test]
fn a_change_ends_what_was_there_before() {
    let gateway = Gateway::new("{}");
    for path in ["/a", "/b?c", "/d"] {
        gateway.get(path, fresh("one"));
    }
    gateway.send(FakeHost::new("POST", "/a"), Reply::empty(500));
    assert!(gateway.get("/a", fresh("")).is_hit(), "nothing has changed");
    gateway.wait(1);
    let reply = Reply::empty(201)
        .header("location", "/b?c")
        .header("content-location", "http://other.example/d");
    let changed = gateway.send(FakeHost::new("POST", "/a"), reply);
    assert_eq!(changed.told(), "torana; fwd=method; fwd-status=201");
    gateway.wait(1);
    assert!(!gateway.get("/a", fresh("")).is_hit());
    assert!(!gateway.get("/b?c", fresh("")).is_hit());
    assert!(gateway.get("/d", fresh("")).is_hit(), "another host's");
}

#[test]
fn what_was_asked_for_before_a_change_is_not_kept_after_it() {
    let gateway = Gateway::new("{}");
    let early = gateway.ask(FakeHost::get("/")).unwrap();
    gateway.wait(1);
    gateway.send(FakeHost::new("PUT", "/"), Reply::empty(204));
    gateway.answer(early, fresh("old"));
    assert!(!gateway.get("/", fresh("new")).is_hit());
}

#[test]
fn one_clients_refusal_ends_nothing_for_others() {
    for (header, reply) in [
        ("authorization", Reply::empty(304)),
        ("authorization", Reply::empty(401)),
        ("authorization", page("own", &[("cache-control", "no-store")])),
        ("x-a", Reply::empty(400)),
        ("x-a", Reply::empty(429)),
        ("x-a", Reply::empty(503)),
    ] {
        let gateway = Gateway::new("{}");
        gateway.get("/", tagged("one"));
        let reader = gateway.ask(FakeHost::get("/")).unwrap();
        gateway.send(FakeHost::get("/").with_header(header, "x"), reply.clone());
        let got = gateway.answer(reader, Reply::empty(304));
        assert_eq!((got.status, got.text()), (200, "one"), "{header} {reply:?}");
    }
    let gateway = Gateway::new("{}");
    gateway.get("/", tagged("one"));
    gateway.get("/", Reply::empty(404));
    let next = gateway.ask(FakeHost::get("/")).unwrap();
    assert!(next.forwarded_header("if-none-match").is_empty(), "it is gone for all");
}

#[test]
fn a_head_that_is_told_that_it_holds_ends_nothing() {
    let gateway = Gateway::new("{}");
    gateway.get("/", tagged("one"));
    let news = Reply::empty(304).header("cache-control", "no-store");
    gateway.send(FakeHost::new("HEAD", "/"), news);
    let got = gateway.get("/", Reply::empty(304));
    assert_eq!((got.status, got.text()), (200, "one"));
}

#[test]
fn a_change_takes_no_body_from_who_was_told_before_that_it_holds() {
    let gateway = Gateway::new("{}");
    gateway.get("/", tagged("one"));
    gateway.wait(1);
    let reader = gateway.ask(FakeHost::get("/")).unwrap();
    gateway.wait(1);
    gateway.send(FakeHost::new("PUT", "/"), Reply::empty(204));
    let got = gateway.answer(reader, Reply::empty(304).header("cache-control", "max-age=60"));
    assert_eq!((got.status, got.text()), (200, "one"));
    gateway.wait(1);
    let next = gateway.get("/", tagged("two"));
    assert!(next.asked_with("if-none-match").is_empty(), "it is from before the change");
    assert_eq!(gateway.get("/", Reply::empty(304)).text(), "two");
}

#[test]
fn a_change_on_one_route_is_one_on_all() {
    let gateway = Gateway::new("{}");
    let get = || FakeHost::get("/").with_route("read");
    gateway.send(get(), fresh("one"));
    assert!(!gateway.get("/", fresh("two")).is_hit(), "each route has its own");
    gateway.wait(1);
    gateway.send(FakeHost::new("POST", "/").with_route("write"), Reply::empty(204));
    gateway.wait(1);
    assert!(!gateway.send(get(), fresh("")).is_hit());
}

#[test]
fn a_change_that_cannot_be_noted_ends_what_the_client_sees_itself() {
    let gateway = Gateway::new("{}");
    gateway.get("/", fresh("one"));
    gateway.wait(1);
    let put = gateway.send(FakeHost::new("PUT", "/").with_kv_room(10), Reply::empty(204));
    let logs = put.asked.unwrap().logs();
    assert!(logs.iter().any(|(_, text)| text.contains("that a target was changed")), "{logs:?}");
    assert!(!gateway.get("/", fresh("")).is_hit());
}
