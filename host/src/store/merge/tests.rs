use std::{collections::VecDeque, sync::Arc};

use super::{super::clock::manual::Manual, *};
use crate::stores::Algorithm::{self, FixedWindow, Gcra};

const MICROSECOND: Duration = Duration::from_micros(1);
const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn bucket(algorithm: Algorithm, limit: u64, window: Duration) -> Bucket {
    Bucket { id: "a".into(), algorithm, limit, window, burst: limit }
}

/// Gateways' clocks do not begin together.
fn limiter(age: Duration) -> (Limiter, Arc<Manual>) {
    let clock = Manual::new();
    clock.advance(30 * DAY + age);
    (Limiter::shared(clock.clone()), clock)
}

fn gcra_level(bucket: &Bucket, cost: u64) -> Standing {
    Standing { level: level(bucket, cost), left: Duration::ZERO }
}

/// xorshift64: the same walk every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// One bucket, as `take.lua` adds to it.
#[derive(Default)]
struct Server {
    now: Duration,
    level: f64,
    moment: Duration,
}

impl Server {
    fn add(&mut self, due: &Due) -> Standing {
        let bucket = &due.bucket;
        let passed = self.now - self.moment;
        if bucket.algorithm == Gcra {
            self.level = (self.level - passed.as_secs_f64() * 1e6).max(0.0) + due.cost;
            self.moment = self.now;
            return Standing { level: self.level, left: Duration::ZERO };
        }
        if self.level == 0.0 && due.seen.level > 0.0 {
            self.level = due.seen.level;
            self.moment = self.now + due.seen.left - bucket.window;
        }
        if self.level == 0.0 || self.now >= self.moment + bucket.window {
            (self.level, self.moment) = (0.0, self.now);
        }
        self.level += due.cost;
        Standing { level: self.level, left: self.moment + bucket.window - self.now }
    }
}

#[test]
fn a_standing_says_at_another_clock_what_the_state_says_here() {
    let mut random = Random(7);
    for _ in 0..10_000 {
        let algorithm = if random.below(2) == 0 { Gcra } else { FixedWindow };
        let bucket = bucket(algorithm, 1 + random.below(1_000_000), DAY / 24);
        let (here, there) = (DAY.as_nanos() as u64 * 9, DAY.as_nanos() as u64 * 400);
        let used = 1 + random.below(bucket.limit);
        let began = here - random.below(nanos(bucket.window));
        let state = match algorithm {
            Gcra => State::Gcra(gcra::full_at(here, gcra::price(&bucket, used))),
            FixedWindow => {
                State::Window { count: Count { began, used }, ends: began + nanos(bucket.window) }
            }
        };
        let moved = Standing::of(here, Some(&state)).state(there, &bucket, 0).unwrap();
        let at = |now, state| Level::at(now, &bucket, Some(&state)).allowance(1, true);
        let (before, after) = (at(here, state), at(there, moved));
        assert_eq!(before.remaining, after.remaining, "{bucket:?} {state:?}");
        // A billionth, of an hour.
        assert!(before.reset.abs_diff(after.reset) < 10 * MICROSECOND, "{bucket:?}");
    }
}

#[test]
fn the_last_unit_of_a_burst_survives_the_way() {
    for limit in [3, 7, 999, 1_000_003, 300_000_000] {
        let bucket = bucket(Gcra, limit, DAY);
        let (limiter, _) = limiter(Duration::ZERO);
        limiter.settle(&bucket, gcra_level(&bucket, limit - 1));
        let take = || limiter.take(std::slice::from_ref(&bucket), 1).unwrap()[0];
        assert_eq!((take().allowed, take().allowed), (true, false), "limit {limit}");
    }
}

#[test]
fn whatever_the_order_of_rounds_nothing_is_lost_and_nothing_counts_twice() {
    let mut random = Random(42);
    for round in 0..200 {
        let algorithm = if round % 2 == 0 { Gcra } else { FixedWindow };
        let bucket = bucket(algorithm, 1_000_000, DAY);
        let gateways: Vec<_> = (0..4).map(|n| limiter(n * DAY).0).collect();
        let (mut server, mut taken) = (Server { now: DAY, ..Server::default() }, 0);
        for _ in 0..random.below(200) {
            let gateway = &gateways[random.below(4) as usize];
            match random.below(4) {
                0 => {
                    let due = due(gateway);
                    // It was on its way while more was taken, or it came back as it went.
                    if random.below(5) == 0 {
                        due.iter().for_each(|(charge, _)| gateway.still_due(charge));
                        continue;
                    }
                    let standings: Vec<_> = due.iter().map(|(_, due)| server.add(due)).collect();
                    taken += take(gateway, &bucket, 1 + random.below(9));
                    for ((_, due), standing) in due.iter().zip(standings) {
                        gateway.settle(&due.bucket, standing);
                    }
                }
                _ => taken += take(gateway, &bucket, 1 + random.below(9)),
            }
        }
        for gateway in gateways.iter().chain(&gateways) {
            // One more, so that there is something to tell, and something to hear.
            taken += take(gateway, &bucket, 1);
            for (_, due) in due(gateway) {
                gateway.settle(&due.bucket, server.add(&due));
            }
            assert_eq!(gateway.pending(), 0);
        }
        let unit = level(&bucket, 1);
        let last = gateways.last().unwrap().seen(&bucket);
        for total in [server.level, last.level] {
            assert!(
                (total / unit - taken as f64).abs() < 1e-4,
                "round {round}: {total} of {taken}"
            );
        }
    }
}

