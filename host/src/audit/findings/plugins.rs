//! What plugins see, hold, and whom they may tell.

use serde_json::Value;

use super::{Found, PluginFacts, Severity};
use crate::{
    audit::holding::Usage,
    config::{FetchGrant, OnErrorAction, PluginUse, Span, is_credential},
    plugin::Description,
};

/// Fields of credentials that a plugin may set in requests, all that there are.
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

pub(super) fn find(found: &mut Found<'_, '_>, facts: &[PluginFacts]) {
    let subject = found.subject;
    for plugin in &subject.config.plugins {
        let known = facts.iter().find(|facts| facts.name == *plugin.name);
        let component = subject.components.get(&plugin.component.path);
        let (Some(facts), Some(component)) = (known, component) else { continue };
        outbound(found, plugin, component, facts);
        failing(found, plugin, facts);
        grants(found, plugin, facts);
        plain_secrets(found, plugin);
        if facts.pinned_by == "nothing" {
            let message = format!("plugin `{}` is whatever file lies there", plugin.name);
            let help = "pin it: `torana lock` and --locked, or sha256 in `component`";
            found.add(Severity::Low, "not-pinned", plugin.component_span, message, help);
        }
    }
}

/// Whoever sees a thing and may call an origin can send the one to the other.
fn outbound(
    found: &mut Found<'_, '_>,
    plugin: &PluginUse,
    component: &Description,
    facts: &PluginFacts,
) {
    let Some(origins) = origins(plugin, component) else { return };
    let (grants, name) = (&plugin.grants, &plugin.name);
    let sees = |what: &str| facts.sees.iter().any(|seen| seen.ends_with(what));
    if sees("bodies") || sees("streams") {
        let message = format!("plugin `{name}` sees bodies and may send them to {origins}");
        let help = "split it in two plugins, or let it call an upstream of yours only";
        found.add(Severity::High, "bodies-and-origin", grants.span, message, help);
    }
    if component.can("secrets") && !grants.secrets_reveal.is_empty() {
        let secrets = grants.secrets_reveal.join(", ");
        let message = format!("plugin `{name}` may read {secrets} and send it to {origins}");
        let help = "grant secrets.use in the place of secrets.reveal: the host uses it unseen";
        found.add(Severity::High, "secrets-and-origin", grants.span, message, help);
    }
    let reads_headers = component.can("request") || component.can("response");
    if reads_headers && !grants.headers_read.is_empty() {
        let headers = grants.headers_read.join(", ");
        let message = format!("plugin `{name}` may read {headers} and send it to {origins}");
        let help = "an identity provider's plugin needs it: let nobody else have both";
        found.add(Severity::Medium, "credentials-and-origin", grants.span, message, help);
    }
}

/// The origins that it can call, if it can.
fn origins(plugin: &PluginUse, component: &Description) -> Option<String> {
    let is_origin = |grant: &&FetchGrant| matches!(grant, FetchGrant::Origin { .. });
    let origins: Vec<String> =
        plugin.grants.fetch.iter().filter(is_origin).map(ToString::to_string).collect();
    (component.can("fetch") && !origins.is_empty()).then(|| origins.join(", "))
}

fn failing(found: &mut Found<'_, '_>, plugin: &PluginUse, facts: &PluginFacts) {
    let name = &plugin.name;
    let skips = |action| action == OnErrorAction::Skip;
    if facts.authenticates && skips(plugin.on_error.request) {
        let message = format!("plugin `{name}` authenticates, and is skipped when it fails");
        let help = "leave on_error at \"deny\": whoever makes it fail is let in";
        found.add(Severity::High, "skipped-guard", plugin.span, message, help);
    } else if skips(plugin.on_error.request) || skips(plugin.on_error.response) {
        let message = format!("plugin `{name}` is skipped when it fails");
        let help = "nothing, if requests may pass without it";
        found.add(Severity::Info, "fails-open", plugin.span, message, help);
    }
}

/// Credentials that stand in the file itself, in a plugin's settings.
fn plain_secrets(found: &mut Found<'_, '_>, plugin: &PluginUse) {
    let Ok(settings) = serde_json::from_str::<Value>(&plugin.settings.json) else { return };
    let text = &found.subject.config.source.text;
    // What comes from outside stands as a table in the file.
    let is_quoted =
        |span: Span| text.get(span.start..span.end).is_some_and(|raw| raw.starts_with(['"', '\'']));
    for (path, span) in &plugin.settings.spans {
        let at = |value, key: &String| member(value, key);
        let value = path.iter().try_fold(&settings, at).and_then(Value::as_str);
        if value.is_some_and(is_credential) && is_quoted(*span) {
            let message =
                format!("`{}` of plugin `{}` is a credential", path.join("."), plugin.name);
            let help = "write { env = \"NAME\" } or { file = \"PATH\" } there, or a secret that the host holds";
            found.add(Severity::Medium, "plain-secret", *span, message, help);
        }
    }
}

fn member<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    }
}

fn grants(found: &mut Found<'_, '_>, plugin: &PluginUse, facts: &PluginFacts) {
    let (grants, name) = (&plugin.grants, &plugin.name);
    for held in &facts.grants {
        let (rule, message) = match held.usage {
            Usage::Used => continue,
            Usage::Unused => {
                ("unused-grant", format!("plugin `{name}` cannot use its grant `{}`", held.grant))
            }
            Usage::Wider => (
                "wide-grant",
                format!("plugin `{name}` only reads, and is granted `{}`", held.grant),
            ),
        };
        let help = "take it away: a later version of the component could use it";
        found.add(Severity::Low, rule, grants.span, message, help);
    }
    if CREDENTIALS.iter().all(|header| grants.headers_write.iter().any(|granted| granted == header))
    {
        let message = format!("plugin `{name}` may write every credential of a request");
        let help = "name in headers.write the one that it sets";
        found.add(Severity::Medium, "all-credentials", grants.span, message, help);
    }
    if grants.wasi {
        let message = format!("plugin `{name}` is granted WASI");
        let help = "its context is empty; a component built for Torana's own world needs none";
        found.add(Severity::Low, "wasi", grants.span, message, help);
    }
    if grants.kv.as_ref().is_some_and(|kv| kv.shared) {
        let message = format!("plugin `{name}` keeps its kv where other gateways can write it");
        let help = "nothing, if all who reach the shared store are trusted";
        found.add(Severity::Info, "shared-kv", grants.span, message, help);
    }
}
