//! Which tasks a question or an act on all of them means: wall times of the user become instants.

use application::Filter;
use application::chat::Tasks;
use chrono::{NaiveDateTime, TimeDelta};
use domain::due::Due;
use domain::task::{Status, Task};
use domain::zone;
use events::Refusal;
use language::Query;

use crate::turn::Talk;
use crate::understanding::Utterance;

/// Gives up to `limit` tasks, in order of their due time.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn find(
    talk: &Talk<'_>,
    about: &Utterance,
    query: &Query,
    limit: usize,
) -> Result<Tasks, Refusal> {
    let said = about.zone();
    let (at, home) = (about.at, talk.settings.time_zone);
    let instant = |local: NaiveDateTime| zone::resolve(local, said);
    // A whole day is kept as the instant at which it begins in the task's zone: look a day further, and then closely.
    let day = TimeDelta::hours(26);
    let due_to = query.due_to.map(instant).into_iter().chain(query.overdue.then_some(at)).min();
    let filter = Filter {
        status: if query.overdue { Some(query.status.unwrap_or(Status::Active)) } else { query.status },
        priority: query.priority,
        tag: None,
        due_from: query.due_from.map(|from| instant(from) - day),
        due_to: due_to.map(|to| to + day),
        text: query.text.clone(),
    };
    let keep = |task: &Task| {
        let is_tagged = |tag: &String| task.tags.iter().any(|own| own.to_lowercase() == tag.to_lowercase());
        let is_overdue = || task.due.is_some_and(|due| due.overdue_from(task.zone(home)) <= at);
        let completed_from = query.completed_from.map(instant);
        let completed_to = query.completed_to.map(instant);
        query.tags.iter().all(is_tagged)
            && completed_from.is_none_or(|from| task.completed_at.is_some_and(|at| at >= from))
            && completed_to.is_none_or(|to| task.completed_at.is_some_and(|at| at < to))
            && (!query.overdue || is_overdue())
            && (query.due_from.is_none() && query.due_to.is_none()
                || task.due.is_some_and(|due| is_between(due, query.due_from, query.due_to, said)))
    };
    talk.application.find_tasks(&talk.cause.user_id, &talk.settings, &filter, limit, keep).await
}

/// A whole day counts as its midnight, wherever that is.
fn is_between(due: Due, from: Option<NaiveDateTime>, to: Option<NaiveDateTime>, zone: chrono_tz::Tz) -> bool {
    match due {
        Due::Date(_) => from.is_none_or(|from| due.local() >= from) && to.is_none_or(|to| due.local() < to),
        Due::At { at, .. } => {
            from.is_none_or(|from| at >= zone::resolve(from, zone))
                && to.is_none_or(|to| at < zone::resolve(to, zone))
        }
    }
}
