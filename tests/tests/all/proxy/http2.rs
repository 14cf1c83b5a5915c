//! HTTP/2 in front (by prior knowledge), HTTP/1.1 behind.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use torana_tests::{Backend, Gateway, reply, toml};

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
