//! The signals that end a process.

/// Resolves at the first SIGTERM or SIGINT. A second one then ends the process at once, with exit code 1.
///
/// # Panics
/// When the system refuses a handler for these signals, which it never does.
pub async fn shutdown_signal() {
    next_signal().await;
    tokio::spawn(async {
        next_signal().await;
        tracing::error!("second signal: not waiting for requests in flight");
        std::process::exit(1);
    });
}

#[cfg(unix)]
async fn next_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let mut term = signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler for SIGINT can be installed");
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C can be installed");
}
