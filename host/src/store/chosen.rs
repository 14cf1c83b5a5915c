//! The store that a configuration wants.

use std::sync::Arc;

use prometheus_client::collector::Collector;

use super::{Memory, Shared};
use crate::{
    config::{self, Diagnostic},
    stores::Stores,
};

/// One of the kinds. It outlives configurations.
#[derive(Clone)]
pub enum Store {
    /// Of this process alone.
    Memory(Arc<Memory>),
    /// Of several gateways.
    Shared(Arc<Shared>),
}

impl Store {
    /// Makes it ready; no socket is opened. `workers` threads will use it, and the control thread.
    pub fn new(settings: &config::Store, workers: usize) -> Result<Self, Diagnostic> {
        let Some(redis) = &settings.redis else { return Ok(Self::memory()) };
        let shared = Shared::new(redis, workers);
        let shared = shared.map_err(|why| Diagnostic::error(settings.span, why))?;
        Ok(Self::Shared(Arc::new(shared)))
    }

    /// What needs no settings.
    pub fn memory() -> Self {
        Self::Memory(Arc::new(Memory::new()))
    }

    /// What plugins get.
    pub fn stores(&self) -> Arc<dyn Stores> {
        match self {
            Self::Memory(memory) => memory.clone(),
            Self::Shared(shared) => shared.clone(),
        }
    }

    /// Begins what goes on beside the requests, on this thread's runtime; gives the numbers.
    pub fn start(&self) -> Option<Box<dyn Collector>> {
        let Self::Shared(shared) = self else { return None };
        shared.start();
        Some(shared.numbers())
    }

    /// Gives the memory of what has expired back early; nothing depends on it.
    pub fn expire(&self) {
        match self {
            Self::Memory(memory) => memory.expire(),
            Self::Shared(shared) => shared.expire(),
        }
    }
}
