//! A panic as a log line.

use std::panic;

/// Writes every panic as one log line, within the spans of the request that met it, instead of Rust's own message.
pub(super) fn log_them() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = without_values(panic.payload_as_str().unwrap_or("no message"));
        tracing::error!(place, panic = message, "a panic");
    }));
}

/// Gives what a panic says without the values that it quotes, which may be what somebody wrote, or a row of a table.
fn without_values(message: &str) -> &str {
    let end = message.find(['`', '"', ':']).unwrap_or(message.len());
    message[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_quotes_is_left_out() {
        for (message, shown) in [
            (
                "byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of `élan`",
                "byte index 1 is not a char boundary; it is inside 'é' (bytes 0..2) of",
            ),
            ("a task has string keys: Error(\"secret\")", "a task has string keys"),
            ("a test of panics", "a test of panics"),
        ] {
            assert_eq!(without_values(message), shown);
        }
    }
}
