//! Hedging: a request that is not answered soon goes to another target as well, and whoever
//! answers first is heard. It cuts off the longest waits for a few more requests ("The Tail at
//! Scale", Dean and Barroso, 2013).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::Request;
use tracing::debug;

use super::{
    Upstream,
    attempt::Attempt,
    download,
    pool::Slot,
    retry::Retry,
    send::{Answered, Failed},
};
use crate::{body::Body, config::Hedge};

/// Where an attempt is at work: the index of its target.
pub(super) type Place = Arc<AtomicUsize>;

impl Upstream {
    /// One attempt, and others beside it if it is slow. `attempt` becomes that of the outcome.
    /// `retry` is lent alone, for a body can go to another thread and not be seen by two.
    pub(super) async fn hedged(
        &self,
        slot: &Arc<Slot>,
        request: Request<Body>,
        attempt: &mut Attempt,
        retry: &mut Retry<'_>,
        hedge: Hedge,
        deadline: Instant,
    ) -> Result<Answered, Failed> {
        let run = |number: u32, request, mut attempt: Attempt| async move {
            let until = self.until(deadline, None);
            let outcome = self.attempt(slot, request, &mut attempt, None, until).await;
            (number, outcome, attempt)
        };
        let begun = Attempt::new(attempt.key, attempt.tried.clone());
        let mut first = std::mem::replace(attempt, begun);
        let mut places = vec![first.watched()];
        let (mut tries, mut sent) = (FuturesUnordered::new(), 0);
        tries.push(run(sent, request, first));
        let mut next = Instant::now() + hedge.after;
        loop {
            tokio::select! {
                // Dropping the others cancels them.
                biased;
                Some((number, outcome, ended)) = tries.next() => {
                    attempt.follow(ended);
                    let is_poor = retry.is_poor(&outcome);
                    if number > 0 && !is_poor {
                        self.budget.hedge_won();
                    }
                    if tries.is_empty() || !is_poor {
                        return outcome;
                    }
                    self.put_away(outcome, attempt, deadline).await;
                }
                () = tokio::time::sleep_until(next.into()), if sent < hedge.most => {
                    next += hedge.after;
                    sent += 1;
                    let Some(mut other) = self.other(attempt, &places) else { continue };
                    let Some(again) = retry.once_more() else { continue };
                    debug!(upstream = %self.settings.name, "sending it to another target as well");
                    places.push(other.watched());
                    tries.push(run(sent, again, other));
                }
            }
        }
    }

    /// An attempt at a target that is fit and has not got the request, if there is one.
    fn other(&self, ended: &Attempt, places: &[Place]) -> Option<Attempt> {
        let mut tried = ended.tried.clone();
        tried.extend(places.iter().map(|place| place.load(Relaxed)));
        let is_good = |index: usize| !tried.contains(&index) && self.targets[index].is_fit();
        let is_there = (0..self.targets.len()).any(is_good);
        is_there.then(|| Attempt::new(ended.key, tried))
    }

    /// An outcome that another attempt may better.
    async fn put_away(
        &self,
        outcome: Result<Answered, Failed>,
        attempt: &mut Attempt,
        deadline: Instant,
    ) {
        let index = match outcome {
            Ok(Answered { head, lease, index }) => {
                let idle_timeout = self.settings.idle_timeout;
                drop(download::receive(head, lease, idle_timeout, deadline).await);
                Some(index)
            }
            Err(failed) => failed.target,
        };
        index.into_iter().for_each(|index| attempt.exclude(index));
    }
}
