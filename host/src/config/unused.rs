//! What stands in the file and does nothing. Only looked for in a file without errors: a misspelt
//! name leaves the right one unused.

use super::{Config, Diagnostic, Span, context::Context, fault::quote, names::Registry};

/// Reports each as a warning.
pub(super) fn report_unused(cx: &Context, config: &Config) {
    let names = &cx.names;
    unused(cx, &names.upstreams, "upstream", "no route, no `fetch` grant and no [traces] names it");
    unused(cx, &names.plugins, "plugin", "it is in no chain; at most its background tick runs");
    unused(cx, &names.chains, "chain", "nothing names it");
    unused(cx, &names.secrets, "secret", "nothing names it");
    if config.routes.is_empty() {
        let problem =
            Diagnostic::warning(Span::default(), "no [[routes]]: every request gets a 404");
        return cx.report(problem);
    }
    for listener in &config.listeners {
        let serves =
            |listen: &[std::sync::Arc<str>]| listen.is_empty() || listen.contains(&listener.name);
        if !config.routes.iter().any(|route| serves(&route.matcher.listen)) {
            let message = format!("listener {} has no routes", quote(&listener.name));
            let problem = Diagnostic::warning(listener.span, message);
            cx.report(problem.label("every request gets a 404"));
        }
    }
}

fn unused(cx: &Context, registry: &Registry, thing: &str, why: &str) {
    for (name, span) in registry.unused() {
        let message = format!("{thing} {} is not used", quote(name));
        cx.report(Diagnostic::warning(span, message).label(why));
    }
}
