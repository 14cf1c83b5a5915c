//! The one place that knows which method is which hook.

use proc_macro2::Ident;

/// A method of `Plugin` that is exported.
pub(crate) struct Hook {
    /// The method's name.
    pub(crate) method: &'static str,
    /// The module of `torana_plugin_sdk::export`.
    pub(crate) module: &'static str,
    /// The variant of `torana_plugin_sdk::Hook`.
    pub(crate) variant: &'static str,
}

pub(crate) const HOOKS: [Hook; 8] = [
    hook("on_request_head", "on_request_head", "OnRequestHead"),
    hook("on_request_body", "on_request_body", "OnRequestBody"),
    hook("on_request_stream", "on_request_stream", "OnRequestStream"),
    hook("handle", "handler", "Handler"),
    hook("on_response_head", "on_response_head", "OnResponseHead"),
    hook("on_response_body", "on_response_body", "OnResponseBody"),
    hook("on_response_stream", "on_response_stream", "OnResponseStream"),
    hook("on_tick", "on_tick", "OnTick"),
];

const fn hook(method: &'static str, module: &'static str, variant: &'static str) -> Hook {
    Hook { method, module, variant }
}

impl Hook {
    /// The hook that a method is, if it is one.
    pub(crate) fn of(method: &Ident) -> Option<&'static Self> {
        HOOKS.iter().find(|hook| method == hook.method)
    }
}
