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
use tracing::debug;

use super::{
    Upstream,
    attempt::Attempt,
    balance::Wanted,
    download,
    outcome::{Answered, Failed},
    pool::Slot,
    retry::Retry,
};
use crate::config::Hedge;

/// Where the attempts for one request are at work, by their numbers: the indices of their targets.
type Places = Arc<[AtomicUsize]>;

/// Where one of them is.
pub(super) struct Place {
    all: Places,
    number: usize,
}

/// What stands for no target.
const NOWHERE: usize = usize::MAX;

impl Place {
    fn of(all: &Places, number: u32) -> Self {
        Self { all: all.clone(), number: number as usize }
    }

    /// It is at this target from now on.
    pub(super) fn take(&self, target: usize) {
        self.all[self.number].store(target, Relaxed);
    }

    /// Targets of the other attempts, the last ones of those that have ended.
    pub(super) fn others(&self) -> impl Iterator<Item = usize> {
        let others = self.all.iter().enumerate().filter(|(number, _)| *number != self.number);
        others.map(|(_, place)| place.load(Relaxed)).filter(|target| *target != NOWHERE)
    }
}

impl Upstream {
    /// One attempt, and others beside it if it is slow. `attempt` becomes that of the outcome.
    /// `retry` is lent alone, for a body can go to another thread and not be seen by two.
    pub(super) async fn hedged<'a>(
        &self,
        slot: &Arc<Slot>,
        attempt: &mut Attempt<'a>,
        retry: &mut Retry<'_>,
        hedge: Hedge,
        deadline: Instant,
    ) -> Result<Answered, Failed> {
        let run = |number: u32, mut attempt: Attempt<'a>| async move {
            let until = self.until(deadline, None);
            let outcome = self.attempt(slot, &mut attempt, None, until).await;
            (number, outcome, attempt)
        };
        let begun = attempt.beside();
        let mut first = std::mem::replace(attempt, begun);
        let places: Places = (0..=hedge.most).map(|_| AtomicUsize::new(NOWHERE)).collect();
        first.place = Some(Place::of(&places, 0));
        let (mut tries, mut sent) = (FuturesUnordered::new(), 0);
        tries.push(run(sent, first));
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
                    let place = Place::of(&places, sent);
                    let Some(mut other) = self.other(attempt, place) else { continue };
                    other.request = retry.once_more();
                    if other.request.is_none() {
                        continue;
                    }
                    self.reserve(slot, &mut other);
                    debug!(upstream = %self.settings.name, "sending it to another target as well");
                    tries.push(run(sent, other));
                }
            }
        }
    }

    /// An attempt at a target that is fit and has not got the request, if there is one.
    fn other<'a>(&self, ended: &Attempt<'a>, place: Place) -> Option<Attempt<'a>> {
        let mut other = ended.beside();
        (other.place, other.is_hedge) = (Some(place), true);
        other.avoid_others();
        let is_good = |index: usize| !other.tried.contains(&index) && self.targets[index].is_fit();
        (0..self.targets.len()).any(is_good).then_some(other)
    }

    /// Chooses its target at once: one that moves on before it begins must not go there too.
    fn reserve(&self, slot: &Slot, other: &mut Attempt<'_>) {
        let wanted = Wanted { kept: false, ..other.wanted() };
        other.favourite = slot.pick(&self.targets, wanted).map(|(index, _)| index);
        if let (Some(place), Some(index)) = (&other.place, other.favourite) {
            place.take(index);
        }
    }

    /// An outcome that another attempt may better.
    async fn put_away(
        &self,
        outcome: Result<Answered, Failed>,
        attempt: &mut Attempt<'_>,
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
