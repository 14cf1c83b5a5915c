//! What upstreams count as a whole, beside their targets.

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use super::Encoded;
use crate::{
    proxy::Snapshot,
    upstream::{BOUNDS, BreakerState, CLASSES, SignalStats, UpstreamStats},
};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    upstream: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    upstream: String,
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    upstream: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    upstream: String,
    class: &'static str,
}

type Named = (String, UpstreamStats);
type PerUpstream = (&'static str, &'static str, fn(&UpstreamStats) -> Option<u64>);

/// What only goes up; none where the upstream has no such thing.
const COUNTERS: [PerUpstream; 6] = [
    ("upstream_retries", "Requests sent again under `retries`", |s| Some(s.retries)),
    (
        "upstream_retry_budget_exhausted",
        "Requests not sent again, for the budget of `retries` was used up",
        |s| Some(s.retry_budget_exhausted),
    ),
    ("upstream_hedges", "Requests sent to another target as well under `hedge`", |s| {
        Some(s.hedges)
    }),
    ("upstream_hedges_won", "Of these, those that it answered first", |s| Some(s.hedges_won)),
    ("upstream_breaker_opened", "Times that the breaker has opened", |s| {
        s.breaker.as_ref().map(|breaker| breaker.opened)
    }),
    ("upstream_breaker_refused", "Requests refused, for the breaker was open", |s| {
        s.breaker.as_ref().map(|breaker| breaker.refused)
    }),
];

/// Writes all of it.
pub(super) fn encode(snapshot: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let named = snapshot.upstreams.iter().map(|u| (u.name().to_string(), u.own_stats()));
    let all: Vec<Named> = named.collect();
    for (name, help, value) in COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (upstream, stats) in &all {
            let Some(value) = value(stats) else { continue };
            let labels = UpstreamLabels { upstream: upstream.clone() };
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
    }
    limits(&all, encoder)?;
    breakers(&all, encoder)?;
    classes(&all, encoder)?;
    seconds(&all, encoder)
}

fn limits(all: &[Named], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let limits = all.iter().flat_map(|(upstream, stats)| {
        let labels = |limit| LimitLabels { upstream: upstream.clone(), limit };
        stats.limits.iter().map(move |limit| (labels(limit.name), limit))
    });
    let limits: Vec<_> = limits.collect();
    let (name, help) = ("upstream_refused", "Requests refused, for one of `limits` was reached");
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, limit) in &limits {
        ConstCounter::new(limit.refused).encode(family.encode_family(labels)?)?;
    }
    let (name, help) = ("upstream_limit_reached", "1 if one of `limits` is reached");
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, limit) in &limits {
        ConstGauge::new(i64::from(limit.reached)).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn breakers(all: &[Named], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let help = "1 for the state that the `breaker` is in: closed, open or half-open";
    let name = "upstream_breaker_state";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (upstream, stats) in all {
        let Some(breaker) = &stats.breaker else { continue };
        for state in BreakerState::ALL {
            let labels = StateLabels { upstream: upstream.clone(), state: state.name() };
            let value = i64::from(state == breaker.state);
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn classes(all: &[Named], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let help = "Requests by the class of their answers, `none` without one; repeated ones once";
    let name = "upstream_responses";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (upstream, stats) in all {
        for (class, count) in CLASSES.into_iter().zip(stats.signals.classes) {
            let labels = ClassLabels { upstream: upstream.clone(), class };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn seconds(all: &[Named], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let help = "From calling the upstream to the head of its answer, repetitions included";
    let name = "upstream_seconds";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (upstream, SignalStats { buckets, micros, .. }) in
        all.iter().map(|(upstream, stats)| (upstream, &stats.signals))
    {
        let labels = UpstreamLabels { upstream: upstream.clone() };
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(buckets.iter().copied()).collect();
        let (sum, count) = (*micros as f64 / 1e6, buckets.iter().map(|(_, count)| count).sum());
        let mut metric = family.encode_family(&labels)?;
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}
