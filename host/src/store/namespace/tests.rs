use std::thread;

use futures_util::FutureExt as _;

use super::{super::clock::manual::Manual, *};

const SECOND: Duration = Duration::from_secs(1);

fn namespace(cap: u64) -> (Arc<Namespace>, Arc<Manual>) {
    let clock = Manual::new();
    let namespace = Namespace::new(clock.clone());
    namespace.set_cap(cap);
    (Arc::new(namespace), clock)
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it waits for nothing")
}

fn block<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(future)
}

/// The same calls, without the ceremony.
impl Namespace {
    fn put(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<(), StoreError> {
        now(self.set(key, Bytes::copy_from_slice(value.as_bytes()), ttl))
    }

    fn text(&self, key: &str) -> Option<String> {
        now(self.get(key)).unwrap().map(|value| String::from_utf8(value.into()).unwrap())
    }

    fn swap(&self, key: &str, from: Option<&str>, to: &str) -> Result<bool, StoreError> {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        now(self.compare_and_swap(key, from.map(bytes), bytes(to), None))
    }

    fn add(&self, key: &str, by: i64, ttl: Option<Duration>) -> Result<i64, StoreError> {
        now(self.increment(key, by, ttl))
    }

    fn try_lead(&self, key: &str) -> Lead {
        block(self.lead(key, Duration::ZERO)).unwrap()
    }

    fn used(&self) -> (u64, u64) {
        self.room.used()
    }
}

#[test]
fn what_is_set_is_there_until_it_is_deleted() {
    let (space, _) = namespace(100);
    assert_eq!(space.text("k"), None);
    space.put("k", "one", None).unwrap();
    space.put("k", "two", None).unwrap();
    assert_eq!(space.text("k").as_deref(), Some("two"));
    assert_eq!(now(space.delete("k")), Ok(true));
    assert_eq!(now(space.delete("k")), Ok(false));
    assert_eq!((space.text("k"), space.used()), (None, (0, 0)));
}

#[test]
fn a_ttl_ends_it_and_the_last_set_decides() {
    let (space, clock) = namespace(100);
    space.put("k", "v", Some(SECOND)).unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));
    assert!(space.text("k").is_some());
    clock.advance(Duration::from_nanos(1));
    assert!(space.text("k").is_none());
    assert_eq!(now(space.delete("k")), Ok(false), "there was none");
    space.put("k", "v", Some(SECOND)).unwrap();
    space.put("k", "v", None).unwrap();
    clock.advance(100 * SECOND);
    assert!(space.text("k").is_some());
    space.put("k", "v", Some(Duration::MAX)).unwrap();
    assert!(space.text("k").is_some());
    space.put("k", "v", Some(Duration::ZERO)).unwrap();
    assert!(space.text("k").is_none());
}

#[test]
fn keys_and_values_have_their_length() {
    let (space, _) = namespace(u64::MAX);
    let (key, value) = ("k".repeat(512), "v".repeat(1 << 20));
    space.put(&key, &value, None).unwrap();
    space.put("", "", None).unwrap();
    let (key, value) = (key + "k", value + "v");
    assert_eq!(space.put("k", &value, None), Err(StoreError::TooLarge));
    assert_eq!(space.swap("k", None, &value), Err(StoreError::TooLarge));
    assert_eq!(space.put(&key, "v", None), Err(StoreError::TooLarge));
    assert_eq!(now(space.get(&key)), Err(StoreError::TooLarge));
    assert_eq!(now(space.delete(&key)), Err(StoreError::TooLarge));
    assert_eq!(space.add(&key, 1, None), Err(StoreError::TooLarge));
    assert!(matches!(block(space.lead(&key, SECOND)), Err(StoreError::TooLarge)));
}

#[test]
fn swaps_only_what_was_expected() {
    let (space, clock) = namespace(100);
    assert_eq!(space.swap("k", Some("a"), "b"), Ok(false));
    assert_eq!(space.swap("k", None, "a"), Ok(true));
    assert_eq!(space.swap("k", None, "b"), Ok(false));
    assert_eq!(space.swap("k", Some("b"), "c"), Ok(false));
    assert_eq!(space.swap("k", Some("a"), "c"), Ok(true));
    assert_eq!(space.text("k").as_deref(), Some("c"));
    space.put("k", "c", Some(SECOND)).unwrap();
    clock.advance(SECOND);
    assert_eq!(space.swap("k", Some("c"), "d"), Ok(false), "expired");
    assert_eq!(space.swap("k", None, "d"), Ok(true));
}

