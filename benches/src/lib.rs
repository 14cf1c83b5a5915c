//! What Torana costs: see README.md. The microbenchmarks are in `benches/micro`, what has its instructions
//! counted in `benches/instructions`; figures worth keeping are in `results/`, with the machine and the
//! command that made them.
