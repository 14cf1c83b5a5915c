//! What happened to a request, for the log.

use std::fmt;

use crate::message::Exchange;

/// What each plugin did and how long it took: `headers:on-request-head=next/3us`.
pub(super) struct Trail<'a>(pub(super) &'a Exchange);

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.trail.iter().enumerate() {
            let gap = if i > 0 { " " } else { "" };
            let micros = step.took.as_micros();
            write!(f, "{gap}{}:{}={}/{micros}us", step.plugin, step.hook, step.decision)?;
        }
        Ok(())
    }
}
