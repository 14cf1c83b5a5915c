//! Counters and keys that gateways share, with a real Redis.

mod access;
mod exact;
mod kv;
mod local_first;
mod outage;
mod reload;

use serde_json::Value;
use torana_tests::{Gateway, RedisServer, request, toml};

use crate::guests::{plugin_with, wait_for_metric};

/// Long enough that a busy machine is not taken for a store that is down.
const PATIENT: &str = "timeout = \"10s\"";

/// `[store]` in a Redis, with more lines.
fn store(redis: &RedisServer, more: &str) -> String {
    format!("\n[store]\nkind = \"redis\"\nurl = \"{}\"\n{more}\n", redis.url())
}

/// A gateway that does with the store what paths say (the guest `counter`), and nothing else. The
/// header `x-to: two` asks another entry of it.
fn counter(store: &str) -> String {
    let grants = "{ kv = { shared = true }, rate-limit = true }";
    let counters = ["one", "two"].map(|name| plugin_with(name, "counter", grants, ""));
    let route = |name: &str, more: &str| {
        let more = format!("match = {{ path = \"/{{*path}}\"{more} }}\nchain = [\"{name}\"]");
        toml::route(name, &format!("{more}\nupstream = \"nowhere\""))
    };
    let routes = [route("one", ""), route("two", ", headers = { x-to = \"two\" }")].concat();
    let nowhere = "\n[upstreams.nowhere]\ntargets = [\"127.0.0.1:1\"]\n";
    [toml::LISTEN, store, nowhere, &counters.concat(), &routes].concat()
}

/// Asks the other entry.
async fn ask_two(gateway: &Gateway, path: &str) -> Value {
    gateway.client().send(request("GET", path).header("x-to", "two"), "").await.json()
}

async fn gateway(redis: &RedisServer, more: &str) -> Gateway {
    Gateway::start(&counter(&store(redis, more))).await
}

/// A take of one, and its verdict. Nothing comes back during a test.
async fn take(gateway: &Gateway, key: &str, limit: u64) -> Value {
    take_by("fixed-window", gateway, key, limit).await
}

async fn take_by(algorithm: &str, gateway: &Gateway, key: &str, limit: u64) -> Value {
    let years = "window=300000000000";
    let path = format!("/rate/{key}?limit={limit}&{years}&algorithm={algorithm}");
    gateway.client().get(&path).await.json()
}

fn allowed(taken: &Value) -> bool {
    taken[0]["allowed"].as_bool().unwrap_or_else(|| panic!("{taken:#}"))
}

/// Waits until the others can know of all that was taken here.
async fn told(gateway: &Gateway) {
    wait_for_metric(gateway, "torana_store_pending_keys", &[], 0.0).await;
}

async fn up(gateway: &Gateway, up: bool) {
    wait_for_metric(gateway, "torana_store_up", &[], f64::from(u8::from(up))).await;
}
