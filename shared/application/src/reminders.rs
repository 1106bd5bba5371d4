//! Reminders on their way: announced when due, prepared under a lease, and what became of each attempt. What could not be announced
//! within a day is told of in one digest for each user, method and destination.

use std::collections::HashMap;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::reminder;
use domain::settings::{Locale, PushSubscription, QuietHours, Settings};
use domain::task::{Priority, Status};
use domain::zone;
use events::payload::ReminderMoment;
use events::{Cause, Event, JsonText, Refusal, TaskBody, Topic};
use store::reminders::{Kept, Standing};
use store::tasks::Loaded;

pub use store::reminders::Finish;
use uuid::Uuid;

use crate::change::show;
use crate::{Application, refuse};

/// How many reminders are claimed at once.
const CLAIMED_AT_ONCE: usize = 500;
/// After how many hours a reminder that was not announced is not sent alone any more.
const MISSED_AFTER_HOURS: i64 = 24;
/// How long a digest waits for what else was missed in the same outage.
const DIGEST_WAITS: TimeDelta = TimeDelta::seconds(2);
/// How many missed reminders are looked up at once: half a second of work, for which others that are due have to wait.
const MISSED_AT_ONCE: usize = 5_000;
/// What how many users missed is gathered in one commit.
const USERS_AT_ONCE: usize = 500;
/// How many reminders a digest tells of at most; what is over goes into the next one.
const MOST_IN_A_DIGEST: i64 = 500;

/// Why a reminder has nowhere to go.
const NO_ADDRESS: &str = "no e-mail address: set one in the settings, or a destination";
const NO_SUBSCRIPTION: &str =
    "no push subscription: a browser has to be added in the settings (push_subscriptions)";
const NO_PUSH: &str = "push is not configured: VAPID_PRIVATE_KEY is not set";
const NOWHERE: [&str; 3] = [NO_ADDRESS, NO_SUBSCRIPTION, NO_PUSH];

/// What is to be done about a reminder that was announced.
#[derive(Debug, Clone, PartialEq)]
pub enum Prepared {
    /// Send it, then say what became of it.
    Send(Box<Outgoing>),
    /// Nothing: it was sent, cancelled or postponed.
    Nothing,
    /// Its user has no place where it could go: why. It is written down as failed, and nobody else has to do anything about it.
    Impossible(String),
    /// An earlier look at this very attempt found that it failed for good: why.
    Failed(String),
    /// Another sender holds it: ask again at this instant.
    Wait(DateTime<Utc>),
}

/// What the sender of reminders can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways<'a> {
    /// Where mails go when neither the reminder nor the user names an address.
    pub fallback_recipient: Option<&'a str>,
    /// Whether it can send notifications to browsers.
    pub has_push: bool,
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
    /// The reminders that a digest tells of.
    members: Vec<Uuid>,
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

    /// Says whether nobody has looked at it before: neither quiet hours nor an attempt that failed has held it back.
    pub fn is_first_look(&self) -> bool {
        self.kept.last_retry_at.is_none()
    }

    /// Says whether an earlier attempt reached one of the user's browsers.
    pub fn has_reached_some(&self) -> bool {
        !self.kept.delivered_to.is_empty()
    }
}

/// What a reminder would tell of at this moment.
enum Look {
    /// Of this.
    Tells {
        content: Content,
        /// The reminders that a digest tells of.
        members: Vec<Uuid>,
        /// Whether it is sent during quiet hours too.
        passes: bool,
    },
    /// Of nothing any more: why.
    Nothing(&'static str),
}

impl Application {
    /// Announces every reminder that is due, and says how many. What was missed is not: [`Application::gather_missed`].
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn announce_due(&self, cause: &Cause) -> Result<usize, Refusal> {
        let mut count = 0;
        loop {
            let announce = |kept: &Kept| moment_event(cause, kept, "reminder.due", attempt_of(kept), None);
            let limit = i64::try_from(CLAIMED_AT_ONCE).unwrap_or(i64::MAX);
            let before = missed_before(cause.now);
            let claimed = self.store.claim_due(cause.now, before, limit, announce).await.map_err(refuse)?;
            if claimed > 0 {
                (self.committed)();
            }
            count += claimed;
            if claimed < CLAIMED_AT_ONCE {
                return Ok(count);
            }
        }
    }

