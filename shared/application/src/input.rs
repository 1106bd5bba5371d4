//! A task's fields as they come in, in JSON or from a conversation: each is parsed at the door, and every wrong one is named.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::Due;
use domain::recurrence::{Anchor, Rule};
use domain::reminder::{Reminder, When};
use domain::series::{self, Field, Scope, Series};
use domain::settings::Settings;
use domain::task::{MAX_TAGS, Priority, Task, Title, parse_description, parse_tag};
use domain::zone;
use events::{Issue, recurrence_rule, reminder_config};
use serde_json::{Map, Value};

/// The fields of a task that a client may give; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskFields {
    /// What is to be done.
    pub title: Option<Title>,
    /// More about it.
    pub description: Option<Option<String>>,
    /// Until when, as text: what it means depends on the zone.
    pub due_date: Option<Option<String>>,
    /// The zone of its wall time.
    pub time_zone: Option<Option<Tz>>,
    /// How much it matters.
    pub priority: Option<Priority>,
    /// Its tags.
    pub tags: Option<Vec<String>>,
    /// When to remind of it.
    pub reminders: Option<Vec<Reminder>>,
    /// How it repeats.
    pub recurrence: Option<Option<Rule>>,
    /// The `rrule` that came beside a pattern; it must mean the same.
    pub rrule: Option<Value>,
}

/// The fields that a client may give, in the order of the contract.
pub const FIELDS: [&str; 8] = [
    "title",
    "description",
    "due_date",
    "time_zone",
    "priority",
    "tags",
    "reminder_config",
    "recurrence_rule",
];

/// As many as an answer names.
const MOST_ISSUES: usize = 100;

impl TaskFields {
    /// Parses the fields of a body; `others` are names that the caller reads itself.
    ///
    /// # Errors
    /// Every wrong, unknown and read-only field, up to a hundred.
    pub fn parse(body: &Map<String, Value>, others: &[&str]) -> Result<Self, Vec<Issue>> {
        let mut fields = Self::default();
        let mut issues = Vec::new();
        for (name, value) in body {
            if issues.len() >= MOST_ISSUES {
                break;
            }
            let outcome = if others.contains(&name.as_str()) { Ok(()) } else { fields.set(name, value) };
            issues.extend(outcome.err().into_iter().flatten());
        }
        if issues.is_empty() { Ok(fields) } else { Err(issues) }
    }

    /// Says whether a field of those in which an occurrence can differ from its series is given.
    fn names(&self, field: Field) -> bool {
        match field {
            Field::Title => self.title.is_some(),
            Field::Description => self.description.is_some(),
            Field::Due => self.due_date.is_some(),
            Field::TimeZone => self.time_zone.is_some(),
            Field::Priority => self.priority.is_some(),
            Field::Tags => self.tags.is_some(),
            Field::Reminders => self.reminders.is_some(),
        }
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), Vec<Issue>> {
        let wrong = |message: &str| vec![issue(name, message)];
        match name {
            "title" => {
                let text = value.as_str().ok_or_else(|| wrong("must be a text"))?;
                self.title = Some(Title::parse(text).map_err(|error| wrong(&error.to_string()))?);
            }
            "description" => {
                let text = text_or_null(value).map_err(wrong)?;
                let parsed = text.map(parse_description).transpose();
                self.description = Some(parsed.map_err(|error| wrong(&error.to_string()))?);
            }
            "due_date" => {
                let text = text_or_null(value).map_err(wrong)?;
                if let Some(text) = text {
                    Due::parse(text, Tz::UTC).map_err(|error| wrong(&error.to_string()))?;
                }
                self.due_date = Some(text.map(str::to_owned));
            }
            "time_zone" => {
                let text = text_or_null(value).map_err(wrong)?;
                let parsed = text.map(zone::parse).transpose();
                self.time_zone = Some(parsed.map_err(|error| wrong(&error.to_string()))?);
            }
            "priority" => {
                let known = match value {
                    Value::Null => Some(Priority::default()),
                    _ => value.as_str().and_then(Priority::parse),
                };
                self.priority = Some(known.ok_or_else(|| wrong("must be \"low\", \"medium\" or \"high\""))?);
            }
            "tags" => self.tags = Some(tags(value)?),
            "reminder_config" => {
                self.reminders = Some(reminder_config::parse(value).map_err(|found| below(name, found))?);
            }
            "recurrence_rule" => {
                self.recurrence = Some(recurrence_rule::parse(value).map_err(|found| below(name, found))?);
                self.rrule = recurrence_rule::given_rrule(value).cloned();
            }
            _ => return Err(wrong("is not a field that can be set")),
        }
        Ok(())
    }
}

