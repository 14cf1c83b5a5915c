//! What is answered, and when the service is asked.

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::gateway::*;

#[test]
fn what_is_fresh_is_answered_with_its_age() {
    let gateway = Gateway::new("{}");
    let first = gateway.get("/a?b", fresh("one"));
    assert_eq!(first.told(), "torana; fwd=uri-miss; fwd-status=200; stored");
    gateway.wait(59);
    let second = gateway.get("/a?b", fresh("two"));
    assert!(second.is_hit());
    assert_eq!((second.status, second.text(), second.header("age")), (200, "one", Some("59")));
    assert_eq!(second.told(), "torana; hit; ttl=1");
    gateway.wait(1);
    let third = gateway.get("/a?b", fresh("three"));
    assert_eq!(
        (third.is_hit(), third.told()),
        (false, "torana; fwd=stale; fwd-status=200; stored")
    );
    assert_eq!(gateway.get("/a?b", fresh("four")).text(), "three");
    assert!(!gateway.get("/a", fresh("")).is_hit(), "another query is another target");
}

#[test]
fn head_is_answered_from_get_and_not_kept() {
    let gateway = Gateway::new("{}");
    assert!(
        !gateway
            .send(FakeHost::new("HEAD", "/"), page("", &[("cache-control", "max-age=60")]))
            .is_hit()
    );
    assert!(!gateway.get("/", fresh("one")).is_hit());
    let head = gateway.send(FakeHost::new("HEAD", "/"), fresh(""));
    assert!(head.is_hit() && head.text().is_empty() && head.header("age") == Some("0"));
}

#[test]
fn a_client_that_has_it_is_told_so() {
    let gateway = Gateway::new("{}");
    let reply = page("one", &[("cache-control", "max-age=60"), ("etag", "\"a\""), ("x-a", "1")]);
    gateway.get("/", reply);
    let known =
        gateway.send(FakeHost::get("/").with_header("if-none-match", "W/\"a\""), fresh("two"));
    assert_eq!((known.is_hit(), known.status, known.text()), (true, 304, ""));
    assert_eq!((known.header("etag"), known.header("x-a")), (Some("\"a\""), None));
    let other =
        gateway.send(FakeHost::get("/").with_header("if-none-match", "\"b\""), fresh("two"));
    assert_eq!((other.is_hit(), other.status, other.text()), (true, 200, "one"));
}

#[test]
fn one_part_is_cut_out_of_what_is_stored() {
    let gateway = Gateway::new("{}");
    gateway.get("/", page("0123456789", &[("cache-control", "max-age=60"), ("etag", "\"a\"")]));
    let part = |if_range: &str| {
        let host =
            FakeHost::get("/").with_header("range", "bytes=2-4").with_header("if-range", if_range);
        gateway.send(host, fresh(""))
    };
    let some = part("\"a\"");
    assert_eq!(
        (some.status, some.text(), some.header("content-range")),
        (206, "234", Some("bytes 2-4/10"))
    );
    assert_eq!((part("\"b\"").status, part("\"b\"").text()), (200, "0123456789"));
}

#[test]
fn what_is_stale_is_asked_about_and_freshened() {
    let gateway = Gateway::new("{}");
    let lines = [
        ("cache-control", "max-age=5"),
        ("etag", "\"a\""),
        ("last-modified", "yesterday"),
        ("x-a", "1"),
    ];
    gateway.get("/", page("one", &lines));
    gateway.wait(6);
    let host = FakeHost::get("/").with_header("if-none-match", "\"own\"");
    let news = page("", &[("cache-control", "max-age=7"), ("x-a", "2")]);
    let got = gateway.send(host, Reply { status: 304, ..news });
    assert_eq!(got.asked_with("if-none-match"), ["\"a\""], "in the place of the client's");
    assert_eq!(got.asked_with("if-modified-since"), ["yesterday"]);
    assert_eq!((got.status, got.text(), got.header("x-a")), (200, "one", Some("2")));
    assert_eq!((got.header("age"), got.told()), (Some("0"), "torana; fwd=stale; fwd-status=304"));
    gateway.wait(6);
    assert!(gateway.get("/", fresh("")).is_hit(), "for another seven seconds");
    gateway.wait(1);
    let host = FakeHost::get("/").with_header("if-none-match", "\"a\"");
    let got = gateway.send(host, Reply::empty(304));
    assert_eq!((got.status, got.text()), (304, ""), "to a client that has it");
}

