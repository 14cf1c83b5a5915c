//! What cases do not see: how often the service is asked, and what is counted.

use torana_plugin_sdk::{
    fake::FakeHost,
    host::{FetchError, Incoming},
    prelude::*,
    settings,
};

use super::ForwardAuth;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<ForwardAuth>("cases");
}

fn plugin(more: &str) -> ForwardAuth {
    let json = format!(
        r#"{{"to":"auth","path":"/check","request":["x-user"],"denied":{{"headers":["set-cookie"]}}{more}}}"#
    );
    ForwardAuth::new(settings::parse(&json).unwrap()).unwrap()
}

fn caching(more: &str) -> ForwardAuth {
    plugin(&format!(r#","cache":{{"key":["{{request.header.x-key}}"],"ttl":"10s"{more}}}"#))
}

/// Remembers a no, of which clients get these headers.
fn caching_no(wanted: &str) -> ForwardAuth {
    let json = format!(
        r#"{{"to":"auth","path":"/check","denied":{{"headers":[{wanted}]}},
            "cache":{{"key":["{{request.header.x-key}}"],"ttl":"10s","denied_ttl":"1s"}}}}"#
    );
    ForwardAuth::new(settings::parse(&json).unwrap()).unwrap()
}

/// A service that answers this, with a header.
fn service(status: u16, header: (&str, &str), body: &[u8]) -> FakeHost {
    let headers = vec![Header { name: header.0.into(), value: header.1.into() }];
    let answer = Incoming { status, headers, body: Content::Bytes(body.to_vec()) };
    FakeHost::get("/").with_fetch(move |_| Ok(answer.clone()))
}

fn status(plugin: &ForwardAuth, host: &FakeHost) -> u16 {
    let outcome = plugin.on_request_head(host).expect("no failure");
    host.end_hook();
    match outcome {
        Action::Next => 200,
        Action::Respond(reply) => reply.status,
    }
}

#[test]
fn without_a_cache_each_request_is_asked_for() {
    let host = service(200, ("x-user", "alice"), b"");
    let plugin = plugin("");
    assert_eq!([status(&plugin, &host), status(&plugin, &host)], [200, 200]);
    assert_eq!(host.fetched().len(), 2);
}

#[test]
fn a_yes_is_asked_for_once_in_its_time() {
    let host = service(200, ("x-user", "alice"), b"");
    let plugin = caching("");
    for _ in 0..5 {
        assert_eq!(status(&plugin, &host), 200);
        assert_eq!(host.request().header("x-user").unwrap().unwrap(), "alice");
    }
    assert_eq!(host.fetched().len(), 1);
    host.advance_millis(9_999);
    assert_eq!((status(&plugin, &host), host.fetched().len()), (200, 1));
    host.advance_millis(1);
    assert_eq!((status(&plugin, &host), host.fetched().len()), (200, 2));
    assert_eq!(host.counted("remembered"), 5);
    assert_eq!(host.counted("allowed"), 7);
}

#[test]
fn another_key_is_another_question() {
    let host = service(200, ("x-user", "alice"), b"").with_header("x-key", "1");
    let plugin = caching("");
    assert_eq!(status(&plugin, &host), 200);
    host.request_edit().set_header("x-key", "2").unwrap();
    assert_eq!(status(&plugin, &host), 200);
    host.request_edit().set_header("x-key", "1").unwrap();
    assert_eq!(status(&plugin, &host), 200);
    assert_eq!(host.fetched().len(), 2);
}

#[test]
fn a_no_is_remembered_only_where_the_settings_say_so() {
    let host = service(403, ("x", ""), b"no");
    let silent = caching("");
    assert_eq!([status(&silent, &host), status(&silent, &host)], [403, 403]);
    assert_eq!(host.fetched().len(), 2);
    let plugin = caching(r#","denied_ttl":"1s""#);
    assert_eq!([status(&plugin, &host), status(&plugin, &host)], [403, 403]);
    assert_eq!(host.fetched().len(), 3);
    host.advance_millis(1_000);
    assert_eq!((status(&plugin, &host), host.fetched().len()), (403, 4));
    assert_eq!(host.counted("denied"), 5);
}

#[test]
fn what_is_one_clients_alone_is_not_remembered() {
    for (header, body, wanted) in [
        (("set-cookie", "a=b"), &b"no"[..], r#""set-cookie""#),
        // It was made for one client, also where that does not get it.
        (("set-cookie", "a=b"), &b"no"[..], ""),
        // The way to a login has the `state` of one.
        (("location", "/login?state=7"), &b"no"[..], r#""location""#),
        (("x", ""), &b"\xff"[..], ""),
    ] {
        let host = service(403, header, body);
        let plugin = caching_no(wanted);
        assert_eq!([status(&plugin, &host), status(&plugin, &host)], [403, 403]);
        assert_eq!(host.fetched().len(), 2, "{header:?}");
    }
}

#[test]
fn an_outage_is_not_remembered() {
    let host = FakeHost::get("/").with_fetch(|_| Err(FetchError::Timeout));
    let plugin = caching(r#","denied_ttl":"1s""#);
    assert_eq!([status(&plugin, &host), status(&plugin, &host)], [503, 503]);
    assert_eq!(host.fetched().len(), 2);
    assert_eq!(host.counted("failed"), 2);
}

/// Nobody waits for one who has nothing to share: the first leaves word that others are to ask.
#[test]
fn after_an_answer_that_is_not_kept_nobody_leads() {
    let host = service(403, ("x", ""), b"no");
    let plugin = caching("");
    assert_eq!(status(&plugin, &host), 403);
    // Were somebody to lead, this one would be busy, which takes as long as the wait.
    let before = host.clock().monotonic_nanos();
    plugin.on_request_head(&host).unwrap();
    plugin.on_request_head(&host).unwrap();
    assert_eq!(host.clock().monotonic_nanos(), before);
    assert_eq!(host.fetched().len(), 3);
}

#[test]
fn a_store_without_room_refuses_nobody() {
    let host = service(200, ("x-user", "alice"), b"").with_kv_room(8);
    let plugin = caching("");
    assert_eq!([status(&plugin, &host), status(&plugin, &host)], [200, 200]);
    assert_eq!(host.fetched().len(), 2);
    assert!(host.logs().iter().any(|(_, line)| line.contains("raise `max_bytes`")));
}

#[test]
fn what_goes_on_unasked_is_counted() {
    let host = FakeHost::get("/").with_fetch(|_| Err(FetchError::Unreachable("gone".into())));
    assert_eq!(status(&plugin(r#","service_error":"allow""#), &host), 200);
    assert_eq!((host.counted("let-through"), host.counted("allowed")), (1, 0));
}
