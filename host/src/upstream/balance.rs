//! Which target is next, as one worker sees it.
//!
//! Round robin keeps its place for each worker, and `peak-ewma` its estimates, so nothing is shared;
//! `least-requests` looks at what all workers have in flight. Only targets that are willing ([`Grade`]) take part: the
//! search begins with the best grade and goes down until somebody is found.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use super::{
    ewma::Peaks,
    hash::distance,
    stats::Counters,
    target::{Grade, Target},
};
use crate::config::{self, Balance};

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Targets that will not do.
    pub(super) tried: &'a [usize],
    /// Whom the request is for, where targets are chosen by that.
    pub(super) key: Option<u64>,
    /// The target that it goes to as long as that is fit.
    pub(super) favourite: Option<usize>,
    /// Whether a kept connection will do.
    pub(super) kept: bool,
}

/// One worker's view of an upstream's targets.
pub(super) struct Balancer {
    rule: Rule,
    /// The percentage of fit targets below which all are used.
    panic: u32,
    /// Where the next search begins.
    cursor: usize,
    random: Random,
    /// Requests in flight to each target, where somebody has to know.
    load: Option<Arc<[Load]>>,
    /// How fast each target answers, where that counts.
    pub(super) peaks: Option<Peaks>,
    /// Of the weighted turns: how far behind its due each target is.
    due: Box<[i64]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Turns,
    WeightedTurns,
    /// The cheaper one of two, by [`Balancer::cost`].
    Cheaper,
    Hash {
        weighted: bool,
    },
}

/// Requests in flight to one target, of all workers. A line of its own: all of them write to it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Load(AtomicUsize);

impl Load {
    /// One for each target, if the upstream's rule looks at them.
    pub(super) fn of(settings: &config::Upstream) -> Option<Arc<[Self]>> {
        let wanted = settings.balance == Balance::LeastRequests && settings.targets.len() > 1;
        wanted.then(|| settings.targets.iter().map(|_| Self::default()).collect())
    }

    pub(super) fn began(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn ended(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed) as u64
    }
}

impl Balancer {
    /// Workers begin at different targets, or they would all call the first one together.
    pub(super) fn new(
        settings: &config::Upstream,
        worker: usize,
        load: Option<Arc<[Load]>>,
        counters: &Arc<[Counters]>,
    ) -> Self {
        let count = settings.targets.len();
        let weighted = settings.targets.windows(2).any(|pair| pair[0].weight != pair[1].weight);
        let rule = match settings.balance {
            Balance::RoundRobin if weighted => Rule::WeightedTurns,
            Balance::RoundRobin => Rule::Turns,
            Balance::LeastRequests | Balance::PeakEwma { .. } => Rule::Cheaper,
            Balance::Hash(_) => Rule::Hash { weighted },
        };
        Self {
            rule,
            panic: settings.eject.map_or(0, |eject| 100 - eject.most),
            cursor: worker % count.max(1),
            random: Random::new(),
            load,
            peaks: Peaks::of(settings, counters),
            due: vec![0; count].into(),
        }
    }

    /// The next target that is not among those that will not do. Where no target is fit, any will
    /// do: a wrong health check must not turn away everything.
    pub(super) fn pick(&mut self, targets: &[Target], wanted: Wanted<'_>) -> Option<usize> {
        let is_good = |index: &usize| !wanted.tried.contains(index) && targets[*index].is_fit();
        if let Some(favourite) = wanted.favourite.filter(is_good) {
            return Some(favourite);
        }
        if targets.len() < 2 {
            return (targets.len() > wanted.tried.len()).then_some(0);
        }
        // The same for all targets of one search, so that none is both in and out; and for one
        // key, so that it moves once and not to and fro while a target comes back.
        let dice = (wanted.key.unwrap_or_else(|| self.random.next()) >> 56) as u8;
        let best = if self.is_panic(targets) { Grade::Reachable } else { Grade::Ready };
        let grades = [Grade::Ready, Grade::Fit, Grade::Reachable, Grade::Any];
        grades.into_iter().filter(|grade| *grade <= best).find_map(|least| {
            let takes = |index: usize| {
                !wanted.tried.contains(&index) && targets[index].grade(dice) >= least
            };
            self.among(targets, wanted.key, &takes)
        })
    }

