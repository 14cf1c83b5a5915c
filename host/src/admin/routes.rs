//! `/routes`: what is matched, what runs, where it goes.

use serde_json::{Map, Value, json};

use super::InService;
use crate::{
    chain::Chain,
    config::{Condition, Mirror, Rewrite, Route, Share, Split},
    plugin::PluginFilter,
    proxy::RouteInService,
};

pub(super) fn page(service: &InService) -> Value {
    let routes = service.config.routes.iter().zip(&service.snapshot.routes);
    let page = routes.map(|(route, ready)| one(route, ready)).collect();
    // What a header must say may be something that only friends know.
    service.config.reads.censored(page)
}

fn one(route: &Route, ready: &RouteInService) -> Value {
    let matcher = &route.matcher;
    json!({
        "name": &*route.name,
        "match": {
            "listen": names(&matcher.listen),
            "hosts": matcher.hosts,
            "methods": matcher.methods,
            "path": matcher.path,
            "headers": conditions(&matcher.headers),
            "query": conditions(&matcher.query),
        },
        "chains": chains(route, ready),
        "upstream": route.upstream.as_deref(),
        "alternatives": names(&route.alternatives),
        "split": route.split.as_ref().map(split),
        "mirror": route.mirror.as_ref().map(mirror),
        "redirect": route.redirect.as_ref().map(|redirect| {
            json!({ "status": redirect.status.as_u16(), "to": redirect.to.text })
        }),
        "reply": route.reply.as_ref().map(|reply| {
            json!({ "status": reply.status.as_u16(), "bytes": reply.body.len() })
        }),
        "rewrite": match &route.rewrite {
            Rewrite::None => Value::Null,
            Rewrite::Strip(prefix) => json!({ "strip": prefix }),
            Rewrite::Template(template) => json!({ "template": template }),
        },
        "timeout": humantime::format_duration(route.timeout).to_string(),
    })
}

fn split(split: &Split) -> Value {
    let share = |share: &Share| {
        let when = conditions(&share.when);
        json!({ "upstream": &*share.upstream, "weight": share.weight, "when": when })
    };
    split.shares.iter().map(share).collect()
}

fn mirror(mirror: &Mirror) -> Value {
    json!({ "upstream": &*mirror.upstream, "percent": mirror.percent })
}

/// Every chain that leads through a route, with the listeners that it begins at.
fn chains(route: &Route, ready: &RouteInService) -> Value {
    let mut chains: Vec<(Vec<&str>, Value)> = Vec::new();
    let answers_on = |name: &str| {
        let listen = &route.matcher.listen;
        listen.is_empty() || listen.iter().any(|listener| **listener == *name)
    };
    for (listener, chain) in ready.chains.iter().filter(|(name, _)| answers_on(name)) {
        let plugins = plugins(chain);
        match chains.iter_mut().find(|(_, known)| *known == plugins) {
            Some((listeners, _)) => listeners.push(listener),
            None => chains.push((vec![listener], plugins)),
        }
    }
    let chain = |(listen, plugins)| json!({ "listen": listen, "plugins": plugins });
    chains.into_iter().map(chain).collect()
}

fn plugins(chain: &Chain<PluginFilter>) -> Value {
    let plugins = chain.filters().map(PluginFilter::plugin);
    plugins
        .map(|plugin| json!({ "name": &**plugin.name(), "sha256": hex::encode(plugin.sha256()) }))
        .collect()
}

/// Name and value; true where it is enough that it is there.
fn conditions(conditions: &[Condition]) -> Value {
    let one = |condition: &Condition| {
        let value = condition.value.as_deref().map_or(Value::Bool(true), Value::from);
        (condition.name.clone(), value)
    };
    Value::Object(conditions.iter().map(one).collect::<Map<_, _>>())
}

fn names(names: &[std::sync::Arc<str>]) -> Value {
    names.iter().map(|name| &**name).collect()
}
