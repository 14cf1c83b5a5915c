//! What Torana costs. `cargo bench -p torana-benches` runs the microbenchmarks in `benches/micro`;
//! figures worth keeping are in `results/`, with the machine and the command that made them.
