//! A configuration becomes a snapshot in service, or a list of everything that is wrong with it.
//! `torana check`, start and reload all come through here.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    chain::Chain,
    config::{
        self, Config, Diagnostic, Diagnostics, Listener, OnErrorAction, PluginUse, Rewrite, Route,
        Span,
    },
    listener,
    plugin::{Plugin, PluginFilter, PluginRoom},
    proxy::{Answer, Mirror, RouteInService, Snapshot, Split},
    router::Router,
    telemetry::Scope,
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
    pub(super) ticking: Vec<Arc<Plugin>>,
    /// For the listeners, in the configuration's order.
    pub(super) doors: Vec<listener::Settings>,
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
        let plugins = self.load_plugins(config, &mut problems).await;
        check_chains(config, &plugins, &mut problems);
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
            ticking: plugins.ticking(),
            snapshot: Snapshot {
                router,
                routes,
                unrouted,
                upstreams,
                plugins: all,
                access_log: None,
            },
            doors,
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
            chains: self.chains(config, &route.name, &route.chain, plugins),
            upstreams: names.iter().filter_map(|name| upstreams.get(name).cloned()).collect(),
            upstream_names: names.into(),
            split: route.split.as_ref().map(Split::new),
            mirror: route.mirror.as_ref().and_then(|mirror| self.mirror(mirror, upstreams)),
            answer: Answer::of(route),
            timeout: route.timeout,
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
            chains: self.chains(config, "", &[], plugins),
            upstream_names: Arc::default(),
            upstreams: Vec::new(),
            split: None,
            mirror: None,
            answer: None,
            timeout: UNROUTED_TIMEOUT,
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

/// Plugins by the place that names them.
#[derive(Default)]
struct Loaded {
    plugins: HashMap<(Arc<str>, Span), Arc<Plugin>>,
}

impl Loaded {
    fn insert(&mut self, wanted: &PluginUse, plugin: Arc<Plugin>) {
        self.plugins.insert((wanted.name.clone(), wanted.span), plugin);
    }

    fn get(&self, wanted: &PluginUse) -> Option<&Arc<Plugin>> {
        self.plugins.get(&(wanted.name.clone(), wanted.span))
    }

    fn filter(&self, wanted: &PluginUse) -> Option<PluginFilter> {
        Some(PluginFilter::new(self.get(wanted)?.clone(), wanted.on_error))
    }

    /// Each once, however often chains use it.
    fn all(&self) -> Vec<Arc<Plugin>> {
        let mut all: Vec<Arc<Plugin>> = Vec::new();
        for plugin in self.plugins.values() {
            if !all.iter().any(|known| Arc::ptr_eq(known, plugin)) {
                all.push(plugin.clone());
            }
        }
        all
    }

    /// One plugin for each entry that wants ticks: they are for the entry, not for each use. The
    /// first use has them, so that a reload finds the same one.
    fn ticking(&self) -> Vec<Arc<Plugin>> {
        let wanting = self.plugins.iter().filter(|(_, plugin)| plugin.tick_interval().is_some());
        let mut firsts: HashMap<&str, (Span, &Arc<Plugin>)> = HashMap::new();
        for ((name, span), plugin) in wanting {
            let first = firsts.entry(name).or_insert((*span, plugin));
            if *span < first.0 {
                *first = (*span, plugin);
            }
        }
        firsts.into_values().map(|(_, plugin)| plugin.clone()).collect()
    }
}

