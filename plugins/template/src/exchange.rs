//! Where the values come from: the exchange at hand.

use serde_json::Value;
use torana_plugin_sdk::prelude::*;

use crate::{Name, Template};

impl Template {
    /// Fills the template in with values of the current exchange. None when a value is absent that
    /// has no default.
    pub fn fill(&self, host: &impl Host) -> Result<Option<String>, Failure> {
        self.render(|name| value(host, name))
    }
}

fn value(host: &impl Host, name: &Name) -> Result<Option<String>, Failure> {
    let request = host.request();
    Ok(match name {
        Name::Attribute(name) => host.attributes().get(name),
        Name::Claim(path) => claim(host, path)?,
        Name::ClientAddress => Some(request.client_address()),
        Name::Param(name) => request.param(name),
        Name::RequestAuthority => Some(request.authority()),
        Name::RequestHeader(name) => request.header(name)?,
        Name::RequestHost => Some(without_port(&request.authority()).to_owned()),
        Name::RequestId => Some(request.id()),
        Name::RequestMethod => Some(request.method()),
        Name::RequestPath => Some(request.path()),
        Name::RequestQuery => request.query(),
        Name::RequestScheme => Some(request.scheme()),
        Name::Route => Some(request.route()),
    })
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
