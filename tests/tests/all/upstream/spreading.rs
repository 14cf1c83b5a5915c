use std::collections::BTreeMap;

use torana_tests::{Backend, Client, Gateway, reply, request, within};

use super::{named, plain, proxy};

/// How often each of the services answered.
async fn counts(client: &Client, count: usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for _ in 0..count {
        *counts.entry(client.get("/").await.text().to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn weights_are_kept_to_the_letter() {
    let (light, heavy) = (named("light").await, named("heavy").await);
    let targets = [
        format!("\"{}\"", light.address()),
        format!("{{ address = \"{}\", weight = 3 }}", heavy.address()),
    ];
    let gateway = Gateway::start(&proxy(&targets, "")).await;
    let counts = counts(&gateway.client(), 40).await;
    assert_eq!((counts["light"], counts["heavy"]), (10, 30));
}

#[tokio::test]
async fn the_busy_target_gets_nothing_new() {
    let (release, released) = tokio::sync::watch::channel(false);
    let busy = Backend::start_async(move |_| {
        let mut released = released.clone();
        async move {
            let _ = released.wait_for(|released| *released).await;
            reply(200, "busy")
        }
    })
    .await;
    let free = named("free").await;
    let toml = proxy(&plain(&[&busy, &free]), "balance = \"least-requests\"");
    let gateway = Gateway::start(&toml).await;
    let (held, client) = (gateway.client(), gateway.client());
    // By chance the free one may be drawn a few times before.
    let hold = async { while held.get("/").await.text() != "busy" {} };
    let others = async {
        busy.wait_for(1).await;
        let counts = counts(&client, 20).await;
        assert_eq!(counts["free"], 20);
        release.send(true).unwrap();
    };
    within("both", async { tokio::join!(hold, others) }).await;
}

#[tokio::test]
async fn the_same_key_goes_to_the_same_target() {
    let backends = [named("a").await, named("b").await, named("c").await];
    let more = "balance = \"hash\"\nhash = { header = \"x-session\" }";
    let gateway = Gateway::start(&proxy(&plain(&backends.each_ref()), more)).await;
    let client = gateway.client();
    let ask = async |session: usize| {
        let request = request("GET", "/").header("x-session", session.to_string());
        client.send(request, "").await.text().to_owned()
    };
    let mut places = BTreeMap::new();
    for session in 0..30 {
        places.insert(session, ask(session).await);
    }
    for (session, place) in &places {
        assert_eq!(&ask(*session).await, place);
    }
    for name in ["a", "b", "c"] {
        assert!(places.values().any(|place| place == name), "{name}: {places:?}");
    }
    // Without a key they take turns.
    assert_eq!(counts(&client, 9).await.into_values().collect::<Vec<_>>(), [3, 3, 3]);

    // Only those who were there go elsewhere.
    let [a, b, c] = backends;
    c.stop().await;
    for (session, place) in &places {
        let now = ask(*session).await;
        assert!(if place == "c" { now != "c" } else { &now == place }, "{session}");
    }
    drop((a, b));
}

#[tokio::test]
async fn a_cookie_and_the_client_are_keys_as_well() {
    let backends = [named("a").await, named("b").await];
    for hash in ["\"client\"", "{ cookie = \"id\" }"] {
        let more = format!("balance = \"hash\"\nhash = {hash}");
        let gateway = Gateway::start(&proxy(&plain(&backends.each_ref()), &more)).await;
        let client = gateway.client();
        let ask = || client.send(request("GET", "/").header("cookie", "x=1; id=7"), "");
        let first = ask().await.text().to_owned();
        for _ in 0..10 {
            assert_eq!(ask().await.text(), first, "{hash}");
        }
    }
}

#[tokio::test]
async fn a_target_that_a_reload_brings_gets_its_share_bit_by_bit() {
    let (old, new) = (named("old").await, named("new").await);
    let slowly = "slow_start = \"1h\"";
    let gateway = Gateway::start(&proxy(&plain(&[&old]), slowly)).await;
    gateway.write(&proxy(&plain(&[&old, &new]), slowly));
    gateway.signal_reload();
    gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
    let counts = counts(&gateway.client(), 200).await;
    // A tenth of its half, and by chance a little more; without a ramp it would be a hundred.
    assert!(counts.get("new").is_none_or(|new| *new < 60), "{counts:?}");
}

#[tokio::test]
async fn a_target_may_be_a_name() {
    let backend = named("here").await;
    let target = format!("\"localhost:{}\"", backend.address().port());
    let gateway = Gateway::start(&proxy(&[target], "resolve = \"1s\"")).await;
    assert_eq!(gateway.client().get("/").await.text(), "here");
}
