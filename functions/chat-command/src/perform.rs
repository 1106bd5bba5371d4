//! What is done to tasks, once it is clear what and to which ones.

use application::change::{PlannedWrite, in_present_zone, plan_write};
use application::chat::{Loaded, Write};
use application::snooze::SnoozeUntil;
use chrono::{DateTime, NaiveDateTime, Utc};
use domain::series;
use domain::task::{Change, Task};
use domain::zone;
use events::payload::Actor;
use events::{Refusal, TaskBody};
use language::{Action, Changes};
use uuid::Uuid;

use crate::outcome::{Intent, Outcome};
use crate::state::{Act, Offer, expiry};
use crate::turn::Talk;
use crate::understanding::Utterance;
use crate::unfit::{Flaw, Unfit};
use crate::{reply, update};

/// Does it to these tasks; `left_out` names those that the user was told of and that are no longer as they were.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn perform(
    talk: &mut Talk<'_>,
    about: &Utterance,
    act: Act,
    tasks: Vec<Loaded>,
    confidence: f64,
    left_out: Vec<String>,
) -> Result<Outcome, Refusal> {
    let intent = Intent::from(act);
    let new = New::of(act, about);
    let is_reminder = new.is_reminder();
    let mut done: Vec<(Task, PlannedWrite)> = Vec::new();
    let (mut extra, mut reopened, mut is_kept) = (Vec::<Write>::new(), Vec::<Uuid>::new(), false);
    for loaded in &tasks {
        let after = match after(talk, about, act, &new, &loaded.task) {
            Ok(after) => after,
            Err(unfit) => {
                let why = match unfit {
                    Unfit::When => reply::missing_time(talk.language),
                    Unfit::Wrong(flaw) => {
                        reply::impossible_for(talk.language, loaded.task.title.as_str(), &flaw)
                    }
                };
                return Ok(Outcome { is_reminder, ..Outcome::ask(intent, confidence, why) });
            }
        };
        let Some(after) = after else { continue };
        let planned = plan(talk, loaded, after, kind(act));
        if act == Act::Reopen {
            let (withdrawal, kept) =
                talk.application.plan_withdrawal(talk.cause, &loaded.task, &talk.settings).await?;
            extra.extend(withdrawal.map(|planned| planned.write));
            is_kept |= kept;
            reopened.push(loaded.task.id);
        }
        done.push((loaded.task.clone(), planned));
    }
    if let [only] = &tasks[..] {
        talk.state.last = Some(only.task.id);
    }
    if done.is_empty() {
        let outcome = unchanged(talk, act, &tasks, confidence, &left_out);
        return Ok(Outcome { is_reminder, ..outcome });
    }
    talk.state.did(done.iter().map(|(_, planned)| planned));
    let mut reply = match new {
        New::Reminder(until) => reply::snoozed(talk.language, until, &done, about.zone(), &talk.settings),
        _ => skipped(talk, act, &done)
            .unwrap_or_else(|| reply::acted(talk.language, act, &done, &talk.settings)),
    };
    reply += &reply::left_out(talk.language, &left_out);
    if is_kept {
        reply += reply::successor_kept(talk.language);
    }
    let mut outcome = Outcome { is_reminder, ..Outcome::say(intent, confidence, reply) };
    outcome.effect = done.first().map(|(_, planned)| (effect(act), planned.body.clone()));
    if done.len() > 1 {
        outcome.tasks = Some(done.iter().map(|(_, planned)| planned.body.clone()).collect());
    }
    outcome.writes = done.into_iter().map(|(_, planned)| planned.write).chain(extra).collect();
    outcome.reopened = reopened;
    Ok(outcome)
}

/// When one of a series was deleted and the next takes its place; it is offered to delete that too.
fn skipped(talk: &mut Talk<'_>, act: Act, done: &[(Task, PlannedWrite)]) -> Option<String> {
    let [(_, planned)] = done else { return None };
    let task = &planned.write.task;
    let zone = talk.settings.time_zone;
    let next = series::successor(task, zone, talk.cause.now).filter(|_| act == Act::Delete)?;
    talk.state.series = Some(Offer { id: task.id, expires_at: expiry(talk.cause.now) });
    Some(reply::skipped(talk.language, task.title.as_str(), next.due?, next.zone(zone)))
}

