//! Serves the function relay-events.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Where it publishes to, not whose events it takes.
    runtime::main::run_with_own(&["KAFKA_BROKERS"], relay_events::NAME, relay_events::build)
}
