//! What takes more than one exchange to see.

use std::{cell::RefCell, fmt};

use torana_plugin_sdk::{Content, fake::FakeHost, prelude::*, settings};

use super::Cache;

mod oracle;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<Cache>("cases");
}

/// A gateway whose chain has the plugin alone.
struct Gateway {
    cache: Cache,
    /// The last exchange, which has what is kept and the time.
    last: RefCell<FakeHost>,
}

/// What a client gets.
struct Got {
    status: u16,
    reply: Reply,
    /// The request as the service got it; none where it was not asked.
    asked: Option<FakeHost>,
}

impl Gateway {
    fn new(settings: &str) -> Self {
        let cache = Cache::new(settings::parse(settings).unwrap()).unwrap();
        Self { cache, last: RefCell::new(FakeHost::get("/")) }
    }

    /// An exchange that has come to the point where the service is asked, if it is.
    fn ask(&self, host: FakeHost) -> Result<FakeHost, Got> {
        let host = host
            .with_stores_of(&self.last.borrow())
            .grant_read("authorization")
            .grant_read("set-cookie");
        self.last.replace(host.clone());
        let action = self.cache.on_request_head(&host).unwrap();
        host.end_hook();
        match action {
            Action::Next => Ok(host),
            Action::Respond(reply) => Err(Got { status: reply.status, reply, asked: None }),
        }
    }

    /// The rest of it.
    fn answer(&self, host: FakeHost, reply: Reply) -> Got {
        let between = FakeHost::get("/").with_stores_of(&self.last.borrow());
        let host = host.with_stores_of(&between);
        self.last.replace(host.clone());
        host.set_response(&reply);
        let action = self.cache.on_response_head(&host).unwrap();
        host.end_hook();
        if let Action::Respond(reply) = action {
            return Got { status: reply.status, reply, asked: Some(host) };
        }
        if !reply.body.as_bytes().is_empty() {
            self.pass(&host, reply.body.as_bytes());
        }
        let mut reply = reply;
        let names = host.response().header_names();
        reply.headers = Vec::new();
        for name in names {
            for value in host.answered_header(&name) {
                reply = reply.header(name.clone(), value);
            }
        }
        let status = host.response().status();
        Got { status, reply, asked: Some(host) }
    }

    /// A body in two pieces.
    fn pass(&self, host: &FakeHost, body: &[u8]) {
        let Some(mut transform) = self.cache.on_response_stream(host).unwrap() else { return };
        let (first, second) = body.split_at(body.len() / 2);
        for piece in [first, second] {
            assert_eq!(transform.chunk(piece.to_vec()).unwrap(), piece);
        }
        assert_eq!(transform.finish().unwrap(), b"");
        host.end_hook();
    }

    fn send(&self, host: FakeHost, reply: Reply) -> Got {
        match self.ask(host) {
            Ok(host) => self.answer(host, reply),
            Err(got) => got,
        }
    }

    fn get(&self, path: &str, reply: Reply) -> Got {
        self.send(FakeHost::get(path), reply)
    }

    fn wait(&self, seconds: u64) {
        self.last.borrow().advance_millis(seconds * 1000);
    }
}

impl fmt::Debug for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.reply)
    }
}

impl Got {
    fn is_hit(&self) -> bool {
        self.asked.is_none()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.reply.headers.iter().find(|header| header.name == name);
        found.map(|header| header.value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(self.reply.body.as_bytes()).unwrap()
    }

    fn told(&self) -> &str {
        self.header("cache-status").unwrap_or_default()
    }

    fn asked_with(&self, name: &str) -> Vec<String> {
        self.asked.as_ref().expect("it went on").forwarded_header(name)
    }
}

fn page(text: &str, headers: &[(&str, &str)]) -> Reply {
    let reply = Reply { status: 200, headers: Vec::new(), body: Content::Text(text.into()) };
    headers.iter().fold(reply, |reply, (name, value)| reply.header(*name, *value))
}

fn fresh(text: &str) -> Reply {
    page(text, &[("cache-control", "max-age=60")])
}

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
fn nobody_waits_for_long_nor_for_what_is_not_kept() {
    let gateway = Gateway::new(r#"{ "collapse": "2s" }"#);
    let first = gateway.ask(FakeHost::get("/")).expect("it asks the service");
    // On the fake host nobody is waited for: the time is over, and it goes, too.
    gateway.ask(FakeHost::get("/")).expect("it waits, and then goes");
    gateway.answer(first, page("one", &[("cache-control", "no-store")]));
    assert!(gateway.ask(FakeHost::get("/")).is_ok(), "nobody waits for what is not kept");
}

#[test]
fn a_body_of_get_is_no_part_of_the_key() {
    let gateway = Gateway::new("{}");
    let fat = FakeHost::get("/").with_header("content-length", "4");
    gateway.send(fat, fresh("about that body"));
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

fn tagged(text: &str) -> Reply {
    page(text, &[("cache-control", "no-cache"), ("etag", "\"a\"")])
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
