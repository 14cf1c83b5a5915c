//! Connections that become something else (RFC 9110, 7.8; RFC 6455; RFC 8441).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
    ext::Protocol,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use torana_tests::{
    Gateway, Raw, RawBackend, RawConnection, accept_of, command::torana, toml, within,
};

use crate::guests::{PATIENT, plugin};

const UPGRADE: &str = "upgrade = [\"websocket\"]\n";

/// The example of RFC 6455, 1.3.
const ASK: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A service that switches, says "hello", and then answers with what it is sent. Gives the heads
/// that it has seen.
async fn echo() -> (RawBackend, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    let backend = RawBackend::start(move |mut connection: RawConnection| {
        let seen = seen.clone();
        async move {
            let head = connection.head().await;
            let key = header(&head, "sec-websocket-key").unwrap_or_default();
            seen.lock().unwrap().push(head);
            let accept = accept_of(&key);
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\nhello"
            );
            connection.write(answer).await;
            let (mut from, mut to) = connection.stream.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        }
    })
    .await;
    (backend, heads)
}

fn header(head: &str, name: &str) -> Option<String> {
    let line = |line: &str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    head.lines().find_map(line)
}

#[tokio::test]
async fn a_websocket_passes_both_ways() {
    let (backend, heads) = echo().await;
    let log = "[access_log]\nfields = [\"status\", \"request_bytes\", \"response_bytes\", \"complete\"]\n";
    let toml = format!("{log}{}", toml::proxy_with(backend.address(), UPGRADE));
    let gateway = Gateway::start(&toml).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ] {
        assert_eq!(header(&head, name).as_deref(), Some(value), "{head}");
    }
    assert_eq!(client.read_exact(5).await, "hello");
    let long = "0123456789".repeat(20_000);
    client.write("ping").await;
    assert_eq!(client.read_exact(4).await, "ping");
    // More than any buffer on the way holds, in pieces that each come back.
    for piece in long.as_bytes().chunks(40_000) {
        client.write(piece).await;
        assert_eq!(client.read_exact(piece.len()).await.as_bytes(), piece);
    }
    client.finish().await;
    assert_eq!(client.read_to_close().await, "");
    let seen = heads.lock().unwrap()[0].clone();
    assert_eq!(header(&seen, "upgrade").as_deref(), Some("websocket"), "{seen}");
    assert_eq!(header(&seen, "connection").as_deref(), Some("upgrade"), "{seen}");
    assert!(seen.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{seen}");
    let line = gateway.output().wait("a line", |_| true).await;
    let expected =
        "{\"status\":101,\"request_bytes\":200004,\"response_bytes\":200009,\"complete\":true}";
    assert_eq!(line, expected);
}

#[tokio::test]
async fn without_leave_a_request_is_like_any_other() {
    let (backend, heads) = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    // The service switches all the same, which nobody asked it for.
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    let seen = heads.lock().unwrap()[0].clone();
    assert_eq!((header(&seen, "upgrade"), header(&seen, "connection")), (None, None), "{seen}");
}

#[tokio::test]
async fn any_protocol_may_be_granted_and_only_that_is() {
    const ASK: &str =
        "GET /talk HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: Talk/2\r\n\r\n";
    let talk = RawBackend::start(|mut connection: RawConnection| async move {
        let head = connection.head().await;
        if header(&head, "upgrade").is_none() {
            return connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain").await;
        }
        let switched =
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: talk/2\r\n\r\n";
        connection.write(switched).await;
        let (mut from, mut to) = connection.stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    })
    .await;
    for (granted, expected) in [("[\"websocket\", \"talk/2\"]", "101"), ("[\"websocket\"]", "200")]
    {
        let more = format!("upgrade = {granted}");
        let gateway = Gateway::start(&toml::proxy_with(talk.address(), &more)).await;
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(ASK).await;
        let head = client.read_head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{head}");
        let is_switched = expected == "101";
        assert_eq!(header(&head, "upgrade").is_some(), is_switched, "{head}");
        assert!(header(&head, "sec-websocket-accept").is_none(), "{head}");
        client.write("words").await;
        assert_eq!(client.read_exact(5).await, if is_switched { "words" } else { "plain" });
    }
}

#[tokio::test]
async fn a_refusal_of_the_service_or_of_a_plugin_passes() {
    let refusing =
        RawBackend::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let gateway = Gateway::start(&toml::proxy_with(refusing.address(), UPGRADE)).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 403 ") && header(&head, "upgrade").is_none(), "{head}");
    assert_eq!(client.read_exact(2).await, "no");

    let (backend, heads) = echo().await;
    let require = format!(
        "\n[plugins.require]\ncomponent = \"require\"\n{PATIENT}\nconfig = {{ headers = [\"x-user\"] }}\n"
    );
    let more = format!("{UPGRADE}chain = [\"require\"]");
    let toml = toml::proxy_with(backend.address(), &more) + &require;
    let gateway = Gateway::start(&toml).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 400 "));
    assert!(heads.lock().unwrap().is_empty(), "the service was not asked");
}

#[tokio::test]
async fn silence_ends_it() {
    let (backend, _) = echo().await;
    let more = format!("{UPGRADE}upgrade_idle = \"50ms\"");
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), &more)).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    client.read_head().await;
    assert_eq!(client.read_to_close().await, "hello");
}

