//! Connections over TLS that the gateway gives up end with a close_notify (RFC 8446, 6.1), so that the
//! service can tell this end from one that somebody in between has made.

use std::io::ErrorKind;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};
use torana_tests::{Authority, Gateway, RawBackend, Setup, within};

use super::proxy;

/// A service behind TLS that answers once, and tells how its connection has ended.
async fn service(
    authority: &Authority,
) -> (RawBackend, mpsc::UnboundedReceiver<Option<ErrorKind>>) {
    let acceptor = authority.issue(&["127.0.0.1"]).acceptor();
    let (says, said) = mpsc::unbounded_channel();
    let service = RawBackend::start(move |connection| {
        let (acceptor, says) = (acceptor.clone(), says.clone());
        async move {
            let mut stream = acceptor.accept(connection.stream).await.expect("a handshake");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.expect("a request"));
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.expect("it is open");
            let end = stream.read_to_end(&mut Vec::new()).await;
            let _ = says.send(end.err().map(|why| why.kind()));
        }
    })
    .await;
    (service, said)
}

fn config(service: &RawBackend, keep_alive: &str) -> String {
    let more = format!("tls = {{ ca = \"ca.pem\" }}\nkeep_alive = {{ {keep_alive} }}");
    proxy(&[format!("\"{}\"", service.address())], &more)
}

async fn start(authority: &Authority, toml: &str) -> Gateway {
    let gateway = Setup::new(toml).file("ca.pem", authority.pem()).start().await;
    assert_eq!(gateway.client().get("/").await.text(), "ok");
    gateway
}

#[tokio::test]
async fn a_connection_that_was_idle_long_enough_ends_with_a_goodbye() {
    let authority = Authority::new();
    let (service, mut said) = service(&authority).await;
    let _gateway = start(&authority, &config(&service, "idle = \"50ms\"")).await;
    assert_eq!(within("the end", said.recv()).await, Some(None));
}

#[tokio::test]
async fn connections_of_an_upstream_that_a_reload_changes_end_with_a_goodbye() {
    let authority = Authority::new();
    let (service, mut said) = service(&authority).await;
    let gateway = start(&authority, &config(&service, "idle = \"1h\"")).await;
    gateway.write(&config(&service, "idle = \"2h\""));
    gateway.signal_reload();
    assert_eq!(within("the end", said.recv()).await, Some(None));
}
