//! What the TOML can say.

use std::{collections::BTreeMap, fmt};

use template::Template;
use torana_plugin_sdk::{Size, prelude::*, settings::Duration};

use crate::{header_value::HeaderValue, method::Method, names::Pattern};

/// Who is asked, what, and what becomes of the answer.
#[settings]
#[derive(Debug)]
pub(crate) struct Settings {
    /// The service that says yes or no: an upstream's name, or an origin, as the grant `fetch` has it.
    #[schemars(extend("x-torana-fetches" = true))]
    pub(crate) to: String,
    /// How it is asked.
    #[serde(default)]
    pub(crate) speak: Speak,
    /// The path that is asked, maybe with a query. Values in it are escaped.
    pub(crate) path: Option<Template>,
    /// What stands before the request's own path and query, in the place of `path`: "/auth"; "" for nothing.
    pub(crate) prefix: Option<String>,
    /// The method: "GET" if it says nothing; "{request.method}" for the request's own.
    pub(crate) method: Option<Method>,
    /// Which headers tell the service of the request: X-Forwarded-Method, -Proto, -Host, -Uri, -For. Without it, all.
    pub(crate) x_forwarded: Option<Vec<Forwarded>>,
    /// Headers of the request that the service gets as they came.
    #[serde(default)]
    pub(crate) forward: Vec<EditableName>,
    /// Other headers for the service: templates, or secrets. One without a value is left out.
    #[serde(default)]
    pub(crate) headers: HeaderTable<EditableName, HeaderValue>,
    /// The time that its answer may take.
    #[serde(default = "defaults::timeout")]
    pub(crate) timeout: Duration,
    /// Headers of a yes that the request gets: names, and beginnings like "x-auth-*". A client's own are removed.
    #[serde(default)]
    pub(crate) request: Vec<Pattern>,
    /// Headers of a yes that the client's response gets.
    #[serde(default)]
    pub(crate) response: Vec<Pattern>,
    /// Attributes, each with the header of a yes that it is.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, HeaderName>,
    /// What is a no, and what of it clients get.
    #[serde(default)]
    pub(crate) denied: Denied,
    /// What becomes of requests while the service does not answer.
    #[serde(default)]
    pub(crate) service_error: ServiceError,
    /// Remembers answers. Without it, the service is asked for each request.
    pub(crate) cache: Option<Cache>,
    /// The longest body of an answer that is looked at or passed on.
    #[serde(default = "defaults::max_body")]
    #[schemars(extend("default" = "64KiB"))]
    pub(crate) max_body: Size,
}

/// How the service is asked.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speak {
    /// By a request like the one at hand; the status of the answer decides.
    #[default]
    Http,
    /// By an `input` for a policy of the Open Policy Agent; the `result` of the answer decides.
    Opa,
}

/// What the service is told of the request.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Forwarded {
    /// X-Forwarded-Method: the method.
    Method,
    /// X-Forwarded-Proto: http or https.
    Proto,
    /// X-Forwarded-Host: host and port.
    Host,
    /// X-Forwarded-Uri: path and query.
    Uri,
    /// X-Forwarded-For: the client's address.
    For,
}

/// What is a no, and what of it clients get.
#[settings]
#[derive(Debug)]
#[serde(default)]
pub(crate) struct Denied {
    /// Statuses of an answer over HTTP that are a no. All else but 2xx is no answer.
    pub(crate) statuses: Vec<u16>,
    /// Headers of it that the client gets, beside those of its body.
    pub(crate) headers: Vec<Pattern>,
}

/// As the TOML has it.
impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "method",
            Self::Proto => "proto",
            Self::Host => "host",
            Self::Uri => "uri",
            Self::For => "for",
        })
    }
}

/// What becomes of requests while the service does not answer.
#[settings]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServiceError {
    /// They are refused.
    #[default]
    Deny,
    /// They go on as if nobody had to be asked.
    Allow,
}

/// Remembers answers.
#[settings]
#[derive(Debug)]
pub(crate) struct Cache {
    /// What an answer depends on, as templates: ["{request.header.cookie}"]. Requests that have all of it in common get
    /// one answer.
    pub(crate) key: Vec<Template>,
    /// How long a yes is remembered.
    pub(crate) ttl: Duration,
    /// How long a no is remembered. Without it, not at all.
    pub(crate) denied_ttl: Option<Duration>,
}

impl Default for Denied {
    fn default() -> Self {
        let headers = ["www-authenticate", "location", "cache-control", "retry-after"];
        let pattern = |name: &str| Pattern::try_from(name.to_owned());
        Self {
            statuses: vec![301, 302, 303, 307, 308, 401, 403],
            headers: headers.into_iter().filter_map(|name| pattern(name).ok()).collect(),
        }
    }
}

mod defaults {
    use super::{Duration, Size};

    pub(super) fn timeout() -> Duration {
        Duration::seconds(2)
    }

    pub(super) fn max_body() -> Size {
        Size::of(64 << 10)
    }
}
