//! Targets that are names: whom the gateway asks, how often, and what it does with the answers.

use std::{net::SocketAddr, time::Instant};

use torana_tests::{Backend, Dns, Gateway, PATIENCE, Unused, Zone, reply};

use super::{metric, proxy};

const NAME: &str = "service.test";

/// Nothing is kept, so that each request makes a connection.
const NEW_CONNECTIONS: &str = "keep_alive = { connections = 0 }";

/// Everything goes to a name that this server knows.
fn named(server: SocketAddr, port: u16, more: &str) -> String {
    let target = format!("\"{NAME}:{port}\"");
    format!("{}\n[dns]\nservers = [\"{server}\"]\n", proxy(&[target], more))
}

/// Two services on one port, at `127.0.0.1` and at another address of this machine.
async fn two_places() -> [Backend; 2] {
    let first = Backend::start(|_| reply(200, "first")).await;
    let second = SocketAddr::from(([127, 0, 0, 2], first.address().port()));
    let second = Backend::start_at(second, |_| reply(200, "second")).await;
    [first, second]
}

fn at(backend: &Backend, ttl: u32) -> Zone {
    Zone::Addresses(vec![backend.address().ip()], ttl)
}

async fn get(gateway: &Gateway) -> String {
    let answer = gateway.client().get("/").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

#[tokio::test]
async fn a_name_that_moves_is_followed_by_its_ttl_without_a_failure() {
    let [first, second] = two_places().await;
    let dns = Dns::start(at(&first, 1)).await;
    let gateway = Gateway::start(&named(dns.address(), first.address().port(), "")).await;
    dns.wait_for(2, NAME).await;
    assert_eq!(get(&gateway).await, "first");
    dns.say(at(&second, 1));
    let moved = Instant::now();
    // The first connection is kept and sound: it is the answer of DNS that ends its use.
    while get(&gateway).await != "second" {
        assert!(moved.elapsed() < PATIENCE, "it is not followed");
    }
    assert_eq!(get(&gateway).await, "second");
}

#[tokio::test]
async fn the_addresses_stay_while_dns_fails() {
    let [first, second] = two_places().await;
    let dns = Dns::start(at(&first, 1)).await;
    let toml = named(dns.address(), first.address().port(), NEW_CONNECTIONS);
    let gateway = Gateway::start(&toml).await;
    assert_eq!(get(&gateway).await, "first");
    let failed = |line: &str| line.contains("the name cannot be looked up");
    for failure in [Zone::Broken, Zone::NoName] {
        let from = gateway.log().len();
        let asked = dns.questions(NAME);
        dns.say(failure);
        gateway.log().wait_from(from, "the failure", failed).await;
        // It is tried again, and that is no news.
        dns.wait_for(asked + 6, NAME).await;
        assert_eq!(get(&gateway).await, "first");
        let lines = gateway.log().lines();
        assert_eq!(lines[from..].iter().filter(|line| failed(line)).count(), 1, "{lines:#?}");
        dns.say(at(&first, 1));
        let again = |line: &str| line.contains("the name is looked up again");
        gateway.log().wait_from(from, "its end", again).await;
    }
    dns.say(at(&second, 1));
    gateway.wait_for_log("the move", |line| line.contains("the name has changed")).await;
    assert_eq!(get(&gateway).await, "second");
}

#[tokio::test]
async fn a_name_is_not_asked_for_while_its_answer_holds() {
    let [first, _second] = two_places().await;
    let dns = Dns::start(at(&first, 3600)).await;
    let toml = named(dns.address(), first.address().port(), NEW_CONNECTIONS);
    let gateway = Gateway::start(&toml).await;
    dns.wait_for(2, NAME).await;
    // The gateway is ready before the first answer is there, and each connection asks until then.
    let mut asked = dns.questions(NAME);
    loop {
        assert_eq!(get(&gateway).await, "first");
        match dns.questions(NAME) {
            same if same == asked => break,
            more => asked = more,
        }
    }
    for _ in 0..50 {
        assert_eq!(get(&gateway).await, "first");
    }
    assert_eq!(dns.questions(NAME), asked);
    assert!(metric(&gateway, "torana_upstream_connects_total").await.len() > 1);
}

#[tokio::test]
async fn what_dns_does_not_know_may_be_the_systems() {
    let backend = Backend::start(|_| reply(200, "here")).await;
    let dns = Dns::start(Zone::NoName).await;
    let target = format!("\"localhost:{}\"", backend.address().port());
    let toml = format!("{}\n[dns]\nservers = [\"{}\"]\n", proxy(&[target], ""), dns.address());
    let gateway = Gateway::start(&toml).await;
    assert_eq!(get(&gateway).await, "here");
    assert_eq!(dns.questions("localhost"), 0, "this one is no question for DNS");
}

#[tokio::test]
async fn nobody_who_answers_is_an_error_within_the_connect_timeout() {
    let (unused, silent) = (Unused::new(), Dns::start(Zone::Silent).await);
    let broken = Dns::start(Zone::Broken).await;
    for server in [unused.address(), silent.address(), broken.address()] {
        let more = "timeouts = { connect = \"300ms\" }";
        let gateway = Gateway::start(&named(server, 80, more)).await;
        let begun = Instant::now();
        let answer = gateway.client().get("/").await;
        assert!([502, 503, 504].contains(&answer.status), "{server}: {answer:?}");
        assert!(begun.elapsed() < PATIENCE / 2, "{server}: {:?}", begun.elapsed());
    }
}
