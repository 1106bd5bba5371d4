//! Looking at tasks: one, a page of them, the history, the reminders, the coming occurrences.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::series;
use events::payload::TaskChanged;
use events::{Refusal, TaskBody, instant, task_body};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::audit::{Change, Entry, OnTheWay};
use store::list::{Filter, Position, SortKey};
use store::reminders::{Attempt, Kept};
use uuid::Uuid;

use crate::change::show;
use crate::{Application, refuse};

/// The largest page.
pub const MAX_PAGE: i64 = 100;

/// What to list, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What.
    pub filter: Filter,
    /// In which order.
    pub sort: SortKey,
    /// The other way round.
    pub descending: bool,
    /// 1–[`MAX_PAGE`].
    pub limit: i64,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of tasks, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The tasks.
    pub tasks: Vec<TaskBody>,
    /// Where the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl Application {
    /// Gives a task.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn get(&self, user_id: &str, id: Uuid) -> Result<TaskBody, Refusal> {
        let loaded = self.store.task(user_id, id).await.map_err(refuse)?.ok_or(Refusal::NotFound("task"))?;
        let settings = self.settings_of_version(user_id, loaded.settings_version).await?;
        Ok(show(&loaded, settings.time_zone))
    }

    /// Gives a page of tasks.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a cursor that is not one of ours, or belongs to another order; [`Refusal::Unavailable`].
    pub async fn list(&self, user_id: &str, listing: &Listing) -> Result<Page, Refusal> {
        let &Listing { sort, descending, limit, .. } = listing;
        let after = match &listing.cursor {
            Some(cursor) => {
                Some(read_cursor(cursor, sort, descending).ok_or_else(|| Refusal::Malformed {
                    parameter: "cursor",
                    message: "is not the next_cursor of a page in this order".to_owned(),
                })?)
            }
            None => None,
        };
        let listed = self.store.list(user_id, &listing.filter, (sort, descending), after, limit + 1).await;
        let mut loaded = listed.map_err(refuse)?;
        let version = loaded.first().map_or(0, |first| first.settings_version);
        let zone = match loaded.is_empty() {
            true => self.default_zone,
            false => self.settings_of_version(user_id, version).await?.time_zone,
        };
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let is_last = loaded.len() <= page;
        loaded.truncate(page);
        let next_cursor = loaded.last().filter(|_| !is_last).map(|last| {
            // The database's own value: that of a task done before the user moved is of the old zone.
            write_cursor(Position::of(last, sort), sort, descending)
        });
        Ok(Page { tasks: loaded.iter().map(|one| show(one, zone)).collect(), next_cursor })
    }

    /// Gives a task's history as JSON, oldest first: the audit log, and what is still on its way there.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn history(&self, user_id: &str, id: Uuid) -> Result<Value, Refusal> {
        let changes = self.store.task_history(user_id, id).await.map_err(refuse)?;
        if changes.is_empty() {
            self.get(user_id, id).await?;
        }
        let entries = changes.into_iter().filter_map(|change| match change {
            Change::Audited(entry) => Some(entry),
            Change::OnTheWay(event) => {
                let OnTheWay { event_id, event_type, timestamp, correlation_id, payload } = event;
                let changed: TaskChanged = serde_json::from_value(payload).ok()?;
                Some(entry_of_task(&changed, event_id, &event_type, timestamp, &correlation_id))
            }
        });
        let entries: Vec<Value> = entries.map(|entry| show_entry(&entry)).collect();
        Ok(json!({"entries": entries}))
    }

    /// Gives a task's reminders as JSON, each with every attempt.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn reminders(&self, user_id: &str, id: Uuid) -> Result<Value, Refusal> {
        let (kept, attempts) = self.store.reminders_of(user_id, id).await.map_err(refuse)?;
        if kept.is_empty() {
            self.get(user_id, id).await?;
        }
        let reminders = kept.iter().map(|one| {
            let attempts = attempts.iter().filter(|attempt| attempt.reminder_id == one.id);
            show_reminder(one, &attempts.collect::<Vec<_>>())
        });
        Ok(json!({"reminders": reminders.collect::<Vec<_>>()}))
    }

    /// Gives what a task's rule yields from its due date on, as JSON.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn occurrences(&self, user_id: &str, id: Uuid, limit: usize) -> Result<Value, Refusal> {
        let loaded = self.store.task(user_id, id).await.map_err(refuse)?.ok_or(Refusal::NotFound("task"))?;
        let settings = self.settings_of_version(user_id, loaded.settings_version).await?;
        let found = series::occurrences(&loaded.task, settings.time_zone, limit).into_iter();
        let found = found.map(|(due, zone)| json!({"due_date": task_body::due_date(due, zone)}));
        Ok(json!({"occurrences": found.collect::<Vec<_>>()}))
    }
}

