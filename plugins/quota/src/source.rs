//! Where the parts of a key come from, as the settings name them.

use std::fmt;

use torana_plugin_sdk::HeaderName;

/// One thing that a request says, or that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Attribute(String),
    /// A path into `auth.claims`, cut at dots.
    Claim(String),
    ClientAddress,
    Header(HeaderName),
    Param(String),
    Query(String),
}

const KNOWN: &str = "attributes.NAME, claims.NAME, client.address, params.NAME, \
                     request.header.NAME, request.query.NAME";

/// What people write for them.
const MEANT: [(&str, &str); 7] = [
    ("address", "client.address"),
    ("client", "client.address"),
    ("consumer", "attributes.consumer.id"),
    ("consumer.id", "attributes.consumer.id"),
    ("consumer.tier", "attributes.consumer.tier"),
    ("ip", "client.address"),
    ("sub", "claims.sub"),
];

impl Source {
    /// Reads `claims.sub`. The names are those of templates.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "client.address" {
            return Ok(Self::ClientAddress);
        }
        let named = |prefix| text.strip_prefix(prefix).filter(|name: &&str| !name.is_empty());
        if let Some(name) = named("attributes.") {
            return attribute(name);
        }
        if let Some(name) = named("params.") {
            return Ok(Self::Param(name.into()));
        }
        if let Some(name) = named("request.query.") {
            return Ok(Self::Query(name.into()));
        }
        if let Some(name) = named("request.header.") {
            return HeaderName::try_from(name.to_owned()).map(Self::Header);
        }
        match named("claims.") {
            Some(path) if path.split('.').all(|name| !name.is_empty()) => {
                Ok(Self::Claim(path.into()))
            }
            _ => Err(unknown(text)),
        }
    }

    /// As the settings name it, in two pieces: of what kind it is, and its name.
    pub(crate) fn words(&self) -> [&str; 2] {
        match self {
            Self::Attribute(name) => ["attributes.", name],
            Self::Claim(path) => ["claims.", path],
            Self::ClientAddress => ["client.address", ""],
            Self::Header(name) => ["request.header.", name],
            Self::Param(name) => ["params.", name],
            Self::Query(name) => ["request.query.", name],
        }
    }

    /// Whether the client writes it as it likes: it may be long, and it may be a credential.
    pub(crate) fn is_the_clients(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Param(_) | Self::Query(_))
    }
}

/// An attribute without a dot in its name is this plugin's own, and nobody else can set it.
fn attribute(name: &str) -> Result<Source, String> {
    if name.contains('.') {
        return Ok(Source::Attribute(name.into()));
    }
    Err(format!(
        "`attributes.{name}` would be this plugin's own: write `attributes.PLUGIN.{name}`, with \
         the name of the plugin that sets it"
    ))
}

fn unknown(text: &str) -> String {
    match MEANT.iter().find(|(wrong, _)| *wrong == text) {
        Some((_, right)) => format!("`{text}` is not known; did you mean `{right}`?"),
        None => format!("`{text}` is not known; there are {KNOWN}"),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words().into_iter().try_for_each(|word| f.write_str(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_reads_as_it_is_written() {
        for text in [
            "attributes.consumer.id",
            "attributes.geo.country",
            "claims.sub",
            "claims.org.id",
            "client.address",
            "params.id",
            "request.header.x-tenant",
            "request.query.api key",
        ] {
            assert_eq!(Source::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Source::parse("request.header.X-Tenant"),
            Source::parse("request.header.x-tenant")
        );
    }

    #[test]
    fn what_is_not_known_is_answered_with_the_nearest() {
        let wrong = |text| Source::parse(text).unwrap_err();
        assert!(wrong("ip").contains("did you mean `client.address`?"));
        assert!(wrong("consumer.id").contains("did you mean `attributes.consumer.id`?"));
        assert!(wrong("attributes.tenant").contains("write `attributes.PLUGIN.tenant`"));
        assert!(wrong("request.header.x y").contains("`x y` is not a header name"));
        for text in ["", "claims.", "claims.a..b", "params.", "header.x", "request.header."] {
            assert!(wrong(text).contains("there are attributes.NAME,"), "{text}");
        }
    }
}
