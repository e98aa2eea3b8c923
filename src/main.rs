//! Parses the command line, runs the command, prints the error, answers with the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    schemaproof::cli::main(std::env::args_os())
}
