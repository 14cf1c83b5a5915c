//! Floods of frames from one client: each ends with its connection, or costs no more than it brings,
//! and another client is served meanwhile.

use std::time::{Duration, Instant};

use torana_tests::{
    Backend, Gateway,
    h2raw::{self, END_HEADERS, END_STREAM, H2Raw, NONE, Outcome, frame, get, kind, reset},
    reply, toml, within,
};

use super::beside;

/// What an attack may cost of memory, which the allocator takes by some megabytes at a time.
const LITTLE: usize = 16 << 20;

/// And of processor time, the other client's requests included: a fraction of what the whole of it
/// would cost, on a machine that is ten times slower.
const CPU: Duration = Duration::from_secs(5);

/// Frames that are sent at once.
const AT_ONCE: usize = 500;

/// After this an attacker gives up who is not let go.
const LONG: Duration = Duration::from_secs(2);

/// What came of a flood.
struct Flooded {
    /// How many pieces could be sent.
    sent: usize,
    /// Whether the gateway closed the connection.
    closed: bool,
}

/// Sends `piece`s, numbered from 0, until all of them are sent, the gateway closes, or it does not
/// take more. Nothing is read meanwhile.
async fn flood(raw: &mut H2Raw, pieces: usize, piece: impl Fn(usize) -> Vec<u8>) -> Flooded {
    let started = Instant::now();
    let mut sent = 0;
    while sent < pieces && started.elapsed() < LONG {
        let batch: Vec<u8> = (sent..sent + AT_ONCE).flat_map(&piece).collect();
        match tokio::time::timeout(LONG, raw.send(batch)).await {
            Ok(true) => sent += AT_ONCE,
            Ok(false) => return Flooded { sent, closed: true },
            // It waits for us to read its answers.
            Err(_) => return Flooded { sent, closed: false },
        }
    }
    Flooded { sent, closed: false }
}

async fn gateway() -> (Backend, Gateway) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let gateway = Gateway::start(&toml::proxy(backend.address())).await;
    (backend, gateway)
}

/// Floods a gateway beside another client, and holds it to what that may cost. `closes` says that it
/// must end the connection.
async fn attack(begin: &[u8], pieces: usize, closes: bool, piece: impl Fn(usize) -> Vec<u8>) {
    let (backend, gateway) = gateway().await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    raw.send(begin).await;
    let used = gateway.cpu_time();
    let flooded = beside(&gateway, flood(&mut raw, pieces, piece)).await;
    let used = gateway.cpu_time() - used;
    let Flooded { sent, mut closed } = flooded.value;
    if closes && !closed {
        // The end may be behind what was not read.
        closed = within("the end of the connection", raw.find(|f| f.kind == kind::GOAWAY))
            .await
            .is_none_or(|goaway| goaway.payload[4..8] != [0; 4]);
    }
    assert!(closed || !closes, "after {sent} pieces it is still open");
    assert!(flooded.grown < LITTLE, "{sent} pieces: {} bytes", flooded.grown);
    assert!(used < CPU, "{sent} pieces: {used:?}");
    let asked = backend.received().iter().filter(|one| one.target != "/calm").count();
    assert!(asked <= sent, "{asked} requests went on");
    drop(raw);
    gateway.at_rest().await;
}

/// The number of a client's stream.
fn stream(number: usize) -> u32 {
    2 * number as u32 + 1
}

/// HEADERS of a request that has a body.
fn open(stream: u32) -> Vec<u8> {
    h2raw::headers(stream, END_HEADERS, &h2raw::request("POST", "/"))
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    // CVE-2023-44487
    let piece = |n| [get(stream(n)), reset(stream(n), h2raw::CANCEL)].concat();
    attack(&[], 50_000, true, piece).await;
}

#[tokio::test]
async fn resets_that_are_provoked_end_the_connection() {
    // CVE-2025-8671: each stream breaks a rule, so that it is the gateway who resets it.
    let no_window = |n| frame(kind::WINDOW_UPDATE, NONE, stream(n), &[0; 4]);
    attack(&[], 50_000, true, |n| [open(stream(n)), no_window(n)].concat()).await;
    let all_window = |n| frame(kind::WINDOW_UPDATE, NONE, stream(n), &[0x7f, 0xff, 0xff, 0xff]);
    attack(&[], 50_000, true, |n| [open(stream(n)), all_window(n)].concat()).await;
    let itself =
        |n| frame(kind::PRIORITY, NONE, stream(n), &[&stream(n).to_be_bytes()[..], &[1]].concat());
    attack(&[], 50_000, true, |n| [open(stream(n)), itself(n)].concat()).await;
}

