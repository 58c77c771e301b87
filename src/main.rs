//! The `semivox` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    semivox::cli::main()
}
