//! WebSockets: the opening handshake, which is between client and service; the gateway passes it on
//! where a route grants that. What passes afterwards is in `tests/all/proxy/upgrade.rs`.

use torana_tests::{Gateway, Raw, RawBackend, RawConnection, accept_of, toml};

use super::{header, status};

/// The example of section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A service that switches whenever it is asked to by version 13.
pub(super) async fn switching() -> RawBackend {
    RawBackend::start(|mut connection: RawConnection| async move {
        let head = connection.head().await;
        let accept = accept_of(&header(&head, "sec-websocket-key").unwrap_or_default());
        let answer = match header(&head, "sec-websocket-version").as_deref() {
            _ if header(&head, "upgrade").is_none() => "200 OK\r\nContent-Length: 0\r\n\r\n".into(),
            Some("13") => format!(
                "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
            ),
            _ => "426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"
                .into(),
        };
        connection.write(format!("HTTP/1.1 {answer}")).await;
        connection.rest().await;
    })
    .await
}

/// The head of the answer to a handshake with these lines.
async fn shake(lines: &str) -> String {
    let backend = switching().await;
    let more = "upgrade = [\"websocket\"]";
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), more)).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write(format!("{lines}\r\nHost: a\r\nSec-WebSocket-Key: {KEY}\r\n\r\n")).await;
    raw.read_head().await
}

#[tokio::test]
async fn s4_2_2_what_the_service_accepts_reaches_the_client() {
    let head = shake(
        "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: chat, superchat",
    )
    .await;
    assert_eq!(status(&head), 101);
    assert_eq!(header(&head, "sec-websocket-accept").as_deref(), Some(ACCEPT));
    assert_eq!(header(&head, "sec-websocket-protocol").as_deref(), Some("chat"));
    assert_eq!(header(&head, "upgrade").map(|it| it.to_lowercase()).as_deref(), Some("websocket"));
    assert_eq!(header(&head, "connection").map(|it| it.to_lowercase()).as_deref(), Some("upgrade"));
}

#[tokio::test]
async fn s4_2_2_another_version_is_refused_by_the_service() {
    let head = shake(
        "GET /chat HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8",
    )
    .await;
    assert_eq!(status(&head), 426);
    assert_eq!(header(&head, "sec-websocket-version").as_deref(), Some("13"));
}

#[tokio::test]
async fn s4_2_1_without_connection_upgrade_it_is_no_handshake() {
    let head = shake("GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13").await;
    assert_eq!(status(&head), 200);
}
