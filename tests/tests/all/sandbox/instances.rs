//! Which instance serves what, and for how long.

use std::fs;

use serde_json::Value;
use tokio::sync::watch;
use torana_tests::{Backend, Client, Gateway, paths, reply, request, toml};
use wasmparser::{Parser, Payload};

use crate::guests::{failures, handled, one_worker, plugin, route};

/// The counter guest, which knows how many calls an instance has served.
async fn counting(more: &str) -> (Gateway, Backend) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let counter = plugin("counter", "counter", more);
    let toml = [&one_worker(), &upstream, &counter, &route("[\"counter\"]")];
    (Gateway::start(&toml.map(String::as_str).concat()).await, backend)
}

async fn seen(client: &Client, path: &str) -> (String, u64) {
    let seen = client.get(path).await.json();
    let served = seen["served"].as_u64().unwrap_or_else(|| panic!("{seen:#}"));
    (seen["instance"].as_str().expect("a name").to_owned(), served)
}

#[tokio::test]
async fn an_instance_is_used_again() {
    let (gateway, _backend) = counting("").await;
    let client = gateway.client();
    let (first, served) = seen(&client, "/id").await;
    assert_eq!(served, 1);
    for turn in 2..=20 {
        assert_eq!(seen(&client, "/id").await, (first.clone(), turn));
    }
}

#[tokio::test]
async fn an_instance_for_each_request_remembers_nothing() {
    let (gateway, _backend) = counting("isolation = \"request\"").await;
    let client = gateway.client();
    let mut instances = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let (instance, served) = seen(&client, "/id").await;
        assert_eq!(served, 1);
        instances.insert(instance);
    }
    assert_eq!(instances.len(), 20);
}

/// Where it would, each fresh instance would cost the host two system calls more.
#[tokio::test]
async fn an_instance_does_not_grow_for_its_first_allocations() {
    let pages = initial_pages("counter");
    let limits = format!("isolation = \"request\"\nlimits.memory = \"{}KiB\"", pages * 64);
    let (gateway, _backend) = counting(&limits).await;
    let client = gateway.client();
    assert_eq!(seen(&client, "/id").await.1, 1);
    client.get("/id/grow/64").await.problem(500);
    assert_eq!(failures(&gateway, "counter", "memory").await, 1.0, "the limit is what it says");
}

/// What a guest's memory has from the start, in pages of 64 KiB.
fn initial_pages(guest: &str) -> u64 {
    let component = fs::read(paths::guest(guest)).expect("the guest");
    let payloads =
        Parser::new(0).parse_all(&component).map(|payload| payload.expect("a component"));
    let mut memories = payloads.filter_map(|payload| match payload {
        Payload::MemorySection(section) => section.into_iter().next(),
        _ => None,
    });
    memories.next().expect("a memory").expect("its type").initial
}

#[tokio::test]
async fn an_instance_that_failed_is_never_used_again() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let counter = plugin("counter", "counter", "limits.memory = \"4MiB\"");
    let toml = [&one_worker(), &upstream, &counter, &route("[\"counter\"]")];
    let gateway = Gateway::start(&toml.map(String::as_str).concat()).await;
    let client = gateway.client();
    let (first, _) = seen(&client, "/id").await;
    assert_eq!(seen(&client, "/id").await, (first.clone(), 2));
    client.get("/id/grow/8192").await.problem(500);
    assert_eq!(failures(&gateway, "counter", "memory").await, 1.0);
    let (second, served) = seen(&client, "/id").await;
    assert!(second != first && served == 1, "{first} {second} {served}");
}

#[tokio::test]
async fn an_instance_that_has_grown_past_keep_is_dropped() {
    // Twice of what it takes, for allocators round up.
    for (keep, kept) in [("1MiB", false), ("4MiB", true)] {
        let (gateway, _backend) = counting(&format!("limits.keep = \"{keep}\"")).await;
        let client = gateway.client();
        let (first, _) = seen(&client, "/id").await;
        assert_eq!(seen(&client, "/id/grow/2048").await, (first.clone(), 2), "it may finish");
        let (next, served) = seen(&client, "/id").await;
        assert_eq!((next == first, served), (kept, if kept { 3 } else { 1 }), "{keep}");
    }
}

#[tokio::test]
async fn a_call_waits_for_an_instance_and_then_is_refused() {
    for (instances, busy) in [(1, true), (2, false)] {
        let (go_on, may_go_on) = watch::channel(false);
        let backend = Backend::start_async(move |_| {
            let mut may_go_on = may_go_on.clone();
            async move {
                may_go_on.wait_for(|go| *go).await.unwrap();
                reply(200, "late")
            }
        })
        .await;
        let more =
            format!("limits.instances = {instances}\nconfig.calls = [{{ to = \"service\" }}]");
        let toml = [
            &one_worker(),
            &toml::upstream("service", backend.address()),
            &plugin("slow", "fetcher", &more),
            &handled("[\"slow\"]"),
        ];
        let gateway = Gateway::start(&toml.map(String::as_str).concat()).await;
        let (first, second) = (gateway.client(), gateway.client());
        let second = async {
            backend.wait_for(1).await;
            if !busy {
                return Some(second.get("/second").await);
            }
            let refused = second.get("/second").await;
            refused.problem(503);
            assert_eq!(refused.header("retry-after"), Some("1"));
            assert_eq!(failures(&gateway, "slow", "busy").await, 1.0);
            go_on.send_replace(true);
            None
        };
        let release = async {
            if !busy {
                backend.wait_for(2).await;
                go_on.send_replace(true);
            }
        };
        let (first, second, ()) =
            futures_util::future::join3(first.get("/first"), second, release).await;
        let answers = [Some(first), second];
        for answer in answers.iter().flatten() {
            assert_eq!(answer.json()[0]["body"], "late", "{answer:?}");
        }
        let after = gateway.client().get("/third").await;
        assert_eq!(after.json()[0]["body"], "late", "its place is free again: {after:?}");
    }
}

#[tokio::test]
async fn nothing_of_one_exchange_is_left_for_the_next() {
    let echo = plugin("echo", "echo", "config.attributes = [\"counter.secret\"]");
    let counter = plugin("counter", "counter", "");
    let toml = [&one_worker(), &counter, &echo, &handled("[\"counter\", \"echo\"]")];
    let gateway = Gateway::start(&toml.map(String::as_str).concat()).await;
    let client = gateway.client();
    let set = client.get("/attributes/set/secret/mine").await;
    assert_eq!(set.json(), "mine");
    assert_eq!(client.get("/attributes/get/secret").await.json(), Value::Null);
    let first = client.send(request("POST", "/x").header("x-a", "1"), "first body").await.json();
    assert_eq!(first["body"]["text"], "first body");
    let second = client.get("/x").await.json();
    assert_eq!(second["body"]["length"], 0, "{second:#}");
    assert_eq!(second["headers"]["x-a"], Value::Null, "{second:#}");
    assert_eq!(second["attributes"]["counter.secret"], Value::Null, "{second:#}");
    assert_ne!(first["id"], second["id"]);
}
