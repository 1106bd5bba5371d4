//! Log lines, on standard error; and spans, for a collector of OpenTelemetry.

mod json;
mod masked;
mod panics;
pub mod spans;

use std::io::{self, IsTerminal};

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{Config, LogFormat, LogLevel};

/// The shared crates whose lines are written from `LOG_LEVEL` on.
const SHARED: &[&str] =
    &["application", "devkit", "domain", "events", "language", "messaging", "runtime", "store"];

/// Starts logging, once per process; a second call changes nothing.
///
/// Lines of our crates are written from `LOG_LEVEL` (default `info`) on: the shared ones and `functions`, given by
/// their names (`create-task`). Lines of other crates are written from `warn` on, or `LOG_LEVEL` if that is stricter.
/// `LOG_FORMAT` is `json` or `text`; unset, it is text when standard error is a terminal, else JSON.
///
/// A JSON line is one object: `timestamp` (RFC 3339, UTC), `level`, `target`, `message`, then the fields of the line
/// and of the spans around it, such as `correlation_id`, side by side. Panics are lines too. Whatever the line, addresses are masked.
pub fn init(config: &Config, functions: &[&str]) {
    let is_watched = io::stderr().is_terminal();
    let format = config.log_format.unwrap_or(if is_watched { LogFormat::Text } else { LogFormat::Json });
    let lines = match format {
        LogFormat::Json => json::JsonLines::new(lines_out).boxed(),
        LogFormat::Text => fmt::layer().with_writer(lines_out).with_ansi(false).boxed(),
    };
    let started =
        tracing_subscriber::registry().with(lines.with_filter(filter(config, functions))).try_init();
    if started.is_ok() {
        panics::log_them();
    }
}

fn lines_out() -> masked::Masked<io::Stderr> {
    masked::Masked(io::stderr())
}

fn filter(config: &Config, functions: &[&str]) -> Targets {
    let level = match config.log_level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let ours = SHARED.iter().chain(functions).map(|name| (name.replace('-', "_"), level));
    Targets::new()
        .with_default(level.min(tracing::Level::WARN))
        // Says again of a failed invocation what `host::lambda` or the hook for panics has said.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF)
        .with_targets(ours)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::config::Environment;

    fn targets(level: &'static str) -> Targets {
        let environment = Environment::from_pairs([("LOG_LEVEL", level)]);
        filter(&Config::from_environment(&environment).expect("a configuration"), &["create-task"])
    }

    #[test]
    fn our_lines_follow_the_level_and_others_only_warn() {
        let debug = targets("debug");
        assert!(debug.would_enable("create_task::handler", &Level::DEBUG));
        assert!(debug.would_enable("store", &Level::DEBUG));
        assert!(!debug.would_enable("hyper::proto", &Level::INFO));
        assert!(debug.would_enable("sqlx", &Level::WARN));
        let error = targets("error");
        assert!(!error.would_enable("runtime", &Level::WARN) && !error.would_enable("sqlx", &Level::WARN));
    }
}
