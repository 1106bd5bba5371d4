//! What needs a yes: said first, done to exactly the tasks that were named, and to nothing else.

use application::chat::Loaded;
use events::{Refusal, TaskBody};
use language::Action;

use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::state::{Act, Frozen, Offer, Proposal, expiry};
use crate::turn::Talk;
use crate::understanding::Utterance;
use crate::{create, perform, series, undo};

/// Says what would be done, and waits.
pub(crate) fn propose(
    talk: &mut Talk<'_>,
    about: Utterance,
    act: Act,
    tasks: &[Loaded],
    confidence: f64,
) -> Outcome {
    let zone = talk.settings.time_zone;
    let changes = match about.understand().actions.into_iter().next() {
        Some(Action::Update { changes, .. }) => reply::changes(talk.language, &changes, &about),
        Some(Action::Snooze { until, .. }) => {
            reply::instant(talk.language, perform::instant_of(until, &about), about.zone())
        }
        _ => String::new(),
    };
    let frozen = tasks.iter().map(|loaded| Frozen::of(loaded.task.id, loaded.task.version)).collect();
    if let [only] = tasks
        && act == Act::Delete
        && only.task.recurrence.is_some()
    {
        talk.state.series = Some(Offer { id: only.task.id, expires_at: expiry(talk.cause.now) });
    }
    let ids: Vec<_> = tasks.iter().map(|loaded| loaded.task.id).collect();
    match ids[..] {
        // One of those in the list that the user sees: its numbers stay.
        [only] if talk.state.shown(talk.cause.now).contains(&only) => talk.state.last = Some(only),
        _ => talk.state.show(ids, talk.cause.now),
    }
    talk.state.proposal = Some(Proposal::new(about, act, frozen, talk.cause.now));
    let reply = reply::propose(talk.language, act, tasks, &changes, zone);
    let bodies = tasks.iter().map(|loaded| TaskBody::of(&loaded.task, zone, loaded.reminder_id));
    Outcome {
        confirmation: true,
        candidates: bodies.collect(),
        is_reminder: act == Act::Snooze,
        ..Outcome::say(act.into(), confidence, reply)
    }
}

/// Does what was proposed.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn accept(
    talk: &mut Talk<'_>,
    proposal: Proposal,
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let Proposal { about, act, tasks: frozen, undoes, is_series, expires_at } = proposal;
    talk.rests_on(&about);
    if talk.cause.now >= expires_at {
        return Ok(Outcome::ask(act.into(), confidence, reply::expired(talk.language)));
    }
    if !undoes.is_empty() {
        return undo::accept(talk, &frozen, undoes, confidence).await;
    }
    if is_series {
        return series::delete(talk, &frozen, confidence).await;
    }
    if act == Act::Create {
        let actions = about.understand().actions;
        return match &actions[..] {
            [Action::Create(fields)] => Ok(create::create_after_yes(talk, about, &[fields], confidence)),
            _ => Ok(Outcome::ask(Intent::Unknown, confidence, reply::unclear(talk.language))),
        };
    }
    let ids: Vec<_> = frozen.iter().map(|one| one.id).collect();
    let (mut tasks, mut left_out) = (Vec::new(), Vec::new());
    for loaded in talk.application.tasks_by_id(&talk.cause.user_id, &ids).await? {
        let is_still = |one: &Frozen| one.id == loaded.task.id && one.is_still(loaded.task.version);
        if frozen.iter().any(is_still) {
            tasks.push(loaded);
        } else {
            left_out.push(loaded.task.title.as_str().to_owned());
        }
    }
    perform::perform(talk, &about, act, tasks, confidence, left_out).await
}
