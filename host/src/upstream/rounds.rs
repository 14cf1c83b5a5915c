//! Jobs that come round, on the control thread.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};

/// How soon jobs of a new configuration are noticed.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs whatever is due beside each other, until this future is dropped. `due` gives the jobs for
/// a moment, and says when to ask again.
pub(super) async fn run<J: Future<Output = ()>>(mut due: impl FnMut(Instant) -> (Vec<J>, Instant)) {
    let mut running = FuturesUnordered::new();
    loop {
        let (jobs, next) = due(Instant::now());
        running.extend(jobs);
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            () = async {
                if running.next().await.is_none() {
                    pending::<()>().await;
                }
            } => {}
        }
    }
}
