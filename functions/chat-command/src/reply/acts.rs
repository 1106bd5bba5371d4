//! What was done, or would be. The past tense is said in the same commit as the deed, or not at all.

use application::change::PlannedWrite;
use application::chat::Loaded;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::reminder::{Method, Planned};
use domain::settings::Settings;
use domain::task::{Priority, Task};
use domain::zone;
use language::{Change, Changes, DueChange, ReminderText};

use super::{lines, quoted, when};
use crate::state::Act;
use crate::understanding::Utterance;

/// `Created "buy milk", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi).`
pub(crate) fn created(planned: &[PlannedWrite], settings: &Settings, now: DateTime<Utc>) -> String {
    let each = planned.iter().map(|planned| {
        let task = &planned.write.task;
        let zone = task.zone(settings.time_zone);
        let mut text = format!("Created {}", quoted(task.title.as_str()));
        if let Some(due) = task.due {
            text += &format!(", due {}", when::due(due, zone));
        }
        if let Some(rule) = &task.recurrence {
            text += &format!(", {}", when::repetition(rule));
        }
        if task.priority != Priority::Medium {
            text += &format!(", {} priority", task.priority.as_str());
        }
        text += &tagged(&task.tags);
        text.push('.');
        if task.due.is_some_and(|due| due.overdue_from(zone) <= now) {
            text += " That time has already passed.";
        }
        text + &reminders(planned, settings)
    });
    each.collect::<Vec<_>>().join("\n")
}

fn tagged(tags: &[String]) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let tags: Vec<_> = tags.iter().map(|tag| format!("#{tag}")).collect();
    format!(", tagged {}", when::and(&tags))
}

/// "I will remind you by e-mail on …", and what will not be sent.
fn reminders(planned: &PlannedWrite, settings: &Settings) -> String {
    let zone = planned.write.task.zone(settings.time_zone);
    let Some(reminders) = &planned.write.reminders else { return String::new() };
    let (past, coming): (Vec<&Planned>, Vec<&Planned>) = reminders.iter().partition(|one| one.skipped);
    let method = |one: &Planned| match one.method {
        Method::Email => "by e-mail",
        Method::Push => "by push message",
    };
    let list = |of: &[&Planned]| {
        let each = of.iter().map(|one| format!("{} on {}", method(one), when::instant(one.trigger_at, zone)));
        when::and(&each.collect::<Vec<_>>())
    };
    let mut text = String::new();
    if !coming.is_empty() {
        text += &format!(" I will remind you {}.", list(&coming));
    }
    if !past.is_empty() {
        text += &format!(" It is too late for the reminder {}.", list(&past));
    }
    let needs_address = |one: &&Planned| one.method == Method::Email && one.destination.is_none();
    if settings.email.is_none() && coming.iter().any(needs_address) {
        text += " Your settings have no e-mail address yet; please add one.";
    }
    text
}

/// What was done to tasks, each before and after.
pub(crate) fn acted(act: Act, done: &[(Task, PlannedWrite)], settings: &Settings) -> String {
    if act == Act::Update {
        let each = done.iter().map(|(before, planned)| updated(before, planned, settings));
        return each.collect::<Vec<_>>().join("\n");
    }
    let names: Vec<_> = done.iter().map(|(task, _)| quoted(task.title.as_str())).collect();
    let names = named(&names);
    let due = match done {
        [(task, _)] if act == Act::Reopen => {
            let zone = task.zone(settings.time_zone);
            task.due.map(|due| format!(", due {}", when::due(due, zone))).unwrap_or_default()
        }
        _ => String::new(),
    };
    match act {
        Act::Complete => format!("Marked {names} as done."),
        Act::Reopen => format!("Opened {names} again{due}."),
        _ => format!(
            "Deleted {names}. Say \"undo\" to bring {} back.",
            if done.len() == 1 { "it" } else { "them" }
        ),
    }
}

