//! Which `Host` a service gets: the client's, its own, or one that is always the same.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use torana_tests::{Authority, Backend, Gateway, RawBackend, Setup, reply, request, toml};

use super::proxy;

const ASKED: &str = "Shop.example:8080";

/// An upstream with this in its table, and a route of the same name to it.
fn place(name: &str, service: &Backend, upstream: &str, route: &str) -> String {
    let upstream = format!("{}{upstream}\n", toml::upstream(name, service.address()));
    let takes = format!("match = {{ path = \"/{name}\" }}\nupstream = \"{name}\"\n{route}");
    upstream + &toml::route(name, &takes)
}

#[tokio::test]
async fn a_service_gets_the_host_that_its_upstream_says() {
    let service = Backend::start(|_| reply(200, "ok")).await;
    let own = service.address().to_string();
    let upgrade = "upgrade = [\"websocket\"]\n";
    let toml = [
        toml::LISTEN,
        &place("unsaid", &service, "", ""),
        &place("client", &service, "host = \"client\"", ""),
        &place("target", &service, "host = \"target\"", upgrade),
        &place("fixed", &service, "host = { name = \"API.partner.example\" }", ""),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    for (name, expected) in
        [("unsaid", ASKED), ("client", ASKED), ("target", &own), ("fixed", "api.partner.example")]
    {
        let asked = request("GET", &format!("/{name}")).header("host", ASKED);
        assert_eq!(gateway.client().send(asked, "").await.status, 200);
        let received = service.received().pop().expect("a request");
        assert_eq!(received.header("host"), Some(expected), "{name}");
        assert_eq!(received.header("x-forwarded-host"), Some(ASKED), "{name}");
    }
    // What asks for another protocol is a request like any other.
    let upgrade = request("GET", "/target").header("host", ASKED);
    let upgrade = upgrade.header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(gateway.client().send(upgrade, "").await.status, 200);
    let received = service.received().pop().expect("a request");
    assert_eq!(received.header("upgrade"), Some("websocket"));
    assert_eq!(received.header("host"), Some(&*own));
    assert_eq!(received.header("x-forwarded-host"), Some(ASKED));
}

#[tokio::test]
async fn a_copy_gets_the_host_that_the_mirrors_upstream_says() {
    let service = Backend::start(|_| reply(200, "ok")).await;
    let shadow = Backend::start(|_| reply(200, "ok")).await;
    let toml = [
        toml::LISTEN,
        &place("service", &service, "host = \"target\"", "mirror = { upstream = \"shadow\" }\n"),
        &toml::upstream("shadow", shadow.address()),
        "host = { name = \"next.shop.example\" }\n",
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let asked = request("GET", "/service").header("host", ASKED);
    assert_eq!(gateway.client().send(asked, "").await.status, 200);
    let copy = shadow.wait_for(1).await.remove(0);
    assert_eq!(service.only().header("host"), Some(&*service.address().to_string()));
    assert_eq!(copy.header("host"), Some("next.shop.example"));
    assert_eq!(copy.header("x-forwarded-host"), Some(ASKED));
}

/// A service behind TLS that knows itself as `localhost` and nobody else.
async fn virtual_host(authority: &Authority) -> RawBackend {
    let acceptor = authority.issue(&["localhost"]).acceptor();
    RawBackend::start(move |connection| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(connection.stream).await.expect("a handshake");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            let is_own = String::from_utf8_lossy(&head).contains("\r\nhost: localhost:");
            let status = if is_own { "200 OK" } else { "421 Misdirected Request" };
            let close = "connection: close\r\ncontent-length: 0\r\n\r\n";
            let answer = format!("HTTP/1.1 {status}\r\n{close}");
            stream.write_all(answer.as_bytes()).await.expect("it is open");
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_virtual_host_behind_tls_is_reached_by_its_own_name() {
    let authority = Authority::new();
    let service = virtual_host(&authority).await;
    let target = [format!("\"localhost:{}\"", service.address().port())];
    for (host, status) in [("", 421), ("host = \"target\"\n", 200)] {
        let more = format!("tls = {{ ca = \"ca.pem\" }}\n{host}");
        let setup = Setup::new(&proxy(&target, &more)).file("ca.pem", authority.pem());
        let gateway = setup.start().await;
        let asked = request("GET", "/").header("host", ASKED);
        assert_eq!(gateway.client().send(asked, "").await.status, status, "{host}");
    }
}