/// Shows a reminder with its attempts, oldest first. The first attempt is no retry.
fn show_reminder(kept: &Kept, attempts: &[&Attempt]) -> Value {
    let retries = (kept.retry_count - 1).max(0);
    let shown = attempts.iter().map(|attempt| {
        let lateness = attempt.attempted_at - kept.trigger_time;
        json!({
            "attempt": attempt.attempt,
            "attempted_at": instant(attempt.attempted_at),
            "lateness_ms": lateness.num_milliseconds(),
            "outcome": attempt.outcome,
            "reason": attempt.reason,
        })
    });
    json!({
        "id": kept.id,
        "task_id": kept.task_id,
        "trigger_time": instant(kept.trigger_time),
        "status": kept.status,
        "reason": reason(kept, attempts),
        "waits_until": kept.next_attempt_at.filter(|_| kept.status == "queued").map(instant),
        "delivery_method": kept.delivery_method,
        "destination": kept.destination,
        "retry_count": retries,
        "last_retry_at": kept.last_retry_at.filter(|_| retries > 0).map(instant),
        "sent_at": kept.sent_at.map(instant),
        "attempts": shown.collect::<Vec<_>>(),
    })
}

/// Says why a reminder stands as it does, where that needs saying.
fn reason<'a>(kept: &Kept, attempts: &[&'a Attempt]) -> Option<&'a str> {
    let last = attempts.last().and_then(|attempt| attempt.reason.as_deref());
    match kept.status.as_str() {
        "skipped" => Some("its time had passed when it was planned"),
        // One that was not announced yet has no attempt that tells.
        "cancelled" => {
            let cancelled = last.filter(|_| attempts.last().is_some_and(|last| last.outcome == "cancelled"));
            cancelled.or(Some("the task was completed, deleted or changed before it was sent"))
        }
        "failed" | "queued" => last,
        _ => None,
    }
}

/// Gives the audit entry of a task's event.
pub(crate) fn entry_of_task(
    changed: &TaskChanged,
    event_id: Uuid,
    event_type: &str,
    timestamp: DateTime<Utc>,
    correlation_id: &str,
) -> Entry {
    let side = |side: &str| {
        let values: Map<String, Value> =
            changed.changes.iter().map(|(field, change)| (field.clone(), change[side].clone())).collect();
        Value::Object(values)
    };
    let is_created = event_type == "task.created";
    Entry {
        user_id: changed.task.user_id.clone(),
        event_id,
        entity_type: "task".to_owned(),
        entity_id: changed.task.id.to_string(),
        action: event_type.to_owned(),
        actor_type: changed.actor.kind.clone(),
        actor_id: changed.actor.id.clone(),
        old_values: (!is_created).then(|| side("old")),
        new_values: Some(side("new")),
        timestamp,
        correlation_id: correlation_id.to_owned(),
    }
}

fn show_entry(entry: &Entry) -> Value {
    json!({
        "event_id": entry.event_id,
        "action": entry.action,
        "actor_type": entry.actor_type,
        "actor_id": entry.actor_id,
        "old_values": entry.old_values,
        "new_values": entry.new_values,
        "timestamp": instant(entry.timestamp),
        "correlation_id": entry.correlation_id,
    })
}

/// `order.value.id`: harmless when altered, for every statement is bound to the user.
fn write_cursor(position: Position, sort: SortKey, descending: bool) -> String {
    let value = position.value.map_or("-".to_owned(), |value| value.timestamp_micros().to_string());
    URL_SAFE_NO_PAD.encode(format!("{}.{value}.{}", order_name(sort, descending), position.id))
}

fn read_cursor(cursor: &str, sort: SortKey, descending: bool) -> Option<Position> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let mut parts = text.splitn(3, '.');
    if parts.next()? != order_name(sort, descending) {
        return None;
    }
    let value = match parts.next()? {
        "-" if sort == SortKey::DueDate => None,
        micros => Some(DateTime::from_timestamp_micros(micros.parse().ok()?).filter(is_sane)?),
    };
    Some(Position { value, id: Uuid::try_parse(parts.next()?).ok()? })
}

/// Reads a cursor and writes it again; for `make fuzz`, by which alone `cfg(fuzzing)` is set.
#[cfg(fuzzing)]
pub fn rewritten_cursor(cursor: &str, sort: SortKey, descending: bool) -> Option<String> {
    read_cursor(cursor, sort, descending).map(|position| write_cursor(position, sort, descending))
}

/// PostgreSQL's range of years is narrower than chrono's.
fn is_sane(at: &DateTime<Utc>) -> bool {
    (-4_000..=12_000).contains(&chrono::Datelike::year(at))
}

fn order_name(sort: SortKey, descending: bool) -> String {
    let name = match sort {
        SortKey::CreatedAt => "created_at",
        SortKey::UpdatedAt => "updated_at",
        SortKey::DueDate => "due_date",
        SortKey::Priority => "priority",
    };
    format!("{}{name}", if descending { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_again_in_its_own_order_only() {
        let position = Position { value: DateTime::from_timestamp_micros(1_234_567), id: Uuid::max() };
        let cursor = write_cursor(position, SortKey::CreatedAt, true);
        assert_eq!(read_cursor(&cursor, SortKey::CreatedAt, true), Some(position));
        assert_eq!(read_cursor(&cursor, SortKey::CreatedAt, false), None);
        assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }

    #[test]
    fn an_altered_cursor_is_refused() {
        for cursor in ["", "x", "LWNyZWF0ZWRfYXQ", "\u{661}", "LWNyZWF0ZWRfYXQuOTIyMzM3MjAzNjg1NDc3NTgwNy54"]
        {
            assert_eq!(read_cursor(cursor, SortKey::CreatedAt, true), None, "{cursor}");
        }
    }
}
