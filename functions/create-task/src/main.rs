//! Serves the function create-task.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(create_task::NAME, create_task::build)
}
