//! HTTP/2, frame by frame. What is malformed stands in `tests/all/smuggling/http2.txt`, too.

use torana_tests::{
    Backend, Gateway,
    h2raw::{
        self, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, H2Raw, NONE, Outcome, PROTOCOL_ERROR,
        frame, get, headers, kind, request,
    },
    reply, toml,
};

use super::ok;

async fn connect(gateway: &Gateway) -> H2Raw {
    H2Raw::connect(gateway.address("public")).await
}

/// Whether a stream, or the whole connection, ends in an error.
fn is_error(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Answered(..400))
}

#[tokio::test]
async fn s3_4_the_first_frame_is_settings() {
    let (_backend, gateway) = ok().await;
    let first = connect(&gateway).await.next().await.expect("a frame");
    assert_eq!((first.kind, first.flags, first.stream), (kind::SETTINGS, NONE, 0));
}

#[tokio::test]
async fn s4_2_a_frame_over_the_size_is_an_error() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send(frame(kind::DATA, NONE, 1, &[0; 20_000])).await;
    assert!(matches!(raw.outcome(1).await, Outcome::GoneAway(6) | Outcome::Closed));
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s5_1_data_on_an_idle_stream_is_an_error() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send(frame(kind::DATA, END_STREAM, 1, b"x")).await;
    assert_eq!(raw.outcome(1).await, Outcome::GoneAway(PROTOCOL_ERROR));
}

#[tokio::test]
async fn s5_1_1_numbers_of_streams_are_odd_and_grow() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send(get(2)).await;
    assert_eq!(raw.outcome(2).await, Outcome::GoneAway(PROTOCOL_ERROR));
    let mut raw = connect(&gateway).await;
    raw.send([get(5), get(3)].concat()).await;
    assert!(matches!(raw.outcome(3).await, Outcome::GoneAway(1 | 5)));
}

#[tokio::test]
async fn s5_4_2_an_error_of_a_stream_leaves_the_others_alone() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let open = headers(1, END_HEADERS, &request("POST", "/"));
    let overflow = frame(kind::WINDOW_UPDATE, NONE, 1, &[0x7f, 0xff, 0xff, 0xff]);
    raw.send([open, overflow].concat()).await;
    assert_eq!(raw.outcome(1).await, Outcome::Reset(FLOW_CONTROL_ERROR));
    raw.send(get(3)).await;
    assert_eq!(raw.outcome(3).await, Outcome::Answered(200));
}

#[tokio::test]
async fn s5_5_frames_that_nobody_knows_are_ignored() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send([frame(0xfe, 0xff, 0, b"what?"), get(1), frame(0xfe, 0, 1, b"?")].concat()).await;
    assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
}

#[tokio::test]
async fn s6_5_settings_are_acknowledged() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let ack = raw.find(|f| f.kind == kind::SETTINGS && f.flags == END_STREAM).await;
    assert!(ack.expect("an acknowledgement").payload.is_empty());
}

