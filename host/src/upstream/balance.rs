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
mod tests {
    use std::{sync::atomic::Ordering::Relaxed, time::Duration};

    use super::*;
    use crate::{config::HashKey, upstream::tests::settings};

    struct Room {
        balancer: Balancer,
        counters: Arc<[Counters]>,
        targets: Vec<Target>,
    }

    fn room(balance: Balance, weights: &[u32]) -> Room {
        let address = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let addresses: Vec<_> = (1..).take(weights.len()).map(address).collect();
        let mut settings = config::Upstream { balance, ..settings(&addresses) };
        settings.targets.iter_mut().zip(weights).for_each(|(t, weight)| t.weight = *weight);
        let targets = settings.targets.iter().map(|target| Target::new(target, None));
        let counters: Arc<[_]> = weights.iter().map(|_| Counters::default()).collect();
        Room {
            targets: targets.collect::<Result<_, _>>().unwrap(),
            balancer: Balancer::new(&settings, 0, Load::of(&settings), &counters),
            counters,
        }
    }

    fn by_hash(weights: &[u32]) -> Room {
        room(Balance::Hash(HashKey::Client), weights)
    }

    impl Room {
        fn pick(&mut self, tried: &[usize], key: Option<u64>) -> Option<usize> {
            self.balancer.pick(&self.targets, self.wanted(tried, key, None))
        }

