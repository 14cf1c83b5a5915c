//! A grant held against what the component imports.

use serde::Serialize;

use crate::{config::Granted, filter::Hooks, plugin::Import};

/// A grant, and whether the component can use it.
#[derive(Debug, Serialize)]
pub(super) struct Holding {
    /// `fetch https://idp.example`
    pub(super) grant: String,
    pub(super) usage: Usage,
}

/// What the component's type says of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Usage {
    /// It imports what the grant is for.
    Used,
    /// It imports nothing that the grant is for: it cannot use it.
    Unused,
    /// Less would do: it is granted to write, and only reads.
    Wider,
}

impl Usage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Unused => "unused",
            Self::Wider => "wider than needed",
        }
    }
}

/// Holds one grant against the imports, and against the hooks that are granted like one.
pub(super) fn hold(granted: &Granted, imports: &[Import], hooks: Hooks) -> Holding {
    Holding { grant: granted.to_string(), usage: usage(granted, imports, hooks) }
}

fn usage(granted: &Granted, imports: &[Import], hooks: Hooks) -> Usage {
    let has = |wanted: &str| imports.iter().any(|import| import.capability() == Some(wanted));
    let any =
        |wanted: &[&str]| if wanted.iter().any(|w| has(w)) { Usage::Used } else { Usage::Unused };
    let is_set_cookie = granted.value == "set-cookie";
    match granted.key {
        "request-body" => {
            let writes = has("request-body-edit") || hooks.request_stream;
            body(granted, has("request-body"), writes)
        }
        "response-body" => {
            let writes = has("response-body-edit") || hooks.response_stream;
            body(granted, has("response-body"), writes)
        }
        // `set-cookie` is a field of responses, the others are fields of requests.
        "headers.read" if is_set_cookie => any(&["response"]),
        "headers.read" => any(&["request"]),
        "headers.write" if is_set_cookie => any(&["response-edit", "response-ahead"]),
        "headers.write" => any(&["request-edit"]),
        // The host uses them in these two, in the plugin's name.
        "secrets.use" => any(&["crypto", "fetch"]),
        "secrets.reveal" => any(&["secrets"]),
        "wasi" if imports.iter().any(|import| matches!(import, Import::Wasi(_))) => Usage::Used,
        "wasi" => Usage::Unused,
        "response-edit" => any(&["response-edit", "response-ahead"]),
        // The others are called like the interface that they open.
        interface => any(&[interface]),
    }
}

fn body(granted: &Granted, reads: bool, writes: bool) -> Usage {
    match (granted.value.as_str(), reads, writes) {
        (_, false, false) => Usage::Unused,
        ("read-write", _, false) => Usage::Wider,
        _ => Usage::Used,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(key: &'static str, value: &str, imports: &[&str]) -> Usage {
        let imports: Vec<_> = imports.iter().map(|i| Import::Capability((*i).into())).collect();
        usage(&Granted { key, value: value.into() }, &imports, Hooks::default())
    }

    #[test]
    fn grants_are_held_against_imports() {
        assert_eq!(held("fetch", "https://idp.example", &["fetch"]), Usage::Used);
        assert_eq!(held("fetch", "https://idp.example", &["log"]), Usage::Unused);
        assert_eq!(held("request-body", "read-write", &["request-body"]), Usage::Wider);
        assert_eq!(held("request-body", "read-write", &["request-body-edit"]), Usage::Used);
        assert_eq!(held("request-body", "read", &[]), Usage::Unused);
        assert_eq!(held("headers.read", "set-cookie", &["request"]), Usage::Unused);
        assert_eq!(held("headers.read", "cookie", &["request"]), Usage::Used);
        assert_eq!(held("secrets.use", "idp", &["crypto"]), Usage::Used);
        assert_eq!(held("secrets.reveal", "idp", &["crypto"]), Usage::Unused);
        assert_eq!(held("wasi", "", &["log"]), Usage::Unused);
    }
}
