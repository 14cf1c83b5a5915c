use super::*;
use crate::{
    host::{
        Algorithm, AttributeError, BodyError, Bucket, Change, DigestAlgorithm, EditError,
        HeaderError, Key, KvError, LeadAnswer, RateLimitError, STANDING_BYTES, STANDING_CHANGES,
    },
    prelude::*,
};

#[test]
fn a_repeated_header_has_no_single_value() {
    let host = FakeHost::get("/").with_header("X-A", "1").with_header("x-a", "2");
    assert_eq!(host.request().header("x-a").unwrap_err().why, HeaderError::Repeated);
    assert_eq!(host.request().header_values("x-a").unwrap(), ["1", "2"]);
}

#[test]
fn hidden_headers_need_a_grant() {
    let host = FakeHost::get("/").with_header("cookie", "a=b");
    assert_eq!(host.request().header("Cookie").unwrap_err().why, HeaderError::Hidden);
    assert_eq!(host.request().header_names(), ["host"]);
    assert_eq!(host.request_edit().remove_header("cookie").unwrap_err().why, EditError::Hidden);

    let host = host.grant_read("cookie").grant_write("cookie");
    assert_eq!(host.request().header("cookie").unwrap().unwrap(), "a=b");
    host.request_edit().remove_header("cookie").unwrap();
    assert_eq!(host.request().header("cookie").unwrap(), None);
}

/// As over HTTP/1.1.
#[test]
fn the_authority_stands_in_host() {
    let host = FakeHost::get("/");
    assert_eq!(host.request().header("host").unwrap().unwrap(), host.request().authority());
    let host = host.with_header("Host", "a.example:80");
    assert_eq!(host.request().authority(), "a.example:80");
    assert_eq!(host.request().header_values("host").unwrap(), ["a.example:80"]);
    assert_eq!(
        host.with_authority("b.example").request().header("host").unwrap().unwrap(),
        "b.example"
    );
}

#[test]
fn a_log_line_is_one_line() {
    let host = FakeHost::get("/");
    host.log().info("a\nb\u{1b}");
    assert_eq!(host.logs(), [(Level::Info, r"a\nb\u{1b}".to_owned())]);
}

#[test]
fn framing_and_control_bytes_are_refused() {
    let host = FakeHost::get("/");
    let refused = |name, value| host.request_edit().set_header(name, value).unwrap_err().why;
    assert_eq!(refused("Content-Length", "0"), EditError::Reserved);
    assert_eq!(refused("x a", "0"), EditError::InvalidName);
    assert!(matches!(refused("x-a", "a\r\nb: c"), EditError::InvalidValue(_)));
}

#[test]
fn a_query_is_decoded() {
    let host = FakeHost::get("/?a=1+2&b=%C3%A4&a=3&c");
    assert_eq!(host.request().query_values("a"), ["1 2", "3"]);
    assert_eq!(host.request().query_values("b"), ["ä"]);
    assert_eq!(host.request().query_values("c"), [""]);
    assert!(host.request().query_values("d").is_empty());
    for none in ["/", "/?", "/?a=1&&b=2"] {
        assert!(FakeHost::get(none).request().query_values("").is_empty(), "{none}");
    }
}

#[test]
fn what_cannot_be_set_is_explained_in_the_hosts_words() {
    let host = FakeHost::get("/").with_secret("short", "Jefe");
    host.set_response(&Reply::empty(200));
    let (request, response) = (host.request_edit(), host.response_edit());
    for (refused, why) in [
        (request.set_path("x"), "a path begins with a slash and is percent-encoded"),
        (request.set_query(Some("a b")), "a query is percent-encoded"),
        (response.set_status(600), "a status is 200 to 599"),
    ] {
        assert_eq!(refused.unwrap_err().why, EditError::InvalidValue(why.into()));
    }
    let key = Key::Secret("short".into());
    let refused = host.crypto().hmac(DigestAlgorithm::Sha256, &key, b"").unwrap_err();
    assert!(refused.to_string().ends_with("has 4 bytes and needs 32 for this digest"), "{refused}");
}