fn due(gateway: &Limiter) -> Vec<(Charge, Due)> {
    gateway.due(&AtomicUsize::new(0))
}

fn take(gateway: &Limiter, bucket: &Bucket, cost: u64) -> u64 {
    let taken = gateway.take(std::slice::from_ref(bucket), cost).unwrap();
    if taken[0].allowed { cost } else { 0 }
}

/// `gateways` that get `rate` requests in each millisecond, merge `sync` ms after the first take
/// that others do not know of, and are `way` ms from the server. How many passed.
fn simulate(algorithm: Algorithm, gateways: u64, rate: u64, sync: u64, way: u64) -> u64 {
    let bucket = bucket(algorithm, 1000, DAY);
    let mut server = Server { now: DAY, ..Server::default() };
    let mut all: Vec<_> = (0..gateways).map(|_| (limiter(DAY), VecDeque::new())).collect();
    let mut passed = 0;
    for now in 0..3000 {
        server.now += MS;
        for (index, ((gateway, clock), events)) in all.iter_mut().enumerate() {
            clock.advance(MS);
            passed += (0..rate).map(|_| take(gateway, &bucket, 1)).sum::<u64>();
            if events.is_empty() {
                // They do not all begin in the same moment.
                events.push_back((now + sync + index as u64 % 2, Event::Send));
            }
            while let Some((_, event)) = events.pop_front_if(|(at, _)| *at <= now) {
                match event {
                    Event::Send => events.push_back((now + way, Event::Arrive(due(gateway)))),
                    Event::Arrive(due) => {
                        let told = due
                            .into_iter()
                            .map(|(_, due)| (server.add(&due), due.bucket))
                            .collect();
                        events.push_back((now + way, Event::Answer(told)));
                    }
                    Event::Answer(told) => {
                        told.iter()
                            .for_each(|(standing, bucket)| gateway.settle(bucket, *standing));
                    }
                }
            }
        }
    }
    passed
}

enum Event {
    Send,
    Arrive(Vec<(Charge, Due)>),
    Answer(Vec<(Standing, Bucket)>),
}

#[test]
fn above_a_limit_passes_no_more_than_the_stated_bound() {
    for algorithm in [Gcra, FixedWindow] {
        for (gateways, rate, sync, way) in
            [(1, 5, 5, 1), (2, 1, 5, 1), (2, 10, 5, 1), (3, 4, 5, 10), (5, 3, 20, 2), (8, 1, 1, 1)]
        {
            let passed = simulate(algorithm, gateways, rate, sync, way);
            // The clock of this test has steps of a millisecond.
            let bound = (gateways - 1) * rate * 2 * (sync + 1 + 2 * way + 1);
            let above = passed - 1000;
            assert!(above <= bound, "{gateways} of {rate}/ms, {sync} ms: {above} of {bound}");
            assert!(gateways > 1 || above == 0, "alone it is exact");
        }
    }
}

#[test]
fn what_passed_above_a_limit_is_missing_afterwards() {
    let bucket = bucket(Gcra, 10, Duration::from_secs(1));
    let (gateway, clock) = limiter(Duration::ZERO);
    gateway.settle(&bucket, gcra_level(&bucket, 15));
    clock.advance(Duration::from_millis(590));
    assert_eq!(take(&gateway, &bucket, 1), 0);
    clock.advance(Duration::from_millis(20));
    assert_eq!(take(&gateway, &bucket, 1), 1);
}

