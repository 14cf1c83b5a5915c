//! Which protocol a connection speaks.

use super::*;

#[tokio::test]
async fn http1_requests_follow_each_other() {
    let running = Running::start(Mirror, limits());
    let mut client = running.asked().await;
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 GET /  "));
    // In pieces, and two at once.
    for piece in [
        "POST /a HTTP/1.1\r\nho",
        "st: a\r\ncontent-length: 2\r\n\r\nh",
        "iGET /b HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        client.write_all(piece.as_bytes()).await.unwrap();
    }
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 POST /a  hi"));
    assert!(response(&mut client).await.ends_with("public HTTP/1.1 GET /b  "));
    assert_eq!((running.connections.open(), running.connections.accepted()), (1, 1));
}

#[tokio::test]
async fn http2_needs_no_tls() {
    let running = Running::start(Mirror, limits());
    let io = TokioIo::new(running.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post("http://a/x").body(Full::new(Bytes::from("hi"))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "public HTTP/2.0 POST /x  hi");
    // GOAWAY, and a clean end.
    running.stop(Duration::from_secs(5)).await;
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_preface_may_come_in_pieces_and_may_be_none() {
    let running = Running::start(Mirror, limits());
    let mut client = running.connect().await;
    for piece in ["P", "RI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n", "\0\0\0\x04\0\0\0\0\0"] {
        client.write_all(piece.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut settings = [0; 9];
    client.read_exact(&mut settings).await.unwrap();
    assert_eq!(settings[3], 4, "a SETTINGS frame");

    let mut client = running.connect().await;
    client.write_all(b"PROPFIND / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(response(&mut client).await.ends_with("HTTP/1.1 PROPFIND /  "));
}

#[tokio::test]
async fn tls_chooses_the_protocol_and_tells_the_session() {
    let authority = Authority::new();
    let certificates = [authority.issue(&["a.example"])];
    let tls =
        server_config(&certificates, Some((&authority.path(), crate::config::Span::default())))
            .unwrap();
    let settings = Settings { name: "tls".into(), tls: Some(tls), ..settings(limits()) };
    let running = Running::start_with(Mirror, settings);
    let connect = async |protocol| {
        let identity = authority.issue(&["client.example"]);
        let tls = UpstreamTls {
            ca: Some(authority.path()),
            identity: Some((identity.cert, identity.key)),
            sni: None,
        };
        let config = client_config(&tls, protocol).unwrap();
        let name = "a.example".try_into().unwrap();
        TlsConnector::from(config).connect(name, running.connect().await).await.unwrap()
    };
    let mut client = connect(Protocol::Http1).await;
    client.write_all(GET).await.unwrap();
    let answer = response(&mut client).await;
    assert!(answer.ends_with("tls HTTP/1.1 GET / TLSv1.3 a.example client=true "), "{answer}");

    let io = TokioIo::new(connect(Protocol::Auto).await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://a.example/").body(Empty::<Bytes>::new()).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(body, "tls HTTP/2.0 GET / TLSv1.3 a.example client=true ");
}

#[tokio::test]
async fn an_upgraded_connection_is_still_counted() {
    struct Upgrade;
    impl Handler for Upgrade {
        fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
            refused(trouble)
        }

        async fn handle(&self, mut request: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
            let handover = request.head.extensions.remove::<Handover>().unwrap();
            tokio::spawn(async move {
                let mut tunnel = handover.take().await.unwrap();
                let mut two = [0; 2];
                tunnel.read_exact(&mut two).await.unwrap();
                tunnel.write_all(&two).await.unwrap();
            });
            http::Response::builder()
                .status(101)
                .header("connection", "upgrade")
                .header("upgrade", "x")
                .body(Body::Empty)
                .unwrap()
                .into()
        }
    }
    let running = Running::start(Upgrade, limits());
    let mut client = running.connect().await;
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    assert_eq!(running.connections.open(), 1);
    client.write_all(b"yo").await.unwrap();
    assert_eq!(rest(&mut client).await, "yo");
    assert_eq!(running.connections.open(), 0);
}
