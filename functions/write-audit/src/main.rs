//! Serves the function write-audit.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(write_audit::NAME, write_audit::build)
}
