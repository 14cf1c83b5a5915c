//! The imports of a component, and its stream hooks, held against the grants of the TOML.

use super::exports::Import;
use crate::{
    config::{BodyGrant, Diagnostic, Grants, PluginUse},
    filter::{Hook, Hooks},
};

/// Every capability that a component wants and was not granted.
pub(super) fn check_grants(
    wanted: &PluginUse,
    imports: &[Import],
    hooks: Hooks,
) -> Result<(), Vec<Diagnostic>> {
    let is_wasi = |import: &&Import| matches!(import, Import::Wasi(_));
    // WASI is one grant: a component that wants it wants a dozen or two of its interfaces.
    let more_of_wasi = imports.iter().filter(is_wasi).skip(1);
    // Who may edit a body may read it: that is one grant as well.
    let is_part = |import: &Import| {
        imports.iter().any(|other| {
            let edit = other.name().strip_suffix("-body-edit");
            edit.is_some() && edit == import.name().strip_suffix("-body")
        })
    };
    let told_once = |import: &&Import| {
        !is_part(import) && !more_of_wasi.clone().any(|other| std::ptr::eq(*import, other))
    };
    let mut problems: Vec<Diagnostic> = imports
        .iter()
        .filter(told_once)
        .filter_map(|import| {
            let name = import.name();
            match need(import, &wanted.grants) {
                Need::Nothing | Need::Granted | Need::Unknown => None,
                Need::Missing(grant) => Some(
                    Diagnostic::error(
                        wanted.grants.span,
                        format!("plugin `{}` wants `{name}`, which is not granted", wanted.name),
                    )
                    .label(format!("the component imports `{name}`"))
                    .help(format!("add `{grant}` to its grants, if it may have that")),
                ),
            }
        })
        .collect();
    problems.extend(ungranted_streams(&wanted.grants, hooks).map(|(hook, grant)| {
        let message = format!("plugin `{}` wants `{hook}`, which is not granted", wanted.name);
        Diagnostic::error(wanted.grants.span, message)
            .label(format!("the component exports `{hook}`: bodies pass through it"))
            .help(format!("add `{grant}` to its grants, if it may have that"))
    }));
    problems.extend(unknown(wanted, imports));
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// What nobody could grant: one is named, for there may be hundreds.
fn unknown(wanted: &PluginUse, imports: &[Import]) -> Option<Diagnostic> {
    let is_unknown = |import: &&Import| matches!(need(import, &wanted.grants), Need::Unknown);
    let mut unknown = imports.iter().filter(is_unknown).map(Import::name);
    let name = unknown.next()?;
    let message = format!("the component imports `{name}`, which Torana does not offer");
    let problem = Diagnostic::error(wanted.component_span, message);
    Some(match unknown.count() {
        0 => problem,
        more => problem.label(format!("and {more} more that it does not offer")),
    })
}

/// What a capability needs in the TOML before a component may import it.
enum Need {
    /// All plugins have it.
    Nothing,
    /// It was granted.
    Granted,
    /// What to add to `grants`.
    Missing(&'static str),
    /// There is no such capability.
    Unknown,
}

/// Whether the grants cover an import.
fn need(import: &Import, grants: &Grants) -> Need {
    let Import::Capability(interface) = import else {
        return granted(grants.wasi, "wasi = true");
    };
    let (request_body, response_body) = (grants.request_body, grants.response_body);
    match interface.as_str() {
        "log" | "clock" | "random" | "metrics" | "request" | "response" | "attributes"
        | "hook-needs" => Need::Nothing,
        "request-edit" => granted(grants.request_edit, "request-edit = true"),
        "response-edit" | "response-ahead" => granted(grants.response_edit, "response-edit = true"),
        "request-body" => granted(request_body >= BodyGrant::Read, "request-body = \"read\""),
        "request-body-edit" => {
            granted(request_body == BodyGrant::ReadWrite, "request-body = \"read-write\"")
        }
        "response-body" => granted(response_body >= BodyGrant::Read, "response-body = \"read\""),
        "response-body-edit" => {
            granted(response_body == BodyGrant::ReadWrite, "response-body = \"read-write\"")
        }
        "kv" => granted(grants.kv.is_some(), "kv = true"),
        "rate-limit" => granted(grants.rate_limit, "rate-limit = true"),
        "fetch" => granted(grants.fetch_named, "fetch = [\"UPSTREAM or https://ORIGIN\"]"),
        "crypto" => granted(grants.crypto, "crypto = true"),
        "secrets" => {
            granted(!grants.secrets_reveal.is_empty(), "secrets = { reveal = [\"NAME\"] }")
        }
        _ => Need::Unknown,
    }
}

const REQUEST_STREAM: &str =
    "request-body = \"read\"` to hear them, or `request-body = \"read-write\"";
const RESPONSE_STREAM: &str =
    "response-body = \"read\"` to hear them, or `response-body = \"read-write\"";

/// Stream hooks that may not be called, and what to add to `grants`. Their body comes to them without
/// an import, so that the hook itself is what is granted.
fn ungranted_streams(
    grants: &Grants,
    hooks: Hooks,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let request = hooks.request_stream && grants.request_body < BodyGrant::Read;
    let response = hooks.response_stream && grants.response_body < BodyGrant::Read;
    let request = request.then_some((Hook::RequestStream, REQUEST_STREAM));
    let response = response.then_some((Hook::ResponseStream, RESPONSE_STREAM));
    request.into_iter().chain(response).map(|(hook, grant)| (hook.name(), grant))
}

fn granted(is: bool, otherwise: &'static str) -> Need {
    if is { Need::Granted } else { Need::Missing(otherwise) }
}
