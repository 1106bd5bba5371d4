//! Questions back, and why something is not done.

use application::chat::Loaded;
use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{lines, quoted, when};
use crate::understanding::Wants;

pub(crate) fn negated() -> String {
    "I understood that you do not want something done, so nothing was changed. What would you like me to do?"
        .to_owned()
}

pub(crate) fn no_such_date(text: &str, suggestion: NaiveDate) -> String {
    let suggestion = when::day(suggestion);
    format!("{} does not exist. Did you mean {suggestion}? Nothing was changed yet.", quoted(text))
}

pub(crate) fn no_such_time(text: &str) -> String {
    format!("There is no time {}. Which time do you mean? Nothing was changed yet.", quoted(text))
}

pub(crate) fn unsupported_repetition(text: &str, can_create: bool) -> String {
    let ask = if can_create {
        "Say it another way, such as \"every 2 weeks on monday\", or say yes to create the task without a repetition."
    } else {
        "Say it another way, such as \"every 2 weeks on monday\"."
    };
    format!("I can not repeat a task {}. {ask}", quoted(text))
}

pub(crate) fn missing_title() -> String {
    "What should the task be called?".to_owned()
}

pub(crate) fn missing_target() -> String {
    "Which task do you mean?".to_owned()
}

pub(crate) fn missing_change() -> String {
    "What should change? For example \"to friday at 5pm\" or \"high priority\".".to_owned()
}

pub(crate) fn missing_time() -> String {
    "When? Please name a day or a time.".to_owned()
}

pub(crate) fn shall_i_create(title: &str) -> String {
    format!("I am not sure what you mean. Shall I create a task {}? Nothing was changed yet.", quoted(title))
}

pub(crate) fn unclear_act(said: &str) -> String {
    format!(
        "I am not sure whether {} is something that you have still to do. Say \"create a task to …\" for a new task, or name \
         the task that you mean, such as \"mark the milk task as done\". Nothing was changed.",
        quoted(said)
    )
}

pub(crate) fn unclear() -> String {
    "I am not sure what you would like me to do, so nothing was changed. Say \"help\" for examples."
        .to_owned()
}

pub(crate) fn one_at_a_time() -> String {
    "That is more than I can safely do at once, so nothing was changed. Please say one thing at a time."
        .to_owned()
}

pub(crate) fn yes_or_no() -> String {
    "Please answer yes or no first. Nothing was changed yet.".to_owned()
}

pub(crate) fn nothing_to_confirm() -> String {
    "There is nothing that waits for a yes. What would you like me to do?".to_owned()
}

pub(crate) fn not_a_yes_or_no(wants: &Wants) -> String {
    match wants {
        Wants::Title => missing_title(),
        Wants::When => missing_time(),
        Wants::Target => missing_target(),
        Wants::Change => missing_change(),
        Wants::Words { instead_of, .. } => format!("What do you mean instead of {}?", quoted(instead_of)),
    }
}

pub(crate) fn expired() -> String {
    "That was a while ago, so nothing was changed. Please say again what you would like me to do.".to_owned()
}

pub(crate) fn impossible(why: &str) -> String {
    format!("I can not do that: {why}. Nothing was changed.")
}

pub(crate) fn impossible_for(title: &str, why: &str) -> String {
    format!("I can not do that to {}: {why}. Nothing was changed.", quoted(title))
}

pub(crate) fn which(tasks: &[Loaded], zone: Tz) -> String {
    format!("There are several. Which one?\n{}", lines(tasks, zone))
}

pub(crate) fn gone() -> String {
    "That task is not there any more. Which task do you mean?".to_owned()
}

pub(crate) fn unknown_it() -> String {
    "I do not know which task you mean. Please name it.".to_owned()
}

pub(crate) fn unknown_number(number: u32, shown: usize) -> String {
    match shown {
        0 => format!(
            "I have shown you no list lately, so I do not know which task number {number} is. Please name it."
        ),
        1 => format!("There is no number {number}: I have shown you one task only. Which one do you mean?"),
        _ => format!("There is no number {number} in the list of {shown} tasks. Which one do you mean?"),
    }
}

pub(crate) fn no_such_title(title: &str) -> String {
    format!("I found no task {}. Which task do you mean?", quoted(title))
}

pub(crate) fn no_such_tasks(which: &str) -> String {
    format!("You have no {which}. Nothing was changed.")
}

pub(crate) fn too_many(most: usize) -> String {
    format!(
        "That would be more than {most} tasks, which is more than I do at once. Nothing was changed. Please narrow it down, for \
         example by a day, a tag or a priority."
    )
}
