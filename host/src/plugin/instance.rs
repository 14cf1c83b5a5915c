//! One running guest, and typed calls of the hooks that it has.

use std::{pin::pin, sync::Arc};

use wasmtime::{
    Store,
    component::{ComponentNamedList, InstancePre, Lift, Lower, TypedFunc},
};

use super::{
    bindings::{SettingError, Setup, types},
    context::Context,
    exports::Exports,
    funcs::{self, Funcs, StreamFuncs},
    meter::{Meter, metered},
    state::{Declared, Phase, State, new_store},
};
use crate::{
    filter::{Cause, Hook, Verdict},
    message::{Exchange, Reply},
    telemetry::one_line,
};

/// A guest that was configured and waits to be called.
pub(super) struct Instance {
    store: Store<State>,
    funcs: Funcs,
    /// The store's, which is lent to a call for as long as it runs.
    meter: Arc<Meter>,
}

/// Why there is no instance.
#[derive(Debug)]
pub(super) enum StartError {
    /// `configure` found the settings wrong.
    Settings(Vec<SettingError>),
    /// It did not come so far.
    Failed(Cause),
}

/// An exchange in the hands of an instance, and back in its place when this is dropped: whoever follows a client that
/// leaves finds it there.
struct Lent<'a> {
    instance: &'a mut Instance,
    exchange: &'a mut Box<Exchange>,
}

impl<'a> Lent<'a> {
    fn begin(instance: &'a mut Instance, hook: Hook, exchange: &'a mut Box<Exchange>) -> Self {
        instance.store.data_mut().begin(hook, exchange);
        Self { instance, exchange }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.instance.store.data_mut().end(self.exchange);
    }
}

impl Instance {
    /// Instantiates and configures a guest; and what it said then.
    pub(super) async fn start(
        pre: &InstancePre<State>,
        exports: &Exports,
        context: &Arc<Context>,
    ) -> Result<(Self, Setup, Declared), StartError> {
        let mut store = new_store(pre, context);
        let meter = store.data().meter().clone();
        let limits = &context.limits;
        let started = {
            let starting = pin!(start_in(&mut store, pre, exports, context));
            metered(&meter, limits.startup, limits.wall, starting).await
        };
        match started {
            Ok(Ok((funcs, Ok(setup)))) => {
                store.data_mut().started();
                let declared = std::mem::take(&mut store.data_mut().declared);
                Ok((Self { store, funcs, meter }, setup, declared))
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

    /// Calls one hook. `exchange` is in its place again afterwards, also where the call is given up. After an error the store is
    /// spent and the instance must be dropped.
    pub(super) async fn call(
        &mut self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Verdict, Cause> {
        let lent = Lent::begin(self, hook, exchange);
        let verdict = lent.instance.run(hook).await;
        lent.instance.note_use();
        verdict
    }

    /// Begins a stream hook: whether it wants the body.
    pub(super) async fn open(
        &mut self,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<bool, Cause> {
        let start = self.stream(hook).map(|funcs| funcs.start);
        let answered = {
            let lent = Lent::begin(self, hook, exchange);
            let answered = lent.instance.measured(start, (), hook.name()).await;
            lent.instance.note_use();
            answered
        };
        let wanted = answered?.map_err(refused)?;
        if wanted {
            self.store.data_mut().exchange.shadow(exchange);
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

    /// Tells a trace what the call has used.
    fn note_use(&mut self) {
        if let Some(trace) = &mut self.store.data_mut().exchange.trace {
            trace.used(self.meter.used());
        }
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

    /// How much linear memory has grown since it was configured, in bytes. It never shrinks.
    pub(super) fn growth(&self) -> usize {
        self.store.data().growth()
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
        let Context { limits, grants, .. } = &*self.store.data().context;
        let reply = super::host_calls::reply(reply, limits.body, &grants.headers_write);
        reply.map(Box::new).map_err(Cause::Contract)
    }
}

async fn start_in(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    exports: &Exports,
    context: &Context,
) -> wasmtime::Result<(Funcs, Result<Setup, Vec<SettingError>>)> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let configure = funcs::configure(&instance, store, exports)?;
    let configured = configure.call_async(&mut *store, (context.settings.clone(),)).await?.0;
    Ok((Funcs::of(&instance, store, exports)?, configured))
}

fn refused(failure: types::Failure) -> Cause {
    let log = one_line(&failure.log).into_owned();
    Cause::Refused { client: failure.client, log }
}
