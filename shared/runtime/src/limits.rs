//! What one request may cost.

use std::time::Duration;

/// The bounds of a server; every request carries them in its extensions, where the extractors find them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a request, in bytes: 1 MiB. Beyond: 413.
    pub body_bytes: usize,
    /// The largest batch of events, in bytes: 16 MiB. Beyond: 413.
    pub batch_bytes: usize,
    /// How long a body may take to arrive: 10 s. Beyond: 408.
    pub body_deadline: Duration,
    /// How long the line and the headers of a request may take, and how long an idle connection is kept: 10 s.
    pub header_deadline: Duration,
    /// The largest head of a request, in bytes: 64 KiB. Beyond: 431.
    pub header_bytes: usize,
    /// How many connections are open at a time: 10,000, or half of the file descriptors that the process may have, whichever is less.
    /// Beyond: they wait to be accepted.
    pub connections: usize,
    /// How long an operation may take to answer: 30 s. Beyond: 503.
    pub request_deadline: Duration,
    /// How long an answer may wait for who asked to take some of it: 60 s. Beyond: the connection is closed.
    pub answer_deadline: Duration,
    /// How long one readiness check may take: 2 s. Beyond: `unreachable`.
    pub check_deadline: Duration,
    /// How long requests in flight may take to finish after the signal to stop: 10 s. Beyond: dropped.
    pub drain_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 1024 * 1024,
            batch_bytes: 16 * 1024 * 1024,
            body_deadline: Duration::from_secs(10),
            header_deadline: Duration::from_secs(10),
            header_bytes: 64 * 1024,
            connections: 10_000.min(descriptors() / 2),
            request_deadline: Duration::from_secs(30),
            answer_deadline: Duration::from_secs(60),
            check_deadline: Duration::from_secs(2),
            drain_deadline: Duration::from_secs(10),
        }
    }
}

/// Gives how many files and connections this process may have open (`ulimit -n`).
fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}
