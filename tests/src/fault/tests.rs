use std::time::Instant;

use super::*;
use crate::{Backend, Raw, reply};

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

async fn backend() -> Backend {
    Backend::start(|_| reply(200, "0123456789")).await
}

async fn ask(wire: &Wire) -> String {
    crate::raw(wire.address(), ASK).await
}

#[tokio::test]
async fn without_a_fault_all_of_it_passes() {
    let backend = backend().await;
    let wire = Wire::to(backend.address()).await;
    assert!(ask(&wire).await.ends_with("\r\n\r\n0123456789"));
    assert_eq!((wire.connections(), backend.received().len()), (1, 1));
}

#[tokio::test]
async fn replies_are_cut_where_they_are_to_be() {
    let backend = backend().await;
    let mut wire = Wire::to(backend.address()).await;
    for how in [End::Close, End::Reset] {
        wire.set(Fault::Cut { after: Point::Head(9), how }).await;
        assert_eq!(ask(&wire).await, "HTTP/1.1 ");
        wire.set(Fault::Cut { after: Point::Body(4), how }).await;
        assert!(ask(&wire).await.ends_with("\r\n\r\n0123"));
    }
}

#[tokio::test]
async fn a_port_without_a_listener_comes_back() {
    let backend = backend().await;
    let mut wire = Wire::to(backend.address()).await;
    let mut open = Raw::connect(wire.address()).await;
    open.write("GET / HTTP/1.1\r\n").await;
    wire.set(Fault::Refuse).await;
    assert_eq!(open.read_to_close().await, "");
    tokio::net::TcpStream::connect(wire.address()).await.expect_err("nobody listens");
    wire.set(Fault::Pass).await;
    assert!(ask(&wire).await.ends_with("0123456789"));
}

#[tokio::test]
async fn what_is_slow_is_whole() {
    let backend = backend().await;
    let mut wire = Wire::to(backend.address()).await;
    let (started, every) = (Instant::now(), Duration::from_millis(1));
    wire.set(Fault::Trickle { bytes: 1, every }).await;
    let answer = ask(&wire).await;
    assert!(answer.ends_with("\r\n\r\n0123456789"), "{answer}");
    assert!(started.elapsed() >= every * answer.len() as u32);
    let (started, by) = (Instant::now(), Duration::from_millis(50));
    wire.set(Fault::Delay(by)).await;
    assert!(ask(&wire).await.ends_with("\r\n\r\n0123456789"));
    assert!(started.elapsed() >= by);
}

#[tokio::test]
async fn answers_are_other_ones_or_none() {
    let backend = backend().await;
    let mut wire = Wire::to(backend.address()).await;
    wire.set(Fault::Answer("nonsense".into())).await;
    let mut raw = Raw::connect(wire.address()).await;
    raw.write(ASK).await;
    assert_eq!(raw.read_exact(8).await, "nonsense");
    wire.set(Fault::HalfClose).await;
    assert_eq!(ask(&wire).await, "");
    // A connection that was mute speaks when the fault is gone.
    wire.set(Fault::Mute).await;
    let mut raw = Raw::connect(wire.address()).await;
    raw.write(ASK).await;
    backend.wait_for(3).await;
    wire.set(Fault::Pass).await;
    assert!(raw.read_to_close().await.ends_with("0123456789"));
}
