//! `kv`, `rate-limit`, `metrics`, `on-tick`, and what all plugins may use.

use futures_util::future::join_all;
use serde_json::{Value, json};
use torana_tests::{Backend, Client, Gateway, reply, request, toml, within};

use crate::guests::{metric, plugin, plugin_with, route};

/// `one` and `two` are entries of the same guest; the header `x-to` says which is asked.
async fn two_of_them() -> (Gateway, Backend) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let way = |name: &str| {
        let path =
            format!("match = {{ path = \"/{{*path}}\", headers = {{ x-to = \"{name}\" }} }}");
        toml::route(name, &format!("{path}\nchain = [\"{name}\"]\nupstream = \"service\""))
    };
    // The same entry with other settings, on a route of its own.
    let again = "match = { path = \"/{*path}\", headers = { x-to = \"again\" } }\n\
        upstream = \"service\"\n\
        chain = [{ plugin = \"one\", config = { tick_ms = 3600000 }, limits = { fetches = 1 } }]";
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &plugin("one", "counter", ""),
        &plugin("two", "counter", ""),
        &way("one"),
        &way("two"),
        &toml::route("again", again),
    ];
    (Gateway::start(&toml.concat()).await, backend)
}

async fn ask(client: &Client, to: &str, path: &str) -> Value {
    client.send(request("GET", path).header("x-to", to), "").await.json()
}

async fn gateway_with(more: &str) -> (Gateway, Backend) {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let upstream = toml::upstream("service", backend.address());
    let counter = plugin("one", "counter", more);
    let toml = [toml::LISTEN, &upstream, &counter, &route("[\"one\"]")].concat();
    (Gateway::start(&toml).await, backend)
}