#[test]
fn of_what_was_taken_alone_only_the_rest_is_told() {
    let gcra = bucket(Gcra, 10, Duration::from_secs(1));
    let (gateway, clock) = limiter(Duration::ZERO);
    for _ in 0..100 {
        clock.advance(Duration::from_millis(100));
        assert_eq!(take(&gateway, &gcra, 1), 1);
    }
    clock.advance(Duration::from_millis(50));
    let (_, due) = due(&gateway).remove(0);
    assert!((due.cost - 50_000.0).abs() < 1.0 && due.seen.level == 0.0, "{due:?}");

    let window = bucket(FixedWindow, 10, Duration::from_secs(1));
    assert_eq!(take(&gateway, &window, 7), 7);
    clock.advance(Duration::from_secs(1));
    assert_eq!(gateway.due(&AtomicUsize::new(0)), [], "the window is over");
}

#[test]
fn what_is_due_is_told_once_by_whatever_way() {
    for algorithm in [Gcra, FixedWindow] {
        let bucket = bucket(algorithm, 1000, DAY);
        let (gateway, _) = limiter(Duration::ZERO);
        let at = |cost| Standing { level: level(&bucket, cost), left: DAY };
        gateway.settle(&bucket, at(6));
        assert_eq!(take(&gateway, &bucket, 3), 3);
        let seen = gateway.seen(&bucket).level / level(&bucket, 1);
        assert!((seen - 6.0).abs() < 1e-6, "{seen}");
        // An exact take meanwhile, of one.
        gateway.settle(&bucket, at(7));
        let left = gateway.take(std::slice::from_ref(&bucket), 1).unwrap()[0].remaining;
        assert_eq!(left, 1000 - 7 - 3 - 1);
    }
}

#[test]
fn an_answer_about_a_bucket_that_counts_in_another_way_by_now_is_late() {
    let (gcra, window) = (bucket(Gcra, 10, DAY), bucket(FixedWindow, 10, DAY));
    let (gateway, _) = limiter(Duration::ZERO);
    assert_eq!(take(&gateway, &gcra, 3), 3);
    let (_, told) = due(&gateway).remove(0);
    assert_eq!(take(&gateway, &window, 2), 2);
    gateway.settle(&told.bucket, gcra_level(&gcra, 3));
    let left = gateway.take(std::slice::from_ref(&window), 1).unwrap()[0].remaining;
    assert_eq!(left, 10 - 2 - 1);
}

#[test]
fn an_answer_that_another_has_overtaken_changes_nothing() {
    for algorithm in [Gcra, FixedWindow] {
        let bucket = bucket(algorithm, 1000, DAY);
        let (gateway, _) = limiter(Duration::ZERO);
        let at = |cost| Standing { level: level(&bucket, cost), left: DAY };
        gateway.hear(&bucket, at(7));
        gateway.hear(&bucket, at(6));
        let left = gateway.take(std::slice::from_ref(&bucket), 1).unwrap()[0].remaining;
        assert_eq!(left, 1000 - 7 - 1, "{algorithm:?}");
    }
}

#[test]
fn a_window_that_is_over_or_cannot_be_is_no_later_one() {
    let window = |seconds| bucket(FixedWindow, 1000, Duration::from_secs(seconds));
    let told = |level, seconds| Standing { level, left: Duration::from_secs(seconds) };
    let left = |gateway: &Limiter, bucket: &Bucket| {
        gateway.take(std::slice::from_ref(bucket), 1).unwrap()[0].remaining
    };

    let (gateway, clock) = limiter(Duration::ZERO);
    gateway.hear(&window(40), told(9.0, 40));
    clock.advance(Duration::from_secs(45));
    gateway.hear(&window(120), told(1.0, 120));
    assert_eq!(left(&gateway, &window(120)), 1000 - 1 - 1, "it was longer after a reload");

    // The server's clock was set back for a while.
    let (gateway, _) = limiter(Duration::ZERO);
    gateway.hear(&window(60), told(5.0, 200));
    gateway.hear(&window(60), told(6.0, 60));
    assert_eq!(left(&gateway, &window(60)), 1000 - 6 - 1);
}

#[test]
fn a_server_that_lost_its_memory_gets_it_back() {
    let window = bucket(FixedWindow, 10, DAY);
    let (gateway, clock) = limiter(Duration::ZERO);
    gateway.settle(&window, Standing { level: 6.0, left: DAY / 2 });
    assert_eq!(take(&gateway, &window, 1), 1);
    clock.advance(DAY / 4);
    let (_, due) = due(&gateway).remove(0);
    assert_eq!((due.cost, due.seen), (1.0, Standing { level: 6.0, left: DAY / 4 }));
    gateway.still_due(&Charge { bucket: window.clone(), cost: 1 });
    let known: Vec<_> = gateway.known().flatten().collect();
    assert_eq!((known[0].cost, known[0].seen), (0.0, due.seen), "without what is due");
    let mut forgetful = Server { now: 40 * DAY, ..Server::default() };
    assert_eq!(forgetful.add(&due), Standing { level: 7.0, left: DAY / 4 });
}
