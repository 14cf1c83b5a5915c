//! Targets that are names: whom the gateway asks, how often, and what it does with the answers.

use std::{net::SocketAddr, time::Instant};

use serde_json::Value;
use torana_tests::{Backend, Dns, Gateway, PATIENCE, Unused, Zone, reply, within};

use super::proxy;

const NAME: &str = "service.test";

const CANNOT: &str = "the name cannot be looked up";

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
    let failed = |line: &str| line.contains(CANNOT);
    for failure in [Zone::Broken, Zone::NoName] {
        let from = gateway.log().len();
        let asked = dns.questions(NAME);
        dns.say(failure);
        gateway.log().wait_from(from, "the failure", failed).await;
        // It is tried again, and that is no news.
        dns.wait_for(asked + 4, NAME).await;
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
    let connections = first.received().last().expect("a request").connection;
    assert!(connections >= 50, "each request had a connection of its own, not {connections}");
}

#[tokio::test]
async fn the_machines_own_name_is_no_question_for_dns() {
    let backend = Backend::start(|_| reply(200, "here")).await;
    let dns = Dns::start(Zone::NoName).await;
    let target = format!("\"localhost:{}\"", backend.address().port());
    let toml = format!("{}\n[dns]\nservers = [\"{}\"]\n", proxy(&[target], ""), dns.address());
    let gateway = Gateway::start(&toml).await;
    assert_eq!(get(&gateway).await, "here");
    gateway.wait_for_log("the start", |line| line.contains("listening")).await;
    assert_eq!(dns.questions("localhost"), 0);
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
        assert_eq!(answer.problem(502)["type"], "urn:torana:problem:upstream-unresolved");
        assert!(begun.elapsed() < PATIENCE / 2, "{server}: {:?}", begun.elapsed());
        // The one that swallows questions is given up later.
        if server != silent.address() {
            let line = gateway.wait_for_log("the failure", |l| l.contains(CANNOT)).await;
            assert!(line.contains(NAME) && line.contains("why="), "{line}");
        }
    }
}

#[tokio::test]
async fn the_first_failed_request_says_that_the_name_was_not_found() {
    let nobody = "nobody has answered within";
    for (zone, limit, said) in [
        (Zone::Silent, "connect", nobody),
        (Zone::Silent, "try", nobody),
        (Zone::NoName, "connect", "the name has no address"),
        (Zone::Broken, "connect", "Server Failure"),
    ] {
        let dns = Dns::start(zone.clone()).await;
        let more = format!("timeouts = {{ {limit} = \"300ms\" }}");
        let gateway = Gateway::start(&named(dns.address(), 80, &more)).await;
        let answer = gateway.client().get("/").await;
        let text = answer.text().to_owned();
        assert!(!text.contains(NAME) && !text.contains("[dns]"), "{text}");
        let refused = |line: &str| line.contains("upstream-unresolved");
        let line = gateway.wait_for_log("the refusal", refused).await;
        let servers = format!("check the name and the servers of `[dns]` ({})", dns.address());
        for part in [&format!("the name of {NAME}:80 cannot be looked up"), said, &servers] {
            assert!(line.contains(part), "{zone:?}: {part:?} is not in {line}");
        }
        let metrics = gateway.admin().get("/metrics").await;
        let counted = "torana_refusals_total{reason=\"upstream-unresolved\"} 1";
        assert!(metrics.text().contains(counted), "{}", metrics.text());
    }
}

#[tokio::test]
async fn a_server_that_swallows_questions_for_ipv6_holds_nobody_up() {
    let [first, second] = two_places().await;
    let only = |backend: &Backend| Zone::OnlyA(vec![backend.address().ip()], 1);
    let dns = Dns::start(only(&first)).await;
    let gateway = Gateway::start(&named(dns.address(), first.address().port(), "")).await;
    assert_eq!(get(&gateway).await, "first");
    gateway.wait_for_log("what is missing", |line| line.contains("is not answered")).await;
    dns.say(only(&second));
    gateway.wait_for_log("the move", |line| line.contains("the name has changed")).await;
    assert_eq!(get(&gateway).await, "second");
}

#[tokio::test]
async fn a_reload_asks_other_servers_and_keeps_the_addresses_until_they_answer() {
    let [first, second] = two_places().await;
    let (old, new) = (Dns::start(at(&first, 3600)).await, Dns::start(Zone::Broken).await);
    let port = first.address().port();
    let gateway = Gateway::start(&named(old.address(), port, "")).await;
    let target = addresses(&gateway, 1).await;
    assert_eq!(target["addresses"][0], first.address().to_string());
    assert!((1..=30_000).contains(&target["next_look_up_ms"].as_u64().expect("a time")));
    gateway.write(&named(new.address(), port, ""));
    gateway.signal_reload();
    gateway.wait_for_log("the new server's failure", |line| line.contains(CANNOT)).await;
    assert_eq!(get(&gateway).await, "first");
    new.say(at(&second, 3600));
    gateway.wait_for_log("the move", |line| line.contains("the name has changed")).await;
    assert_eq!(get(&gateway).await, "second");
}

/// The one target of `/upstreams`, once its name stands for so many addresses.
async fn addresses(gateway: &Gateway, count: usize) -> Value {
    within("the addresses", async {
        loop {
            let target = gateway.admin().get("/upstreams").await.json()[0]["targets"][0].clone();
            if target["addresses"].as_array().is_some_and(|all| all.len() == count) {
                break target;
            }
        }
    })
    .await
}
