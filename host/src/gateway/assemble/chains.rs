//! What can only be seen of chains when the components' types are known.

use super::{loaded::Loaded, uses};
use crate::{
    config::{self, Config, Diagnostic, Diagnostics, Listener, OnErrorAction, PluginUse, Route},
    filter::Hook,
    plugin::Plugin,
};

/// Reports what does not go together.
pub(super) fn check_chains(config: &Config, plugins: &Loaded, problems: &mut Diagnostics) {
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

/// A body that a stream hook has begun on cannot be put back, so there is nothing to skip to: unless it only hears it.
fn check_hooks(wanted: &PluginUse, plugin: &Plugin, problems: &mut Diagnostics) {
    let (hooks, on_error) = (plugin.hooks(), wanted.on_error);
    let skips =
        [(Hook::RequestStream, on_error.request), (Hook::ResponseStream, on_error.response)];
    let mut skipped = skips.into_iter().filter(|(_, action)| *action == OnErrorAction::Skip);
    if skipped.any(|(hook, _)| hooks.has(hook) && !plugin.listens(hook)) {
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

/// Whether requests of this listener may be the route's.
pub(super) fn is_behind(route: &Route, listener: &Listener) -> bool {
    route.matcher.listen.is_empty() || route.matcher.listen.contains(&listener.name)
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
    let listeners = config.listeners.iter().filter(|listener| is_behind(route, listener));
    let mut of_listeners = listeners.flat_map(|listener| &listener.chain);
    let own = "give upgrades a route of their own, without it";
    let listeners = "it is in a listener's chain, before all routes: name it in the chains of those that need it \
                     instead";
    let reader = route.chain.iter().find(reads).map(|reader| (reader, own));
    let reader = reader.or_else(|| of_listeners.find(reads).map(|reader| (reader, listeners)));
    if let Some((reader, help)) = reader {
        let message =
            format!("plugin `{}` would not see what passes after an upgrade", reader.name);
        problems.push(
            Diagnostic::error(route.upgrade_span, message)
                .label("its hooks are about bodies")
                .help(Some(help.to_owned())),
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