    /// Puts some of the reminders that were missed into digests, which are due soon; says whether there may be more of them. What
    /// another scan is just gathering is left to it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn gather_missed(&self, cause: &Cause) -> Result<bool, Refusal> {
        let (before, at) = (missed_before(cause.now), cause.now + DIGEST_WAITS);
        let limit = i64::try_from(MISSED_AT_ONCE).unwrap_or(i64::MAX);
        let mut users = self.store.users_with_missed(before, limit).await.map_err(refuse)?;
        let is_page_full = users.len() == MISSED_AT_ONCE;
        users.sort_unstable();
        users.dedup();
        let mut gathered = 0;
        for users in users.chunks(USERS_AT_ONCE) {
            let new_id = || (cause.new_id)(cause.now);
            gathered += self.store.gather_missed(users, before, at, new_id).await.map_err(refuse)?;
        }
        Ok(is_page_full && gathered > 0)
    }

    /// Looks at an announced reminder again, right before it is sent: nothing goes out for a task that is done, deleted or moved.
    /// `lease` is how long others are to wait for this attempt, which must end before.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn prepare(
        &self,
        cause: &Cause,
        moment: &ReminderMoment,
        ways: Ways<'_>,
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
                Standing::Failed { reason } if NOWHERE.contains(&reason.as_str()) => {
                    Prepared::Impossible(reason)
                }
                Standing::Failed { reason } => Prepared::Failed(reason),
                Standing::Settled => Prepared::Nothing,
            });
        };
        let settings = self.fresh_settings(user_id).await?;
        let look = match kept.task_id {
            Some(task_id) => self.look_at_task(&kept, task_id, &settings).await?,
            None => self.look_at_missed(cause, &kept, &settings).await?,
        };
        let settle = async |finish: Finish| {
            let settled = self.store.finish(&kept, token, &finish, &[], None, cause.now).await;
            settled.map(|_| Prepared::Nothing).map_err(refuse)
        };
        let (content, members, passes) = match look {
            Look::Tells { content, members, passes } => (content, members, passes),
            Look::Nothing(reason) => return settle(Finish::Cancelled { reason: reason.to_owned() }).await,
        };
        let is_missed = kept.task_id.is_some() && kept.trigger_time < missed_before(cause.now);
        if is_missed && self.store.give_back(&kept, token).await.map_err(refuse)? {
            // The scan puts it into a digest.
            (self.committed)();
            return Ok(Prepared::Nothing);
        }
        let quiet = settings.quiet_hours.filter(|_| !passes);
        if let Some(at) = quiet.and_then(|quiet| quiet_until(quiet, cause.now, settings.time_zone)) {
            return settle(Finish::Postponed { at, settings_version: settings.version }).await;
        }
        let channel = channel(&kept, &settings, ways);
        let outgoing = |channel| Outgoing {
            trigger_time: kept.trigger_time,
            attempt: *attempt,
            token,
            members,
            channel,
            locale: settings.locale,
            content,
            kept: kept.clone(),
        };
        match channel {
            Ok(Channel::Push(subscriptions)) if subscriptions.is_empty() => {
                // The browsers that did not have it are gone.
                self.finish(cause, &outgoing(Channel::Push(subscriptions)), Finish::Sent).await?;
                Ok(Prepared::Nothing)
            }
            Ok(channel) => Ok(Prepared::Send(Box::new(outgoing(channel)))),
            Err(reason) => {
                let outgoing = outgoing(Channel::Push(Vec::new()));
                self.finish(cause, &outgoing, Finish::Failed { reason: reason.to_owned() }).await?;
                Ok(Prepared::Impossible(reason.to_owned()))
            }
        }
    }

    /// Looks at the task of a reminder.
    async fn look_at_task(&self, kept: &Kept, task_id: Uuid, settings: &Settings) -> Result<Look, Refusal> {
        let loaded = self.store.task(&kept.user_id, task_id).await.map_err(refuse)?;
        Ok(match still_wanted(loaded, kept.id, kept.trigger_time, settings) {
            Err(reason) => Look::Nothing(reason),
            Ok(loaded) => Look::Tells {
                content: Content::Task(Box::new(show(&loaded, settings.time_zone))),
                members: Vec::new(),
                passes: loaded.task.priority == Priority::High,
            },
        })
    }

    /// Looks at the tasks of everything that a digest is to tell of; what is not wanted any more leaves it.
    async fn look_at_missed(
        &self,
        cause: &Cause,
        digest: &Kept,
        settings: &Settings,
    ) -> Result<Look, Refusal> {
        loop {
            let members = self.store.members(digest, MOST_IN_A_DIGEST).await.map_err(refuse)?;
            if members.is_empty() {
                return Ok(Look::Nothing("all that was missed is done, deleted or changed by now"));
            }
            let (mut told, mut missed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
            let ids: Vec<_> = members.iter().map(|member| member.task_id).collect();
            let tasks = self.store.tasks(&digest.user_id, &ids).await.map_err(refuse)?;
            let tasks: HashMap<_, _> = tasks.into_iter().map(|loaded| (loaded.task.id, loaded)).collect();
            for member in members {
                let loaded = tasks.get(&member.task_id).cloned();
                match still_wanted(loaded, member.id, member.trigger_time, settings) {
                    Ok(loaded) => {
                        told.push(member.id);
                        missed.push((member.trigger_time, show(&loaded, settings.time_zone)));
                    }
                    Err(reason) => gone.push((member.id, reason.to_owned())),
                }
            }
            if !gone.is_empty() {
                self.store.cancel_members(digest, &gone, cause.now).await.map_err(refuse)?;
            }
            if !told.is_empty() {
                return Ok(Look::Tells { content: Content::Missed(missed), members: told, passes: false });
            }
        }
    }

    /// Holds a prepared reminder for as long as an attempt may take. Says whether it is still to be sent: not when another sender has
    /// it by now, or its task was done, deleted or moved since.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn hold(&self, outgoing: &Outgoing, until: DateTime<Utc>) -> Result<bool, Refusal> {
        self.store.hold(&outgoing.kept, outgoing.token, until).await.map_err(refuse)
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
            .finish(&outgoing.kept, outgoing.token, &finish, &outgoing.members, event.as_ref(), cause.now)
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

/// What was due before this instant is missed.
fn missed_before(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::hours(MISSED_AFTER_HOURS)
}

/// Gives the task of a reminder if it still ought to have just this one.
///
/// # Errors
/// Why not.
fn still_wanted(
    loaded: Option<Loaded>,
    id: Uuid,
    trigger_time: DateTime<Utc>,
    settings: &Settings,
) -> Result<Loaded, &'static str> {
    let is_open = |loaded: &Loaded| loaded.task.status == Status::Active;
    let loaded = loaded.filter(is_open).ok_or("the task is not open any more")?;
    let planned = reminder::plan(&loaded.task, settings, trigger_time);
    let is_planned = planned.iter().any(|one| one.id == id);
    is_planned.then_some(loaded).ok_or("the task or its reminders were changed")
}

