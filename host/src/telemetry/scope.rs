//! Which series there are: those of the configurations that anybody still uses. What is in the one
//! before a reload and in the one behind it goes on counting.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, MutexGuard, PoisonError},
};

use super::{
    DecisionLabels, HookLabels, HookMetrics, MirrorLabels, MirrorMetrics, RouteLabels,
    RouteMetrics, Telemetry,
};

/// What one configuration counts. Its handles hold it, so it ends with the last exchange of its
/// configuration.
pub struct Scope {
    pub(super) telemetry: Arc<Telemetry>,
    number: u64,
}

/// All that have not ended.
#[derive(Default)]
pub(super) struct Scopes {
    by_number: BTreeMap<u64, Names>,
    next: u64,
}

/// What a configuration has.
#[derive(Default)]
struct Names {
    /// Each with its plugins, also those of its listeners.
    routes: HashMap<String, HashSet<String>>,
    /// All, also those without a route.
    plugins: HashSet<String>,
    /// Upstreams that get copies.
    mirrors: HashSet<String>,
}

impl Telemetry {
    /// For a configuration that is made ready.
    pub fn scope(self: &Arc<Self>) -> Arc<Scope> {
        // Where nobody asks for the metrics, this is the time.
        self.forget();
        let mut scopes = self.scopes();
        let number = scopes.next;
        scopes.next += 1;
        scopes.by_number.insert(number, Names::default());
        Arc::new(Scope { telemetry: self.clone(), number })
    }

    /// Lets go of the series of what no configuration has any more. Whatever comes back begins at
    /// zero.
    pub(super) fn forget(&self) {
        let mut scopes = self.scopes();
        let ended = std::mem::take(&mut *self.ended());
        if ended.is_empty() {
            return;
        }
        ended.iter().for_each(|number| drop(scopes.by_number.remove(number)));
        self.requests.retain(|labels| scopes.have_route(&labels.route));
        self.request_seconds.retain(|labels| scopes.have_route(&labels.route));
        self.plugin_seconds.retain(|labels| scopes.have_hook(&labels.plugin, &labels.route));
        self.plugin_decisions.retain(|labels| scopes.have_hook(&labels.plugin, &labels.route));
        self.plugin_failures.retain(|labels| scopes.have_hook(&labels.plugin, &labels.route));
        self.custom_counts.retain(|labels| match labels.route.is_empty() {
            // A tick is for no route.
            true => scopes.have_plugin(&labels.plugin),
            false => scopes.have_hook(&labels.plugin, &labels.route),
        });
        self.custom_gauges.retain(|labels| scopes.have_plugin(&labels.plugin));
        self.custom_dropped.retain(|labels| scopes.have_plugin(&labels.plugin));
        self.mirrored.retain(|labels| scopes.have_mirror(&labels.upstream));
        let mut names = self.custom_names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|(plugin, _)| scopes.have_plugin(plugin));
    }

    fn scopes(&self) -> MutexGuard<'_, Scopes> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, Vec<u64>> {
        self.ended_scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope {
    /// Keeps what is counted of a plugin.
    pub fn plugin(&self, plugin: &str) {
        self.have(|names| names.plugins.extend([plugin.to_owned()]));
    }

    /// The handles of a route.
    pub fn route(self: &Arc<Self>, route: &str) -> RouteMetrics {
        self.have(|names| names.route(route, None));
        let labels = RouteLabels { route: route.into() };
        RouteMetrics {
            scope: self.clone(),
            seconds: self.telemetry.request_seconds.get(&labels),
            route: labels.route,
            usual: Default::default(),
        }
    }

    /// The handles of one hook of one plugin on one route.
    pub fn hook(self: &Arc<Self>, plugin: &str, route: &str, hook: &str) -> HookMetrics {
        self.have(|names| names.route(route, Some(plugin)));
        let labels = HookLabels { plugin: plugin.into(), route: route.into(), hook: hook.into() };
        let next = DecisionLabels {
            plugin: plugin.into(),
            route: route.into(),
            decision: "next".into(),
            status: String::new(),
        };
        HookMetrics {
            seconds: self.telemetry.plugin_seconds.get(&labels),
            next: self.telemetry.plugin_decisions.get(&next),
            scope: self.clone(),
            labels,
        }
    }

    /// The handles of the copies for an upstream.
    pub fn mirror(self: &Arc<Self>, upstream: &str) -> MirrorMetrics {
        self.have(|names| names.mirrors.extend([upstream.to_owned()]));
        let of = |result| {
            let labels = MirrorLabels { upstream: upstream.into(), result };
            self.telemetry.mirrored.get(&labels)
        };
        MirrorMetrics {
            answered: of("answered"),
            failed: of("failed"),
            dropped: of("dropped"),
            too_large: of("too-large"),
            too_slow: of("too-slow"),
            incomplete: of("incomplete"),
            _scope: self.clone(),
        }
    }

    /// Names that this configuration has, before there are series of them: nobody lets those go.
    fn have(&self, named: impl FnOnce(&mut Names)) {
        if let Some(names) = self.telemetry.scopes().by_number.get_mut(&self.number) {
            named(names);
        }
    }
}

