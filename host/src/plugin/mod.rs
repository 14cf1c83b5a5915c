//! The sandbox: the only room that knows wasmtime. [`PluginRoom`] is its door: a `PluginUse` of the
//! configuration goes in, a [`Plugin`] that chains can call comes out.
//!
//! ```text
//! filter      check out, call, check in
//! pool        idle instances, for each worker
//! instance    one guest, and calls of its hooks            funcs   what it exports, typed
//! state       what its store holds, and its memory         meter   CPU and wall-clock budgets
//! trap        why it ended, in words                       epoch   the clock that ends a loop
//! host_calls  what guests may import, one file an interface
//! loader      file -> component -> checked plugin          exports, grants   its type, read
//! named       the component that the TOML names            file    its bytes, if it is a file
//! refusal     why it does not start, at its line           bounds  what is too costly to compile
//! cache       compiled code on disk                        engine  wasmtime, set up
//! schema      what it says of its settings                 reach   whom they make it call
//! mentions    what they name of its routes, and of headers
//! ```

mod bindings;
mod bounds;
mod cache;
mod components;
mod context;
mod engine;
mod epoch;
mod exports;
mod file;
mod filter;
mod funcs;
mod grants;
mod host_calls;
mod instance;
mod loader;
mod mentions;
mod meter;
mod named;
mod pool;
mod reach;
mod refusal;
mod schema;
mod state;
mod trap;

pub use engine::Traces;
pub use exports::Import;
pub use file::{digest_file, read_file};
pub use filter::PluginFilter;
pub use loader::{Description, PluginRoom, Services};
pub use mentions::{Mention, Mentioned};
pub use named::{read_component, sha256};
pub use refusal::wrong_setting;

use std::{sync::Arc, time::Duration};

use wasmtime::component::InstancePre;

use crate::{
    config::{BodyGrant, Grants, Isolation},
    filter::{Hook, Hooks},
    message::Standing,
};
use context::Context;
use exports::Exports;
use pool::Pool;
use state::State;

/// A plugin that was loaded, checked against its grants, and configured once.
pub struct Plugin {
    context: Arc<Context>,
    exports: Exports,
    /// Those of its exports that its settings need.
    hooks: Hooks,
    standing: Standing,
    mentions: Vec<Mention>,
    imports: Vec<Import>,
    pre: InstancePre<State>,
    pool: Pool,
    isolation: Isolation,
    sha256: [u8; 32],
    tick: Option<Duration>,
}

impl Plugin {
    /// The `[plugins.NAME]` entry.
    pub fn name(&self) -> &Arc<str> {
        &self.context.name
    }

    /// Where it wants to be called, with the settings that it has.
    pub fn hooks(&self) -> Hooks {
        self.hooks
    }

    /// What is done to every exchange without a call, with the settings that it has.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What its settings name of the routes whose chains it is in.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// What it imports.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The SHA-256 of its file.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// How often it wants `on-tick`, if it does.
    pub fn tick_interval(&self) -> Option<Duration> {
        self.tick.filter(|_| self.exports.tick.is_some())
    }

    /// What it may touch.
    pub fn grants(&self) -> &Grants {
        &self.context.grants
    }

    /// Whether this stream hook only hears a body: that is all that its grant says.
    pub fn listens(&self, hook: Hook) -> bool {
        match hook {
            Hook::RequestStream => self.grants().request_body == BodyGrant::Read,
            Hook::ResponseStream => self.grants().response_body == BodyGrant::Read,
            _ => false,
        }
    }

    /// Idle instances of all workers.
    pub fn idle_instances(&self) -> usize {
        self.pool.idle()
    }

    /// Instances of all workers that run a call, or hold a body between two.
    pub fn busy_instances(&self) -> usize {
        self.pool.busy()
    }

    /// Hook calls since it was loaded.
    pub fn calls(&self) -> u64 {
        self.pool.calls()
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.context.name).finish_non_exhaustive()
    }
}
