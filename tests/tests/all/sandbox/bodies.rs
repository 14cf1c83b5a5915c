//! Hooks that get whole bodies.

use futures_util::StreamExt as _;
use http::HeaderValue;
use torana_tests::{Backend, Body, Gateway, Raw, Reply, raw, reply, request, stream, toml};

use crate::guests::{failures, plugin, route};

fn through(guest: &str, more: &str, backend: &Backend) -> String {
    let upstream = toml::upstream("service", backend.address());
    [toml::LISTEN, &upstream, &plugin("p", guest, more), &route("[\"p\"]")].concat()
}

async fn echoing() -> Backend {
    Backend::start(|received| reply(200, received.body.clone())).await
}

fn chunked(body: &[u8]) -> Body {
    let pieces: Vec<_> = body.chunks(7).map(|piece| Ok(piece.to_vec().into())).collect();
    stream(futures_util::stream::iter(pieces))
}

/// A reply with more headers.
fn reply_with(
    body: impl Into<bytes::Bytes>,
    headers: &[(&'static str, &str)],
) -> http::Response<Body> {
    let mut reply = reply(200, body);
    for (name, value) in headers {
        reply.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    reply
}

#[tokio::test]
async fn bodies_are_changed_and_heads_stay_true() {
    let backend = Backend::start(|_| {
        let headers = [
            ("etag", "\"strong\""),
            ("content-md5", "x"),
            ("content-digest", "sha-256=:x:"),
            ("accept-ranges", "bytes"),
            ("x-other", "kept"),
        ];
        reply_with("of the service", &headers)
    })
    .await;
    let gateway = Gateway::start(&through("body-upper", "", &backend)).await;
    let client = gateway.client();
    let asked = || {
        request("POST", "/a")
            .header("range", "bytes=0-1")
            .header("accept-encoding", "gzip, br")
            .header("content-digest", "sha-256=:x:")
    };
    let whole = client.send(asked(), "of the client").await;
    let pieces = client.send_body(asked(), chunked(b"of the client")).await;
    for answer in [whole, pieces] {
        assert_eq!(answer.text(), "OF THE SERVICE");
        assert_eq!(answer.header("content-length"), Some("14"));
        assert_eq!(answer.header("etag"), Some("W/\"strong\""));
        assert_eq!(answer.header("x-other"), Some("kept"));
        for gone in ["content-md5", "content-digest", "accept-ranges", "transfer-encoding"] {
            assert_eq!(answer.header(gone), None, "{gone}");
        }
    }
    for sent in backend.wait_for(2).await {
        assert_eq!(sent.body, "OF THE CLIENT");
        assert_eq!(sent.header("content-length"), Some("13"));
        assert_eq!(sent.header("accept-encoding"), Some("identity"));
        for gone in ["transfer-encoding", "range", "content-digest"] {
            assert_eq!(sent.header(gone), None, "{gone}");
        }
    }
}

#[tokio::test]
async fn the_cap_of_a_request() {
    let backend = echoing().await;
    let gateway = Gateway::start(&through("body-upper", "limits.body = \"1KiB\"", &backend)).await;
    let client = gateway.client();
    for (length, good) in [(1024, true), (1025, false), (2000, false)] {
        let body = vec![b'a'; length];
        let whole = client.post("/a", body.clone()).await;
        let pieces = client.send_body(request("POST", "/a"), chunked(&body)).await;
        for answer in [whole, pieces] {
            if good {
                assert_eq!(answer.body, vec![b'A'; length]);
            } else {
                answer.problem(413);
            }
        }
    }
    assert_eq!(backend.received().len(), 2, "the service saw nothing of the others");
}

#[tokio::test]
async fn the_cap_of_a_response() {
    for on_error in ["deny", "skip"] {
        let backend = Backend::start(|received| {
            let length = received.target[1..].parse().expect("a length");
            let body = vec![b'a'; length];
            match received.header("x-chunked") {
                None => reply(200, body),
                Some(_) => http::Response::new(chunked(&body)),
            }
        })
        .await;
        let more = format!("limits.body = \"1KiB\"\non_error = \"{on_error}\"");
        let gateway = Gateway::start(&through("body-upper", &more, &backend)).await;
        let client = gateway.client();
        for (length, good) in [(1024, true), (1025, false), (100_000, false)] {
            let path = format!("/{length}");
            let whole = client.get(&path).await;
            let pieces = client.send(request("GET", &path).header("x-chunked", "1"), "").await;
            for answer in [whole, pieces] {
                if good {
                    assert_eq!(answer.body, vec![b'A'; length]);
                } else {
                    // Skipping would let it pass unread.
                    answer.problem(502);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_a_plugin_writes_has_the_same_cap() {
    let backend = echoing().await;
    let more = "limits.body = \"1MiB\"\nlimits.cpu = \"500ms\"";
    let gateway = Gateway::start(&through("misbehaving-body", more, &backend)).await;
    for mode in ["flood", "response=flood"] {
        let answer = gateway.client().send(request("POST", "/a").header("x-mode", mode), "x").await;
        answer.problem(500);
    }
    assert_eq!(failures(&gateway, "p", "cpu").await, 2.0);
    let grown = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let peak = grown.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("kilobytes");
    assert!(peak < 512 << 10, "it took {peak} kB");
}

#[tokio::test]
async fn coded_requests_are_decoded() {
    let backend = echoing().await;
    let gateway = Gateway::start(&through("body-upper", "", &backend)).await;
    let client = gateway.client();
    for coding in ["gzip", "GZIP", "x-gzip", "identity, gzip"] {
        let coded = request("POST", "/a").header("content-encoding", coding);
        let answer = client.send(coded, gzip(b"hello")).await;
        assert_eq!((answer.status, answer.text()), (200, "HELLO"), "{coding}");
        let sent = backend.received().pop().unwrap();
        assert_eq!(sent.body, "HELLO");
        assert_eq!(sent.header("content-encoding"), None);
        assert_eq!(sent.header("content-length"), Some("5"));
    }
    let plain = request("POST", "/a").header("content-encoding", "identity");
    assert_eq!(client.send(plain, "hello").await.text(), "HELLO");
}

#[tokio::test]
async fn codings_that_nobody_knows_or_that_are_broken_are_415() {
    for on_error in ["deny", "skip"] {
        let backend = echoing().await;
        let more = format!("on_error = \"{on_error}\"");
        let gateway = Gateway::start(&through("body-upper", &more, &backend)).await;
        let hello = gzip(b"hello");
        for (coding, body) in [
            ("compress", &hello[..]),
            ("utf-8", b"hello"),
            ("gzip, gzip, gzip", &hello),
            ("gzip", b"hello"),
            ("gzip", &hello[..hello.len() - 9]),
        ] {
            let coded = request("POST", "/a").header("content-encoding", coding);
            let answer = gateway.client().send(coded, body.to_vec()).await;
            answer.problem(415);
        }
        assert!(backend.received().is_empty());
    }
}

#[tokio::test]
async fn a_small_body_that_swells_is_refused_at_the_cap() {
    let (bomb, fits) = (gzip_of_zeros(64 << 20), gzip_of_zeros(1 << 20));
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let swelling = bomb.clone();
    let backend = Backend::start(move |received| match &*received.target {
        "/swelling" => reply_with(swelling.clone(), &[("content-encoding", "gzip")]),
        _ => reply(200, received.body.len().to_string()),
    })
    .await;
    let gateway = Gateway::start(&through("body-upper", "limits.body = \"1MiB\"", &backend)).await;
    let client = gateway.client();
    let ask = async |body: &[u8]| {
        let coded = request("POST", "/a").header("content-encoding", "gzip");
        client.send(coded, body.to_vec()).await
    };
    assert_eq!(ask(&fits).await.text(), (1 << 20).to_string());
    ask(&bomb).await.problem(413);
    assert_eq!(backend.received().len(), 1);
    client.get("/swelling").await.problem(502);
}

#[tokio::test]
async fn coded_responses_are_decoded() {
    let backend = Backend::start(|received| match &*received.target {
        "/gzip" => reply_with(gzip(b"hello"), &[("content-encoding", "gzip"), ("etag", "\"a\"")]),
        "/unknown" => reply_with("hello", &[("content-encoding", "compress")]),
        _ => reply_with("hello", &[("content-encoding", "gzip")]),
    })
    .await;
    for on_error in ["deny", "skip"] {
        let more = format!("on_error = \"{on_error}\"");
        let gateway = Gateway::start(&through("body-upper", &more, &backend)).await;
        let client = gateway.client();
        let answer = client.get("/gzip").await;
        assert_eq!(answer.text(), "HELLO");
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.header("etag"), Some("W/\"a\""));
        for path in ["/unknown", "/broken"] {
            let answer = client.get(path).await;
            answer.problem(502);
            assert!(!answer.text().contains("hello"), "{path} passed unread");
        }
    }
}

#[tokio::test]
async fn without_a_body_there_is_no_call() {
    let backend = Backend::start(|received| match &*received.target {
        "/204" => reply(204, ""),
        "/304" => reply(304, ""),
        _ => reply(200, "never seen"),
    })
    .await;
    let more = "config = { request = \"panic\", response = \"panic\" }";
    let gateway = Gateway::start(&through("misbehaving-body", more, &backend)).await;
    let client = gateway.client();
    for (method, path, status) in
        [("HEAD", "/a", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("DELETE", "/204", 204)]
    {
        let answer = client.send(request(method, path), "").await;
        assert_eq!((answer.status, answer.text()), (status, ""), "{method} {path}");
    }
    client.get("/a").await.problem(500);
    client.post("/204", "a body").await.problem(500);
    assert_eq!(failures(&gateway, "p", "trap").await, 2.0);
}

#[tokio::test]
async fn the_first_plugin_hands_its_body_to_the_second() {
    let backend = echoing().await;
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &plugin("bad", "misbehaving-body", "on_error = \"skip\""),
        &plugin("upper", "body-upper", ""),
        &route("[\"bad\", \"upper\", \"bad\"]"),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    for mode in ["fine", "panic", "fail", "response=panic", "response=fail"] {
        let asked = request("POST", "/a").header("x-mode", mode);
        assert_eq!(gateway.client().send(asked, "hello").await.text(), "HELLO", "{mode}");
        assert_eq!(backend.received().pop().unwrap().body, "HELLO", "{mode}");
    }
}

#[tokio::test]
async fn a_reply_in_the_place_of_a_body() {
    let backend = echoing().await;
    let gateway = Gateway::start(&through("misbehaving-body", "", &backend)).await;
    let ask = async |mode: &str| -> Reply {
        gateway.client().send(request("POST", "/a").header("x-mode", mode), "hello").await
    };
    let answer = ask("respond").await;
    assert_eq!((answer.status, answer.text()), (418, "in the place of the body"));
    assert!(backend.received().is_empty());
    let answer = ask("response=respond").await;
    assert_eq!((answer.status, answer.text()), (418, "in the place of the body"));
    assert_eq!(backend.received().len(), 1);
}

#[tokio::test]
async fn half_a_body_is_nobodys_business() {
    let backend = Backend::start(|_| {
        let pieces = [Ok("half of".into()), Err("on purpose".to_owned())];
        http::Response::new(stream(futures_util::stream::iter(pieces)))
    })
    .await;
    let gateway = Gateway::start(&through("body-upper", "", &backend)).await;
    let get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = raw(gateway.address("public"), get).await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(!answer.to_lowercase().contains("half of"), "{answer}");
}

#[tokio::test]
async fn what_never_ends_is_refused_at_its_head() {
    for content_type in ["text/event-stream", "application/grpc", "application/grpc+proto"] {
        // One event, and then for ever nothing.
        let backend = Backend::start(move |_| {
            let event = futures_util::stream::iter([Ok("data: a\n\n".into())]);
            let body = stream(event.chain(futures_util::stream::pending()));
            let mut events = http::Response::new(body);
            events.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
            events
        })
        .await;
        // Who waits for the end of it ends with another status.
        let toml = through("body-upper", "", &backend) + "timeout = \"2s\"\n";
        let gateway = Gateway::start(&toml).await;
        let answer = gateway.client().get("/a").await;
        answer.problem(500);
        assert!(!answer.text().to_lowercase().contains("data: a"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_stalls_ends_at_the_timeout_of_its_route() {
    let backend = Backend::start(move |_| {
        let half = futures_util::stream::iter([Ok("half of".into())]);
        http::Response::new(stream(half.chain(futures_util::stream::pending())))
    })
    .await;
    let toml = through("body-upper", "", &backend) + "timeout = \"500ms\"\n";
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let answer = client.get("/a").await;
    assert!([502, 504].contains(&answer.status), "{answer:?}");
    assert!(!answer.text().to_lowercase().contains("half of"), "{answer:?}");

    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").await;
    let head = raw.read_head().await;
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    assert_eq!(backend.received().len(), 1, "the service saw nothing of it");
}

/// RFC 1952, with stored blocks (RFC 1951, 3.2.4).
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 16);
    for block in bytes.chunks(0xffff) {
        let length = block.len() as u16;
        deflated.push(0);
        deflated.extend(length.to_le_bytes());
        deflated.extend((!length).to_le_bytes());
        deflated.extend(block);
    }
    // An empty one is the last.
    deflated.extend([1, 0, 0, 0xff, 0xff]);
    gzip_of(&deflated, crc32(bytes.iter().copied()), bytes.len())
}

/// This many zeros, as small as they get: one block of the fixed codes (RFC 1951, 3.2.6), a zero
/// and then "258 times the same".
pub(crate) fn gzip_of_zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    let literal_zero = |bits: &mut Bits| bits.code(0b0011_0000, 8);
    // Last block, fixed codes.
    bits.value(0b011, 3);
    literal_zero(&mut bits);
    for _ in 0..(count - 1) / 258 {
        // Length 258 is code 285, the distance 1 is code 0.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    for _ in 0..(count - 1) % 258 {
        literal_zero(&mut bits);
    }
    // End of block.
    bits.code(0, 7);
    gzip_of(&bits.bytes(), crc32(std::iter::repeat_n(0, count)), count)
}

fn gzip_of(deflated: &[u8], crc: u32, length: usize) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&header[..], deflated, &crc.to_le_bytes(), &(length as u32).to_le_bytes()].concat()
}

fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
        .collect();
    let step = |crc: u32, byte: u8| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)];
    !bytes.fold(!0, step)
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    /// Numbers go in from their lowest bit on.
    fn value(&mut self, value: u32, length: u32) {
        self.pending |= value << self.count;
        self.count += length;
        while self.count >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in from their highest bit on.
    fn code(&mut self, code: u32, length: u32) {
        self.value(code.reverse_bits() >> (32 - length), length);
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}
