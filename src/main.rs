//! The `exp` command: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    expdag::surface::cli::main()
}
