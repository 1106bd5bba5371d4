//! Events for the tests of this crate.

use chrono::DateTime;
use events::{Event, JsonText, Topic};
use serde_json::json;
use uuid::Uuid;

/// Gives a reminder that is due, of a task.
pub(crate) fn event(key: &str, number: u128) -> Event {
    Event {
        event_id: Uuid::from_u128(number),
        user_id: "amna".to_owned(),
        topic: Topic::Reminders,
        event_type: "reminder.due".to_owned(),
        key: key.to_owned(),
        subject: key.to_owned(),
        correlation_id: "c".to_owned(),
        traceparent: "t".to_owned(),
        timestamp: DateTime::UNIX_EPOCH,
        source_service: "scan-reminders".to_owned(),
        payload: JsonText::of(&json!({})),
    }
}

/// Gives a change of a task, of which the feed tells as well.
pub(crate) fn task_event(key: &str, version: i64) -> Event {
    let task = json!({"task": {"id": Uuid::nil(), "version": version}});
    Event {
        topic: Topic::TaskEvents,
        event_type: "task.updated".to_owned(),
        payload: JsonText::of(&task),
        ..event(key, u128::try_from(version).expect("versions begin at 1"))
    }
}
