//! Serves the function relay-events.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(relay_events::NAME, relay_events::build)
}
