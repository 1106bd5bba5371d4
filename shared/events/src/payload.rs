//! What the events carry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::task_body::changes;
use crate::{JsonText, TaskBody};

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    /// `user`, `system` or `service`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(user|system|service)$")]
    pub kind: String,
    /// The user's or the function's name.
    pub id: String,
}

impl Actor {
    /// A person.
    pub fn user(id: &str) -> Self {
        Self { kind: "user".to_owned(), id: id.to_owned() }
    }

    /// A function, by itself.
    pub fn service(name: &str) -> Self {
        Self { kind: "service".to_owned(), id: name.to_owned() }
    }
}

/// Something happened to a task; on `task-events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskChanged {
    /// The task afterwards.
    pub task: TaskBody,
    /// `{field: {"old", "new"}}`.
    #[schema(value_type = std::collections::BTreeMap<String, Difference>)]
    pub changes: Map<String, Value>,
    /// Who did it.
    pub actor: Actor,
}

impl TaskChanged {
    /// Writes the payload of a change from tasks that are written already.
    pub fn written(before: Option<&JsonText>, after: &JsonText, actor: &Actor) -> JsonText {
        let (task, actor) = (after.as_str(), JsonText::of(actor));
        let changes = changes(before, after);
        JsonText(
            [r#"{"task":"#, task, r#","changes":{"#, &changes, r#"},"actor":"#, actor.as_str(), "}"].concat(),
        )
    }
}

/// A field before and after.
#[derive(Serialize, ToSchema)]
pub struct Difference {
    /// Its value before; null: none.
    pub old: Value,
    /// Its value after; null: none.
    pub new: Value,
}

/// A reminder is due, was sent, or failed for good; on `reminders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReminderMoment {
    /// Which.
    pub reminder_id: Uuid,
    /// Of which task; absent: it is a digest of several missed ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub task_id: Option<Uuid>,
    /// Whose.
    pub user_id: String,
    /// When it was to be sent.
    #[schema(value_type = String, format = DateTime)]
    pub trigger_time: DateTime<Utc>,
    /// `email` or `push`.
    #[schema(pattern = "^(email|push)$")]
    pub delivery_method: String,
    /// Which attempt at delivery this is, from 1.
    #[schema(minimum = 1)]
    pub attempt: u32,
    /// Why it failed; in `reminder.failed`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Something audited that is neither a task's nor a reminder's event; on `audit-events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Audited {
    /// Such as `conversation` or `settings`.
    pub entity_type: String,
    /// Which.
    pub entity_id: String,
    /// Whose.
    pub user_id: String,
    /// Values before.
    pub old_values: Option<Value>,
    /// Values after.
    pub new_values: Option<Value>,
    /// Who did it.
    pub actor: Actor,
}

/// A task changed; on `task-updates`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskUpdate {
    /// Which.
    pub task_id: Uuid,
    /// Its version afterwards.
    #[schema(minimum = 1)]
    pub version: i64,
    /// `created`, `updated`, …
    pub change: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(status: &str, version: i64) -> TaskBody {
        let fields = json!({
            "id": "01a1fc26-3582-7978-bd58-3a94b383a911", "user_id": "amna", "title": "buy milk", "description": null,
            "due_date": "2027-01-10", "all_day": true, "time_zone": "UTC", "priority": "high", "tags": ["home"], "status": status,
            "reminder_config": null, "recurrence_rule": null, "reminder_id": null, "snoozed_until": null, "parent_task_id": null,
            "created_at": "2026-11-21T03:28:44Z", "updated_at": "2026-11-21T03:28:44Z", "completed_at": null, "version": version,
        });
        serde_json::from_value(fields).expect("a task")
    }

    /// What is written, read again.
    fn payload(before: Option<&TaskBody>, after: &TaskBody) -> Value {
        let before = before.map(JsonText::of);
        let text = TaskChanged::written(before.as_ref(), &JsonText::of(after), &Actor::user("amna"));
        serde_json::from_str(text.as_str()).expect("JSON")
    }

    #[test]
    fn the_payload_of_a_change_is_what_it_is_serialized_as() {
        let (before, mut after) = (body("active", 1), body("completed", 2));
        after.title = r#"say "no",\ then {"go"}"#.to_owned();
        let changes = json!({
            "status": {"old": "active", "new": "completed"}, "title": {"old": "buy milk", "new": after.title},
        });
        let changes = changes.as_object().cloned().unwrap_or_default();
        let written = json!(TaskChanged { task: after.clone(), changes, actor: Actor::user("amna") });
        assert_eq!(payload(Some(&before), &after), written);
    }

    #[test]
    fn a_new_task_changes_every_field_that_it_has() {
        let payload = payload(None, &body("active", 1));
        assert_eq!(payload["changes"]["version"], json!({"old": null, "new": 1}));
        assert_eq!(payload["changes"]["title"], json!({"old": null, "new": "buy milk"}));
        assert!(payload["changes"].get("description").is_none());
    }
}
