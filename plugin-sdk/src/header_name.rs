//! Headers' names in the settings: any header, or one that a plugin may change.

use std::{borrow::Cow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A header's name, lower case, checked (RFC 9110, 5.1) when the settings are read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct HeaderName(String);

/// Credentials, which need a grant of their own.
pub(crate) const HIDDEN: [&str; 4] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie"];

/// Framing and hop-by-hop fields (RFC 9110, 7.6.1), and those that steer the connection.
pub(crate) const RESERVED: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl HeaderName {
    /// Whether the host keeps this field for itself, so that no plugin can change it. Settings whose
    /// headers are to be changed have [`EditableName`] for that.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.0.as_str())
    }
}

impl TryFrom<String> for HeaderName {
    type Error = String;

    fn try_from(mut name: String) -> Result<Self, String> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("`{name}` is not a header name: letters, digits and dashes"));
        }
        name.make_ascii_lowercase();
        Ok(Self(name))
    }
}

pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Deref for HeaderName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for HeaderName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HeaderName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })
    }
}

/// The name of a header that a plugin may change: any [`HeaderName`] but those that the host keeps
/// for itself ([`HeaderName::is_reserved`]). The host would refuse to change these for each request;
/// in the settings, this type refuses them before the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "HeaderName")]
pub struct EditableName(HeaderName);

impl TryFrom<HeaderName> for EditableName {
    type Error = String;

    fn try_from(name: HeaderName) -> Result<Self, String> {
        if name.is_reserved() {
            return Err(format!("`{name}` is kept by the host: no plugin can change it"));
        }
        Ok(Self(name))
    }
}

impl Deref for EditableName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EditableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for EditableName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EditableName".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        HeaderName::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_keeps_is_not_editable() {
        let editable = |name: &str| crate::settings::parse::<EditableName>(&format!("{name:?}"));
        assert_eq!(&*editable("X-Tenant").unwrap(), "x-tenant");
        assert_eq!(editable("Set-Cookie").unwrap().to_string(), "set-cookie");
        for (wrong, why) in [
            ("Content-Length", "`content-length` is kept by the host: no plugin can change it"),
            ("x tenant", "`x tenant` is not a header name: letters, digits and dashes"),
        ] {
            assert_eq!(editable(wrong).unwrap_err().into_vec()[0].message, why);
        }
    }

    #[test]
    fn framing_is_the_hosts() {
        let is_reserved = |name: &str| HeaderName::try_from(name.to_owned()).unwrap().is_reserved();
        assert!(is_reserved("Content-Length"));
        assert!(!is_reserved("Content-Type"));
    }

    #[test]
    fn a_name_is_lower_case_and_a_token() {
        assert_eq!(&*HeaderName::try_from("X-Tenant".to_owned()).unwrap(), "x-tenant");
        for wrong in ["", "x tenant", "x:y", "ü"] {
            assert!(HeaderName::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
