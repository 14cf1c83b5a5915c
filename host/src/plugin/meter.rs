//! How much CPU time and wall-clock time a call has used.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::Poll,
    time::{Duration, Instant},
};

use super::epoch::{AtWork, TICK};

/// CPU time of one call at a time, summed over the polls of its future: while a call is parked (an
/// upstream, other requests on the thread) nothing is charged to it.
///
/// The thread's own CPU clock is a system call, 0.1-0.2 us, twice a poll. Nearly every call ends in
/// its first poll, so that one is measured by the wall clock, and charged for two ticks at most:
/// what goes beyond is a thread that was not running, or a call that the epoch's clock found late,
/// which is given those milliseconds. Later polls are measured by the CPU clock.
#[derive(Debug, Default)]
pub(super) struct Meter {
    spent: AtomicU64,
    budget: AtomicU64,
    is_first: AtomicBool,
    polled_at: AtomicU64,
}

impl Meter {
    /// Whether the call that is being polled has used up its budget.
    pub(super) fn is_used_up(&self) -> bool {
        self.spent.load(Relaxed) + self.running() > self.budget.load(Relaxed)
    }

    /// What the call that has just ended has used, as far as that was measured.
    pub(super) fn used(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Relaxed) + self.running())
    }

    fn start(&self, budget: Duration) {
        self.spent.store(0, Relaxed);
        self.budget.store(budget.as_nanos() as u64, Relaxed);
        self.is_first.store(true, Relaxed);
    }

    fn begin_poll(&self) {
        let first = self.is_first.load(Relaxed);
        self.polled_at.store(if first { nanos() } else { cpu_nanos() }, Relaxed);
    }

    /// Adds what the poll has used. Whether the call may go on: after its first poll it may, for the clock on the
    /// wall does not tell who was running.
    fn end_poll(&self) -> bool {
        let spent = self.spent.load(Relaxed) + self.running();
        self.spent.store(spent, Relaxed);
        // Nothing runs until the next one: who asks now must not count it twice.
        self.polled_at.store(u64::MAX, Relaxed);
        self.is_first.swap(false, Relaxed) || spent <= self.budget.load(Relaxed)
    }

    /// What the current poll has used so far.
    fn running(&self) -> u64 {
        let since = self.polled_at.load(Relaxed);
        match self.is_first.load(Relaxed) {
            true => nanos().saturating_sub(since).min(2 * TICK.as_nanos() as u64),
            false => cpu_nanos().saturating_sub(since),
        }
    }
}

/// CPU time of this thread.
fn cpu_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The budget that a call has used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsedUp {
    Cpu,
    Wall,
}

/// Runs a call under its two budgets. Within a poll the epoch's callback acts on the CPU budget, inside the
/// guest; but the epoch need not advance while polls are short, so it is held between them too. A call that
/// has used up one of the two is polled no more.
///
/// The call stays where its caller has it: given by value there would be room for two of it.
pub(super) async fn metered<F: Future>(
    meter: &Arc<Meter>,
    cpu: Duration,
    wall: Duration,
    mut call: Pin<&mut F>,
) -> Result<F::Output, UsedUp> {
    meter.start(cpu);
    // Most calls end in their first poll: they need no timer, and nobody asks what they have used. A
    // timer that begins only after the first poll is late by a tick of the epoch, for that ends it.
    let mut timer = None;
    poll_fn(|cx| {
        let _at_work = AtWork::begin();
        meter.begin_poll();
        if let Poll::Ready(output) = call.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if !meter.end_poll() {
            return Poll::Ready(Err(UsedUp::Cpu));
        }
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(wall)));
        timer.as_mut().poll(cx).map(|()| Err(UsedUp::Wall))
    })
    .await
}

/// Nanoseconds since the first call of this function.
pub(super) fn nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn waiting_is_not_charged_as_cpu() {
        let meter = Arc::new(Meter::default());
        let (cpu, wall) = (Duration::from_millis(50), Duration::from_secs(10));
        let wait = async { tokio::time::sleep(Duration::from_secs(5)).await };
        assert!(block(metered(&meter, cpu, wall, pin!(wait))).is_ok());
        assert!(meter.spent.load(Relaxed) < cpu.as_nanos() as u64);
    }

    #[test]
    fn the_wall_clock_ends_a_call_that_waits() {
        let meter = Arc::new(Meter::default());
        let (cpu, wall) = (Duration::from_millis(50), Duration::from_secs(1));
        let forever = std::future::pending::<()>();
        assert_eq!(block(metered(&meter, cpu, wall, pin!(forever))), Err(UsedUp::Wall));
    }

    #[test]
    fn many_short_polls_use_up_the_cpu_time_too() {
        let meter = Arc::new(Meter::default());
        let (cpu, wall) = (Duration::from_millis(5), Duration::from_secs(3600));
        // Each turn is shorter than a tick.
        let turn = Duration::from_micros(200).as_nanos() as u64;
        let endless = async {
            loop {
                let begun = cpu_nanos();
                while cpu_nanos() < begun + turn {}
                tokio::task::yield_now().await;
            }
        };
        let ended: Result<(), _> = block(metered(&meter, cpu, wall, pin!(endless)));
        assert_eq!(ended, Err(UsedUp::Cpu));
        assert!(meter.spent.load(Relaxed) > cpu.as_nanos() as u64);
        assert_eq!(meter.used().as_nanos() as u64, meter.spent.load(Relaxed), "nothing twice");
    }
}
