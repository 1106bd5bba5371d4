//! Serves the function update-task.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(update_task::NAME, update_task::build)
}
