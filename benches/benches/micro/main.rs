//! Microbenchmarks of what a request pays for: the route, and the plugins. They run the bundled
//! components, so `cargo xtask guests` must have built them.

mod chain;
mod config;
mod cpu;
mod plugins;
mod room;
mod route;

use cpu::CpuTime;
use criterion::{Criterion, criterion_group, criterion_main};

/// The gateway's, for what is native here is held against it.
#[global_allocator]
static ALLOCATOR: torana::memory::Allocator = torana::memory::Allocator;

criterion_group!(wall, route::benches, config::benches, chain::benches, plugins::waits);
criterion_group! {
    name = cpu_time;
    config = Criterion::default().with_measurement(CpuTime);
    targets = plugins::benches
}
criterion_main!(wall, cpu_time);