#[test]
fn what_is_gone_meanwhile_is_no_answer() {
    let gateway = Gateway::new("{}");
    gateway.get("/", page("one", &[("cache-control", "no-cache"), ("etag", "\"a\"")]));
    let host = gateway.ask(FakeHost::get("/")).expect("it must be validated");
    // Longer than anything is kept.
    gateway.wait(2 * 24 * 60 * 60);
    let got = gateway.answer(host, Reply::empty(304));
    assert_eq!(got.status, 503);
}

#[test]
fn news_are_about_what_was_there_when_they_were_asked_for() {
    let gateway = Gateway::new("{}");
    let tagged = |text, tag| page(text, &[("cache-control", "no-cache"), ("etag", tag)]);
    gateway.get("/", tagged("one", "\"a\""));
    let early = gateway.ask(FakeHost::get("/")).unwrap();
    gateway.wait(1);
    gateway.get("/", tagged("two", "\"b\""));
    let news = Reply::empty(304).header("cache-control", "max-age=60").header("x-of", "a");
    let got = gateway.answer(early, news);
    assert_eq!((got.text(), got.header("etag"), got.header("x-of")), ("two", Some("\"b\""), None));
    assert!(!gateway.get("/", tagged("three", "\"c\"")).is_hit());
}

#[test]
fn clients_say_what_they_take_unless_the_settings_do() {
    let obedient = Gateway::new("{}");
    let deaf = Gateway::new(r#"{ "request_directives": false }"#);
    for gateway in [&obedient, &deaf] {
        gateway.get("/", fresh("one"));
    }
    gateway_takes(&obedient, "no-cache", false);
    gateway_takes(&deaf, "no-cache", true);
    gateway_takes(&deaf, "no-store", true);
    let only = |path| {
        obedient.send(FakeHost::get(path).with_header("cache-control", "only-if-cached"), fresh(""))
    };
    assert_eq!((only("/").status, only("/b").status), (200, 504));
    assert_eq!(only("/b").asked.map(|_| ()), None);
    let private = FakeHost::get("/c").with_header("cache-control", "no-store");
    obedient.send(private, fresh("one"));
    assert!(!obedient.get("/c", fresh("")).is_hit());
}

fn gateway_takes(gateway: &Gateway, line: &str, is_hit: bool) {
    let got = gateway.send(FakeHost::get("/").with_header("cache-control", line), fresh("two"));
    assert_eq!(got.is_hit(), is_hit, "{line}");
}

#[test]
fn nobody_waits_for_long_nor_for_what_is_not_kept() {
    let gateway = Gateway::new(r#"{ "collapse": "2s" }"#);
    let first = gateway.ask(FakeHost::get("/")).expect("it asks the service");
    // On the fake host nobody is waited for: the time is over, and it goes, too.
    gateway.ask(FakeHost::get("/")).expect("it waits, and then goes");
    gateway.answer(first, page("one", &[("cache-control", "no-store")]));
    assert!(gateway.ask(FakeHost::get("/")).is_ok(), "nobody waits for what is not kept");
}

#[test]
fn only_who_brings_something_for_all_is_waited_for() {
    for (name, value) in [("authorization", "x"), ("if-none-match", "\"b\"")] {
        let gateway = Gateway::new(r#"{ "collapse": "1s" }"#);
        let first = gateway.ask(FakeHost::get("/").with_header(name, value)).unwrap();
        let started = first.elapsed_millis();
        let second = gateway.ask(FakeHost::get("/")).unwrap();
        assert_eq!(second.elapsed_millis(), started, "{name}");
        assert!(gateway.answer(second, fresh("one")).told().ends_with("stored"));
        assert!(gateway.get("/", fresh("")).is_hit(), "{name}");
    }
}

#[test]
fn what_a_client_wished_is_told_as_such() {
    let gateway = Gateway::new("{}");
    gateway.get("/", page("one", &[("cache-control", "max-age=60"), ("etag", "\"a\"")]));
    let wish = FakeHost::get("/").with_header("cache-control", "no-cache");
    let got = gateway.send(wish, Reply::empty(304));
    assert_eq!(got.told(), "torana; fwd=request; fwd-status=304");
}

#[test]
fn what_begins_another_protocol_goes_by() {
    let gateway = Gateway::new("{}");
    gateway.get("/", fresh("one"));
    for host in [
        FakeHost::new("CONNECT", "/"),
        FakeHost::get("/").with_header("upgrade", "h2c"),
        FakeHost::get("/").with_header("sec-websocket-key", "x"),
    ] {
        let got = gateway.send(host, fresh("two"));
        assert_eq!(got.told(), "torana; fwd=bypass; fwd-status=200");
    }
    gateway.wait(1);
    assert!(gateway.get("/", fresh("")).is_hit(), "it has changed nothing");
}
