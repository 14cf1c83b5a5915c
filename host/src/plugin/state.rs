//! What a guest's store holds: the exchange that is going on, its limits, and what went wrong.

use std::{sync::Arc, time::Duration};

use wasmtime::{
    ResourceLimiter, Store, UpdateDeadline,
    component::{InstancePre, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{
    bindings::hook_needs,
    context::Context,
    funcs::OtherType,
    host_calls::fetch::Fetches,
    mentions::Mentions,
    meter::{Meter, UsedUp},
    trap::readable,
};
use crate::{
    filter::{Cause, Hook},
    message::{Exchange, Standing},
};

/// What a store holds, and what host calls see.
pub(super) struct State {
    /// The exchange of the hook call that is going on; a vacant one at rest, and what is left of it
    /// in the middle of a body.
    pub(super) exchange: Box<Exchange>,
    /// What is going on.
    pub(super) phase: Phase,
    /// What all instances of this plugin share.
    pub(super) context: Arc<Context>,
    /// What `configure` has said beside its answer.
    pub(super) declared: Declared,
    /// The text that `log.panicked` left.
    pub(super) panic: Option<String>,
    /// What this hook call has logged, in bytes.
    pub(super) logged: usize,
    /// Fetches of this hook call.
    pub(super) fetches: Fetches,
    /// Keys that this hook call leads (kv single flight); given up at its end.
    pub(super) leads: Vec<Box<dyn Send>>,
    meter: Arc<Meter>,
    memory: MemoryLimit,
    wasi: Option<Box<(WasiCtx, ResourceTable)>>,
}

/// What a plugin says in `configure`, once it knows its settings.
pub(super) struct Declared {
    /// Hooks that it has no need of.
    pub(super) skipped: hook_needs::Hooks,
    /// What is done to every exchange without a call.
    pub(super) standing: Standing,
    /// What its settings make it use.
    pub(super) mentions: Mentions,
}

impl Default for Declared {
    fn default() -> Self {
        Self {
            skipped: hook_needs::Hooks::empty(),
            standing: Standing::default(),
            mentions: Mentions::default(),
        }
    }
}

/// Which host calls make sense now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// `configure`: no exchange, no outside world.
    Configure,
    /// A hook of an exchange.
    Hook(Hook),
    /// In the middle of a body: the outside world, but the exchange has gone on.
    Stream,
    /// `on-tick`: the outside world, no exchange.
    Tick,
}

/// A store of its own for a guest, with its limits.
pub(super) fn new_store(pre: &InstancePre<State>, context: &Arc<Context>) -> Store<State> {
    let mut store = Store::new(pre.engine(), State::new(context.clone()));
    store.limiter(|state| &mut state.memory);
    // What a guest hands over in one call, lists and strings together: bounds what it can make
    // the host allocate.
    store.set_hostcall_fuel((context.limits.body as usize).saturating_add(1 << 20));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        let used_up = store.data().meter.is_used_up();
        // A yield puts the guest behind whatever else is ready on this thread. tokio's own looks at the sockets before;
        // after the engine's the task is ready at once, and with one ready tokio looks every 61 turns: a guest in a
        // loop let clients beside it wait for 61 ms, twice for each request.
        Ok(match used_up {
            true => UpdateDeadline::Interrupt,
            false => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
        })
    });
    store
}

impl State {
    /// What its calls are measured by.
    pub(super) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    fn new(context: Arc<Context>) -> Self {
        Self {
            exchange: Box::new(Exchange::vacant()),
            phase: Phase::Configure,
            declared: Declared::default(),
            panic: None,
            logged: 0,
            fetches: Fetches::default(),
            leads: Vec::new(),
            meter: Arc::default(),
            memory: MemoryLimit { cap: context.limits.memory, ..MemoryLimit::default() },
            wasi: context
                .grants
                .wasi
                .then(|| Box::new((WasiCtxBuilder::new().build(), ResourceTable::new()))),
            context,
        }
    }

    /// It is configured: from here on memory that it takes is growth.
    pub(super) fn started(&mut self) {
        self.rest();
        self.memory.at_start = self.memory.used;
    }

    /// How much linear memory has grown since it was configured, in bytes. It never shrinks.
    pub(super) fn growth(&self) -> usize {
        self.memory.used - self.memory.at_start
    }

    /// Two pointers change places: the exchange is not copied.
    pub(super) fn begin(&mut self, hook: Hook, exchange: &mut Box<Exchange>) {
        self.phase = Phase::Hook(hook);
        std::mem::swap(&mut self.exchange, exchange);
    }

    pub(super) fn end(&mut self, exchange: &mut Box<Exchange>) {
        std::mem::swap(&mut self.exchange, exchange);
        self.rest();
    }

    /// Nothing of a call is left for the next one.
    pub(super) fn rest(&mut self) {
        self.pause();
        self.logged = 0;
        self.fetches.clear();
    }

    /// Between two pieces of a body, which is one call as far as its fetches are counted.
    pub(super) fn pause(&mut self) {
        self.phase = Phase::Configure;
        self.panic = None;
        self.fetches.cancel();
        self.leads.clear();
        self.memory.denied = false;
    }

    pub(super) fn used_up(&self, what: UsedUp, cpu: Duration, wall: Duration) -> Cause {
        match what {
            UsedUp::Cpu => self.out_of_cpu(cpu),
            UsedUp::Wall => Cause::Wall(wall),
        }
    }

    fn out_of_cpu(&self, cpu: Duration) -> Cause {
        match self.phase {
            Phase::Configure => Cause::Startup(format!("{cpu:?} of CPU were not enough")),
            _ => Cause::Cpu(cpu),
        }
    }

    /// What a trap was, in the operator's words.
    pub(super) fn cause_of(&mut self, error: &wasmtime::Error, cpu: Duration) -> Cause {
        if matches!(error.downcast_ref(), Some(wasmtime::Trap::Interrupt)) {
            return self.out_of_cpu(cpu);
        }
        // Most languages abort when memory is refused: the trap is then the consequence.
        if self.memory.denied {
            return Cause::Memory(self.memory.cap);
        }
        if let Some(other) = error.downcast_ref::<OtherType>() {
            return Cause::Contract(other.to_string());
        }
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Cause::Busy;
        }
        match self.panic.take() {
            Some(panic) => Cause::Trap(panic),
            None => Cause::Trap(readable(error)),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // A component that imports WASI without the grant is refused before it is instantiated.
        let (ctx, table) = &mut **self.wasi.as_mut().expect("WASI is linked only where granted");
        WasiCtxView { ctx, table }
    }
}

/// Refuses memory past the cap, and remembers that it did.
#[derive(Default)]
struct MemoryLimit {
    cap: usize,
    used: usize,
    at_start: usize,
    denied: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A component may have several memories: what counts is their sum.
        let total = self.used - current.min(self.used) + desired;
        self.denied = total > self.cap;
        if !self.denied {
            self.used = total;
        }
        Ok(!self.denied)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}
