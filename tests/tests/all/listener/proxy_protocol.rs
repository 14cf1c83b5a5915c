//! A balancer in front says whose connection it is.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::rustls::pki_types::ServerName;
use torana_tests::{Authority, Backend, Gateway, Raw, Setup, raw, reply, toml, within};

use crate::guests::{handled, plugin, wait_for_metric};

const FROM_HERE: &str = "proxy_protocol = { from = [\"127.0.0.0/8\"] }\n";
const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A gateway with more in its listener's table, and a service that says whom it was told of. It
/// logs why connections end.
async fn gateway(more: &str) -> (Gateway, Backend) {
    let backend = Backend::start(|received| {
        let client = received.header("x-forwarded-for").unwrap_or("none");
        reply(200, client.to_owned())
    })
    .await;
    let (service, all) =
        (toml::upstream("service", backend.address()), toml::route("all", toml::ALL));
    let setup = Setup::new(&[toml::LISTEN, more, &service, &all].concat());
    (setup.env("TORANA_LOG", "torana=debug").start().await, backend)
}

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("short").to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, block].concat()
}

/// 192.0.2.9:51000, over TCP and IPv4, with an addition.
fn ipv4() -> Vec<u8> {
    let addresses = [192, 0, 2, 9, 198, 51, 100, 2, 0xc7, 0x38, 0x01, 0xbb];
    version_2(0x21, 0x11, &[&addresses[..], b"\x02\x00\x09a.example"].concat())
}

#[tokio::test]
async fn the_client_is_who_the_header_names() {
    let (gateway, _backend) = gateway(FROM_HERE).await;
    for (header, client) in [
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n".to_vec(), "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 ::1 51000 443\r\n".to_vec(), "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (ipv4(), "192.0.2.9"),
        (version_2(0x20, 0, b""), "127.0.0.1"),
    ] {
        let whole = [&header[..], GET.as_bytes()].concat();
        let answer = raw(gateway.address("public"), whole).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{client}")), "{header:?}: {answer}");
        // In two pieces, wherever it is cut.
        let mut slow = Raw::connect(gateway.address("public")).await;
        let (first, rest) = header.split_at(header.len() / 2);
        slow.write(first).await;
        tokio::task::yield_now().await;
        slow.write(rest).await;
        slow.write(GET).await;
        let answer = slow.read_to_close().await;
        assert!(answer.ends_with(&format!("\r\n\r\n{client}")), "{header:?}: {answer}");
    }
}

#[tokio::test]
async fn plugins_and_the_access_log_see_the_client() {
    let echo = plugin("echo", "echo", "") + &handled("[\"echo\"]");
    let log = "\n[access_log]\nfields = [\"client\", \"peer\"]\n";
    let gateway = Gateway::start(&[toml::LISTEN, FROM_HERE, log, &echo].concat()).await;
    let answer = raw(gateway.address("public"), [&ipv4()[..], GET.as_bytes()].concat()).await;
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    let seen: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(seen["client"], "192.0.2.9", "{seen:#}");
    let line = gateway.output().wait("the line", |line| line.contains("client")).await;
    assert!(line.contains("192.0.2.9") && line.contains("51000"), "{line}");
}

