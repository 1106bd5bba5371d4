//! What a command says on standard output.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _, stderr, stdout};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// Why something could not be said.
static UNSAID: Mutex<Option<io::Error>> = Mutex::new(None);

/// Writes a line to standard output. What a command does goes on when that can not be written: it may be half done. [`heard`] says so at
/// its end.
pub fn say(line: impl Display) {
    if let Err(error) = writeln!(stdout(), "{line}") {
        UNSAID.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Gives the exit code of a program that has come to its end: a failure, with a line on standard error, when something could not be said.
/// Nothing is missing to whoever has stopped reading, as `head` does.
pub fn heard(name: &str, code: ExitCode) -> ExitCode {
    match UNSAID.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            // Standard error may be gone, too.
            let _ = writeln!(stderr(), "{name}: not all could be written to standard output: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}
