//! Reminders on their way: announced when due, prepared under a lease, and what became of each attempt.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::reminder;
use domain::settings::{Locale, PushSubscription, QuietHours};
use domain::task::{Priority, Status};
use domain::zone;
use events::payload::ReminderMoment;
use events::{Cause, Event, Refusal, TaskBody, Topic};
use serde_json::json;
use store::reminders::{Kept, Standing};

pub use store::reminders::Finish;
use uuid::Uuid;

use crate::change::show;
use crate::{Application, refuse};

/// How many reminders are claimed at once.
const CLAIMED_AT_ONCE: usize = 500;

/// What is to be done about a reminder that was announced.
#[derive(Debug, Clone, PartialEq)]
pub enum Prepared {
    /// Send it, then say what became of it.
    Send(Box<Outgoing>),
    /// Nothing: it was sent, cancelled or postponed.
    Nothing,
    /// It can never be sent: why.
    Impossible(String),
    /// Another sender holds it: ask again at this instant.
    Wait(DateTime<Utc>),
}

/// Where a reminder goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// To this address.
    Email(String),
    /// To these of the user's browsers: those that do not have it yet.
    Push(Vec<PushSubscription>),
}

/// What a reminder tells of.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// One task.
    Task(Box<TaskBody>),
    /// Everything that could not be told of in time, oldest first: each task with the instant that its reminder was meant for.
    Missed(Vec<(DateTime<Utc>, TaskBody)>),
}

/// A reminder that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// The reminder, with its lease.
    kept: Kept,
    token: Uuid,
    /// Where to.
    pub channel: Channel,
    /// The user's language and habits.
    pub locale: Locale,
    /// What of.
    pub content: Content,
    /// When it was to be sent.
    pub trigger_time: DateTime<Utc>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

impl Outgoing {
    /// Gives what identifies this delivery: the same for every attempt, and no other.
    pub fn delivery_id(&self) -> Uuid {
        self.kept.id
    }
}

impl Application {
    /// Announces every reminder that is due, and says how many.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn announce_due(&self, cause: &Cause) -> Result<usize, Refusal> {
        let mut count = 0;
        loop {
            let announce = |kept: &Kept| moment_event(cause, kept, "reminder.due", attempt_of(kept), None);
            let limit = i64::try_from(CLAIMED_AT_ONCE).unwrap_or(i64::MAX);
            let claimed = self.store.claim_due(cause.now, limit, announce).await.map_err(refuse)?;
            if claimed > 0 {
                (self.committed)();
            }
            count += claimed;
            if claimed < CLAIMED_AT_ONCE {
                return Ok(count);
            }
        }
    }

    /// Looks at an announced reminder again, right before it is sent: nothing goes out for a task that is done, deleted or moved.
    /// `fallback` is where to when neither the reminder nor the user names an address; `lease` is how long others are to wait for
    /// this attempt, which must end before.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn prepare(
        &self,
        cause: &Cause,
        moment: &ReminderMoment,
        fallback: Option<&str>,
        lease: TimeDelta,
    ) -> Result<Prepared, Refusal> {
        let ReminderMoment { user_id, reminder_id, attempt, .. } = moment;
        let token = (cause.new_id)(cause.now);
        let until = cause.now + lease;
        let leased = self.store.lease(user_id, *reminder_id, *attempt, token, cause.now, until).await;
        let Some(kept) = leased.map_err(refuse)? else {
            let standing = self.store.standing(user_id, *reminder_id, *attempt).await.map_err(refuse)?;
            return Ok(match standing {
                Standing::Held { until } => Prepared::Wait(until),
                // Told again, in case whoever tried was killed before the event became a dead letter.
                Standing::Failed { reason } => Prepared::Impossible(reason),
                Standing::Settled => Prepared::Nothing,
            });
        };
        let loaded = self.store.task(user_id, kept.task_id).await.map_err(refuse)?;
        let settings = self.fresh_settings(user_id).await?;
        let cancelled = |reason: &str| Finish::Cancelled { reason: reason.to_owned() };
        let still_wanted = loaded.filter(|loaded| loaded.task.status == Status::Active).map(|loaded| {
            let planned = reminder::plan(&loaded.task, &settings, kept.trigger_time);
            (planned.iter().any(|one| one.id == kept.id), loaded)
        });
        let finish = match &still_wanted {
            None => Some(cancelled("the task is not open any more")),
            Some((false, _)) => Some(cancelled("the task or its reminders were changed")),
            Some((true, loaded)) => {
                let passes = loaded.task.priority == Priority::High;
                let wait = settings.quiet_hours.filter(|_| !passes);
                wait.and_then(|quiet| quiet_until(quiet, cause.now, settings.time_zone))
                    .map(|at| Finish::Postponed { at })
            }
        };
        if let Some(finish) = finish {
            self.store.finish(&kept, token, &finish, None, cause.now).await.map_err(refuse)?;
            return Ok(Prepared::Nothing);
        }
        let Some((_, loaded)) = still_wanted else { return Ok(Prepared::Nothing) };
        let channel = match kept.delivery_method.as_str() {
            "push" if settings.push_subscriptions.is_empty() => {
                Err("no push subscription: allow notifications in the settings")
            }
            "push" => Ok(Channel::Push(settings.push_subscriptions.clone())),
            _ => kept
                .destination
                .clone()
                .or(settings.email.clone())
                .or(fallback.map(str::to_owned))
                .map(Channel::Email)
                .ok_or("no e-mail address: set one in the settings, or a destination"),
        };
        let outgoing = |channel| Outgoing {
            trigger_time: kept.trigger_time,
            attempt: *attempt,
            token,
            channel,
            locale: settings.locale,
            content: Content::Task(Box::new(show(&loaded, settings.time_zone))),
            kept: kept.clone(),
        };
        match channel {
            Ok(channel) => Ok(Prepared::Send(Box::new(outgoing(channel)))),
            Err(reason) => {
                let outgoing = outgoing(Channel::Push(Vec::new()));
                self.finish(cause, &outgoing, Finish::Failed { reason: reason.to_owned() }).await?;
                Ok(Prepared::Impossible(reason.to_owned()))
            }
        }
    }

    /// Writes down what became of an attempt, with the event that tells of it; says whether the lease was still ours.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn finish(&self, cause: &Cause, outgoing: &Outgoing, finish: Finish) -> Result<bool, Refusal> {
        let event = match &finish {
            Finish::Sent => {
                Some(moment_event(cause, &outgoing.kept, "reminder.sent", outgoing.attempt, None))
            }
            Finish::Failed { reason } => {
                Some(moment_event(cause, &outgoing.kept, "reminder.failed", outgoing.attempt, Some(reason)))
            }
            _ => None,
        };
        let ours = self
            .store
            .finish(&outgoing.kept, outgoing.token, &finish, event.as_ref(), cause.now)
            .await
            .map_err(refuse)?;
        if ours && event.is_some() {
            (self.committed)();
        }
        Ok(ours)
    }

    /// Says when the next reminder is due or to be tried again.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, Refusal> {
        self.store.next_due_at().await.map_err(refuse)
    }
}

