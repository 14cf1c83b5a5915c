//! Clients that are slow, half gone, or gone: what they asked for ends with them.

use std::time::Duration;

use tokio::sync::watch;
use torana_tests::{
    Backend, Gateway, H2, Raw, RawBackend, RawConnection, h2raw, h2raw::H2Raw, reply, request,
    toml, within,
};

use super::before;
use crate::guests::{metric, wait_for_metric};

/// A service that tells how far it is with its one request: 1 once its head is there, 2 once its
/// connection has ended. Beyond its head, `answer` is what it says.
async fn telling(answer: &'static str) -> (RawBackend, watch::Receiver<u8>) {
    let (sender, steps) = watch::channel(0);
    let service = RawBackend::start(move |mut connection: RawConnection| {
        let sender = sender.clone();
        async move {
            connection.head().await;
            connection.write(answer).await;
            sender.send_replace(1);
            connection.rest().await;
            sender.send_replace(2);
        }
    })
    .await;
    (service, steps)
}

async fn step(steps: &mut watch::Receiver<u8>, wanted: u8) {
    let what = ["", "the request at the service", "the end of its connection"][usize::from(wanted)];
    within(what, steps.wait_for(|step| *step == wanted)).await.expect("the service runs");
}

#[tokio::test]
async fn a_slow_sender_is_served() {
    let backend = Backend::start(|received| reply(200, received.body.clone())).await;
    let gateway = Gateway::start(&before(&[backend.address()], "timeouts.idle = \"2s\"")).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 30\r\n\r\n")
        .await;
    for digit in "012345678901234567890123456789".bytes() {
        raw.write([digit]).await;
        torana_tests::pause(Duration::from_millis(5)).await;
    }
    assert!(raw.read_to_close().await.ends_with("\r\n\r\n012345678901234567890123456789"));
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_sender_that_stops_in_its_body_is_let_go() {
    let backend = Backend::start(|_| reply(200, "")).await;
    let gateway = Gateway::start(&before(&[backend.address()], "timeouts.idle = \"200ms\"")).await;
    for framing in
        ["Content-Length: 30\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}")).await;
        let answer = raw.read_to_close().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert!(backend.wait_for(2).await.iter().all(|one| !one.complete));
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_body_over_http2_without_its_end_is_not_the_services_fault() {
    let backend = Backend::start(|_| reply(200, "")).await;
    for (length, data) in [("0", ""), ("4", "half")] {
        // The service is given less time than the client: whoever is waited for is told apart.
        let settings = "timeouts = { head = \"50ms\", idle = \"200ms\" }\nbreaker = { failures = \"1%\", requests = 1, for = \"1h\" }";
        let gateway = Gateway::start(&before(&[backend.address()], settings)).await;
        let mut raw = H2Raw::connect(gateway.address("public")).await;
        let [method, scheme, authority, path] = h2raw::request("POST", "/");
        let fields = [method, scheme, authority, path, ("content-length", length)];
        raw.send(h2raw::headers(1, h2raw::END_HEADERS, &fields)).await;
        if !data.is_empty() {
            raw.send(h2raw::frame(h2raw::kind::DATA, h2raw::NONE, 1, data.as_bytes())).await;
        }
        assert_eq!(raw.outcome(1).await, h2raw::Outcome::Answered(408), "{length}");
        let opened = metric(&gateway, "torana_upstream_breaker_opened_total", &[]).await;
        assert_eq!(opened, 0.0, "{length}: the service has done nothing wrong");
        drop(raw);
        gateway.at_rest().await;
    }
}

#[tokio::test]
async fn a_client_that_vanishes_in_its_upload_ends_it_at_the_service() {
    let (service, mut steps) = telling("").await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome").await;
    step(&mut steps, 1).await;
    drop(raw);
    step(&mut steps, 2).await;
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_client_that_vanishes_in_its_download_ends_it_at_the_service() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome";
    let (service, mut steps) = telling(head).await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.read_head().await;
    assert_eq!(raw.read_exact(4).await, "some");
    drop(raw);
    step(&mut steps, 2).await;
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_client_that_half_closes_has_left() {
    let (service, mut steps) = telling("").await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    let mut raw = Raw::connect(gateway.address("public")).await;
    raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    step(&mut steps, 1).await;
    raw.finish().await;
    step(&mut steps, 2).await;
    assert_eq!(raw.read_to_close().await, "");
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_client_that_closes_right_behind_its_request_is_counted() {
    let (service, _steps) = telling("").await;
    let gateway = Gateway::start(&toml::proxy(service.address())).await;
    for _ in 0..10 {
        let mut raw = Raw::connect(gateway.address("public")).await;
        raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        raw.finish().await;
        assert_eq!(raw.read_to_close().await, "");
    }
    let labels = ["route=\"all\"", "status=\"499\""];
    wait_for_metric(&gateway, "torana_requests_total", &labels, 10.0).await;
    gateway.at_rest().await;
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_its_call_and_no_other() {
    let (service, mut steps) = telling("").await;
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", service.address()),
        &toml::route("all", toml::ALL),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    raw.send(h2raw::get(1)).await;
    step(&mut steps, 1).await;
    raw.send(h2raw::reset(1, h2raw::CANCEL)).await;
    step(&mut steps, 2).await;
    // The connection is as good as before.
    raw.send(h2raw::headers(3, h2raw::WHOLE, &h2raw::request("GET", "/a%2Fb"))).await;
    assert_eq!(raw.outcome(3).await, h2raw::Outcome::Answered(400));
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn many_clients_that_come_and_go_leave_nothing() {
    let backend = Backend::start_async(|received| async move {
        if received.target == "/never" { std::future::pending().await } else { reply(200, "ok") }
    })
    .await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    for turn in 0..100 {
        let mut raw = Raw::connect(gateway.address("public")).await;
        match turn % 5 {
            0 => {}
            1 => raw.write("GET /nev").await,
            2 => raw.write("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await,
            3 => raw.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").await,
            _ => drop(
                H2::connect(gateway.address("public"))
                    .await
                    .try_send(request("GET", "/never"), reply(200, "").into_body()),
            ),
        }
    }
    gateway.at_rest().await;
    assert_eq!(gateway.client().get("/").await.text(), "ok");
}