    /// Too few are fit: sending all to these would take them down as well.
    fn is_panic(&self, targets: &[Target]) -> bool {
        if self.panic == 0 {
            return false;
        }
        let fit = targets.iter().filter(|target| target.is_fit()).count();
        fit * 100 < targets.len() * self.panic as usize
    }

    fn among(
        &mut self,
        targets: &[Target],
        key: Option<u64>,
        takes: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        match (self.rule, key) {
            (Rule::Turns | Rule::Hash { weighted: false }, None) | (Rule::Turns, Some(_)) => {
                self.in_turn(takes)
            }
            (Rule::WeightedTurns, _) | (Rule::Hash { weighted: true }, None) => {
                self.in_weighted_turn(targets, takes)
            }
            (Rule::Hash { .. }, Some(key)) => nearest(targets, key, takes),
            (Rule::Cheaper, _) => self.cheaper(targets, takes),
        }
    }

    fn in_turn(&mut self, takes: &dyn Fn(usize) -> bool) -> Option<usize> {
        let count = self.due.len();
        let found = (0..count).map(|i| (self.cursor + i) % count).find(|index| takes(*index))?;
        self.cursor = (found + 1) % count;
        Some(found)
    }

    /// Smooth weighted round robin: in each turn everybody's due grows by its weight, and the one
    /// to whom most is due pays for all. So 5:1:1 is a a b a c a a, and not five at once.
    fn in_weighted_turn(
        &mut self,
        targets: &[Target],
        takes: &dyn Fn(usize) -> bool,
    ) -> Option<usize> {
        let (mut found, mut total) = (None, 0);
        for index in (0..targets.len()).filter(|index| takes(*index)) {
            let weight = i64::from(targets[index].weight);
            total += weight;
            self.due[index] += weight;
            if found.is_none_or(|best: usize| self.due[index] > self.due[best]) {
                found = Some(index);
            }
        }
        self.due[found?] -= total;
        found
    }

    /// Two are drawn by weight, and the one that costs less for its weight is taken. Taking the
    /// cheapest of all would send every worker's next requests to the same target.
    fn cheaper(&mut self, targets: &[Target], takes: &dyn Fn(usize) -> bool) -> Option<usize> {
        let first = self.draw(targets, takes)?;
        let others = |index| index != first && takes(index);
        let Some(second) = self.draw(targets, &others) else { return Some(first) };
        let cost = |index: usize| self.cost(index) / f64::from(targets[index].weight);
        Some(if cost(first) <= cost(second) { first } else { second })
    }

    /// Requests in flight, or the time that one more would take.
    fn cost(&self, index: usize) -> f64 {
        let load = self.load.as_ref().map(|load| load[index].get() as f64);
        let time = || self.peaks.as_ref().map(|peaks| peaks.cost(index, Instant::now()));
        load.or_else(time).unwrap_or_default()
    }

    fn draw(&mut self, targets: &[Target], takes: &dyn Fn(usize) -> bool) -> Option<usize> {
        let weight = |index: usize| u64::from(targets[index].weight);
        // A target may go out between the two passes: then the last one that takes it is drawn.
        let total: u64 = (0..targets.len()).filter(|i| takes(*i)).map(weight).sum();
        let mut left = self.random.next().checked_rem(total)?;
        let mut last = None;
        for index in (0..targets.len()).filter(|index| takes(*index)) {
            if left < weight(index) {
                return Some(index);
            }
            left -= weight(index);
            last = Some(index);
        }
        last
    }
}

/// Rendezvous hashing: the key has its own distance to every target, and the nearest one that
/// takes it is chosen. So a target that goes gives away its own keys and no others, and one that
/// comes takes its share from each.
fn nearest(targets: &[Target], key: u64, takes: &dyn Fn(usize) -> bool) -> Option<usize> {
    let distances = targets
        .iter()
        .enumerate()
        .filter(|(index, _)| takes(*index))
        .map(|(index, target)| (index, distance(key, target.id, target.weight)));
    distances.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index)
}

/// xorshift64*, enough to spread by.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish() | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests;
