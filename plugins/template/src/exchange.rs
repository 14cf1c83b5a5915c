//! Where the values come from: the exchange at hand.

use serde_json::{Map, Value};
use torana_plugin_sdk::{claims, prelude::*};

use crate::{Fault, Name, Template};

impl Template {
    /// Fills the template in with values of the current exchange, for a header. None when a value is
    /// absent that has no default.
    pub fn header_value(&self, host: &impl Host) -> Result<Option<String>, Fault> {
        self.render(|name| name.header_value(host))
    }
}

impl Name {
    /// The value in the current exchange, for a header. None where there is none.
    pub fn header_value(&self, host: &impl Host) -> Result<Option<String>, Fault> {
        let value = self.value(host)?;
        if self.is_the_clients() && value.as_deref().is_some_and(has_control) {
            return Err(Fault::Client(format!("The value of {self} has control characters.")));
        }
        Ok(value)
    }

    /// The value in the current exchange. None where there is none.
    pub fn value(&self, host: &impl Host) -> Result<Option<String>, Fault> {
        let request = host.request();
        Ok(match self {
            Self::Attribute(name) => host.attributes().get(name),
            Self::Claim(path) => claim(host, path)?,
            Self::ClientAddress => Some(request.client_address()),
            Self::Param(name) => request.param(name),
            Self::RequestAuthority => Some(request.authority()),
            Self::RequestHeader(name) => request.header(name).map_err(Fault::of_header)?,
            Self::RequestHost => Some(without_port(&request.authority()).to_owned()),
            Self::RequestId => Some(request.id()),
            Self::RequestMethod => Some(request.method()),
            Self::RequestPath => Some(request.path()),
            Self::RequestQuery => request.query(),
            Self::RequestQueryValue(name) => only(name, request.query_values(name))?,
            Self::RequestScheme => Some(request.scheme()),
            Self::Route => Some(request.route()),
        })
    }
}

/// As for headers: of several values none is taken on a guess.
fn only(name: &str, mut values: Vec<String>) -> Result<Option<String>, Fault> {
    if values.len() > 1 {
        return Err(Fault::Client(format!(
            "Query parameter `{name}` stands there more than once."
        )));
    }
    Ok(values.pop())
}

fn claim(host: &impl Host, path: &[String]) -> Result<Option<String>, Failure> {
    let Some(claims) = host.attributes().get("auth.claims") else { return Ok(None) };
    let claims: Map<String, Value> = serde_json::from_str(&claims)?;
    Ok(claims::find(&claims, path).map(as_text))
}

/// Whether no header can have it.
fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')
}

/// Text as it is, all else as JSON.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `[::1]:8080` -> `[::1]`.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_has_no_single_value() {
        let values = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        assert_eq!(only("q", values(&[])).unwrap(), None);
        assert_eq!(only("q", values(&["1"])).unwrap(), Some("1".into()));
        let fault = only("q", values(&["1", "2"])).unwrap_err();
        let text = "Query parameter `q` stands there more than once.";
        assert_eq!(fault, Fault::Client(text.into()));
    }

    #[test]
    fn a_host_has_no_port() {
        for (authority, host) in [
            ("example.com", "example.com"),
            ("example.com:8080", "example.com"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(without_port(authority), host);
        }
    }
}