#[test]
fn a_body_is_readable_until_its_hook_is_over() {
    let host = FakeHost::new("POST", "/").with_body("abc");
    host.request_body_edit().write_text("ab").unwrap();
    assert_eq!(host.request_body().read(1, 9).unwrap(), b"bc");
    assert_eq!(host.request_body().bytes().unwrap(), b"abc");
    assert_eq!(host.forwarded_body(), b"ab");
    assert_eq!(host.response_body().length().unwrap_err().why, BodyError::Unavailable);
}

#[test]
fn attributes_of_others_cannot_be_set() {
    let host = FakeHost::get("/").grant_attribute("consumer.id");
    host.attributes().set("tries", "1").unwrap();
    host.attributes().set("consumer.id", "alice").unwrap();
    let refused = |name| host.attributes().set(name, "x").unwrap_err().why;
    assert_eq!(refused("auth.claims"), AttributeError::Denied);
    assert_eq!(refused("jwt.user"), AttributeError::Denied);
    assert_eq!(refused("a b"), AttributeError::InvalidName);
}

#[test]
fn values_expire_and_are_led_by_one() {
    let host = FakeHost::get("/");
    assert_eq!(host.kv().lead("k", 10).unwrap(), LeadAnswer::Yours);
    assert_eq!(host.kv().lead("k", 10).unwrap(), LeadAnswer::Busy);
    host.kv().set("k", b"v", Some(100)).unwrap();
    assert_eq!(host.kv().lead("k", 10).unwrap(), LeadAnswer::Value(b"v".to_vec()));
    assert_eq!(host.kv().increment("k", 1, None).unwrap_err().why, KvError::NotACounter);
    assert!(!host.kv().compare_and_swap("k", None, b"w", None).unwrap());
    assert!(host.kv().compare_and_swap("k", Some(b"v"), b"w", Some(100)).unwrap());
    host.advance_millis(100);
    assert_eq!(host.kv().get("k").unwrap(), None);
    assert_eq!(host.kv().increment("n", 2, None).unwrap(), 2);
    assert_eq!(host.kv().increment("n", -5, None).unwrap(), -3);
}

#[test]
fn buckets_are_taken_from_all_or_none() {
    let host = FakeHost::get("/");
    let bucket = |key: &str, algorithm, limit| Bucket {
        policy: None,
        key: key.into(),
        algorithm,
        limit,
        window_ms: 1000,
        burst: None,
    };
    let both = [bucket("a", Algorithm::Gcra, 2), bucket("b", Algorithm::FixedWindow, 1)];
    let take = |buckets: &[Bucket]| {
        let verdicts = host.rate_limit().take(buckets, 1).unwrap();
        verdicts.iter().map(|v| (v.allowed, v.remaining, v.retry_after_ms)).collect::<Vec<_>>()
    };
    assert_eq!(take(&both), [(true, 1, 0), (true, 0, 0)]);
    assert_eq!(take(&both), [(true, 1, 0), (false, 0, 1000)]);
    assert_eq!(take(&both[..1]), [(true, 0, 0)], "nothing was taken from `a` the second time");
    assert_eq!(take(&both[..1]), [(false, 0, 500)]);
    host.advance_millis(500);
    assert_eq!(take(&both[..1]), [(true, 0, 0)]);
}

#[test]
fn a_burst_may_be_larger_than_the_limit() {
    let bucket = |burst| Bucket {
        policy: None,
        key: "k".into(),
        algorithm: Algorithm::Gcra,
        limit: 1,
        window_ms: 1000,
        burst,
    };
    let take = |buckets: &[Bucket]| FakeHost::get("/").rate_limit().take(buckets, 5);
    assert!(take(&[bucket(Some(5))]).unwrap()[0].allowed);
    for wrong in [vec![bucket(None)], vec![bucket(Some(5)), bucket(Some(6))]] {
        assert!(matches!(take(&wrong).unwrap_err().why, RateLimitError::Invalid(_)));
    }
}

#[test]
fn stores_outlive_an_exchange_or_are_down() {
    let first = FakeHost::get("/");
    first.kv().set("k", b"v", None).unwrap();
    let second = FakeHost::get("/").with_stores_of(&first);
    assert_eq!(second.kv().get("k").unwrap(), Some(b"v".to_vec()));

    let down = second.with_unavailable_stores();
    assert!(matches!(down.kv().get("k").unwrap_err().why, KvError::Unavailable(_)));
    let refused = down.rate_limit().take(&[], 1).unwrap_err();
    assert!(matches!(refused.why, RateLimitError::Unavailable(_)));
}

