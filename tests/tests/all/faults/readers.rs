//! Readers that stall: whoever sends to them waits, and the gateway holds no more than its buffers.

use std::{sync::Arc, time::Duration};

use tokio::{io::AsyncWriteExt as _, sync::watch, time::timeout};
use torana_tests::{Gateway, Raw, RawBackend, RawConnection, h2raw, h2raw::H2Raw, toml, within};

use super::warm;

/// What the gateway may hold beside: the allocator takes memory by some megabytes at a time.
const BUFFERS: usize = 16 << 20;

/// A service whose bodies have no end, and how much of them it could send.
async fn endless() -> (RawBackend, watch::Receiver<usize>) {
    let (counter, sent) = watch::channel(0);
    let counter = Arc::new(counter);
    let service = RawBackend::start(move |mut connection: RawConnection| {
        let counter = counter.clone();
        async move {
            if is_calm(&mut connection).await {
                return;
            }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n").await;
            let piece = vec![b'x'; 64 << 10];
            while connection.stream.write_all(&piece).await.is_ok() {
                counter.send_modify(|sent| *sent += piece.len());
            }
        }
    })
    .await;
    (service, sent)
}

/// Answers the requests of [`warm`].
async fn is_calm(connection: &mut RawConnection) -> bool {
    let calm = connection.head().await.starts_with("GET /calm ");
    if calm {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    }
    calm
}

/// Waits until the count stands still, for a while that is long for a machine and short for a test.
async fn stalled(count: &mut watch::Receiver<usize>) -> usize {
    let quiet = Duration::from_millis(300);
    within("the sender to stall", async {
        count.wait_for(|count| *count > 0).await.expect("it counts");
        while timeout(quiet, count.changed()).await.is_ok() {}
    })
    .await;
    *count.borrow_and_update()
}

#[tokio::test]
async fn a_download_that_nobody_reads_holds_its_service_back() {
    let (service, mut sent) = endless().await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let before = warm(&gateway).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let held = stalled(&mut sent).await;
    let grown = gateway.footprint().memory.saturating_sub(before);
    assert!(grown < BUFFERS, "{grown} bytes in the gateway, {held} sent");
    // It goes on as soon as there is room.
    raw.read_head().await;
    raw.read_exact(held).await;
    let more = sent.wait_for(|sent| *sent > held);
    within("more from the service", more).await.expect("it counts");
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn streams_that_nobody_reads_hold_their_services_back() {
    const STREAMS: u32 = 32;
    let (service, mut sent) = endless().await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let before = warm(&gateway).await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    for stream in 0..STREAMS {
        raw.send(h2raw::get(2 * stream + 1)).await;
    }
    let held = stalled(&mut sent).await;
    let grown = gateway.footprint().memory.saturating_sub(before);
    assert!(
        grown < STREAMS as usize * (1 << 20) + BUFFERS,
        "{grown} bytes in the gateway, {held} sent"
    );
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn an_upload_that_the_service_does_not_read_holds_its_client_back() {
    // It waits for the end without reading.
    let service = RawBackend::start(|mut connection: RawConnection| async move {
        if !is_calm(&mut connection).await {
            std::future::pending().await
        }
    })
    .await;
    let toml = toml::proxy_with(service.address(), "max_body = \"1GiB\"\ntimeout = \"3s\"");
    let gateway = Gateway::start(&toml).await;
    let before = warm(&gateway).await;
    let stream = tokio::net::TcpStream::connect(gateway.address("public")).await;
    let mut stream = stream.expect("connecting");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("writing");
    let (counter, mut sent) = watch::channel(0);
    let upload = async {
        let piece = vec![b'x'; 64 << 10];
        while stream.write_all(&piece).await.is_ok() {
            counter.send_modify(|sent| *sent += piece.len());
        }
        panic!("the gateway has closed");
    };
    let held = tokio::select! { () = upload => unreachable!(), held = stalled(&mut sent) => held };
    let grown = gateway.footprint().memory.saturating_sub(before);
    assert!(grown < BUFFERS, "{grown} bytes in the gateway, {held} sent");
    drop(stream);
    // That it has left stands behind what nobody reads, so it is the route's `timeout` that ends it.
    gateway.at_rest().await;
}
