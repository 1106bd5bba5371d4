//! A parse in one line of a table, as the corpus writes it.

use chrono::{NaiveDateTime, Timelike};
use language::{Action, Change, Changes, Command, DueChange, Parse, Query, ReminderText, Target, TaskFields};

/// Gives sureness, intent, title or target, due time, and everything else, parted by tabs; `-` is nothing.
pub(crate) fn describe(parse: &Parse) -> String {
    let sure = if parse.confidence >= 0.7 { "sure" } else { "ask" };
    let commands: Vec<[String; 4]> = parse.commands.iter().map(command).collect();
    let column =
        |at: usize| commands.iter().map(|command| or_dash(&command[at])).collect::<Vec<_>>().join(" + ");
    let problem = parse.problem.as_ref().map(|problem| format!(" {problem:?}")).unwrap_or_default();
    let rest = if problem.is_empty() {
        column(3)
    } else {
        (column(3).trim_matches('-').to_owned() + &problem).trim().to_owned()
    };
    [sure.to_owned(), column(0), column(1), column(2), rest].join("\t")
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn command(command: &Command) -> [String; 4] {
    let row = |intent: &str, name: String, due: String, rest: Vec<String>| {
        [intent.to_owned(), name, due, rest.join(" ")]
    };
    match &command.action {
        Action::Create(fields) => create("create", fields),
        Action::Unknown(fields) => create("unknown", fields),
        Action::Update { target, changes } => {
            let (due, rest) = update(changes);
            row("update", name(target), due, rest)
        }
        Action::Complete { target } => row("complete", name(target), String::new(), Vec::new()),
        Action::Reopen { target } => row("reopen", name(target), String::new(), Vec::new()),
        Action::Delete { target } => row("delete", name(target), String::new(), Vec::new()),
        Action::Snooze { target, until } => row("snooze", name(target), minute(*until), Vec::new()),
        Action::Query(asked) => {
            let (due, rest) = query(asked);
            row("query", asked.text.clone().unwrap_or_default(), due, rest)
        }
        other => row(&format!("{other:?}").to_lowercase(), String::new(), String::new(), Vec::new()),
    }
}

fn create(intent: &str, fields: &TaskFields) -> [String; 4] {
    let due =
        fields.due.map(|due| due.time.map_or(due.date.to_string(), |time| minute(due.date.and_time(time))));
    let mut rest = Vec::new();
    rest.extend(fields.priority.map(|priority| priority.as_str().to_owned()));
    rest.extend(fields.tags.iter().map(|tag| format!("#{tag}")));
    if let (Some(rule), Some(due)) = (&fields.recurrence, fields.due) {
        rest.push(rule.to_rrule(due.date.and_time(due.time.unwrap_or_default())));
        if rule.anchor() != domain::recurrence::Anchor::Due {
            rest.push("from-completion".to_owned());
        }
    }
    rest.extend(fields.reminders.iter().map(reminder));
    rest.extend(fields.reminder_method.map(|method| format!("by-{}", method.as_str())));
    rest.extend(fields.wants_reminder.then(|| "remind".to_owned()));
    rest.extend(fields.description.iter().map(|text| format!("[{text}]")));
    [intent.to_owned(), fields.title.clone().unwrap_or_default(), due.unwrap_or_default(), rest.join(" ")]
}

fn update(changes: &Changes) -> (String, Vec<String>) {
    let due = changes.due.map(|due| match due {
        DueChange::Set { date, time } => {
            let date = date.map_or("same-day".to_owned(), |date| date.to_string());
            time.map_or(date.clone(), |time| format!("{date}T{:02}:{:02}", time.hour(), time.minute()))
        }
        DueChange::Shift(by) => format!("{:+}min", by.num_minutes()),
        DueChange::Clear => "clear".to_owned(),
    });
    let mut rest = Vec::new();
    rest.extend(changes.title.iter().map(|title| format!("title={title}")));
    rest.extend(changes.priority.map(|priority| priority.as_str().to_owned()));
    rest.extend(changes.add_tags.iter().map(|tag| format!("+#{tag}")));
    rest.extend(changes.remove_tags.iter().map(|tag| format!("-#{tag}")));
    rest.extend(changes.description.iter().map(|change| match change {
        Change::Set(text) => format!("[{text}]"),
        Change::Clear => "clear-description".to_owned(),
    }));
    rest.extend(changes.recurrence.iter().map(|change| match change {
        Change::Set(rule) => rule.to_rrule(NaiveDateTime::default()),
        Change::Clear => "clear-recurrence".to_owned(),
    }));
    match &changes.reminders {
        Some(Change::Set(reminders)) => rest.extend(reminders.iter().map(reminder)),
        Some(Change::Clear) => rest.push("clear-reminders".to_owned()),
        None => {}
    }
    (due.unwrap_or_default(), rest)
}

fn query(query: &Query) -> (String, Vec<String>) {
    let bound = |at: Option<NaiveDateTime>| at.map(minute).unwrap_or_default();
    let range = format!("{}..{}", bound(query.due_from), bound(query.due_to));
    let mut rest: Vec<String> = query.status.iter().map(|status| status.as_str().to_owned()).collect();
    if query.completed_from.is_some() || query.completed_to.is_some() {
        rest.push(format!("done:{}..{}", bound(query.completed_from), bound(query.completed_to)));
    }
    rest.extend(query.overdue.then(|| "overdue".to_owned()));
    rest.extend(query.priority.map(|priority| priority.as_str().to_owned()));
    rest.extend(query.tags.iter().map(|tag| format!("#{tag}")));
    rest.extend(query.count_only.then(|| "count".to_owned()));
    rest.extend(query.is_free.then(|| "free".to_owned()));
    (if range == ".." { String::new() } else { range }, rest)
}

fn name(target: &Target) -> String {
    match target {
        Target::Title(words) => words.clone(),
        Target::Number(number) => format!("#{number}"),
        Target::Last => "<last>".to_owned(),
        Target::It => "<it>".to_owned(),
        Target::Missing => "<missing>".to_owned(),
        Target::All { filter } => {
            let (due, rest) = query(filter);
            let words = [filter.text.clone().unwrap_or_default(), due, rest.join(" ")].join(" ");
            format!("<all {}>", words.split_whitespace().collect::<Vec<_>>().join(" ")).replace(" >", ">")
        }
    }
}

fn reminder(reminder: &ReminderText) -> String {
    match reminder {
        ReminderText::Lead(lead) => format!("-{lead}"),
        ReminderText::AtDue => "at-due".to_owned(),
        ReminderText::At(at) => format!("at-{}", minute(*at)),
    }
}

fn minute(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M").to_string()
}
