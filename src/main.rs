//! Parses the command line, runs the command, prints the error, answers with the exit code.

// The futures of a whole run lie deep in each other.
#![recursion_limit = "256"]

use std::process::ExitCode;

/// A catalog is read in many small pieces by several threads: the C library's allocator takes a tenth of the time of a plan.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    schemaproof::cli::main(std::env::args_os())
}
