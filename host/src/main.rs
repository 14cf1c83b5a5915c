//! The `torana` binary.

use std::process::ExitCode;

/// Plugins and bodies allocate on every request; mimalloc is measured against the system's
/// allocator in benches/results.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    torana::cli::main()
}
