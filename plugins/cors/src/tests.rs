//! What a case cannot show.

use torana_plugin_sdk::{fake::FakeHost, host::TlsSession, prelude::*, settings};

use super::Cors;

#[test]
fn cases() {
    torana_plugin_sdk::cases::run::<Cors>("cases");
}

fn cors(settings: &str) -> Cors {
    Cors::new(settings::parse(settings).unwrap()).unwrap()
}

/// The answer to a request, and to it alone.
fn answer(cors: &Cors, host: &FakeHost) -> (u16, Vec<String>) {
    cors.prepare(host).unwrap();
    match cors.on_request_head(host).unwrap() {
        Action::Respond(reply) => (reply.status, Vec::new()),
        Action::Next => {
            host.set_response(&Reply::empty(200));
            (200, host.answered_header("access-control-allow-origin"))
        }
    }
}

#[test]
fn an_origin_that_is_no_text_is_nobodys() {
    let host = || FakeHost::get("/").with_header_bytes("origin", b"https://a.example\xff");
    let pass = cors(r#"{"origins":["https://a.example"]}"#);
    assert_eq!(answer(&pass, &host()), (200, Vec::new()));
    let deny = cors(r#"{"origins":["https://a.example"],"other_origins":"deny"}"#);
    assert_eq!(answer(&deny, &host()).0, 403);
}

#[test]
fn a_page_of_ours_passes_where_strangers_are_denied() {
    let deny = cors(r#"{"origins":["https://a.example"],"other_origins":"deny"}"#);
    let session =
        || TlsSession { version: "TLSv1.3".into(), server_name: None, client_certificate: None };
    let host = |origin: &str| {
        let host = FakeHost::new("POST", "/").with_authority("api.example:443");
        host.with_tls(session()).with_header("origin", origin)
    };
    assert_eq!(answer(&deny, &host("https://api.example")), (200, Vec::new()));
    assert_eq!(answer(&deny, &host("http://api.example")).0, 403);
    assert_eq!(answer(&deny, &host("https://api.example.evil.example")).0, 403);
}

#[test]
fn another_plugin_may_take_the_origin_out_of_the_request() {
    let cors = cors(r#"{"origins":["https://a.example"]}"#);
    let host = FakeHost::get("/").with_header("origin", "https://a.example");
    cors.prepare(&host).unwrap();
    assert_eq!(cors.on_request_head(&host), Ok(Action::Next));
    host.request_edit().set_header("origin", "https://evil.example").unwrap();
    host.set_response(&Reply::empty(200));
    assert_eq!(host.answered_header("access-control-allow-origin"), ["https://a.example"]);
}

#[test]
fn a_reply_of_a_later_plugin_can_be_read_too() {
    let cors = cors(r#"{"origins":["https://a.example"],"credentials":true}"#);
    let host = FakeHost::get("/").with_header("origin", "https://a.example");
    cors.prepare(&host).unwrap();
    assert_eq!(cors.on_request_head(&host), Ok(Action::Next));
    host.set_response(&Reply::problem(401, "unauthenticated", "Log in."));
    assert_eq!(host.answered_header("access-control-allow-origin"), ["https://a.example"]);
    assert_eq!(host.answered_header("access-control-allow-credentials"), ["true"]);
    assert_eq!(host.answered_header("vary"), ["Origin"]);
}
