//! `exact`: the server decides.

use futures_util::future::join_all;
use serde_json::Value;
use torana_tests::{Client, Gateway, RedisServer, within};

use super::{PATIENT, ask_two, counter, gateway, store};
use crate::guests::{metric, wait_for_metric};

fn exact() -> String {
    format!("exact = true\n{PATIENT}")
}

/// Sends `each` requests over each of ten connections to each gateway, all at once; how many were
/// allowed.
async fn crowd(gateways: &[Gateway], each: usize, path: &str) -> usize {
    let clients = gateways.iter().flat_map(|gateway| (0..10).map(|_| gateway.client()));
    let clients: Vec<Client> = clients.collect();
    let turns = clients.iter().map(async |client| {
        let mut allowed = 0;
        for _ in 0..each {
            allowed += usize::from(client.get(path).await.json()[0]["allowed"] == true);
        }
        allowed
    });
    join_all(turns).await.into_iter().sum()
}

#[tokio::test]
async fn of_many_at_two_gateways_exactly_the_limit_passes() {
    let redis = RedisServer::start().await;
    let gateways = [gateway(&redis, &exact()).await, gateway(&redis, &exact()).await];
    // In a year of GCRA none comes back during the test; 151 parts of it are no whole numbers.
    for (algorithm, window) in [("gcra", 31_556_952_000_u64), ("fixed-window", 86_400_000)] {
        let path = format!("/rate/{algorithm}?limit=151&window={window}&algorithm={algorithm}");
        assert_eq!(crowd(&gateways, 15, &path).await, 151, "{algorithm}");
    }
    for gateway in &gateways {
        assert_eq!(metric(gateway, "torana_store_decided_alone_total", &[]).await, 0.0);
    }
}

#[tokio::test]
async fn what_was_taken_under_a_wider_limit_is_owed_and_told() {
    let redis = RedisServer::start().await;
    let gateway = gateway(&redis, &exact()).await;
    let take = async |query: &str| {
        let path = format!("/rate/k?limit=100&window=3600000&algorithm=gcra&{query}");
        gateway.client().get(&path).await.json()[0].clone()
    };
    assert_eq!(take("burst=100&cost=100").await["allowed"], true);
    // One comes back in 36 seconds, so 90 of them in 54 minutes.
    let refused = take("burst=10").await;
    let (wait, minute) = (refused["retry_after_ms"].as_u64().expect("a wait"), 60_000);
    assert_eq!((&refused["allowed"], &refused["remaining"]), (&false.into(), &0.into()));
    assert!((50 * minute..55 * minute).contains(&wait), "{refused:#}");
}

#[tokio::test]
async fn it_says_what_memory_says() {
    let redis = RedisServer::start().await;
    let shared = gateway(&redis, &exact()).await;
    let local_first = gateway(&redis, &format!("prefix = \"other:\"\n{PATIENT}")).await;
    let memory = Gateway::start(&counter("")).await;
    let clients = [&memory, &shared, &local_first].map(Gateway::client);
    let hour = "window=3600000";
    let mut refused = 0;
    for path in [
        format!("/rate/a?limit=1&{hour}"),
        format!("/rate/a?limit=1&{hour}"),
        format!("/rate/a/b?limit=1&{hour}"),
        format!("/rate/b?limit=1&{hour}"),
        format!("/rate/c/d/e?limit=10&cost=4&{hour}&algorithm=fixed-window"),
        format!("/rate/c?limit=10&cost=4&{hour}&algorithm=fixed-window"),
        format!("/rate/c/d/e?limit=10&cost=4&{hour}&algorithm=fixed-window"),
        format!("/rate/e/d?limit=10&cost=6&{hour}&algorithm=fixed-window"),
        format!("/rate/f?limit=60&burst=3&cost=3&{hour}"),
        format!("/rate/f?limit=60&burst=3&cost=2&{hour}"),
        format!("/rate/f?limit=60&burst=9&cost=2&{hour}"),
        // It counts in another way, so it begins anew.
        format!("/rate/f?limit=60&cost=2&{hour}&algorithm=fixed-window"),
        format!("/rate/f?limit=4&{hour}&algorithm=fixed-window"),
        format!("/rate/g?limit=0&{hour}"),
        format!("/rate/g?limit=1&cost=2&{hour}"),
        "/rate/g?limit=7&window=0".to_owned(),
    ] {
        let said = join_all(clients.iter().map(|client| client.get(&path))).await;
        let said: Vec<_> = said.iter().map(|answer| answer.json()).collect();
        for other in &said[1..] {
            assert!(alike(&said[0], other), "{path}: {said:#?}");
        }
        refused += usize::from(said[0][0]["allowed"] == false);
    }
    assert!(refused >= 4, "{refused}");
}

/// Times may differ by what passed between two requests.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.iter().all(|(key, value)| alike(value, &other[key]))
        }
        (Value::Number(one), Value::Number(other)) => {
            one.as_u64().unwrap().abs_diff(other.as_u64().unwrap()) < 30_000
                && (one.as_u64().unwrap() > 1000 || one == other)
        }
        (one, other) => one == other,
    }
}

#[tokio::test]
async fn it_can_hold_for_some_plugins_alone() {
    let redis = RedisServer::start().await;
    let toml = counter(&store(&redis, &format!("exact = [\"two\"]\n{PATIENT}")));
    let gateway = Gateway::start(&toml).await;
    let path = "/rate/k?limit=1&window=3600000";
    for _ in 0..5 {
        ask_two(&gateway, path).await;
    }
    assert_eq!(metric(&gateway, "torana_store_sync_seconds_count", &[]).await, 0.0, "no rounds");
    let exact = metric(&gateway, "torana_store_round_trips_total", &["result=\"ok\""]).await;
    assert!(exact >= 5.0, "{exact} round trips for 5 decisions");
    gateway.client().get(path).await;
    wait_for_metric(&gateway, "torana_store_sync_seconds_count", &[], 1.0).await;
}

#[tokio::test]
async fn a_window_begins_anew_and_gcra_gives_back() {
    let redis = RedisServer::start().await;
    let gateway = gateway(&redis, &exact()).await;
    let client = gateway.client();
    for algorithm in ["gcra", "fixed-window"] {
        let path = format!("/rate/{algorithm}?limit=1&window=400&algorithm={algorithm}");
        let taken = async || client.get(&path).await.json()[0]["allowed"] == true;
        assert!(taken().await, "{algorithm}");
        let again = async { while !taken().await {} };
        within("it to be allowed again", again).await;
    }
    // Full buckets are not kept.
    let gone = async {
        while !redis.ask(&["KEYS", "torana:bucket:*"]).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    within("the buckets to expire", gone).await;
}
