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
    let targets = settings.targets.iter().map(|target| Target::new(target, &settings));
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
