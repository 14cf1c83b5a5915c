//! What can be wrong with a part: a word for the client, a sentence for the log.

use std::fmt;

use template::Name;

use crate::{json::MAX_DEPTH, pass::Refusal, source::Source};

/// Why a part did not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It took longer than it may.
    Timeout,
    /// Nobody answered.
    Unreachable(String),
    /// The answer broke off, or is not HTTP.
    Protocol(String),
    /// The gateway made no call of it.
    NotSent(String),
    /// The service answered with a status that is no success.
    Refused(Refusal),
    TooLarge,
    NotText,
    NotJson(String),
    TooDeep,
    /// There is nothing where `pick` looks.
    NothingThere(String),
    /// `each` leads to something that is no array.
    NotAnArray(Source),
    /// More calls than `max`.
    TooManyCalls(u32),
    /// More elements than are looked at.
    TooManyElements(usize),
    /// A value that the call needs is absent.
    NoValue(Source),
    /// A value cannot be part of the call.
    BadValue(Source, &'static str),
    /// The result cannot go where `into` says.
    Unfit,
}

/// Whose it is to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    Client,
    Operator,
    Service,
}

impl Fault {
    /// The word that `report` has for it. It says nothing of how the service is built.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::Refused(Refusal { status: 404, .. }) => "not-found",
            Self::Protocol(_) | Self::NotSent(_) | Self::Refused(_) => "error",
            Self::TooLarge => "too-large",
            Self::TooManyCalls(_) | Self::TooManyElements(_) => "too-many",
            Self::NotText
            | Self::NotJson(_)
            | Self::TooDeep
            | Self::NothingThere(_)
            | Self::NotAnArray(_)
            | Self::Unfit => "invalid",
            Self::NoValue(_) | Self::BadValue(..) => "skipped",
        }
    }

    /// The status that the service answered with, if it is no success.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            // Which parameters there are is the route's to say.
            Self::NoValue(Source::Exchange(Name::Param(_))) => Blame::Operator,
            Self::NoValue(source) | Self::BadValue(source, _) => chooser(source),
            _ => Blame::Service,
        }
    }
}

/// Who chose a value.
fn chooser(source: &Source) -> Blame {
    match source {
        Source::Part { .. } | Source::Item(_) => Blame::Service,
        Source::Exchange(Name::Attribute(_) | Name::Claim(_) | Name::Route) => Blame::Operator,
        Source::Exchange(_) => Blame::Client,
    }
}

/// For the log.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::Unreachable(why) => write!(f, "cannot be reached: {why}"),
            Self::Protocol(why) => write!(f, "the answer broke off or is not HTTP: {why}"),
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::Refused(refusal) => write!(f, "status {}", refusal.status),
            Self::TooLarge => f.write_str("larger than `max_bytes` or `limits.body` allows"),
            Self::NotText => f.write_str("the answer is not UTF-8"),
            Self::NotJson(why) => write!(f, "the answer is no JSON: {why}"),
            Self::TooDeep => write!(f, "the answer is nested deeper than {MAX_DEPTH}"),
            Self::NothingThere(path) => write!(f, "the answer has nothing at `{path}`"),
            Self::NotAnArray(source) => write!(f, "`{{{source}}}` is no array"),
            Self::TooManyCalls(max) => write!(f, "more than {max} calls (`max`)"),
            Self::TooManyElements(cap) => write!(f, "more than {cap} elements to call for"),
            Self::NoValue(source) => write!(f, "{source} has no value"),
            Self::BadValue(source, why) => write!(f, "the value of {source} {why}"),
            Self::Unfit => f.write_str("the result cannot go where `into` says: no object there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_theirs_who_chose_it() {
        let query = Source::Exchange(Name::RequestQueryValue("id".into()));
        assert_eq!(Fault::NoValue(query.clone()).blame(), Blame::Client);
        assert_eq!(Fault::NoValue(query).to_string(), "query parameter `id` has no value");
        let param = Source::Exchange(Name::Param("id".into()));
        assert_eq!(Fault::BadValue(param.clone(), "is empty").blame(), Blame::Client);
        assert_eq!(Fault::NoValue(param).blame(), Blame::Operator);
        let claim = Source::Exchange(Name::Claim(vec!["sub".into()]));
        assert_eq!(Fault::NoValue(claim).blame(), Blame::Operator);
        assert_eq!(Fault::NoValue(Source::Item(vec!["id".into()])).blame(), Blame::Service);
        assert_eq!(Fault::Timeout.blame(), Blame::Service);
    }
}
