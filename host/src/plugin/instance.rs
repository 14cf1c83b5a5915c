//! One running guest: its store, its limits, and typed calls of the hooks that it has.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use wasmtime::{
    ResourceLimiter, Store, UpdateDeadline,
    component::{
        self, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, ResourceTable,
        TypedFunc,
    },
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{
    bindings::{SettingError, Setup, hook_needs, types},
    context::Context,
    exports::{Exports, StreamExports},
    host_calls::fetch::Fetches,
    meter::{Meter, UsedUp, metered},
};
use crate::{
    filter::{Cause, Hook, Verdict},
    message::{Exchange, Reply},
    telemetry::one_line,
};

/// A hook without an argument: its answer is in the exchange and in what it returns.
type HookFunc = TypedFunc<(), (Result<types::Action, types::Failure>,)>;
type HandlerFunc = TypedFunc<(), (Result<types::Reply, types::Failure>,)>;
type ConfigureFunc = TypedFunc<(String,), (Result<Setup, Vec<SettingError>>,)>;
type StartFunc = TypedFunc<(), (Result<bool, types::Failure>,)>;
type ChunkFunc = TypedFunc<(Vec<u8>,), (Result<Vec<u8>, types::Failure>,)>;
type FinishFunc = TypedFunc<(), (Result<Vec<u8>, types::Failure>,)>;
type TickFunc = TypedFunc<(), (Result<(), types::Failure>,)>;

/// A guest that was configured and waits to be called.
pub(super) struct Instance {
    store: Store<State>,
    funcs: Funcs,
    /// The store's, which is lent to a call for as long as it runs.
    meter: Arc<Meter>,
}

/// The hooks that it exports, looked up once.
struct Funcs {
    request_head: Option<HookFunc>,
    request_body: Option<HookFunc>,
    request_stream: Option<StreamFuncs>,
    response_head: Option<HookFunc>,
    response_body: Option<HookFunc>,
    response_stream: Option<StreamFuncs>,
    handler: Option<HandlerFunc>,
    tick: Option<TickFunc>,
}

/// The functions of one stream hook.
#[derive(Clone, Copy)]
struct StreamFuncs {
    start: StartFunc,
    chunk: ChunkFunc,
    finish: FinishFunc,
}

/// What a store holds, and what host calls see.
pub(super) struct State {
    /// The exchange of the hook call that is going on; a vacant one at rest, and what is left of it
    /// in the middle of a body.
    pub(super) exchange: Box<Exchange>,
    /// What is going on.
    pub(super) phase: Phase,
    /// What all instances of this plugin share.
    pub(super) context: Arc<Context>,
    /// Hooks that `configure` said it has no need of.
    pub(super) skipped: hook_needs::Hooks,
    /// The text that `log.panicked` left.
    pub(super) panic: Option<String>,
    /// Fetches of this hook call.
    pub(super) fetches: Fetches,
    /// Keys that this hook call leads (kv single flight); given up at its end.
    pub(super) leads: Vec<Box<dyn Send>>,
    meter: Arc<Meter>,
    memory: MemoryLimit,
    wasi: Option<Box<(WasiCtx, ResourceTable)>>,
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

/// Why there is no instance.
#[derive(Debug)]
pub(super) enum StartError {
    /// `configure` found the settings wrong.
    Settings(Vec<SettingError>),
    /// It did not come so far.
    Failed(Cause),
}

impl Instance {
    /// Instantiates and configures a guest.
    pub(super) async fn start(
        pre: &InstancePre<State>,
        exports: &Exports,
        context: &Arc<Context>,
    ) -> Result<(Self, Setup), StartError> {
        let mut store = new_store(pre, context);
        let meter = store.data().meter.clone();
        let limits = &context.limits;
        let started = {
            let starting = pin!(start_in(&mut store, pre, exports, context));
            metered(&meter, limits.startup, limits.wall, starting).await
        };
        match started {
            Ok(Ok((funcs, Ok(setup)))) => {
                store.data_mut().rest();
                store.data_mut().memory.at_start = store.data().memory.used;
                Ok((Self { store, funcs, meter }, setup))
            }
            Ok(Ok((_, Err(wrong)))) => Err(StartError::Settings(wrong)),
            Ok(Err(error)) => {
                Err(StartError::Failed(store.data_mut().cause_of(&error, limits.startup)))
            }
            Err(what) => {
                let cause = store.data().used_up(what, limits.startup, limits.wall);
                Err(StartError::Failed(cause))
            }
        }
    }

