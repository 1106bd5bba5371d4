//! The audit log: one entry for each event.

use events::Refusal;
use events::cloud_event::Envelope;
use events::payload::{Audited, ReminderMoment, TaskChanged};
use serde_json::Value;

pub use store::audit::Entry;

use crate::query::entry_of_task;
use crate::{Application, refuse};

impl Application {
    /// Appends entries, each once however often it comes; says how many were new.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: none is appended.
    pub async fn append_audit(&self, entries: &[Entry]) -> Result<usize, Refusal> {
        if entries.is_empty() { Ok(0) } else { self.store.append_audit(entries).await.map_err(refuse) }
    }
}

/// Gives the audit entry of an event.
///
/// # Errors
/// What is wrong with its payload.
pub fn entry_of(envelope: &Envelope) -> Result<Entry, String> {
    let Envelope { event_id, event_type, timestamp, correlation_id, .. } = envelope;
    match envelope.topic_name.as_str() {
        "task-events" => {
            let changed: TaskChanged = envelope.read_payload()?;
            Ok(entry_of_task(&changed, *event_id, event_type, *timestamp, correlation_id))
        }
        "reminders" => {
            let moment: ReminderMoment = envelope.read_payload()?;
            Ok(Entry {
                user_id: moment.user_id,
                event_id: *event_id,
                entity_type: "reminder".to_owned(),
                entity_id: moment.reminder_id.to_string(),
                action: event_type.clone(),
                actor_type: "service".to_owned(),
                actor_id: envelope.source_service.clone(),
                old_values: None,
                new_values: Some(envelope.payload.clone()),
                timestamp: *timestamp,
                correlation_id: correlation_id.clone(),
            })
        }
        "audit-events" => {
            let audited: Audited = envelope.read_payload()?;
            Ok(Entry {
                user_id: audited.user_id,
                event_id: *event_id,
                entity_type: audited.entity_type,
                entity_id: audited.entity_id,
                action: event_type.clone(),
                actor_type: audited.actor.kind,
                actor_id: audited.actor.id,
                old_values: audited.old_values.filter(|values| *values != Value::Null),
                new_values: audited.new_values.filter(|values| *values != Value::Null),
                timestamp: *timestamp,
                correlation_id: correlation_id.clone(),
            })
        }
        other => Err(format!("the topic {other:?} is not audited")),
    }
}
