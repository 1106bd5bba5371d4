//! A panic as a log line.

use std::panic;

/// Writes every panic as one log line, within the spans of the request that met it, instead of Rust's own message.
pub(super) fn log_them() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, panic = message, "a panic");
    }));
}
