//! Routes and plugins, as the file and the components' types have them.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;

use super::{
    Subject,
    holding::{Holding, hold},
};
use crate::{
    config::{Config, FetchGrant, Isolation, OnErrorAction, PluginLimits, PluginUse, Route, Span},
    filter::Hooks,
    plugin::{Description, Import},
    trust::Signatures,
};

/// A route, and who comes through it.
#[derive(Debug, Serialize)]
pub(super) struct RouteFacts {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) path: String,
    /// `authenticated`, `public` (the file says so) or `open` (nobody said anything).
    pub(super) access: &'static str,
    /// One for each listener that it answers on.
    pub(super) chains: Vec<ChainFacts>,
    /// Where requests may go.
    pub(super) upstreams: Vec<String>,
    /// Where copies of them go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mirror: Option<String>,
}

/// The plugins that a request passes.
#[derive(Debug, Serialize)]
pub(super) struct ChainFacts {
    pub(super) listener: String,
    pub(super) plugins: Vec<LinkFacts>,
}

/// A plugin in a chain.
#[derive(Debug, Serialize)]
pub(super) struct LinkFacts {
    pub(super) plugin: String,
    /// Grants of the plugin that it does not have here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) without: Vec<String>,
}

/// A plugin: what it is, what it sees, what it may do.
#[derive(Debug, Serialize)]
pub(super) struct PluginFacts {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) component: String,
    pub(super) sha256: String,
    /// Bytes.
    pub(super) size: usize,
    /// What keeps another file from taking this one's place: `configuration`, `torana.lock` or
    /// `nothing`.
    pub(super) pinned_by: &'static str,
    /// Ids of the keys that have signed it.
    pub(super) signed_by: Vec<String>,
    /// Whether the file refuses components that no trusted key has signed.
    pub(super) signature_held: bool,
    pub(super) hooks: Vec<&'static str>,
    /// What passes its memory: heads, bodies, streams.
    pub(super) sees: Vec<&'static str>,
    pub(super) imports: Vec<String>,
    pub(super) grants: Vec<Holding>,
    /// Whom it can call: it imports `fetch` and was granted these.
    pub(super) calls: Vec<String>,
    pub(super) authenticates: bool,
    pub(super) isolation: &'static str,
    pub(super) on_error: OnErrorFacts,
    pub(super) limits: LimitFacts,
    /// The routes that it works for; `(listener NAME)` for all of a listener's.
    pub(super) used_by: Vec<String>,
}

/// What happens when it fails.
#[derive(Debug, Serialize)]
pub(super) struct OnErrorFacts {
    pub(super) request: String,
    pub(super) response: String,
}

/// What it may use up.
#[derive(Debug, Serialize)]
pub(super) struct LimitFacts {
    pub(super) cpu_ms: u64,
    pub(super) wall_ms: u64,
    pub(super) memory_bytes: u64,
    pub(super) body_bytes: u64,
    pub(super) fetches: u32,
}

/// Every route, in the file's order.
pub(super) fn routes(config: &Config) -> Vec<RouteFacts> {
    let facts = |route: &Route| RouteFacts {
        name: route.name.to_string(),
        line: line(config, route.span),
        path: route.matcher.path.clone(),
        access: match (config.is_guarded(route), route.public) {
            (true, _) => "authenticated",
            (false, true) => "public",
            (false, false) => "open",
        },
        chains: chains(config, route),
        upstreams: route.upstreams().iter().map(ToString::to_string).collect(),
        mirror: route.mirror.as_ref().map(|copies| copies.upstream.to_string()),
    };
    config.routes.iter().map(facts).collect()
}

fn chains(config: &Config, route: &Route) -> Vec<ChainFacts> {
    let link = |wanted: &PluginUse| LinkFacts {
        plugin: wanted.name.to_string(),
        without: taken_away(config, wanted),
    };
    config
        .listeners_of(route)
        .map(|listener| ChainFacts {
            listener: listener.name.to_string(),
            plugins: listener.chain.iter().chain(&route.chain).map(link).collect(),
        })
        .collect()
}

fn taken_away(config: &Config, wanted: &PluginUse) -> Vec<String> {
    let Some(base) = config.plugins.iter().find(|plugin| plugin.name == wanted.name) else {
        return Vec::new();
    };
    let left = wanted.grants.list();
    let gone = base.grants.list().into_iter().filter(|granted| !left.contains(granted));
    gone.map(|granted| granted.to_string()).collect()
}

