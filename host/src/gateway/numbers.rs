//! Numbers that others keep, read when somebody asks for `/metrics`.

mod upstreams;

use std::{collections::BTreeMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

use crate::{
    listener::Connections,
    plugin::Plugin,
    proxy::Snapshot,
    upstream::{BREAKS, CLASSES, TargetStats},
};

/// Connections, upstreams and pools of the configuration in service.
pub(super) struct Numbers {
    pub(super) connections: Arc<Connections>,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    upstream: String,
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    upstream: String,
    target: String,
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakLabels {
    upstream: String,
    target: String,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PluginLabels {
    plugin: String,
}

type Encoded = Result<(), fmt::Error>;
type PerPlugin = (&'static str, &'static str, fn(&Plugin) -> usize);
type PerTarget = (&'static str, &'static str, fn(&TargetStats) -> u64);

/// What only goes up.
const TARGET_COUNTERS: [PerTarget; 4] = [
    ("upstream_requests", "Requests sent, repeated ones counted again", |s| s.requests),
    ("upstream_connects", "Connections made", |s| s.connects),
    ("upstream_connect_failures", "Connections that could not be made", |s| s.connect_failures),
    ("upstream_ejections", "Times that the target was ejected for its failures", |s| s.ejections),
];

const TARGET_GAUGES: [PerTarget; 5] = [
    ("upstream_in_flight", "Requests whose response has not ended", |s| s.in_flight),
    ("upstream_connections_open", "Connections that are open", |s| s.open),
    ("upstream_connections_idle", "HTTP/1.1 connections that wait for a request", |s| s.idle),
    (
        "upstream_healthy",
        "1 if the target is fit, 0 if checks or an ejection took it out, or its last connect failed",
        |s| u64::from(s.healthy),
    ),
    ("upstream_ejected", "1 if the target is ejected for its failures", |s| {
        u64::from(s.ejected.is_some())
    }),
];

const PLUGIN_GAUGES: [PerPlugin; 2] = [
    ("plugin_instances_idle", "Instances that wait for a call", Plugin::idle_instances),
    (
        "plugin_instances_busy",
        "Instances that run a call, or have a body on its way",
        Plugin::busy_instances,
    ),
];

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Encoded {
        self.connections(&mut encoder)?;
        let snapshot = self.snapshot.load();
        let stats = snapshot.upstreams.iter().flat_map(|upstream| {
            let labels = |target: &TargetStats| TargetLabels {
                upstream: upstream.name().to_string(),
                target: target.target.to_string(),
            };
            upstream.stats().into_iter().map(move |stats| (labels(&stats), stats))
        });
        let stats: Vec<_> = stats.collect();
        for (name, help, value) in TARGET_COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (labels, stats) in &stats {
                ConstCounter::new(value(stats)).encode(family.encode_family(labels)?)?;
            }
        }
        for (name, help, value) in TARGET_GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, stats) in &stats {
                ConstGauge::new(as_gauge(value(stats))).encode(family.encode_family(labels)?)?;
            }
        }
        answers(&stats, &mut encoder)?;
        breaks(&stats, &mut encoder)?;
        upstreams::encode(&snapshot, &mut encoder)?;
        plugins(&snapshot, &mut encoder)
    }
}

impl Numbers {
    fn connections(&self, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
        let connections = &self.connections;
        for (name, help, value) in [
            ("connections_accepted", "Connections accepted", connections.accepted()),
            (
                "connections_not_accepted",
                "Times that accepting failed, most often for want of file descriptors",
                connections.not_accepted(),
            ),
            ("connections_refused", "Connections closed at once: too many", connections.refused()),
            (
                "connections_failed",
                "Connections closed before a request: no PROXY header or TLS handshake, or nothing came",
                connections.failed(),
            ),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let help = "Connections of clients that are open";
        let metric =
            encoder.encode_descriptor("connections_open", help, None, MetricType::Gauge)?;
        ConstGauge::new(as_gauge(connections.open() as u64)).encode(metric)
    }
}

/// Beside what callers see of the upstream as a whole, where a repetition hides which target failed.
fn answers(stats: &[(TargetLabels, TargetStats)], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let name = "upstream_target_responses";
    let help =
        "Requests sent by the class of the target's answer, `none` without one or a connection";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (TargetLabels { upstream, target }, stats) in stats {
        for (class, count) in CLASSES.into_iter().zip(stats.answers) {
            let (upstream, target) = (upstream.clone(), target.clone());
            let labels = AnswerLabels { upstream, target, class };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn breaks(stats: &[(TargetLabels, TargetStats)], encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    let name = "upstream_responses_broken";
    let help = "Responses that broke off behind their head: by the target, silent for too long, out of time";
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (TargetLabels { upstream, target }, stats) in stats {
        for (cause, count) in BREAKS.into_iter().zip(stats.broken) {
            let (upstream, target) = (upstream.clone(), target.clone());
            let labels = BreakLabels { upstream, target, cause };
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

/// A plugin that chains use with different settings has as many pools; their sum is shown.
fn plugins(snapshot: &Snapshot, encoder: &mut DescriptorEncoder<'_>) -> Encoded {
    for (name, help, value) in PLUGIN_GAUGES {
        let mut counts = BTreeMap::<&str, usize>::new();
        for plugin in &snapshot.plugins {
            *counts.entry(plugin.name()).or_default() += value(plugin);
        }
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (plugin, count) in counts {
            let labels = PluginLabels { plugin: plugin.to_owned() };
            ConstGauge::new(as_gauge(count as u64)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}
