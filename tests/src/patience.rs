//! How long a test waits for anything.

use std::time::Duration;

/// Much longer than anything here takes, for machines are busy; and far below the time after which
/// a test runner ends a test without saying what it waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A pace that a test is about: of a slow service, sender or reader. Nothing is waited for with it;
/// [`within`] does that.
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits for a future, which may take as long as there is patience. `what` ends the sentence "still
/// waiting for".
#[track_caller]
pub fn within<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(done) => done,
            Err(_) => panic!("{caller}: after {PATIENCE:?} still waiting for {what}"),
        }
    }
}
