//! The signals that end a process.

use tokio::sync::oneshot;

/// Gives what resolves at the first SIGTERM, SIGINT or SIGHUP (its terminal was closed) from now on, whenever it is asked. Another
/// SIGTERM or SIGINT ends the process at once, with exit code 1.
///
/// # Panics
/// Outside of a Tokio runtime, and when the system refuses a handler for these signals, which it never does.
pub fn shutdown_signal() -> impl Future<Output = ()> {
    let mut signals = Signals::install();
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        signals.first().await;
        // Whoever does not listen is not going on anyway.
        let _ = tell.send(());
        signals.again().await;
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
    /// Not where it is ignored, as nohup has it.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn install() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};

        Signals {
            term: signal(SignalKind::terminate()).expect("a handler for SIGTERM can be installed"),
            interrupt: signal(SignalKind::interrupt()).expect("a handler for SIGINT can be installed"),
            hangup: ends_at_hangup()
                .then(|| signal(SignalKind::hangup()).expect("a handler for SIGHUP can be installed")),
        }
    }

    /// Waits for any of them.
    async fn first(&mut self) {
        let Some(hangup) = &mut self.hangup else { return self.again().await };
        tokio::select! {
            // Of two at once this one is not left for a second one.
            biased;
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits for another one. SIGHUP does not count: of a terminal that is closed both the system and the shell may tell.
    async fn again(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Says whether SIGHUP is the end: where that is not known (proc(5), `SigIgn`), it is left as it is.
#[cfg(unix)]
fn ends_at_hangup() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP == 0)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> Signals {
        Signals
    }

    async fn first(&mut self) {
        self.again().await;
    }

    async fn again(&mut self) {
        tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C can be installed");
    }
}