#[test]
fn counters_count_from_nothing_and_keep_their_end() {
    let (space, clock) = namespace(100);
    assert_eq!(space.add("n", 5, Some(SECOND)), Ok(5));
    clock.advance(SECOND / 2);
    assert_eq!(space.add("n", -7, Some(SECOND)), Ok(-2));
    assert_eq!(space.text("n").as_deref(), Some("-2"));
    clock.advance(SECOND / 2);
    assert_eq!(space.add("n", 1, None), Ok(1), "it ended a second after its creation");
    clock.advance(1000 * SECOND);
    assert_eq!(space.add("n", 1, Some(SECOND)), Ok(2), "the new one has no end");
}

#[test]
fn counters_are_a_kind_of_their_own() {
    let (space, _) = namespace(100);
    space.put("k", "7", None).unwrap();
    assert_eq!(space.add("k", 1, None), Err(StoreError::NotACounter));
    assert_eq!(space.add("n", 7, None), Ok(7));
    assert_eq!(space.swap("n", Some("7"), "8"), Ok(true));
    assert_eq!(space.add("n", 1, None), Err(StoreError::NotACounter), "it was set");
}

#[test]
fn a_counter_does_not_wrap() {
    let (space, _) = namespace(100);
    space.add("n", i64::MAX, None).unwrap();
    assert!(matches!(space.add("n", 1, None), Err(StoreError::Invalid(_))));
    assert_eq!(space.add("n", 0, None), Ok(i64::MAX));
}

#[test]
fn the_cap_counts_keys_values_and_counters() {
    let (space, _) = namespace(20);
    space.put("key", "value", None).unwrap();
    space.add("n", 1, None).unwrap();
    assert_eq!(space.used(), (2, 17));
    assert_eq!(space.put("key", "value and more", None), Err(StoreError::Full));
    assert_eq!(space.text("key").as_deref(), Some("value"), "a refusal leaves what was");
    assert_eq!(space.put("kk", "vv", None), Err(StoreError::Full));
    space.put("k", "vv", None).unwrap();
    assert_eq!(space.used(), (3, 20));
    space.put("key", "", None).unwrap();
    assert_eq!(space.used(), (3, 15));
}

#[test]
fn what_has_expired_makes_room() {
    let (space, clock) = namespace(20);
    space.put("old", "1234567", Some(SECOND)).unwrap();
    space.put("new", "1234567", Some(2 * SECOND)).unwrap();
    assert_eq!(space.put("k", "v", None), Err(StoreError::Full));
    clock.advance(SECOND);
    assert_eq!(space.used(), (2, 20), "nobody has looked yet");
    space.put("k", "v", None).unwrap();
    assert_eq!(space.used(), (2, 12));
    clock.advance(SECOND);
    space.expire();
    assert_eq!(space.used(), (1, 2), "the first sweep knew when the next is due");
}

#[test]
fn an_expired_entry_is_replaced_in_place() {
    let (space, clock) = namespace(10);
    space.put("k", "123456789", Some(SECOND)).unwrap();
    clock.advance(SECOND);
    assert_eq!(space.add("k", 1, None), Ok(1));
    assert_eq!(space.used(), (1, 9));
}

#[test]
fn the_account_is_exact_after_a_crowd() {
    let (space, _) = namespace(400);
    thread::scope(|scope| {
        for me in 0..4 {
            let space = &space;
            scope.spawn(move || {
                for turn in 0..5000 {
                    let key = format!("{}", turn % 50);
                    let _ = space.put(&key, &"v".repeat((turn * 7 + me) % 20), None);
                    let _ = space.swap(&key, None, "swapped");
                    let _ = space.add(&format!("n{}", turn % 5), 1, Some(SECOND));
                    assert!(space.used().1 <= 400);
                    if turn % 3 == me {
                        now(space.delete(&key)).unwrap();
                    }
                }
            });
        }
    });
    let bytes = space.entries.iter().map(|entry| size(entry.key(), entry.value())).sum();
    assert_eq!(space.used(), (space.entries.len() as u64, bytes));
}