    /// Calls one hook. `exchange` is in its place again afterwards. After an error the store is
    /// spent and the instance must be dropped.
    pub(super) async fn call(
        &mut self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Verdict, Cause> {
        self.store.data_mut().begin(hook, exchange);
        let result = self.run(hook).await;
        self.store.data_mut().end(exchange);
        result
    }

    /// Begins a stream hook: whether it wants the body.
    pub(super) async fn open(
        &mut self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<bool, Cause> {
        let start = self.stream(hook).map(|funcs| funcs.start);
        self.store.data_mut().begin(hook, exchange);
        let answered = self.measured(start, (), hook.name()).await;
        let state = self.store.data_mut();
        state.end(exchange);
        let wanted = answered?.map_err(refused)?;
        if wanted {
            state.exchange.shadow(exchange);
        }
        Ok(wanted)
    }

    /// A piece of a body for a stream hook.
    pub(super) async fn chunk(&mut self, hook: Hook, data: Vec<u8>) -> Result<Vec<u8>, Cause> {
        let chunk = self.stream(hook).map(|funcs| funcs.chunk);
        self.store.data_mut().phase = Phase::Stream;
        let answered = self.measured(chunk, (data,), hook.name()).await;
        self.store.data_mut().pause();
        answered?.map_err(refused)
    }

    /// The end of a body for a stream hook.
    pub(super) async fn finish(&mut self, hook: Hook) -> Result<Vec<u8>, Cause> {
        let finish = self.stream(hook).map(|funcs| funcs.finish);
        self.store.data_mut().phase = Phase::Stream;
        let answered = self.measured(finish, (), hook.name()).await;
        let state = self.store.data_mut();
        state.rest();
        *state.exchange = Exchange::vacant();
        answered?.map_err(refused)
    }

    fn stream(&self, hook: Hook) -> Option<StreamFuncs> {
        match hook {
            Hook::RequestStream => self.funcs.request_stream,
            _ => self.funcs.response_stream,
        }
    }

    /// Calls `on-tick`.
    pub(super) async fn tick(&mut self) -> Result<(), Cause> {
        self.store.data_mut().phase = Phase::Tick;
        let answered = self.measured(self.funcs.tick, (), "on-tick").await;
        self.store.data_mut().rest();
        answered?.map_err(refused)
    }

    /// Hooks that it has no need of, by its settings.
    pub(super) fn skipped(&self) -> hook_needs::Hooks {
        self.store.data().skipped
    }

    /// How much linear memory has grown since it was configured, in bytes. It never shrinks.
    pub(super) fn growth(&self) -> usize {
        let memory = &self.store.data().memory;
        memory.used - memory.at_start
    }

    async fn run(&mut self, hook: Hook) -> Result<Verdict, Cause> {
        let func = match hook {
            Hook::Handler => return self.run_handler().await,
            Hook::RequestHead => self.funcs.request_head,
            Hook::RequestBody => self.funcs.request_body,
            Hook::ResponseHead => self.funcs.response_head,
            Hook::ResponseBody => self.funcs.response_body,
            Hook::RequestStream | Hook::ResponseStream => None,
        };
        match self.measured(func, (), hook.name()).await?.map_err(refused)? {
            types::Action::Next => Ok(Verdict::Next),
            types::Action::Respond(reply) => self.checked(reply).map(Verdict::Respond),
        }
    }

    async fn run_handler(&mut self) -> Result<Verdict, Cause> {
        let reply = self.measured(self.funcs.handler, (), Hook::Handler.name()).await?;
        self.checked(reply.map_err(refused)?).map(Verdict::Respond)
    }

    /// One call under its budgets, with the reason where there is no answer.
    async fn measured<P, T>(
        &mut self,
        func: Option<TypedFunc<P, (T,)>>,
        params: P,
        name: &str,
    ) -> Result<T, Cause>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        (T,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let func = func.ok_or_else(|| Cause::Contract(format!("it does not export {name}")))?;
        let limits = &self.store.data().context.limits;
        let (cpu, wall) = (limits.cpu, limits.wall);
        // The clock has gone on since the last call. Without this a call would begin with a yield.
        self.store.set_epoch_deadline(1);
        let called = {
            let call = pin!(func.call_async(&mut self.store, params));
            metered(&self.meter, cpu, wall, call).await
        };
        match called {
            Ok(Ok((answer,))) => Ok(answer),
            Ok(Err(error)) => Err(self.store.data_mut().cause_of(&error, cpu)),
            Err(what) => Err(self.store.data().used_up(what, cpu, wall)),
        }
    }

    fn checked(&self, reply: types::Reply) -> Result<Box<Reply>, Cause> {
        let reply = super::host_calls::reply(reply, self.store.data().context.limits.body);
        reply.map(Box::new).map_err(Cause::Contract)
    }
}

fn refused(failure: types::Failure) -> Cause {
    let log = one_line(&failure.log).into_owned();
    Cause::Refused { client: failure.client, log }
}

pub(super) fn new_store(pre: &InstancePre<State>, context: &Arc<Context>) -> Store<State> {
    let mut store = Store::new(pre.engine(), State::new(context.clone()));
    store.limiter(|state| &mut state.memory);
    // What a guest hands over in one call, lists and strings together: bounds what it can make
    // the host allocate.
    store.set_hostcall_fuel((context.limits.body as usize).saturating_add(1 << 20));
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| {
        let used_up = store.data().meter.is_used_up();
        // A yield puts the guest behind whatever else is ready on this thread.
        Ok(if used_up { UpdateDeadline::Interrupt } else { UpdateDeadline::Yield(1) })
    });
    store
}

async fn start_in(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    exports: &Exports,
    context: &Context,
) -> wasmtime::Result<(Funcs, Result<Setup, Vec<SettingError>>)> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let configure: ConfigureFunc = typed(&instance, store, exports.configure, "configure")?;
    let configured = configure.call_async(&mut *store, (context.settings.clone(),)).await?.0;
    macro_rules! func {
        ($hook:ident, $name:expr) => {
            exports.$hook.map(|index| typed(&instance, store, index, $name)).transpose()?
        };
    }
    macro_rules! stream {
        ($hook:ident, $name:expr) => {
            match exports.$hook {
                Some(StreamExports { start, chunk, finish }) => Some(StreamFuncs {
                    start: typed(&instance, store, start, $name)?,
                    chunk: typed(&instance, store, chunk, $name)?,
                    finish: typed(&instance, store, finish, $name)?,
                }),
                None => None,
            }
        };
    }
    let funcs = Funcs {
        request_head: func!(request_head, Hook::RequestHead.name()),
        request_body: func!(request_body, Hook::RequestBody.name()),
        request_stream: stream!(request_stream, Hook::RequestStream.name()),
        response_head: func!(response_head, Hook::ResponseHead.name()),
        response_body: func!(response_body, Hook::ResponseBody.name()),
        response_stream: stream!(response_stream, Hook::ResponseStream.name()),
        handler: func!(handler, Hook::Handler.name()),
        tick: func!(tick, "on-tick"),
    };
    Ok((funcs, configured))
}

/// An exported function, if it has the type that the contract gives it.
pub(super) fn typed<P, R>(
    instance: &component::Instance,
    store: &mut Store<State>,
    index: ComponentExportIndex,
    name: &'static str,
) -> wasmtime::Result<TypedFunc<P, R>>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    instance.get_typed_func(store, index).map_err(|error| OtherType { name, error }.into())
}

