//! The functions of the contract that a guest exports, looked up once, with the contract's types.

use std::fmt;

use wasmtime::{
    Store,
    component::{self, ComponentExportIndex, ComponentNamedList, Lift, Lower, TypedFunc},
};

use super::{
    bindings::{SettingError, Setup, types},
    exports::{Exports, StreamExports},
    state::State,
};
use crate::filter::Hook;

/// A hook without an argument: its answer is in the exchange and in what it returns.
type HookFunc = TypedFunc<(), (Result<types::Action, types::Failure>,)>;
type HandlerFunc = TypedFunc<(), (Result<types::Reply, types::Failure>,)>;
pub(super) type ConfigureFunc = TypedFunc<(String,), (Result<Setup, Vec<SettingError>>,)>;
type StartFunc = TypedFunc<(), (Result<bool, types::Failure>,)>;
type ChunkFunc = TypedFunc<(Vec<u8>,), (Result<Vec<u8>, types::Failure>,)>;
type FinishFunc = TypedFunc<(), (Result<Vec<u8>, types::Failure>,)>;
type TickFunc = TypedFunc<(), (Result<(), types::Failure>,)>;

/// Every hook that it has.
pub(super) struct Funcs {
    pub(super) request_head: Option<HookFunc>,
    pub(super) request_body: Option<HookFunc>,
    pub(super) request_stream: Option<StreamFuncs>,
    pub(super) response_head: Option<HookFunc>,
    pub(super) response_body: Option<HookFunc>,
    pub(super) response_stream: Option<StreamFuncs>,
    pub(super) handler: Option<HandlerFunc>,
    pub(super) tick: Option<TickFunc>,
}

/// The functions of one stream hook.
#[derive(Clone, Copy)]
pub(super) struct StreamFuncs {
    pub(super) start: StartFunc,
    pub(super) chunk: ChunkFunc,
    pub(super) finish: FinishFunc,
}

impl Funcs {
    /// Looks them up.
    pub(super) fn of(
        instance: &component::Instance,
        store: &mut Store<State>,
        exports: &Exports,
    ) -> wasmtime::Result<Self> {
        macro_rules! func {
            ($hook:ident, $name:expr) => {
                exports.$hook.map(|index| typed(instance, store, index, $name)).transpose()?
            };
        }
        macro_rules! stream {
            ($hook:ident, $name:expr) => {
                match exports.$hook {
                    Some(StreamExports { start, chunk, finish }) => Some(StreamFuncs {
                        start: typed(instance, store, start, $name)?,
                        chunk: typed(instance, store, chunk, $name)?,
                        finish: typed(instance, store, finish, $name)?,
                    }),
                    None => None,
                }
            };
        }
        Ok(Self {
            request_head: func!(request_head, Hook::RequestHead.name()),
            request_body: func!(request_body, Hook::RequestBody.name()),
            request_stream: stream!(request_stream, Hook::RequestStream.name()),
            response_head: func!(response_head, Hook::ResponseHead.name()),
            response_body: func!(response_body, Hook::ResponseBody.name()),
            response_stream: stream!(response_stream, Hook::ResponseStream.name()),
            handler: func!(handler, Hook::Handler.name()),
            tick: func!(tick, "on-tick"),
        })
    }
}

/// `configure`, which every plugin has.
pub(super) fn configure(
    instance: &component::Instance,
    store: &mut Store<State>,
    exports: &Exports,
) -> wasmtime::Result<ConfigureFunc> {
    typed(instance, store, exports.configure, "configure")
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
pub(super) struct OtherType {
    name: &'static str,
    error: wasmtime::Error,
}

impl std::error::Error for OtherType {}

impl fmt::Display for OtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it exports `{}` of another type: {:#}", self.name, self.error)
    }
}