/// What each listener shows to its clients: here the certificates are read.
fn doors(config: &Config, problems: &mut Diagnostics) -> Vec<listener::Settings> {
    let door = |listener: &Listener| {
        let tls = match listener.tls.is_empty() {
            true => None,
            false => match tls::server_config(&listener.tls, listener.client_ca.as_deref()) {
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

/// What can only be seen when the components' types are known.
fn check_chains(config: &Config, plugins: &Loaded, problems: &mut Diagnostics) {
    for wanted in uses(config) {
        if let Some(plugin) = plugins.get(wanted) {
            check_hooks(wanted, plugin, problems);
        }
    }
    for wanted in config.listeners.iter().flat_map(|listener| &listener.chain) {
        if plugins.get(wanted).is_some_and(|plugin| plugin.hooks().handler) {
            problems.push(handler_before_routes(wanted));
        }
    }
    for route in &config.routes {
        // With a plugin missing nothing can be said of the chain as a whole.
        if route.chain.iter().all(|wanted| plugins.get(wanted).is_some()) {
            check_end(route, plugins, problems);
            check_upgrade(config, route, plugins, problems);
        }
    }
}

/// A body that a stream hook has begun on cannot be put back, so there is nothing to skip to.
fn check_hooks(wanted: &PluginUse, plugin: &Plugin, problems: &mut Diagnostics) {
    let (hooks, on_error) = (plugin.hooks(), wanted.on_error);
    let skips = (hooks.request_stream && on_error.request == OnErrorAction::Skip)
        || (hooks.response_stream && on_error.response == OnErrorAction::Skip);
    if skips {
        let message = format!("plugin `{}` has stream hooks, which cannot be skipped", wanted.name);
        let help = "use on_error = \"deny\": what has passed already cannot be taken back";
        problems.push(Diagnostic::error(wanted.span, message).help(Some(help.to_owned())));
    }
}

fn handler_before_routes(wanted: &PluginUse) -> Diagnostic {
    let message = format!("plugin `{}` is a handler and must come last in a route", wanted.name);
    Diagnostic::error(wanted.span, message)
        .label("it would answer for every route of this listener")
        .help(Some("put it at the end of the `chain` of its routes".to_owned()))
}

/// Every route ends in one thing that answers: a handler, or what its table says.
fn check_end(route: &Route, plugins: &Loaded, problems: &mut Diagnostics) {
    let is_handler =
        |wanted: &PluginUse| plugins.get(wanted).is_some_and(|plugin| plugin.hooks().handler);
    let handlers: Vec<&PluginUse> = route.chain.iter().filter(|w| is_handler(w)).collect();
    let last = route.chain.last().map(|wanted| wanted.span);
    for handler in &handlers {
        if Some(&handler.span) != last.as_ref() {
            problems.push(
                Diagnostic::error(
                    handler.span,
                    format!("plugin `{}` is a handler and must come last", handler.name),
                )
                .label("nothing after it would be called"),
            );
        }
    }
    match (handlers.first(), route.end()) {
        (Some(handler), Some(end)) => {
            let never = route.upstream.as_deref().unwrap_or(end);
            problems.push(
                Diagnostic::error(
                    route.span,
                    format!("route `{}` has a handler and `{end}`", route.name),
                )
                .label(format!("`{}` answers, so `{never}` is never called", handler.name))
                .help(Some("remove one of them".to_owned())),
            );
        }
        (None, None) => problems.push(
            Diagnostic::error(
                route.span,
                format!("route `{}` has nothing that answers", route.name),
            )
            .help(Some(
                "add `upstream = \"NAME\"`, `split`, `redirect` or `reply`, or end its chain in a \
                 handler"
                    .to_owned(),
            )),
        ),
        _ => {}
    }
}

/// What a connection becomes is bytes that no plugin sees: a route whose plugins read bodies must
/// not have it.
fn check_upgrade(config: &Config, route: &Route, plugins: &Loaded, problems: &mut Diagnostics) {
    if route.upgrade.is_empty() {
        return;
    }
    let reads = |wanted: &&PluginUse| {
        plugins.get(wanted).is_some_and(|plugin| {
            let hooks = plugin.hooks();
            hooks.request_body
                || hooks.request_stream
                || hooks.response_body
                || hooks.response_stream
                || hooks.handler
        })
    };
    let answers_on = |listener: &&Listener| {
        route.matcher.listen.is_empty() || route.matcher.listen.contains(&listener.name)
    };
    let of_listeners = config.listeners.iter().filter(answers_on).flat_map(|l| &l.chain);
    if let Some(reader) = of_listeners.chain(&route.chain).find(reads) {
        let message =
            format!("plugin `{}` would not see what passes after an upgrade", reader.name);
        problems.push(
            Diagnostic::error(route.upgrade_span, message)
                .label("its hooks are about bodies")
                .help(Some("give upgrades a route of their own, without it".to_owned())),
        );
    }
    let names = route.upstreams().into_iter();
    let upstreams = names.filter_map(|name| config.upstreams.iter().find(|u| u.name == *name));
    for upstream in upstreams.filter(|u| u.protocol != config::Protocol::Http1) {
        let message = format!("upstream `{}` does not take upgrades", upstream.name);
        problems.push(
            Diagnostic::error(route.upgrade_span, message)
                .label("they are asked for over HTTP/1.1")
                .help(Some("use an upstream with protocol = \"http/1.1\"".to_owned())),
        );
    }
}
