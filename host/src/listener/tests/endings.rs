//! How connections end: a body that breaks off, a client that leaves, a listener that stops.

use super::*;

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to() {
    let running = Running::start(Script::one(broken()), limits());
    let mut client = running.asked().await;
    let answer = rest(&mut client).await;
    // RFC 9112, 8: without the last chunk the message is incomplete.
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n"), "{answer}");

    let running = Running::start(Script::one(broken()), limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    let end = match sender.send_request(request).await {
        Ok(response) => response.into_body().collect().await.map(|_| ()),
        Err(why) => Err(why),
    };
    let why = end.unwrap_err();
    let source = std::error::Error::source(&why).unwrap().downcast_ref::<h2::Error>().unwrap();
    assert!(source.is_reset() && source.is_remote(), "{source}");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let client = running.asked().await;
    keeper.begun.await.unwrap();
    drop(client);
    assert!(keeper.dropped.await.is_err());

    let (gate, keeper) = self::gate();
    let running = Running::start(gate, limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap();
    let sent = tokio::spawn(sender.send_request(request));
    keeper.begun.await.unwrap();
    sent.abort();
    assert!(keeper.dropped.await.is_err());
}

#[tokio::test]
async fn a_drain_lets_running_requests_end() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let address = running.address;
    let mut idle = running.connect().await;
    let mut busy = running.asked().await;
    keeper.begun.await.unwrap();
    let stopped = tokio::spawn(running.stop(Duration::from_secs(30)));
    // The idle one is closed, and nobody listens.
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
    keeper.release.send(()).unwrap();
    let answer = rest(&mut busy).await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("late"), "{answer}");
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_connection_is_told_with_its_next_answer_that_it_ends() {
    let running = Running::start(Mirror, limits());
    let address = running.address;
    let mut client = running.asked().await;
    assert!(!response(&mut client).await.contains("connection: close"));
    // A head has begun, and comes to its end later.
    let mut slow = running.connect().await;
    slow.write_all(&GET[..9]).await.unwrap();
    let farewell = Farewell::hand_over(Duration::from_secs(60));
    let stopped = tokio::spawn(running.end(farewell));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    client.write_all(GET).await.unwrap();
    slow.write_all(&GET[9..]).await.unwrap();
    for client in [&mut client, &mut slow] {
        let answer = rest(client).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\r\nconnection: close\r\n"));
    }
    stopped.await.unwrap();
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let (gate, keeper) = gate();
    let running = Running::start(gate, limits());
    let mut busy = running.asked().await;
    keeper.begun.await.unwrap();
    running.stop(short()).await;
    assert!(keeper.dropped.await.is_err());
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn what_the_kernel_had_accepted_is_served_before_the_end() {
    let socket = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = socket.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(GET).await.unwrap();
    let listener = Listener {
        socket,
        settings: Arc::new(ArcSwap::from_pointee(settings(limits()))),
        connections: Arc::default(),
        handler: Arc::new(Mirror),
    };
    listener.serve(std::future::ready(Farewell::stop(Duration::from_secs(5)))).await.unwrap();
    let answer = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
