//! What a named change makes of a task; what is not named stays.

use application::input;
use chrono::{DateTime, Days, NaiveDateTime, Utc};
use domain::due::Due;
use domain::reminder::Method;
use domain::settings::Settings;
use domain::task::{Task, Title, parse_description};
use domain::zone;
use language::{Change, Changes, DueChange};

use crate::create;
use crate::understanding::Utterance;
use crate::unfit::{Flaw, Unfit};

/// Gives the task with the changes made.
///
/// # Errors
/// What can not be.
pub(crate) fn changed(
    changes: &Changes,
    task: &Task,
    about: &Utterance,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Task, Unfit> {
    let title = changes.title.as_deref().map(Title::parse).transpose();
    let description = match &changes.description {
        None => None,
        Some(Change::Clear) => Some(None),
        Some(Change::Set(text)) => Some(Some(parse_description(text).map_err(Flaw::Description)?)),
    };
    let is_tagged = !changes.add_tags.is_empty() || !changes.remove_tags.is_empty();
    let kept = task
        .tags
        .iter()
        .filter(|tag| !changes.remove_tags.iter().any(|gone| gone.to_lowercase() == tag.to_lowercase()));
    let tags: Vec<String> = kept.chain(&changes.add_tags).cloned().collect();
    let method = task.reminders.first().map_or(Method::Email, |reminder| reminder.method);
    let reminders = changes.reminders.as_ref().map(|reminders| match reminders {
        Change::Clear => Vec::new(),
        Change::Set(texts) => texts.iter().map(|text| create::reminder(*text, method, about)).collect(),
    });
    let fields = input::TaskFields {
        title: title.map_err(Flaw::Title)?,
        description,
        due_date: changes.due.map(|due| due_date(due, task, about, settings)).transpose()?,
        time_zone: None,
        priority: changes.priority,
        tags: if is_tagged { Some(create::tags(&tags)?) } else { None },
        reminders,
        recurrence: changes.recurrence.as_ref().map(|rule| match rule {
            Change::Clear => None,
            Change::Set(rule) => Some(rule.clone()),
        }),
        rrule: None,
    };
    Ok(input::apply(&fields, task.clone(), settings, now, None)?)
}

/// Gives the new due time as the API takes it.
fn due_date(
    change: DueChange,
    task: &Task,
    about: &Utterance,
    settings: &Settings,
) -> Result<Option<String>, Unfit> {
    let zone = task.zone(settings.time_zone);
    let said = about.zone();
    let in_zone_of_task = |local: NaiveDateTime| zone::resolve(local, zone).to_rfc3339();
    let text = match (change, task.due) {
        (DueChange::Clear, _) => return Ok(None),
        (DueChange::Set { date: Some(date), time: Some(time) }, _) => {
            zone::resolve(date.and_time(time), said).to_rfc3339()
        }
        // The other part stays what the task's own clock shows.
        (DueChange::Set { date: Some(date), time: None }, Some(Due::At { local, .. })) => {
            in_zone_of_task(date.and_time(local.time()))
        }
        (DueChange::Set { date: Some(date), time: None }, _) => date.to_string(),
        (DueChange::Set { date: None, time: Some(time) }, due) => {
            let now = about.now();
            let date = match due {
                Some(Due::At { at, .. }) => zone::local(at, said).date(),
                Some(Due::Date(date)) => date,
                None if now.time() < time => now.date(),
                None => now.date().checked_add_days(Days::new(1)).unwrap_or(now.date()),
            };
            zone::resolve(date.and_time(time), said).to_rfc3339()
        }
        (DueChange::Set { date: None, time: None }, _) => return Err(Unfit::When),
        (DueChange::Shift(_), None) => return Err(Flaw::NoDueTime.into()),
        (DueChange::Shift(by), Some(Due::Date(date))) => {
            if by.num_seconds() % 86_400 != 0 {
                return Err(Flaw::WholeDay.into());
            }
            date.checked_add_signed(by).ok_or(Flaw::TooFar)?.to_string()
        }
        (DueChange::Shift(by), Some(Due::At { local, .. })) => {
            in_zone_of_task(local.checked_add_signed(by).ok_or(Flaw::TooFar)?)
        }
    };
    Ok(Some(text))
}
