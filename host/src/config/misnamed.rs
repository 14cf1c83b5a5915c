//! Services of others that are asked by the client's name and not by their own: their virtual hosts
//! do not know it, and answer 404 or 421, while a health check by their own name finds them well.

use super::{Config, Diagnostic, Route, Target, Upstream, context::Context, fault::quote};

/// Ends of names that no authority of the public gives certificates for: services of one's own.
const PRIVATE: [&str; 4] = ["internal", "local", "localhost", "lan"];

/// Reports each as a warning. Whoever has written `host` knows.
pub(super) fn report_misnamed(cx: &Context, config: &Config) {
    let unsaid = config.upstreams.iter().filter(|upstream| upstream.host.is_none());
    // What plugins fetch has no client's name.
    for upstream in unsaid.filter(|upstream| gets_requests(config, &upstream.name)) {
        let Some((target, name)) = of_others(upstream) else { continue };
        let (named, shown) = (quote(&upstream.name), quote(name));
        let message =
            format!("upstream {named} gets the client's `Host`, and TLS asks it for {shown}");
        let own = match name == target.host {
            true => "\"target\"".to_owned(),
            false => format!("{{ name = \"{name}\" }}"),
        };
        let help =
            format!("write host = {own}, or host = \"client\" if it serves your clients' names");
        let problem = Diagnostic::warning(target.span, message);
        cx.report(problem.label("it may not know the client's").help(help));
    }
}

/// Whether clients' requests, or copies of them, may go there.
fn gets_requests(config: &Config, upstream: &str) -> bool {
    let goes_there = |route: &Route| {
        let mirror = route.mirror.as_ref().map(|mirror| &mirror.upstream);
        route.upstreams().into_iter().chain(mirror).any(|name| **name == *upstream)
    };
    config.routes.iter().any(goes_there)
}

/// The first target that has to show a certificate of the public's for its name, and that name. Who
/// gives roots of their own runs the service, too.
fn of_others(upstream: &Upstream) -> Option<(&Target, &str)> {
    let tls = upstream.tls.as_ref().filter(|tls| tls.ca.is_none())?;
    let mut targets = upstream.targets.iter();
    targets.find_map(|target| {
        let name = tls.sni.as_ref().unwrap_or(&target.host);
        is_public(name).then_some((target, name.as_str()))
    })
}

fn is_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    let is_number = last.bytes().all(|b| b.is_ascii_digit());
    !is_number && !PRIVATE.contains(&last)
}
