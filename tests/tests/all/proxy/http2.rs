//! HTTP/2 in front (by prior knowledge), HTTP/1.1 behind.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use torana_tests::{
    Backend, Gateway, Raw, RawBackend,
    h2raw::{self, H2Raw},
    reply, toml, within,
};

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let tcp = TcpStream::connect(address).await.expect("connecting");
    let (client, connection) =
        handshake(TokioExecutor::new(), TokioIo::new(tcp)).await.expect("the handshake");
    tokio::spawn(connection);
    client
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let uri = format!("http://shop.example{path}");
    Request::builder()
        .method(method)
        .uri(uri)
        .version(Version::HTTP_2)
        .body(Full::new(body.into()))
        .expect("a request")
}

#[tokio::test]
async fn requests_share_a_connection_and_reach_the_service() {
    let backend = Backend::start(|received| {
        let host = received.header("host").unwrap_or("none").to_owned();
        reply(200, format!("{} {host} {}", received.method, received.body.len()))
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let client = connect(gateway.address("public")).await;
    let large = vec![b'x'; 300_000];
    let all = (0..20).map(|_| {
        let mut client = client.clone();
        let request = request("POST", "/things", large.clone());
        async move {
            let response = client.send_request(request).await.expect("an answer");
            assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_2));
            response.into_body().collect().await.expect("its body").to_bytes()
        }
    });
    for body in futures_util::future::join_all(all).await {
        assert_eq!(body, "POST shop.example 300000");
    }
    // RFC 9110, 7.6.3: how it was received.
    let via = backend.received()[0].header("via").expect("via").to_owned();
    assert!(via.starts_with("2 torana-"), "{via}");
}

#[tokio::test]
async fn refusals_are_answers_on_their_stream_only() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut client = connect(gateway.address("public")).await;
    let refused = client.send_request(request("GET", "/a%2Fb", "")).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let fine = client.send_request(request("GET", "/a", "")).await.expect("an answer");
    assert_eq!(fine.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_does_not_read_holds_nobody_else_up() {
    let large = Bytes::from(vec![b'x'; 64 << 20]);
    let backend = Backend::start(move |received| match received.target.as_str() {
        "/large" => reply(200, large.clone()),
        _ => reply(200, "small"),
    })
    .await;
    let behind = Gateway::start(&toml::proxy(backend.address())).await;
    // One connection of HTTP/2 between the two.
    let proxy = toml::proxy(behind.address("public")).replace("workers = 2", "workers = 1");
    let targets = format!("targets = [\"{}\"]", behind.address("public"));
    let proxy = proxy.replace(&targets, &format!("{targets}\nprotocol = \"h2\""));
    let gateway = Gateway::start(&proxy).await;
    let mut idle = Vec::new();
    for _ in 0..24 {
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.read_head().await.starts_with("HTTP/1.1 200"));
        idle.push(client);
    }
    for _ in 0..5 {
        assert_eq!(gateway.client().get("/small").await.text(), "small");
    }
}

#[tokio::test]
async fn an_upload_that_nobody_takes_holds_up_no_others() {
    let backend = Backend::start(|received| reply(200, received.body.len().to_string())).await;
    let deaf = RawBackend::start(|mut connection| async move {
        connection.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let proxy = [
        &*toml::proxy(backend.address()),
        &toml::upstream("deaf", deaf.address()),
        &toml::route("deaf", "match = { path = \"/deaf\" }\nupstream = \"deaf\""),
    ];
    let gateway = Gateway::start(&proxy.concat()).await;
    let mut client = connect(gateway.address("public")).await;
    let large = Bytes::from(vec![b'x'; 16 << 20]);
    tokio::spawn(client.send_request(request("POST", "/deaf", large.clone())));
    for _ in 0..5 {
        let sent = client.send_request(request("POST", "/", "12345"));
        let answer = within("an answer", sent).await.expect("an answer");
        let body = within("its body", answer.into_body().collect()).await.expect("its body");
        assert_eq!(body.to_bytes(), "5");
    }
}

#[tokio::test]
async fn heads_have_the_bounds_that_those_of_http1_have() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut client = connect(gateway.address("public")).await;
    let mut many = request("GET", "/many", "");
    for number in 0..150 {
        let name = http::HeaderName::try_from(format!("x-{number}")).expect("a name");
        many.headers_mut().insert(name, http::HeaderValue::from_static("1"));
    }
    let mut large = request("GET", "/large", "");
    let value = http::HeaderValue::try_from("x".repeat(70_000)).expect("a value");
    large.headers_mut().insert("x-large", value);
    for refused in [many, large] {
        let answer = client.send_request(refused).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let body = answer.into_body().collect().await.expect("its body").to_bytes();
        assert!(body.windows(14).any(|part| part == b"head-too-large"), "{body:?}");
    }
    let fine = client.send_request(request("GET", "/a", "")).await.expect("an answer");
    assert_eq!(fine.status(), StatusCode::OK);
    assert_eq!(backend.received().len(), 1);
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_written_down() {
    let backend = Backend::start(|_| reply(200, "fine")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    let fields: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"a.example"),
        (b":path", b"/\xe9"),
    ];
    let head = h2raw::frame(h2raw::kind::HEADERS, h2raw::WHOLE, 1, &h2raw::block(&fields));
    raw.send(head).await;
    gateway.wait_for_log("why it ended", |line| line.contains("this is no HTTP/2")).await;
}
