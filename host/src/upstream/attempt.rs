//! What has been tried for one request, and whether to try once more without being asked to.

use super::{
    UpstreamError,
    balance::Wanted,
    hedge::Place,
    outcome::{Failed, protocol},
    request::HostOf,
    target::Target,
    unanswered::Unanswered,
};
use crate::{
    body::Body,
    config::RetryOn,
    heads::Request,
    message::Asked,
    traces::{Calls, Span},
};

/// What has been tried for one request.
pub(super) struct Attempt<'a> {
    /// Whom it is for.
    pub(super) key: Option<u64>,
    /// Whose Host it carries.
    pub(super) host: HostOf,
    /// The target of the client's session, or the one that was chosen before it began.
    pub(super) favourite: Option<usize>,
    /// Where it is noted.
    pub(super) asked: Option<&'a Asked>,
    /// Makes spans of it and those beside it; none where nobody traces the request.
    pub(super) calls: Option<&'a Calls>,
    /// Its own, while it is at a target.
    pub(super) span: Option<Box<Span>>,
    /// It goes beside another one that is slow.
    pub(super) is_hedge: bool,
    /// Where it is at work, if there are others beside it.
    pub(super) place: Option<Place>,
    /// Targets that took no connection, or failed before, or that others are at.
    pub(super) tried: Vec<usize>,
    /// Whether a kept connection will do.
    kept: bool,
    /// Why the last target did not do.
    pub(super) last: Option<Failed>,
    /// What is to be sent next: the request, or a copy of it; none while it is under way.
    pub(super) request: Option<Request<Body>>,
}

/// What was sent, and to where.
pub(super) struct Sent<'a> {
    pub(super) index: usize,
    pub(super) target: &'a Target,
    /// On a connection that had been used before.
    pub(super) kept: bool,
    /// A copy, where the connection does not give back what it was given.
    pub(super) spare: Option<Box<Request<Body>>>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(key: Option<u64>, host: HostOf, tried: Vec<usize>) -> Self {
        Self {
            key,
            host,
            favourite: None,
            asked: None,
            calls: None,
            span: None,
            is_hedge: false,
            place: None,
            tried,
            kept: true,
            last: None,
            request: None,
        }
    }

    /// Another one for the same request.
    pub(super) fn beside(&self) -> Self {
        let (asked, calls) = (self.asked, self.calls);
        Self { asked, calls, ..Self::new(self.key, self.host, self.tried.clone()) }
    }

    /// It is at this target from now on.
    pub(super) fn begin_at(&self, target: usize) {
        if let Some(asked) = self.asked {
            asked.begin(target);
        }
        if let Some(place) = &self.place {
            place.take(target);
        }
    }

    /// Leaves the targets of the attempts beside it to them.
    pub(super) fn avoid_others(&mut self) {
        let Some(place) = self.place.take() else { return };
        place.others().for_each(|index| self.exclude(index));
        self.place = Some(place);
    }

    /// Takes over what another one has found out.
    pub(super) fn follow(&mut self, other: Self) {
        other.tried.into_iter().for_each(|index| self.exclude(index));
        (self.last, self.request) = (other.last, other.request);
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

    /// Takes the request back to send it once more, or says why not.
    pub(super) fn again(
        &mut self,
        mut unanswered: Unanswered,
        sent: Sent<'_>,
    ) -> Result<(), UpstreamError> {
        let why = protocol(sent.target, &unanswered, sent.kept);
        self.fail_span(&why);
        if sent.kept && !self.kept {
            // Once is enough: this one was shared by others meanwhile.
            return Err(why);
        }
        let spare =
            sent.spare.map(|spare| *spare).or_else(|| unanswered.spare.take()).filter(|spare| {
                let is_lost = || spare.head.method.is_idempotent() && unanswered.is_lost();
                sent.kept && (unanswered.is_unprocessed() || is_lost())
            });
        let Some(again) = unanswered.unsent.or(spare) else { return Err(why) };
        if !sent.kept {
            // A new connection that closes before the request is written: the target is no good.
            self.tried.push(sent.index);
            self.last = Some(Failed::of(sent.index, why, RetryOn::Reset));
        }
        (self.kept, self.request) = (false, Some(again));
        Ok(())
    }
}
