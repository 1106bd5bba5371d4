//! Delivers reminders by e-mail and push, and records what became of each attempt.

mod delivery;
mod mailer;
mod push;
mod settings;
mod text;

use std::time::Duration;

use application::reminders::{Finish, Outgoing, Prepared};
use application::{Application, Connection};
use chrono::TimeDelta;
use events::payload::ReminderMoment;
use events::{Cause, Refusal};
use futures::StreamExt;
use futures::stream;
use runtime::ask::{cause_of_event, envelope};
use runtime::backoff;
use runtime::clock::{Clock, Stopwatch, random_fraction};
use runtime::disposition::Disposition;
use runtime::function::{Check, Function};
pub use runtime::http_client::Reach;
use runtime::main::Start;
use runtime::metrics::{Durations, LabelledCounter, Metrics};
use runtime::triggers::{Incoming, on_events};

use crate::delivery::Report;
pub use crate::delivery::{Courier, Undelivered};
#[cfg(feature = "aws")]
pub use crate::mailer::Ses;
pub use crate::mailer::{Mailer, SmtpError};
pub use crate::push::{NoKey, Push, VapidKey};
pub use crate::text::Links;

/// The function's name.
pub const NAME: &str = "send-reminder";
/// How many reminders are on their way at once.
const AT_ONCE: usize = 8;
/// For how long a reminder is held while its task is looked at. A sender that is killed meanwhile is followed that soon.
const PREPARING: TimeDelta = TimeDelta::milliseconds(500);
/// For how long what became of an attempt is tried to be written down, and in which steps.
const RECORDING: Duration = Duration::from_secs(10);
const RECORDED_AGAIN: Duration = Duration::from_millis(100);
/// How often delivery is tried; the waits between add up to an hour on average.
const MAX_ATTEMPTS: u32 = 12;
/// The first wait between attempts is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_secs(10);
/// No wait of our own is longer.
const BACKOFF_CAP: Duration = Duration::from_secs(1_800);
/// No wait that the other side asks for is longer.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(3_600);

/// The upper bounds of the histogram of lateness, in seconds: what is promised on time, and what people forgive, lie in between.
const LATENESS_S: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 90.0, 300.0, 900.0, 3_600.0];

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    let courier = Courier::from_environment(&start.environment).await?;
    let courier = courier.with_links(settings::links(&start.environment)?);
    Ok(function(application, start.clock, courier, &start.metrics))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, courier: Courier, metrics: &Metrics) -> Function {
    let is_connected = application.database_probe();
    let attempts = metrics.labelled_counter("kaam_reminder_attempts_total", "Attempts to deliver a reminder");
    let late = "Time from when a reminder was due until it was sent, of those that neither quiet hours nor a failed attempt held back";
    let lateness = metrics.durations("kaam_reminder_lateness_seconds", late, &LATENESS_S);
    let sender = Sender { application, clock, courier, attempts, lateness };
    let handle = move |batch| {
        let sender = sender.clone();
        async move { sender.handle_batch(batch).await }
    };
    Function::new(NAME)
        .on(on_events(&["reminders"], handle))
        .ready_when(Check::required("database", is_connected))
        .timeout(Duration::from_secs(300))
}

#[derive(Clone)]
struct Sender {
    application: Application,
    clock: Clock,
    courier: Courier,
    /// By outcome.
    attempts: LabelledCounter,
    lateness: Durations,
}

impl Sender {
    /// Sends a few at once; one bad recipient, or a slow server, never stops the others.
    async fn handle_batch(&self, batch: Vec<Incoming>) -> Vec<Disposition> {
        let handled = batch.into_iter().map(|event| {
            let sender = self.clone();
            async move { sender.handle(&event).await }
        });
        stream::iter(handled).buffered(AT_ONCE).collect().await
    }

