//! Headers by their names, or by what their names begin with.

use std::{borrow::Cow, fmt};

use torana_plugin_sdk::{
    prelude::*,
    schemars::{JsonSchema, Schema, SchemaGenerator, json_schema},
    serde::Deserialize,
};

/// A header's name, or a beginning of names: "x-user", "x-auth-*".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(crate = "torana_plugin_sdk::serde", try_from = "String")]
pub(crate) enum Pattern {
    Name(EditableName),
    /// In lower case, without the star.
    Beginning(String),
}

/// What no beginning may cover, for each of these is to be meant when it is moved: credentials, framing, and what
/// belongs to the connection.
const BY_NAME_ALONE: [&str; 15] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

impl Pattern {
    /// Whether it is about a header of this name, in lower case.
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self {
            Self::Name(ours) => **ours == *name,
            Self::Beginning(beginning) => name.starts_with(beginning.as_str()),
        }
    }

    /// The same for every name that a service may take for one of those: `x_auth_user` is `x-auth-user` to many (CGI,
    /// RFC 3875, 4.1.18).
    pub(crate) fn covers_twin(&self, name: &str) -> bool {
        let ours = match self {
            Self::Name(ours) if ours.len() != name.len() => return false,
            Self::Name(ours) => ours,
            Self::Beginning(beginning) => beginning.as_str(),
        };
        let dashed = |byte: u8| if byte == b'_' { b'-' } else { byte };
        name.len() >= ours.len()
            && ours.bytes().zip(name.bytes()).all(|(a, b)| dashed(a) == dashed(b))
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Some(beginning) = text.strip_suffix('*') else {
            return HeaderName::try_from(text).and_then(EditableName::try_from).map(Self::Name);
        };
        let beginning = HeaderName::try_from(beginning.to_owned())
            .map_err(|_| format!("`{text}` is no beginning of names: write \"x-auth-*\""))?;
        if beginning.contains('*') {
            return Err(format!("`{text}` has a star within: one may stand at the end"));
        }
        match BY_NAME_ALONE.iter().find(|name| name.starts_with(&*beginning)) {
            Some(name) => Err(format!(
                "`{text}` would be `{name}` too, which has to be named: write a longer beginning"
            )),
            None => Ok(Self::Beginning(beginning.to_string())),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Beginning(beginning) => write!(f, "{beginning}*"),
        }
    }
}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[!#$%&'+.^_`|~0-9A-Za-z-]+[*]?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_beginning_covers_what_begins_so() {
        let auth = pattern("X-Auth-*");
        assert_eq!(auth.to_string(), "x-auth-*");
        assert!(auth.covers("x-auth-user") && auth.covers("x-auth-"));
        assert!(!auth.covers("x-auth") && !auth.covers("x_auth_user"));
        assert!(auth.covers_twin("x_auth_user") && auth.covers_twin("x-auth_user"));
        assert!(!auth.covers_twin("x_aut"));
    }

    #[test]
    fn a_name_covers_itself_and_its_twins() {
        let name = pattern("X-User");
        assert!(name.covers("x-user") && name.covers_twin("x_user"));
        assert!(!name.covers_twin("x_users") && !name.covers("x_user"));
    }

    #[test]
    fn a_beginning_says_what_it_means() {
        for (wrong, why) in [
            ("*", "is no beginning of names"),
            ("x auth-*", "is no beginning of names"),
            ("x-*-a*", "has a star within"),
            ("auth*", "would be `authorization` too"),
            ("Set-*", "would be `set-cookie` too"),
            ("t*", "would be `te` too"),
            ("content-length", "is kept by the host"),
            ("x auth", "is not a header name"),
        ] {
            let error = Pattern::try_from(wrong.to_owned()).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