#[test]
fn counts_of_a_crowd_add_up() {
    let (space, _) = namespace(100);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5000).for_each(|_| assert!(space.add("n", 1, None).is_ok())));
        }
    });
    assert_eq!(space.add("n", 0, None), Ok(20_000));
}

#[test]
fn one_leads_and_the_others_get_its_value() {
    let (space, _) = namespace(100);
    let Lead::Yours(leads) = space.try_lead("k") else { panic!("there is nothing") };
    assert!(matches!(space.try_lead("k"), Lead::Busy));
    assert!(matches!(space.try_lead("other"), Lead::Yours(_)));
    let mut waits = space.lead("k", 60 * SECOND);
    block(async {
        assert!((&mut waits).now_or_never().is_none());
        space.put("k", "made", None).unwrap();
        assert!(matches!(waits.await.unwrap(), Lead::Value(value) if value == "made"));
    });
    assert!(matches!(space.try_lead("k"), Lead::Value(value) if value == "made"));
    drop(leads);
    assert_eq!(space.flights.len(), 0);
}

#[test]
fn whoever_waits_leads_when_the_leader_gives_up() {
    let (space, _) = namespace(100);
    let give_ups: [fn(&Namespace, Lead); 2] = [
        |_, leads| drop(leads),
        |space, leads| {
            now(space.delete("k")).unwrap();
            drop(leads);
        },
    ];
    for give_up in give_ups {
        let leads = space.try_lead("k");
        block(async {
            let mut waits = space.lead("k", 60 * SECOND);
            let mut waits_too = space.lead("k", 60 * SECOND);
            assert!((&mut waits).now_or_never().is_none());
            assert!((&mut waits_too).now_or_never().is_none());
            give_up(&space, leads);
            let next = waits.await.unwrap();
            assert!(matches!(next, Lead::Yours(_)));
            assert!((&mut waits_too).now_or_never().is_none(), "only one of them");
        });
    }
}

#[test]
fn nobody_waits_for_longer_than_asked() {
    let (space, _) = namespace(100);
    let _leads = space.try_lead("k");
    let waited = block(space.lead("k", Duration::from_millis(20))).unwrap();
    assert!(matches!(waited, Lead::Busy));
}

#[test]
fn any_write_ends_a_flight() {
    let writes: [fn(&Namespace); 2] = [
        |space| assert!(space.swap("k", None, "made").unwrap()),
        |space| assert_eq!(space.add("k", 1, None), Ok(1)),
    ];
    for write in writes {
        let (space, _) = namespace(100);
        let _leads = space.try_lead("k");
        block(async {
            let mut waits = space.lead("k", 60 * SECOND);
            assert!((&mut waits).now_or_never().is_none());
            write(&space);
            assert!(matches!(waits.await.unwrap(), Lead::Value(_)));
        });
    }
}

#[test]
fn a_value_that_expires_is_made_again() {
    let (space, clock) = namespace(100);
    space.put("k", "v", Some(SECOND)).unwrap();
    assert!(matches!(space.try_lead("k"), Lead::Value(_)));
    clock.advance(SECOND);
    assert!(matches!(space.try_lead("k"), Lead::Yours(_)));
}

/// Of a crowd on several threads, each with a runtime of its own as workers have, one makes
/// the value.
#[test]
fn a_crowd_makes_a_value_once() {
    let (space, _) = namespace(1000);
    for round in 0..50 {
        let key = &format!("k{round}");
        let made: usize = thread::scope(|scope| {
            let crowd: Vec<_> =
                (0..8).map(|_| scope.spawn(|| block(make_or_wait(&space, key)))).collect();
            crowd.into_iter().map(|member| member.join().unwrap()).sum()
        });
        assert_eq!(made, 1);
    }
    assert_eq!(space.flights.len(), 0);
}

async fn make_or_wait(space: &Namespace, key: &str) -> usize {
    match space.lead(key, 60 * SECOND).await.unwrap() {
        Lead::Yours(_leads) => {
            tokio::task::yield_now().await;
            space.put(key, "made", None).unwrap();
            1
        }
        Lead::Value(_) => 0,
        Lead::Busy => panic!("a minute is long enough"),
    }
}