#[test]
fn fetches_are_answered_and_remembered() {
    let host = FakeHost::get("/").with_fetch(|outgoing| match outgoing.path.as_str() {
        "/ok" => Ok(Incoming { status: 200, headers: Vec::new(), body: "yes".into() }),
        _ => Err(FetchError::Timeout),
    });
    let number = host.fetch().start(&Outgoing::get("a", "/ok"));
    let (first, answer) = host.fetch().wait_any().unwrap();
    assert_eq!((first, answer.unwrap().status), (number, 200));
    assert!(host.fetch().wait_any().is_none());
    let refused = host.fetch().send(&Outgoing::get("b", "/slow")).unwrap_err();
    assert_eq!(refused.to_string(), "`b` did not answer in time");
    assert_eq!(host.fetched().len(), 2);
}

#[test]
fn fetches_end_in_the_order_of_their_delays() {
    let host = FakeHost::get("/")
        .with_fetch(|call| {
            Ok(Incoming { status: 200, headers: Vec::new(), body: call.path.as_str().into() })
        })
        .with_fetch_delay(|call| call.path.trim_start_matches('/').parse().unwrap());
    for path in ["/300", "/100", "/200"] {
        host.fetch().start(&Outgoing::get("a", path));
    }
    host.fetch().start(&Outgoing::get("a", "/900").timeout_ms(150));
    let next = || {
        let (_, answer) = host.fetch().wait_any()?;
        Some((host.elapsed_millis(), answer.map(|reply| reply.body).map_err(|error| error.why)))
    };
    assert_eq!(next().unwrap(), (100, Ok("/100".into())));
    assert_eq!(next().unwrap(), (150, Err(FetchError::Timeout)));
    assert_eq!(next().unwrap(), (200, Ok("/200".into())));
    assert_eq!(next().unwrap(), (300, Ok("/300".into())));
    assert!(next().is_none());
    host.fetch().send_all(&[Outgoing::get("a", "/10"), Outgoing::get("a", "/20")]);
    assert_eq!(host.elapsed_millis(), 320);
    host.fetch().send(&Outgoing::get("a", "/5")).unwrap();
    assert_eq!(host.elapsed_millis(), 325);
}

