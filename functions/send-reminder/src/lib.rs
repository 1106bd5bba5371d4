//! Delivers reminders by e-mail, and records what became of each attempt.

mod mailer;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use application::reminders::{Finish, Outgoing, Prepared};
use application::{Application, Connection};
use events::Cause;
use events::payload::ReminderMoment;
use futures::StreamExt;
use futures::stream;
use runtime::ask::{cause_of_event, envelope};
use runtime::backoff;
use runtime::clock::{Clock, random_fraction};
use runtime::config::Environment;
use runtime::disposition::Disposition;
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::metrics::{LabelledCounter, Metrics};
use runtime::triggers::{Incoming, on_events};

pub use mailer::{Mailer, Undelivered};

/// The function's name.
pub const NAME: &str = "send-reminder";
/// How many mails are on their way at once.
const AT_ONCE: usize = 8;
/// How often delivery is tried; the waits between add up to an hour on average.
const MAX_ATTEMPTS: u32 = 12;
/// The first wait between attempts is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_secs(10);
/// No wait is longer.
const BACKOFF_CAP: Duration = Duration::from_secs(1_800);

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::new(start.database_url()?, NAME, start.database_connections()?);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    let mailer = mailer(&start.environment)?;
    Ok(function(application, start.clock, mailer, &start.metrics))
}

/// Reads where mails go: `SMTP_URL` and `EMAIL_FROM`, or else the folder `mail` in `DATA_DIR`.
///
/// # Errors
/// The first setting that is wrong.
pub fn mailer(environment: &Environment) -> anyhow::Result<Mailer> {
    let from = environment.get("EMAIL_FROM")?;
    let from = from.as_deref().unwrap_or("Kaam <kaam@localhost>");
    let from =
        from.parse().with_context(|| format!("EMAIL_FROM is {from:?}; it must be one e-mail address"))?;
    match environment.get("SMTP_URL")? {
        Some(url) => {
            Mailer::smtp(&url, from).context("SMTP_URL must be a URL such as smtps://user:password@host:465")
        }
        None => {
            let data = environment.get("DATA_DIR")?.unwrap_or_else(|| ".data".to_owned());
            Ok(Mailer::spool(PathBuf::from(data).join("mail"), from))
        }
    }
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, mailer: Mailer, metrics: &Metrics) -> Function {
    let is_connected = application.database_probe();
    let attempts = metrics.labelled_counter("kaam_reminder_attempts_total", "Attempts to deliver a reminder");
    let sender = Sender { application, clock, mailer, attempts };
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
    mailer: Mailer,
    /// By outcome.
    attempts: LabelledCounter,
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
        let payload = envelope(event).map(|envelope| envelope.payload);
        let moment: Result<ReminderMoment, _> =
            payload.and_then(|payload| serde_json::from_value(payload).map_err(|error| error.to_string()));
        match moment {
            Ok(moment) => self.remind(event, &moment).await,
            Err(why) => Disposition::reject(format!("the payload can not be read: {why}")),
        }
    }

    async fn remind(&self, event: &Incoming, moment: &ReminderMoment) -> Disposition {
        let cause = || cause_of_event(event, &moment.user_id, NAME, &self.clock);
        let (fallback, lease) = (self.mailer.fallback_recipient(), self.mailer.lease());
        match self.application.prepare(&cause(), moment, fallback, lease).await {
            Ok(Prepared::Nothing) => Disposition::Done,
            Ok(Prepared::Impossible(why)) => Disposition::reject(why),
            Ok(Prepared::Wait(until)) => {
                let wait = (until - self.clock.now()).to_std().unwrap_or_default();
                Disposition::retry_after(wait, "another sender holds the reminder")
            }
            Ok(Prepared::Send(outgoing)) => {
                let delivered = self.mailer.send(&outgoing, cause().now).await;
                self.finish(&cause(), &outgoing, delivered).await
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// Records what became of an attempt. A failure that may pass is tried again by the reminder's own clock, so that it holds no
    /// other event back; one that will not is a dead letter.
    async fn finish(
        &self,
        cause: &Cause,
        outgoing: &Outgoing,
        delivered: Result<(), Undelivered>,
    ) -> Disposition {
        let lateness_ms = (cause.now - outgoing.trigger_time).num_milliseconds();
        let (reminder_id, attempt) = (outgoing.delivery_id(), outgoing.attempt);
        let finish = match delivered {
            Ok(()) => {
                tracing::info!(%reminder_id, attempt, lateness_ms, "reminder sent");
                Finish::Sent
            }
            Err(Undelivered { reason, is_permanent }) if is_permanent || attempt >= MAX_ATTEMPTS => {
                tracing::error!(%reminder_id, attempt, lateness_ms, reason, "reminder failed for good");
                Finish::Failed { reason }
            }
            Err(Undelivered { reason, .. }) => {
                let wait =
                    backoff::delay(attempt.saturating_sub(1), BACKOFF_BASE, BACKOFF_CAP, random_fraction());
                tracing::warn!(%reminder_id, attempt, lateness_ms, reason, wait_ms = wait.as_millis(), "reminder to be tried again");
                Finish::Retry { at: cause.now + wait, reason, delivered_to: Vec::new() }
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
        match (self.application.finish(cause, outgoing, finish).await, failed) {
            (Err(refusal), _) => refusal.into(),
            (Ok(_), Some(reason)) => Disposition::reject(reason),
            (Ok(_), None) => Disposition::Done,
        }
    }
}
