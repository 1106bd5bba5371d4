//! What the events carry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::TaskBody;

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