/// Names up to ten tasks, and counts more.
fn named(names: &[String]) -> String {
    const NAMED: usize = 10;
    match names.len() {
        count if count > NAMED => {
            format!("{count} tasks: {} and {} more", names[..NAMED].join(", "), count - NAMED)
        }
        1 => names[0].clone(),
        count => format!("{count} tasks: {}", when::and(names)),
    }
}

fn updated(before: &Task, planned: &PlannedWrite, settings: &Settings) -> String {
    let after = &planned.write.task;
    let zone = after.zone(settings.time_zone);
    let mut parts = Vec::new();
    if before.title != after.title {
        parts.push(format!("it is called {} now", quoted(after.title.as_str())));
    }
    if before.due != after.due {
        parts.push(match after.due {
            Some(due) => format!("due {}", when::due(due, zone)),
            None => "without a due time".to_owned(),
        });
    }
    if before.recurrence != after.recurrence {
        parts.push(match &after.recurrence {
            Some(rule) => format!("repeats {}", when::repetition(rule)),
            None => "does not repeat any more".to_owned(),
        });
    }
    if before.priority != after.priority {
        parts.push(format!("{} priority", after.priority.as_str()));
    }
    if before.tags != after.tags {
        let tags = tagged(&after.tags);
        parts.push(if tags.is_empty() { "without tags".to_owned() } else { tags[2..].to_owned() });
    }
    if before.description != after.description {
        parts.push(
            if after.description.is_some() { "with a new description" } else { "without a description" }
                .to_owned(),
        );
    }
    if before.reminders != after.reminders && after.reminders.is_empty() {
        parts.push("without reminders".to_owned());
    } else if before.reminders != after.reminders {
        let is_first = before.reminders.is_empty();
        parts.push(if is_first { "with a reminder" } else { "with other reminders" }.to_owned());
    }
    format!(
        "Changed {}: {}.{}",
        quoted(before.title.as_str()),
        parts.join(", "),
        reminders(planned, settings)
    )
}

/// When nothing had to be done.
pub(crate) fn already(act: Act, title: &str) -> String {
    let title = quoted(title);
    match act {
        Act::Complete => format!("{title} is done already."),
        Act::Reopen => format!("{title} is open already."),
        Act::Delete => format!("{title} is deleted already."),
        Act::Update | Act::Create => format!("{title} is like that already, so nothing was changed."),
    }
}

/// When a task that is done is to be changed.
pub(crate) fn done_already_so_not_changed(title: &str) -> String {
    let title = quoted(title);
    format!("{title} is done already, so nothing was changed. Reopen it first, or name another task.")
}

/// When no task was left.
pub(crate) fn nothing_to_do() -> String {
    "There was nothing left to do, so nothing was changed.".to_owned()
}

/// Names the tasks that are no longer as they were.
pub(crate) fn left_out(titles: &[String]) -> String {
    if titles.is_empty() {
        return String::new();
    }
    let titles: Vec<_> = titles.iter().map(|title| quoted(title)).collect();
    format!(" Left out, because something changed meanwhile: {}.", named(&titles))
}

/// When the next occurrence of a reopened task was edited.
pub(crate) fn successor_kept() -> &'static str {
    " Its next occurrence was changed meanwhile, and stays."
}

/// When there is nothing to revert.
pub(crate) fn nothing_to_undo() -> String {
    "There is nothing to undo in this conversation.".to_owned()
}

/// What was reverted.
pub(crate) fn undone(act: Act, reverted: &[PlannedWrite], settings: &Settings) -> String {
    let names: Vec<_> = reverted.iter().map(|one| quoted(one.write.task.title.as_str())).collect();
    let names = named(&names);
    let what = match act {
        Act::Create => format!("{names} is deleted again"),
        Act::Complete => format!("{names} is open again"),
        Act::Reopen => format!("{names} is done again"),
        Act::Delete => format!("{names} is back"),
        Act::Update => format!("{names} is as it was before"),
    };
    let due = match reverted {
        [one] if act != Act::Create => one
            .write
            .task
            .due
            .map(|due| format!(", due {}", when::due(due, one.write.task.zone(settings.time_zone)))),
        _ => None,
    };
    format!("Undone: {what}{}.", due.unwrap_or_default())
}