impl Names {
    fn route(&mut self, route: &str, plugin: Option<&str>) {
        let plugins = self.routes.entry(route.to_owned()).or_default();
        plugins.extend(plugin.map(str::to_owned));
    }
}

impl Drop for Scope {
    /// Its series go when the next metrics are written, for this may be a worker's thread: it does not
    /// wait for those that are being written either.
    fn drop(&mut self) {
        self.telemetry.ended().push(self.number);
    }
}

impl Scopes {
    fn have_route(&self, route: &str) -> bool {
        self.by_number.values().any(|names| names.routes.contains_key(route))
    }

    fn have_hook(&self, plugin: &str, route: &str) -> bool {
        let is_on = |names: &Names| names.routes.get(route).is_some_and(|on| on.contains(plugin));
        self.by_number.values().any(is_on)
    }

    fn have_plugin(&self, plugin: &str) -> bool {
        self.by_number.values().any(|names| names.plugins.contains(plugin))
    }

    fn have_mirror(&self, upstream: &str) -> bool {
        self.by_number.values().any(|names| names.mirrors.contains(upstream))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::encoding::text::encode_registry;

    use super::*;

    /// The samples of all that have a route, a plugin or an upstream, sorted.
    fn samples(telemetry: &Arc<Telemetry>) -> Vec<String> {
        let text = telemetry.render();
        let is_counted = |line: &&str| line.contains("_total{");
        let mut lines: Vec<_> = text.lines().filter(is_counted).map(str::to_owned).collect();
        lines.retain(|line| !line.ends_with(" 0"));
        lines.sort_unstable();
        lines
    }

    #[test]
    fn what_both_configurations_have_goes_on_and_the_rest_ends_with_its_last_handle() {
        let telemetry = Telemetry::new();
        let old = telemetry.scope();
        let [stays, goes] = ["stays", "goes"].map(|name| old.route(name));
        let hook = old.hook("gone", "stays", "request-head");
        let copies = old.mirror("shadow");
        [&stays, &goes].into_iter().for_each(|route| route.answered(200, Duration::ZERO));
        hook.skipped("cpu");
        copies.answered.inc();
        drop((old, stays, hook, copies));
        let new = telemetry.scope();
        new.route("stays").answered(200, Duration::ZERO);
        assert_eq!(samples(&telemetry).len(), 5, "one exchange of the old one is left");
        goes.answered(418, Duration::ZERO);
        drop(goes);
        let left = ["torana_requests_total{route=\"stays\",status=\"200\"} 2"];
        assert_eq!(samples(&telemetry), left);
        let back = telemetry.scope().route("goes");
        back.answered(200, Duration::ZERO);
        let again = "torana_requests_total{route=\"goes\",status=\"200\"} 1";
        assert_eq!(samples(&telemetry), [again, left[0]]);
    }

    #[test]
    fn the_names_of_a_plugin_that_is_gone_are_free() {
        let telemetry = Telemetry::new();
        let (plugin, route) = (Arc::from("p"), Arc::from("r"));
        let count = |from: u32| {
            let scope = telemetry.scope();
            scope.plugin("p");
            let hook = scope.hook("p", "r", "request-head");
            for name in from..from + 32 {
                telemetry.custom_count(&plugin, &route, &format!("n{name}"), 1);
            }
            telemetry.custom_gauge(&plugin, &format!("n{from}"), 1.0);
            (scope, hook)
        };
        drop(count(0));
        let _held = count(32);
        let text = telemetry.render();
        assert_eq!(text.matches("torana_plugin_custom_total{").count(), 32, "{text}");
        assert_eq!(text.matches("torana_plugin_value{").count(), 1, "{text}");
        assert!(!text.contains("torana_plugin_custom_dropped_total{"), "{text}");
    }

    #[test]
    fn names_that_change_each_time_do_not_pile_up_where_nobody_asks() {
        let telemetry = Telemetry::new();
        let mut current = telemetry.scope().route("0");
        for turn in 1..100 {
            current = telemetry.scope().route(&turn.to_string());
            current.answered(200, Duration::ZERO);
        }
        let mut text = String::new();
        encode_registry(&mut text, &telemetry.registry()).unwrap();
        let kept = text.matches("torana_requests_total{").count();
        assert!((1..=2).contains(&kept), "{text}");
        drop(current);
        assert_eq!(samples(&telemetry), [""; 0]);
    }
}
