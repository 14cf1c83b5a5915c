//! What an author writes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{
    Action, Failure, Reply, SettingErrors,
    host::{Host, Setup},
};

/// What a hook answers: go on, reply, or a failure that the plugin's `on_error` judges.
pub type Outcome = Result<Action, Failure>;

/// What a stream hook answers: how to transform this body, or none to let it pass as it is.
pub type StreamOutcome = Result<Option<Box<dyn Transform>>, Failure>;

/// A plugin. Put [`#[plugin]`](crate::plugin) on the implementation: it exports the hooks that are
/// written there, and the host calls what is exported.
///
/// | method | the contract's interface | called |
/// | --- | --- | --- |
/// | [`new`](Self::new), [`prepare`](Self::prepare) | `configure` | once for each instance, before any hook |
/// | [`on_request_head`](Self::on_request_head) | `on-request-head` | for every request, before its body |
/// | [`on_request_body`](Self::on_request_body) | `on-request-body` | with the whole request body at hand |
/// | [`on_request_stream`](Self::on_request_stream) | `on-request-stream` | before the first byte; then the transform, chunk by chunk |
/// | [`handle`](Self::handle) | `handler` | in the place of an upstream |
/// | [`on_response_head`](Self::on_response_head) | `on-response-head` | for every response, before its body |
/// | [`on_response_body`](Self::on_response_body) | `on-response-body` | with the whole response body at hand |
/// | [`on_response_stream`](Self::on_response_stream) | `on-response-stream` | as for requests |
/// | [`on_tick`](Self::on_tick) | `on-tick` | in the background, at the interval of [`tick_every`](Self::tick_every) |
///
/// An instance serves one call at a time, and many exchanges one after the other: what must travel
/// with one exchange is an [attribute](crate::host::Attributes), what all instances share is in
/// [`kv`](crate::host::Kv). State of the instance's own is fine for what may be lost at any time,
/// in a `Cell` or `RefCell`.
#[expect(unused_variables, reason = "the default bodies do nothing, the names are documentation")]
pub trait Plugin: Sized + 'static {
    /// The `config` of the TOML. See [`#[settings]`](macro@crate::settings).
    type Settings: DeserializeOwned + JsonSchema;

    /// Checks the settings and sets the plugin up. Called by `torana check` too.
    fn new(settings: Self::Settings) -> Result<Self, SettingErrors>;

    /// How often [`on_tick`](Self::on_tick) is called: at least 100 ms; none for never.
    fn tick_every(&self) -> Option<Duration> {
        None
    }

    /// Hooks that have nothing to do with these settings: they are not called, and no body is held or led through
    /// the plugin for them. `Handler` and `OnTick` are not among them.
    fn unneeded(&self) -> Vec<Hook> {
        Vec::new()
    }

    /// Says what is done to all exchanges to come without a call, and what the settings make the hooks use, once the
    /// plugin is set up. Called by `torana check` too.
    fn prepare(&self, setup: &impl Setup) -> Result<(), SettingErrors> {
        Ok(())
    }

    /// Sees every request before its body is looked at. The body streams past untouched.
    fn on_request_head(&self, host: &impl Host) -> Outcome {
        Ok(Action::Next)
    }

    /// Sees the whole request body, once all heads have passed. Headers may still be changed. Not
    /// called where there is no body.
    fn on_request_body(&self, host: &impl Host) -> Outcome {
        Ok(Action::Next)
    }

    /// Decides how to transform the request body while it passes. Headers may still be changed.
    fn on_request_stream(&self, host: &impl Host) -> StreamOutcome {
        Ok(None)
    }

    /// Ends the chain and makes the reply, in the place of an upstream.
    fn handle(&self, host: &impl Host) -> Result<Reply, Failure> {
        Err(Failure::new("this plugin handles no requests"))
    }

    /// Sees every response before its body is looked at. The body streams past untouched.
    fn on_response_head(&self, host: &impl Host) -> Outcome {
        Ok(Action::Next)
    }

    /// Sees the whole response body. Headers may still be changed. Not called for HEAD, 204 and
    /// 304.
    fn on_response_body(&self, host: &impl Host) -> Outcome {
        Ok(Action::Next)
    }

    /// Decides how to transform the response body while it passes. Headers may still be changed.
    fn on_response_stream(&self, host: &impl Host) -> StreamOutcome {
        Ok(None)
    }

    /// Works in the background, once for each process and plugin entry.
    fn on_tick(&self, host: &impl Host) -> Result<(), Failure> {
        Ok(())
    }
}

/// Transforms one body while it passes, in constant memory. A stream hook makes a new one for each
/// body, so nothing of a body that broke off gets into the next.
pub trait Transform {
    /// Takes what arrived and gives what is to be sent on, which may be nothing.
    fn chunk(&mut self, data: Vec<u8>) -> Result<Vec<u8>, Failure>;

    /// The body has ended: gives what is left.
    fn finish(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(Vec::new())
    }
}

/// A hook of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table at `Plugin` says what each is")]
pub enum Hook {
    OnRequestHead,
    OnRequestBody,
    OnRequestStream,
    Handler,
    OnResponseHead,
    OnResponseBody,
    OnResponseStream,
    OnTick,
}

/// The hooks that a plugin has. Written by [`#[plugin]`](crate::plugin).
pub trait Hooks: Plugin {
    /// Those that its implementation defines.
    const HOOKS: &'static [Hook];
}
