//! Directories under watch.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::sync::Notify;
use tracing::warn;

use super::places::places;

/// A watch over some entries of some directories.
pub(super) struct Eyes {
    watcher: RecommendedWatcher,
    directories: HashSet<PathBuf>,
    shared: Arc<Shared>,
}

/// What the watcher's thread needs.
#[derive(Default)]
struct Shared {
    /// The entries, and the directories themselves. What else happens in them is nobody's business:
    /// the access log may lie beside the configuration.
    wanted: Mutex<HashSet<PathBuf>>,
    stirred: Notify,
}

impl Eyes {
    pub(super) fn open() -> notify::Result<Self> {
        let shared = Arc::new(Shared::default());
        let for_thread = shared.clone();
        let watcher = notify::recommended_watcher(move |event| for_thread.saw(event))?;
        Ok(Self { watcher, directories: HashSet::new(), shared })
    }

    /// Watches all that these paths lead through, and nothing else. Says whether a directory is new
    /// among them.
    pub(super) fn look_at<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) -> bool {
        let mut wanted: HashSet<PathBuf> = paths.flat_map(places).collect();
        let parents = wanted.iter().filter_map(|place| place.parent());
        let directories: HashSet<PathBuf> = parents.map(Path::to_owned).collect();
        wanted.extend(directories.iter().cloned());
        *self.shared.wanted() = wanted;
        for gone in self.directories.difference(&directories) {
            // It may have been removed, and its watch with it.
            let _ = self.watcher.unwatch(gone);
        }
        let is_new = !directories.is_subset(&self.directories);
        for directory in &directories {
            // Also one that is known: there may be another one of that name.
            let watched = self.watcher.watch(directory, RecursiveMode::NonRecursive);
            if let Err(error) = watched
                && !self.directories.contains(directory)
            {
                let directory = directory.display();
                warn!(%directory, %error, "changes here are not seen: only SIGHUP reloads");
            }
        }
        self.directories = directories;
        is_new
    }

    /// Ready when something has stirred since the last time.
    pub(super) async fn stirred(&self) {
        self.shared.stirred.notified().await;
    }

    /// Makes whoever waits look.
    pub(super) fn stir(&self) {
        self.shared.stirred.notify_one();
    }
}

impl Shared {
    fn saw(&self, event: notify::Result<Event>) {
        let worth_a_look = match &event {
            Ok(event) if event.need_rescan() => true,
            Ok(event) => changes(event.kind) && self.wants(&event.paths),
            // The queue is no longer whole.
            Err(_) => true,
        };
        if worth_a_look {
            self.stirred.notify_one();
        }
    }

    fn wants(&self, paths: &[PathBuf]) -> bool {
        let wanted = self.wanted();
        paths.iter().any(|path| wanted.contains(path))
    }

    fn wanted(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Being opened and read changes nothing, and is what a look at a file does.
fn changes(kind: EventKind) -> bool {
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    !matches!(kind, EventKind::Access(_)) || kind == written
}
