//! Entity tags, on their way to clients and back.

use proptest::prelude::*;
use torana_plugin_sdk::{fake::FakeHost, http::TagMark, prelude::*};

use super::plugin;
use crate::XmlJson;

const DATE: &str = "Sat, 01 Jan 2028 00:00:00 GMT";

/// The tag that a client gets for a document of the service's.
fn answered(plugin: &XmlJson, accept: &str, content_type: &str, tag: &str) -> String {
    let host = FakeHost::get("/").with_header("accept", accept);
    plugin.on_request_head(&host).expect("no failure");
    let reply = Reply::empty(200).header("content-type", content_type).header("etag", tag);
    host.set_response(&reply);
    plugin.on_response_head(&host).expect("no failure");
    host.answered_header("etag").concat()
}

/// What the service is asked, with the tags and with a date.
fn asked(plugin: &XmlJson, accept: &str, tags: &str) -> (String, bool) {
    let host = FakeHost::get("/").with_header("accept", accept);
    let host = host.with_header("if-none-match", tags).with_header("if-modified-since", DATE);
    plugin.on_request_head(&host).expect("no failure");
    let has_date = !host.forwarded_header("if-modified-since").is_empty();
    (host.forwarded_header("if-none-match").join("; "), has_date)
}

/// The condition of a change, as the service sees it.
fn condition(plugin: &XmlJson, accept: &str, name: &str, tags: &str) -> String {
    let host = FakeHost::new("PUT", "/").with_header("accept", accept).with_header(name, tags);
    plugin.on_request_head(&host).expect("no failure");
    host.forwarded_header(name).join("; ")
}

#[test]
fn a_tag_is_of_one_language() {
    let plugin = plugin("{}");
    assert_eq!(answered(&plugin, "application/json", "application/json", "\"v1\""), "\"v1\"");
    let xml = answered(&plugin, "application/xml", "application/json", "\"v1\"");
    let nothing = (String::new(), false);
    let (v1, has_date) = ("\"v1\"".to_owned(), true);
    assert_eq!(asked(&plugin, "application/xml", &xml), (v1.clone(), has_date));
    assert_eq!(asked(&plugin, "text/xml", &xml), (v1.clone(), has_date), "the bytes are the same");
    let strong = xml.strip_prefix("W/").expect("it is weak");
    assert_eq!(asked(&plugin, "application/xml", strong), (v1.clone(), has_date), "W/ was lost");
    assert_eq!(asked(&plugin, "application/xml", "\"v1\""), nothing, "it is that of JSON");
    let both = format!("\"v2\", {xml}");
    assert_eq!(asked(&plugin, "application/xml", &both), (v1.clone(), has_date));
    assert_eq!(asked(&plugin, "application/json", &xml), (xml.clone(), has_date), "unknown there");
    assert_eq!(asked(&plugin, "application/json", "\"v1\""), (v1, has_date));
    assert_eq!(asked(&plugin, "application/xml", "*"), ("*".into(), has_date));
    let weak = answered(&plugin, "application/xml", "application/json", "W/\"v1\"");
    assert_ne!(weak, xml);
    assert_eq!(asked(&plugin, "application/xml", &weak), ("W/\"v1\"".into(), has_date));
}

#[test]
fn what_passes_as_it_is_can_be_asked_for_too() {
    let plugin = plugin("{}");
    let picture = answered(&plugin, "text/xml, image/*", "image/png", "\"i1\"");
    assert_eq!(asked(&plugin, "text/xml, image/*", &picture).0, "\"i1\"");
    // The service does not speak what it is said to.
    let odd = answered(&plugin, "application/json", "application/xml", "\"v1\"");
    assert_ne!(odd, "\"v1\"");
    assert_eq!(asked(&plugin, "application/json", &odd).0, odd, "it was not this one's word");
}

#[test]
fn other_settings_have_other_tags() {
    let tag = answered(&plugin("{}"), "text/xml", "application/json", "\"v1\"");
    let other = plugin(r#"{"nulls":"omit"}"#);
    assert_eq!(asked(&other, "text/xml", &tag), (String::new(), false));
}

#[test]
fn an_unchanged_document_has_the_tag_that_it_had() {
    let plugin = plugin("{}");
    let tag = answered(&plugin, "text/xml", "application/json", "\"v1\"");
    assert_ne!(tag, "\"v1\"");
    let host = FakeHost::get("/").with_header("accept", "text/xml");
    plugin.on_request_head(&host).expect("no failure");
    host.set_response(&Reply::empty(304).header("etag", "\"v1\""));
    plugin.on_response_head(&host).expect("no failure");
    assert_eq!(host.answered_header("etag"), [tag]);
}

#[test]
fn a_change_is_held_against_what_the_service_has() {
    let plugin = plugin("{}");
    let xml = answered(&plugin, "text/xml", "application/json", "\"v1\"");
    for accept in ["text/xml", "application/json", "*/*"] {
        assert_eq!(condition(&plugin, accept, "if-match", &xml), "\"v1\"", "{accept}");
        assert_eq!(condition(&plugin, accept, "if-match", "\"v1\""), "\"v1\"", "{accept}");
        assert_eq!(
            condition(&plugin, accept, "if-match", "W/\"v1-s00000000\""),
            "W/\"v1-s00000000\""
        );
        assert_eq!(condition(&plugin, accept, "if-none-match", "*"), "*");
        assert_eq!(condition(&plugin, accept, "if-none-match", "\"v1\""), "\"v1\"");
        assert_eq!(condition(&plugin, accept, "if-none-match", &xml), "\"v1\"");
    }
}

proptest! {
    #[test]
    fn any_list_is_read(text in "[\"W/,a-s01 ]{0,30}") {
        let mark = TagMark::of("");
        let _ = (mark.take(&text), mark.take_marked(&text), mark.unmark(&text));
        if let Some(tag) = mark.put(&text) {
            prop_assert_eq!(mark.unmark(&tag), Some(text.clone()));
            prop_assert_eq!(mark.take(&tag).map(|asked| asked.tags), Some(text));
        }
    }
}
