//! The store that gateways share: counters and shared keys in Redis or Valkey.
//!
//! ```text
//! limiter   decides at once or asks; sync (merges with the others), take (calls of take.lua)
//! kv        keys and values of one plugin entry; lead (single flight among gateways)
//! script    runs *.lua, each of which is done at once on the server
//! links     a link for each thread; link (a connection that comes back by itself), backoff
//! server    how to come to the server; failure (why there was no answer)
//! numbers   metrics and log lines
//! ```
//!
//! Time is the server's: a bucket is as old as it says, and what is told to gateways is how long,
//! not when. So clocks of gateways may differ as they like.

mod backoff;
mod failure;
mod kv;
mod lead;
mod limiter;
mod link;
mod links;
mod numbers;
mod script;
mod server;
mod sync;
mod take;

use std::sync::Arc;

use dashmap::DashMap;
use prometheus_client::collector::Collector;

use self::{
    kv::Namespace,
    limiter::{Counters, Exact, LocalFirst},
    links::Links,
    numbers::{Numbers, Shown},
    server::Server,
};
use super::Memory;
use crate::{
    config,
    stores::{Kv, RateLimit, Stores},
};

/// Counters and shared keys in Redis. What is not shared is kept in memory.
pub struct Shared {
    settings: config::Redis,
    memory: Arc<Memory>,
    counters: Arc<Counters>,
    namespaces: DashMap<Box<str>, Arc<Namespace>>,
}

impl Shared {
    /// Reads the files that TLS needs. No socket is opened.
    pub fn new(settings: &config::Redis, workers: usize) -> Result<Self, String> {
        let numbers = Numbers::new(&settings.address);
        let links = Arc::new(Links::new(workers, Server::new(settings)?, &numbers));
        let counters = Counters::new(links, numbers, settings.prefix.clone(), settings.on_failure);
        Ok(Self {
            settings: settings.clone(),
            memory: Arc::new(Memory::new()),
            counters: Arc::new(counters),
            namespaces: DashMap::new(),
        })
    }

    /// Begins to merge counters, on this thread's runtime, as long as that lives.
    pub fn start(&self) {
        tokio::spawn(sync::run(self.counters.clone(), self.settings.sync));
    }

    /// Gives the memory of what is over back early; nothing depends on it.
    pub fn expire(&self) {
        self.memory.expire();
        self.counters.local.expire();
    }

    /// Its numbers, for `/metrics`.
    pub fn numbers(&self) -> Box<dyn Collector> {
        let counters = self.counters.clone();
        let pending = Box::new(move || counters.pending());
        Box::new(Shown { numbers: self.counters.numbers.clone(), pending })
    }
}

impl Stores for Shared {
    fn kv(&self, namespace: &str, max_bytes: u64, shared: bool) -> Arc<dyn Kv> {
        if !shared {
            return self.memory.kv(namespace, max_bytes, false);
        }
        let (links, prefix) = (&self.counters.links, &self.settings.prefix);
        let new = || Arc::new(Namespace::new(links.clone(), prefix, namespace));
        let space = self.namespaces.entry(namespace.into()).or_insert_with(new).clone();
        space.set_cap(max_bytes);
        space
    }

    fn rate_limit(&self, plugin: &str) -> Arc<dyn RateLimit> {
        match self.settings.exact.holds_for(plugin) {
            true => Arc::new(Exact(self.counters.clone())),
            false => Arc::new(LocalFirst(self.counters.clone())),
        }
    }
}
