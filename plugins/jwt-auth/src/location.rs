//! Where something is fetched from.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::{
        Deserialize, Deserializer,
        de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    },
};

/// An origin or an upstream, and a path with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) to: String,
    pub(crate) path: String,
}

/// Longer URLs would not fit into the keys of `kv`, in bytes.
const MAX_LENGTH: usize = 400;

impl Location {
    /// Reads an `https` URL. Over plain HTTP anybody on the way could put in keys of his own.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let is_https = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        if !is_https {
            return Err(format!(
                "`{url}` is not https: over plain HTTP anybody on the way can forge keys. For a \
                 service of your own name an upstream: {{ upstream = \"idp\", path = \"/jwks\" }}"
            ));
        }
        let rest = &url[8..];
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(is_host) {
            return Err(format!("`{url}` has no host, or one with a user name or the like"));
        }
        let path = if target.starts_with('/') { target.into() } else { format!("/{target}") };
        Self { to: format!("https://{}", authority.to_ascii_lowercase()), path }.checked()
    }

    /// Where a service describes itself (OpenID Connect Discovery 1.0, 4.1).
    pub(crate) fn of_discovery(issuer: &str) -> Result<Self, String> {
        if issuer.contains(['?', '#']) {
            return Err(format!("`{issuer}` has a query or a fragment, which no issuer has"));
        }
        let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
        Self::parse(&format!("{issuer}/.well-known/openid-configuration"))
    }

    fn checked(self) -> Result<Self, String> {
        let is_target = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !self.path.starts_with('/') || !self.path.bytes().all(is_target) {
            return Err(format!("`{}` is no path: percent-encode what is in it", self.path));
        }
        if self.to.len() + self.path.len() > MAX_LENGTH {
            return Err(format!("a URL has at most {MAX_LENGTH} bytes here"));
        }
        Ok(self)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.to, self.path)
    }
}

/// A location in the settings that goes through an upstream of the gateway.
#[settings]
struct ThroughUpstream {
    /// The upstream's name.
    #[schemars(extend("x-torana-fetches" = true))]
    upstream: String,
    /// Path and query.
    path: String,
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UrlOrTable)
    }
}

/// (Serde's untagged enums would do, but their errors do not say where.)
struct UrlOrTable;

impl<'de> Visitor<'de> for UrlOrTable {
    type Value = Location;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an https URL, or { upstream = \"...\", path = \"/...\" }")
    }

    fn visit_str<E: Error>(self, url: &str) -> Result<Location, E> {
        Location::parse(url).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Location, A::Error> {
        let table = ThroughUpstream::deserialize(MapAccessDeserializer::new(table))?;
        Location { to: table.upstream, path: table.path }.checked().map_err(A::Error::custom)
    }
}

impl JsonSchema for Location {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Location".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<ThroughUpstream>();
        let url =
            json_schema!({ "type": "string", "pattern": "^https://", "x-torana-fetches": true });
        json_schema!({ "anyOf": [url, table] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_origin_and_a_target() {
        for (url, to, path) in [
            ("https://idp.example/a/jwks?v=1", "https://idp.example", "/a/jwks?v=1"),
            ("HTTPS://IdP.Example:8443", "https://idp.example:8443", "/"),
            ("https://[::1]/", "https://[::1]", "/"),
            ("https://idp.example?x", "https://idp.example", "/?x"),
        ] {
            let location = Location::parse(url).unwrap();
            assert_eq!((location.to.as_str(), location.path.as_str()), (to, path), "{url}");
        }
    }

    #[test]
    fn what_is_no_safe_url_is_refused() {
        for url in [
            "",
            "http://idp.example/jwks",
            "file:///etc/passwd",
            "https://",
            "https:///jwks",
            "https://user@idp.example/",
            "https://idp.example\\@evil.example/",
            "https://idp.example/a b",
            "https://idp.example/a#b",
            "https://idp.example/\r\n",
            "éttps://idp.example/",
        ] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
        assert!(Location::parse(&format!("https://idp.example/{}", "a".repeat(400))).is_err());
    }

    #[test]
    fn an_issuer_is_asked_below_its_path() {
        for issuer in ["https://idp.example/realms/shop", "https://idp.example/realms/shop/"] {
            let location = Location::of_discovery(issuer).unwrap();
            assert_eq!(location.path, "/realms/shop/.well-known/openid-configuration");
        }
        assert!(Location::of_discovery("https://idp.example/?a").is_err());
        assert!(Location::of_discovery("http://idp.example").is_err());
        assert!(Location::of_discovery("joe").is_err());
    }
}
