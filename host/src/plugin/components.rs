//! The file of a component becomes code: known already, kept on disk from an earlier start, or
//! compiled now.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::task::spawn_blocking;
use wasmtime::{Engine, component::Component};

use super::{
    bounds,
    cache::{Cache, Compiled},
};
use crate::memory;

/// Components by their digests.
pub(super) struct Components {
    engine: Engine,
    cache: Cache,
    known: Mutex<HashMap<[u8; 32], Component>>,
}

impl Components {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine, cache: Cache::of_user(), known: Mutex::default() }
    }

    /// The component, or what is wrong with its file.
    ///
    /// Hashing and compiling go on beside, for a large component takes seconds, and while a reload waits
    /// for it the control thread has ticks and health checks to make, and `/healthz` to answer. Mapping
    /// what is kept takes a millisecond and is done here: what lives as long as the plugin then shares
    /// pages of memory with all else that this thread has made.
    pub(super) async fn get(&self, wasm: Vec<u8>, sha256: [u8; 32]) -> Result<Component, String> {
        let known = self.known().get(&sha256).cloned();
        if let Some(component) = known {
            return Ok(component);
        }
        let (engine, cache) = (self.engine.clone(), self.cache.clone());
        let found = beside(move || cache.find(&engine, &sha256)).await?;
        let component = match found.and_then(|entry| entry.load(&self.engine)) {
            Some(component) => component,
            None => {
                let (engine, cache) = (self.engine.clone(), self.cache.clone());
                let work = move || compile(&engine, &cache, &wasm, &sha256);
                let Compiled { component, entry } = beside(work).await??;
                // As it will be after the next start: mapped, and without what the compiler has left.
                entry.and_then(|entry| entry.load(&self.engine)).unwrap_or(component)
            }
        };
        self.known().insert(sha256, component.clone());
        Ok(component)
    }

    /// Forgets the others.
    pub(super) fn retain(&self, is_used: impl Fn(&[u8; 32]) -> bool) {
        self.known().retain(|sha256, _| is_used(sha256));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Component>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On a thread for work that takes long, which gives back the memory that it took.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let done = spawn_blocking(|| {
        let done = work();
        memory::give_back();
        done
    });
    done.await.map_err(|error| format!("the compiler gave up: {error}"))
}

/// Compiles what may be compiled.
fn compile(
    engine: &Engine,
    cache: &Cache,
    wasm: &[u8],
    sha256: &[u8; 32],
) -> Result<Compiled, String> {
    check_preamble(wasm)?;
    bounds::check(wasm)?;
    let compiled = cache.compile(engine, wasm, sha256);
    compiled.map_err(|error| format!("the component does not load: {error:#}"))
}

/// Says the usual mistakes plainly, before the parser says them in its own words.
fn check_preamble(wasm: &[u8]) -> Result<(), String> {
    match wasm {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Err("the file is a core WebAssembly module, not a component; make a component of it \
             with `wasm-tools component new`"
                .into())
        }
        [0, b'a', b's', b'm', ..] => {
            Err("the file is WebAssembly of a version that Torana does not know".into())
        }
        [] => Err("the file is empty".into()),
        _ => Err("the file is not WebAssembly".into()),
    }
}
