//! The imports of a component, and its stream hooks, held against the grants of the TOML.

use super::exports::Import;
use crate::{
    config::{BodyGrant, Grants},
    filter::{Hook, Hooks},
};

/// What a capability needs in the TOML before a component may import it.
pub(super) enum Need {
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
pub(super) fn need(import: &Import, grants: &Grants) -> Need {
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

/// Stream hooks that may not be called, and what to add to `grants`. Their body comes to them without
/// an import, so that the hook itself is what is granted.
pub(super) fn ungranted_streams(
    grants: &Grants,
    hooks: Hooks,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let request = hooks.request_stream && grants.request_body != BodyGrant::ReadWrite;
    let response = hooks.response_stream && grants.response_body != BodyGrant::ReadWrite;
    let request = request.then_some((Hook::RequestStream, "request-body = \"read-write\""));
    let response = response.then_some((Hook::ResponseStream, "response-body = \"read-write\""));
    request.into_iter().chain(response).map(|(hook, grant)| (hook.name(), grant))
}

fn granted(is: bool, otherwise: &'static str) -> Need {
    if is { Need::Granted } else { Need::Missing(otherwise) }
}
