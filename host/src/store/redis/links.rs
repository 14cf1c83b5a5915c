//! The links of all threads.

use std::sync::Arc;

use super::{link::Link, numbers::Numbers, server::Server};
use crate::worker;

/// One link for each worker, and one for the control thread.
pub(super) struct Links(Box<[Arc<Link>]>);

impl Links {
    pub(super) fn new(workers: usize, server: Server, numbers: &Arc<Numbers>) -> Self {
        let server = Arc::new(server);
        let link = |index| Arc::new(Link::new(index, server.clone(), numbers.clone()));
        Self((0..=workers).map(link).collect())
    }

    /// That of this thread.
    pub(super) fn mine(&self) -> &Arc<Link> {
        &self.0[worker::index()]
    }

    /// That over which counters are merged: the control thread's.
    pub(super) fn sync(&self) -> &Arc<Link> {
        &self.0[0]
    }
}
