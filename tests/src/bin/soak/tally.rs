//! What was asked, and what came of it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// For how long after a fault its failures may show: retries, and connections that wait.
const AFTERMATH: Duration = Duration::from_secs(3);

/// Counts, shared by all clients.
#[derive(Default)]
pub(crate) struct Tally(Mutex<State>);

#[derive(Default)]
struct State {
    stopped: bool,
    /// The last moment at which a failure is a fault's.
    excused_until: Option<Instant>,
    asked: BTreeMap<&'static str, usize>,
    expected: BTreeMap<String, usize>,
    unexpected: BTreeMap<String, usize>,
    faults: usize,
    reloads: usize,
}

impl Tally {
    /// An exchange that began at `since`, of this kind.
    pub(crate) fn count(&self, kind: &'static str, since: Instant, outcome: Result<(), String>) {
        let mut state = self.state();
        *state.asked.entry(kind).or_default() += 1;
        if let Err(why) = outcome {
            let excused = state.excused_until.is_some_and(|until| since < until);
            let failures = if excused { &mut state.expected } else { &mut state.unexpected };
            *failures.entry(format!("{kind}: {why}")).or_default() += 1;
        }
    }

    /// A fault is on for so long.
    pub(crate) fn fault(&self, lasts: Duration) {
        let mut state = self.state();
        state.faults += 1;
        state.excused_until = Some(Instant::now() + lasts + AFTERMATH);
    }

    /// The gateway has a new configuration.
    pub(crate) fn reload(&self) {
        self.state().reloads += 1;
    }

    /// Clients are to end.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
    }

    /// Whether they are.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Whether nothing failed but what may.
    pub(crate) fn is_clean(&self) -> bool {
        self.state().unexpected.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let State { asked, expected, unexpected, faults, reloads, .. } = &*state;
        writeln!(f, "{} faults, {reloads} reloads", faults)?;
        for (kind, count) in asked {
            writeln!(f, "{count:>9} {kind}")?;
        }
        for (title, failures) in [("expected", expected), ("UNEXPECTED", unexpected)] {
            let sum: usize = failures.values().sum();
            writeln!(f, "{sum:>9} failures, {title}")?;
            for (why, count) in failures {
                writeln!(f, "{count:>13} {why}")?;
            }
        }
        Ok(())
    }
}
