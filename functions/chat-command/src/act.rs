//! Carries out what was understood: at once where that is safe, else after a yes.

use application::change::{PlannedWrite, in_present_zone, plan_write};
use application::chat::{Loaded, Write};
use domain::task::{Change, Task};
use events::payload::Actor;
use events::{Refusal, TaskBody};
use language::{Action, Changes, Target, TaskFields};
use uuid::Uuid;

use crate::outcome::{Intent, Outcome};
use crate::state::Act;
use crate::targets::{self, Found};
use crate::turn::Talk;
use crate::understanding::{Understood, Utterance, Wants};
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
    if !understood.is_clear() {
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

/// Gives the targets of acts that are all of one kind; of changes, only one at a time.
fn acts(actions: &[Action]) -> Option<Vec<(Act, &Target)>> {
    let each = actions.iter().map(|action| match action {
        Action::Update { target, .. } => Some((Act::Update, target)),
        Action::Complete { target } => Some((Act::Complete, target)),
        Action::Reopen { target } => Some((Act::Reopen, target)),
        Action::Delete { target } => Some((Act::Delete, target)),
        _ => None,
    });
    let all: Vec<_> = each.collect::<Option<_>>()?;
    let (first, _) = *all.first()?;
    let is_one_kind = all.iter().all(|(act, _)| *act == first);
    (is_one_kind && (all.len() == 1 || first != Act::Update)).then_some(all)
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
    // What the model made of a sentence is done to a task only after a yes.
    if let [only] = &tasks[..]
        && is_sure
        && act != Act::Delete
        && about.heard.is_none()
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
    let changes = match about.understand().actions.into_iter().next() {
        Some(Action::Update { changes, .. }) => changes,
        _ => Changes::default(),
    };
    let mut done: Vec<(Task, PlannedWrite)> = Vec::new();
    let (mut extra, mut reopened, mut is_kept) = (Vec::<Write>::new(), Vec::<Uuid>::new(), false);
    for loaded in &tasks {
        let after = match after(talk, about, act, &changes, &loaded.task) {
            Ok(after) => after,
            Err(unfit) => {
                let why = match unfit {
                    Unfit::When => reply::missing_time(talk.language),
                    Unfit::Wrong(flaw) => {
                        reply::impossible_for(talk.language, loaded.task.title.as_str(), &flaw)
                    }
                };
                return Ok(Outcome::ask(intent, confidence, why));
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
        let mut outcome = Outcome::say(intent, confidence, reply);
        if let [only] = &tasks[..]
            && act != Act::Delete
        {
            let body = TaskBody::of(&only.task, talk.settings.time_zone, only.reminder_id);
            outcome.effect = Some((effect(act), body));
        }
        return Ok(outcome);
    }
    talk.state.did(done.iter().map(|(_, planned)| planned));
    let mut reply = reply::acted(talk.language, act, &done, &talk.settings);
    reply += &reply::left_out(talk.language, &left_out);
    if is_kept {
        reply += reply::successor_kept(talk.language);
    }
    let mut outcome = Outcome::say(intent, confidence, reply);
    outcome.is_reminder = act == Act::Update && changes.reminders.is_some();
    outcome.effect = done.first().map(|(_, planned)| (effect(act), planned.body.clone()));
    if done.len() > 1 {
        outcome.tasks = Some(done.iter().map(|(_, planned)| planned.body.clone()).collect());
    }
    outcome.writes = done.into_iter().map(|(_, planned)| planned.write).chain(extra).collect();
    outcome.reopened = reopened;
    Ok(outcome)
}

/// Gives a task after the act; `None` when it is so already.
fn after(
    talk: &Talk<'_>,
    about: &Utterance,
    act: Act,
    changes: &Changes,
    task: &Task,
) -> Result<Option<Task>, Unfit> {
    let now = talk.cause.now;
    let after = match act {
        Act::Delete | Act::Create => Ok(task.skip(now)),
        Act::Complete => task.complete(now),
        Act::Reopen => task.reopen(now).map(|task| task.map(|task| in_present_zone(task, &talk.settings))),
        Act::Update => {
            let changed = update::changed(changes, task, about, &talk.settings, now)?;
            task.update(changed, now)
        }
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
        Act::Update => Change::Updated,
        Act::Complete => Change::Completed,
        Act::Reopen => Change::Reopened,
        Act::Delete => Change::Deleted,
    }
}

fn effect(act: Act) -> &'static str {
    match act {
        Act::Create => "task_created",
        Act::Update | Act::Reopen => "task_updated",
        Act::Complete => "task_completed",
        Act::Delete => "task_deleted",
    }
}
