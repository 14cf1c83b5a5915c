//! The `grants` of a plugin, as in the TOML of a gateway.

use serde::Deserialize;
use toml::Value;

/// What a plugin may do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grants {
    /// Hidden headers.
    pub headers: HeaderGrants,
    /// Changing requests.
    pub request_edit: bool,
    /// Changing responses.
    pub response_edit: bool,
    /// Request bodies.
    pub request_body: Option<Access>,
    /// Response bodies.
    pub response_body: Option<Access>,
    /// Keys and values: `true`, or a table.
    pub kv: Option<Value>,
    /// Rate limits.
    pub rate_limit: bool,
    /// Upstreams and origins.
    pub fetch: Vec<String>,
    /// Cryptography.
    pub crypto: bool,
    /// Secrets.
    pub secrets: SecretGrants,
    /// Reserved attributes, to write.
    pub attributes: Vec<String>,
}

/// Access to a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Access {
    Read,
    ReadWrite,
}

/// Hidden headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeaderGrants {
    /// To read.
    pub read: Vec<String>,
    /// To change.
    pub write: Vec<String>,
}

/// Secrets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretGrants {
    /// By name, in `crypto` and `fetch`.
    #[serde(rename = "use")]
    pub use_: Vec<String>,
    /// As text.
    pub reveal: Vec<String>,
}

#[cfg(feature = "cases")]
const UNITS: [(&str, u64); 7] = [
    // Longer names first: all of them end in `B`.
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

#[cfg(feature = "cases")]
impl Grants {
    /// `max_bytes` of `kv`. What is no size is for the gateway to refuse.
    pub(super) fn kv_bytes(&self) -> Option<u64> {
        let text = self.kv.as_ref()?.get("max_bytes")?.as_str()?;
        let sizes = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
        let (number, size) = sizes?;
        number.trim().parse::<u64>().ok()?.checked_mul(*size)
    }

    /// What to add to the grants for the use of an interface, if they lack it.
    pub(super) fn lacks(&self, interface: &str) -> Option<&'static str> {
        let (granted, grant) = match interface {
            "request-edit" => (self.request_edit, "request-edit = true"),
            "response-edit" | "response-ahead" => (self.response_edit, "response-edit = true"),
            "request-body" => (self.request_body.is_some(), "request-body = \"read\""),
            "response-body" => (self.response_body.is_some(), "response-body = \"read\""),
            "request-body-edit" => {
                (self.request_body == Some(Access::ReadWrite), "request-body = \"read-write\"")
            }
            "response-body-edit" => {
                (self.response_body == Some(Access::ReadWrite), "response-body = \"read-write\"")
            }
            "kv" => (!matches!(self.kv, None | Some(Value::Boolean(false))), "kv = true"),
            "rate-limit" => (self.rate_limit, "rate-limit = true"),
            "fetch" => (!self.fetch.is_empty(), "fetch = [...]"),
            "crypto" => (self.crypto, "crypto = true"),
            "secrets" => (!self.secrets.reveal.is_empty(), "secrets = { reveal = [...] }"),
            _ => return None,
        };
        (!granted).then_some(grant)
    }
}
