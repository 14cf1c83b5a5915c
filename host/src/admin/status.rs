//! What is in service, and what was refused since.

use std::{sync::Arc, time::SystemTime};

use crate::{
    config::{Config, Rejected},
    proxy::Snapshot,
};

/// How the configuration stands. A reload makes a new one, whatever becomes of it.
pub struct Status {
    /// What serves.
    pub service: Arc<InService>,
    /// The last attempt, if it was refused.
    pub refused: Option<Refused>,
}

/// A configuration that serves.
pub struct InService {
    /// As it was read.
    pub config: Config,
    /// As it was made ready.
    pub snapshot: Arc<Snapshot>,
    /// Since when.
    pub since: SystemTime,
}

/// A configuration that was refused.
pub struct Refused {
    /// What is wrong with it.
    pub rejected: Rejected,
    /// When.
    pub at: SystemTime,
}

impl Status {
    /// A configuration that begins to serve now.
    pub fn serving(config: Config, snapshot: Arc<Snapshot>) -> Self {
        let since = SystemTime::now();
        Self { service: Arc::new(InService { config, snapshot, since }), refused: None }
    }

    /// The same service, after an attempt to change it.
    pub fn refusing(&self, rejected: Rejected) -> Self {
        let refused = Refused { rejected, at: SystemTime::now() };
        Self { service: self.service.clone(), refused: Some(refused) }
    }
}
