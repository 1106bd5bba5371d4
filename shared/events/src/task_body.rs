//! A task in JSON, the same in answers and in events.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use domain::due::Due;
use domain::task::Task;
use domain::zone::in_zone;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{JsonText, recurrence_rule, reminder_config};

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskBody {
    /// UUIDv7; successors of a series have a UUIDv5.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: String,
    /// 1–500 characters.
    #[schema(min_length = 1, max_length = 500, example = "buy milk")]
    pub title: String,
    /// At most 10,000 characters.
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// An RFC 3339 instant with the offset of `time_zone`, or a date.
    #[schema(example = "2027-01-10T12:00:00+05:00")]
    pub due_date: Option<String>,
    /// Whether `due_date` is a date.
    pub all_day: bool,
    /// The IANA zone of the due time; the user's where the task has none of its own.
    #[schema(example = "Asia/Karachi")]
    pub time_zone: String,
    /// `low`, `medium` or `high`.
    #[schema(pattern = "^(low|medium|high)$", example = "medium")]
    pub priority: String,
    /// At most 32 tags of 1–64 characters.
    #[schema(max_items = 32)]
    pub tags: Vec<String>,
    /// `active`, `completed` or `deleted`.
    #[schema(pattern = "^(active|completed|deleted)$", example = "active")]
    pub status: String,
    /// Null, one reminder or a list of them.
    #[schema(value_type = Option<crate::task_body::ReminderConfig>)]
    pub reminder_config: Option<Value>,
    /// Null or a rule.
    #[schema(value_type = Option<crate::task_body::RecurrenceRule>)]
    pub recurrence_rule: Option<Value>,
    /// The next pending reminder.
    pub reminder_id: Option<Uuid>,
    /// When it is reminded of once more, because that was asked for; stays as the last time asked for when that is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default)]
    pub snoozed_until: Option<DateTime<Utc>>,
    /// The first task of the series that this one follows in.
    pub parent_task_id: Option<Uuid>,
    /// When it came to be.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: DateTime<Utc>,
    /// When it was done.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<DateTime<Utc>>,
    /// 1, 2, …: the ETag.
    #[schema(minimum = 1)]
    pub version: i64,
}

/// One reminder, or a list of at most 16.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReminderConfig {
    /// One.
    One(ReminderEntry),
    /// Several.
    Several(Vec<ReminderEntry>),
}

/// When and how to remind: exactly one of `lead_time` and `at`.
#[derive(Serialize, ToSchema)]
pub struct ReminderEntry {
    /// So long before the due time: `15m` and `2h` are exact, `1d` and `1w` keep the wall time.
    #[schema(example = "15m", pattern = "^[0-9]+[mhdw]$")]
    pub lead_time: Option<String>,
    /// At this RFC 3339 instant.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// `email` (default) or `push`.
    #[schema(pattern = "^(email|push)$")]
    pub delivery_method: Option<String>,
    /// One e-mail address; by default the user's.
    pub destination: Option<String>,
}

/// How a task repeats: a pattern with its options, or `rrule`, beside which only `anchor` and `catch_up` may be.
#[derive(Serialize, ToSchema)]
pub struct RecurrenceRule {
    /// `daily`, `weekly`, `monthly` or `yearly`: the anchor day is kept, and is the last day of shorter months.
    #[schema(pattern = "^(daily|weekly|monthly|yearly)$", example = "weekly")]
    pub pattern: Option<String>,
    /// Every n days, weeks, months or years; default 1.
    #[schema(minimum = 1, maximum = 1000)]
    pub interval: Option<u32>,
    /// Days such as `mon`; weekly rules only.
    pub weekdays: Option<Vec<String>>,
    /// Days of the month, −1 is the last; monthly rules only.
    pub month_days: Option<Vec<i8>>,
    /// How many occurrences there are in all; those that were missed count too.
    #[schema(minimum = 1, maximum = 100000)]
    pub count: Option<u32>,
    /// The last day, included, or the last local time, or the last time in UTC, with a Z. A task that is completed later than that ends
    /// the series.
    pub until: Option<String>,
    /// From where the next one is counted: `due` (default), or `completion`: the local day on which the task was completed, at the wall
    /// time of the due date, and always after the old due date.
    #[schema(pattern = "^(due|completion)$")]
    pub anchor: Option<String>,
    /// Whether missed occurrences are taken one by one; default false: the next one still to come. Of no effect with `completion`.
    pub catch_up: Option<bool>,
    /// A rule that RFC 5545 §3.3.10 defines, to the letter, of at most 1,000 characters; in answers, the equivalent of a pattern.
    #[schema(max_length = 1000, example = "FREQ=MONTHLY;BYDAY=-1FR")]
    pub rrule: Option<String>,
}