        fn wanted<'a>(
            &self,
            tried: &'a [usize],
            key: Option<u64>,
            favourite: Option<usize>,
        ) -> Wanted<'a> {
            Wanted { tried, key, favourite, kept: true }
        }

        fn answer(&mut self, index: usize, milliseconds: u64) {
            let took = Duration::from_millis(milliseconds);
            self.balancer.peaks.as_mut().unwrap().answered(index, took, Instant::now());
        }

        fn picks(&mut self, count: usize) -> Vec<usize> {
            (0..count).map(|_| self.pick(&[], None).unwrap()).collect()
        }

        fn set_healthy(&self, index: usize, healthy: bool) {
            self.targets[index].healthy.store(healthy, Relaxed);
        }
    }

    #[test]
    fn turns_by_weight_are_smooth() {
        assert_eq!(room(Balance::RoundRobin, &[1, 1, 1]).picks(4), [0, 1, 2, 0]);
        assert_eq!(room(Balance::RoundRobin, &[2, 2]).picks(4), [0, 1, 0, 1]);
        assert_eq!(room(Balance::RoundRobin, &[5, 1, 1]).picks(7), [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn who_is_out_gets_nothing_and_weights_hold_among_the_rest() {
        let mut room = room(Balance::RoundRobin, &[2, 1, 1]);
        room.set_healthy(1, false);
        let picks = room.picks(30);
        let count = |index| picks.iter().filter(|pick| **pick == index).count();
        assert_eq!((count(0), count(1), count(2)), (20, 0, 10));
        assert_eq!(room.pick(&[0], None), Some(2));
        assert_eq!(room.pick(&[0, 2], None), Some(1), "rather than nobody");
        assert_eq!(room.pick(&[0, 1, 2], None), None);
    }

    #[test]
    fn one_target_is_always_it() {
        for balance in [Balance::RoundRobin, Balance::LeastRequests] {
            let mut room = room(balance, &[1]);
            room.set_healthy(0, false);
            assert_eq!((room.pick(&[], None), room.pick(&[0], None)), (Some(0), None));
        }
    }

    #[test]
    fn the_busy_one_gets_less() {
        let mut room = room(Balance::LeastRequests, &[1, 1]);
        let load = room.balancer.load.clone().unwrap();
        load[0].began();
        // Of two, both are drawn.
        assert_eq!(room.picks(20), [1; 20]);
        load[0].ended();
        let picks = room.picks(200);
        assert!(picks.contains(&0) && picks.contains(&1), "with nothing to do it is chance");
    }

    #[test]
    fn the_load_is_seen_against_the_weight() {
        let mut room = room(Balance::LeastRequests, &[1, 3]);
        let load = room.balancer.load.clone().unwrap();
        load[0].began();
        (0..2).for_each(|_| load[1].began());
        assert_eq!(room.picks(20), [1; 20]);
        (0..2).for_each(|_| load[1].began());
        assert_eq!(room.picks(20), [0; 20]);
    }

    #[test]
    fn chance_follows_the_weights() {
        let mut room = room(Balance::LeastRequests, &[1, 3]);
        let light = room.picks(4000).into_iter().filter(|pick| *pick == 0).count();
        assert!((800..1200).contains(&light), "{light}");
    }

    /// Estimates that do not change while a test runs, however slow the machine is.
    const PEAK_EWMA: Balance = Balance::PeakEwma { decay: Duration::from_secs(100_000) };

    #[test]
    fn the_slow_one_gets_less() {
        let mut room = room(PEAK_EWMA, &[1, 1]);
        room.answer(0, 500);
        room.answer(1, 100);
        assert_eq!(room.picks(20), [1; 20]);
        // With five more to do, the fast one would take as long.
        (0..5).for_each(|_| room.counters[1].request_began());
        assert_eq!(room.picks(20), [0; 20]);
    }

    #[test]
    fn speed_is_seen_against_the_weight() {
        let mut room = room(PEAK_EWMA, &[1, 3]);
        room.answer(0, 100);
        room.answer(1, 200);
        assert_eq!(room.picks(20), [1; 20]);
        room.answer(1, 400);
        assert_eq!(room.picks(20), [0; 20]);
    }

    #[test]
    fn a_new_one_is_asked_and_not_run_over() {
        let mut room = room(PEAK_EWMA, &[1, 1]);
        room.answer(0, 100);
        assert_eq!(room.picks(1), [1], "nobody knows how fast it is");
        room.counters[1].request_began();
        assert_eq!(room.picks(20), [0; 20], "one will tell");
    }

    #[test]
    fn a_favourite_is_followed_while_it_is_fit() {
        let mut room = room(Balance::RoundRobin, &[1, 1, 1]);
        let favourite = |room: &mut Room, tried: &[usize]| {
            let wanted = room.wanted(tried, None, Some(2));
            room.balancer.pick(&room.targets, wanted)
        };
        assert_eq!([(); 3].map(|()| favourite(&mut room, &[])), [Some(2); 3]);
        assert_eq!(favourite(&mut room, &[2]), Some(0), "it was tried");
        room.set_healthy(2, false);
        assert_eq!(favourite(&mut room, &[]), Some(1));
    }

    #[test]
    fn a_key_stays_where_it_is() {
        let mut room = by_hash(&[1, 1, 1, 1]);
        let before: Vec<_> = (0..1000).map(|key| room.pick(&[], Some(key)).unwrap()).collect();
        let again: Vec<_> = (0..1000).map(|key| room.pick(&[], Some(key)).unwrap()).collect();
        assert_eq!(before, again);
        room.set_healthy(2, false);
        for (key, before) in before.iter().enumerate() {
            let now = room.pick(&[], Some(key as u64)).unwrap();
            assert!(if *before == 2 { now != 2 } else { now == *before }, "{key}");
        }
        room.set_healthy(2, true);
        let after: Vec<_> = (0..1000).map(|key| room.pick(&[], Some(key)).unwrap()).collect();
        assert_eq!(before, after);
    }

    #[test]
    fn keys_spread_by_weight() {
        let mut room = by_hash(&[1, 3]);
        let light = (0..4000).filter(|key| room.pick(&[], Some(*key)) == Some(0)).count();
        assert!((850..1150).contains(&light), "{light}");
    }

    #[test]
    fn without_a_key_they_take_turns() {
        assert_eq!(by_hash(&[1, 1]).picks(4), [0, 1, 0, 1]);
        assert_eq!(by_hash(&[2, 1]).picks(3), [0, 1, 0]);
    }
}
