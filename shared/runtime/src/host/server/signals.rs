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

/// Gives what resolves when the terminal is closed (SIGHUP) from now on; never where that signal is ignored, as nohup has it, or where
/// that is not known.
///
/// # Panics
/// As [`shutdown_signal`].
pub fn hangup() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let mut signal = ends_at_hangup().then(|| {
        let hangup = tokio::signal::unix::SignalKind::hangup();
        tokio::signal::unix::signal(hangup).expect("a handler for SIGHUP can be installed")
    });
    async move {
        #[cfg(unix)]
        if let Some(signal) = &mut signal {
            signal.recv().await;
            return;
        }
        std::future::pending().await
    }
}

/// Says whether SIGHUP is not ignored (proc(5), `SigIgn`).
#[cfg(unix)]
fn ends_at_hangup() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & HANGUP == 0)
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