impl TaskBody {
    /// Shows a task to a user whose zone is `user_zone`.
    pub fn of(task: &Task, user_zone: Tz, reminder_id: Option<Uuid>) -> Self {
        let zone = task.zone(user_zone);
        Self {
            id: task.id,
            user_id: task.user_id.clone(),
            title: task.title.as_str().to_owned(),
            description: task.description.clone(),
            due_date: task.due.map(|due| due_date(due, zone)),
            all_day: task.due.is_some_and(|due| due.is_all_day()),
            time_zone: zone.name().to_owned(),
            priority: task.priority.as_str().to_owned(),
            tags: task.tags.clone(),
            status: task.status.as_str().to_owned(),
            reminder_config: Some(reminder_config::render(&task.reminders))
                .filter(|config| !config.is_null()),
            recurrence_rule: task
                .recurrence
                .as_ref()
                .zip(task.series)
                .map(|(rule, series)| recurrence_rule::render(rule, series.start)),
            reminder_id,
            snoozed_until: task.snoozed_until,
            parent_task_id: task.series.map(|series| series.id).filter(|id| *id != task.id),
            created_at: task.created_at,
            updated_at: task.updated_at,
            completed_at: task.completed_at,
            version: task.version,
        }
    }

    /// Gives the JSON object.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("a task has string keys and finite numbers")
    }
}

/// Renders a due time: a date, or the instant with the offset of `zone`.
pub fn due_date(due: Due, zone: Tz) -> String {
    match due {
        Due::Date(date) => date.to_string(),
        Due::At { at, .. } => {
            let local = in_zone(at, zone);
            // RFC 3339 has no seconds in offsets, local mean times before about 1900 have.
            if local.offset().local_minus_utc() % 60 == 0 {
                local.to_rfc3339_opts(SecondsFormat::AutoSi, false)
            } else {
                at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            }
        }
    }
}

/// Gives what differs between two tasks, as the members of `{field: {"old", "new"}}`, without the fields that change with every change.
/// Before a new task there is none. Both have to be written by [`JsonText::of`], so that what is the same is the same text; what a
/// database gives back has other blanks.
pub(crate) fn changes(before: Option<&JsonText>, after: &JsonText) -> String {
    let (old, new) = (before.map(Members::of), Members::of(after));
    let mut changes = String::with_capacity(2 * after.as_str().len());
    for (field, new) in new.0 {
        let old = old.as_ref().and_then(|old| old.get(field)).unwrap_or("null");
        let derived = ["updated_at", "version", "reminder_id"].contains(&field);
        if old != new.get() && (before.is_none() || !derived) {
            let comma = if changes.is_empty() { "\"" } else { ",\"" };
            for part in [comma, field, r#"":{"old":"#, old, r#","new":"#, new.get(), "}"] {
                changes.push_str(part);
            }
        }
    }
    changes
}

/// The members of a task in their order; their names need no escapes.
struct Members<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'a> Members<'a> {
    fn of(task: &'a JsonText) -> Self {
        serde_json::from_str(task.as_str()).expect("a task is an object")
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Vec<(&'de str, &'de RawValue)>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::with_capacity(20);
                while let Some(member) = members.next_entry()? {
                    found.push(member);
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Visit).map(Self)
    }
}

/// The fields of a task that can be set.
#[derive(Serialize, ToSchema)]
pub struct TaskInput {
    /// 1–500 characters after trimming; needed to create a task.
    #[schema(min_length = 1, max_length = 500, example = "buy milk")]
    pub title: Option<String>,
    /// At most 10,000 characters.
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// An RFC 3339 instant, a local time in `time_zone` (`2027-01-10T12:00:00`), or a date (`2027-01-10`, all day).
    #[schema(example = "2027-01-10T12:00:00")]
    pub due_date: Option<String>,
    /// An IANA zone; null: the user's.
    #[schema(example = "Asia/Karachi")]
    pub time_zone: Option<String>,
    /// `low`, `medium` (default) or `high`.
    #[schema(pattern = "^(low|medium|high)$", example = "medium")]
    pub priority: Option<String>,
    /// At most 32 tags of 1–64 characters.
    #[schema(max_items = 32)]
    pub tags: Option<Vec<String>>,
    /// Null, one reminder or a list of them.
    pub reminder_config: Option<ReminderConfig>,
    /// Null or a rule; needs a `due_date`.
    pub recurrence_rule: Option<RecurrenceRule>,
    /// Whose it is; when a task is created, and then the caller.
    #[schema(max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub user_id: Option<String>,
}
