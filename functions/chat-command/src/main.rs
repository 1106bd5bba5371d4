//! Serves the function chat-command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // For its state store.
    runtime::main::run_with_own(&["DAPR_HTTP_PORT"], chat_command::NAME, chat_command::build)
}
