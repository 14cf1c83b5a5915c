//! Sees that a file of the configuration has become another one.
//!
//! ```text
//! eyes      what is under watch, and what stirs there
//! places    which entries of which directories a path leads through
//! prints    what the files hold
//! ```
//!
//! Directories are watched more than files, for editors and tools put another file in the place of the
//! old one, and Kubernetes turns a symbolic link. What stirs is only a reason to look: a reload
//! follows where the content of a file is another one than at the last attempt, good or refused.

mod eyes;
mod places;
mod prints;

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use crate::config::Reads;
use eyes::Eyes;
use prints::Prints;

/// How long nothing must stir before the files are looked at: whoever writes one of them is often
/// about to write the next.
const QUIET: Duration = Duration::from_millis(200);

/// How long that is waited for, where something stirs all the time.
const PATIENCE: Duration = Duration::from_secs(2);

/// The watch over the files of a configuration.
#[derive(Default)]
pub(super) struct Watch {
    prints: Prints,
    /// None where nobody wants a watch, or the system has none to give.
    eyes: Option<Eyes>,
    /// Something has stirred, and was not looked at yet.
    stirred: bool,
}

impl Watch {
    /// Begins or ends the watch. A system that cannot watch is no reason not to serve.
    pub(super) fn turn(&mut self, on: bool) {
        if !on {
            self.eyes = None;
        } else if self.eyes.is_none() {
            self.eyes = Eyes::open().inspect_err(unwatched).ok();
        }
    }

    /// From now on these files, as this attempt to load them has found them.
    pub(super) fn follow(&mut self, reads: &Reads) {
        let Some(eyes) = &mut self.eyes else { return };
        self.prints = Prints::of(reads);
        if eyes.look_at(self.prints.paths()) {
            // What changed before its directory was watched.
            eyes.stir();
        }
    }

    /// Ready when a file holds something else than what was found last. Never, without a watch.
    /// Nothing is missed where it is dropped before, for a signal that came meanwhile.
    pub(super) async fn changed(&mut self) {
        let Some(eyes) = &mut self.eyes else { return std::future::pending().await };
        loop {
            if !self.stirred {
                eyes.stirred().await;
                self.stirred = true;
            }
            let since = Instant::now();
            while since.elapsed() < PATIENCE && timeout(QUIET, eyes.stirred()).await.is_ok() {}
            // A link may lead elsewhere by now, and a missing directory may be there.
            eyes.look_at(self.prints.paths());
            self.stirred = false;
            match self.prints.first_difference() {
                Some(path) => {
                    debug!(path = %path.display(), "changed");
                    return;
                }
                None => debug!("something stirred, but no file has changed"),
            }
        }
    }
}

fn unwatched(error: &notify::Error) {
    warn!(%error, "files are not watched: only SIGHUP reloads");
}

#[cfg(test)]
mod tests {
    use crate::config::FileRead;

    use super::*;

    #[tokio::test]
    async fn a_change_that_was_being_looked_at_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, "before").unwrap();
        let mut watch = Watch::default();
        watch.turn(true);
        let files = vec![FileRead { path: path.clone(), found: None }];
        watch.follow(&Reads { files, ..Reads::default() });
        std::fs::write(&path, "after").unwrap();
        // A signal comes while nothing must stir.
        assert!(timeout(QUIET / 2, watch.changed()).await.is_err());
        timeout(Duration::from_secs(20), watch.changed()).await.expect("the change is seen");
    }
}
