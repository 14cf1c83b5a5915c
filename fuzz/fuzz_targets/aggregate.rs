//! `aggregate`: settings on the first line, the request's target on the second, then what every service answers.
//!
//! Whatever they say: calls go where the settings lead, no more of them than are allowed, and the reply
//! is JSON.

#![no_main]
#![allow(dead_code, unused_imports, reason = "for the rest of the crate that it is from")]

#[path = "../../plugins/aggregate/src/answer.rs"]
mod answer;
#[path = "../../plugins/aggregate/src/body.rs"]
mod body;
#[path = "../../plugins/aggregate/src/cache.rs"]
mod cache;
#[path = "../../plugins/aggregate/src/call.rs"]
mod call;
#[path = "../../plugins/aggregate/src/calls.rs"]
mod calls;
#[path = "../../plugins/aggregate/src/check.rs"]
mod check;
#[path = "../../plugins/aggregate/src/compose.rs"]
mod compose;
#[path = "../../plugins/aggregate/src/escape.rs"]
mod escape;
#[path = "../../plugins/aggregate/src/fault.rs"]
mod fault;
#[path = "../../plugins/aggregate/src/fields/mod.rs"]
mod fields;
#[path = "../../plugins/aggregate/src/json.rs"]
mod json;
#[path = "../../plugins/aggregate/src/pass.rs"]
mod pass;
#[path = "../../plugins/aggregate/src/place.rs"]
mod place;
#[path = "../../plugins/aggregate/src/plan.rs"]
mod plan;
#[path = "../../plugins/aggregate/src/refusal.rs"]
mod refusal;
#[path = "../../plugins/aggregate/src/reply.rs"]
mod reply;
#[path = "../../plugins/aggregate/src/run.rs"]
mod run;
#[path = "../../plugins/aggregate/src/settings.rs"]
mod settings;
#[path = "../../plugins/aggregate/src/source.rs"]
mod source;
#[path = "../../plugins/aggregate/src/tree.rs"]
mod tree;
#[path = "../../plugins/aggregate/src/values.rs"]
mod values;

use libfuzzer_sys::fuzz_target;
use refusal::Stop;
use settings::Settings;
use torana_fuzz::{is_json, lines};
use torana_plugin_sdk::{
    fake::FakeHost,
    host::{Incoming, Outgoing},
    prelude::*,
    settings::parse,
};

/// Values in every place that a call has.
const PLACES: &str = r#"{"parts": {
    "a": {"to": "s", "path": "/a/{params.id}/b", "on_error": "omit",
          "query": {"q": "{params.id}", "r": ["{request.query.r}"]},
          "headers": {"x-v": "{params.id}"}},
    "b": {"to": "s", "path": "/c/{parts.a.id}/d", "on_error": "omit",
          "body": {"id": "{parts.a.id}", "text": "<{params.id}>"}},
    "c": {"each": "{parts.a.list}", "to": "s", "path": "/e/{item.id}/f", "max": 3, "on_error": "omit"}
}}"#;

fuzz_target!(|data: &[u8]| {
    let Some([settings, target, answer]) = lines(data) else { return };
    for call in replied(settings, target, answer) {
        assert!(call.path.starts_with('/'), "{call:?}");
    }
    for call in replied(PLACES, target, answer) {
        stays_in_place(&call);
    }
});

/// The calls that were made for a reply.
fn replied(settings: &str, target: &str, answer: &str) -> Vec<Outgoing> {
    let Ok(settings) = parse::<Settings>(settings) else { return Vec::new() };
    let Ok(plan) = check::check(&settings) else { return Vec::new() };
    let places: Vec<_> = settings.parts.0.iter().map(|(name, part)| part.place(name)).collect();
    let host = host(target, answer.to_owned());
    let vary = cache::vary(&settings);
    let done = run::run(&settings, &plan, &host);
    let reply = done
        .and_then(|done| reply::reply(&settings, &plan, &places, vary.as_deref(), &done, &host));
    if let Ok(reply) | Err(Stop::Refused(reply)) = reply {
        let body = std::str::from_utf8(reply.body.as_bytes()).expect("UTF-8");
        assert!(is_json(body), "{body}");
    }
    let calls = host.fetched();
    assert!(calls.len() <= settings.max_calls as usize, "{} calls", calls.len());
    calls
}

fn host(target: &str, answer: String) -> FakeHost {
    // As the host hands it on: a target is ASCII without spaces.
    let target: String = target.chars().filter(char::is_ascii_graphic).collect();
    let id = target.rsplit('/').next().unwrap_or_default().to_owned();
    let id = percent_encoding::percent_decode_str(&id).decode_utf8_lossy().into_owned();
    FakeHost::get(&format!("/{target}")).with_param("id", &id).with_fetch(move |_| {
        Ok(Incoming { status: 200, headers: Vec::new(), body: answer.as_str().into() })
    })
}

/// A value is one segment, one parameter, one JSON string, one line.
fn stays_in_place(call: &Outgoing) {
    let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
    let segments: Vec<_> = path.split('/').collect();
    let ["", before, value, after] = segments[..] else { panic!("{call:?}") };
    assert!(matches!((before, after), ("a", "b") | ("c", "d") | ("e", "f")), "{call:?}");
    assert!(!matches!(value, "" | "." | ".."), "{call:?}");
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{call:?}");
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    assert!(names.into_iter().all(|name| matches!(name, "" | "q" | "r")), "{call:?}");
    let has_break = |value: &str| value.contains(['\r', '\n', '\0']);
    assert!(call.headers.iter().all(|header| !has_break(&header.value)), "{call:?}");
    if !call.body.as_bytes().is_empty() {
        let body: serde_json::Value = serde_json::from_slice(call.body.as_bytes()).expect("JSON");
        let body = body.as_object().expect("an object");
        assert!(body.keys().all(|key| matches!(&**key, "id" | "text")), "{call:?}");
    }
}
