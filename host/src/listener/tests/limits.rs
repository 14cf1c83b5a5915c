//! What clients may take: time, connections, bytes and streams.

use super::*;

#[tokio::test]
async fn a_handshake_that_hangs_is_given_up() {
    let authority = Authority::new();
    let tls = server_config(&[authority.issue(&["a.example"])], None).unwrap();
    let limits = ListenLimits { head_timeout: short(), ..limits() };
    let settings = Settings { name: "tls".into(), tls: Some(tls), ..settings(limits) };
    let running = Running::start_with(Mirror, settings);
    assert_eq!(rest(&mut running.connect().await).await, "");
    assert_eq!((running.connections.failed(), running.connections.open()), (1, 0));
}

#[tokio::test]
async fn too_many_connections_are_closed_at_once() {
    let running = Running::start(Mirror, ListenLimits { connections: 1, ..limits() });
    let mut first = running.asked().await;
    response(&mut first).await;
    assert_eq!(rest(&mut running.connect().await).await, "");
    assert_eq!((running.connections.refused(), running.connections.open()), (1, 1));
    // It counts what is open, and a change of the settings holds for the next connection.
    let mut settings = Settings::clone(&running.settings.load());
    settings.limits.connections = 2;
    running.settings.store(Arc::new(settings));
    let mut second = running.asked().await;
    response(&mut second).await;
}

#[tokio::test]
async fn idle_connections_are_closed() {
    // Long enough for a request to come in time on a busy machine.
    let idle_timeout = 20 * short();
    let running = Running::start(Mirror, ListenLimits { idle_timeout, ..limits() });
    assert_eq!(rest(&mut running.connect().await).await, "");
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.write_all(GET).await.unwrap();
        response(&mut client).await;
    }
    assert_eq!(rest(&mut client).await, "");

    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap();
    connection.await.unwrap().unwrap();
    let connections = running.connections.clone();
    running.stop(Duration::from_secs(5)).await;
    assert_eq!(connections.open(), 0);
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let running = Running::start(Mirror, ListenLimits { head_timeout: short(), ..limits() });
    for beginning in ["GET / HTT", "P", "\r\n"] {
        let mut client = running.connect().await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut client).await, "");
    }
    // The second head of a connection too, while the wait for it was none of its time.
    let mut client = running.asked().await;
    response(&mut client).await;
    tokio::time::sleep(3 * short()).await;
    client.write_all(GET).await.unwrap();
    response(&mut client).await;
    client.write_all(&GET[..9]).await.unwrap();
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn a_request_may_take_longer_than_the_idle_timeout() {
    let (gate, keeper) = gate();
    let patience = 10 * short();
    let limits = ListenLimits { idle_timeout: patience, head_timeout: patience, ..limits() };
    let running = Running::start(gate, limits);
    let mut client = running.asked().await;
    keeper.begun.await.unwrap();
    tokio::time::sleep(2 * patience).await;
    keeper.release.send(()).unwrap();
    assert!(response(&mut client).await.ends_with("late"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    /// Drops the sender when it is dropped itself.
    struct Endless(#[expect(dead_code)] oneshot::Sender<()>);
    impl futures_util::Stream for Endless {
        type Item = Result<Frame<Bytes>, BodyError>;
        fn poll_next(
            self: Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16 << 10])))))
        }
    }
    let (alive, gone) = oneshot::channel();
    let body = Body::boxed(StreamBody::new(Endless(alive)));
    let running =
        Running::start(Script::one(body), ListenLimits { idle_timeout: short(), ..limits() });
    let client = running.asked().await;
    assert!(gone.await.is_err());
    drop(client);
}

#[tokio::test]
async fn heads_have_limits() {
    let small = ListenLimits { headers: 4, head_bytes: 1024, ..limits() };
    let running = Running::start(Mirror, small);
    let ask = async |headers: String| {
        let mut client = running.connect().await;
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        String::from_utf8(status.to_vec()).unwrap()
    };
    assert_eq!(ask("x: y\r\n".repeat(3)).await, "HTTP/1.1 200");
    assert_eq!(ask("x: y\r\n".repeat(4)).await, "HTTP/1.1 431");
    assert_eq!(ask(format!("x: {}\r\n", "y".repeat(1024))).await, "HTTP/1.1 431");
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection() {
    let running = Running::start(Mirror, limits());
    let tcp = running.connect().await;
    let (client, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client;
    let flood = async {
        for _ in 0..10_000 {
            let Ok(ready) = client.clone().ready().await else { return };
            client = ready;
            let request = http::Request::get("http://a/").body(()).unwrap();
            let Ok((_, mut stream)) = client.send_request(request, false) else { return };
            stream.send_reset(h2::Reason::CANCEL);
        }
    };
    flood.await;
    let end = timeout(Duration::from_secs(10), connection).await.unwrap().unwrap();
    let why = end.unwrap_err();
    // The socket may be closed before we have read why.
    let calm = why.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
    assert!(calm || why.is_io(), "{why}");
    assert_eq!(running.connections.open(), 0);
}

#[tokio::test]
async fn streams_are_limited() {
    let running = Running::start(Mirror, ListenLimits { h2_streams: 3, ..limits() });
    let (client, connection) = h2::client::handshake(running.connect().await).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = http::Request::get("http://a/").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    response.await.unwrap();
    assert_eq!(client.current_max_send_streams(), 3);
}
