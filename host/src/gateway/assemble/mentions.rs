//! What plugins' settings name, held against the routes that the plugins work for: a name that leads nowhere would be
//! seen by requests alone, and by every one of them.

use std::{collections::BTreeMap, slice};

use super::{chains::is_behind, loaded::Loaded};
use crate::{
    config::{Config, Diagnostic, Diagnostics, PluginUse, Route, Severity, Span, nearest},
    plugin::{Mention, Mentioned, wrong_setting},
};

/// Reports names that are not the routes'.
pub(super) fn check_mentions(config: &Config, plugins: &Loaded, problems: &mut Diagnostics) {
    let mut doubts = Doubts::default();
    for (wanted, place) in uses(config) {
        let mentions = plugins.get(wanted).map(|plugin| plugin.mentions()).unwrap_or_default();
        for mention in mentions {
            let is_there = place.routes().iter().any(|route| is_of(mention, route));
            match mention.what {
                Mentioned::Param => doubts.note(wanted, mention, is_there || place.is_empty()),
                _ if is_there || place.is_empty() => {}
                _ => problems.push(place.lacks(wanted, mention)),
            }
        }
    }
    doubts.into_warnings().for_each(|warning| problems.push(warning));
}

/// Where a plugin is, and so the routes that it works for.
enum Place<'a> {
    /// In a route's own chain.
    Route(&'a Route),
    /// Before all routes of a listener. What only some of them have is for these.
    Listener(&'a str, Vec<&'a Route>),
}

fn uses(config: &Config) -> impl Iterator<Item = (&PluginUse, Place<'_>)> {
    let of_routes = config
        .routes
        .iter()
        .flat_map(|route| route.chain.iter().map(move |wanted| (wanted, Place::Route(route))));
    let of_listeners = config.listeners.iter().flat_map(|listener| {
        let behind = config.routes.iter().filter(|route| is_behind(route, listener));
        let behind: Vec<_> = behind.collect();
        let place = move || Place::Listener(&listener.name, behind.clone());
        listener.chain.iter().map(move |wanted| (wanted, place()))
    });
    of_routes.chain(of_listeners)
}

impl<'a> Place<'a> {
    fn routes(&self) -> &[&'a Route] {
        match self {
            Self::Route(route) => slice::from_ref(route),
            Self::Listener(_, routes) => routes,
        }
    }

    fn is_empty(&self) -> bool {
        self.routes().is_empty()
    }

    /// None of its routes has it.
    fn lacks(&self, wanted: &PluginUse, mention: &Mention) -> Diagnostic {
        let message = match self {
            Self::Route(route) => mention.is_not_of(&route.name),
            Self::Listener(listener, _) => mention.is_of_none_behind(listener),
        };
        wrong_setting(wanted, &mention.path, &message).help(self.help(mention))
    }

    fn help(&self, mention: &Mention) -> String {
        let known = self.routes().iter().flat_map(|route| names(mention.what, route));
        let known: Vec<String> = known.collect();
        match (nearest(&mention.name, known.iter().map(String::as_str)), mention.what) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Mentioned::Upstream) => format!(
                "add it to the `alternatives` of the route, or name one of its upstreams: {}",
                listed(&known)
            ),
            (None, _) => format!("the path's parameters are: {}", listed(&known)),
        }
    }
}

fn is_of(mention: &Mention, route: &Route) -> bool {
    names(mention.what, route).contains(&mention.name)
}

/// The names that a route has of this kind.
fn names(what: Mentioned, route: &Route) -> Vec<String> {
    match what {
        Mentioned::Upstream => route.upstreams().into_iter().map(|name| name.to_string()).collect(),
        Mentioned::NeededParam | Mentioned::Param => route.matcher.params(),
    }
}

fn listed(names: &[String]) -> String {
    let mut names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.sort();
    names.dedup();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What may be absent, by the setting that names it: some route should have it.
#[derive(Default)]
struct Doubts<'a>(BTreeMap<(Span, &'a str), Option<Diagnostic>>);

impl<'a> Doubts<'a> {
    fn note(&mut self, wanted: &PluginUse, mention: &'a Mention, is_there: bool) {
        let message = format!("no route that it works for has `{{{}}}` in its path", mention.name);
        let told = wrong_setting(wanted, &mention.path, &message);
        let Some(span) = told.span else { return };
        let warning = Diagnostic { severity: Severity::Warning, ..told };
        let doubt = self.0.entry((span, &mention.name)).or_insert(Some(warning));
        if is_there {
            *doubt = None;
        }
    }

    fn into_warnings(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_values().flatten()
    }
}
