//! The signals that end a process.

use tokio::sync::oneshot;

/// Gives what resolves at the first SIGTERM or SIGINT from now on, whenever it is asked. A second one ends the process at once, with
/// exit code 1.
///
/// # Panics
/// Outside of a Tokio runtime, and when the system refuses a handler for these signals, which it never does.
pub fn shutdown_signal() -> impl Future<Output = ()> {
    let mut signals = Signals::install();
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        // Whoever does not listen is not going on anyway.
        let _ = tell.send(());
        signals.next().await;
        tracing::error!("second signal: not waiting for requests in flight");
        std::process::exit(1);
    });
    async move {
        // The other side speaks before it goes.
        let _ = told.await;
    }
}

#[cfg(unix)]
struct Signals {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};

        Signals {
            term: signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed"),
            interrupt: signal(SignalKind::interrupt()).expect("a handler for SIGINT can be installed"),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> Signals {
        Signals
    }

    async fn next(&mut self) {
        tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C can be installed");
    }
}
