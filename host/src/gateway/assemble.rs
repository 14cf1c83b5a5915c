//! A configuration becomes a snapshot in service, or a list of everything that is wrong with it.
//! `torana check`, start and reload all come through here.

mod certificates;
mod chains;
mod loaded;
mod mentions;

use std::{sync::Arc, time::Duration};

use rustls::ServerConfig;

pub(super) use certificates::Shown;
use chains::check_chains;
use loaded::Loaded;
use mentions::check_mentions;

use crate::{
    chain::Chain,
    config::{self, Config, Diagnostic, Diagnostics, Listener, PluginUse, Rewrite, Route},
    listener,
    plugin::{Plugin, PluginFilter, PluginRoom},
    proxy::{Answer, Mirror, RouteInService, Snapshot, Split},
    router::Router,
    telemetry::{HookMetrics, Scope},
    tls,
    upstream::Upstreams,
};

/// What the assembly is made with.
pub(super) struct Workshop<'a> {
    /// Loads plugins.
    pub(super) room: &'a PluginRoom,
    /// What the configuration counts.
    pub(super) scope: Arc<Scope>,
    /// Worker threads.
    pub(super) workers: usize,
    /// The upstreams in service, whose connections and health are kept.
    pub(super) previous: Option<Arc<Upstreams>>,
}

/// A configuration made ready.
pub(super) struct Assembled {
    /// For the workers.
    pub(super) snapshot: Snapshot,
    /// Plugins that want to be called in the background.
    pub(super) ticking: Vec<Ticking>,
    /// For the listeners, in the configuration's order.
    pub(super) doors: Vec<listener::Settings>,
    /// Those that the listeners show.
    pub(super) certificates: Vec<Shown>,
    /// What the operator should look at all the same.
    pub(super) warnings: Diagnostics,
}

/// A plugin that wants to be called in the background, and what is counted of that.
pub(super) struct Ticking {
    pub(super) plugin: Arc<Plugin>,
    pub(super) metrics: HookMetrics,
}

impl Workshop<'_> {
    /// Makes everything ready, and reports every problem at once.
    pub(super) async fn assemble(&self, config: &Config) -> Result<Assembled, Diagnostics> {
        let mut problems = Diagnostics::default();
        let router = Router::new(&config.routes).map_err(|conflicts| {
            conflicts.iter().for_each(|c| problems.push(conflict(config, c.first, c.second)));
        });
        let upstreams = Upstreams::build(&config.upstreams, self.workers, self.previous.as_deref());
        let upstreams = upstreams.map_err(|wrong| {
            for (span, message) in wrong {
                problems.push(Diagnostic::error(span, message));
            }
        });
        let doors = doors(config, &mut problems);
        let certificates = certificates::shown(config, &mut problems);
        let plugins = self.load_plugins(config, &mut problems).await;
        check_chains(config, &plugins, &mut problems);
        check_mentions(config, &plugins, &mut problems);
        let (Ok(router), Ok(upstreams), false) = (router, upstreams, problems.has_errors()) else {
            return Err(problems);
        };
        let upstreams = Arc::new(upstreams.with_dns(config.dns.clone()));
        let route = |route| self.route(config, route, &plugins, &upstreams);
        let routes = config.routes.iter().map(route).collect();
        let unrouted = self.unrouted(config, &plugins);
        let all = plugins.all();
        all.iter().for_each(|plugin| self.scope.plugin(plugin.name()));
        Ok(Assembled {
            ticking: plugins.ticking().into_iter().map(|plugin| self.ticking(plugin)).collect(),
            snapshot: Snapshot {
                router,
                routes,
                unrouted,
                upstreams,
                plugins: all,
                access_log: None,
                tracer: None,
            },
            doors,
            certificates,
            warnings: problems,
        })
    }

    /// Loads every plugin that a chain uses, and those that no chain uses, for their ticks and
    /// their mistakes. A plugin that several chains use alike is loaded once, and reported once.
    async fn load_plugins(&self, config: &Config, problems: &mut Diagnostics) -> Loaded {
        let mut loaded = Loaded::default();
        for wanted in uses(config).chain(unused(config)) {
            match self.room.load(wanted, &config.secrets).await {
                Ok(plugin) => loaded.insert(wanted, plugin),
                Err(wrong) => wrong.into_iter().for_each(|problem| problems.push(problem)),
            }
        }
        loaded
    }

    fn ticking(&self, plugin: Arc<Plugin>) -> Ticking {
        // It is for no route.
        let metrics = self.scope.hook(plugin.name(), "", "on-tick");
        Ticking { plugin, metrics }
    }

    fn route(
        &self,
        config: &Config,
        route: &Route,
        plugins: &Loaded,
        upstreams: &Upstreams,
    ) -> RouteInService {
        let names: Vec<Arc<str>> = route.upstreams().into_iter().cloned().collect();
        RouteInService {
            name: route.name.clone(),
            pattern: Some(route.matcher.path.as_str().into()),
            chains: self.chains(config, &route.name, &route.chain, plugins),
            upstreams: names.iter().filter_map(|name| upstreams.get(name).cloned()).collect(),
            upstream_names: names.into(),
            split: route.split.as_ref().map(Split::new),
            mirror: route.mirror.as_ref().and_then(|mirror| self.mirror(mirror, upstreams)),
            answer: Answer::of(route),
            timeout: route.timeout,
            merge_slashes: route.merge_slashes,
            rewrite: route.rewrite.clone(),
            max_body: route.max_body,
            upgrade: route.upgrade.clone(),
            upgrade_idle: route.upgrade_idle,
            metrics: self.scope.route(&route.name),
        }
    }

    fn mirror(&self, settings: &config::Mirror, upstreams: &Upstreams) -> Option<Mirror> {
        let upstream = upstreams.get(&settings.upstream)?.clone();
        let metrics = self.scope.mirror(&settings.upstream);
        Some(Mirror::new(settings.clone(), upstream, metrics))
    }

    /// For each listener: its plugins, and then these.
    fn chains(
        &self,
        config: &Config,
        route: &str,
        chain: &[PluginUse],
        plugins: &Loaded,
    ) -> Vec<(Arc<str>, Chain<PluginFilter>)> {
        let behind = |listener: &Listener| {
            let uses = listener.chain.iter().chain(chain);
            let filters = uses.filter_map(|wanted| plugins.filter(wanted)).collect();
            (listener.name.clone(), Chain::new(filters, route, &self.scope))
        };
        config.listeners.iter().map(behind).collect()
    }

    /// The way of requests that no route takes. It has no name and leads nowhere.
    fn unrouted(&self, config: &Config, plugins: &Loaded) -> RouteInService {
        RouteInService {
            name: Arc::from(""),
            pattern: None,
            chains: self.chains(config, "", &[], plugins),
            upstream_names: Arc::default(),
            upstreams: Vec::new(),
            split: None,
            mirror: None,
            answer: None,
            timeout: UNROUTED_TIMEOUT,
            merge_slashes: true,
            rewrite: Rewrite::None,
            max_body: u64::MAX,
            upgrade: Vec::new(),
            upgrade_idle: Duration::ZERO,
            metrics: self.scope.route(""),
        }
    }
}

