//! A request without a response, in whichever protocol.

use std::{error::Error as _, fmt};

use hyper::client::conn::TrySendError;

use super::{advice, http1};
use crate::{
    body::{Body, with_sources},
    heads::Request,
};

/// Why there is no response, and what is left of the request.
pub(super) struct Unanswered {
    why: Why,
    /// The request, if the service has seen nothing of it.
    pub(super) unsent: Option<Request<Body>>,
    /// The request, if it can be sent again, and the service may have seen it.
    pub(super) spare: Option<Request<Body>>,
}

enum Why {
    Http1(http1::Error),
    Http2(hyper::Error),
}

impl Unanswered {
    /// The connection went away, as it does when the service had closed it while it was kept.
    pub(super) fn is_lost(&self) -> bool {
        let error = match &self.why {
            Why::Http1(error) => return error.is_lost(),
            Why::Http2(error) => error,
        };
        let source = error.source();
        let h2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
        error.is_canceled()
            || error.is_closed()
            || error.is_incomplete_message()
            || source.is_some_and(|source| source.is::<std::io::Error>())
            || h2.is_some_and(|h2| h2.is_io() || h2.is_go_away())
    }

    /// It was closed without a byte.
    pub(super) fn is_mute(&self) -> bool {
        matches!(self.why, Why::Http1(http1::Error::Closed))
    }

    /// RFC 9113, 8.7: REFUSED_STREAM, and GOAWAY for streams above its last, say that nothing was
    /// done for the request.
    pub(super) fn is_unprocessed(&self) -> bool {
        let Why::Http2(error) = &self.why else { return false };
        h2_of(error).is_some_and(|h2| match h2.reason() {
            Some(h2::Reason::REFUSED_STREAM) => h2.is_remote(),
            Some(h2::Reason::NO_ERROR) => h2.is_go_away() && h2.is_remote(),
            _ => false,
        })
    }
}

fn h2_of(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|source| source.downcast_ref::<h2::Error>())
}

impl From<http1::Unanswered> for Unanswered {
    fn from(http1::Unanswered { why, request, is_unsent }: http1::Unanswered) -> Self {
        let (unsent, spare) = if is_unsent { (request, None) } else { (None, request) };
        Self { why: Why::Http1(why), unsent, spare }
    }
}

impl From<TrySendError<http::Request<Body>>> for Unanswered {
    fn from(mut error: TrySendError<http::Request<Body>>) -> Self {
        let unsent = error.take_message().map(Request::from);
        Self { why: Why::Http2(error.into_error()), unsent, spare: None }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Http1(error) => error.fmt(f),
            Why::Http2(error) => {
                f.write_str(&with_sources(error))?;
                let advice = h2_of(error).and_then(advice::of_http2);
                advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
            }
        }
    }
}
