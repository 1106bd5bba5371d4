//! Serves the function complete-task.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(complete_task::NAME, complete_task::build)
}
