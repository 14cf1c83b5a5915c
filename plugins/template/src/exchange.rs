//! Where the values come from: the exchange at hand.

use serde_json::Value;
use torana_plugin_sdk::prelude::*;

use crate::{Name, Template};

impl Template {
    /// Fills the template in with values of the current exchange. None when a value is absent that
    /// has no default.
    pub fn fill(&self, host: &impl Host) -> Result<Option<String>, Failure> {
        self.render(|name| name.value(host))
    }
}

impl Name {
    /// The value in the current exchange. None where there is none.
    pub fn value(&self, host: &impl Host) -> Result<Option<String>, Failure> {
        let request = host.request();
        Ok(match self {
            Self::Attribute(name) => host.attributes().get(name),
            Self::Claim(path) => claim(host, path)?,
            Self::ClientAddress => Some(request.client_address()),
            Self::Param(name) => request.param(name),
            Self::RequestAuthority => Some(request.authority()),
            Self::RequestHeader(name) => request.header(name)?,
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
fn only(name: &str, mut values: Vec<String>) -> Result<Option<String>, Failure> {
    if values.len() > 1 {
        let text = format!("query parameter `{name}` stands there more than once");
        return Err(Failure::new(text));
    }
    Ok(values.pop())
}

fn claim(host: &impl Host, path: &[String]) -> Result<Option<String>, Failure> {
    let Some(claims) = host.attributes().get("auth.claims") else { return Ok(None) };
    let claims: Value = serde_json::from_str(&claims)?;
    let found = path.iter().try_fold(&claims, |value, name| value.get(name));
    Ok(found.filter(|value| !value.is_null()).map(as_text))
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
        let failure = only("q", values(&["1", "2"])).unwrap_err();
        assert_eq!(failure.log, "query parameter `q` stands there more than once");
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
