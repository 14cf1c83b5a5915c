//! Whose response is for whom.

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::gateway::*;
use crate::Cache;

#[test]
fn each_kind_of_client_gets_its_own() {
    let gateway = Gateway::new("{}");
    let of = |language: &str| FakeHost::get("/").with_header("accept-language", language);
    let in_language =
        |text| page(text, &[("cache-control", "max-age=60"), ("vary", "Accept-Language")]);
    gateway.send(of("en"), in_language("hello"));
    let german = gateway.send(of("de"), in_language("hallo"));
    assert_eq!(german.told(), "torana; fwd=vary-miss; fwd-status=200; stored");
    assert_eq!(gateway.send(of("EN"), fresh("")).text(), "hello");
    assert_eq!(gateway.send(of("de"), fresh("")).text(), "hallo");
    assert!(!gateway.get("/", in_language("")).is_hit());
}

#[test]
fn what_depends_on_what_is_unknown_is_not_kept() {
    for vary in ["*", "Cookie", "X-User"] {
        let gateway = Gateway::new("{}");
        let reply = || page("one", &[("cache-control", "max-age=60"), ("vary", vary)]);
        let host = gateway.ask(FakeHost::get("/").with_header("x-user", "mallory")).unwrap();
        // A plugin behind this one says who it is.
        host.request_edit().set_header("x-user", "ada").unwrap();
        gateway.answer(host, reply());
        for user in ["ada", "mallory"] {
            let got = gateway.send(FakeHost::get("/").with_header("x-user", user), reply());
            assert!(!got.is_hit(), "{vary} {user}");
        }
    }
}

#[test]
fn codings_are_not_told_apart_for_services_send_none() {
    let gateway = Gateway::new("{}");
    let reply = || page("one", &[("cache-control", "max-age=60"), ("vary", "Accept-Encoding")]);
    gateway.send(FakeHost::get("/").with_header("accept-encoding", "br"), reply());
    assert!(gateway.get("/", reply()).is_hit());
    let coded = || {
        page(
            "one",
            &[
                ("cache-control", "max-age=60"),
                ("vary", "Accept-Encoding"),
                ("content-encoding", "br"),
            ],
        )
    };
    gateway.send(FakeHost::get("/b").with_header("accept-encoding", "br"), coded());
    assert!(!gateway.get("/b", coded()).is_hit(), "but by one that does");
}

