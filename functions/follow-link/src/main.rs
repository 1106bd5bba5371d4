//! Serves the function follow-link.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(follow_link::NAME, follow_link::build)
}
