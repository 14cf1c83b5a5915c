//! Why a round trip gave no answer.

use std::{fmt, time::Duration};

use redis::{ErrorKind, RedisError};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no connection, and nothing was sent.
    Down,
    /// Nothing came within this time.
    Timeout(Duration),
    /// The connection broke, or there was none to be had.
    Broken(String),
    /// The server understood, and said no: nothing was done.
    Refused(String),
}

impl Failure {
    /// The label in metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Timeout(_) => "timeout",
            Self::Broken(_) => "broken",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether the server does not know a script by its name.
    pub(super) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Refused(why) if why.starts_with("NOSCRIPT"))
    }

    /// Whether what was asked has certainly not been done.
    pub(super) fn is_without_effect(&self) -> bool {
        matches!(self, Self::Down | Self::Refused(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("there is no connection to it"),
            Self::Timeout(time) => write!(f, "no answer within {time:?}"),
            Self::Broken(why) | Self::Refused(why) => f.write_str(why),
        }
    }
}

/// What the client library reports. It never quotes what was sent.
pub(super) fn of_redis(error: RedisError) -> Failure {
    const LOOK: &str = "(look at `password` and the user in `url` of [store])";
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Failure::Refused(format!("it does not take this user and password {LOOK}"));
    }
    let detail = error.detail().unwrap_or_default();
    match error.code() {
        None => Failure::Broken(error.to_string()),
        Some(code @ ("NOAUTH" | "NOPERM" | "WRONGPASS")) => {
            Failure::Refused(format!("{code} {detail} {LOOK}"))
        }
        Some(code) => Failure::Refused(format!("{code} {detail}")),
    }
}
