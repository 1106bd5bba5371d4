//! Serves the function query-tasks.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(query_tasks::NAME, query_tasks::build)
}
