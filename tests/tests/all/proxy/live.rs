//! Replies that take their time: events that come one by one, and polls that wait for news.

use std::net::SocketAddr;

use async_compression::tokio::bufread::GzipDecoder;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, Response};
use tokio::{io::AsyncReadExt as _, sync::mpsc};
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, RawConnection, reply, stream as body_of, toml, within,
};

use crate::guests::{PATIENT, marker};

const ASK: &str = "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\
    Accept-Encoding: gzip\r\n\r\n";

/// A service with one stream of events, which are sent when the test says so.
async fn events() -> (Backend, mpsc::UnboundedSender<String>) {
    let (sender, receiver) = mpsc::unbounded_channel::<String>();
    let receiver = std::sync::Mutex::new(Some(receiver));
    let backend = Backend::start(move |_| {
        let mut events = receiver.lock().unwrap().take().expect("one request");
        let events = stream::poll_fn(move |cx| events.poll_recv(cx));
        let mut answer = Response::new(body_of(events.map(|event| Ok(event.into()))));
        let kind = HeaderValue::from_static("text/event-stream");
        answer.headers_mut().insert("content-type", kind);
        answer
    })
    .await;
    (backend, sender)
}

/// Three events, each of which is seen before the next is made.
async fn expect_one_by_one(chain: &str) {
    let (backend, sender) = events().await;
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), chain)).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write(ASK).await;
    let head = client.read_head().await;
    assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
    assert!(!head.contains("content-encoding"), "{head}");
    for number in 0..3 {
        sender.send(format!("data: {number}\n\n")).expect("it is asked for");
        let chunk = format!("9\r\ndata: {number}\n\n\r\n");
        assert_eq!(client.read_exact(chunk.len()).await, chunk);
    }
    drop(sender);
    assert_eq!(client.read_until("\r\n\r\n").await, "0\r\n\r\n");
}

#[tokio::test]
async fn events_come_one_by_one() {
    expect_one_by_one("").await;
}

#[tokio::test]
async fn events_come_one_by_one_past_plugins_that_need_heads_only() {
    expect_one_by_one(&format!("chain = [\"a\", \"b\"]\n{}{}", marker("a"), marker("b"))).await;
}

fn compress(config: &str) -> String {
    format!(
        "chain = [\"compress\"]\n[plugins.compress]\ncomponent = \"compress\"\n{PATIENT}\n\
         grants = {{ response-body = \"read-write\", response-edit = true }}\n{config}"
    )
}

#[tokio::test]
async fn events_pass_compress_as_they_are() {
    expect_one_by_one(&compress("")).await;
}

#[tokio::test]
async fn events_that_are_compressed_can_each_be_read_at_once() {
    let (backend, sender) = events().await;
    let chain = compress("config.types = [\"text/event-stream\"]");
    let gateway = Gateway::start(&toml::proxy_with(backend.address(), &chain)).await;
    let asked = torana_tests::request("GET", "/events").header("accept-encoding", "gzip");
    let mut answer = gateway.client().open(asked).await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let (mut encoded, mut expected) = (Vec::new(), String::new());
    for number in 0..3 {
        let event = format!("data: {number}\n\n");
        sender.send(event.clone()).expect("it is asked for");
        expected += &event;
        let read = async {
            while decoded_part(&encoded).await != expected.as_bytes() {
                encoded.extend(answer.more().await.expect("more"));
            }
        };
        within("an event", read).await;
    }
}

/// What can be decoded of a part.
async fn decoded_part(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    // It ends in an error, for the end is not there.
    let _ = GzipDecoder::new(encoded).read_to_end(&mut decoded).await;
    decoded
}

/// A service that sends one event and says when its client has gone.
async fn one_event() -> (RawBackend, mpsc::UnboundedReceiver<()>) {
    let (sender, gone) = mpsc::unbounded_channel();
    let backend = RawBackend::start(move |mut connection: RawConnection| {
        let sender = sender.clone();
        async move {
            connection.head().await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
            let event = "Transfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n";
            connection.write(format!("{head}{event}")).await;
            connection.rest().await;
            let _ = sender.send(());
        }
    })
    .await;
    (backend, gone)
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream_at_the_service() {
    for chain in ["".to_owned(), format!("chain = [\"a\"]\n{}", marker("a"))] {
        let (backend, mut gone) = one_event().await;
        let gateway = Gateway::start(&toml::proxy_with(backend.address(), &chain)).await;
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(ASK).await;
        client.read_head().await;
        assert_eq!(client.read_exact(12).await, "7\r\ndata: 1\r\n");
        drop(client);
        within("the service's connection to end", gone.recv()).await.expect("it was served");
    }
}

/// `timeouts.idle` of an upstream, `timeout` of a route: whichever is over first.
#[tokio::test]
async fn a_stream_that_is_silent_for_too_long_breaks_off() {
    let quiet = |target: SocketAddr, timeouts: &str, more: &str| {
        let upstream = format!("{}{timeouts}\n", toml::upstream("service", target));
        [toml::LISTEN, &upstream, &toml::route("all", &format!("{}\n{more}", toml::ALL))].concat()
    };
    for (timeouts, more) in [("timeouts.idle = \"200ms\"", ""), ("", "timeout = \"200ms\"")] {
        let (backend, mut gone) = one_event().await;
        let gateway = Gateway::start(&quiet(backend.address(), timeouts, more)).await;
        let mut client = Raw::connect(gateway.address("public")).await;
        client.write(ASK).await;
        client.read_head().await;
        // Without the last chunk: nobody takes it for a whole reply.
        assert_eq!(client.read_to_close().await, "7\r\ndata: 1\r\n");
        within("the service's connection to end", gone.recv()).await.expect("it was served");
    }
}

#[tokio::test]
async fn a_long_poll_outlives_the_patience_with_idle_connections() {
    let (sender, news) = mpsc::unbounded_channel::<&'static str>();
    let news = std::sync::Arc::new(tokio::sync::Mutex::new(news));
    let backend = Backend::start_async(move |_| {
        let news = news.clone();
        async move { reply(200, news.lock().await.recv().await.expect("news")) }
    })
    .await;
    let limits = "limits = { idle_timeout = \"100ms\", head_timeout = \"100ms\" }\n";
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, limits, &upstream, &toml::route("all", toml::ALL)].concat();
    let gateway = Gateway::start(&toml).await;
    let mut client = Raw::connect(gateway.address("public")).await;
    client.write("GET /news HTTP/1.1\r\nHost: a\r\n\r\n").await;
    backend.wait_for(1).await;
    // As long as twenty idle connections live, one after the other: two seconds and more.
    for _ in 0..20 {
        let mut idle = Raw::connect(gateway.address("public")).await;
        assert_eq!(idle.read_to_close().await, "");
    }
    sender.send("here they are").expect("it is waited for");
    client.read_head().await;
    assert_eq!(client.read_exact(13).await, "here they are");
}
