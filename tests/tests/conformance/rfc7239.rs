//! Forwarded HTTP: the gateway speaks `X-Forwarded-*`, and believes nothing that a stranger says.

use torana_tests::{Backend, Gateway, reply, request, toml};

use super::ok;

#[tokio::test]
async fn s8_1_what_a_stranger_says_of_the_client_goes_no_further() {
    let (backend, gateway) = ok().await;
    let ask = request("GET", "/")
        .header("forwarded", "for=6.6.6.6;proto=https;host=evil.example")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-port", "443")
        .header("x-real-ip", "6.6.6.6")
        .header("host", "a.example");
    gateway.client().send(ask, "").await;
    let received = backend.only();
    for name in ["forwarded", "x-forwarded-port", "x-real-ip"] {
        assert_eq!(received.header(name), None, "{name}");
    }
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-forwarded-host"), Some("a.example"));
}

#[tokio::test]
async fn s7_4_a_trusted_proxy_is_believed_and_added() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let trusted = "trusted_proxies = [\"127.0.0.0/8\"]\n";
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, trusted, &upstream, &toml::route("all", toml::ALL)].concat();
    let gateway = Gateway::start(&toml).await;
    let ask = request("GET", "/")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.7")
        .header("x-forwarded-proto", "https");
    gateway.client().send(ask, "").await;
    let received = backend.only();
    assert_eq!(received.header("x-forwarded-for"), Some("203.0.113.7, 127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
}