fn tags(value: &Value) -> Result<Vec<String>, Vec<Issue>> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(vec![issue("tags", "must be a list of texts")]),
    };
    if list.len() > MAX_TAGS {
        return Err(vec![issue("tags", format!("must have at most {MAX_TAGS} tags"))]);
    }
    let (mut tags, mut issues) = (Vec::<String>::new(), Vec::new());
    for (index, value) in list.iter().enumerate() {
        let path = format!("tags[{index}]");
        match value.as_str().map(parse_tag) {
            None => issues.push(issue(path, "must be a text")),
            Some(Err(error)) => issues.push(issue(path, error.to_string())),
            Some(Ok(tag)) if tags.contains(&tag) => {}
            Some(Ok(tag)) => tags.push(tag),
        }
    }
    if issues.is_empty() { Ok(tags) } else { Err(issues) }
}

/// Gives the task with the fields set, checking what only fits together. Of a series, `scope` says which occurrences are meant;
/// `None`: this one, but another rule is for those after it too.
///
/// # Errors
/// Every field that does not fit.
pub fn apply(
    fields: &TaskFields,
    before: Task,
    settings: &Settings,
    now: DateTime<Utc>,
    scope: Option<Scope>,
) -> Result<Task, Vec<Issue>> {
    let mut issues = Vec::new();
    let scope = scope.unwrap_or_else(|| scope_of(fields, &before));
    let mut task = before.clone();
    let names = |field: Field| fields.names(field);
    let fields = fields.clone();
    task.title = fields.title.unwrap_or(task.title);
    task.description = fields.description.unwrap_or(task.description);
    task.priority = fields.priority.unwrap_or(task.priority);
    task.tags = fields.tags.unwrap_or(task.tags);
    task.time_zone = fields.time_zone.unwrap_or(task.time_zone);
    let zone = task.zone(settings.time_zone);
    let is_same_zone = before.zone(settings.time_zone) == zone;
    task.due = match fields.due_date {
        Some(None) => None,
        Some(Some(text)) => match Due::parse(&text, zone) {
            // What was shown means the same again, also of a wall time that was lost in a gap.
            Ok(due) if is_same_zone && is_as_shown(due, before.due) => before.due,
            Ok(due) => Some(due),
            Err(error) => {
                issues.push(issue("due_date", error.to_string()));
                None
            }
        },
        None => task.due.map(|due| if is_same_zone { due } else { due.moved_to(zone) }),
    };
    if let Some(reminders) = fields.reminders {
        issues.extend(past_or_late(&reminders, &before.reminders, task.due, zone, now));
        task.reminders = reminders;
    }
    if let Some(rule) = fields.recurrence
        && rule != task.recurrence
    {
        task.series = match (&rule, task.due, task.series) {
            // The end of a series can be moved without moving the series; another pattern begins at this occurrence.
            (Some(rule), Some(_), Some(series))
                if before.recurrence.as_ref().is_some_and(|old| old.has_dates_of(rule)) =>
            {
                Some(series)
            }
            (Some(rule), Some(due), Some(series)) => {
                // A count that nobody changed goes on counting the whole series.
                let is_same_count = before.recurrence.as_ref().is_some_and(|old| old.count() == rule.count());
                let number = if is_same_count { series.number } else { 1 };
                Some(Series { follows: series.follows, number, ..Series::first(series.id, rule, due, zone) })
            }
            (Some(rule), Some(due), None) => Some(Series::first(task.id, rule, due, zone)),
            // A successor stays one, even when it ends the series.
            (_, _, series) => series.filter(|series| series.follows.is_some()),
        };
        if let (Some(rule), Some(series)) = (&rule, task.series)
            && !rule.reaches(series.start, series.slot, zone)
        {
            let (field, what) = match rule.rrule() {
                Some(_) => ("recurrence_rule.rrule", "UNTIL must not"),
                None => ("recurrence_rule.until", "must not"),
            };
            issues.push(issue(field, format!("{what} lie before the due_date: nothing would match")));
        } else if let (Some(rule), Some(series)) = (&rule, task.series)
            && rule.anchor() == Anchor::Due
            && rule.count() != Some(1)
            && rule.gives_only_its_start(series.start, series.slot, zone)
        {
            let message = "gives no date after the due_date: its steps and its BY parts never meet";
            issues.push(issue("recurrence_rule.rrule", message));
        }
        task.recurrence = rule;
    }
    if before.recurrence.is_some() && before.series.is_some() {
        issues.extend(within_series(&before, &mut task, settings.time_zone, scope, names).err());
    }
    if issues.is_empty() {
        issues = misfits(&task);
    }
    if let (Some(given), Some(rule), Some(series)) = (&fields.rrule, &task.recurrence, task.series) {
        let ours = rule.to_rrule(series.start);
        if given.as_str() != Some(&ours) {
            issues.push(issue(
                "recurrence_rule.rrule",
                format!("contradicts the pattern, which is {ours}; leave it out"),
            ));
        }
    }
    if issues.is_empty() { Ok(task) } else { Err(issues) }
}

