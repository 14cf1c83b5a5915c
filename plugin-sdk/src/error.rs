//! What a call or a hook can answer instead of a result.

use std::{error::Error, fmt};

pub use crate::bindings::capabilities::types::Failure;
use crate::host::{
    AttributeError, BodyError, CryptoError, EditError, FetchError, HeaderError, KvError,
    RateLimitError, SecretError,
};

/// A call that the host refused: for what, and why.
///
/// The text says what to do about it, so in a hook `?` is mostly all there is to write: it becomes
/// the log text of a [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused<Why> {
    /// What the call was about: a header's name, a key, an upstream, ...
    pub what: String,
    /// Why it was refused.
    pub why: Why,
}

impl<Why> Refused<Why> {
    /// A call about `what` that was refused because of `why`.
    pub fn new(what: impl Into<String>, why: Why) -> Self {
        Self { what: what.into(), why }
    }
}

impl<Why: Explain> fmt::Display for Refused<Why> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.explain(&self.what, f)
    }
}

impl<Why: Explain + fmt::Debug> Error for Refused<Why> {}

impl<Why: Explain> From<Refused<Why>> for Failure {
    fn from(refused: Refused<Why>) -> Self {
        Self::new(refused.to_string())
    }
}

impl Failure {
    /// A failure with a text for the log. The client gets the host's wording.
    pub fn new(log: impl Into<String>) -> Self {
        Self { client: String::new(), log: log.into() }
    }

    /// The same failure with a text for the client: no internals.
    #[must_use]
    pub fn for_client(self, client: impl Into<String>) -> Self {
        Self { client: client.into(), ..self }
    }
}

impl From<&str> for Failure {
    fn from(log: &str) -> Self {
        Self::new(log)
    }
}

impl From<String> for Failure {
    fn from(log: String) -> Self {
        Self::new(log)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("JSON: {error}"))
    }
}

/// Says in words why a call about `what` was refused.
pub trait Explain {
    /// Writes the words.
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl Explain for HeaderError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName => write!(f, "`{what}` is not a header name"),
            Self::Hidden => write!(
                f,
                "header `{what}` is not granted: add headers = {{ read = [\"{what}\"] }} to the \
                 plugin's grants"
            ),
            Self::Repeated => write!(f, "header `{what}` stands there more than once"),
            Self::NotText => write!(f, "the value of header `{what}` is not UTF-8"),
        }
    }
}

impl Explain for EditError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName => write!(f, "`{what}` is not a header name"),
            Self::InvalidValue(text) => write!(f, "`{what}` cannot be set to this value: {text}"),
            Self::Reserved => write!(f, "`{what}` is kept by the host, no plugin can change it"),
            Self::Hidden => write!(
                f,
                "header `{what}` is not granted: add headers = {{ write = [\"{what}\"] }} to the \
                 plugin's grants"
            ),
            Self::TooLate => write!(f, "`{what}` cannot be changed in this hook any more"),
            Self::TooLarge => {
                write!(
                    f,
                    "there is no room for `{what}`: heads, and changes that are kept, have limits"
                )
            }
            Self::UnknownUpstream => write!(
                f,
                "`{what}` is neither the `upstream` nor one of the `alternatives` of this route"
            ),
        }
    }
}

impl Explain for BodyError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable => write!(f, "there is no {what} body in this hook"),
            Self::TooLarge => write!(f, "the {what} body is larger than `limits.body`"),
            Self::Aborted => write!(f, "the {what} body broke off"),
            Self::NotText => write!(f, "the {what} body is not UTF-8"),
        }
    }
}

impl Explain for AttributeError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName => write!(
                f,
                "`{what}` is not an attribute's name: 1 to 64 letters, digits, `.`, `_` and `-`"
            ),
            Self::Denied => write!(
                f,
                "attribute `{what}` belongs to another plugin, or is reserved: add attributes = \
                 [\"{what}\"] to the plugin's grants"
            ),
            Self::TooLarge => {
                write!(f, "attribute `{what}` does not fit: 64 KiB are kept for an exchange")
            }
        }
    }
}

impl Explain for KvError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "no room for key `{what}`: raise `max_bytes` in the kv grant"),
            Self::TooLarge => {
                write!(f, "key `{what}` is longer than 512 bytes, or its value longer than 1 MiB")
            }
            Self::NotACounter => write!(f, "the value of key `{what}` is not a counter"),
            Self::Unavailable(text) => write!(f, "the store did not answer for `{what}`: {text}"),
        }
    }
}

impl Explain for RateLimitError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) => write!(f, "bucket `{what}` is impossible: {text}"),
            Self::Unavailable(text) => write!(f, "the store did not answer for `{what}`: {text}"),
        }
    }
}

impl Explain for FetchError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(text) => write!(f, "fetch from `{what}` is denied: {text}"),
            Self::Invalid(text) => write!(f, "fetch from `{what}` makes no request: {text}"),
            Self::Timeout => write!(f, "`{what}` did not answer in time"),
            Self::Unreachable(text) => write!(f, "`{what}` cannot be reached: {text}"),
            Self::Protocol(text) => write!(f, "`{what}` answered with nonsense: {text}"),
            Self::TooLarge => write!(f, "the answer of `{what}` is larger than `limits.body`"),
            Self::NotText => write!(f, "the answer of `{what}` is not UTF-8"),
        }
    }
}

impl Explain for CryptoError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey(text) => write!(f, "the key does not fit {what}: {text}"),
            Self::UnknownSecret => write!(
                f,
                "the secret is not granted: add secrets = {{ use = [\"{what}\"] }} to the \
                 plugin's grants"
            ),
        }
    }
}

impl Explain for SecretError {
    fn explain(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => write!(
                f,
                "secret `{what}` is not granted: add secrets = {{ reveal = [\"{what}\"] }} to the \
                 plugin's grants"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_header_names_the_grant() {
        let refused = Refused::new("authorization", HeaderError::Hidden);
        let failure = Failure::from(refused);
        assert_eq!(failure.client, "", "the client gets the host's wording");
        assert_eq!(
            failure.log,
            "header `authorization` is not granted: add headers = { read = [\"authorization\"] } \
             to the plugin's grants"
        );
    }
}
