//! Routes that nobody guards, where others are guarded: most often somebody forgot. And guards that
//! step aside when they fail.

use std::collections::BTreeSet;

use super::{
    Config, Diagnostic, Listener, OnErrorAction, PluginUse, Route, context::Context, fault::quote,
};

/// Whoever may write one of these says who the consumer is.
const IDENTITY: [&str; 3] = ["consumer.id", "auth.scopes", "auth.claims"];

/// Reports each as a warning.
pub(super) fn report_unguarded(cx: &Context, config: &Config) {
    let unguarded = |route: &&Route| !config.is_guarded(route);
    if config.routes.iter().all(|route| !config.is_guarded(route)) {
        // Nobody is: this gateway does not authenticate.
        return;
    }
    for route in config.routes.iter().filter(unguarded).filter(|route| !route.public) {
        let message = format!("route {} has no authenticating plugin", quote(&route.name));
        let problem = Diagnostic::warning(route.span, message);
        let help = "if everybody may use it, say so: public = true".to_owned();
        cx.report(problem.label("others have one").help(help));
    }
}

/// Reports, as warnings, the plugins that say who the consumer is and are skipped when they fail.
pub(super) fn report_skipped_guards(cx: &Context, config: &Config) {
    let of_listeners = config.listeners.iter().flat_map(|listener| &listener.chain);
    let of_routes = config.routes.iter().flat_map(|route| &route.chain);
    let mut seen = BTreeSet::new();
    let is_hole = |plugin: &&PluginUse| {
        plugin.authenticates() && plugin.on_error.request == OnErrorAction::Skip
    };
    for plugin in of_listeners.chain(of_routes).filter(is_hole) {
        // A plugin that many routes use is one hole.
        if !seen.insert(&plugin.name) {
            continue;
        }
        let message =
            format!("plugin {} authenticates, and is skipped when it fails", quote(&plugin.name));
        let help = "leave on_error at \"deny\"; who may come in anyway is for its settings to say";
        let problem = Diagnostic::warning(plugin.span, message);
        cx.report(problem.label("whoever makes it fail is let in").help(help.to_owned()));
    }
}

impl Config {
    /// Whether a route has an authenticating plugin behind every listener that it answers on.
    pub fn is_guarded(&self, route: &Route) -> bool {
        let own = route.chain.iter().any(PluginUse::authenticates);
        let mut listeners = self.listeners_of(route);
        own || listeners.all(|listener| listener.chain.iter().any(PluginUse::authenticates))
    }

    /// The listeners that a route answers on.
    pub fn listeners_of<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = &'a Listener> {
        let wanted = &route.matcher.listen;
        self.listeners.iter().filter(move |l| wanted.is_empty() || wanted.contains(&l.name))
    }
}

impl PluginUse {
    /// Whether it may say who the consumer is.
    pub fn authenticates(&self) -> bool {
        self.grants.attributes.iter().any(|name| IDENTITY.contains(&name.as_str()))
    }
}
