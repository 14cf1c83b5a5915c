//! Does what the path says with kv, rate-limit, metrics, clock and random, and replies with the
//! result. What it does not know goes on to the upstream. On each tick it counts `ticks` in kv.
//!
//! | path | does |
//! | --- | --- |
//! | `/kv/get/KEY`, `/kv/delete/KEY` | as it says |
//! | `/kv/set/KEY/VALUE`, `/kv/cas/KEY/OLD/NEW`, `/kv/increment/KEY/BY` | `?ttl=` milliseconds; an OLD of `-` means none |
//! | `/kv/lead/KEY/WAIT` | single flight |
//! | `/rate/KEY...` | a take from all these keys; `?limit=`, `?window=`, `?cost=`, `?burst=`, `?algorithm=`, `?policy=` |
//! | `/metrics/count/NAME/BY`, `/metrics/gauge/NAME/VALUE` | as it says |
//! | `/attributes/get/NAME`, `/attributes/set/NAME/VALUE`, `/attributes/remove/NAME` | as it says |
//! | `/clock`, `/random`, `/id` | the time; two numbers and 16 bytes; who this instance is and how many calls it served |
//! | `/id/grow/KIB` | the same as `/id`, after taking that much memory, touching it and giving it back |

use std::{cell::Cell, fmt::Debug, str::FromStr, time::Duration};

use serde_json::{Value, json};
use torana_plugin_sdk::{
    host::{Algorithm, Bucket, LeadAnswer, Verdict},
    prelude::*,
};

/// How often to tick.
#[settings]
#[derive(Default)]
#[serde(default)]
struct Settings {
    /// In milliseconds. Without it, never.
    tick_ms: Option<u64>,
    /// What a tick does.
    tick: Tick,
}

/// What a tick does.
#[settings]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
enum Tick {
    #[default]
    Count,
    Fail,
    Panic,
    Loop,
}

struct Counter {
    settings: Settings,
    served: Cell<u64>,
    name: Cell<u32>,
}

#[plugin]
impl Plugin for Counter {
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, SettingErrors> {
        Ok(Self { settings, served: Cell::new(0), name: Cell::new(0) })
    }

    fn tick_every(&self) -> Option<Duration> {
        self.settings.tick_ms.map(Duration::from_millis)
    }

    fn on_tick(&self, host: &impl Host) -> Result<(), Failure> {
        match self.settings.tick {
            Tick::Count => host.kv().increment("ticks", 1, None).map(drop)?,
            Tick::Fail => return Err("a tick that fails, on purpose".into()),
            Tick::Panic => panic!("a tick that panics, on purpose"),
            Tick::Loop => forever(),
        }
        Ok(())
    }

    fn on_request_head(&self, host: &impl Host) -> Outcome {
        self.served.set(self.served.get() + 1);
        let path = host.request().path();
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        let result = match segments[..] {
            ["kv", ..] => kv(host, &segments[1..]),
            ["rate", ..] => rate(host, &segments[1..]),
            ["metrics", ..] => metrics(host, &segments[1..]),
            ["attributes", ..] => attributes(host, &segments[1..]),
            ["clock"] => Some(json!([host.clock().unix_millis(), host.clock().monotonic_nanos()])),
            ["random"] => {
                let random = host.random();
                Some(json!([random.number(), random.number(), random.bytes(16)]))
            }
            ["id"] => Some(self.id(host)),
            ["id", "grow", kibibytes] => self.grow(host, kibibytes),
            _ => None,
        };
        match result {
            Some(result) => Ok(Reply::json(200, &result)?.into()),
            None => Ok(Action::Next),
        }
    }
}

impl Counter {
    fn id(&self, host: &impl Host) -> Value {
        if self.name.get() == 0 {
            self.name.set(host.random().number());
        }
        json!({ "instance": self.name.get().to_string(), "served": self.served.get() })
    }

    fn grow(&self, host: &impl Host, kibibytes: &str) -> Option<Value> {
        let kibibytes: usize = kibibytes.parse().ok()?;
        drop(std::hint::black_box(vec![1_u8; kibibytes << 10]));
        Some(self.id(host))
    }
}

fn forever() -> ! {
    loop {
        std::hint::black_box(());
    }
}

fn kv(host: &impl Host, path: &[&str]) -> Option<Value> {
    let kv = host.kv();
    let ttl = query(host, "ttl");
    Some(match *path {
        ["get", key] => told(kv.get(key).map(|value| value.map(text))),
        ["delete", key] => told(kv.delete(key)),
        ["set", key, value] => told(kv.set(key, value.as_bytes(), ttl).map(|()| true)),
        ["cas", key, old, new] => {
            let old = (old != "-").then_some(old.as_bytes());
            told(kv.compare_and_swap(key, old, new.as_bytes(), ttl))
        }
        ["increment", key, by] => told(kv.increment(key, by.parse().ok()?, ttl)),
        ["lead", key, wait] => told(kv.lead(key, wait.parse().ok()?).map(|answer| match answer {
            LeadAnswer::Value(value) => json!({ "value": text(value) }),
            LeadAnswer::Yours => json!("yours"),
            LeadAnswer::Busy => json!("busy"),
        })),
        // Works a little, waits a little, and so on.
        ["lead-forever", key] => loop {
            for piece in 0..20_000 {
                std::hint::black_box(piece);
            }
            drop(kv.lead(key, 1));
        },
        _ => return None,
    })
}

fn rate(host: &impl Host, keys: &[&str]) -> Option<Value> {
    let algorithm = match &*host.request().query_values("algorithm").concat() {
        "fixed-window" => Algorithm::FixedWindow,
        _ => Algorithm::Gcra,
    };
    let bucket = |key: &&str| Bucket {
        policy: query(host, "policy"),
        key: (*key).to_owned(),
        algorithm,
        limit: query(host, "limit").unwrap_or(1),
        window_ms: query(host, "window").unwrap_or(60_000),
        burst: query(host, "burst"),
    };
    let buckets: Vec<_> = keys.iter().map(bucket).collect();
    let verdicts = host.rate_limit().take(&buckets, query(host, "cost").unwrap_or(1));
    let shown = |verdict: &Verdict| {
        json!({
            "allowed": verdict.allowed,
            "remaining": verdict.remaining,
            "reset_ms": verdict.reset_ms,
            "retry_after_ms": verdict.retry_after_ms,
        })
    };
    Some(told(verdicts.map(|verdicts| verdicts.iter().map(shown).collect::<Vec<_>>())))
}

fn metrics(host: &impl Host, path: &[&str]) -> Option<Value> {
    match *path {
        ["count", name, by] => host.metrics().count(name, by.parse().ok()?),
        ["gauge", name, value] => host.metrics().gauge(name, value.parse().ok()?),
        _ => return None,
    }
    Some(json!(true))
}

fn attributes(host: &impl Host, path: &[&str]) -> Option<Value> {
    let attributes = host.attributes();
    Some(match *path {
        ["get", name] => attributes.get(name).into(),
        ["set", name, value] => told(attributes.set(name, value).map(|()| attributes.get(name))),
        ["remove", name] => told(attributes.remove(name).map(|()| attributes.get(name))),
        _ => return None,
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn query<T: FromStr>(host: &impl Host, name: &str) -> Option<T> {
    host.request().query_values(name).first()?.parse().ok()
}

/// The value, or what kind of error there was.
fn told<T: Into<Value>, E: Debug>(result: Result<T, Refused<E>>) -> Value {
    match result {
        Ok(value) => value.into(),
        Err(refused) => json!({ "error": format!("{:?}", refused.why) }),
    }
}
