//! "undo": takes the last thing back that was done in this conversation; what was done elsewhere only after a yes, and in
//! a conversation that was forgotten only what was done since.

use application::undo::{Plan, Which};
use events::{Refusal, TaskBody};
use uuid::Uuid;

use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::state::{Act, Frozen, Proposal};
use crate::turn::Talk;

/// Reverts the last action: created → deleted, completed → open, deleted → back, changed → as it was.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn undo(talk: &mut Talk<'_>, confidence: f64) -> Result<Outcome, Refusal> {
    let Some(which) = talk.state.take_done() else {
        return Ok(Outcome::ask(Intent::Update, confidence, reply::forgotten(talk.language)));
    };
    revert(talk, which, true, confidence).await
}

/// Reverts what was done elsewhere, after a yes.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn accept(
    talk: &mut Talk<'_>,
    frozen: &[Frozen],
    events: Vec<Uuid>,
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let ids: Vec<_> = frozen.iter().map(|one| one.id).collect();
    let mut changed = talk.application.tasks_by_id(&talk.cause.user_id, &ids).await?;
    changed.retain(|loaded| {
        !frozen.iter().any(|one| one.id == loaded.task.id && one.is_still(loaded.task.version))
    });
    if !changed.is_empty() {
        let titles: Vec<_> = changed.iter().map(|loaded| loaded.task.title.as_str().to_owned()).collect();
        let reply = reply::changed_since(talk.language, &titles);
        return Ok(Outcome::ask(Intent::Update, confidence, reply));
    }
    revert(talk, Which::Events(events), false, confidence).await
}

/// Says what would be taken back, and waits.
fn propose(talk: &mut Talk<'_>, plan: &Plan, confidence: f64) -> Outcome {
    let was = plan.done.first().map_or(Act::Update, |done| act_of(&done.event_type));
    let act = if was == Act::Create { Act::Delete } else { Act::Update };
    let tasks: Vec<_> = plan.reverting.iter().map(|planned| &planned.write.task).collect();
    let titles: Vec<_> = tasks.iter().map(|task| task.title.as_str().to_owned()).collect();
    let frozen = tasks.iter().map(|task| Frozen::of(task.id, task.version - 1)).collect();
    let undoes = plan.done.iter().map(|done| done.event_id).collect();
    let proposal = Proposal::new(talk.said.clone(), act, frozen, talk.cause.now);
    talk.state.proposal = Some(Proposal { undoes, ..proposal });
    let reply = reply::propose_undo(talk.language, was, &titles);
    Outcome { confirmation: true, ..Outcome::say(act.into(), confidence, reply) }
}

async fn revert(
    talk: &mut Talk<'_>,
    which: Which,
    was_done_here: bool,
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let plan = match talk.application.plan_undo(talk.cause, &talk.settings, &which).await {
        Ok(plan) => plan,
        Err(Refusal::NotFound(_)) => {
            return Ok(Outcome::ask(Intent::Update, confidence, reply::nothing_to_undo(talk.language)));
        }
        Err(Refusal::Conflict(_)) => {
            let changed = talk.application.changed_since(talk.cause, &which).await?;
            let titles: Vec<_> = changed.iter().map(|task| task.title.as_str().to_owned()).collect();
            let reply = match &changed[..] {
                [] => reply::nothing_to_undo(talk.language),
                _ => {
                    // It stays the last thing: "undo" once more is no order to undo what was done before it.
                    if was_done_here {
                        talk.state.keep_done(which);
                    }
                    reply::changed_since(talk.language, &titles)
                }
            };
            if let [only] = &changed[..] {
                talk.state.last = Some(only.id);
            }
            return Ok(Outcome::ask(Intent::Update, confidence, reply));
        }
        Err(refusal) => return Err(refusal),
    };
    if which == Which::Last {
        return Ok(propose(talk, &plan, confidence));
    }
    let Plan { done, reverting, extra, undone, is_successor_kept } = plan;
    let act = done.first().map_or(Act::Update, |done| act_of(&done.event_type));
    let intent = if act == Act::Create { Intent::Delete } else { Intent::Update };
    if let [only] = &reverting[..] {
        talk.state.last = Some(only.write.task.id);
    }
    let mut reply = reply::undone(talk.language, act, &reverting, &talk.settings);
    if is_successor_kept {
        reply += reply::successor_kept(talk.language);
    }
    let mut outcome = Outcome::say(intent, confidence, reply);
    let effect = if act == Act::Create { "task_deleted" } else { "task_updated" };
    let bodies: Vec<TaskBody> = reverting.iter().map(|planned| planned.body.clone()).collect();
    outcome.effect = bodies.first().map(|body| (effect, body.clone()));
    outcome.tasks = (bodies.len() > 1).then_some(bodies);
    outcome.reopened = match act {
        Act::Complete | Act::Delete => reverting.iter().map(|planned| planned.write.task.id).collect(),
        _ => Vec::new(),
    };
    outcome.writes = reverting.into_iter().map(|planned| planned.write).chain(extra).collect();
    outcome.undone = undone;
    Ok(outcome)
}

fn act_of(event_type: &str) -> Act {
    match event_type {
        "task.created" | "task.restored" => Act::Create,
        "task.completed" => Act::Complete,
        "task.reopened" => Act::Reopen,
        "task.deleted" => Act::Delete,
        _ => Act::Update,
    }
}
