//! `/upstreams`: who is healthy, ejected, busy.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::InService;
use crate::upstream::{BREAKS, BreakerStats, CLASSES, LimitStats, TargetStats, Upstream};

pub(super) fn page(service: &InService) -> Value {
    service.snapshot.upstreams.iter().map(|upstream| one(upstream)).collect()
}

fn one(upstream: &Upstream) -> Value {
    let (own, targets) = (upstream.own_stats(), upstream.stats());
    json!({
        "name": &**upstream.name(),
        "targets": targets.iter().map(target).collect::<Value>(),
        "breaker": own.breaker.as_ref().map(breaker),
        "limits": own.limits.iter().map(limit).collect::<Map<_, _>>(),
        "retries": own.retries,
        "retry_budget_exhausted": own.retry_budget_exhausted,
    })
}

fn target(target: &TargetStats) -> Value {
    json!({
        "target": &*target.target,
        "weight": target.weight,
        "addresses": target.addresses,
        "next_look_up_ms": target.next_look_up.map(in_milliseconds),
        "healthy": target.healthy,
        "ejected": target.ejected.is_some(),
        "ejected_until_ms": target.ejected.map(in_milliseconds),
        "ejections": target.ejections,
        "requests": target.requests,
        "answers": CLASSES.into_iter().zip(target.answers).collect::<Value>(),
        "broken": BREAKS.into_iter().zip(target.broken).collect::<Value>(),
        "in_flight": target.in_flight,
        "connections": { "open": target.open, "idle": target.idle },
        "connects": target.connects,
        "connect_failures": target.connect_failures,
    })
}

/// When it opened it is open `until_ms`, from now.
fn breaker(breaker: &BreakerStats) -> Value {
    json!({
        "state": breaker.state.name(),
        "until_ms": breaker.left.map(in_milliseconds),
        "opened": breaker.opened,
        "refused": breaker.refused,
    })
}

fn in_milliseconds(time: Duration) -> u64 {
    time.as_millis() as u64
}

fn limit(limit: &LimitStats) -> (String, Value) {
    (limit.name.to_owned(), json!({ "reached": limit.reached, "refused": limit.refused }))
}
