//! Refusals that come in crowds. An upstream whose breaker is open, or that is asked for as much as may be,
//! refuses one request after the other: a line for each would bury what led to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a crowd is silent after a line of it.
const PAUSE: Duration = Duration::from_secs(1);

/// What was refused since the last line, by upstream and reason.
#[derive(Default)]
pub(super) struct Crowds(Mutex<HashMap<(Arc<str>, &'static str), Crowd>>);

struct Crowd {
    told: Instant,
    /// Since then.
    untold: u64,
}

impl Crowds {
    /// Whether a refusal gets a line, and then how many before it got none.
    pub(super) fn tell(
        &self,
        upstream: &Arc<str>,
        reason: &'static str,
        now: Instant,
    ) -> Option<u64> {
        let mut crowds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(crowd) = crowds.get_mut(&(upstream.clone(), reason)) else {
            crowds.insert((upstream.clone(), reason), Crowd { told: now, untold: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(crowd.told) < PAUSE {
            crowd.untold += 1;
            return None;
        }
        crowd.told = now;
        Some(std::mem::take(&mut crowd.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_by_their_number() {
        let (crowds, begin) = (Crowds::default(), Instant::now());
        let [shop, other] = ["shop", "other"].map(Arc::<str>::from);
        let at = |millis| begin + Duration::from_millis(millis);
        assert_eq!(crowds.tell(&shop, "open", at(0)), Some(0));
        assert_eq!(crowds.tell(&shop, "open", at(1)), None);
        assert_eq!(crowds.tell(&shop, "open", at(999)), None);
        assert_eq!(crowds.tell(&other, "open", at(999)), Some(0), "another upstream");
        assert_eq!(crowds.tell(&shop, "busy", at(999)), Some(0), "another reason");
        assert_eq!(crowds.tell(&shop, "open", at(1000)), Some(2));
        assert_eq!(crowds.tell(&shop, "open", at(1001)), None);
        assert_eq!(crowds.tell(&shop, "open", at(9000)), Some(1));
    }
}