#[test]
fn digests_are_real() {
    let host = FakeHost::get("/").with_secret("short", "Jefe");
    let (sha256, text) = (DigestAlgorithm::Sha256, b"what do ya want for nothing?");
    // RFC 4231, test case 2.
    let mac = host.crypto().hmac(sha256, &Key::Bytes(b"Jefe".into()), text).unwrap();
    assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    assert_eq!(host.crypto().digest(sha256, b"")[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    for name in ["no", "short"] {
        assert!(host.crypto().hmac(sha256, &Key::Secret(name.into()), text).is_err());
    }
}

#[test]
fn a_secret_need_not_be_text() {
    let host = FakeHost::get("/").with_secret_bytes("key", &[0xff; 32]);
    let mac = |key: &Key| host.crypto().hmac(DigestAlgorithm::Sha256, key, b"").unwrap();
    assert_eq!(mac(&Key::Secret("key".into())), mac(&Key::Bytes(vec![0xff; 32])));
    assert!(host.secrets().reveal("key").is_err());
}

#[test]
fn a_secret_to_use_is_not_seen_and_one_to_see_is_not_used() {
    let host =
        FakeHost::get("/").with_secret_to_use("u", &[1; 32]).with_secret_to_reveal("r", "text");
    let mac =
        |name: &str| host.crypto().hmac(DigestAlgorithm::Sha256, &Key::Secret(name.into()), b"");
    assert!(mac("u").is_ok() && host.secrets().reveal("u").is_err());
    assert!(mac("r").is_err());
    assert_eq!(host.secrets().reveal("r").unwrap(), "text");
    let both = host.with_secret_to_use("r", "text".as_bytes());
    assert_eq!(both.secrets().reveal("r").unwrap(), "text");
}

#[cfg(feature = "crypto")]
#[test]
fn signatures_are_verified() {
    use crate::host::{CryptoError, PublicKey, SignatureAlgorithm};

    // RFC 8032, 7.1, test 1: an empty message.
    let key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    let signature = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
    let host = FakeHost::get("/");
    let verify = |key: &[u8], message: &[u8]| {
        let key = PublicKey::Der(key.to_vec());
        host.crypto().verify(SignatureAlgorithm::Ed25519, &key, message, &signature)
    };
    assert_eq!(verify(&key, b""), Ok(true));
    assert_eq!(verify(&key, b"x"), Ok(false));
    assert!(matches!(verify(&key[1..], b"").unwrap_err().why, CryptoError::InvalidKey(_)));
    let told = FakeHost::get("/").with_verify(|_, _, message, _| message == b"x");
    let key = PublicKey::Der(key);
    let verify = |message| told.crypto().verify(SignatureAlgorithm::Ed25519, &key, message, b"");
    assert_eq!((verify(b"x"), verify(b"")), (Ok(true), Ok(false)));
}

#[cfg(feature = "crypto")]
fn hex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

#[test]
fn what_was_called_is_known() {
    let host = FakeHost::get("/");
    host.log().info("hello");
    host.request_edit().set_path("/x").unwrap();
    assert_eq!(host.logs(), [(Level::Info, "hello".to_owned())]);
    assert_eq!(host.used().into_iter().collect::<Vec<_>>(), ["log", "request-edit"]);
}

#[test]
fn what_is_wanted_ahead_is_changed_when_there_is_a_response() {
    let host = FakeHost::get("/");
    let ahead = host.response_ahead();
    let changes = [
        Change::remove("server"),
        Change::remove_all("X-Old-"),
        Change::set("x-a", "1"),
        Change::add("x-a", "2"),
        Change::merge("vary", "Accept, Origin"),
    ];
    ahead.edit(&changes).unwrap();
    for (wrong, why) in [
        (Change::remove_all("set-"), EditError::Hidden),
        (Change::remove_all("Content-"), EditError::Reserved),
        (Change::add("host", "x"), EditError::Reserved),
        (Change::set("x y", "x"), EditError::InvalidName),
        (Change::merge("vary", ["a"; 65].join(",")), EditError::TooLarge),
    ] {
        let refused = ahead.edit(&[Change::remove("x-a"), wrong.clone()]).unwrap_err();
        assert_eq!((&*refused.what, refused.why), (wrong.name(), why), "and nothing is changed");
    }
    let reply = Reply::empty(200).header("server", "s").header("x-old-1", "1");
    host.set_response(&reply.header("x-a", "0").header("vary", "accept"));
    assert_eq!(host.answered_header("x-a"), ["1", "2"]);
    assert_eq!(host.answered_header("vary"), ["accept, Origin"]);
    assert!(
        host.answered_header("server").is_empty() && host.answered_header("x-old-1").is_empty()
    );
    assert!(host.used().contains("response-ahead"));
}

#[test]
fn what_stands_is_done_to_the_one_exchange() {
    let host = FakeHost::get("/").with_header("x_user", "forged").with_header("x-a", "");
    host.every_request().set_header("x-user", "nobody").unwrap();
    host.every_response().edit(&[Change::set("server", "torana")]).unwrap();
    assert!(host.forwarded_header("x_user").is_empty());
    host.set_response(&Reply::empty(200).header("server", "s"));
    assert_eq!(host.answered_header("server"), ["torana"]);
    assert_eq!(host.used().into_iter().collect::<Vec<_>>(), ["request-edit", "response-ahead"]);

    host.every_response().edit(&[Change::set("server", "later")]).unwrap();
    assert_eq!(host.answered_header("server"), ["later"]);

    assert!(host.is_called_for(), "for all");
    for (headers, methods, is) in [
        (&["x-b", "X-A"][..], &[][..], true),
        (&["x-b"], &["GET"], true),
        (&["x-b"], &["get"], false),
        (&[], &[], false),
    ] {
        host.call_only_for(headers, methods).unwrap();
        assert_eq!(host.is_called_for(), is, "{headers:?} {methods:?}");
    }
    let refused = host.call_only_for(&["x-a", "cookie"], &[]).unwrap_err();
    assert_eq!(refused.why, HeaderError::Hidden);
    let refused = host.call_only_for(&["x-a"], &["GET "]).unwrap_err();
    assert_eq!((&*refused.what, refused.why), ("GET ", HeaderError::InvalidName));
    host.grant_read("cookie").call_only_for(&["cookie"], &[]).unwrap();
}

#[test]
fn what_settings_make_it_use_is_held_against_grants_and_route() {
    let refused = |host: FakeHost| {
        host.reads_header("Cookie", ["from", "0"]);
        host.reads_header("accept", ["from", "1"]);
        host.writes_header("set-cookie", ["set"]);
        host.writes_header("te", ["set"]);
        host.chooses_upstream("v2", ["to"]);
        host.needs_param("id", ["key"]);
        host.reads_param("idd", ["key"]);
        let told = |error: SettingError| format!("{}: {}", error.path.join("."), error.message);
        host.refused_settings().into_iter().map(told).collect::<Vec<_>>()
    };
    let host = || FakeHost::get("/").with_route("orders").with_upstreams(&["v1"]);
    let refused_headers = refused(host());
    assert_eq!(refused_headers.len(), 3, "{refused_headers:?}");
    assert!(refused_headers[0].starts_with("from.0: header `Cookie` is not granted: add headers"));
    assert!(refused_headers[1].starts_with("set: header `set-cookie` is not granted"));
    assert!(refused_headers[2].starts_with("set: `te` is kept by the host"));

    let refused = |host: FakeHost| {
        host.chooses_upstream("v2", ["to"]);
        host.needs_param("id", ["key"]);
        host.refused_settings().into_iter().map(|error| error.message).collect::<Vec<_>>()
    };
    let no_upstream =
        "`v2` is neither the `upstream` nor one of the `alternatives` of route `orders`";
    let no_param = "the path of route `orders` has no `{id}`";
    assert_eq!(refused(host()), [no_upstream], "of any path nothing is known");
    assert_eq!(refused(host().with_route_path("/{idd}/{*ids}")), [no_upstream, no_param]);
    for path in ["/{id}", "/{id}/x", "/{x}/{*id}"] {
        let host = host().with_upstreams(&["v1", "v2"]).with_route_path(path);
        assert_eq!(refused(host), [""; 0], "{path}");
    }
}

#[test]
fn what_stands_has_room_of_its_own() {
    let host = FakeHost::get("/");
    let full = EditError::TooLarge;
    for _ in 0..STANDING_CHANGES {
        host.every_request().remove_header("x").unwrap();
        host.every_response().edit(&[Change::remove("x")]).unwrap();
    }
    assert_eq!(host.every_request().add_header("x", "").unwrap_err().why, full);
    assert_eq!(host.every_response().edit(&[Change::remove("x")]).unwrap_err().why, full);
    assert!(host.forwarded_header("x").is_empty());
    host.response_ahead().edit(&vec![Change::remove("x"); 200]).unwrap();
    let large = "y".repeat(STANDING_BYTES);
    assert_eq!(FakeHost::get("/").every_request().set_header("x", &large).unwrap_err().why, full);
}

#[test]
fn so_many_changes_are_kept_and_long_lists_get_a_line_more() {
    let host = FakeHost::get("/");
    let ahead = host.response_ahead();
    let long = "a".repeat(1025);
    ahead.edit(&[Change::set("vary", &long), Change::merge("vary", "Origin")]).unwrap();
    ahead.edit(&vec![Change::remove("x"); 198]).unwrap();
    for more in [Change::remove("x"), Change::remove_all("x-")] {
        assert_eq!(ahead.edit(&[more]).unwrap_err().why, EditError::TooLarge);
    }
    let large = FakeHost::get("/");
    let half = Change::set("x", "y".repeat(64 << 10));
    let refused = large.response_ahead().edit(&[half.clone(), half]).unwrap_err();
    assert_eq!(refused.why, EditError::TooLarge, "of names and values");
    host.set_response(&Reply::empty(200));
    assert_eq!(host.answered_header("vary"), [&long, "Origin"]);
}

#[test]
fn several_attributes_are_updated_or_none() {
    let host = FakeHost::get("/").with_attribute("a", "1");
    let attributes = host.attributes();
    let to = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let refused = attributes.update(&[to("a", None), to("auth.claims", Some("{}"))]).unwrap_err();
    assert_eq!((&*refused.what, refused.why), ("auth.claims", AttributeError::Denied));
    assert_eq!(attributes.get("a").unwrap(), "1");
    attributes.update(&[to("a", None), to("b", Some("2")), to("auth.claims", None)]).unwrap();
    assert_eq!((attributes.get("a"), attributes.get("b").unwrap()), (None, "2".into()));
}
