//! A component that can be configured and has no hook, so that nobody would ever call it. The SDK
//! refuses to make one, so it is written without.

// The export's name does not link natively.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code, reason = "generated exports are extern functions")]

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        inline: "package test:hookless;
            world plugin { export torana:plugin/configure@0.1.3; }",
        path: "../../../wit",
        world: "test:hookless/plugin",
    });
}

use bindings::exports::torana::plugin::configure::{Guest, SettingError, Setup};

struct Hookless;

impl Guest for Hookless {
    fn configure(_: String) -> Result<Setup, Vec<SettingError>> {
        Ok(Setup { tick_ms: None })
    }
}

bindings::export!(Hookless with_types_in bindings);
