//! Serves the function chat-command.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::main::run(chat_command::NAME, chat_command::build)
}