/// A function of the contract that is not of the contract's type.
#[derive(Debug)]
struct OtherType {
    name: &'static str,
    error: wasmtime::Error,
}

impl std::error::Error for OtherType {}

impl fmt::Display for OtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it exports `{}` of another type: {:#}", self.name, self.error)
    }
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
            skipped: hook_needs::Hooks::empty(),
            panic: None,
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

    /// Two pointers change places: the exchange is not copied.
    fn begin(&mut self, hook: Hook, exchange: &mut Box<Exchange>) {
        self.phase = Phase::Hook(hook);
        std::mem::swap(&mut self.exchange, exchange);
    }

    fn end(&mut self, exchange: &mut Box<Exchange>) {
        std::mem::swap(&mut self.exchange, exchange);
        self.rest();
    }

    /// Nothing of a call is left for the next one.
    fn rest(&mut self) {
        self.pause();
        self.fetches.clear();
    }

    /// Between two pieces of a body, which is one call as far as its fetches are counted.
    fn pause(&mut self) {
        self.phase = Phase::Configure;
        self.panic = None;
        self.fetches.cancel();
        self.leads.clear();
        self.memory.denied = false;
    }

    fn used_up(&self, what: UsedUp, cpu: Duration, wall: Duration) -> Cause {
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
    fn cause_of(&mut self, error: &wasmtime::Error, cpu: Duration) -> Cause {
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

/// A trap in one line: the reason first, then the guest's innermost functions. Where they stand is known if the
/// component has line tables and the environment sets WASMTIME_BACKTRACE_DETAILS=1: reading them is work
/// that a component could make large, so it is done for those who ask.
fn readable(error: &wasmtime::Error) -> String {
    let mut reasons: Vec<String> = error.chain().map(|e| e.to_string()).collect();
    reasons.reverse();
    let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map(|trace| {
        trace.frames().iter().filter_map(frame).take(3).collect::<Vec<_>>().join(" < ")
    });
    let reason = reasons.into_iter().next().unwrap_or_default();
    match frames.filter(|f| !f.is_empty()) {
        Some(frames) => one_line(&format!("{reason} (in {frames})")).into_owned(),
        None => one_line(&reason).into_owned(),
    }
}

/// `name`, or `name at file:line`.
fn frame(frame: &wasmtime::FrameInfo) -> Option<String> {
    let name = frame.func_name()?;
    let place = frame.symbols().first().and_then(|symbol| Some((symbol.file()?, symbol.line()?)));
    Some(match place {
        Some((file, line)) => format!("{name} at {file}:{line}"),
        None => name.to_owned(),
    })
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