/// For a listener's plugins, when no route says how long a request may take.
const UNROUTED_TIMEOUT: Duration = Duration::from_secs(30);

/// What each listener shows to its clients: here the certificates are read.
fn doors(config: &Config, problems: &mut Diagnostics) -> Vec<listener::Settings> {
    let door = |listener: &Listener| {
        let tls = match listener.tls.is_empty() {
            true => None,
            false => match tls_of(listener) {
                Ok(tls) => Some(tls),
                Err(error) => {
                    problems.push(Diagnostic::error(error.span, error.message));
                    None
                }
            },
        };
        listener::Settings {
            name: listener.name.clone(),
            limits: listener.limits.clone(),
            proxy_protocol: listener.proxy_protocol.clone(),
            tls,
        }
    };
    config.listeners.iter().map(door).collect()
}

fn tls_of(listener: &Listener) -> Result<Arc<ServerConfig>, tls::TlsError> {
    let client_ca = listener.client_ca.as_deref().map(|path| (path, listener.client_ca_span));
    tls::server_config(&listener.tls, client_ca)
}

fn uses(config: &Config) -> impl Iterator<Item = &PluginUse> {
    let of_listeners = config.listeners.iter().flat_map(|listener| &listener.chain);
    of_listeners.chain(config.routes.iter().flat_map(|route| &route.chain))
}

/// Entries that no chain names.
fn unused(config: &Config) -> impl Iterator<Item = &PluginUse> {
    let is_used = |entry: &PluginUse| uses(config).any(|wanted| wanted.name == entry.name);
    config.plugins.iter().filter(move |entry| !is_used(entry))
}

fn conflict(config: &Config, first: usize, second: usize) -> Diagnostic {
    let (first, second) = (&config.routes[first], &config.routes[second]);
    let line = config.source.position(first.match_span.start).0;
    Diagnostic::error(
        second.match_span,
        format!("routes `{}` and `{}` match the same requests", first.name, second.name),
    )
    .label(format!("the same as `{}` in line {line}", first.name))
    .help(Some("tell them apart by host, path, method, header or query".to_owned()))
}
