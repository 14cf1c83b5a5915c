//! What a bucket is to several gateways: each counts for itself, and what it took is added to what
//! all took.
//!
//! Clocks differ from one machine to the next, so what passes between them says how much and for
//! how long, never when. Whoever reads it counts from the moment at which it came: a little late,
//! so that a bucket is never thought fuller than it is.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use super::{
    bucket::{Level, State},
    clock::nanos,
    gcra,
    ledger::Charge,
    limiter::Limiter,
    shards::Shard,
    window::Count,
};
use crate::stores::{Algorithm, Allowance, Bucket};

/// How a bucket stands, seen from now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// What is owed, in microseconds (GCRA), or used (a window).
    pub(super) level: f64,
    /// Until the window ends.
    pub(super) left: Duration,
}

/// What there is to tell of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    pub(super) bucket: Bucket,
    /// What was taken and has not come back meanwhile, as a level.
    pub(super) cost: f64,
    /// How the bucket stands without it, as far as this gateway knows: for a store that has lost it.
    pub(super) seen: Standing,
}

impl Standing {
    /// Of a bucket from which nobody has taken.
    const FULL: Self = Self { level: 0.0, left: Duration::ZERO };

    fn of(now: u64, state: Option<&State>) -> Self {
        match state {
            Some(State::Gcra(full_at)) => Self { level: gcra::debt(now, *full_at), ..Self::FULL },
            Some(State::Window { count, ends }) if *ends > now => {
                Self { level: count.used as f64, left: Duration::from_nanos(ends - now) }
            }
            Some(State::Window { .. }) | None => Self::FULL,
        }
    }

    /// What is to be remembered of it, if anything. `owed` has been taken since.
    fn state(self, now: u64, bucket: &Bucket, owed: u64) -> Option<State> {
        let level = self.level + level(bucket, owed);
        if level <= 0.0 {
            return None;
        }
        Some(match bucket.algorithm {
            Algorithm::Gcra => State::Gcra(gcra::full_at(now, level)),
            Algorithm::FixedWindow => {
                // A server whose clock was set back would have it last longer than it may.
                let left =
                    if self.level > 0.0 { self.left.min(bucket.window) } else { bucket.window };
                let ends = now.saturating_add(nanos(left));
                let began = ends.saturating_sub(nanos(bucket.window));
                State::Window { count: Count { began, used: level as u64 }, ends }
            }
        })
    }
}

/// What a cost adds to the level of a bucket.
pub(super) fn level(bucket: &Bucket, cost: u64) -> f64 {
    match bucket.algorithm {
        Algorithm::Gcra => gcra::price(bucket, cost),
        Algorithm::FixedWindow => cost as f64,
    }
}

impl Due {
    /// Of a charge: what was taken long ago has come back by now, or its window is over.
    fn of_charge(now: u64, charge: &Charge, state: Option<&State>) -> Self {
        let standing = Standing::of(now, state);
        let cost = standing.level.min(level(&charge.bucket, charge.cost));
        let seen = Standing { level: standing.level - cost, ..standing };
        Self { bucket: charge.bucket.clone(), cost, seen }
    }

    /// Of a bucket from which nothing was taken that others do not know of.
    fn of_state(now: u64, id: &str, state: &State) -> Self {
        let (algorithm, window) = match state {
            State::Gcra(_) => (Algorithm::Gcra, Duration::from_micros(1)),
            State::Window { count, ends } => {
                (Algorithm::FixedWindow, Duration::from_nanos(ends - count.began))
            }
        };
        // Its limits are not known any more, nor are they needed.
        let bucket = Bucket { id: id.to_owned(), algorithm, limit: 1, window, burst: 1 };
        Self { bucket, cost: 0.0, seen: Standing::of(now, Some(state)) }
    }
}

impl Limiter {
    /// Takes out all that others do not know of, and adds how many buckets that are.
    pub(super) fn due(&self, under_way: &AtomicUsize) -> Vec<(Charge, Due)> {
        let mut due = Vec::new();
        for mut shard in self.shards.each() {
            let now = self.clock.now();
            under_way.fetch_add(shard.pending(), SeqCst);
            for charge in shard.charges() {
                let what = Due::of_charge(now, &charge, shard.get(&charge.bucket.id));
                if what.cost > 0.0 {
                    due.push((charge, what));
                }
            }
        }
        due
    }

    /// For what did not reach the others: it is told again.
    pub(super) fn still_due(&self, charge: &Charge) {
        self.shards.lock_one(&charge.bucket.id).owe(&charge.bucket, charge.cost);
    }

    /// What is known of the buckets of each shard, without what is due: for a store that may have
    /// lost it.
    pub(super) fn known(&self) -> impl Iterator<Item = Vec<Due>> {
        self.shards.each().map(|shard| {
            let now = self.clock.now();
            shard.iter().map(|(id, state)| Self::known_of(now, &shard, id, state)).collect()
        })
    }

    fn known_of(now: u64, shard: &Shard, id: &str, state: &State) -> Due {
        match shard.charge(id) {
            Some(charge) => Due { cost: 0.0, ..Due::of_charge(now, &charge, Some(state)) },
            None => Due::of_state(now, id, state),
        }
    }

    /// How many buckets have something to be told.
    pub(super) fn pending(&self) -> usize {
        self.shards.each().map(|shard| shard.pending()).sum()
    }

    /// How a bucket stands, as far as is known here, without what is due: that is told apart.
    pub(super) fn seen(&self, bucket: &Bucket) -> Standing {
        let shard = self.shards.lock_one(&bucket.id);
        let state = shard.get(&bucket.id).filter(|state| state.is_of(bucket));
        let standing = Standing::of(self.clock.now(), state);
        let due = level(bucket, shard.owed(bucket));
        Standing { level: (standing.level - due).max(0.0), ..standing }
    }

    /// Takes over how a bucket stands among all, beside what was taken here since.
    pub(super) fn settle(&self, bucket: &Bucket, standing: Standing) {
        let mut shard = self.shards.lock_one(&bucket.id);
        if shard.owes_otherwise(bucket) {
            return; // It counts in another way by now.
        }
        let now = self.clock.now();
        if let Some(state) = standing.state(now, bucket, shard.owed(bucket)) {
            shard.put(&bucket.id, state, now);
        }
    }

    /// Takes over what the answer to a single take says of a bucket. Another worker's may have
    /// overtaken it on its way, and then it is not believed: what is known here is all there is
    /// when the others are gone.
    pub(super) fn hear(&self, bucket: &Bucket, standing: Standing) {
        let mut shard = self.shards.lock_one(&bucket.id);
        if shard.owes_otherwise(bucket) {
            return; // It counts in another way by now.
        }
        let now = self.clock.now();
        let Some(told) = standing.state(now, bucket, shard.owed(bucket)) else { return };
        let known = shard.get(&bucket.id).filter(|known| known.expires() > now);
        let state = known.map_or(told, |known| told.or_later(known, bucket));
        shard.put(&bucket.id, state, now);
    }

    /// What to say of a bucket for which the others have decided.
    pub(super) fn allowance(
        &self,
        bucket: &Bucket,
        standing: Standing,
        cost: u64,
        allowed: bool,
    ) -> Allowance {
        let now = self.clock.now();
        Level::at(now, bucket, standing.state(now, bucket, 0).as_ref()).allowance(cost, allowed)
    }
}

#[cfg(test)]
mod tests;
