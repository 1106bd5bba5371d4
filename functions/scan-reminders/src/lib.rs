//! Announces the reminders that are due: on a tick, and in one process exactly on time.

use std::sync::Arc;
use std::time::Duration;

use application::{Application, Connection};
use events::Refusal;
use runtime::ask::cause;
use runtime::clock::Clock;
use runtime::disposition::Disposition;
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::metrics::{LabelledCounter, Metrics};
use runtime::request::RequestContext;
use runtime::triggers::on_tick;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The function's name.
pub const NAME: &str = "scan-reminders";
/// How long the loop sleeps at most.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long it waits after an error, or after work that it was woken for; it bounds the lateness of a reminder.
const BREATH: Duration = Duration::from_millis(20);
/// How long it waits after the database was away.
const PAUSE: Duration = Duration::from_millis(500);

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    Ok(function(application, start.clock, &start.metrics))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, metrics: &Metrics) -> Function {
    let is_connected = application.database_probe();
    let scans = counted(metrics);
    let scan = move || {
        let (application, clock, scans) = (application.clone(), clock.clone(), scans.clone());
        async move { scan(&application, &clock, &scans).await }
    };
    Function::new(NAME).on(on_tick(scan)).ready_when(Check::required("database", is_connected))
}

/// Announces everything that is due: what an outage left too, never only this minute's.
async fn scan(application: &Application, clock: &Clock, scans: &LabelledCounter) -> Disposition {
    let scanned = scan_all(application, clock).await;
    let outcome = if scanned.is_ok() { "done" } else { "failed" };
    scans.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
    match scanned {
        Ok(0) => Disposition::Done,
        Ok(count) => {
            tracing::info!(count, "reminders announced");
            Disposition::Done
        }
        Err(refusal) => refusal.into(),
    }
}

/// Gives the counter of scans, with both outcomes from the start: a rate needs a zero to begin at.
fn counted(metrics: &Metrics) -> LabelledCounter {
    let scans =
        metrics.labelled_counter("kaam_reminder_scans_total", "Looks for reminders that are due, by outcome");
    for outcome in ["done", "failed"] {
        let _ = scans.get_or_create(&vec![("outcome", outcome.to_owned())]);
    }
    scans
}

/// Says how many were announced. What becomes due while digests are made of what was missed is announced in between.
async fn scan_all(application: &Application, clock: &Clock) -> Result<usize, Refusal> {
    let mut count = 0;
    loop {
        let cause = cause(&RequestContext::fresh(), "", NAME, clock);
        count += application.announce_due(&cause).await?;
        if !application.gather_missed(&cause).await? {
            return Ok(count);
        }
    }
}

/// Announces each reminder when it is due, until stopped. `changed` tells that there may be new ones.
pub async fn run(
    application: Application,
    clock: Clock,
    metrics: Metrics,
    changed: Arc<Notify>,
    stop: CancellationToken,
) {
    let scans = counted(&metrics);
    loop {
        let pause = match scan(&application, &clock, &scans).await {
            Disposition::Done => BREATH,
            failed => {
                tracing::warn!(?failed, "reminders could not be announced, trying again");
                PAUSE
            }
        };
        let longest = clock.now() + LONGEST_SLEEP;
        let next = match (pause, application.next_due_at().await) {
            (BREATH, Ok(next)) => next.map_or(longest, |next| next.min(longest)),
            // The database was away: look again soon.
            _ => clock.now() + PAUSE,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep_until(next) => {}
            () = changed.notified() => {}
        }
        // Many commits at once are one look.
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
