//! Heads and trailers without end, from either side: they are not read to it, and not kept.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use torana_tests::{
    Backend, Gateway, Raw, RawBackend, RawConnection, h2raw, h2raw::H2Raw, reply, toml,
};

use super::{before, beside};

/// What attacks may cost of memory, which the allocator takes by some megabytes at a time.
const LITTLE: usize = 16 << 20;

/// How much of it there is: far more.
const BOMB: usize = 48 << 20;

/// A service that answers `/bomb` with these bytes and then the same line again and again.
async fn bombing(beginning: &'static str, line: &'static str) -> RawBackend {
    RawBackend::start(move |mut connection: RawConnection| async move {
        while let head = connection.head().await
            && !head.is_empty()
        {
            if head.starts_with("GET /calm ") {
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                continue;
            }
            connection.write(beginning).await;
            let many = line.repeat(1000);
            for _ in 0..BOMB / many.len() {
                if connection.stream.write_all(many.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_request_head_without_end_is_a_431() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for line in ["X: y\r\n".repeat(1000), "x".repeat(6000)] {
        let mut raw = Raw::connect(gateway.address("public")).await;
        let attack = beside(&gateway, async {
            raw.write("GET /bomb HTTP/1.1\r\nHost: a\r\nX: ").await;
            for _ in 0..BOMB / line.len() {
                raw.write(&line).await;
            }
            raw.read_to_close().await
        });
        let attack = attack.await;
        // The reset that ends it may overtake the answer.
        assert!(attack.value.is_empty() || attack.value.starts_with("HTTP/1.1 431 "));
        assert!(attack.grown < LITTLE, "{}", attack.grown);
    }
    assert!(backend.received().iter().all(|one| one.target == "/calm"));
    gateway.at_rest().await;
}

#[tokio::test]
async fn trailers_and_chunk_extensions_without_end_are_not_read() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let head = "POST /bomb HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1";
    for (before, line) in [
        ("\r\nx\r\n0\r\n", "X: y\r\n".repeat(1000)),
        (";", "x".repeat(6000)),
        (";a=\"", "\\".repeat(6000)),
    ] {
        let mut raw = Raw::connect(gateway.address("public")).await;
        let attack = beside(&gateway, async {
            raw.write([head, before].concat()).await;
            for _ in 0..BOMB / line.len() {
                raw.write(&line).await;
            }
            raw.read_to_close().await
        });
        let attack = attack.await;
        assert!(attack.value.is_empty() || attack.value.starts_with("HTTP/1.1 400 "));
        assert!(attack.grown < LITTLE, "{}", attack.grown);
    }
    let whole = |one: &torana_tests::Received| one.target == "/calm" || !one.complete;
    assert!(backend.received().iter().all(whole), "{:#?}", backend.received());
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_header_list_over_the_limit_ends_its_stream_and_no_other() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    let value = "x".repeat(10_000);
    // 80 KB in frames of 16 KB; the limit is 64 KiB.
    let mut fields = h2raw::request("GET", "/").to_vec();
    fields.extend(std::iter::repeat_n(("x-large", value.as_str()), 8));
    let block = h2raw::block(&fields);
    let mut frames = Vec::new();
    let pieces: Vec<_> = block.chunks(16_384).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let kind = if at == 0 { h2raw::kind::HEADERS } else { h2raw::kind::CONTINUATION };
        let ends = if at == 0 { h2raw::END_STREAM } else { h2raw::NONE };
        let last = if at + 1 == pieces.len() { h2raw::END_HEADERS } else { h2raw::NONE };
        frames.extend(h2raw::frame(kind, ends | last, 1, piece));
    }
    raw.send(frames).await;
    assert_eq!(raw.outcome(1).await, h2raw::Outcome::Answered(431));
    raw.send(h2raw::get(3)).await;
    assert_eq!(raw.outcome(3).await, h2raw::Outcome::Answered(200));
    assert_eq!(backend.received().len(), 1);
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_reply_head_without_end_is_a_502() {
    for (beginning, line) in [
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
        ("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxx"),
        ("", "xxxxxxxxxxxxxxxx"),
    ] {
        let service = bombing(beginning, line).await;
        let gateway = Gateway::start(&toml::proxy(service.address())).await;
        let client = gateway.client();
        let attack = beside(&gateway, async { client.get("/bomb").await }).await;
        attack.value.problem(502);
        assert!(attack.grown < LITTLE, "{}", attack.grown);
        drop(client);
        gateway.at_rest().await;
    }
}

#[tokio::test]
async fn interim_responses_without_end_are_held_to_the_head_timeout() {
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        if connection.head().await.starts_with("GET /calm ") {
            return connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
        while connection.stream.write_all(hint.as_bytes()).await.is_ok() {
            torana_tests::pause(Duration::from_millis(1)).await;
        }
    })
    .await;
    let toml = before(&[service.address()], "timeouts.head = \"300ms\"");
    let gateway = Gateway::start(&toml).await;
    let client = gateway.client();
    let attack = beside(&gateway, async { client.get("/bomb").await }).await;
    attack.value.problem(504);
    assert!(attack.grown < LITTLE, "{}", attack.grown);
    drop(client);
    gateway.at_rest().await;
}

#[tokio::test]
async fn reply_trailers_without_end_break_the_body_off() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n";
    let service = bombing(head, "X: y\r\n").await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    let attack = beside(&gateway, async {
        raw.write("GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n").await;
        raw.read_to_close().await
    });
    let attack = attack.await;
    assert!(!attack.value.ends_with("0\r\n\r\n"), "{}", attack.value);
    assert!(attack.grown < LITTLE, "{}", attack.grown);
    drop(raw);
    gateway.at_rest().await;
}
