//! Directories and files under watch.

use std::{
    collections::HashSet,
    fs,
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
    /// Directories, and files for themselves.
    watched: HashSet<PathBuf>,
    shared: Arc<Shared>,
}

/// What the watcher's thread needs.
#[derive(Default)]
struct Shared {
    /// The entries, and the directories themselves. What else happens there is nobody's business:
    /// the access log may lie beside the configuration.
    wanted: Mutex<HashSet<PathBuf>>,
    stirred: Notify,
}

impl Eyes {
    pub(super) fn open() -> notify::Result<Self> {
        let shared = Arc::new(Shared::default());
        let for_thread = shared.clone();
        let watcher = notify::recommended_watcher(move |event| for_thread.saw(event))?;
        Ok(Self { watcher, watched: HashSet::new(), shared })
    }

    /// Watches all that these paths lead through, and nothing else. Says whether something is new
    /// among that.
    pub(super) fn look_at<'a>(&mut self, paths: impl Iterator<Item = &'a Path>) -> bool {
        let mut wanted: HashSet<PathBuf> = paths.flat_map(places).collect();
        let directories = wanted.iter().filter_map(|place| place.parent());
        // A file that is mounted alone (or has another name elsewhere) is written to in a directory
        // that is not to be seen from here.
        let files = wanted.iter().map(PathBuf::as_path).filter(|place| is_file(place));
        let watched: HashSet<PathBuf> = directories.chain(files).map(Path::to_owned).collect();
        wanted.extend(watched.iter().cloned());
        *self.shared.wanted() = wanted;
        for gone in self.watched.difference(&watched) {
            // It may have been removed, and its watch with it.
            let _ = self.watcher.unwatch(gone);
        }
        for path in &watched {
            // Also one that is known: there may be another one of that name.
            let begun = self.watcher.watch(path, RecursiveMode::NonRecursive);
            if let Err(error) = begun
                && !self.watched.contains(path)
            {
                let path = path.display();
                warn!(%path, %error, "changes here are not seen: only SIGHUP reloads");
            }
        }
        let is_new = !watched.is_subset(&self.watched);
        self.watched = watched;
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

fn is_file(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|meta| meta.is_file())
}

/// Being opened and read changes nothing, and is what a look at a file does.
fn changes(kind: EventKind) -> bool {
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    !matches!(kind, EventKind::Access(_)) || kind == written
}
