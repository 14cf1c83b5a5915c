//! Microbenchmarks of what a request pays for: the route, and the plugins. They run the bundled
//! components, so `cargo xtask guests` must have built them.

mod chain;
mod config;
mod room;
mod route;

use criterion::{criterion_group, criterion_main};

criterion_group!(micro, route::benches, config::benches, chain::benches);
criterion_main!(micro);
