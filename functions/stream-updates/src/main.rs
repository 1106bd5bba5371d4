//! Serves the function stream-updates.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(stream_updates::NAME, stream_updates::build)
}