#[tokio::test]
async fn s6_5_2_push_is_not_asked_for_and_a_setting_out_of_range_is_an_error() {
    let (_backend, gateway) = ok().await;
    for (setting, why) in [
        (&[0, 2, 0, 0, 0, 2], PROTOCOL_ERROR),
        (&[0, 4, 0x80, 0, 0, 0], FLOW_CONTROL_ERROR),
        (&[0, 5, 0, 0, 0, 1], PROTOCOL_ERROR),
    ] {
        let mut raw = connect(&gateway).await;
        raw.send(frame(kind::SETTINGS, NONE, 0, setting)).await;
        let outcome = raw.outcome(1).await;
        let told = [Outcome::GoneAway(why), Outcome::GoneAway(PROTOCOL_ERROR), Outcome::Closed];
        assert!(told.contains(&outcome), "{setting:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn s6_7_a_ping_is_answered() {
    let (_backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send(frame(kind::PING, NONE, 0, b"12345678")).await;
    let pong = raw.find(|f| f.kind == kind::PING && f.flags == END_STREAM).await;
    assert_eq!(pong.expect("an answer").payload, b"12345678");
}

#[tokio::test]
async fn s6_8_a_stop_says_goaway_and_answers_what_is_under_way() {
    let (release, released) = tokio::sync::watch::channel(false);
    let backend = Backend::start_async(move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|released| *released).await;
            reply(200, "ok")
        }
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = connect(&gateway).await;
    raw.send(get(1)).await;
    backend.wait_for(1).await;
    gateway.signal(nix::sys::signal::Signal::SIGTERM);
    raw.find(|f| f.kind == kind::GOAWAY).await.expect("GOAWAY");
    release.send_replace(true);
    assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
}

#[tokio::test]
async fn s6_9_1_what_is_sent_stays_within_the_window() {
    let backend = Backend::start(|_| reply(200, vec![b'x'; 200_000])).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = connect(&gateway).await;
    raw.send(get(1)).await;
    let mut received = 0;
    while received < 65_535 {
        let data = raw.find(|f| f.kind == kind::DATA).await.expect("data");
        received += data.payload.len();
    }
    assert_eq!(received, 65_535, "the initial window, to the byte");
    // Nothing more comes before there is room; the answer to a ping would stand behind it.
    raw.send(frame(kind::PING, NONE, 0, &[7; 8])).await;
    let next = raw.find(|f| f.kind == kind::PING || f.kind == kind::DATA).await.expect("an answer");
    assert_eq!(next.kind, kind::PING);
    let room = 1000_u32.to_be_bytes();
    let more =
        [frame(kind::WINDOW_UPDATE, NONE, 0, &room), frame(kind::WINDOW_UPDATE, NONE, 1, &room)];
    raw.send(more.concat()).await;
    let data = raw.find(|f| f.kind == kind::DATA).await.expect("data");
    assert_eq!(data.payload.len(), 1000);
}

#[tokio::test]
async fn s6_10_nothing_stands_between_headers_and_continuation() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let open = headers(1, END_STREAM, &request("GET", "/"));
    raw.send([open, frame(kind::PING, NONE, 0, &[7; 8])].concat()).await;
    assert_eq!(raw.outcome(1).await, Outcome::GoneAway(PROTOCOL_ERROR));
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_1_1_a_length_that_is_not_the_bodys_is_an_error() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let fields = [&request("POST", "/")[..], &[("content-length", "5")]].concat();
    raw.send([headers(1, END_HEADERS, &fields), frame(kind::DATA, END_STREAM, 1, b"abc")].concat())
        .await;
    assert!(is_error(raw.outcome(1).await));
    assert!(backend.received().iter().all(|one| !one.complete));
}

#[tokio::test]
async fn s8_2_names_in_capitals_are_malformed() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let fields = [&request("GET", "/")[..], &[("X-Upper", "y")]].concat();
    raw.send(headers(1, h2raw::WHOLE, &fields)).await;
    assert!(is_error(raw.outcome(1).await));
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_2_2_fields_of_a_connection_are_malformed() {
    let (backend, gateway) = ok().await;
    for field in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "x"),
        ("te", "gzip"),
    ] {
        let mut raw = connect(&gateway).await;
        raw.send(headers(1, h2raw::WHOLE, &[&request("GET", "/")[..], &[field]].concat())).await;
        assert!(is_error(raw.outcome(1).await), "{field:?}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_2_2_fields_of_a_services_connection_do_not_come() {
    let (_backend, gateway) = super::answering(
        "HTTP/1.1 200 OK\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    )
    .await;
    let answer = gateway.h2().await.get("/").await;
    for name in ["connection", "x-hop", "keep-alive", "transfer-encoding"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.text(), "ok");
}

#[tokio::test]
async fn s8_2_3_crumbs_of_cookies_are_one_field_in_http1() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("x", "y"), ("cookie", "c=3")];
    raw.send(headers(1, h2raw::WHOLE, &[&request("GET", "/")[..], &crumbs].concat())).await;
    assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
    assert_eq!(backend.only().header("cookie"), Some("a=1; b=2; c=3"));
}

#[tokio::test]
async fn s8_3_1_the_authority_is_the_host() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    raw.send(headers(1, h2raw::WHOLE, &request("GET", "/a?b"))).await;
    assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
    let received = backend.only();
    assert_eq!((received.header("host"), received.target.as_str()), (Some("a.example"), "/a?b"));
    assert!(received.head.starts_with("GET /a?b HTTP/1.1\r\n"), "{}", received.head);
}

#[tokio::test]
async fn s8_3_1_pseudo_fields_are_there_once_and_first() {
    let (backend, gateway) = ok().await;
    let [method, scheme, authority, path] = request("GET", "/");
    for fields in [
        vec![scheme, authority, path],
        vec![method, authority, path],
        vec![method, scheme, authority],
        vec![method, method, scheme, authority, path],
        vec![method, scheme, authority, ("x", "y"), path],
        vec![method, scheme, authority, path, (":what", "y")],
    ] {
        let mut raw = connect(&gateway).await;
        raw.send(headers(1, h2raw::WHOLE, &fields)).await;
        assert!(is_error(raw.outcome(1).await), "{fields:?}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_3_1_options_of_the_server_have_an_asterisk_for_a_path() {
    let (backend, gateway) = ok().await;
    for (method, status) in [("OPTIONS", 204), ("GET", 400)] {
        let mut raw = connect(&gateway).await;
        raw.send(headers(1, END_HEADERS | END_STREAM, &request(method, "*"))).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(status), "{method}");
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_5_connect_is_refused_for_this_is_no_tunnel() {
    let (backend, gateway) = ok().await;
    let mut raw = connect(&gateway).await;
    let fields = [(":method", "CONNECT"), (":authority", "a.example:443")];
    raw.send(headers(1, END_HEADERS, &fields)).await;
    assert_eq!(raw.outcome(1).await, Outcome::Answered(400));
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn s8_6_an_upgrade_from_http1_is_not_taken() {
    let (backend, gateway) = ok().await;
    let answer = super::ask(
        &gateway,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    )
    .await;
    assert_eq!(super::status(&answer), 200);
    let received = backend.only();
    assert_eq!((received.header("upgrade"), received.header("http2-settings")), (None, None));
}
