//! What is said, in English. Another language is another file with the same functions, chosen by the language of what was said.
//!
//! Titles are quoted, and never anything but text.

mod acts;
mod questions;
pub(crate) mod when;

use application::chat::Loaded;
use chrono_tz::Tz;
use domain::task::{Priority, Status, Task};

pub(crate) use acts::{
    acted, already, changes, created, done_already_so_not_changed, left_out, nothing_to_do, nothing_to_undo,
    propose, successor_kept, undone,
};
pub(crate) use questions::{
    expired, gone, impossible, impossible_for, missing_change, missing_target, missing_time, missing_title,
    negated, no_such_date, no_such_tasks, no_such_time, no_such_title, not_a_yes_or_no, nothing_to_confirm,
    one_at_a_time, shall_i_create, too_many, unclear, unclear_act, unknown_it, unknown_number,
    unsupported_repetition, which, yes_or_no,
};

/// The greeting.
pub(crate) fn greeting() -> String {
    "Hello! Tell me what you have to do, or ask what is due. Say \"help\" for examples.".to_owned()
}

/// After thanks.
pub(crate) fn welcome() -> String {
    "You are welcome.".to_owned()
}

/// What can be said.
pub(crate) fn help() -> String {
    "You can say:\n\
     - Create a task to buy milk tomorrow at 5pm\n\
     - Remind me to call mom on friday at 18:00\n\
     - What is due today?\n\
     - Move the milk task to monday\n\
     - Complete 2, delete the last one, undo"
        .to_owned()
}

/// After a no.
pub(crate) fn dropped(was_open: bool) -> String {
    if was_open { "All right, nothing was changed." } else { "All right. There was nothing to decide." }
        .to_owned()
}

/// Tasks, numbered.
pub(crate) fn list(tasks: &[Loaded], has_more: bool, which: &str, zone: Tz) -> String {
    if tasks.is_empty() {
        return format!("You have no {which}.");
    }
    let head = match tasks.len() {
        _ if has_more => format!("Here are the first {} of your {which}:", tasks.len()),
        1 => format!("Here is your only {which}:"),
        count => format!("Here are your {count} {which}:"),
    };
    format!("{head}\n{}", lines(tasks, zone))
}

/// How many tasks.
pub(crate) fn count(count: usize, has_more: bool, which: &str) -> String {
    match count {
        _ if has_more => format!("You have more than {count} {which}."),
        0 => format!("You have no {which}."),
        _ => format!("You have {count} {which}."),
    }
}

/// One numbered line for each task.
fn lines(tasks: &[Loaded], zone: Tz) -> String {
    let line = |(index, loaded): (usize, &Loaded)| format!("{}. {}", index + 1, line(&loaded.task, zone));
    tasks.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn line(task: &Task, zone: Tz) -> String {
    let mut line = quoted(task.title.as_str());
    if let Some(due) = task.due {
        line += &format!(", due {}", when::due(due, task.zone(zone)));
    }
    if task.priority != Priority::Medium {
        line += &format!(", {} priority", task.priority.as_str());
    }
    match task.status {
        Status::Active => {}
        Status::Completed => line += ", done",
        Status::Deleted => line += ", deleted",
    }
    line
}

fn quoted(title: &str) -> String {
    format!("\"{title}\"")
}
