//! The clock that ends a loop. wasmtime asks a guest for its budget whenever the epoch has advanced; the clock
//! advances it while a guest is at work for longer than a tick.
//!
//! It does not tick for good: a thread that wakes each millisecond took 2.6 % of a core of a gateway that had nothing
//! to do, and 1.0 us of the 19.4 that a plain request cost, for it also threw a busy worker out of its caches. So it
//! looks from time to time whether a thread is still in the call in which it was a tick ago. Where threads are mostly
//! in calls it looks each tick, where they seldom are each few, and where there are none it rests until one begins.
//!
//! A *call* is one poll of a guest's call here: what waits in between is not at work.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::{Engine, EngineWeak};

/// How often a guest is asked that was found at work for long: the precision of CPU budgets, and the longest that it
/// keeps other requests of its thread waiting. It is found after two looks.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Between two looks that find no thread in a call. A call that begins in between is found out so much later.
const LOOK: Duration = Duration::from_millis(5);

/// Looks in which no call had begun, before the clock rests.
const QUIET: u32 = 20;

/// Looks, after a call was found to be long, in which every call is taken for a long one: it has yielded by then, and
/// goes on.
const EAGER: u32 = 16;

/// One for the process: its thread is started with the first engine.
static CLOCK: Clock = Clock {
    engines: Mutex::new(Vec::new()),
    newcomers: Mutex::new(Vec::new()),
    resting: AtomicBool::new(false),
    thread: OnceLock::new(),
};

thread_local! {
    static PLACE: Arc<Place> = CLOCK.new_place();
}

/// Has the epoch of an engine advance for as long as it lives.
pub(super) fn advance(engine: &Engine) {
    lock(&CLOCK.engines).push(engine.weak());
    CLOCK.thread.get_or_init(|| {
        let spawned = thread::Builder::new().name("epoch".into()).spawn(|| run(&CLOCK));
        // Without the clock no budget would hold, so there is no going on.
        spawned.expect("a thread for the epoch clock").thread().clone()
    });
}

/// A thread that runs guests, as long as this lives: for one poll of a call.
pub(super) struct AtWork(());

impl AtWork {
    pub(super) fn begin() -> Self {
        PLACE.with(|place| place.enter());
        // In this order, for the clock does the same the other way round: it does not miss what begins as it comes to
        // rest.
        if CLOCK.resting.load(SeqCst) && CLOCK.resting.swap(false, SeqCst) {
            CLOCK.thread.get().map(Thread::unpark);
        }
        Self(())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        PLACE.with(|place| place.leave());
    }
}

/// How often a thread has begun to run a guest and has ceased to: odd while it does.
#[derive(Default)]
struct Place(AtomicU64);

impl Place {
    fn enter(&self) {
        let before = self.0.fetch_add(1, SeqCst);
        debug_assert!(before.is_multiple_of(2), "no guest is run by another one's call");
    }

    /// No other thread writes.
    fn leave(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), SeqCst);
    }
}

struct Clock {
    engines: Mutex<Vec<EngineWeak>>,
    /// Places of threads that the clock has not seen yet.
    newcomers: Mutex<Vec<Arc<Place>>>,
    /// It waits for the next call.
    resting: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Clock {
    fn new_place(&self) -> Arc<Place> {
        let place = Arc::<Place>::default();
        lock(&self.newcomers).push(place.clone());
        place
    }

    fn advance(&self) {
        lock(&self.engines).retain(|weak| {
            let engine = weak.upgrade();
            engine.inspect(Engine::increment_epoch).is_some()
        });
    }

    /// Waits for the next call, unless one has begun meanwhile.
    fn rest(&self, watched: &mut Watched) {
        self.resting.store(true, SeqCst);
        if watched.look(self) > Seen::Nothing {
            return self.resting.store(false, SeqCst);
        }
        while self.resting.load(SeqCst) {
            thread::park();
        }
    }
}

/// The clock's thread.
fn run(clock: &Clock) -> ! {
    let mut watched = Watched::default();
    let mut pace = Pace::default();
    loop {
        match pace.after(watched.look(clock)) {
            Then::Advance => {
                clock.advance();
                thread::sleep(TICK);
            }
            Then::Look(after) => thread::sleep(after),
            Then::Rest => {
                clock.rest(&mut watched);
                // What woke it is in its call for no longer than it takes to get here.
                thread::sleep(TICK);
            }
        }
    }
}

/// What the clock does after a look.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    /// Has guests asked, and looks again after a tick.
    Advance,
    /// Looks again after this time.
    Look(Duration),
    Rest,
}