/// Gives which of a series a change is meant for that does not say so: this one, but another rule is for those after it too.
pub(crate) fn scope_of(fields: &TaskFields, before: &Task) -> Scope {
    let is_other_rule = fields.recurrence.as_ref().is_some_and(|rule| *rule != before.recurrence);
    if is_other_rule { Scope::Following } else { Scope::This }
}

/// Says what of a task does not fit together.
pub(crate) fn misfits(task: &Task) -> Vec<Issue> {
    let mut issues = Vec::new();
    let needs_due = |reminder: &Reminder| matches!(reminder.when, When::Lead(_));
    if task.due.is_none() && task.reminders.iter().any(needs_due) {
        issues.push(issue("reminder_config", "a lead time needs a due_date"));
    }
    match (&task.recurrence, task.due) {
        (Some(_), None) => issues.push(issue("recurrence_rule", "needs a due_date, from which it counts")),
        (Some(rule), Some(due)) if due.is_all_day() && rule.needs_time_of_day() => {
            let message = "chooses times of day: a due_date without one is a whole day";
            issues.push(issue("recurrence_rule.rrule", message));
        }
        _ => {}
    }
    issues
}

/// Says whether a due time is the one that is there already, as it is shown.
fn is_as_shown(given: Due, present: Option<Due>) -> bool {
    match (given, present) {
        (Due::At { at, .. }, Some(Due::At { at: present, .. })) => at == present,
        _ => false,
    }
}

/// Makes a change of one of a series one of this occurrence alone, or of those after it too.
fn within_series(
    before: &Task,
    task: &mut Task,
    user_zone: Tz,
    scope: Scope,
    names: impl Fn(Field) -> bool,
) -> Result<(), Issue> {
    let is_same_rule = before.recurrence == task.recurrence;
    if scope == Scope::This {
        task.template = before.template.clone().remember(before, task);
        let message = "belongs to the series: change it with scope=following or scope=all";
        return if is_same_rule { Ok(()) } else { Err(issue("recurrence_rule", message)) };
    }
    task.template = before.template.clone().forget(&names);
    if !is_same_rule || !names(Field::Due) {
        return Ok(());
    }
    let (Some(rule), Some(series), Some(due)) = (&task.recurrence, task.series, task.due) else {
        return Ok(());
    };
    let zone = task.zone(user_zone);
    let is_where_it_was = series::unmoved_due(task, user_zone).is_some_and(|unmoved| {
        unmoved.sort_at(zone) == due.sort_at(zone) && unmoved.is_all_day() == due.is_all_day()
    });
    if !is_where_it_was {
        let message = "is on a day or at a time that the rule does not give: change the recurrence_rule too";
        let (series, rule) =
            series::rebase(series, rule, due, zone).ok_or_else(|| issue("due_date", message))?;
        (task.series, task.recurrence) = (Some(series), Some(rule));
    }
    Ok(())
}

/// An absolute reminder in the past, or after the due time, is a mistake, unless it was there before.
fn past_or_late(
    reminders: &[Reminder],
    before: &[Reminder],
    due: Option<Due>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Vec<Issue> {
    let last = due.map(|due| if due.is_all_day() { due.overdue_from(zone) } else { due.sort_at(zone) });
    let mut issues = Vec::new();
    for (index, reminder) in reminders.iter().enumerate() {
        let path = if reminders.len() == 1 {
            "reminder_config.at".to_owned()
        } else {
            format!("reminder_config[{index}].at")
        };
        let When::At(at) = reminder.when else { continue };
        if before.contains(reminder) {
            continue;
        }
        if at < now {
            issues.push(issue(path, "must not lie in the past"));
        } else if last.is_some_and(|last| at > last) {
            issues.push(issue(path, "must not lie after the due time"));
        }
    }
    issues
}

fn text_or_null(value: &Value) -> Result<Option<&str>, &'static str> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err("must be a text or null"),
    }
}

pub(crate) fn issue(path: impl Into<String>, message: impl Into<String>) -> Issue {
    Issue { path: path.into(), message: message.into() }
}

fn below(name: &str, issues: Vec<Issue>) -> Vec<Issue> {
    issues.into_iter().map(|found| issue(format!("{name}{}", found.path), found.message)).collect()
}
