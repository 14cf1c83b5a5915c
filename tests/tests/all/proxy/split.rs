//! One route, several upstreams: each gets its share, users stay where they are, and whoever asks
//! for one gets it.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use torana_tests::{Backend, Gateway, reply, request, toml};

use crate::guests::{PATIENT, metric, plugin_with};

async fn named(name: &'static str) -> Backend {
    Backend::start(move |_| reply(200, name)).await
}

/// A route for everything with these keys, to `old` and `new`.
fn config(old: &Backend, new: &Backend, keys: &str) -> String {
    let route = toml::route("all", &format!("match = {{ path = \"/{{*path}}\" }}\n{keys}"));
    let upstreams =
        [toml::upstream("old", old.address()), toml::upstream("new", new.address())].concat();
    [toml::LISTEN, &upstreams, &route].concat()
}

fn shares(old: u32, new: u32) -> String {
    format!(
        "split = [{{ upstream = \"old\", weight = {old} }}, {{ upstream = \"new\", weight = {new} }}]"
    )
}

/// How often each of the services answered requests that are made by number, some at a time.
async fn counts(
    gateway: &Gateway,
    count: usize,
    ask: impl Fn(usize) -> http::request::Builder,
) -> BTreeMap<String, usize> {
    const CLIENTS: usize = 8;
    let clients: Vec<_> = (0..CLIENTS).map(|_| gateway.client()).collect();
    let run = async |first: usize| {
        let mut answers = Vec::new();
        for number in (first..count).step_by(CLIENTS) {
            answers.push(clients[first].send(ask(number), "").await.text().to_owned());
        }
        answers
    };
    let mut counts = BTreeMap::new();
    for answer in join_all((0..CLIENTS).map(run)).await.into_iter().flatten() {
        *counts.entry(answer).or_default() += 1;
    }
    counts
}

/// Five standard deviations of the binomial distribution: off by chance once in two million.
#[track_caller]
fn assert_share(count: usize, of: usize, share: f64) {
    let (mean, deviation) = (of as f64 * share, (of as f64 * share * (1.0 - share)).sqrt());
    assert!((count as f64 - mean).abs() <= 5.0 * deviation, "{count} of {of} is not {share}");
}

#[tokio::test]
async fn each_upstream_gets_its_share_of_ten_thousand_requests() {
    let (old, new) = (named("old").await, named("new").await);
    let gateway = Gateway::start(&config(&old, &new, &shares(95, 5))).await;
    let counts = counts(&gateway, 10_000, |_| request("GET", "/")).await;
    assert_eq!(counts["old"] + counts["new"], 10_000);
    assert_share(counts["new"], 10_000, 0.05);
    // Metrics know them apart.
    for name in ["old", "new"] {
        let labels = [&*format!("upstream=\"{name}\"")];
        let sent = metric(&gateway, "torana_upstream_requests_total", &labels).await;
        assert_eq!(sent, counts[name] as f64, "{name}");
    }
}

#[tokio::test]
async fn all_and_nothing_are_exact() {
    let (old, new) = (named("old").await, named("new").await);
    for by in ["", "split_by = \"client\"", "split_by = { header = \"x-user\" }"] {
        let keys = format!("{}\n{by}", shares(0, 100));
        let gateway = Gateway::start(&config(&old, &new, &keys)).await;
        let ask = |user: usize| request("GET", "/").header("x-user", user);
        assert_eq!(counts(&gateway, 400, ask).await["new"], 400, "{by}");
    }
    assert!(old.received().is_empty());
}