#[tokio::test]
async fn who_must_send_a_header_and_does_not_is_closed() {
    let (gateway, backend) = gateway(FROM_HERE).await;
    let cases: [&[u8]; 5] = [
        GET.as_bytes(),
        b"PROXY TCP4 192.0.2.1\r\nGET / HTTP/1.1\r\n\r\n",
        &[b'P'; 300],
        &version_2(0x21, 0x11, b"short"),
        b"",
    ];
    for bytes in cases {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(bytes).await;
        client.finish().await;
        assert_eq!(client.read_to_close().await, "", "{bytes:?}");
    }
    wait_for_metric(&gateway, "torana_connections_failed_total", &[], cases.len() as f64).await;
    for why in ["wrong at byte 0", "wrong at byte 20", "wrong at byte 1:", "wrong at byte 14"] {
        gateway.wait_for_log("the reason", |line| line.contains(why)).await;
    }
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_header_that_does_not_end_is_not_waited_for() {
    let limits = format!("{FROM_HERE}limits = {{ head_timeout = \"100ms\" }}\n");
    let (gateway, _backend) = gateway(&limits).await;
    for beginning in ["", "PROXY TCP4 192.0.2.1 "] {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(beginning).await;
        assert_eq!(client.read_to_close().await, "");
    }
    wait_for_metric(&gateway, "torana_connections_open", &[], 0.0).await;
}

#[tokio::test]
async fn others_choose_no_address() {
    let (gateway, backend) = gateway("proxy_protocol = { from = [\"10.0.0.0/8\"] }\n").await;
    let answer = raw(gateway.address("public"), GET).await;
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
    let header = "PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n";
    let answer = raw(gateway.address("public"), [header, GET].concat()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = raw(gateway.address("public"), [&ipv4()[..], GET.as_bytes()].concat()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(backend.received().len(), 1);
}

#[tokio::test]
async fn a_client_that_is_no_trusted_proxy_cannot_name_another() {
    let (gateway, _backend) =
        gateway(&format!("{FROM_HERE}trusted_proxies = [\"127.0.0.0/8\"]\n")).await;
    let get = GET.replace("\r\n\r\n", "\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    let header = "PROXY TCP4 192.0.2.1 198.51.100.2 51000 443\r\n";
    let answer = raw(gateway.address("public"), [header, &get].concat()).await;
    assert!(answer.ends_with("\r\n\r\n192.0.2.1"), "{answer}");
}

async fn connect(address: SocketAddr) -> TcpStream {
    let mut tcp = TcpStream::connect(address).await.expect("connecting");
    tcp.write_all(&ipv4()).await.expect("writing");
    tcp
}

fn get(uri: &str) -> http::Request<Full<bytes::Bytes>> {
    http::Request::get(uri).header("host", "a.example").body(Full::default()).expect("a request")
}

async fn text(reply: http::Response<hyper::body::Incoming>) -> bytes::Bytes {
    reply.into_body().collect().await.expect("a body").to_bytes()
}

async fn over_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> bytes::Bytes {
    let (mut client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    text(client.send_request(get("http://a.example/a")).await.expect("a reply")).await
}

#[tokio::test]
async fn it_stands_before_http2_and_before_tls() {
    let (gateway, backend) = gateway(FROM_HERE).await;
    assert_eq!(over_http2(connect(gateway.address("public")).await).await, "192.0.2.9");

    let authority = Authority::new();
    let identity = authority.issue(&["a.example"]);
    let tls = "tls = [{ cert = \"a.pem\", key = \"a.key\" }]\n";
    let service = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, FROM_HERE, tls, &service, &toml::route("all", toml::ALL)].concat();
    let setup = Setup::new(&toml).file("a.pem", &identity.cert).file("a.key", &identity.key);
    let gateway = setup.start().await;
    for protocol in ["http/1.1", "h2"] {
        let tcp = connect(gateway.address("public")).await;
        let name = ServerName::try_from("a.example").expect("a name");
        let connector = authority.connector(&[protocol], None);
        let mut tls = within("a handshake", connector.connect(name, tcp)).await.expect("TLS");
        if protocol == "h2" {
            assert_eq!(over_http2(tls).await, "192.0.2.9");
            continue;
        }
        tls.write_all(GET.as_bytes()).await.expect("writing");
        let mut answer = String::new();
        let _ = within("an answer", tls.read_to_string(&mut answer)).await;
        assert!(answer.ends_with("192.0.2.9"), "{answer}");
    }
}

#[tokio::test]
async fn a_kept_connection_stays_its_clients() {
    let (gateway, _backend) = gateway(FROM_HERE).await;
    let io = TokioIo::new(connect(gateway.address("public")).await);
    let (mut client, connection) = http1::handshake(io).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    for _ in 0..3 {
        assert_eq!(text(client.send_request(get("/a")).await.expect("a reply")).await, "192.0.2.9");
    }
}
