//! A Redis that goes, and comes back.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use torana_tests::{Gateway, RedisServer, toml, within};

use super::{PATIENT, allowed, gateway, take, take_by, told, up};
use crate::guests::{handled, metric, wait_for_metric};

const MANY: u64 = 1_000_000;
/// Two workers and the control thread.
const LINKS: usize = 3;
const TIMEOUT: Duration = Duration::from_millis(300);

fn lines(gateway: &Gateway, text: &str) -> usize {
    gateway.log().lines().iter().filter(|line| line.contains(text)).count()
}

/// How many requests a gateway let through while `meanwhile` happened; all of them must be answered,
/// and none may wait longer for the store than it may.
async fn under_load(gateway: &Gateway, meanwhile: impl Future<Output = ()>) -> u64 {
    let (over, passed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let clients: Vec<_> = (0..4).map(|_| gateway.client()).collect();
    let path = format!("/rate/k?limit={MANY}&window=86400000&algorithm=fixed-window");
    let turns = clients.iter().map(async |client| {
        while !over.load(SeqCst) {
            let began = Instant::now();
            let answer = client.get(&path).await;
            let took = began.elapsed();
            assert!(took < TIMEOUT + Duration::from_secs(5), "{took:?}");
            passed.fetch_add(usize::from(allowed(&answer.json())), SeqCst);
        }
    });
    let meanwhile = async {
        meanwhile.await;
        over.store(true, SeqCst);
    };
    join(join_all(turns), meanwhile).await;
    passed.into_inner() as u64
}

/// As [`told`], of what was taken until now: while requests come there is always more to tell, but
/// not for more than two rounds what is old.
async fn told_so_far(gateway: &Gateway) {
    let rounds = async || metric(gateway, "torana_store_sync_seconds_count", &[]).await;
    let pending = async || metric(gateway, "torana_store_pending_keys", &[]).await;
    let enough = rounds().await + 2.0;
    within("what was taken to be told", async {
        while pending().await > 0.0 && rounds().await < enough {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn decided_alone(gateway: &Gateway) {
    let some = async {
        while metric(gateway, "torana_store_decided_alone_total", &[]).await < 20.0 {
            tokio::task::yield_now().await;
        }
    };
    within("decisions without the store", some).await;
}

#[tokio::test]
async fn with_local_everything_goes_on_and_nothing_is_forgotten() {
    for exact in [false, true] {
        let mut redis = RedisServer::start().await;
        let more = format!("exact = {exact}\ntimeout = \"{}ms\"", TIMEOUT.as_millis());
        let here = gateway(&redis, &more).await;
        up(&here, true).await;
        let passed = under_load(&here, async {
            told_so_far(&here).await;
            redis.kill();
            up(&here, false).await;
            decided_alone(&here).await;
            redis.restart().await;
            up(&here, true).await;
            told_so_far(&here).await;
        })
        .await;
        told(&here).await;
        // The server was empty when it came back. Takes whose answer was lost on the way may count
        // twice where the server did not lose them after all; here it did, so nothing does.
        let answer = take(&here, "k", MANY).await;
        let counted = MANY - answer[0]["remaining"].as_u64().expect("a number") - 1;
        assert!(counted >= passed && counted <= passed + 8, "exact {exact}: {counted} of {passed}");
        // Once; but a thread that the machine let sleep may find out when the others are back.
        let logged = || (lines(&here, "the store is down"), lines(&here, "the store is up"));
        within("a log of it", async {
            while !matches!(logged(), (downs @ 1..=LINKS, ups) if ups == downs + 1) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn what_each_gateway_took_alone_is_added_up_afterwards() {
    for exact in [false, true] {
        let mut redis = RedisServer::start().await;
        let more = format!("exact = {exact}\n{PATIENT}");
        let (here, there) = (gateway(&redis, &more).await, gateway(&redis, &more).await);
        let times = async |gateway: &Gateway, count: usize| {
            for algorithm in ["gcra", "fixed-window"] {
                for _ in 0..count {
                    assert!(allowed(&take_by(algorithm, gateway, algorithm, MANY).await));
                }
            }
        };
        times(&here, 10).await;
        told(&here).await;
        times(&there, 5).await;
        told(&there).await;
        redis.kill();
        up(&here, false).await;
        up(&there, false).await;
        times(&here, 3).await;
        times(&there, 2).await;
        redis.restart().await;
        for gateway in [&here, &there] {
            up(gateway, true).await;
            told(gateway).await;
        }
        let late = gateway(&redis, &format!("exact = true\n{PATIENT}")).await;
        for algorithm in ["gcra", "fixed-window"] {
            let taken = take_by(algorithm, &late, algorithm, MANY).await;
            let left = taken[0]["remaining"].as_u64().expect("a number");
            assert_eq!(MANY - left, 10 + 5 + 3 + 2 + 1, "exact {exact}, {algorithm}");
        }
    }
}

#[tokio::test]
async fn what_a_server_has_kept_is_not_given_back_to_it() {
    let mut redis =
        RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let (here, there) = (gateway(&redis, PATIENT).await, gateway(&redis, PATIENT).await);
    for gateway in [&here, &there, &here, &there] {
        assert!(allowed(&take(gateway, "k", MANY).await));
        told(gateway).await;
    }
    for _ in 0..2 {
        redis.kill();
        up(&here, false).await;
        up(&there, false).await;
        assert!(allowed(&take(&here, "k", MANY).await));
        redis.restart().await;
        up(&here, true).await;
        up(&there, true).await;
        told(&here).await;
    }
    let late = gateway(&redis, &format!("exact = true\n{PATIENT}")).await;
    let left = take(&late, "k", MANY).await[0]["remaining"].as_u64().expect("a number");
    assert_eq!(MANY - left, 4 + 2 + 1);
}

#[tokio::test]
async fn with_deny_the_plugin_is_told_and_requests_get_503() {
    for exact in [false, true] {
        let mut redis = RedisServer::start().await;
        let store = super::store(&redis, &format!("exact = {exact}\non_failure = \"deny\""));
        let quota = format!(
            "\n[plugins.quota]\ncomponent = \"quota\"\n{}\n\
             grants = {{ rate-limit = true, response-edit = true }}\n\
             config = {{ key = \"client.address\", limit = \"1000/1d\" }}\n",
            crate::guests::PATIENT
        );
        let echo = crate::guests::plugin("echo", "echo", "");
        let toml = [toml::LISTEN, &store, &quota, &echo, &handled("[\"quota\", \"echo\"]")];
        let gateway = Gateway::start(&toml.concat()).await;
        up(&gateway, true).await;
        let client = gateway.client();
        let status = async |wanted: u16| {
            let reached = async { while client.get("/a").await.status != wanted {} };
            within(&format!("a reply {wanted}"), reached).await;
        };
        status(200).await;
        redis.kill();
        status(503).await;
        assert_eq!(metric(&gateway, "torana_store_decided_alone_total", &[]).await, 0.0);
        let ready = gateway.admin().get("/readyz").await;
        assert_eq!(ready.status, 200, "the gateway itself is ready");
        redis.restart().await;
        status(200).await;
        let left = client.get("/a").await.headers["ratelimit"].to_str().unwrap().to_owned();
        assert!(!left.contains("r=999"), "counters went on: {left}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_as_good_as_none() {
    for exact in [false, true] {
        let redis = RedisServer::start().await;
        let more = format!("exact = {exact}\non_failure = \"deny\"\n{PATIENT}");
        let here = gateway(&redis, &more).await;
        assert!(allowed(&take(&here, "k", MANY).await));
        told(&here).await;
        redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        let denied = async {
            while !take(&here, "k", MANY).await["error"].to_string().contains("Unavailable") {}
        };
        within("an error", denied).await;
        let why = |line: &str| line.contains("the store refuses") && line.contains("OOM");
        here.wait_for_log("why", why).await;
        redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        let again = async { while !take(&here, "k", MANY).await[0]["allowed"].is_boolean() {} };
        within("decisions", again).await;
        assert_eq!(lines(&here, "the store refuses"), 1, "told once a minute");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_is_waited_for_once() {
    let redis = RedisServer::start().await;
    let more = format!("exact = true\ntimeout = \"{}ms\"", TIMEOUT.as_millis());
    let here = gateway(&redis, &more).await;
    up(&here, true).await;
    under_load(&here, async {
        redis.freeze();
        decided_alone(&here).await;
        up(&here, false).await;
    })
    .await;
    // By now nobody waits for it: that it is gone is known.
    let kv = here.client().get("/kv/get/k").await.json();
    assert!(kv["error"].to_string().contains("Unavailable"), "{kv}");
    redis.wake();
    up(&here, true).await;
    assert!(allowed(&take(&here, "k", MANY).await));
    let timeouts = metric(&here, "torana_store_round_trips_total", &["result=\"timeout\""]).await;
    assert!((1.0..60.0).contains(&timeouts), "{timeouts}");
}

#[tokio::test]
async fn without_a_server_a_gateway_starts_and_finds_it_later() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    let gateway = gateway(&redis, "").await;
    gateway.wait_for_log("`the store is down`", |line| line.contains("the store is down")).await;
    assert!(allowed(&take(&gateway, "k", 2).await));
    wait_for_metric(&gateway, "torana_store_pending_keys", &[], 1.0).await;
    redis.restart().await;
    told(&gateway).await;
    assert!(allowed(&take(&gateway, "k", 2).await));
    assert!(!allowed(&take(&gateway, "k", 2).await));
}
