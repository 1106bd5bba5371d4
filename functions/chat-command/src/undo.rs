//! "undo": takes the last thing back that was done in this conversation.

use application::change::{PlannedWrite, in_present_zone};
use application::chat::Write;
use application::input::{self, TaskFields};
use domain::task::{Change, Task};
use events::{Refusal, TaskBody};

use crate::act::plan;
use crate::create::{self, Unfit};
use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::state::{Act, Done, Touched};
use crate::turn::Talk;

/// Reverts the last action: created → deleted, completed → open, deleted → back, changed → as it was.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn undo(talk: &mut Talk<'_>, confidence: f64) -> Result<Outcome, Refusal> {
    let Some(done) = talk.state.done.take() else {
        return Ok(Outcome::ask(Intent::Unknown, confidence, reply::nothing_to_undo()));
    };
    let Done { act, tasks: touched } = done;
    let intent = if act == Act::Create { Intent::Delete } else { Intent::Update };
    let ids: Vec<_> = touched.iter().map(|one| one.id).collect();
    let mut reverted: Vec<PlannedWrite> = Vec::new();
    let (mut extra, mut reopened, mut is_kept) = (Vec::<Write>::new(), Vec::new(), false);
    for loaded in talk.application.tasks_by_id(&talk.cause.user_id, &ids).await? {
        let Some(touched) = touched.iter().find(|one| one.id == loaded.task.id) else { continue };
        let (after, kind) = match before(talk, act, touched, &loaded.task) {
            Ok((Some(after), kind)) => (after, kind),
            // It is so already, or somebody else went further.
            Ok((None, _)) => continue,
            Err(Unfit::When) => return Ok(Outcome::ask(intent, confidence, reply::nothing_to_undo())),
            Err(Unfit::Wrong(why)) => return Ok(Outcome::ask(intent, confidence, reply::impossible(&why))),
        };
        if kind == Change::Reopened {
            let (withdrawal, kept) =
                talk.application.plan_withdrawal(talk.cause, loaded.task.id, &talk.settings).await?;
            extra.extend(withdrawal.map(|planned| planned.write));
            is_kept |= kept;
            reopened.push(loaded.task.id);
        }
        reverted.push(plan(talk, &loaded, after, kind));
    }
    if reverted.is_empty() {
        return Ok(Outcome::ask(intent, confidence, reply::nothing_to_undo()));
    }
    if let [only] = &reverted[..] {
        talk.state.last = Some(only.write.task.id);
    }
    let mut reply = reply::undone(act, &reverted, &talk.settings);
    if is_kept {
        reply += reply::successor_kept();
    }
    let mut outcome = Outcome::say(intent, confidence, reply);
    let effect = if act == Act::Create { "task_deleted" } else { "task_updated" };
    let bodies: Vec<TaskBody> = reverted.iter().map(|planned| planned.body.clone()).collect();
    outcome.effect = bodies.first().map(|body| (effect, body.clone()));
    outcome.tasks = (bodies.len() > 1).then_some(bodies);
    outcome.writes = reverted.into_iter().map(|planned| planned.write).chain(extra).collect();
    outcome.reopened = reopened;
    Ok(outcome)
}

/// Gives a task as it was before; `None` when there is nothing to revert.
fn before(
    talk: &Talk<'_>,
    act: Act,
    touched: &Touched,
    task: &Task,
) -> Result<(Option<Task>, Change), Unfit> {
    let now = talk.cause.now;
    let present = |task| in_present_zone(task, &talk.settings);
    let wrong = |refusal: domain::task::Refusal| Unfit::Wrong(refusal.to_string());
    Ok(match act {
        Act::Create => (task.delete(now), Change::Deleted),
        Act::Delete => (task.restore(now).map(present), Change::Restored),
        Act::Complete => (task.reopen(now).map_err(wrong)?.map(present), Change::Reopened),
        Act::Reopen => (task.complete(now).map_err(wrong)?, Change::Completed),
        Act::Update => {
            let Some(fields) = touched.before.as_object() else { return Err(Unfit::When) };
            let fields = TaskFields::parse(fields, &[]).map_err(|issues| create::issues_of(&issues))?;
            let reverted = input::apply(&fields, task.clone(), &talk.settings, now)
                .map_err(|issues| create::issues_of(&issues))?;
            (task.update(reverted, now).map_err(wrong)?, Change::Updated)
        }
    })
}
