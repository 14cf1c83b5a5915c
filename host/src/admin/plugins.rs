//! `/plugins`: what was loaded, what it may do, and how busy it is.

use http::{HeaderName, Method};
use serde_json::{Map, Value, json};

use super::InService;
use crate::{
    config::{BodyGrant, FetchGrant, Grants},
    message::{Change, Standing},
    plugin::{Import, Plugin},
};

/// A plugin that chains use with different settings stands here once for each.
pub(super) fn page(service: &InService) -> Value {
    let mut plugins: Vec<_> = service.snapshot.plugins.iter().collect();
    plugins.sort_by_key(|plugin| plugin.name().clone());
    plugins.into_iter().map(|plugin| one(plugin)).collect()
}

fn one(plugin: &Plugin) -> Value {
    let imports = plugin.imports().iter().map(Import::name);
    let tick = plugin.tick_interval().map(|every| humantime::format_duration(every).to_string());
    json!({
        "name": &**plugin.name(),
        "sha256": hex::encode(plugin.sha256()),
        "hooks": plugin.hooks().names(),
        "standing": standing(plugin.standing()),
        "imports": imports.collect::<Vec<_>>(),
        "grants": grants(plugin.grants()),
        "instances": { "idle": plugin.idle_instances(), "busy": plugin.busy_instances() },
        "calls": plugin.calls(),
        "tick": tick,
    })
}

/// What it does without a call; null where there is nothing.
fn standing(standing: &Standing) -> Option<Value> {
    let changes = |changes: &[Change]| -> Option<Value> {
        (!changes.is_empty()).then(|| changes.iter().map(Change::to_string).collect())
    };
    let called_for = standing.only_for().map(|requests| {
        let headers = requests.headers.iter().map(HeaderName::as_str);
        let methods = requests.methods.iter().map(Method::as_str);
        json!({ "headers": headers.collect::<Vec<_>>(), "methods": methods.collect::<Vec<_>>() })
    });
    let all = [
        ("requests", changes(standing.of_requests())),
        ("responses", changes(standing.of_responses())),
        ("called_for", called_for),
    ];
    object(all)
}

/// Without what is not there; none where nothing is.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Option<Value> {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let there: Map<_, _> = there.collect();
    (!there.is_empty()).then(|| there.into())
}

/// As one would write them; what is not granted is left out.
fn grants(grants: &Grants) -> Value {
    let all = [
        ("headers", headers(grants)),
        ("request-edit", flag(grants.request_edit)),
        ("response-edit", flag(grants.response_edit)),
        ("request-body", body(grants.request_body)),
        ("response-body", body(grants.response_body)),
        (
            "kv",
            grants.kv.as_ref().map(|kv| json!({ "max_bytes": kv.max_bytes, "shared": kv.shared })),
        ),
        ("rate-limit", flag(grants.rate_limit)),
        ("fetch", grants.fetch_named.then(|| grants.fetch.iter().map(place).collect())),
        ("crypto", flag(grants.crypto)),
        ("secrets", named([("use", &grants.secrets_use), ("reveal", &grants.secrets_reveal)])),
        ("attributes", list(&grants.attributes)),
        ("wasi", flag(grants.wasi)),
    ];
    object(all).unwrap_or_else(|| json!({}))
}

fn headers(grants: &Grants) -> Option<Value> {
    named([("read", &grants.headers_read), ("write", &grants.headers_write)])
}

fn named(lists: [(&str, &[String]); 2]) -> Option<Value> {
    object(lists.map(|(name, names)| (name, list(names))))
}

fn list(names: &[String]) -> Option<Value> {
    (!names.is_empty()).then(|| json!(names))
}

fn flag(is: bool) -> Option<Value> {
    is.then(|| true.into())
}

fn body(grant: BodyGrant) -> Option<Value> {
    match grant {
        BodyGrant::None => None,
        BodyGrant::Read => Some("read".into()),
        BodyGrant::ReadWrite => Some("read-write".into()),
    }
}

fn place(place: &FetchGrant) -> Value {
    match place {
        FetchGrant::Upstream(name) => (**name).into(),
        FetchGrant::Origin { https, host, port, .. } => {
            let scheme = if *https { "https" } else { "http" };
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            format!("{scheme}://{host}:{port}").into()
        }
    }
}
