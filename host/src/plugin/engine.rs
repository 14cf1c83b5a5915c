//! wasmtime, set up once: how code is compiled, and where memory comes from.

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use super::epoch;

/// The most instances that are alive at once in the process.
const MAX_INSTANCES: u32 = 2_000;

/// What is said of a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traces {
    /// The innermost functions; lines too where the environment has WASMTIME_BACKTRACE_DETAILS=1. Reading
    /// them is work that a component could make large, on the thread that serves.
    Short,
    /// Functions and lines, where the component has line tables: for who writes it.
    WithLines,
}

/// An engine whose epoch advances for as long as it lives, while there are guests at work.
pub(super) fn engine(traces: Traces) -> wasmtime::Result<wasmtime::Engine> {
    let mut config = compile_settings();
    if traces == Traces::WithLines {
        config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    }
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool_settings()));
    // Where the address space is limited (`ulimit -v`, valgrind), the pool's reservation of 4 GiB
    // for each memory does not fit. On demand is slower for fresh instances, and works.
    let engine = wasmtime::Engine::new(&config).or_else(|error| {
        tracing::warn!(%error, "no pooling allocator: instances are made on demand");
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        wasmtime::Engine::new(&config)
    })?;
    epoch::advance(&engine);
    Ok(engine)
}

/// Everything that changes the machine code; the compile cache keys on it.
fn compile_settings() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        // One exchange an instance: nothing overlaps in a store, and the fast path is shorter.
        .concurrency_support(false)
        // Components pass pointers of 32 bits: a larger memory would only be a larger limit to hold.
        .wasm_memory64(false)
        .memory_init_cow(true)
        // Nobody unwinds through guests: a panic of the host is caught before. To register the tables takes
        // reading all of them, at each start.
        .native_unwind_info(false)
        .max_wasm_stack(512 << 10);
    config
}

fn pool_settings() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_INSTANCES)
        .total_memories(MAX_INSTANCES)
        .total_stacks(MAX_INSTANCES)
        // The encoder adds shim modules, and languages with a runtime bring several more.
        .total_core_instances(4 * MAX_INSTANCES)
        .total_tables(4 * MAX_INSTANCES)
        .max_memory_size(4 << 30)
        .table_elements(100_000)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        // A fresh instance of a small guest finds its pages mapped: 45 us -> 22-27 us.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}
