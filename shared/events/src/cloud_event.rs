//! CloudEvents 1.0 in structured JSON mode, and the envelope in their data.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::payload::TaskUpdate;
use crate::{Event, Topic, instant};

/// The content type of a structured event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// The content type of several.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

/// Tells whether an extension attribute may have this name (CloudEvents 1.0.2, "Naming Conventions"); `data` is no attribute.
pub fn is_attribute_name(name: &str) -> bool {
    name != "data"
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

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

/// Gives an event as its own topic gets it.
pub fn render(event: &Event) -> Value {
    serde_json::from_str(&own_message(event).text()).expect("it is rendered as JSON")
}

/// A message that goes over the bus, before it is rendered: an event of the outbox, or what is derived from one.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// Where it goes.
    pub topic: Topic,
    /// The partition key.
    pub key: &'a str,
    id: Uuid,
    event_type: &'a str,
    payload: Cow<'a, str>,
    event: &'a Event,
}

/// Gives every message that one outbox row becomes: a task's event also feeds `task-updates`.
pub fn messages(event: &Event) -> impl Iterator<Item = Message<'_>> {
    std::iter::once(own_message(event)).chain(update_of(event))
}

/// Gives the message that goes to the event's own topic.
pub fn own_message(event: &Event) -> Message<'_> {
    Message {
        topic: event.topic,
        key: &event.key,
        id: event.event_id,
        event_type: &event.event_type,
        payload: Cow::Borrowed(event.payload.as_str()),
        event,
    }
}

/// Gives the message for the feed `task-updates` that goes with a task's event, under an id derived from the event's.
pub fn update_of(event: &Event) -> Option<Message<'_>> {
    /// What of a [`TaskChanged`](crate::payload::TaskChanged) is told to everybody; the rest is not looked at.
    #[derive(Deserialize)]
    struct Changed {
        task: Task,
    }
    #[derive(Deserialize)]
    struct Task {
        id: Uuid,
        version: i64,
    }
    let Changed { task } = (event.topic == Topic::TaskEvents)
        .then(|| serde_json::from_str(event.payload.as_str()).ok())
        .flatten()?;
    let update = TaskUpdate {
        task_id: task.id,
        version: task.version,
        change: event.event_type.trim_start_matches("task.").to_owned(),
    };
    Some(Message {
        topic: Topic::TaskUpdates,
        key: &event.user_id,
        id: Uuid::new_v5(&event.event_id, b"task-updates"),
        event_type: "task.changed",
        payload: Cow::Owned(serde_json::to_string(&update).expect("ids, numbers and texts are JSON")),
        event,
    })
}

impl Message<'_> {
    /// Renders it for the bus as text; the payload is put in as it is.
    pub fn text(&self) -> String {
        #[derive(Serialize)]
        struct Structured<'a> {
            specversion: &'a str,
            id: Uuid,
            r#type: &'a str,
            source: fmt::Arguments<'a>,
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
            // Last, so that the text ends with it.
            payload: (),
        }
        const END: &str = "null}}";
        let event = self.event;
        let time = instant(event.timestamp);
        let structured = Structured {
            specversion: "1.0",
            id: self.id,
            r#type: self.event_type,
            source: format_args!("/kaam/{}", event.source_service),
            subject: &event.subject,
            time: &time,
            datacontenttype: "application/json",
            correlationid: &event.correlation_id,
            traceparent: &event.traceparent,
            partitionkey: self.key,
            data: Data {
                event_id: self.id,
                event_type: self.event_type,
                topic_name: self.topic.as_str(),
                correlation_id: &event.correlation_id,
                timestamp: &time,
                source_service: &event.source_service,
                payload: (),
            },
        };
        let mut text = Vec::with_capacity(1_024 + self.payload.len());
        serde_json::to_writer(&mut text, &structured).expect("texts are JSON");
        text.truncate(text.len() - END.len());
        text.extend_from_slice(self.payload.as_bytes());
        text.extend_from_slice(b"}}");
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::JsonText;

    #[test]
    fn the_data_of_a_rendered_event_is_the_envelope() {
        let stored = Event {
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
            payload: JsonText::of(&json!({"a": 1})),
        };
        let texts: Vec<Value> =
            messages(&stored).map(|message| serde_json::from_str(&message.text()).expect("JSON")).collect();
        let rendered = json!({
            "specversion": "1.0",
            "id": Uuid::nil(),
            "type": "reminder.due",
            "source": "/kaam/scan-reminders",
            "subject": "s",
            "time": "1970-01-01T00:00:00Z",
            "datacontenttype": "application/json",
            "correlationid": "c",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "partitionkey": "k",
            "data": {
                "event_id": Uuid::nil(),
                "event_type": "reminder.due",
                "topic_name": "reminders",
                "correlation_id": "c",
                "timestamp": "1970-01-01T00:00:00Z",
                "source_service": "scan-reminders",
                "payload": {"a": 1},
            },
        });
        assert_eq!(texts, [rendered]);
        let envelope: Envelope = serde_json::from_value(texts[0]["data"].clone()).expect("an envelope");
        assert_eq!((envelope.payload, envelope.timestamp), (json!({"a": 1}), DateTime::UNIX_EPOCH));
    }
}