/// What would be done.
pub(crate) fn propose(act: Act, tasks: &[Loaded], changes: &str, zone: Tz) -> String {
    let (what, count) = (if tasks.len() == 1 { "this task" } else { "these tasks" }, tasks.len());
    let counted = if count == 1 { String::new() } else { format!(" ({count})") };
    let question = match act {
        Act::Delete => format!("Shall I delete {what}{counted}?"),
        Act::Complete => format!("Shall I mark {what}{counted} as done?"),
        Act::Reopen => format!("Shall I open {what}{counted} again?"),
        Act::Update | Act::Create => format!("Shall I change {what}{counted} {changes}?"),
    };
    format!("{question} Please answer yes or no.\n{}", lines(tasks, zone))
}

/// Names changes before they are made: "to Friday, 27 November 2026".
pub(crate) fn changes(changes: &Changes, about: &Utterance) -> String {
    let zone = about.zone();
    let mut parts = Vec::new();
    if let Some(title) = &changes.title {
        parts.push(format!("so that it is called {}", quoted(title)));
    }
    match changes.due {
        Some(DueChange::Set { date: Some(date), time: Some(time) }) => {
            parts.push(format!("to {}", when::instant(zone::resolve(date.and_time(time), zone), zone)));
        }
        Some(DueChange::Set { date: Some(date), .. }) => {
            parts.push(format!("to {} ({})", when::day(date), zone.name()));
        }
        Some(DueChange::Set { time: Some(time), .. }) => {
            parts.push(format!("to {} ({})", when::time(time), zone.name()));
        }
        Some(DueChange::Shift(by)) => {
            let minutes = by.num_minutes();
            let direction = if minutes < 0 { "earlier" } else { "later" };
            let minutes = minutes.unsigned_abs();
            parts.push(match (minutes / 1_440, minutes / 60) {
                (days, _) if minutes % 1_440 == 0 => format!("to {days} days {direction}"),
                (_, hours) if minutes % 60 == 0 => format!("to {hours} hours {direction}"),
                _ => format!("to {minutes} minutes {direction}"),
            });
        }
        Some(DueChange::Clear) => parts.push("so that it has no due time".to_owned()),
        Some(DueChange::Set { .. }) | None => {}
    }
    if let Some(priority) = changes.priority {
        parts.push(format!("to {} priority", priority.as_str()));
    }
    if !changes.add_tags.is_empty() {
        parts.push(format!("to be{}", tagged(&changes.add_tags).trim_start_matches(',')));
    }
    if !changes.remove_tags.is_empty() {
        parts.push(format!("to be no longer{}", tagged(&changes.remove_tags).trim_start_matches(',')));
    }
    match &changes.recurrence {
        Some(Change::Set(rule)) => parts.push(format!("to repeat {}", when::repetition(rule))),
        Some(Change::Clear) => parts.push("so that it does not repeat".to_owned()),
        None => {}
    }
    match &changes.reminders {
        Some(Change::Set(reminders)) => {
            let each = reminders.iter().map(|reminder| match reminder {
                ReminderText::AtDue => "at the due time".to_owned(),
                ReminderText::Lead(lead) => format!("{lead} before"),
                ReminderText::At(local) => {
                    format!("on {}", when::instant(zone::resolve(*local, zone), zone))
                }
            });
            parts.push(format!("so that you are reminded {}", when::and(&each.collect::<Vec<_>>())));
        }
        Some(Change::Clear) => parts.push("so that it has no reminders".to_owned()),
        None => {}
    }
    match &changes.description {
        Some(Change::Set(_)) => parts.push("to have the new description".to_owned()),
        Some(Change::Clear) => parts.push("so that it has no description".to_owned()),
        None => {}
    }
    when::and(&parts)
}
