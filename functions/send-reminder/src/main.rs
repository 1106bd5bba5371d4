//! Serves the function send-reminder.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(send_reminder::NAME, send_reminder::build)
}