#[tokio::test]
async fn continuations_without_end_end_the_connection() {
    // CVE-2024-27316, with fields and with none.
    let begin = h2raw::headers(1, END_STREAM, &h2raw::request("GET", "/"));
    let fields = h2raw::block(&[("x-many", "0123456789")]).repeat(100);
    attack(&begin, 50_000, true, |_| frame(kind::CONTINUATION, NONE, 1, &fields)).await;
    attack(&begin, 100_000, true, |_| frame(kind::CONTINUATION, NONE, 1, &[])).await;
}

#[tokio::test]
async fn empty_frames_without_end_end_the_connection_or_cost_little() {
    // CVE-2019-9518
    attack(&open(1), 100_000, false, |_| frame(kind::DATA, NONE, 1, &[])).await;
    let padded = [255; 256];
    attack(&open(1), 50_000, false, |_| frame(kind::DATA, 8, 1, &padded)).await;
    attack(&open(1), 100_000, false, |_| frame(kind::DATA, NONE, 1, b"x")).await;
    // Header blocks that are empty are no requests, and no trailers either.
    attack(&[], 50_000, true, |n| frame(kind::HEADERS, h2raw::WHOLE, stream(n), &[])).await;
}

#[tokio::test]
async fn settings_and_pings_without_end_cost_little() {
    // CVE-2019-9515 and CVE-2019-9512. Nobody reads the answers, so at some time nobody reads these.
    attack(&[], 100_000, false, |_| frame(kind::SETTINGS, NONE, 0, &[])).await;
    attack(&[], 100_000, false, |_| frame(kind::PING, NONE, 0, &[7; 8])).await;
    let window = |n: usize| {
        let size = (n as u32 % 1000 + 1).to_be_bytes();
        frame(kind::SETTINGS, NONE, 0, &[&[0, 4][..], &size].concat())
    };
    attack(&open(1), 100_000, false, window).await;
}

#[tokio::test]
async fn priorities_and_windows_without_end_cost_little() {
    // CVE-2019-9513
    let priority = |n: usize| frame(kind::PRIORITY, NONE, stream(n % 1000), &[0, 0, 0, 0, 9]);
    attack(&[], 100_000, false, priority).await;
    attack(&open(1), 100_000, false, |_| frame(kind::WINDOW_UPDATE, NONE, 0, &[0, 0, 0, 1])).await;
    // Of a type that nobody knows (RFC 9113, 5.5).
    attack(&[], 100_000, false, |_| frame(0xbe, NONE, 0, b"what?")).await;
}

#[tokio::test]
async fn headers_that_expand_are_refused_before_they_are_large() {
    let (backend, gateway) = gateway().await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    // One field of 4,000 bytes in the table, named 15,000 times by a byte: 60 MB.
    let bomb = {
        let mut block = h2raw::block(&h2raw::request("GET", "/"));
        block.extend(h2raw::indexed("x-bomb", &"x".repeat(4000)));
        block.resize(16_000, 0x80 | 62);
        block
    };
    let outcome = beside(&gateway, async {
        for number in 0..50 {
            // A connection that closes in the middle is an outcome as well.
            raw.send(frame(kind::HEADERS, h2raw::WHOLE, stream(number), &bomb)).await;
            let outcome = raw.outcome(stream(number)).await;
            if outcome != Outcome::Answered(431) {
                return outcome;
            }
        }
        Outcome::Answered(431)
    });
    let outcome = outcome.await;
    assert!(!matches!(outcome.value, Outcome::Answered(200..=299)), "{:?}", outcome.value);
    assert!(outcome.grown < LITTLE, "{}", outcome.grown);
    assert!(backend.received().iter().all(|one| one.target == "/calm"));
    drop(raw);
    gateway.at_rest().await;
}

#[tokio::test]
async fn more_streams_than_are_offered_are_refused_and_cost_no_request() {
    let backend = Backend::start_async(|received| async move {
        if received.target == "/" { std::future::pending().await } else { reply(200, "ok") }
    })
    .await;
    let limits = "limits = { h2_streams = 10 }\n";
    let upstream = toml::upstream("service", backend.address());
    let toml = [toml::LISTEN, limits, &upstream, &toml::route("all", toml::ALL)].concat();
    let gateway = Gateway::start(&toml).await;
    let mut raw = H2Raw::connect(gateway.address("public")).await;
    raw.send((0..10).flat_map(|n| get(stream(n))).collect::<Vec<_>>()).await;
    backend.wait_for(10).await;
    // RFC 9113, 5.1.2: REFUSED_STREAM or PROTOCOL_ERROR.
    raw.send(get(stream(10))).await;
    let outcome = raw.outcome(stream(10)).await;
    assert!(matches!(outcome, Outcome::Reset(1 | 7)), "{outcome:?}");
    assert_eq!(backend.received().len(), 10);
    drop(raw);
    gateway.at_rest().await;
}
