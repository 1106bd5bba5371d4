//! Serves the function spawn-recurrence.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(spawn_recurrence::NAME, spawn_recurrence::build)
}
