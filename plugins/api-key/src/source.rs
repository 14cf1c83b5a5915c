//! Where in a request a key is: finding it there, and taking it away.

use std::fmt;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use torana_plugin_sdk::{
    host::{HeaderError, Request},
    http::{self, Malformed},
    prelude::*,
};

use crate::query;

/// A place for a key.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A header whose value is the key.
    Header(KeyHeader),
    /// A query parameter.
    Query(ParameterName),
    /// `authorization: Basic`, with the key as the user name or as the password.
    Basic(BasicPart),
    /// `authorization: SCHEME KEY`.
    Scheme(SchemeName),
}

/// A header for a key.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(try_from = "HeaderName")]
pub(crate) struct KeyHeader(HeaderName);

/// A query parameter for a key.
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct ParameterName(String);

/// Which half of Basic credentials the key is. The other is not looked at.
#[settings]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BasicPart {
    /// `curl -u KEY:`
    User,
    /// `curl -u anything:KEY`
    Password,
}

/// An authentication scheme (RFC 9110, 11.1).
#[settings]
#[derive(Clone, Debug, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct SchemeName(String);

/// What a request has for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// One key, maybe in several places.
    Key(Vec<u8>),
    /// There is no telling which key is meant.
    Unclear(Unclear),
}

/// Why there is no telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// One place has two keys.
    Repeated,
    /// Two places have different keys.
    Several,
    /// Credentials of a scheme of ours that are none.
    Malformed,
}

/// Looks at every place: a second key must not go by unseen.
pub(crate) fn find(sources: &[Source], request: &impl Request) -> Result<Found, Failure> {
    let mut found = Found::Nothing;
    for source in sources {
        found = match (source.read(request)?, found) {
            (Found::Nothing, before) => before,
            (now, Found::Nothing) => now,
            (now, before) if now == before => now,
            (Found::Unclear(why), _) => Found::Unclear(why),
            _ => Found::Unclear(Unclear::Several),
        };
        if matches!(found, Found::Unclear(_)) {
            break;
        }
    }
    Ok(found)
}

/// Takes away what many a service takes for the header of a key: `x_api_key` for `x-api-key`. Nobody has looked at it.
pub(crate) fn remove_twins(sources: &[Source], host: &impl Host) -> Result<(), Failure> {
    let dashed = sources.iter().filter_map(Source::dashed);
    // The host removes all other spellings with underscores as well, and leaves the one with dashes.
    dashed
        .into_iter()
        .try_for_each(|name| Ok(host.request_edit().remove_header(&name.replace('-', "_"))?))
}

/// Takes the key away wherever it is, and what services may take for it.
pub(crate) fn remove(sources: &[Source], host: &impl Host) -> Result<(), Failure> {
    for source in sources {
        // Where a header is removed, the host removes its twins.
        if source.dashed().is_none() && source.read(&host.request())? == Found::Nothing {
            continue;
        }
        if let Some(name) = source.header() {
            host.request_edit().remove_header(name)?;
        }
        if let Source::Query(name) = source {
            let query = host.request().query().unwrap_or_default();
            let rest = query::without(&query, &name.0);
            host.request_edit().set_query(rest.as_deref())?;
        }
    }
    Ok(())
}

impl Source {
    /// A header that can have twins.
    fn dashed(&self) -> Option<&str> {
        match self {
            Self::Header(name) if name.0.contains('-') => Some(&name.0),
            _ => None,
        }
    }

    /// The header that it is in, if it is in one.
    pub(crate) fn header(&self) -> Option<&str> {
        match self {
            Self::Header(name) => Some(&name.0),
            Self::Basic(_) | Self::Scheme(_) => Some("authorization"),
            Self::Query(_) => None,
        }
    }

    /// Whether both would find the same.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Basic(_), Self::Basic(_)) => true,
            (Self::Scheme(a), Self::Scheme(b)) => a.0.eq_ignore_ascii_case(&b.0),
            (Self::Header(header), Self::Basic(_) | Self::Scheme(_))
            | (Self::Basic(_) | Self::Scheme(_), Self::Header(header)) => {
                &*header.0 == "authorization"
            }
            _ => self == other,
        }
    }

    fn read(&self, request: &impl Request) -> Result<Found, Failure> {
        match self {
            Self::Header(name) => header(&name.0, request),
            Self::Query(name) => Ok(match &mut request.query_values(&name.0)[..] {
                [] => Found::Nothing,
                [key] => Found::Key(std::mem::take(key).into_bytes()),
                _ => Found::Unclear(Unclear::Repeated),
            }),
            Self::Basic(part) => Ok(match credentials("basic", request)? {
                Found::Key(text) => part.of(&text),
                other => other,
            }),
            Self::Scheme(scheme) => credentials(&scheme.0, request),
        }
    }

    /// What a 401 asks for (RFC 9110, 11.6.1).
    pub(crate) fn challenge(&self, realm: &str) -> String {
        match self {
            // There is no scheme of this name in the registry, but clients and people know it.
            Self::Header(_) | Self::Query(_) => format!("ApiKey realm=\"{realm}\""),
            Self::Basic(_) => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
            Self::Scheme(scheme) => format!("{} realm=\"{realm}\"", scheme.0),
        }
    }
}

