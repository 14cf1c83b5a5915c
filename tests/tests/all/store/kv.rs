//! Keys and values for all gateways.

use futures_util::future::join_all;
use serde_json::{Value, json};
use torana_tests::{Gateway, RedisServer, toml, within};

use super::{PATIENT, ask_two, gateway, store};
use crate::guests::{plugin_with, route};

async fn two(redis: &RedisServer) -> [Gateway; 2] {
    [gateway(redis, PATIENT).await, gateway(redis, PATIENT).await]
}

async fn ask(gateway: &Gateway, path: &str) -> Value {
    gateway.client().get(path).await.json()
}

#[tokio::test]
async fn what_one_gateway_writes_another_reads() {
    let redis = RedisServer::start().await;
    let [here, there] = two(&redis).await;
    for (gateway, path, expected) in [
        (&here, "/kv/get/k", Value::Null),
        (&there, "/kv/delete/k", json!(false)),
        (&here, "/kv/set/k/v1", json!(true)),
        (&there, "/kv/get/k", json!("v1")),
        (&there, "/kv/cas/k/other/v2", json!(false)),
        (&there, "/kv/cas/k/-/v2", json!(false)),
        (&there, "/kv/cas/k/v1/v2", json!(true)),
        (&here, "/kv/get/k", json!("v2")),
        (&here, "/kv/cas/new/-/first", json!(true)),
        (&there, "/kv/cas/new/-/second", json!(false)),
        (&there, "/kv/get/new", json!("first")),
        (&there, "/kv/increment/k/1", json!({ "error": "KvError::NotACounter" })),
        (&here, "/kv/set/seven/7", json!(true)),
        (&here, "/kv/increment/seven/1", json!({ "error": "KvError::NotACounter" })),
        (&here, "/kv/increment/n/5", json!(5)),
        (&there, "/kv/increment/n/-7", json!(-2)),
        (&here, "/kv/get/n", json!("-2")),
        (&here, "/kv/cas/n/-2/text", json!(true)),
        (&here, "/kv/increment/n/1", json!({ "error": "KvError::NotACounter" })),
        (&here, "/kv/increment/big/9223372036854775807", json!(i64::MAX)),
        (&there, "/kv/increment/big/0", json!(i64::MAX)),
        (&there, "/kv/lead/k/0", json!({ "value": "v2" })),
        (&there, "/kv/delete/k", json!(true)),
        (&here, "/kv/get/k", Value::Null),
    ] {
        assert_eq!(ask(gateway, path).await, expected, "{path}");
    }
    assert_eq!(ask_two(&here, "/kv/get/n").await, Value::Null, "another entry's");
    let wrapped = ask(&here, "/kv/increment/big/1").await;
    assert!(wrapped["error"].to_string().contains("range"), "{wrapped}");
}

#[tokio::test]
async fn what_is_not_shared_stays_here() {
    let redis = RedisServer::start().await;
    let grants = "{ kv = true, rate-limit = true }";
    let nowhere = "\n[upstreams.service]\ntargets = [\"127.0.0.1:1\"]\n";
    let plugin = plugin_with("one", "counter", grants, "");
    let toml =
        [toml::LISTEN, &store(&redis, PATIENT), nowhere, &plugin, &route("[\"one\"]")].concat();
    let (here, there) = (Gateway::start(&toml).await, Gateway::start(&toml).await);
    assert_eq!(ask(&here, "/kv/set/k/mine").await, true);
    assert_eq!(ask(&there, "/kv/get/k").await, Value::Null);
    assert_eq!(ask(&here, "/kv/get/k").await, "mine");
    assert_eq!(redis.ask(&["KEYS", "torana:kv:*"]), "");
}

#[tokio::test]
async fn it_forgets_when_the_time_is_over() {
    let redis = RedisServer::start().await;
    let [here, there] = two(&redis).await;
    ask(&here, "/kv/set/short/v?ttl=200").await;
    ask(&here, "/kv/set/long/v?ttl=600000").await;
    ask(&here, "/kv/increment/counter/1?ttl=200").await;
    assert_eq!(ask(&here, "/kv/set/never/v?ttl=0").await, true);
    assert_eq!(ask(&here, "/kv/get/never").await, Value::Null);
    let over = async { while ask(&there, "/kv/get/short").await != Value::Null {} };
    within("a value to expire", over).await;
    let over = async { while ask(&there, "/kv/increment/counter/1?ttl=200").await != 1 {} };
    within("a counter to expire, though it is used", over).await;
    assert_eq!(ask(&there, "/kv/get/long").await, "v");
    // The last write decides.
    assert_eq!(ask(&here, "/kv/set/long/v").await, true);
    assert_eq!(redis.ask(&["PTTL", "torana:kv:one:value:long"]), "-1");
}

