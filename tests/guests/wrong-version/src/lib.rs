//! A plugin that would work, were it not for version 9.9.9 of a contract that looks much like ours.
//! It is written without the SDK, which knows but one version.

// The exports' names do not link natively.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "generated exports are extern functions")]

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ world: "plugin", path: "wit" });
}

use bindings::{
    exports::torana::plugin::{
        configure::{self, SettingError, Setup},
        on_request_head::{self, Action, Failure},
    },
    torana::plugin::log::{Level, write},
};

struct WrongVersion;

impl configure::Guest for WrongVersion {
    fn configure(_: String) -> Result<Setup, Vec<SettingError>> {
        Ok(Setup { tick_ms: None })
    }
}

impl on_request_head::Guest for WrongVersion {
    fn handle() -> Result<Action, Failure> {
        write(Level::Info, "from the future");
        Ok(Action::Next)
    }
}

bindings::export!(WrongVersion with_types_in bindings);