/// Every plugin that a chain uses, in the file's order.
pub(super) fn plugins(subject: &Subject<'_>) -> Vec<PluginFacts> {
    let known = |plugin: &PluginUse| {
        let component = subject.components.get(&plugin.component.path)?;
        let used_by = used_by(subject.config, &plugin.name);
        (!used_by.is_empty()).then(|| facts(subject, plugin, component, used_by))
    };
    subject.config.plugins.iter().filter_map(known).collect()
}

fn facts(
    subject: &Subject<'_>,
    plugin: &PluginUse,
    component: &Description,
    used_by: Vec<String>,
) -> PluginFacts {
    let calls = match component.can("fetch") {
        true => plugin.grants.fetch.iter().map(FetchGrant::to_string).collect(),
        false => Vec::new(),
    };
    let limits = &plugin.limits;
    PluginFacts {
        name: plugin.name.to_string(),
        line: line(subject.config, plugin.span),
        component: plugin.component.written.clone(),
        sha256: hex::encode(component.sha256),
        size: component.size,
        pinned_by: pinned_by(subject, plugin, component),
        signed_by: signers(plugin),
        signature_held: !subject.config.trusted_keys.is_empty(),
        hooks: component.hooks.names(),
        sees: sees(component),
        imports: component.imports.iter().map(|import| import.name().to_owned()).collect(),
        grants: plugin
            .grants
            .list()
            .iter()
            .map(|g| hold(g, &component.imports, component.hooks))
            .collect(),
        calls,
        authenticates: plugin.authenticates(),
        isolation: match plugin.isolation {
            Isolation::Pooled => "pooled",
            Isolation::Request => "request",
        },
        on_error: OnErrorFacts {
            request: action(plugin.on_error.request),
            response: action(plugin.on_error.response),
        },
        limits: LimitFacts::of(limits),
        used_by,
    }
}

impl LimitFacts {
    fn of(limits: &PluginLimits) -> Self {
        Self {
            cpu_ms: millis(limits.cpu),
            wall_ms: millis(limits.wall),
            memory_bytes: limits.memory as u64,
            body_bytes: limits.body,
            fetches: limits.fetches,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn pinned_by(subject: &Subject<'_>, plugin: &PluginUse, component: &Description) -> &'static str {
    let locked = subject.lock.and_then(|lock| lock.digest(&plugin.name));
    match plugin.component.sha256 {
        Some(_) => "configuration",
        None if locked == Some(&component.sha256) => "torana.lock",
        None => "nothing",
    }
}

/// Without a file of signatures, or with one that nobody can read, nobody has signed.
fn signers(plugin: &PluginUse) -> Vec<String> {
    let signatures = Signatures::of(&plugin.component.path).unwrap_or_default();
    signatures.signers().map(str::to_owned).collect()
}

/// A head is seen by every hook that has an exchange, a body by those that import or transform it.
pub(super) fn sees(component: &Description) -> Vec<&'static str> {
    let hooks = component.hooks;
    let only_ticks = hooks == Hooks { tick: hooks.tick, schema: hooks.schema, ..Hooks::default() };
    let reads = |name, edit| component.can(name) || component.can(edit);
    let seen = [
        ("request heads", !only_ticks && component.can("request")),
        ("request bodies", reads("request-body", "request-body-edit")),
        ("request streams", hooks.request_stream),
        ("response heads", component.can("response")),
        ("response bodies", reads("response-body", "response-body-edit")),
        ("response streams", hooks.response_stream),
    ];
    seen.into_iter().filter(|(_, is_seen)| *is_seen).map(|(what, _)| what).collect()
}

impl Description {
    /// Whether it imports this interface of ours.
    pub(super) fn can(&self, interface: &str) -> bool {
        self.imports.iter().any(|import: &Import| import.capability() == Some(interface))
    }
}

fn used_by(config: &Config, name: &str) -> Vec<String> {
    let has = |chain: &[PluginUse]| chain.iter().any(|wanted| &*wanted.name == name);
    let listeners = config.listeners.iter().filter(|listener| has(&listener.chain));
    let routes = config.routes.iter().filter(|route| has(&route.chain));
    let all = listeners.map(|listener| format!("(listener {})", listener.name));
    let names: BTreeSet<String> = all.chain(routes.map(|route| route.name.to_string())).collect();
    names.into_iter().collect()
}

fn action(action: OnErrorAction) -> String {
    match action {
        OnErrorAction::Deny(status) => format!("deny with {status}"),
        OnErrorAction::Skip => "skip".to_owned(),
    }
}

pub(super) fn line(config: &Config, span: Span) -> usize {
    config.source.position(span.start).0
}