/// How closely it looks, by what it saw before.
#[derive(Default)]
struct Pace {
    /// Looks without a call.
    quiet: u32,
    /// Looks that are left of [`EAGER`].
    eager: u32,
}

impl Pace {
    fn after(&mut self, seen: Seen) -> Then {
        let was_eager = self.eager > 0;
        self.quiet = if seen == Seen::Nothing { self.quiet + 1 } else { 0 };
        self.eager = if seen == Seen::InTheSame { EAGER } else { self.eager.saturating_sub(1) };
        match seen {
            Seen::InTheSame => Then::Advance,
            Seen::InACall if was_eager => Then::Advance,
            Seen::InACall => Then::Look(TICK),
            Seen::Nothing if self.quiet > QUIET => Then::Rest,
            Seen::Nothing | Seen::Calls if was_eager => Then::Look(TICK),
            Seen::Nothing | Seen::Calls => Then::Look(LOOK),
        }
    }
}

/// What the clock knows of the threads.
#[derive(Default)]
struct Watched(Vec<(Arc<Place>, u64)>);

/// What became of the threads since the last look; the most that is true of one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    /// No call since.
    Nothing,
    /// There were calls.
    Calls,
    /// It is in a call.
    InACall,
    /// It is in the same call as then.
    InTheSame,
}

impl Watched {
    fn look(&mut self, clock: &Clock) -> Seen {
        self.0.extend(lock(&clock.newcomers).drain(..).map(|place| (place, 0)));
        // A thread that has ended has left its place to the clock alone.
        self.0.retain(|(place, _)| Arc::strong_count(place) > 1);
        let each = self.0.iter_mut().map(|(place, before)| {
            let now = place.0.load(SeqCst);
            let is_same = std::mem::replace(before, now) == now;
            match (now.is_multiple_of(2), is_same) {
                (true, true) => Seen::Nothing,
                (true, false) => Seen::Calls,
                (false, false) => Seen::InACall,
                (false, true) => Seen::InTheSame,
            }
        });
        each.max().unwrap_or(Seen::Nothing)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Instance, Module, Store, Trap};

    use super::*;

    #[test]
    fn only_who_stays_in_a_call_is_found_in_it() {
        let clock = Clock {
            engines: Mutex::default(),
            newcomers: Mutex::default(),
            resting: AtomicBool::default(),
            thread: OnceLock::new(),
        };
        let mut watched = Watched::default();
        let mut look = || watched.look(&clock);
        assert_eq!(look(), Seen::Nothing);
        let (one, other) = (clock.new_place(), clock.new_place());
        one.enter();
        assert_eq!(look(), Seen::InACall, "it has just come");
        assert_eq!(look(), Seen::InTheSame);
        one.leave();
        one.enter();
        assert_eq!(look(), Seen::InACall, "another one");
        one.leave();
        other.enter();
        other.leave();
        assert_eq!(look(), Seen::Calls);
        assert_eq!(look(), Seen::Nothing);
        other.enter();
        drop(other);
        assert_eq!(look(), Seen::Nothing, "its thread has ended");
    }

    #[test]
    fn who_was_found_in_a_long_call_is_asked_each_tick() {
        let mut pace = Pace::default();
        assert_eq!(pace.after(Seen::Calls), Then::Look(LOOK));
        assert_eq!(pace.after(Seen::InACall), Then::Look(TICK), "it may be a short one");
        assert_eq!(pace.after(Seen::InTheSame), Then::Advance);
        assert_eq!(pace.after(Seen::InACall), Then::Advance, "it has yielded and goes on");
        for _ in 1..EAGER {
            assert_eq!(pace.after(Seen::Calls), Then::Look(TICK));
        }
        assert_eq!(pace.after(Seen::InACall), Then::Look(TICK));
        for _ in 0..QUIET {
            assert_eq!(pace.after(Seen::Nothing), Then::Look(LOOK));
        }
        assert_eq!(pace.after(Seen::Nothing), Then::Rest);
    }

    /// `(func (export "f") (loop (br 0)))`.
    const LOOP: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x09\x01\x07\0\x03\x40\x0c\0\x0b\x0b";

    #[test]
    fn a_loop_that_ends_the_clocks_rest_ends_too() {
        let engine = Engine::new(Config::new().epoch_interruption(true)).unwrap();
        advance(&engine);
        let module = Module::new(&engine, LOOP).unwrap();
        for _ in 0..2 {
            while !CLOCK.resting.load(SeqCst) {
                thread::sleep(TICK);
            }
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let endless = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
            let _at_work = AtWork::begin();
            let error = endless.call(&mut store, ()).unwrap_err();
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt));
        }
    }
}
