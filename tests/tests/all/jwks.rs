//! The keys of `jwt-auth`, from a real provider over HTTP that does what providers do on a bad day.

use std::net::SocketAddr;

use http::HeaderValue;
use torana_tests::{Backend, Gateway, Reply, Unused, reply, request, toml};

use crate::guests::PATIENT;

/// Signed by `KEYS` (RFC 7517, A.1), and good until 2027.
const TOKEN: &str = "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImEzIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwiYXVkIjoic2hvcCIsInN1YiI6ImFsaWNlIiwiZXhwIjoxODAwMDAzNjAwfQ.1tgt4r0dCE8f5EbmDYENeN9pe3a-mBCpeSpE7Y2bnONLYKDVxDd4o7xtsPKKKarb0Ra_ccHnGNUpd0-Je_SyTw";
const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"a3","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

async fn gateway(service: &Backend, provider: SocketAddr) -> Gateway {
    let plugin = format!(
        r#"
[plugins.token]
component = "jwt-auth"
{PATIENT}
[plugins.token.grants]
fetch = ["idp"]
crypto = true
kv = true
request-edit = true
headers = {{ read = ["authorization"] }}
attributes = ["consumer.id", "auth.scopes", "auth.claims"]
[plugins.token.config]
issuer = "https://idp.example"
audience = "shop"
jwks = {{ upstream = "idp", path = "/jwks.json" }}
refresh = {{ timeout = "200ms" }}
cache = 0
headers = {{ x-user = "{{claims.sub}}" }}
"#
    );
    let route = toml::route("all", &format!("{}\nchain = [\"token\"]", toml::ALL));
    let upstreams = toml::upstream("service", service.address()) + &toml::upstream("idp", provider);
    Gateway::start(&[toml::LISTEN, &upstreams, &plugin, &route].concat()).await
}

async fn ask(gateway: &Gateway) -> Reply {
    let asked = request("GET", "/a").header("authorization", TOKEN).header("x-user", "root");
    gateway.client().send(asked, "").await
}

#[tokio::test]
async fn the_last_good_keys_serve_when_the_provider_is_gone() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let provider = Backend::start(|_| reply(200, KEYS)).await;
    let gateway = gateway(&service, provider.address()).await;
    assert_eq!(ask(&gateway).await.text(), "fine");
    assert_eq!(service.only().header("x-user"), Some("alice"), "and not what the client said");
    provider.stop().await;
    assert_eq!(ask(&gateway).await.status, 200, "verified anew, for nothing is remembered");
}

#[tokio::test]
async fn a_provider_that_is_down_from_the_start_is_no_fault_of_the_client() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let nobody = Unused::new();
    let gateway = gateway(&service, nobody.address()).await;
    ask(&gateway).await.problem(503);
    assert!(service.received().is_empty());
}

#[tokio::test]
async fn whatever_is_no_set_of_keys_lets_nobody_in() {
    let elsewhere = Backend::start(|_| reply(200, KEYS)).await;
    let location = format!("http://{}/jwks.json", elsewhere.address());
    for trouble in ["error", "page", "empty", "huge", "redirect"] {
        let service = Backend::start(|_| reply(200, "fine")).await;
        let location = HeaderValue::from_str(&location).expect("an address");
        let provider = Backend::start(move |_| match trouble {
            "error" => reply(500, KEYS),
            "page" => reply(200, "<html>Log in</html>"),
            "empty" => reply(200, r#"{"keys":[]}"#),
            "huge" => reply(200, format!("{}{KEYS}", " ".repeat(70_000))),
            _ => {
                let mut redirect = reply(302, "");
                redirect.headers_mut().insert("location", location.clone());
                redirect
            }
        })
        .await;
        let gateway = gateway(&service, provider.address()).await;
        let answer = ask(&gateway).await;
        assert_eq!(answer.status, 503, "{trouble}: {answer:?}");
        assert!(service.received().is_empty(), "{trouble}");
    }
    assert!(elsewhere.received().is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn a_slow_provider_is_not_waited_for() {
    let service = Backend::start(|_| reply(200, "fine")).await;
    let provider = Backend::start_async(|_| std::future::pending()).await;
    let gateway = gateway(&service, provider.address()).await;
    ask(&gateway).await.problem(503);
    assert!(service.received().is_empty());
}