/// Gives where a reminder goes: of a push message, the browsers that do not have it yet, which may be none.
///
/// # Errors
/// Why there is nowhere to send it.
fn channel(kept: &Kept, settings: &Settings, ways: Ways<'_>) -> Result<Channel, &'static str> {
    if kept.delivery_method == "push" {
        if kept.delivered_to.is_empty() && !ways.has_push {
            return Err(NO_PUSH);
        }
        if kept.delivered_to.is_empty() && settings.push_subscriptions.is_empty() {
            return Err(NO_SUBSCRIPTION);
        }
        let has_it = |one: &&PushSubscription| kept.delivered_to.contains(&one.endpoint);
        let missing = settings.push_subscriptions.iter().filter(|one| !has_it(one)).cloned();
        return Ok(Channel::Push(missing.collect()));
    }
    let fallback = ways.fallback_recipient.map(str::to_owned);
    let address = kept.destination.clone().or(settings.email.clone()).or(fallback);
    address.map(Channel::Email).ok_or(NO_ADDRESS)
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
    // A digest belongs to no task.
    let id = kept.task_id.unwrap_or(kept.id).to_string();
    Event {
        user_id: kept.user_id.clone(),
        ..cause.event(Topic::Reminders, event_type, &id, &id, JsonText::of(&moment))
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