fn attempt_of(kept: &Kept) -> u32 {
    u32::try_from(kept.retry_count).unwrap_or(0) + 1
}

fn moment_event(
    cause: &Cause,
    kept: &Kept,
    event_type: &str,
    attempt: u32,
    reason: Option<&String>,
) -> Event {
    let moment = ReminderMoment {
        reminder_id: kept.id,
        task_id: kept.task_id,
        user_id: kept.user_id.clone(),
        trigger_time: kept.trigger_time,
        delivery_method: kept.delivery_method.clone(),
        attempt,
        reason: reason.cloned(),
    };
    let id = kept.task_id.to_string();
    Event {
        user_id: kept.user_id.clone(),
        ..cause.event(Topic::Reminders, event_type, &id, &id, json!(moment))
    }
}

/// Gives the end of the quiet hours that `now` lies in.
fn quiet_until(quiet: QuietHours, now: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    let local = zone::local(now, zone);
    let (time, QuietHours { start, end }) = (local.time(), quiet);
    let crosses_midnight = start > end;
    let is_quiet = if crosses_midnight { time >= start || time < end } else { time >= start && time < end };
    let ends_tomorrow = crosses_midnight && time >= start;
    let day = if ends_tomorrow { local.date().succ_opt()? } else { local.date() };
    is_quiet.then(|| zone::resolve(day.and_time(end), zone))
}

/// Parses a wall time such as `22:00`.
pub(crate) fn parse_time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_cross_midnight() {
        let quiet = QuietHours {
            start: parse_time("22:00").expect("a time"),
            end: parse_time("07:00").expect("a time"),
        };
        let until = |now: &str| {
            let now: DateTime<Utc> = now.parse().expect("an instant");
            quiet_until(quiet, now, chrono_tz::Asia::Karachi).map(|at| at.to_rfc3339())
        };
        assert_eq!(until("2026-06-01T16:59:59Z"), None);
        assert_eq!(until("2026-06-01T17:00:00Z").as_deref(), Some("2026-06-02T02:00:00+00:00"));
        assert_eq!(until("2026-06-02T01:59:00Z").as_deref(), Some("2026-06-02T02:00:00+00:00"));
        assert_eq!(until("2026-06-02T02:00:00Z"), None);
    }
}
