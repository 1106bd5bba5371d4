//! CloudEvents 1.0 in structured JSON mode, and the envelope in their data.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::payload::{TaskChanged, TaskUpdate};
use crate::{Event, Topic, instant};

/// The content type of a structured event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// The content type of several.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

/// The data of every event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Envelope {
    /// The CloudEvent's `id`.
    pub event_id: Uuid,
    /// The CloudEvent's `type`.
    pub event_type: String,
    /// The topic that it was written to.
    pub topic_name: String,
    /// Of the request that caused it.
    pub correlation_id: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: DateTime<Utc>,
    /// The function that made it.
    pub source_service: String,
    /// What happened.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl Envelope {
    /// Reads the payload.
    ///
    /// # Errors
    /// What was expected of it. What stands there instead is not said: it is some user's.
    pub fn read_payload<T: DeserializeOwned>(&self) -> Result<T, String> {
        T::deserialize(&self.payload).map_err(|error| {
            let said = error.to_string();
            let why = match said.split_once(", expected ") {
                Some((_, expected)) => format!("expected {expected}"),
                None if said.starts_with("missing field") => said,
                None => "a value is not valid".to_owned(),
            };
            format!("the payload of {} can not be read: {why}", self.event_type)
        })
    }
}

/// Renders an event for the bus.
pub fn render(event: &Event) -> Value {
    json!({
        "specversion": "1.0",
        "id": event.event_id,
        "type": event.event_type,
        "source": format!("/kaam/{}", event.source_service),
        "subject": event.subject,
        "time": instant(event.timestamp),
        "datacontenttype": "application/json",
        "correlationid": event.correlation_id,
        "traceparent": event.traceparent,
        "partitionkey": event.key,
        "data": {
            "event_id": event.event_id,
            "event_type": event.event_type,
            "topic_name": event.topic.as_str(),
            "correlation_id": event.correlation_id,
            "timestamp": instant(event.timestamp),
            "source_service": event.source_service,
            "payload": event.payload,
        }
    })
}

/// Renders an event for the bus as text; as [`render`] does, without a copy of the payload.
pub fn render_text(event: &Event) -> String {
    #[derive(Serialize)]
    struct Structured<'a> {
        specversion: &'a str,
        id: Uuid,
        r#type: &'a str,
        source: String,
        subject: &'a str,
        time: &'a str,
        datacontenttype: &'a str,
        correlationid: &'a str,
        traceparent: &'a str,
        partitionkey: &'a str,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        event_id: Uuid,
        event_type: &'a str,
        topic_name: &'a str,
        correlation_id: &'a str,
        timestamp: &'a str,
        source_service: &'a str,
        payload: &'a Value,
    }
    let time = instant(event.timestamp);
    let structured = Structured {
        specversion: "1.0",
        id: event.event_id,
        r#type: &event.event_type,
        source: format!("/kaam/{}", event.source_service),
        subject: &event.subject,
        time: &time,
        datacontenttype: "application/json",
        correlationid: &event.correlation_id,
        traceparent: &event.traceparent,
        partitionkey: &event.key,
        data: Data {
            event_id: event.event_id,
            event_type: &event.event_type,
            topic_name: event.topic.as_str(),
            correlation_id: &event.correlation_id,
            timestamp: &time,
            source_service: &event.source_service,
            payload: &event.payload,
        },
    };
    serde_json::to_string(&structured).expect("texts and JSON values are JSON")
}

/// Gives every message that one outbox row becomes: a task's event also feeds `task-updates`, under a derived id.
pub fn messages(event: Event) -> Vec<Event> {
    let update = update_of(&event);
    std::iter::once(event).chain(update).collect()
}

/// Gives the message for `task-updates` that goes with a task's event.
pub fn update_of(event: &Event) -> Option<Event> {
    let changed = (event.topic == Topic::TaskEvents)
        .then(|| TaskChanged::deserialize(&event.payload).ok())
        .flatten()?;
    let payload = json!(TaskUpdate {
        task_id: changed.task.id,
        version: changed.task.version,
        change: event.event_type.trim_start_matches("task.").to_owned(),
    });
    Some(Event {
        event_id: Uuid::new_v5(&event.event_id, b"task-updates"),
        user_id: event.user_id.clone(),
        topic: Topic::TaskUpdates,
        event_type: "task.changed".to_owned(),
        key: event.user_id.clone(),
        subject: event.subject.clone(),
        correlation_id: event.correlation_id.clone(),
        traceparent: event.traceparent.clone(),
        timestamp: event.timestamp,
        source_service: event.source_service.clone(),
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_a_rendered_event_is_the_envelope() {
        let event = Event {
            event_id: Uuid::nil(),
            user_id: "amna".to_owned(),
            topic: Topic::Reminders,
            event_type: "reminder.due".to_owned(),
            key: "k".to_owned(),
            subject: "s".to_owned(),
            correlation_id: "c".to_owned(),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            timestamp: DateTime::UNIX_EPOCH,
            source_service: "scan-reminders".to_owned(),
            payload: json!({"a": 1}),
        };
        let rendered = render(&event);
        let envelope: Envelope = serde_json::from_value(rendered["data"].clone()).expect("an envelope");
        assert_eq!(
            (envelope.payload, rendered["source"].as_str()),
            (json!({"a": 1}), Some("/kaam/scan-reminders"))
        );
        let text: Value = serde_json::from_str(&render_text(&event)).expect("JSON");
        assert_eq!(text, rendered);
    }
}