#[tokio::test]
async fn a_user_stays_with_an_upstream_also_when_its_share_grows() {
    let (old, new) = (named("old").await, named("new").await);
    for (by, header, value) in [
        ("{ header = \"x-user\" }", "x-user", ""),
        ("{ cookie = \"session\" }", "cookie", "theme=dark; session="),
    ] {
        let keys = |old, new| format!("{}\nsplit_by = {by}", shares(old, new));
        let gateway = Gateway::start(&config(&old, &new, &keys(70, 30))).await;
        let client = gateway.client();
        let places = async || {
            let mut places = Vec::new();
            for user in 0..200 {
                let request = request("GET", "/").header(header, format!("{value}{user}"));
                places.push(client.send(request, "").await.text().to_owned());
            }
            places
        };
        let before = places().await;
        assert_share(before.iter().filter(|place| *place == "new").count(), 200, 0.3);
        assert_eq!(places().await, before, "{by}");
        gateway.write(&config(&old, &new, &keys(40, 60)));
        gateway.signal_reload();
        gateway.wait_for_log("the reload", |line| line.contains("reloaded")).await;
        let after = places().await;
        assert_share(after.iter().filter(|place| *place == "new").count(), 200, 0.6);
        let stays = |(before, after): (&String, &String)| before == "old" || after == "new";
        assert!(before.iter().zip(&after).all(stays), "{by}");
    }
}

#[tokio::test]
async fn who_the_client_is_and_what_a_plugin_says_are_keys_as_well() {
    let (old, new) = (named("old").await, named("new").await);
    let setter = plugin_with(
        "setter",
        "attribute-setter",
        "{ attributes = [\"consumer.id\"] }",
        "config.set = { \"consumer.id\" = \"alice\" }",
    );
    for by in ["\"client\"", "{ attribute = \"consumer.id\" }"] {
        let keys = format!("{}\nsplit_by = {by}\nchain = [\"setter\"]", shares(50, 50));
        let gateway = Gateway::start(&(config(&old, &new, &keys) + &setter)).await;
        assert_eq!(counts(&gateway, 60, |_| request("GET", "/")).await.len(), 1, "{by}");
    }
}

/// Of its README: a consumer of the tier `gold`, for whom it chooses an upstream.
const KEYS: &str = r#"
[plugins.keys]
component = "api-key"
grants = { request-edit = true, attributes = ["consumer.id", "consumer.tier"] }
[plugins.keys.config]
optional = true
upstreams = { gold = "old" }
[[plugins.keys.config.consumers]]
id = "acme"
tier = "gold"
keys = ["sha256:ACMEacme:AAECAwQFBgcICQoLDA0ODw:yWOVnhjHdw4JB09yx45hmBeH7KvYnGpEEpHAc6beZTE"]
"#;
const KEY: &str = "demo_ACMEacme_0123456789abcdefghijABCDEFGHIJ0123456789abc";

#[tokio::test]
async fn a_plugins_choice_goes_before_a_header_and_a_header_before_the_weights() {
    let (old, new) = (named("old").await, named("new").await);
    let keys = r#"chain = ["keys"]
split = [
  { upstream = "old", weight = 100 },
  { upstream = "new", weight = 0, when = { headers = { x-canary = "1", x-team = true } } },
]"#;
    let plugin =
        KEYS.replace("[plugins.keys.config]", &format!("{PATIENT}\n[plugins.keys.config]"));
    let log = "\n[access_log]\nfields = [\"upstream\", \"attributes.route.upstream\"]\n";
    let toml = config(&old, &new, keys) + &plugin + log;
    let gateway = Gateway::start(&toml.replace("workers = 2", "workers = 1")).await;
    let client = gateway.client();
    let canary: &[(&str, &str)] = &[("x-canary", "1"), ("x-team", "b")];
    let gold = [canary, &[("x-api-key", KEY)]].concat();
    let mut expected = Vec::new();
    for (headers, place) in [
        (&[][..], "old"),
        (canary, "new"),
        (&canary[..1], "old"),
        (&[("x-canary", "2"), ("x-team", "b")], "old"),
        (&[("x-canary", "2"), ("x-canary", "1"), ("x-team", "b")], "new"),
        (&gold, "old"),
    ] {
        let with = |request: http::request::Builder, (name, value): &(&str, &str)| {
            request.header(*name, *value)
        };
        let request = headers.iter().fold(request("GET", "/"), with);
        assert_eq!(client.send(request, "").await.text(), place, "{headers:?}");
        expected.push(json!({ "upstream": place, "attributes.route.upstream": place }));
    }
    let mut lines: Vec<Value> = Vec::new();
    for _ in &expected {
        let line = gateway.output().wait_from(lines.len(), "a line", |_| true).await;
        lines.push(serde_json::from_str(&line).expect("JSON"));
    }
    assert_eq!(lines, expected);
}
