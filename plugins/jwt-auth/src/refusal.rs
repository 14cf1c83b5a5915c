//! What a client is told that is not let through: RFC 6750, 3, and problem+json (RFC 9457).
//!
//! Why a token is not good is for the log. The client learns whether it is to fetch a new one, to
//! ask for more rights, or to try again later; nothing that helps to make a better forgery.

use torana_plugin_sdk::{host::Log, prelude::*};

/// Why a request is not let through. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token.
    NoToken,
    /// There is something in its place. The text is for the client.
    Unclear(&'static str),
    /// It is not good.
    Invalid(String),
    /// It was good once.
    Expired(String),
    /// It is good, but not for this. With the scopes that would be, if it is for want of them.
    Forbidden { why: String, scopes: Option<String> },
    /// Nobody can say: there are no keys.
    Unavailable { why: String, retry_after_ms: u64 },
}

impl Refusal {
    /// The reply, for a realm that is free of control characters.
    pub(crate) fn reply(&self, realm: &str) -> Reply {
        let challenge = Challenge::new(realm);
        match self {
            Self::NoToken => {
                let detail = "An access token is needed.";
                challenge.on(Reply::problem(401, "missing-token", detail))
            }
            Self::Unclear(detail) => challenge.error("invalid_request", detail).on(Reply::problem(
                400,
                "invalid-request",
                detail,
            )),
            Self::Invalid(_) => invalid(challenge, "The access token is not valid."),
            Self::Expired(_) => invalid(challenge, "The access token has expired."),
            Self::Forbidden { scopes, .. } => forbidden(challenge, scopes.as_deref()),
            Self::Unavailable { retry_after_ms, .. } => unavailable(*retry_after_ms),
        }
    }

    /// Says in the log exactly why.
    pub(crate) fn log(&self, log: &impl Log) {
        match self {
            Self::NoToken => log.debug("refused: there is no token"),
            Self::Unclear(why) => log.info(format_args!("refused: {why}")),
            Self::Invalid(why) => log.info(format_args!("the token is refused: {why}")),
            Self::Expired(why) => log.info(format_args!("the token is refused: {why}")),
            Self::Forbidden { why, .. } => {
                log.info(format_args!("the token does not suffice: {why}"));
            }
            Self::Unavailable { why, .. } => {
                log.info(format_args!("no token can be verified: {why}"));
            }
        }
    }
}

fn invalid(challenge: Challenge, detail: &str) -> Reply {
    challenge.error("invalid_token", detail).on(Reply::problem(401, "invalid-token", detail))
}

fn forbidden(challenge: Challenge, scopes: Option<&str>) -> Reply {
    let detail = "The access token does not allow this.";
    let challenge = challenge.error("insufficient_scope", detail);
    let challenge = match scopes {
        Some(scopes) => challenge.parameter("scope", scopes),
        None => challenge,
    };
    challenge.on(Reply::problem(403, "insufficient-scope", detail))
}

fn unavailable(retry_after_ms: u64) -> Reply {
    let detail = "Access tokens cannot be verified at the moment.";
    Reply::problem(503, "jwks-unavailable", detail)
        .header("retry-after", retry_after_ms.div_ceil(1000).max(1).to_string())
}

/// The value of `WWW-Authenticate`.
struct Challenge(String);

impl Challenge {
    fn new(realm: &str) -> Self {
        Self("Bearer".into()).first("realm", realm)
    }

    fn error(self, code: &str, description: &str) -> Self {
        self.parameter("error", code).parameter("error_description", description)
    }

    fn first(self, name: &str, value: &str) -> Self {
        Self(format!("{} {name}=\"{}\"", self.0, escaped(value)))
    }

    fn parameter(self, name: &str, value: &str) -> Self {
        Self(format!("{}, {name}=\"{}\"", self.0, escaped(value)))
    }

    fn on(self, reply: Reply) -> Reply {
        reply.header("www-authenticate", self.0)
    }
}

/// For a quoted-string (RFC 9110, 5.6.4).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(refusal: &Refusal, realm: &str) -> (u16, Option<String>) {
        let reply = refusal.reply(realm);
        let found = reply.headers.iter().find(|header| header.name == "www-authenticate");
        (reply.status, found.map(|header| header.value.clone()))
    }

    #[test]
    fn a_challenge_says_what_the_rfc_lets_it() {
        let (status, value) = challenge(&Refusal::NoToken, "api");
        assert_eq!((status, value.unwrap().as_str()), (401, r#"Bearer realm="api""#));
        let (status, value) =
            challenge(&Refusal::Invalid("the signature does not hold".into()), "api");
        assert_eq!(
            (status, value.unwrap().as_str()),
            (
                401,
                r#"Bearer realm="api", error="invalid_token", error_description="The access token is not valid.""#
            )
        );
        let scopes = Some("orders:read orders:write".into());
        let (status, value) = challenge(&Refusal::Forbidden { why: String::new(), scopes }, "api");
        assert_eq!(status, 403);
        assert!(value.unwrap().ends_with(r#", scope="orders:read orders:write""#));
        let unavailable = Refusal::Unavailable { why: String::new(), retry_after_ms: 4_001 };
        assert_eq!(challenge(&unavailable, "api"), (503, None));
        let reply = unavailable.reply("api");
        assert!(reply.headers.iter().any(|h| h.name == "retry-after" && h.value == "5"));
    }

    #[test]
    fn a_realm_stays_in_its_quotes() {
        let (_, value) = challenge(&Refusal::NoToken, r#"a", error="x\"#);
        assert_eq!(value.unwrap(), r#"Bearer realm="a\", error=\"x\\""#);
    }
}
