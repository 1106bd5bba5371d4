//! Carries out what was understood: at once where that is safe, else after a yes.

use application::change::{PlannedWrite, in_present_zone, plan_write};
use application::chat::{Loaded, Write};
use application::snooze::SnoozeUntil;
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use domain::task::{Change, Task};
use domain::zone;
use events::payload::Actor;
use events::{Refusal, TaskBody};
use language::{Action, Changes, Target, TaskFields};
use uuid::Uuid;

use crate::outcome::{Intent, Outcome};
use crate::state::Act;
use crate::targets::{self, Found};
use crate::turn::Talk;
use crate::understanding::{SURE, Understood, Utterance, Wants};
use crate::unfit::{Flaw, Unfit};
use crate::{clarify, create, proposal, query, reply, update};

/// Does what was understood, or asks.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn carry_out(
    talk: &mut Talk<'_>,
    about: Utterance,
    understood: Understood,
) -> Result<Outcome, Refusal> {
    talk.state.drop_questions();
    if understood.problem.is_some() || understood.confidence < SURE {
        return Ok(clarify::ask(talk, about, understood));
    }
    let Understood { actions, confidence, .. } = understood;
    if let Some(fields) = creations(&actions) {
        return Ok(create::create(talk, about, &fields, confidence));
    }
    if let [Action::Query(query)] = &actions[..] {
        return query::answer(talk, &about, query, confidence).await;
    }
    let Some(acts) = acts(&actions) else {
        return Ok(Outcome::ask(Intent::of(&actions[0]), confidence, reply::one_at_a_time(talk.language)));
    };
    on_tasks(talk, about, &acts, confidence).await
}

fn creations(actions: &[Action]) -> Option<Vec<&TaskFields>> {
    let each = actions.iter().map(|action| match action {
        Action::Create(fields) => Some(fields),
        _ => None,
    });
    each.collect()
}

/// Gives the targets of acts that are all of one kind; of changes, only one at a time, and of snoozes, those until the same time.
fn acts(actions: &[Action]) -> Option<Vec<(Act, &Target)>> {
    let each = actions.iter().map(|action| match action {
        Action::Update { target, .. } => Some((Act::Update, target)),
        Action::Complete { target } => Some((Act::Complete, target)),
        Action::Reopen { target } => Some((Act::Reopen, target)),
        Action::Delete { target } => Some((Act::Delete, target)),
        Action::Snooze { target, .. } => Some((Act::Snooze, target)),
        _ => None,
    });
    let all: Vec<_> = each.collect::<Option<_>>()?;
    let (first, _) = *all.first()?;
    let is_one_kind = all.iter().all(|(act, _)| *act == first);
    let until = |action: &Action| if let Action::Snooze { until, .. } = action { Some(*until) } else { None };
    let is_one_change =
        first != Act::Update && actions.iter().all(|action| until(action) == until(&actions[0]));
    (is_one_kind && (all.len() == 1 || is_one_change)).then_some(all)
}

async fn on_tasks(
    talk: &mut Talk<'_>,
    about: Utterance,
    acts: &[(Act, &Target)],
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let act = acts[0].0;
    let (mut tasks, mut is_sure): (Vec<Loaded>, bool) = (Vec::new(), acts.len() == 1);
    for (_, target) in acts {
        let found = match targets::find(talk, &about, act, target).await? {
            Found::Sure(loaded) => vec![loaded],
            Found::Loose(loaded) => {
                is_sure = false;
                vec![loaded]
            }
            Found::All(all) => {
                is_sure = false;
                all
            }
            Found::Several(several) if acts.len() == 1 => {
                return Ok(clarify::ask_which(talk, about, Wants::Target, &several));
            }
            Found::Several(_) => {
                return Ok(Outcome::ask(act.into(), confidence, reply::one_at_a_time(talk.language)));
            }
            Found::Nothing(why) => return Ok(Outcome::ask(act.into(), confidence, why)),
        };
        for loaded in found {
            if tasks.iter().all(|known| known.task.id != loaded.task.id) {
                tasks.push(loaded);
            }
        }
    }
    if let [only] = &tasks[..]
        && is_sure
        && act != Act::Delete
    {
        let only = only.clone();
        return perform(talk, &about, act, vec![only], confidence, Vec::new()).await;
    }
    Ok(proposal::propose(talk, about, act, &tasks, confidence))
}

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
    let new = match about.understand().actions.into_iter().next() {
        Some(Action::Update { changes, .. }) => New::Fields(Box::new(changes)),
        Some(Action::Snooze { until, .. }) => New::Reminder(instant_of(until, about)),
        _ => New::Nothing,
    };
    let is_reminder = match &new {
        New::Fields(changes) => act == Act::Update && changes.reminders.is_some(),
        New::Reminder(_) => true,
        New::Nothing => false,
    };
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
        let mut reply = match &tasks[..] {
            [only] => reply::already(talk.language, act, only.task.title.as_str()),
            _ => reply::nothing_to_do(talk.language),
        };
        reply += &reply::left_out(talk.language, &left_out);
        let mut outcome = Outcome { is_reminder, ..Outcome::say(intent, confidence, reply) };
        if let [only] = &tasks[..]
            && act != Act::Delete
        {
            let body = TaskBody::of(&only.task, talk.settings.time_zone, only.reminder_id);
            outcome.effect = Some((effect(act), body));
        }
        return Ok(outcome);
    }
    talk.state.did(done.iter().map(|(_, planned)| planned));
    let mut reply = match new {
        New::Reminder(until) => reply::snoozed(talk.language, until, &done, about.zone(), &talk.settings),
        _ => reply::acted(talk.language, act, &done, &talk.settings),
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

/// What an act brings to a task.
enum New {
    /// Other values.
    Fields(Box<Changes>),
    /// One more reminder, then.
    Reminder(DateTime<Utc>),
    /// Nothing but another status.
    Nothing,
}

/// Gives the instant of a wall time to come: the second one of two, when the first is over.
pub(crate) fn instant_of(until: NaiveDateTime, about: &Utterance) -> DateTime<Utc> {
    let first = zone::resolve(until, about.zone());
    let second = about.zone().from_local_datetime(&until).latest().map(|at| at.with_timezone(&Utc));
    second.filter(|second| first < about.at && *second > first).unwrap_or(first)
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
pub(crate) fn plan(talk: &Talk<'_>, before: &Loaded, after: Task, kind: Change) -> PlannedWrite {
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
