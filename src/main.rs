//! Parses the command line, runs the command, prints the error, answers with the exit code.

// The futures of a whole run lie deep in each other.
#![recursion_limit = "256"]

use std::process::ExitCode;

fn main() -> ExitCode {
    schemaproof::cli::main(std::env::args_os())
}
