//! Methods as the semantic conventions have them.

use http::Method;

use super::Span;

/// Those that they know (RFC 9110, 9; RFC 5789; and QUERY).
const KNOWN: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// The method in a span's name: what clients invent must not make names of its own.
pub fn in_name(method: &Method) -> &str {
    known(method).unwrap_or("HTTP")
}

fn known(method: &Method) -> Option<&str> {
    Some(method.as_str()).filter(|name| KNOWN.contains(name))
}

impl Span {
    /// Says the request's method.
    pub fn set_method(&mut self, method: &Method) {
        self.set("http.request.method", known(method).unwrap_or("_OTHER"));
        if known(method).is_none() {
            self.set("http.request.method_original", method.as_str());
        }
    }
}
