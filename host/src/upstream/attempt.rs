//! What has been tried for one request, and whether to try once more without being asked to.

use http::Request;
use hyper::client::conn::TrySendError;

use super::{
    UpstreamError,
    balance::Wanted,
    hedge::Place,
    send::{Failed, protocol},
    target::Target,
};
use crate::{body::Body, config::RetryOn};

/// What has been tried for one request.
pub(super) struct Attempt {
    /// Whom it is for.
    pub(super) key: Option<u64>,
    /// The target of the client's session.
    pub(super) favourite: Option<usize>,
    /// Where it is at work, if somebody wants to know.
    pub(super) place: Option<Place>,
    /// Targets that took no connection, or failed before.
    pub(super) tried: Vec<usize>,
    /// Whether a kept connection will do.
    kept: bool,
    /// Why the last target did not do.
    pub(super) last: Option<Failed>,
    /// The request, if nothing of it was sent.
    pub(super) unsent: Option<Request<Body>>,
}

/// What was sent, and to where.
pub(super) struct Sent<'a> {
    pub(super) index: usize,
    pub(super) target: &'a Target,
    /// On a connection that had been used before.
    pub(super) kept: bool,
    pub(super) spare: Option<Request<Body>>,
}

impl Attempt {
    pub(super) fn new(key: Option<u64>, tried: Vec<usize>) -> Self {
        let (favourite, place, last, unsent) = (None, None, None, None);
        Self { key, favourite, place, tried, kept: true, last, unsent }
    }

    /// Says from now on where it is at work.
    pub(super) fn watched(&mut self) -> Place {
        self.place.get_or_insert_with(Place::default).clone()
    }

    /// Takes over what another one has found out.
    pub(super) fn follow(&mut self, other: Self) {
        other.tried.into_iter().for_each(|index| self.exclude(index));
        (self.last, self.unsent) = (other.last, other.unsent);
    }

    pub(super) fn exclude(&mut self, index: usize) {
        if !self.tried.contains(&index) {
            self.tried.push(index);
        }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted { tried: &self.tried, key: self.key, favourite: self.favourite, kept: self.kept }
    }

    /// After a failure at a target: another one, if there is one that has not failed yet.
    pub(super) fn begin_anew(&mut self, failed: Option<usize>, targets: usize) {
        failed.into_iter().for_each(|index| self.exclude(index));
        if self.tried.len() >= targets {
            self.tried.clear();
        }
        self.kept = true;
        self.last = None;
    }

    /// The request to send once more, or why not.
    pub(super) fn again(
        &mut self,
        mut error: TrySendError<Request<Body>>,
        sent: Sent<'_>,
    ) -> Result<Request<Body>, UpstreamError> {
        let unsent = error.take_message();
        let error = error.into_error();
        let why = protocol(sent.target, &error);
        if sent.kept && !self.kept {
            // Once is enough: this one was shared by others meanwhile.
            return Err(why);
        }
        let spare = sent.spare.filter(|spare| {
            is_unprocessed(&error) || (spare.method().is_idempotent() && is_lost(&error))
        });
        let Some(again) = unsent.or(spare) else { return Err(why) };
        if !sent.kept {
            // A new connection that closes before the request is written: the target is no good.
            self.tried.push(sent.index);
            self.last = Some(Failed::of(sent.index, why, RetryOn::Reset));
        }
        self.kept = false;
        Ok(again)
    }
}

/// The connection went away, as it does when the service had closed it while it was kept.
fn is_lost(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    let source = error.source();
    let h2 = source.and_then(|source| source.downcast_ref::<h2::Error>());
    error.is_canceled()
        || error.is_closed()
        || error.is_incomplete_message()
        || source.is_some_and(|source| source.is::<std::io::Error>())
        || h2.is_some_and(|h2| h2.is_io() || h2.is_go_away())
}

/// RFC 9113, 8.7: REFUSED_STREAM, and GOAWAY for streams above its last, say that nothing was
/// done for the request.
fn is_unprocessed(error: &hyper::Error) -> bool {
    use std::error::Error as _;
    let h2 = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    h2.is_some_and(|h2| match h2.reason() {
        Some(h2::Reason::REFUSED_STREAM) => h2.is_remote(),
        Some(h2::Reason::NO_ERROR) => h2.is_go_away() && h2.is_remote(),
        _ => false,
    })
}
