//! `POST /chat/parse`: what would be understood, as JSON.

use chrono_tz::Tz;
use domain::due::Due;
use domain::zone;
use events::{instant, recurrence_rule, reminder_config, task_body};
use language::{Action, Change, Changes, Command, DueChange, Parse, Query, Target, TaskFields, When};
use serde_json::{Map, Value, json};

use crate::outcome::Intent;
use crate::understanding::Utterance;
use crate::{create, perform};

/// Gives what is understood of a sentence.
pub(crate) fn show(said: &Utterance) -> Value {
    let Parse { language, commands, confidence, .. } = said.parse();
    let first = commands.first().map_or(Intent::Unknown, |command| Intent::of(&command.action));
    json!({
        "intent_detected": first.as_str(),
        "confidence_score": confidence,
        "language": language.as_str(),
        "commands": commands.iter().map(|command| one(command, said)).collect::<Vec<_>>(),
    })
}

fn one(command: &Command, said: &Utterance) -> Value {
    let mut shown = json!({"intent": Intent::of(&command.action).as_str()});
    let task = match &command.action {
        Action::Create(fields) | Action::Unknown(fields) => fields_of(fields, said),
        Action::Update { changes, .. } => changes_of(changes, said),
        Action::Snooze { until, .. } => {
            let until = Value::String(instant(perform::instant_of(*until, said)));
            Map::from_iter([("snoozed_until".to_owned(), until)])
        }
        _ => Map::new(),
    };
    if !task.is_empty() {
        shown["task"] = Value::Object(task);
    }
    if let Action::Update { target, .. }
    | Action::Complete { target }
    | Action::Reopen { target }
    | Action::Delete { target }
    | Action::Snooze { target, .. } = &command.action
        && let Some(target) = target_of(target, said)
    {
        shown["target"] = target;
    }
    if let Action::Query(query) = &command.action {
        shown["target"] = json!({"all": query_of(query, said.zone())});
    }
    let spans = command.spans.iter().map(
        |span| json!({"start": span.start, "end": span.end, "kind": span.kind.as_str(), "text": span.text}),
    );
    shown["spans"] = spans.collect();
    shown
}

fn due_date(due: When, zone: Tz) -> String {
    let due = match due.time {
        None => Due::Date(due.date),
        Some(time) => Due::wall(due.date.and_time(time), zone),
    };
    task_body::due_date(due, zone)
}

fn fields_of(fields: &TaskFields, said: &Utterance) -> Map<String, Value> {
    let mut task = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            task.insert(name.to_owned(), value);
        }
    };
    set("title", fields.title.as_deref().map(Value::from));
    set("description", fields.description.as_deref().map(Value::from));
    set("due_date", fields.due.map(|due| due_date(due, said.zone()).into()));
    set("all_day", fields.due.map(|due| due.time.is_none().into()));
    set("priority", fields.priority.map(|priority| priority.as_str().into()));
    set("tags", (!fields.tags.is_empty()).then(|| json!(fields.tags)));
    set(
        "recurrence_rule",
        fields.recurrence.as_ref().map(|rule| match fields.due {
            Some(When { date, time }) => {
                recurrence_rule::render(rule, date.and_time(time.unwrap_or_default()))
            }
            None => recurrence_rule::stored(rule),
        }),
    );
    // Those that need a due time and have none are not understood yet.
    let reminders = create::reminders(fields, said).unwrap_or_default();
    set("reminder_config", Some(reminder_config::render(&reminders)).filter(|config| !config.is_null()));
    task
}

fn changes_of(changes: &Changes, said: &Utterance) -> Map<String, Value> {
    let mut task = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            task.insert(name.to_owned(), value);
        }
    };
    let text = |change: &Change<String>| match change {
        Change::Set(text) => text.as_str().into(),
        Change::Clear => Value::Null,
    };
    set("title", changes.title.as_deref().map(Value::from));
    set("description", changes.description.as_ref().map(text));
    set(
        "due_date",
        match changes.due {
            Some(DueChange::Clear) => Some(Value::Null),
            Some(DueChange::Set { date: Some(date), time }) => {
                Some(due_date(When { date, time }, said.zone()).into())
            }
            // A time of day, or a shift, is a due date only together with the task's own.
            _ => None,
        },
    );
    set("priority", changes.priority.map(|priority| priority.as_str().into()));
    set("tags", (!changes.add_tags.is_empty()).then(|| json!(changes.add_tags)));
    set(
        "recurrence_rule",
        changes.recurrence.as_ref().map(|change| match change {
            Change::Set(rule) => recurrence_rule::stored(rule),
            Change::Clear => Value::Null,
        }),
    );
    set(
        "reminder_config",
        changes.reminders.as_ref().map(|change| match change {
            Change::Clear => Value::Null,
            Change::Set(texts) => {
                let email = domain::reminder::Method::Email;
                let all: Vec<_> = texts.iter().map(|text| create::reminder(*text, email, said)).collect();
                reminder_config::render(&all)
            }
        }),
    );
    task
}

fn target_of(target: &Target, said: &Utterance) -> Option<Value> {
    Some(match target {
        Target::Title(title) => json!({"title": title}),
        Target::Number(number) => json!({"number": number}),
        Target::Last => json!({"last": true}),
        Target::It => json!({"it": true}),
        Target::All { filter } => json!({"all": query_of(filter, said.zone())}),
        Target::Missing => return None,
    })
}

/// Names the parameters like those of `GET /api/tasks`.
fn query_of(query: &Query, zone: Tz) -> Value {
    let instant = |local| task_body::due_date(Due::instant(zone::resolve(local, zone), zone), zone);
    let mut shown = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    set("status", query.status.map(|status| status.as_str().into()));
    set("priority", query.priority.map(|priority| priority.as_str().into()));
    set("tags", (!query.tags.is_empty()).then(|| json!(query.tags)));
    set("due_after", query.due_from.map(|local| instant(local).into()));
    set("due_before", query.due_to.map(|local| instant(local).into()));
    set("overdue", query.overdue.then_some(true.into()));
    set("q", query.text.as_deref().map(Value::from));
    set("count_only", query.count_only.then_some(true.into()));
    Value::Object(shown)
}
