//! WebSockets over HTTP/2. That bytes pass, and what ends it, is in `tests/all/proxy/upgrade.rs`.

use torana_tests::{
    Gateway,
    h2raw::{END_HEADERS, H2Raw, Outcome, headers, kind},
    toml,
};

use super::rfc6455::switching;

const CONNECT: [(&str, &str); 6] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":authority", "a.example"),
    (":path", "/chat"),
    ("sec-websocket-version", "13"),
];

async fn gateway(more: &str) -> (torana_tests::RawBackend, Gateway) {
    let backend = switching().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), more)).await;
    (backend, gateway)
}

#[tokio::test]
async fn s3_the_setting_is_sent() {
    let (_backend, gateway) = gateway("").await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    let settings = raw.find(|f| f.kind == kind::SETTINGS).await.expect("settings").payload;
    // SETTINGS_ENABLE_CONNECT_PROTOCOL is 8.
    assert!(settings.chunks(6).any(|one| one == [0, 8, 0, 0, 0, 1]), "{settings:?}");
}

#[tokio::test]
async fn s4_an_extended_connect_is_answered_with_200_where_it_is_granted() {
    let (_backend, gateway) = gateway("upgrade = [\"websocket\"]").await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    raw.send(headers(1, END_HEADERS, &CONNECT)).await;
    assert_eq!(raw.outcome(1).await, Outcome::Answered(200));
}

#[tokio::test]
async fn s4_a_protocol_that_is_not_granted_is_a_501() {
    for (more, protocol) in [("", "websocket"), ("upgrade = [\"websocket\"]", "connect-udp")] {
        let (_backend, gateway) = gateway(more).await;
        let mut fields = CONNECT;
        fields[1].1 = protocol;
        let mut raw = H2Raw::connect(gateway.address("public")).await;
        raw.send(headers(1, END_HEADERS, &fields)).await;
        assert_eq!(raw.outcome(1).await, Outcome::Answered(501), "{protocol}");
    }
}

#[tokio::test]
async fn s4_a_scheme_and_a_path_are_needed() {
    let (_backend, gateway) = gateway("upgrade = [\"websocket\"]").await;
    for missing in [2, 4] {
        let mut fields = CONNECT.to_vec();
        fields.remove(missing);
        let mut raw = H2Raw::connect(gateway.address("public")).await;
        raw.send(headers(1, END_HEADERS, &fields)).await;
        let outcome = raw.outcome(1).await;
        assert!(!matches!(outcome, Outcome::Answered(..400)), "{outcome:?}");
    }
}