    async fn handle(&self, event: &Incoming) -> Disposition {
        if event.r#type != "reminder.due" {
            return Disposition::Done;
        }
        match envelope(event).and_then(|envelope| envelope.read_payload::<ReminderMoment>()) {
            Ok(moment) => self.remind(event, &moment).await,
            Err(why) => Disposition::reject(why),
        }
    }

    async fn remind(&self, event: &Incoming, moment: &ReminderMoment) -> Disposition {
        let cause = || cause_of_event(event, &moment.user_id, NAME, &self.clock);
        match self.application.prepare(&cause(), moment, self.courier.ways(), PREPARING).await {
            Ok(Prepared::Nothing) => Disposition::Done,
            Ok(Prepared::Impossible(reason)) => {
                // The user reads why; a dead letter would ask whoever runs Kaam for what only the user can do.
                let reminder_id = moment.reminder_id;
                tracing::warn!(%reminder_id, reason, "reminder failed: there is nowhere to send it");
                Disposition::Done
            }
            Ok(Prepared::Failed(why)) => Disposition::reject(why),
            Ok(Prepared::Wait(until)) => {
                let wait = (until - self.clock.now()).to_std().unwrap_or_default();
                Disposition::retry_after(wait, "another sender holds the reminder")
            }
            Ok(Prepared::Send(outgoing)) => {
                // The other side is about to hear of it: whoever comes after a crash now has to wait for as long as it may take.
                let until = self.clock.now() + self.courier.lease(&moment.delivery_method);
                match self.application.hold(&outgoing, until).await {
                    Ok(true) => {}
                    Ok(false) => {
                        return Disposition::retry("the reminder was changed or taken by another sender");
                    }
                    Err(refusal) => return refusal.into(),
                }
                let report = self.courier.send(&outgoing, cause().now).await;
                self.forget(&cause(), &report.gone).await;
                self.finish(&cause(), &outgoing, report).await
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// Writes down what became of an attempt, in spite of a database that is away for less than the lease: nobody else can know
    /// that the mail is out.
    async fn record(&self, cause: &Cause, outgoing: &Outgoing, finish: Finish) -> Result<bool, Refusal> {
        let watch = Stopwatch::start();
        loop {
            match self.application.finish(cause, outgoing, finish.clone()).await {
                Err(Refusal::Unavailable { .. }) if watch.elapsed() < RECORDING => {
                    tokio::time::sleep(RECORDED_AGAIN).await;
                }
                settled => return settled,
            }
        }
    }

    /// Takes subscriptions that browsers have withdrawn from the user's settings. When that fails, the next reminder finds out again.
    async fn forget(&self, cause: &Cause, gone: &[String]) {
        if gone.is_empty() {
            return;
        }
        if let Err(refusal) = self.application.forget_push_subscriptions(cause, gone).await {
            let error = runtime::ask::chain(&refusal);
            tracing::warn!(error, "push subscriptions that are gone could not be forgotten");
        }
    }

    /// Records what became of an attempt. A failure that may pass is tried again by the reminder's own clock, so that it holds no
    /// other event back; one that will not is a dead letter.
    async fn finish(&self, cause: &Cause, outgoing: &Outgoing, report: Report) -> Disposition {
        let lateness_ms = (cause.now - outgoing.trigger_time).num_milliseconds();
        let (reminder_id, attempt) = (outgoing.delivery_id(), outgoing.attempt);
        let has_reached_some = !report.delivered_to.is_empty() || outgoing.has_reached_some();
        let is_given_up = |failed: &Undelivered| failed.is_permanent || attempt >= MAX_ATTEMPTS;
        let finish = match report.outcome {
            Ok(()) => {
                if outgoing.is_first_look() {
                    self.lateness.observe(lateness_ms as f64 / 1_000.0, &cause.traceparent);
                }
                tracing::info!(%reminder_id, attempt, lateness_ms, "reminder sent");
                Finish::Sent
            }
            Err(failed) if is_given_up(&failed) && has_reached_some => {
                tracing::warn!(%reminder_id, attempt, lateness_ms, reason = failed.reason, "reminder sent, but not to every browser");
                Finish::Sent
            }
            Err(failed) if is_given_up(&failed) => {
                tracing::error!(%reminder_id, attempt, lateness_ms, reason = failed.reason, "reminder failed for good");
                Finish::Failed { reason: failed.reason }
            }
            Err(failed) => {
                let wait = wait(attempt, failed.retry_after);
                let reason = failed.reason;
                tracing::warn!(%reminder_id, attempt, lateness_ms, reason, wait_ms = wait.as_millis(), "reminder to be tried again");
                Finish::Retry { at: cause.now + wait, reason, delivered_to: report.delivered_to }
            }
        };
        let outcome = match &finish {
            Finish::Sent => "sent",
            Finish::Failed { .. } => "failed",
            _ => "retrying",
        };
        self.attempts.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
        let failed = match &finish {
            Finish::Failed { reason } => Some(reason.clone()),
            _ => None,
        };
        match (self.record(cause, outgoing, finish).await, failed) {
            (Err(refusal), _) => refusal.into(),
            (Ok(_), Some(reason)) => Disposition::reject(reason),
            (Ok(_), None) => Disposition::Done,
        }
    }
}

/// Gives the wait after an attempt: by our own backoff, or as long as the other side asks for if that is longer.
fn wait(attempt: u32, retry_after: Option<Duration>) -> Duration {
    let own = backoff::delay(attempt.saturating_sub(1), BACKOFF_BASE, BACKOFF_CAP, random_fraction());
    own.max(retry_after.unwrap_or_default().min(RETRY_AFTER_CAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_may_ask_for_a_longer_wait_of_up_to_an_hour() {
        let seconds = Duration::from_secs;
        assert!(wait(1, None) <= seconds(10) && wait(1, Some(seconds(1))) <= seconds(10));
        assert_eq!(wait(1, Some(seconds(300))), seconds(300));
        assert_eq!(wait(1, Some(seconds(86_400))), seconds(3_600));
    }
}
