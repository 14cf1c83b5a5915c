//! Routes that nobody guards, where others are guarded: most often somebody forgot. And guards that
//! step aside when they fail.

use std::collections::BTreeSet;

use super::{Config, Diagnostic, OnErrorAction, PluginUse, Route, context::Context, fault::quote};

/// Whoever may write one of these says who the consumer is.
const IDENTITY: [&str; 3] = ["consumer.id", "auth.scopes", "auth.claims"];

/// Reports each as a warning.
pub(super) fn report_unguarded(cx: &Context, config: &Config) {
    let unguarded = |route: &&Route| !is_guarded(config, route);
    if config.routes.iter().all(|route| !is_guarded(config, route)) {
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
        authenticates(plugin) && plugin.on_error.request == OnErrorAction::Skip
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

/// Whether it has one behind every listener that it answers on.
fn is_guarded(config: &Config, route: &Route) -> bool {
    let own = route.chain.iter().any(authenticates);
    let answers_on = |listener: &&super::Listener| {
        route.matcher.listen.is_empty() || route.matcher.listen.contains(&listener.name)
    };
    let mut listeners = config.listeners.iter().filter(answers_on);
    own || listeners.all(|listener| listener.chain.iter().any(authenticates))
}

fn authenticates(plugin: &PluginUse) -> bool {
    plugin.grants.attributes.iter().any(|name| IDENTITY.contains(&name.as_str()))
}
