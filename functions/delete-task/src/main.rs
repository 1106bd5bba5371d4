//! Serves the function delete-task.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(delete_task::NAME, delete_task::build)
}
