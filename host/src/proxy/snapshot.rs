//! One configuration in service: everything that a request needs, made ready.

use std::{sync::Arc, time::Duration};

use super::{Answer, Mirror, Split};
use crate::{
    access_log::AccessLog,
    chain::Chain,
    config::Rewrite,
    message::Exchange,
    plugin::{Plugin, PluginFilter},
    router::Router,
    telemetry::RouteMetrics,
    traces::Tracer,
    upstream::{Upstream, Upstreams},
};

/// Routes, chains and upstreams that belong together. A reload makes a new one; exchanges that
/// run keep theirs.
pub struct Snapshot {
    /// Which route takes a request.
    pub router: Router,
    /// By the router's index.
    pub routes: Vec<RouteInService>,
    /// What a request without a route runs through: its listener's plugins alone.
    pub unrouted: RouteInService,
    /// By name.
    pub upstreams: Arc<Upstreams>,
    /// Every plugin, also those that no chain uses.
    pub plugins: Vec<Arc<Plugin>>,
    /// Where requests are written down.
    pub access_log: Option<Arc<AccessLog>>,
    /// Where traces are made.
    pub tracer: Option<Tracer>,
}

/// One route, made ready.
pub struct RouteInService {
    /// Its name.
    pub name: Arc<str>,
    /// The path that it takes, as the file has it; none for what has no route.
    pub pattern: Option<Arc<str>>,
    /// For each listener by name: its plugins and then the route's own.
    pub chains: Vec<(Arc<str>, Chain<PluginFilter>)>,
    /// Names of the upstream, or those of the split, and then the alternatives, in order.
    pub upstream_names: Arc<[Arc<str>]>,
    /// The same, looked up.
    pub upstreams: Vec<Arc<Upstream>>,
    /// The shares of the first of them, if there are several.
    pub split: Option<Split>,
    /// Where copies go.
    pub mirror: Option<Mirror>,
    /// What it says itself, in the place of an upstream.
    pub answer: Option<Answer>,
    /// From the request head to the end of the response.
    pub timeout: Duration,
    /// Whether slashes that follow each other are one in the path that goes on, too.
    pub merge_slashes: bool,
    /// What becomes of the path.
    pub rewrite: Rewrite,
    /// Largest request body, bytes.
    pub max_body: u64,
    /// Protocols that a connection may become.
    pub upgrade: Vec<String>,
    /// How long such a connection may be silent.
    pub upgrade_idle: Duration,
    /// What is counted.
    pub metrics: RouteMetrics,
}

/// The way of one exchange: its route, and that route's chain behind its listener.
#[derive(Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) route: &'a RouteInService,
    pub(super) chain: &'a Chain<PluginFilter>,
    /// Somebody will look at the request's fields when it has been sent.
    pub(super) is_request_kept: bool,
}

impl RouteInService {
    /// The way through this route from a listener; none from one that this configuration does not
    /// have.
    pub(super) fn course(&self, listener: &str, log: Option<&AccessLog>) -> Option<Course<'_>> {
        let (_, chain) = self.chains.iter().find(|(name, _)| **name == *listener)?;
        let is_request_kept =
            chain.wants().response || log.is_some_and(AccessLog::reads_request_head);
        Some(Course { route: self, chain, is_request_kept })
    }

    /// The upstream that a request goes to, which the exchange then knows: what a plugin chose, else
    /// what the split says. `check` has seen that a route without a handler has one, and
    /// `choose-upstream` only picks what is there.
    pub(super) fn upstream(&self, exchange: &mut Exchange) -> &Upstream {
        let index = match (exchange.upstream, &self.split) {
            (Some(chosen), _) => chosen,
            (None, Some(split)) => split.choose(exchange),
            (None, None) => 0,
        };
        exchange.upstream = Some(index);
        if self.split.is_some() {
            let name = self.upstream_names[index].to_string();
            // Where there is no room for it, the access log has it still.
            exchange.attributes.set("route.upstream".to_owned(), name);
        }
        &self.upstreams[index]
    }

    /// The name of the target that an exchange was at.
    pub(super) fn target(&self, exchange: &Exchange) -> Option<Arc<str>> {
        let upstream = self.upstreams.get(exchange.upstream?)?;
        upstream.target_name(exchange.asked.target()?).cloned()
    }
}