/// As a client is told where to put its key.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "in the header `{}`", name.0),
            Self::Query(name) => write!(f, "in the query parameter `{}`", name.0),
            Self::Basic(BasicPart::User) => f.write_str("as the user name of Basic credentials"),
            Self::Basic(BasicPart::Password) => f.write_str("as the password of Basic credentials"),
            Self::Scheme(scheme) => write!(f, "as `authorization: {} KEY`", scheme.0),
        }
    }
}

/// A header's bytes: a key need not be UTF-8 to be wrong.
fn header(name: &str, request: &impl Request) -> Result<Found, Failure> {
    match request.header_bytes(name) {
        Ok(None) => Ok(Found::Nothing),
        Ok(Some(key)) => Ok(Found::Key(key)),
        Err(Refused { why: HeaderError::Repeated, .. }) => Ok(Found::Unclear(Unclear::Repeated)),
        Err(refused) => Err(refused.into()),
    }
}

/// The credentials of a scheme. Those of another are another plugin's business.
fn credentials(scheme: &str, request: &impl Request) -> Result<Found, Failure> {
    let Found::Key(value) = header("authorization", request)? else {
        return header("authorization", request);
    };
    Ok(match http::credentials(&value, scheme) {
        None => Found::Nothing,
        Some(Ok(key)) => Found::Key(key.trim_ascii_end().to_vec()),
        Some(Err(Malformed)) => Found::Unclear(Unclear::Malformed),
    })
}

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl BasicPart {
    /// RFC 7617, 2: the user name ends at the first colon.
    fn of(self, credentials: &[u8]) -> Found {
        let Ok(mut user) = BASE64.decode(credentials) else {
            return Found::Unclear(Unclear::Malformed);
        };
        let Some(colon) = user.iter().position(|&byte| byte == b':') else {
            return Found::Unclear(Unclear::Malformed);
        };
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Found::Key(match self {
            Self::User => user,
            Self::Password => password,
        })
    }
}

impl Default for Source {
    fn default() -> Self {
        let name = HeaderName::try_from("x-api-key".to_owned());
        Self::Header(KeyHeader(name.expect("it is a header name")))
    }
}

impl TryFrom<HeaderName> for KeyHeader {
    type Error = String;

    fn try_from(name: HeaderName) -> Result<Self, String> {
        if name.is_reserved() {
            return Err(format!("`{name}` is kept by the host: write a header of your own"));
        }
        if matches!(&*name, "cookie" | "set-cookie") {
            return Err(format!("`{name}` has more than a key in it: write a header of your own"));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for ParameterName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, &'static str> {
        if name.is_empty() {
            return Err("write the name of a query parameter, as it is when decoded");
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for SchemeName {
    type Error = String;

    fn try_from(scheme: String) -> Result<Self, String> {
        if HeaderName::try_from(scheme.clone()).is_err() {
            return Err(format!(
                "`{scheme}` is no authentication scheme: write a word like ApiKey"
            ));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return Err("Basic has two parts: write { basic = \"user\" } or { basic = \
                        \"password\" }"
                .into());
        }
        Ok(Self(scheme))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(part: BasicPart, credentials: &str) -> Option<String> {
        match part.of(credentials.as_bytes()) {
            Found::Key(key) => Some(String::from_utf8(key).unwrap()),
            found => {
                assert_eq!(found, Found::Unclear(Unclear::Malformed));
                None
            }
        }
    }

    #[test]
    fn basic_credentials_end_at_the_first_colon() {
        // user:pass:word
        let credentials = "dXNlcjpwYXNzOndvcmQ=";
        assert_eq!(basic(BasicPart::User, credentials).unwrap(), "user");
        assert_eq!(basic(BasicPart::Password, credentials).unwrap(), "pass:word");
        assert_eq!(basic(BasicPart::User, "dXNlcjpwYXNzOndvcmQ").unwrap(), "user");
        for wrong in ["", "dXNlcg==", "?", "dXNlcjpwYXNz OndvcmQ="] {
            assert_eq!(basic(BasicPart::User, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn two_sources_of_one_place_overlap() {
        let header =
            |name: &str| Source::Header(KeyHeader(HeaderName::try_from(name.to_owned()).unwrap()));
        let scheme = |name: &str| Source::Scheme(SchemeName(name.to_owned()));
        assert!(scheme("ApiKey").overlaps(&scheme("apikey")));
        assert!(scheme("ApiKey").overlaps(&header("Authorization")));
        assert!(Source::Basic(BasicPart::User).overlaps(&Source::Basic(BasicPart::Password)));
        assert!(header("x-a").overlaps(&header("X-A")));
        assert!(!header("x-a").overlaps(&header("x-b")));
        assert!(!scheme("ApiKey").overlaps(&Source::Basic(BasicPart::User)));
    }
}