#[tokio::test]
async fn kv_keeps_what_it_is_given() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    for (path, expected) in [
        ("/kv/get/k", Value::Null),
        ("/kv/delete/k", json!(false)),
        ("/kv/set/k/v1", json!(true)),
        ("/kv/get/k", json!("v1")),
        ("/kv/cas/k/other/v2", json!(false)),
        ("/kv/cas/k/-/v2", json!(false)),
        ("/kv/get/k", json!("v1")),
        ("/kv/cas/k/v1/v2", json!(true)),
        ("/kv/get/k", json!("v2")),
        ("/kv/cas/new/-/first", json!(true)),
        ("/kv/get/new", json!("first")),
        ("/kv/increment/k/1", json!({ "error": "KvError::NotACounter" })),
        ("/kv/increment/n/5", json!(5)),
        ("/kv/increment/n/-7", json!(-2)),
        ("/kv/lead/k/0", json!({ "value": "v2" })),
        ("/kv/lead/nothing/0", json!("yours")),
        ("/kv/lead/nothing/0", json!("yours")),
        ("/kv/delete/k", json!(true)),
        ("/kv/get/k", Value::Null),
    ] {
        assert_eq!(ask(&client, "one", path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn kv_belongs_to_the_entry() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    ask(&client, "one", "/kv/set/k/mine").await;
    ask(&client, "one", "/kv/increment/n/5").await;
    assert_eq!(ask(&client, "two", "/kv/get/k").await, Value::Null);
    assert_eq!(ask(&client, "two", "/kv/increment/n/1").await, 1);
    ask(&client, "two", "/kv/set/k/other").await;
    assert_eq!(ask(&client, "two", "/kv/delete/n").await, true);
    assert_eq!(ask(&client, "one", "/kv/get/k").await, "mine");
    assert_eq!(ask(&client, "again", "/kv/get/k").await, "mine", "another use of the same entry");
    assert_eq!(ask(&client, "again", "/kv/increment/n/1").await, 6);
    // All workers see it.
    for _ in 0..8 {
        assert_eq!(ask(&gateway.client(), "one", "/kv/get/k").await, "mine");
    }
}

#[tokio::test]
async fn kv_forgets_when_the_time_is_over() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    ask(&client, "one", "/kv/set/short/v?ttl=200").await;
    ask(&client, "one", "/kv/set/long/v?ttl=600000").await;
    ask(&client, "one", "/kv/increment/counter/1?ttl=200").await;
    let over = async |key: &str| while ask(&client, "one", key).await != Value::Null {};
    within("a value to expire", over("/kv/get/short")).await;
    let over = async || while ask(&client, "one", "/kv/increment/counter/1?ttl=200").await != 1 {};
    within("a counter to expire, though it is used", over()).await;
    assert_eq!(ask(&client, "one", "/kv/get/long").await, "v");
}

#[tokio::test]
async fn kv_counts_right_when_many_count() {
    let (gateway, _backend) = two_of_them().await;
    let clients: Vec<_> = (0..10).map(|_| gateway.client()).collect();
    let turns = clients.iter().map(async |client| {
        for _ in 0..50 {
            assert!(ask(client, "one", "/kv/increment/n/1").await.is_i64());
        }
    });
    join_all(turns).await;
    assert_eq!(ask(&clients[0], "one", "/kv/increment/n/0").await, 500);
    let swaps = clients.iter().map(|client| ask(client, "one", "/kv/cas/once/-/mine"));
    let won = join_all(swaps).await.into_iter().filter(|won| won == &json!(true)).count();
    assert_eq!(won, 1, "one of ten set it");
}

#[tokio::test]
async fn kv_has_an_end() {
    let backend = Backend::start(|_| reply(200, "ok")).await;
    let grants = "{ kv = { max_bytes = \"4KiB\" }, rate-limit = true }";
    let toml = [
        toml::LISTEN,
        &toml::upstream("service", backend.address()),
        &plugin_with("one", "counter", grants, ""),
        &route("[\"one\"]"),
    ];
    let gateway = Gateway::start(&toml.concat()).await;
    let client = gateway.client();
    let full = json!({ "error": "KvError::Full" });
    assert_eq!(client.get(&format!("/kv/set/large/{}", "x".repeat(5000))).await.json(), full);
    let mut set = 0;
    while client.get(&format!("/kv/set/k{set}/{}", "x".repeat(100))).await.json() == true {
        set += 1;
        assert!(set < 42, "more than 4 KiB");
    }
    assert!(set > 5, "{set}");
    assert_eq!(client.get("/kv/get/k0").await.json(), "x".repeat(100), "nothing was pushed out");
    assert_eq!(client.get("/kv/delete/k0").await.json(), true);
    assert_eq!(client.get(&format!("/kv/set/k/{}", "x".repeat(90))).await.json(), true);
    let long = format!("/kv/get/{}", "k".repeat(513));
    assert_eq!(client.get(&long).await.json(), json!({ "error": "KvError::TooLarge" }));
}

#[tokio::test]
async fn rate_limit_takes_all_or_nothing() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    let hour = "window=3600000&algorithm=fixed-window";
    let take = async |to: &str, keys: &str, more: &str| {
        ask(&client, to, &format!("/rate/{keys}?{hour}&{more}")).await
    };
    let allowed = |taken: &Value| {
        let verdicts = taken.as_array().unwrap_or_else(|| panic!("{taken:#}"));
        verdicts.iter().map(|one| one["allowed"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(allowed(&take("one", "a", "limit=1").await), [true]);
    let both = take("one", "a/b", "limit=1").await;
    assert_eq!(allowed(&both), [false, true]);
    assert_eq!(both[1]["remaining"], 1, "nothing was taken: {both:#}");
    assert!(both[0]["retry_after_ms"].as_u64().unwrap() > 3_000_000, "{both:#}");
    assert_eq!(allowed(&take("one", "b", "limit=1").await), [true], "so it is there");
    assert_eq!(allowed(&take("one", "b", "limit=1").await), [false]);

    assert_eq!(allowed(&take("one", "c", "limit=10&cost=7").await), [true]);
    assert_eq!(allowed(&take("one", "c", "limit=10&cost=7").await), [false]);
    assert_eq!(allowed(&take("one", "c", "limit=10&cost=3").await), [true]);
    for wrong in ["limit=0", "limit=1&cost=0", "limit=1&cost=2"] {
        let error = take("one", "d", wrong).await["error"].to_string();
        assert!(error.contains("RateLimitError::Invalid"), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn rate_limit_counts_by_entry_policy_and_key() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    let take = async |to: &str, more: &str| {
        let path = format!("/rate/alice?limit=1&window=3600000{more}");
        ask(&client, to, &path).await[0]["allowed"] == true
    };
    assert!(take("one", "").await && !take("one", "").await);
    assert!(take("two", "").await, "another entry");
    assert!(take("again", "").await, "another route");
    assert!(take("one", "&policy=p").await && !take("again", "&policy=p").await, "one policy");
    assert!(take("two", "&policy=p").await, "which is not that of another entry");
}

#[tokio::test]
async fn rate_limit_holds_when_many_come_at_once() {
    let (gateway, _backend) = two_of_them().await;
    for algorithm in ["gcra", "fixed-window"] {
        let path = format!("/rate/{algorithm}?limit=50&window=3600000&algorithm={algorithm}");
        let clients: Vec<_> = (0..20).map(|_| gateway.client()).collect();
        let turns = clients.iter().map(async |client| {
            let mut allowed = 0;
            for _ in 0..10 {
                allowed += i32::from(ask(client, "one", &path).await[0]["allowed"] == true);
            }
            allowed
        });
        assert_eq!(join_all(turns).await.iter().sum::<i32>(), 50, "{algorithm}");
    }
}

#[tokio::test]
async fn metrics_of_a_plugins_own() {
    let (gateway, _backend) = two_of_them().await;
    let client = gateway.client();
    for (to, path) in [
        ("one", "/metrics/count/hits/3"),
        ("one", "/metrics/count/hits/4"),
        ("again", "/metrics/count/hits/5"),
        ("two", "/metrics/count/hits/100"),
        ("one", "/metrics/gauge/level/2.5"),
        ("one", "/metrics/gauge/level/1.5"),
        ("two", "/metrics/gauge/level/7"),
    ] {
        assert_eq!(ask(&client, to, path).await, true);
    }
    let count = async |labels: &[&str]| {
        let labels = [&["name=\"hits\""], labels].concat();
        metric(&gateway, "torana_plugin_custom_total", &labels).await
    };
    assert_eq!(count(&["plugin=\"one\"", "route=\"one\""]).await, 7.0);
    assert_eq!(count(&["plugin=\"one\"", "route=\"again\""]).await, 5.0);
    assert_eq!(count(&["plugin=\"two\"", "route=\"two\""]).await, 100.0);
    let level = async |plugin: &str| {
        metric(&gateway, "torana_plugin_value", &["name=\"level\"", plugin]).await
    };
    assert_eq!((level("plugin=\"one\"").await, level("plugin=\"two\"").await), (1.5, 7.0));

    for number in 0..40 {
        ask(&client, "two", &format!("/metrics/count/n{number}/1")).await;
    }
    // 32 names, of which `hits` and `level` are two.
    let mine = ["plugin=\"two\""];
    assert_eq!(metric(&gateway, "torana_plugin_custom_total", &mine).await, 130.0);
    assert_eq!(metric(&gateway, "torana_plugin_custom_dropped_total", &mine).await, 10.0);
    ask(&client, "two", "/metrics/count/hits/1").await;
    assert_eq!(
        metric(&gateway, "torana_plugin_custom_total", &mine).await,
        131.0,
        "known ones go on"
    );
}

#[tokio::test]
async fn ticks_come_without_requests() {
    let (gateway, backend) = gateway_with("config.tick_ms = 100").await;
    let client = gateway.client();
    let ticks =
        async || client.get("/kv/increment/ticks/0").await.json().as_i64().expect("a number");
    within("five ticks", async { while ticks().await < 5 {} }).await;
    assert!(backend.received().is_empty());
    // Without a tick in its settings there is none.
    let (quiet, _backend) = gateway_with("").await;
    assert_eq!(quiet.client().get("/kv/get/ticks").await.json(), Value::Null);
}

#[tokio::test]
async fn a_tick_that_fails_is_logged_and_the_next_one_comes() {
    for (tick, text) in [
        ("fail", "a tick that fails, on purpose"),
        ("panic", "a tick that panics, on purpose"),
        ("loop", "limits.cpu"),
    ] {
        let more =
            format!("limits.cpu = \"50ms\"\nconfig = {{ tick_ms = 100, tick = \"{tick}\" }}");
        let (gateway, _backend) = gateway_with(&more).await;
        let mut from = 0;
        for turn in 0..3 {
            let what = format!("`{tick}` number {turn}");
            let line = gateway.log().wait_from(from, &what, |line| line.contains(text)).await;
            assert!(line.contains("ERROR") && line.contains("\"one\""), "{line}");
            assert!(line.contains("on-tick"), "{line}");
            from = 1 + gateway.log().lines().iter().position(|known| *known == line).unwrap();
        }
        assert_eq!(gateway.client().get("/kv/increment/n/1").await.json(), 1, "requests go on");
    }
}

#[tokio::test]
async fn clock_and_random() {
    let (gateway, _backend) = gateway_with("").await;
    let client = gateway.client();
    let (first, second) = (client.get("/clock").await.json(), client.get("/clock").await.json());
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let apart = since.as_millis().abs_diff(first[0].as_u64().expect("a time").into());
    assert!(apart < 60_000, "{first}");
    assert!(second[1].as_u64() > first[1].as_u64(), "{first} {second}");
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let random = client.get("/random").await.json();
        assert_eq!(random[2].as_array().map(Vec::len), Some(16));
        assert!(numbers.insert(random[0].to_string()) && numbers.insert(random[1].to_string()));
    }
}
