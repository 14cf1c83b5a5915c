//! What a request asks for, by the Fetch standard.

use torana_plugin_sdk::host::Request;

use crate::policy::{self, is_same_origin};

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// It has no `Origin`: no page sends it, or one that may without asking.
    Nobody,
    /// A page of this origin.
    Page(String),
    /// `Origin` stands there twice, or is no text. No browser does that, and what it says is not
    /// looked at: the service may look at another one of the two.
    Nonsense,
}

impl Sender {
    pub(crate) fn of(request: &impl Request) -> Self {
        match request.header(policy::ORIGIN) {
            Ok(None) => Self::Nobody,
            Ok(Some(origin)) => Self::Page(origin),
            Err(_) => Self::Nonsense,
        }
    }

    /// Whether it is a page of the origin that it asks: no stranger, whatever the settings list.
    pub(crate) fn is_at_home(&self, request: &impl Request) -> bool {
        match self {
            Self::Page(origin) => is_same_origin(origin, &request.scheme(), &request.authority()),
            Self::Nobody | Self::Nonsense => false,
        }
    }
}

/// Whether a request with OPTIONS and an `Origin` is a preflight: one that the browser sends before the
/// page's own, to ask whether it may.
pub(crate) fn is_preflight(request: &impl Request) -> bool {
    // Refused or not, there is one then.
    request.header_bytes(policy::METHOD) != Ok(None)
}

/// Whether a preflight is about a private network.
pub(crate) fn asks_private_network(request: &impl Request) -> bool {
    matches!(request.header(policy::PRIVATE_NETWORK), Ok(Some(value)) if value == "true")
}

/// What a preflight asks for: a method, and lists of header names.
pub(crate) fn asked_for(request: &impl Request) -> Option<(String, Vec<String>)> {
    let method = request.header(policy::METHOD).ok()??;
    Some((method, request.header_values(policy::HEADERS).ok()?))
}
