//! A kept connection that the service closes just when it is used (RFC 9112, 9.3.1 and 9.5).

use tokio::sync::mpsc;
use torana_tests::{Gateway, RawBackend, request, within};

use super::proxy;

/// A service that says nothing of it and closes after each answer. It tells when it has.
async fn closing() -> (RawBackend, mpsc::UnboundedReceiver<String>) {
    let (says, said) = mpsc::unbounded_channel();
    let service = RawBackend::start(move |mut connection| {
        let says = says.clone();
        async move {
            let head = connection.head().await;
            let length = if head.contains("content-length: 5") { 5 } else { 0 };
            let body = connection.bytes(length).await;
            connection.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            drop(connection);
            let method = head.split(' ').next().unwrap_or_default();
            let _ = says.send(format!("{method} {}", String::from_utf8_lossy(&body)));
        }
    })
    .await;
    (service, said)
}

#[tokio::test]
async fn a_client_never_sees_that_a_kept_connection_was_closed() {
    let (service, mut said) = closing().await;
    let gateway = Gateway::start(&proxy(&[format!("\"{}\"", service.address())], "")).await;
    let client = gateway.client();
    for round in 0..60 {
        let (method, body) = [("GET", ""), ("POST", "order"), ("PUT", "thing")][round % 3];
        let answer = client.send(request(method, "/"), body).await;
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{method} in round {round}");
        // The next one is sent when the end has been, and the gateway may know or not.
        let seen = within("the end of the connection", said.recv()).await;
        assert_eq!(seen.unwrap(), format!("{method} {body}"), "nothing is sent twice");
    }
    assert!(said.try_recv().is_err());
}

#[tokio::test]
async fn what_the_service_may_have_acted_on_is_not_sent_again() {
    // The second request of a connection is read, and then there is no answer.
    let (says, mut said) = mpsc::unbounded_channel();
    let service = RawBackend::start(move |mut connection| {
        let says = says.clone();
        async move {
            connection.head().await;
            connection.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
            let head = connection.head().await;
            let _ = says.send(head.split(' ').next().unwrap_or_default().to_owned());
        }
    })
    .await;
    let gateway = Gateway::start(&proxy(&[format!("\"{}\"", service.address())], "")).await;
    let client = gateway.client();
    assert_eq!(client.get("/").await.status, 200);
    client.post("/", "").await.problem(502);
    assert_eq!(within("the order", said.recv()).await.unwrap(), "POST");
    // The same with a method that may be repeated is not seen.
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(within("the question", said.recv()).await.unwrap(), "GET");
}
