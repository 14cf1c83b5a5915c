//! What clients of HTTP/1.1 send, and what they get.

use super::*;

/// Answers at once with what it was given, and reads the body in a task of its own, for the test.
struct Beside(Mutex<Option<oneshot::Sender<Result<Bytes, BodyError>>>>);

impl Handler for Beside {
    async fn handle(&self, request: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
        let Some(read) = self.0.lock().unwrap().take() else {
            return Response::new(Body::from(Bytes::from("next")));
        };
        tokio::spawn(async move { read.send(request.body.collect(u64::MAX).await) });
        Response::new(Body::from(Bytes::from("early")))
    }

    fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
        refused(trouble)
    }
}

/// Makes each answer, and drops the request.
struct Make<F>(F);

impl<F: Fn() -> Response<Body> + Send + Sync + 'static> Handler for Make<F> {
    async fn handle(&self, _: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
        (self.0)()
    }

    fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
        refused(trouble)
    }
}

fn frames(frames: Vec<Frame<Bytes>>) -> Body {
    Body::boxed(StreamBody::new(stream::iter(frames.into_iter().map(Ok))))
}

/// What a new connection gets for these bytes, until the gateway closes it.
async fn told(running: &Running, bytes: &str) -> String {
    let mut client = running.connect().await;
    client.write_all(bytes.as_bytes()).await.unwrap();
    rest(&mut client).await
}

/// The next so many bytes.
async fn exactly(client: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    client.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_word_is_said_when_the_body_is_read() {
    const WORD: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    let running = Running::start(Mirror, limits());
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(exactly(&mut client, WORD.len()).await, WORD);
        client.write_all(b"hi").await.unwrap();
        assert!(response(&mut client).await.ends_with("POST /  hi"));
    }
    // Who has not waited is told nothing.
    client.write_all(format!("{head}hi").as_bytes()).await.unwrap();
    assert!(response(&mut client).await.starts_with("HTTP/1.1 200"));

    // Nobody knows whether the body follows an answer that came without the word.
    let running = Running::start(Make(|| Response::new(Body::from(Bytes::from("no")))), limits());
    let answer = told(&running, head).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\r\nconnection: close\r\n"));
}

#[tokio::test]
async fn a_short_body_that_nobody_reads_does_not_end_the_connection() {
    let running = Running::start(Make(|| Response::new(Body::from(Bytes::from("no")))), limits());
    let mut client = running.connect().await;
    for (head, body) in [
        ("content-length: 60000", "x".repeat(60_000)),
        ("transfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n".to_owned()),
    ] {
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        let answer = response(&mut client).await;
        assert!(!answer.contains("connection: close"), "{answer}");
        client.write_all(body.as_bytes()).await.unwrap();
    }
    client.write_all(GET).await.unwrap();
    assert!(response(&mut client).await.ends_with("no"));
}

#[tokio::test]
async fn who_sends_a_long_body_for_nothing_gets_the_answer_all_the_same() {
    for framing in ["content-length: 8000000", "transfer-encoding: chunked"] {
        let answer = || Response::new(Body::from(Bytes::from("no")));
        let running = Running::start(Make(answer), limits());
        let client = running.connect().await;
        let (mut read, mut write) = client.into_split();
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n7a1200\r\n");
        write.write_all(head.as_bytes()).await.unwrap();
        let sent = tokio::spawn(async move { write.write_all(&[b'x'; 1 << 20]).await });
        // All of it, and an end in good order.
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.unwrap();
        assert!(answer.ends_with(b"no"));
        // However far it came with the rest.
        sent.abort();
    }
}

#[tokio::test]
async fn chunks_and_pipelined_requests_are_told_apart() {
    let running = Running::start(Mirror, limits());
    let bytes = "POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
                 2\r\nhi\r\n4;x=y\r\n you\r\n0\r\nx-sum: 5\r\n\r\n\
                 POST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nyes\r\n\
                 GET /c HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    for step in [1, 7, bytes.len()] {
        let mut client = running.connect().await;
        client.set_nodelay(true).unwrap();
        for piece in bytes.as_bytes().chunks(step) {
            client.write_all(piece).await.unwrap();
        }
        assert!(response(&mut client).await.ends_with("POST /a  hi you"));
        assert!(response(&mut client).await.ends_with("POST /b  yes"));
        let last = rest(&mut client).await;
        assert!(last.contains("\r\nconnection: close\r\n") && last.ends_with("GET /c  "));
    }
}

