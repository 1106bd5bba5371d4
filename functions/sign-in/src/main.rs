//! Serves the function sign-in.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(sign_in::NAME, sign_in::build)
}
