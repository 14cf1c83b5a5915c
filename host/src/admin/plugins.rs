//! `/plugins`: what was loaded, what it may do, and how busy it is.

use serde_json::{Map, Value, json};

use super::InService;
use crate::{
    config::{BodyGrant, FetchGrant, Grants},
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
        "imports": imports.collect::<Vec<_>>(),
        "grants": grants(plugin.grants()),
        "instances": { "idle": plugin.idle_instances(), "busy": plugin.busy_instances() },
        "calls": plugin.calls(),
        "tick": tick,
    })
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
    let given = all.into_iter().filter_map(|(name, grant)| Some((name.to_owned(), grant?)));
    Value::Object(given.collect())
}

fn headers(grants: &Grants) -> Option<Value> {
    named([("read", &grants.headers_read), ("write", &grants.headers_write)])
}

fn named(lists: [(&str, &[String]); 2]) -> Option<Value> {
    let given = lists.into_iter().filter_map(|(name, names)| Some((name.to_owned(), list(names)?)));
    let given: Map<_, _> = given.collect();
    (!given.is_empty()).then(|| given.into())
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