#[test]
fn consumers_do_not_share_where_the_key_tells_them_apart() {
    let gateway = Gateway::new(r#"{ "key": ["{attributes.consumer.id}"] }"#);
    let of = |who: &str| FakeHost::get("/").with_attribute("consumer.id", who);
    gateway.send(of("ada"), fresh("ada's"));
    assert!(!gateway.send(of("bob"), fresh("bob's")).is_hit());
    assert_eq!(gateway.send(of("ada"), fresh("")).text(), "ada's");
    assert_eq!(gateway.send(of("bob"), fresh("")).text(), "bob's");
    let nobody = gateway.get("/", fresh("nobody's"));
    assert_eq!(nobody.told(), "torana; fwd=bypass; fwd-status=200");
    assert!(!gateway.get("/", fresh("")).is_hit());
    // A change by one of them is a change for all.
    gateway.wait(1);
    gateway.send(FakeHost::new("PUT", "/").with_attribute("consumer.id", "bob"), Reply::empty(204));
    gateway.wait(1);
    assert!(!gateway.send(of("ada"), fresh("ada's")).is_hit());
    assert!(gateway.send(of("ada"), fresh("")).is_hit());
}

#[test]
fn the_authorized_and_those_who_get_cookies_do_not_share() {
    let gateway = Gateway::new("{}");
    gateway.send(FakeHost::get("/a").with_header("authorization", "Bearer x"), fresh("ada's"));
    assert!(!gateway.get("/a", fresh("")).is_hit());
    let public = page("all's", &[("cache-control", "max-age=60, public")]);
    gateway.send(FakeHost::get("/b").with_header("authorization", "Bearer x"), public);
    assert!(gateway.get("/b", fresh("")).is_hit());
    let cookie = || page("one", &[("cache-control", "max-age=60"), ("set-cookie", "a=b")]);
    gateway.get("/c", cookie());
    assert!(!gateway.get("/c", cookie()).is_hit());
    for (set_cookie, expected) in [("strip", None), ("keep", Some("a=b"))] {
        let gateway = Gateway::new(&format!("{{ \"set_cookie\": \"{set_cookie}\" }}"));
        gateway.get("/", cookie());
        let got = gateway.get("/", cookie());
        assert_eq!((got.is_hit(), got.header("set-cookie")), (true, expected), "{set_cookie}");
        let line = "max-age=60, private=\"set-cookie\"";
        gateway.get("/own", page("one", &[("cache-control", line), ("set-cookie", "a=b")]));
        assert_eq!(gateway.get("/own", cookie()).header("set-cookie"), None, "{set_cookie}");
    }
}

#[test]
fn what_plugins_before_it_say_to_one_client_is_not_kept() {
    let gateway = Gateway::new("{}");
    let host = gateway.ask(FakeHost::get("/")).unwrap();
    host.set_response(&page(
        "one",
        &[("cache-control", "max-age=60"), ("content-type", "text/plain"), ("etag", "\"a\"")],
    ));
    gateway.cache.on_response_head(&host).unwrap();
    host.response_edit().set_header("access-control-allow-origin", "https://one.example").unwrap();
    // A plugin behind it has changed the body meanwhile.
    host.response_edit().set_header("content-type", "application/json").unwrap();
    host.response_edit().set_header("etag", "W/\"a\"").unwrap();
    gateway.pass(&host, b"{}");
    let got = gateway.get("/", fresh(""));
    assert_eq!(got.header("access-control-allow-origin"), None);
    assert_eq!(
        (got.text(), got.header("content-type"), got.header("etag")),
        ("{}", Some("application/json"), Some("W/\"a\""))
    );
}

#[test]
fn a_body_of_get_is_no_part_of_the_key() {
    let gateway = Gateway::new("{}");
    let fat = FakeHost::get("/").with_header("content-length", "4");
    gateway.send(fat, fresh("about that body"));
    assert!(!gateway.get("/", fresh("")).is_hit());
}

#[test]
fn an_empty_member_is_no_way_into_the_key_of_others() {
    let gateway = Gateway::new("{}");
    let of = |origin: &str| FakeHost::get("/").with_header("origin", origin);
    let reply = |text| page(text, &[("cache-control", "max-age=60"), ("vary", "Origin")]);
    gateway.send(of(",https://app.example"), reply("refused"));
    assert!(!gateway.send(of("https://app.example"), reply("let in")).is_hit());
    gateway.send(of(""), reply("empty"));
    assert!(!gateway.get("/", reply("none")).is_hit());
    assert_eq!(gateway.send(of("https://app.example"), fresh("")).text(), "let in");
}

#[test]
fn who_was_let_in_is_known_by_the_attributes_where_the_key_is_not() {
    for (name, value) in [("consumer.id", "ada"), ("auth.claims", "{}")] {
        let of = || FakeHost::get("/").with_attribute(name, value);
        let gateway = Gateway::new("{}");
        gateway.send(of(), fresh("ada's"));
        assert!(!gateway.send(of(), fresh("")).is_hit(), "{name}");
        let gateway = Gateway::new(&format!("{{ \"key\": [\"{{attributes.{name}}}\"] }}"));
        gateway.send(of(), fresh("ada's"));
        assert!(gateway.send(of(), fresh("")).is_hit(), "{name}");
    }
}

#[test]
fn a_field_that_cannot_be_read_ends_nothing_of_others() {
    let gateway = Gateway::new(r#"{ "collapse": "1s" }"#);
    let reply = || page("hello", &[("cache-control", "max-age=60"), ("vary", "Accept-Language")]);
    let english = || FakeHost::get("/").with_header("accept-language", "en");
    gateway.send(english(), reply());
    let garbled = FakeHost::get("/").with_header_bytes("accept-language", b"\xff");
    assert!(!gateway.send(garbled, reply()).is_hit());
    assert!(gateway.send(english(), reply()).is_hit());
}

#[test]
fn a_304_that_depends_on_something_else_ends_what_was_there() {
    let gateway = Gateway::new("{}");
    gateway.get("/", tagged("one"));
    let news = Reply::empty(304).header("vary", "Accept-Language");
    assert_eq!(gateway.get("/", news.header("cache-control", "max-age=60")).text(), "one");
    assert!(gateway.get("/", tagged("two")).asked_with("if-none-match").is_empty());
}

#[test]
fn other_plugins_cannot_read_what_is_hidden() {
    let gateway = Gateway::new(r#"{ "set_cookie": "keep" }"#);
    let request = FakeHost::get("/").with_header("authorization", "Bearer x");
    let host = gateway.ask(request).unwrap();
    let lines = [("cache-control", "max-age=60, public"), ("set-cookie", "a=secret")];
    host.set_response(&page("one", &lines));
    gateway.cache.on_response_head(&host).unwrap();
    // For this client, by a plugin before it.
    host.clone()
        .grant_write("set-cookie")
        .response_edit()
        .add_header("set-cookie", "b=own")
        .unwrap();
    let attribute = |name: &str| host.attributes().get(name).unwrap();
    assert!(!attribute("pending").contains("secret"));
    assert!(attribute("request").contains(r#""authorization":"hidden""#));
    gateway.pass(&host, b"one");
    let got = gateway.get("/", fresh(""));
    assert_eq!((got.is_hit(), got.header("set-cookie")), (true, Some("a=secret")));
    assert_eq!(got.reply.headers.iter().filter(|one| one.name == "set-cookie").count(), 1);
}

#[test]
fn other_templates_are_other_keys() {
    let of = |key: &str| {
        let gateway = Gateway::new(&format!("{{ \"key\": [\"{key}\"] }}"));
        let host = FakeHost::get("/?a=x&b=x");
        gateway.cache.keys(&host, &Cache::target(&host)).unwrap()
    };
    let (one, other) = (of("{request.query.a}"), of("{request.query.b}"));
    assert_eq!(one.target, other.target);
    assert_ne!(one.base, other.base);
}