/// When nothing had to be done.
fn unchanged(talk: &Talk<'_>, act: Act, tasks: &[Loaded], confidence: f64, left_out: &[String]) -> Outcome {
    let [only] = tasks else {
        let reply = reply::nothing_to_do(talk.language) + &reply::left_out(talk.language, left_out);
        return Outcome::say(act.into(), confidence, reply);
    };
    let already = reply::already(talk.language, act, only.task.title.as_str());
    let reply = already + &reply::left_out(talk.language, left_out);
    let body = || TaskBody::of(&only.task, talk.settings.time_zone, only.reminder_id);
    let effect = (act != Act::Delete).then(|| (effect(act), body()));
    Outcome { effect, ..Outcome::say(act.into(), confidence, reply) }
}

/// What an act brings to a task.
enum New {
    /// Other values.
    Fields(Box<Changes>),
    /// One more reminder, then.
    Reminder(DateTime<Utc>),
    /// Nothing but another status.
    Nothing,
}

impl New {
    fn of(act: Act, about: &Utterance) -> Self {
        match (act, about.understand().actions.into_iter().next()) {
            (Act::Update, Some(Action::Update { changes, .. })) => Self::Fields(Box::new(changes)),
            (Act::Snooze, Some(Action::Snooze { until, .. })) => Self::Reminder(instant_of(until, about)),
            _ => Self::Nothing,
        }
    }

    fn is_reminder(&self) -> bool {
        match self {
            Self::Fields(changes) => changes.reminders.is_some(),
            Self::Reminder(_) => true,
            Self::Nothing => false,
        }
    }
}

/// Gives the instant of a wall time to come: the second one of two, when the first is over.
pub(crate) fn instant_of(until: NaiveDateTime, about: &Utterance) -> DateTime<Utc> {
    let first = zone::resolve(until, about.zone());
    let second = zone::resolve_second(until, about.zone());
    second.filter(|_| first < about.at).unwrap_or(first)
}

/// Gives a task after the act; `None` when it is so already.
fn after(
    talk: &Talk<'_>,
    about: &Utterance,
    act: Act,
    new: &New,
    task: &Task,
) -> Result<Option<Task>, Unfit> {
    let now = talk.cause.now;
    let after = match (act, new) {
        (_, New::Reminder(until)) => {
            let until = SnoozeUntil::At(until.to_rfc3339());
            task.snooze(until.instant(now, task.zone(talk.settings.time_zone))?, now)
        }
        (Act::Delete, _) => Ok(task.skip(now)),
        (Act::Complete, _) => task.complete(now),
        (Act::Reopen, _) => {
            task.reopen(now).map(|task| task.map(|task| in_present_zone(task, &talk.settings)))
        }
        (Act::Update, New::Fields(changes)) => {
            let changed = update::changed(changes, task, about, &talk.settings, now)?;
            task.update(changed, now)
        }
        // A task is created elsewhere, and without anything new it stays as it is.
        (Act::Create | Act::Update | Act::Snooze, _) => Ok(None),
    };
    after.map_err(|refusal| Flaw::Status(refusal).into())
}

/// Plans the user's change of a task.
fn plan(talk: &Talk<'_>, before: &Loaded, after: Task, kind: Change) -> PlannedWrite {
    let actor = Actor::user(&talk.cause.user_id);
    plan_write(talk.cause, Some(before), after, &talk.settings, kind, &actor)
}

fn kind(act: Act) -> Change {
    match act {
        Act::Create => Change::Created,
        Act::Update | Act::Snooze => Change::Updated,
        Act::Complete => Change::Completed,
        Act::Reopen => Change::Reopened,
        Act::Delete => Change::Deleted,
    }
}

fn effect(act: Act) -> &'static str {
    match act {
        Act::Create => "task_created",
        Act::Update | Act::Reopen | Act::Snooze => "task_updated",
        Act::Complete => "task_completed",
        Act::Delete => "task_deleted",
    }
}