#[tokio::test]
async fn counts_of_many_at_two_gateways_add_up() {
    let redis = RedisServer::start().await;
    let gateways = two(&redis).await;
    let clients: Vec<_> =
        gateways.iter().flat_map(|gateway| (0..5).map(|_| gateway.client())).collect();
    let turns = clients.iter().map(async |client| {
        for _ in 0..30 {
            assert!(client.get("/kv/increment/n/1").await.json().is_i64());
        }
    });
    join_all(turns).await;
    assert_eq!(ask(&gateways[0], "/kv/increment/n/0").await, 300);
    let swaps = clients.iter().map(|client| client.get("/kv/cas/once/-/mine"));
    let won = join_all(swaps).await.into_iter().filter(|won| won.json() == json!(true)).count();
    assert_eq!(won, 1, "one of ten set it");
}

#[tokio::test]
async fn the_cap_holds_for_all_gateways_together() {
    let redis = RedisServer::start().await;
    let grants = "{ kv = { max_bytes = \"4KiB\", shared = true }, rate-limit = true }";
    let nowhere = "\n[upstreams.service]\ntargets = [\"127.0.0.1:1\"]\n";
    let plugin = plugin_with("one", "counter", grants, "");
    let toml =
        [toml::LISTEN, &store(&redis, PATIENT), nowhere, &plugin, &route("[\"one\"]")].concat();
    let gateways = [Gateway::start(&toml).await, Gateway::start(&toml).await];
    let full = json!({ "error": "KvError::Full" });
    let value = "x".repeat(1000);
    let [here, there] = &gateways;
    for (gateway, key) in [(here, "a"), (there, "b"), (here, "c"), (there, "d")] {
        assert_eq!(ask(gateway, &format!("/kv/set/{key}/{value}")).await, true);
    }
    assert_eq!(ask(here, &format!("/kv/set/e/{value}")).await, full);
    assert_eq!(ask(there, &format!("/kv/set/a/{value}")).await, true, "in place of itself");
    assert_eq!(ask(there, &format!("/kv/set/a/{}", "x".repeat(1200))).await, full);
    assert_eq!(ask(here, "/kv/get/a").await, value, "a refusal leaves what was");
    assert_eq!(ask(there, "/kv/set/a/1").await, true);
    assert_eq!(ask(here, &format!("/kv/set/e/{value}")).await, true, "there is room again");
    assert_eq!(ask(here, "/kv/delete/b").await, true);
    // What expires makes room, though nobody looks for it.
    assert_eq!(ask(here, &format!("/kv/set/f/{value}?ttl=100")).await, true);
    let path = format!("/kv/set/g/{value}");
    within("room", async { while ask(there, &path).await == full {} }).await;
    let long = format!("/kv/get/{}", "k".repeat(513));
    assert_eq!(ask(here, &long).await, json!({ "error": "KvError::TooLarge" }));
}

#[tokio::test]
async fn of_two_gateways_one_leads_and_the_other_gets_its_value() {
    let redis = RedisServer::start().await;
    let [here, there] = two(&redis).await;
    // A lead ends with the hook call that got it, so this one is somebody else's.
    redis.ask(&["SET", "torana:kv:one:lead:k", "a third gateway", "PX", "600000"]);
    assert_eq!(ask(&here, "/kv/lead/k/0").await, "busy");
    assert_eq!(ask(&there, "/kv/lead/k/50").await, "busy");
    assert_eq!(ask(&there, "/kv/lead/other/0").await, "yours");
    let waits = [&here, &here, &there].map(|gateway| ask(gateway, "/kv/lead/k/15000"));
    let made = async {
        assert_eq!(ask(&there, "/kv/set/k/made").await, true);
    };
    let (all, ()) = futures_util::future::join(join_all(waits), made).await;
    assert!(all.iter().all(|one| *one == json!({ "value": "made" })), "{all:?}");
    // A write has ended the lead as well: when the value is gone, somebody makes it anew.
    assert_eq!(ask(&here, "/kv/delete/k").await, true);
    assert_eq!(ask(&there, "/kv/lead/k/0").await, "yours");
    let led = async { while ask(&here, "/kv/lead/k/0").await != "yours" {} };
    within("the lead to end with its call", led).await;
}