/// An extended CONNECT, and the connection that it was made on.
async fn connect(gateway: &Gateway) -> (Response<Incoming>, SendRequest<Empty<Bytes>>) {
    let tcp = TcpStream::connect(gateway.address("public")).await.expect("connecting");
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.expect("h2");
    tokio::spawn(connection);
    let ask = || {
        let mut request = Request::connect("http://a.example/chat").body(Empty::<Bytes>::new());
        let request_mut = request.as_mut().expect("a request");
        request_mut.extensions_mut().insert(Protocol::from_static("websocket"));
        request_mut.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
        request.expect("a request")
    };
    // The client may ask so only when it has seen the gateway's settings.
    loop {
        match sender.send_request(ask()).await {
            Ok(response) => return (response, sender),
            Err(_) => sender.ready().await.expect("the connection lives"),
        }
    }
}

#[tokio::test]
async fn over_http2_nothing_is_opened_without_leave() {
    let (backend, heads) = echo().await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let (response, _sender) = connect(&gateway).await;
    assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
    assert!(heads.lock().unwrap().is_empty(), "it is no GET either");
    // A 2xx would mean that there is a tunnel.
    let fine = RawBackend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno").await;
    let gateway = Gateway::start(&toml::proxy_with(fine.address(), UPGRADE)).await;
    let (response, _sender) = connect(&gateway).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_tunnel_keeps_its_http2_connection_and_a_stop_waiting() {
    let (backend, _) = echo().await;
    let limits = "limits = { idle_timeout = \"100ms\", head_timeout = \"100ms\" }\n";
    let log = "[access_log]\nfields = [\"status\", \"request_bytes\"]\n";
    let toml = [
        log,
        toml::LISTEN,
        limits,
        &toml::upstream("service", backend.address()),
        &toml::route("all", &format!("{}\n{UPGRADE}", toml::ALL)),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let (response, sender) = connect(&gateway).await;
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.expect("an upgrade"));
    let mut text = [0; 5];
    socket.read_exact(&mut text).await.expect("hello");
    // Far longer than an idle connection lives: four of them, one after the other.
    for _ in 0..4 {
        let mut idle = Raw::connect(gateway.address("public")).await;
        assert_eq!(idle.read_to_close().await, "");
        socket.write_all(b"piece").await.expect("it is open");
        within("the echo", socket.read_exact(&mut text)).await.expect("it is open");
    }
    gateway.signal(Signal::SIGTERM);
    gateway.wait_for_log("the stop", |line| line.contains("stopping")).await;
    socket.write_all(b"piece").await.expect("it is open");
    within("the echo", socket.read_exact(&mut text)).await.expect("it is open");
    socket.shutdown().await.expect("closing");
    drop((socket, sender));
    let line = gateway.output().wait("a line", |_| true).await;
    assert_eq!(line, "{\"status\":200,\"request_bytes\":25}");
}

#[tokio::test]
async fn over_http2_it_is_an_extended_connect() {
    let (backend, heads) = echo().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), UPGRADE)).await;
    let (response, _sender) = connect(&gateway).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("sec-websocket-accept"));
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.expect("an upgrade"));
    socket.write_all(b" and on").await.expect("writing");
    let mut text = [0; 12];
    within("the echo", socket.read_exact(&mut text)).await.expect("reading");
    assert_eq!(&text, b"hello and on");
    let seen = heads.lock().unwrap()[0].clone();
    assert!(seen.starts_with("GET /chat HTTP/1.1\r\n"), "{seen}");
    assert_eq!(header(&seen, "sec-websocket-key").map(|key| key.len()), Some(24), "{seen}");
}

#[tokio::test]
async fn a_426_says_what_would_do() {
    // RFC 9110, 15.5.22.
    let service = RawBackend::answering(
        "HTTP/1.1 426 Upgrade Required\r\nConnection: X-Internal, Upgrade\r\n\
         Upgrade: websocket, chat\r\nX-Internal: 1\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let answer = gateway.client().get("/chat").await;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("upgrade"), Some("websocket, chat"));
    assert_eq!(answer.header("connection"), Some("upgrade"));
    assert_eq!(answer.header("x-internal"), None);
    // HTTP/2 has neither field (RFC 9113, 8.2.2), HTTP/1.0 no upgrades.
    let gateway = Gateway::start(&toml::proxy_with(service.address(), UPGRADE)).await;
    let (response, _sender) = connect(&gateway).await;
    assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
    assert!(!response.headers().contains_key("upgrade"), "{response:?}");
    assert!(!response.headers().contains_key("connection"), "{response:?}");
    let old = torana_tests::raw(gateway.address("public"), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    let old = old.await.to_lowercase();
    assert!(old.contains(" 426 ") && !old.contains("\r\nupgrade:"), "{old}");
}

#[tokio::test]
async fn it_does_not_go_past_plugins_that_read_bodies() {
    let target = "127.0.0.1:9".parse().unwrap();
    let of_route = toml::proxy_with(target, &format!("{UPGRADE}chain = [\"upper\"]"));
    let listen = "[listen.public]\n";
    let of_listener = toml::proxy_with(target, UPGRADE)
        .replace(listen, &format!("{listen}chain = [\"upper\"]\n"));
    for (toml, help) in [
        (of_route, "give upgrades a route of their own"),
        (of_listener, "name it in the chains of those that need it"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let toml = toml + &plugin("upper", "body-upper", "");
        std::fs::write(folder.path().join("gateway.toml"), toml).expect("writing");
        let said = torana(folder.path(), &["check", "gateway.toml"]).expect(1).stderr;
        assert!(
            said.contains("plugin `upper` would not see what passes after an upgrade"),
            "{said}"
        );
        assert!(said.contains(help), "{said}");
    }
}
