//! Bodies and headers that are no text of UTF-8, which cases cannot hold.

use torana_plugin_sdk::{fake::FakeHost, prelude::*};

use super::plugin;
use crate::XmlJson;

fn post(content_type: &str, body: Vec<u8>) -> FakeHost {
    FakeHost::new("POST", "/").with_header("content-type", content_type).with_body(body)
}

/// What the service gets, or the status of the refusal.
fn forwarded(content_type: &str, body: Vec<u8>) -> Result<String, u16> {
    let host = post(content_type, body);
    let plugin = plugin("{}");
    for hook in [XmlJson::on_request_head(&plugin, &host), plugin.on_request_body(&host)] {
        if let Action::Respond(reply) = hook.expect("no failure") {
            return Err(reply.status);
        }
    }
    Ok(String::from_utf8(host.forwarded_body()).expect("UTF-8"))
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn encodings_are_read() {
    let expected = Ok(r#"{"a":"é"}"#.to_owned());
    let little = utf16("\u{FEFF}<a>é</a>", u16::to_le_bytes);
    let big = utf16("\u{FEFF}<?xml version='1.0' encoding='UTF-16'?><a>é</a>", u16::to_be_bytes);
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>".to_vec();
    for body in [little, big, latin] {
        assert_eq!(forwarded("text/xml", body), expected);
    }
    assert_eq!(forwarded("text/xml; charset=iso-8859-1", b"<a>\xE9</a>".to_vec()), expected);
    let unmarked = utf16("<a>é</a>", u16::to_le_bytes);
    assert_eq!(forwarded("text/xml; charset=utf-16le", unmarked), expected);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert_eq!(forwarded("text/xml", b"<a>\xE9</a>".to_vec()), Err(400));
    assert_eq!(forwarded("text/xml; charset=us-ascii", b"<a>\xE9</a>".to_vec()), Err(400));
    assert_eq!(forwarded("text/xml; charset=koi8-r", b"<a/>".to_vec()), Err(415));
}

#[test]
fn headers_that_are_no_text_say_nothing() {
    let plugin = plugin("{}");
    let host = FakeHost::get("/").with_header_bytes("accept", b"\xFF");
    assert_eq!(plugin.on_request_head(&host), Ok(Action::Next));

    let host = FakeHost::new("POST", "/").with_header_bytes("content-type", b"text/xml\xFF");
    let host = host.with_body("<a/>");
    let Ok(Action::Respond(reply)) = plugin.on_request_body(&host) else { panic!("accepted") };
    assert_eq!(reply.status, 415);

    let host = FakeHost::get("/").with_header("accept", "text/xml");
    plugin.on_request_head(&host).expect("no failure");
    host.set_response(&Reply::text(200, "{}").header("content-type", "application/json"));
    assert_eq!(plugin.on_response_body(&host), Ok(Action::Next), "of two types none counts");
    assert_eq!(host.answered_body(), b"{}");
}

#[test]
fn what_is_large_comes_out_whole() {
    let line = r#"{"@no":1,"name":"a & b","sum":"1.10"}"#;
    let lines = vec![line; 20_000].join(",");
    let host = post("application/json", format!(r#"{{"order":{{"line":[{lines}]}}}}"#).into());
    let plugin = plugin(r#"{"service":"xml"}"#);
    assert_eq!(plugin.on_request_body(&host), Ok(Action::Next));
    let xml = String::from_utf8(host.forwarded_body()).expect("UTF-8");
    let line = "<line no=\"1\"><name>a &amp; b</name><sum>1.10</sum></line>";
    let expected = format!("<order>{}</order>", line.repeat(20_000));
    assert_eq!(super::without_declaration(&xml), expected);
}

#[test]
fn nothing_stays_of_an_error_that_grows_too_large() {
    let plugin = plugin(r#"{"limits":{"output":"128KiB"}}"#);
    let host = FakeHost::get("/").with_header("accept", "text/xml");
    plugin.on_request_head(&host).expect("no failure");
    let body = format!(r#"{{"error":{:?}}}"#, vec!["x"; 20_000]);
    host.set_response(&Reply::text(404, &body));
    host.response_edit().set_header("content-type", "application/json").expect("a header");
    assert_eq!(plugin.on_response_body(&host), Ok(Action::Next));
    assert_eq!(host.response().status(), 404);
    let xml = String::from_utf8(host.answered_body()).expect("UTF-8");
    assert!(super::without_declaration(&xml).starts_with("<problem "), "{:.200}", xml);
}
