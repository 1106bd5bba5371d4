//! Serves the function scan-reminders.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(scan_reminders::NAME, scan_reminders::build)
}
