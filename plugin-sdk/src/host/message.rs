use super::{Change, EditError, HeaderError, TlsSession};
use crate::{Header, Refused};

/// Reads header fields, of a request or of a response.
pub trait ReadHeaders {
    /// The one value of a header; none where there is none. A repeated header is an error: a guess
    /// which value counts is how request smuggling and authentication bypasses begin.
    fn header(&self, name: &str) -> Result<Option<String>, Refused<HeaderError>>;
    /// The same, for values that are not UTF-8.
    fn header_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Refused<HeaderError>>;
    /// Every value, in order, for fields that may be repeated.
    fn header_values(&self, name: &str) -> Result<Vec<String>, Refused<HeaderError>>;
    /// The names that this plugin may read, lower case, each once.
    fn header_names(&self) -> Vec<String>;
}

/// Changes header fields, of a request or of a response.
pub trait EditHeaders {
    /// Sets a header, in the place of all values that it had.
    fn set_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>>;
    /// Sets a header to bytes that need not be UTF-8.
    fn set_header_bytes(&self, name: &str, value: &[u8]) -> Result<(), Refused<EditError>>;
    /// Adds a field line beside those that are there.
    fn add_header(&self, name: &str, value: &str) -> Result<(), Refused<EditError>>;
    /// Removes every value of a header. Removing what is not there is no error.
    fn remove_header(&self, name: &str) -> Result<(), Refused<EditError>>;
}

/// The request of the current exchange, as the plugins before this one changed it.
pub trait Request: ReadHeaders {
    /// "GET", "POST", ...
    fn method(&self) -> String;
    /// "http" or "https", as the client used it.
    fn scheme(&self) -> String;
    /// Host and port as the client named them.
    fn authority(&self) -> String;
    /// The path, percent-encoded as received, without the query.
    fn path(&self) -> String;
    /// The query as received, without the question mark.
    fn query(&self) -> Option<String>;
    /// Every value of one query parameter, decoded.
    fn query_values(&self, name: &str) -> Vec<String>;
    /// A parameter of the route's path, decoded.
    fn param(&self, name: &str) -> Option<String>;
    /// "HTTP/1.0", "HTTP/1.1" or "HTTP/2".
    fn version(&self) -> String;
    /// The client's IP address, taken through trusted proxies.
    fn client_address(&self) -> String;
    /// The connection's TLS session, where there is one.
    fn tls(&self) -> Option<TlsSession>;
    /// The route's name in the TOML.
    fn route(&self) -> String;
    /// The request id, which logs and the upstream see as well.
    fn id(&self) -> String;
}

/// Changes the request on its way to the upstream.
pub trait RequestEdit: EditHeaders {
    /// Sets the path (percent-encoded, begins with a slash). It wins over the route's rewrite.
    fn set_path(&self, path: &str) -> Result<(), Refused<EditError>>;
    /// Sets or removes the query (without the question mark).
    fn set_query(&self, query: Option<&str>) -> Result<(), Refused<EditError>>;
    /// Sends the request to another upstream, one that the route names.
    fn choose_upstream(&self, name: &str) -> Result<(), Refused<EditError>>;
}

/// The response of the current exchange.
pub trait Response: ReadHeaders {
    /// The status code.
    fn status(&self) -> u16;
}

/// Changes the response on its way to the client.
pub trait ResponseEdit: EditHeaders {
    /// Sets the status code, 200 to 599.
    fn set_status(&self, status: u16) -> Result<(), Refused<EditError>>;
}

/// Changes the head of a response that there is not yet, from a request hook.
///
/// The changes are made when the response comes by the plugin on its way back, just before its own response hooks:
/// the service's response, a handler's, another plugin's or the gateway's own, but not what this plugin's request
/// hooks reply. A plugin that knows by the request alone what it will say needs no response hook then, which spares a
/// call for each response.
pub trait ResponseAhead {
    /// Keeps changes, behind those that were kept before: all of them, or none where one is refused.
    fn edit(&self, changes: &[Change]) -> Result<(), Refused<EditError>>;
}

impl Change {
    /// Sets a header, in the place of all values that it had.
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Set(Header { name: name.into(), value: value.into() })
    }

    /// Adds a field line beside those that are there.
    pub fn add(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Add(Header { name: name.into(), value: value.into() })
    }

    /// Adds members to a list (`Vary`, say), but for those that are there already.
    pub fn merge(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Merge(Header { name: name.into(), value: value.into() })
    }

    /// Removes every value of a header.
    pub fn remove(name: impl Into<String>) -> Self {
        Self::Remove(name.into())
    }

    /// Removes every header whose name begins so.
    pub fn remove_all(beginning: impl Into<String>) -> Self {
        Self::RemoveAll(beginning.into())
    }

    /// The header that it is about, or the beginning of its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Set(header) | Self::Add(header) | Self::Merge(header) => &header.name,
            Self::Remove(name) | Self::RemoveAll(name) => name,
        }
    }
}
