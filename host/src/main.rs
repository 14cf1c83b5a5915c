//! The `torana` binary.

use std::process::ExitCode;

use torana::memory::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    torana::cli::main()
}
