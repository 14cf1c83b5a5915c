//! The contract in Rust, generated from wit/. Host functions that may wait are async; the others
//! are plain calls, which are cheaper.
#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "capabilities",
    imports: {
        "torana:plugin/request-body.length": async | trappable,
        "torana:plugin/request-body.read": async | trappable,
        "torana:plugin/request-body.text": async | trappable,
        "torana:plugin/kv.get": async | trappable,
        "torana:plugin/kv.set": async | trappable,
        "torana:plugin/kv.delete": async | trappable,
        "torana:plugin/kv.compare-and-swap": async | trappable,
        "torana:plugin/kv.increment": async | trappable,
        "torana:plugin/kv.lead": async | trappable,
        "torana:plugin/rate-limit.take": async | trappable,
        "torana:plugin/fetch.send": async | trappable,
        "torana:plugin/fetch.send-all": async | trappable,
        "torana:plugin/fetch.wait-any": async | trappable,
        default: trappable,
    },
});

pub use torana::plugin::*;

/// What `configure` answers. Exported interfaces are looked up by hand, for each is optional, so
/// their types stand here.
#[derive(Debug, Clone, wasmtime::component::ComponentType, wasmtime::component::Lift)]
#[component(record)]
pub struct Setup {
    #[component(name = "tick-ms")]
    pub tick_ms: Option<u32>,
}

/// One wrong setting.
#[derive(Debug, Clone, wasmtime::component::ComponentType, wasmtime::component::Lift)]
#[component(record)]
pub struct SettingError {
    pub path: Vec<String>,
    pub message: String,
}