#[tokio::test]
async fn whoever_has_sent_a_body_may_be_idle_as_long_as_others() {
    let limits = ListenLimits { head_timeout: short(), ..limits() };
    let running = Running::start(Mirror, limits);
    let mut client = running.connect().await;
    let chunks =
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    for _ in 0..2 {
        client.write_all(chunks).await.unwrap();
        assert!(response(&mut client).await.ends_with("POST /  hi"));
        // Nothing comes, for the time of several heads: no end.
        assert!(timeout(3 * short(), client.read_u8()).await.is_err());
    }
    // But half a head that came with a request has a head's time.
    client.write_all(&[GET, &GET[..9]].concat()).await.unwrap();
    response(&mut client).await;
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn nothing_follows_a_request_with_two_lengths() {
    let running = Running::start(Mirror, limits());
    let answer = told(
        &running,
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nhi\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
    )
    .await;
    assert!(answer.contains("\r\nconnection: close\r\n") && answer.ends_with("POST /  hi"));
}

#[tokio::test]
async fn what_is_no_request_is_told_why_and_nothing_behind_it_is_read() {
    let running = Running::start(Mirror, limits());
    for (bytes, status, why) in [
        ("GET /\r\nGET / HTTP/1.1\r\n\r\n", 400, "first line is none"),
        ("GET / HTTP/2.0\r\n", 400, "neither HTTP/1.1 nor HTTP/1.0"),
        ("\x16\x03\x01\x02", 400, "TLS"),
        ("GET / HTTP/1.1\r\nhost : a\r\n\r\nGET / HTTP/1.1\r\n", 400, "a field's name"),
        ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\nxx", 400, "no number"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\nxx", 400, "does not end in `chunked`"),
    ] {
        let answer = told(&running, bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n") && answer.contains(why), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 4").count(), 1, "{answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(limits().head_bytes));
    assert!(told(&running, &long).await.starts_with("HTTP/1.1 414 "));
}

#[tokio::test]
async fn some_answers_have_no_body() {
    let running = Running::start(Mirror, limits());
    let head = told(&running, "HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(head.contains("\r\ncontent-length: 24\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    for (status, has_length) in [(204, false), (304, true)] {
        let make = move || {
            let answer = http::Response::builder().status(status).header("content-length", "5");
            answer.body(frames(vec![Frame::data(Bytes::from("never"))])).unwrap().into()
        };
        let running = Running::start(Make(make), limits());
        let asked = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let answer = told(&running, asked).await;
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert_eq!(answer.contains("content-length: 5"), has_length, "{answer}");
        assert!(!answer.contains("transfer-encoding"), "{answer}");
    }
}

#[tokio::test]
async fn http_1_0_knows_neither_chunks_nor_that_connections_are_kept() {
    let running = Running::start(Mirror, limits());
    let answer = told(&running, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") && !answer.contains("keep-alive"), "{answer}");
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.write_all(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await.unwrap();
        assert!(response(&mut client).await.contains("\r\nconnection: keep-alive\r\n"));
    }
    let data = || frames(vec![Frame::data(Bytes::from("a")), Frame::data(Bytes::from("b"))]);
    let running = Running::start(Make(move || Response::new(data())), limits());
    let kept = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    let answer = told(&running, kept).await;
    assert!(answer.ends_with("\r\n\r\nab") && !answer.contains("transfer-encoding"), "{answer}");
    // Half a body must not look like a whole one: a reset, and no end.
    let running = Running::start(Script::one(broken()), limits());
    let mut client = running.connect().await;
    client.write_all(kept.as_bytes()).await.unwrap();
    let end = client.read_to_end(&mut Vec::new()).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn trailers_are_for_who_takes_them() {
    let make = || {
        let trailers = [("x-sum", "1"), ("x-other", "2")];
        let trailers = trailers.map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
        let trailers = Frame::trailers(trailers.into_iter().collect());
        let answer = http::Response::builder().header("trailer", "x-sum");
        answer.body(frames(vec![Frame::data(Bytes::from("abc")), trailers])).unwrap().into()
    };
    let running = Running::start(Make(make), limits());
    let asked = async |te: &str| {
        told(&running, &format!("GET / HTTP/1.1\r\nhost: a\r\n{te}connection: close\r\n\r\n")).await
    };
    let answer = asked("te: trailers\r\n").await;
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n"), "{answer}");
    let answer = asked("").await;
    assert!(answer.ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_not_as_long_as_it_says_is_never_whole() {
    for (said, expected) in [("5", "abc"), ("2", "")] {
        let make = move || {
            let answer = http::Response::builder().header("content-length", said);
            answer.body(frames(vec![Frame::data(Bytes::from("abc"))])).unwrap().into()
        };
        let running = Running::start(Make(make), limits());
        let answer = told(&running, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {said}")), "{head}");
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn a_body_is_read_on_after_its_answer() {
    for closes in ["", "connection: close\r\n"] {
        let (sender, read) = oneshot::channel();
        let running = Running::start(Beside(Mutex::new(Some(sender))), limits());
        let mut client = running.connect().await;
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n";
        client.write_all(format!("{head}{closes}\r\n").as_bytes()).await.unwrap();
        assert!(response(&mut client).await.ends_with("early"));
        client.write_all("x".repeat(200_000).as_bytes()).await.unwrap();
        assert_eq!(read.await.unwrap().unwrap().len(), 200_000);
        if closes.is_empty() {
            client.write_all(GET).await.unwrap();
            assert!(response(&mut client).await.ends_with("next"));
        } else {
            assert_eq!(rest(&mut client).await, "");
        }
    }
}

#[tokio::test]
async fn an_answer_without_length_ends_before_the_request_does() {
    /// As [`Beside`], of a length that nobody knows.
    struct Lengthless(Beside);
    impl Handler for Lengthless {
        async fn handle(&self, request: Request<Body>, of: &Arc<Connection>) -> Response<Body> {
            self.0
                .handle(request, of)
                .await
                .map(|_| frames(vec![Frame::data(Bytes::from("early"))]))
        }

        fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
            refused(trouble)
        }
    }
    let (sender, read) = oneshot::channel();
    let running = Running::start(Lengthless(Beside(Mutex::new(Some(sender)))), limits());
    let mut client = running.connect().await;
    client.write_all(b"POST / HTTP/1.0\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
    let answer = timeout(Duration::from_secs(10), rest(&mut client)).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nearly"), "{answer}");
    client.write_all(b"lf").await.unwrap();
    assert_eq!(read.await.unwrap().unwrap(), "half");
}

#[tokio::test]
async fn a_head_has_all_its_time_after_a_body_that_was_read_for_nobody() {
    let time = 50 * short();
    let make = || Response::new(Body::from(Bytes::from("early")));
    let running = Running::start(Make(make), ListenLimits { head_timeout: time, ..limits() });
    let mut client = running.connect().await;
    client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nx").await.unwrap();
    assert!(response(&mut client).await.ends_with("early"));
    // More than half of what each of the two may take.
    tokio::time::sleep(time * 5 / 8).await;
    client.write_all(&[b"x", &GET[..9]].concat()).await.unwrap();
    tokio::time::sleep(time * 5 / 8).await;
    client.write_all(&GET[9..]).await.unwrap();
    assert!(response(&mut client).await.ends_with("early"));
}

#[tokio::test]
async fn a_body_that_stalls_after_its_answer_is_waited_for_no_longer_than_somebody_reads() {
    /// Drops the body in another task, when it is told.
    struct Elsewhere(Mutex<Option<oneshot::Receiver<()>>>);
    impl Handler for Elsewhere {
        async fn handle(&self, request: Request<Body>, _: &Arc<Connection>) -> Response<Body> {
            let told = self.0.lock().unwrap().take().unwrap();
            tokio::spawn(async move {
                let mut body = request.body;
                let first = body.frame().await.unwrap().unwrap();
                assert_eq!(first.into_data().unwrap(), "x");
                tokio::select! {
                    _ = body.frame() => unreachable!("nothing more comes"),
                    _ = told => {}
                }
            });
            Response::new(Body::from(Bytes::from("early")))
        }

        fn refuse(&self, trouble: Trouble, _: &Connection) -> Response<Body> {
            refused(trouble)
        }
    }
    let (tell, told) = oneshot::channel();
    let limits = ListenLimits { head_timeout: short(), ..limits() };
    let running = Running::start(Elsewhere(Mutex::new(Some(told))), limits);
    let mut client = running.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx";
    client.write_all(head.as_bytes()).await.unwrap();
    assert!(response(&mut client).await.ends_with("early"));
    tell.send(()).unwrap();
    // The clock of what nobody reads is that of heads.
    assert_eq!(rest(&mut client).await, "");
}

#[tokio::test]
async fn half_a_body_without_chunks_ends_with_a_reset_whoever_ends_it() {
    let (more, body) = tokio::sync::mpsc::unbounded_channel::<Result<Frame<Bytes>, BodyError>>();
    let body = stream::unfold(body, |mut body| async move { Some((body.recv().await?, body)) });
    let body = Body::boxed(StreamBody::new(Box::pin(body)));
    let running = Running::start(Script::one(body), limits());
    let mut client = running.connect().await;
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    more.send(Ok(Frame::data(Bytes::from("half")))).unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"half") {
        read.push(client.read_u8().await.unwrap());
    }
    running.stop(short()).await;
    let end = client.read_to_end(&mut read).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_body_that_the_client_breaks_off_is_no_body() {
    for (head, why) in [
        ("content-length: 9\r\n\r\nhalf", "before it"),
        ("transfer-encoding: chunked\r\n\r\n9\r\nhalf", "before it"),
        ("transfer-encoding: chunked\r\n\r\n4\r\nhalfx", "chunks are malformed"),
    ] {
        let (sender, read) = oneshot::channel();
        let running = Running::start(Beside(Mutex::new(Some(sender))), limits());
        let mut client = running.connect().await;
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}");
        client.write_all(head.as_bytes()).await.unwrap();
        drop(client);
        let why_not = read.await.unwrap().unwrap_err().to_string();
        assert!(why_not.contains(why), "{why_not}");
    }
}

#[tokio::test]
async fn an_answer_has_one_date() {
    const OWN: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (make, expected) in [
        (Response::new as fn(Body) -> Response<Body>, None),
        (
            |body| http::Response::builder().header("date", OWN).body(body).unwrap().into(),
            Some(OWN),
        ),
    ] {
        let running = Running::start(Make(move || make(Body::Empty)), limits());
        let answer = told(&running, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let dates: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("date: ")).collect();
        assert!(dates.len() == 1 && httpdate::parse_http_date(dates[0]).is_ok(), "{answer}");
        assert!(expected.is_none_or(|own| dates[0] == own), "{answer}");
    }
}
