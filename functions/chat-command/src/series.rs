//! Deleting a whole series: offered where one of its occurrences is deleted, which lets it go on.

use application::change::plan_write;
use application::chat::Loaded;
use domain::task::Change;
use events::payload::Actor;
use events::{Refusal, TaskBody};

use crate::outcome::{Intent, Outcome};
use crate::state::{Act, Frozen, Proposal};
use crate::turn::Talk;
use crate::{answer, reply, targets};

/// Proposes to delete the series whose occurrence was just deleted, or is to be, when a message asks for that; `None` when it does
/// not.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn propose(talk: &mut Talk<'_>) -> Result<Option<Outcome>, Refusal> {
    let now = talk.cause.now;
    let Some(offer) = talk.state.series.take().filter(|offer| now < offer.expires_at) else {
        return Ok(None);
    };
    let found = talk.application.tasks_by_id(&talk.cause.user_id, &[offer.id]).await?.pop();
    let Some(loaded) = found.filter(|loaded| means_series(&talk.said.text, loaded.task.title.as_str()))
    else {
        return Ok(None);
    };
    talk.state.drop_questions();
    let tasks = vec![Frozen::of(loaded.task.id, loaded.task.version)];
    let proposal = Proposal::new(talk.said.clone(), Act::Delete, tasks, now);
    talk.state.proposal = Some(Proposal { is_series: true, ..proposal });
    let reply = reply::propose_series(talk.language, loaded.task.title.as_str());
    Ok(Some(Outcome { confirmation: true, ..Outcome::say(Intent::Delete, 0.9, reply) }))
}

/// Deletes a series, after a yes.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn delete(
    talk: &mut Talk<'_>,
    proposed: &[Frozen],
    confidence: f64,
) -> Result<Outcome, Refusal> {
    let ids: Vec<_> = proposed.iter().map(|one| one.id).collect();
    let found = talk.application.tasks_by_id(&talk.cause.user_id, &ids).await?.pop();
    let Some(Loaded { task, .. }) = &found else {
        return Ok(Outcome::ask(Intent::Delete, confidence, reply::gone(talk.language)));
    };
    let title = task.title.as_str().to_owned();
    if !proposed.iter().all(|one| one.is_still(task.version)) {
        let reply = reply::nothing_to_do(talk.language) + &reply::left_out(talk.language, &[title]);
        return Ok(Outcome::ask(Intent::Delete, confidence, reply));
    }
    let others = talk.application.plan_deletion_of_others(talk.cause, task, &talk.settings).await;
    let (mut writes, members) = match others {
        Ok(others) => others,
        Err(Refusal::Conflict(_)) => {
            let reply = reply::too_many(talk.language, targets::MAX_AT_ONCE);
            return Ok(Outcome::ask(Intent::Delete, confidence, reply));
        }
        Err(refusal) => return Err(refusal),
    };
    let actor = Actor::user(&talk.cause.user_id);
    let planned = task
        .delete(talk.cause.now)
        .map(|after| plan_write(talk.cause, found.as_ref(), after, &talk.settings, Change::Deleted, &actor));
    let body = planned
        .as_ref()
        .map_or_else(|| TaskBody::of(task, talk.settings.time_zone, None), |planned| planned.body.clone());
    writes.extend(planned.map(|planned| planned.write));
    if writes.is_empty() {
        let reply = reply::already(talk.language, Act::Delete, &title);
        return Ok(Outcome::say(Intent::Delete, confidence, reply));
    }
    talk.state.did_events(writes.iter().map(|write| write.event.event_id).collect());
    let mut outcome = Outcome::say(Intent::Delete, confidence, reply::deleted_series(talk.language, &title));
    outcome.effect = Some(("task_deleted", body));
    (outcome.writes, outcome.series) = (writes, members);
    Ok(outcome)
}

/// Says whether a message asks for the whole series of the task with this title, and for nothing else: "all of them", "delete the
/// gym series", "delete gym forever".
fn means_series(said: &str, title: &str) -> bool {
    const SERIES: [&str; 11] = [
        "series",
        "forever",
        "occurrences",
        "repetitions",
        "silsila",
        "hamesha",
        "sab",
        "سلسلہ",
        "ہمیشہ",
        "سب",
        "تمام",
    ];
    const BESIDE: [&str; 35] = [
        "delete", "remove", "cancel", "the", "whole", "entire", "all", "of", "this", "that", "it", "its",
        "them", "please", "for", "yes", "poora", "pura", "kar", "karein", "karo", "do", "dein", "ke", "liye",
        "ko", "پورا", "حذف", "کر", "کریں", "کرو", "دو", "دیں", "کے", "لیے",
    ];
    if answer::means_all(said, 0) {
        return true;
    }
    let folded = targets::fold(said);
    let title = targets::fold(title);
    let split = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let title = split(&title);
    let mut left = split(&folded);
    left.retain(|word| !BESIDE.contains(&word.as_str()) && !title.contains(word));
    !left.is_empty() && left.iter().all(|word| SERIES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_meant_only_when_it_is_said() {
        for (said, expected) in [
            ("all of them", true),
            ("delete the gym series", true),
            ("delete gym forever", true),
            ("Delete the series.", true),
            ("پورا سلسلہ حذف کر دیں", true),
            ("poora silsila delete kar dein", true),
            ("delete gym", false),
            ("delete the dentist series", false),
            ("delete all tasks", false),
            ("watch the new series", false),
        ] {
            assert_eq!(means_series(said, "gym"), expected, "{said}");
        }
    }
}
