//! The AsyncAPI 3.0 document of the bus: the topics, what lies in them, who sends and who receives it.
//!
//! Its schemas are those of the types that are serialised, its examples are rendered as every event is. `asyncapi.json` beside this
//! crate is a copy of what [`document`] gives (`make asyncapi` writes it); a test holds the two together, and another one validates
//! what the system really publishes by it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cloud_event::{CONTENT_TYPE, Envelope, render};
use crate::payload::{Actor, Audited, ReminderMoment, TaskChanged, TaskUpdate};
use crate::settings_body::SettingsBody;
use crate::{Event, JsonText, TaskBody, Topic, task_body};

/// An event that goes over the bus.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The topic that it is on.
    pub topic: Topic,
    /// The CloudEvent's `type`.
    pub event_type: &'static str,
    /// What happened, as one sentence.
    pub summary: &'static str,
}

/// Every event that goes over the bus; there is no other.
pub const KINDS: [Kind; 18] = [
    Kind::new(Topic::TaskEvents, "task.created", "A task was created."),
    Kind::new(Topic::TaskEvents, "task.updated", "A task was changed, or its reminder put off."),
    Kind::new(Topic::TaskEvents, "task.completed", "A task was completed."),
    Kind::new(Topic::TaskEvents, "task.reopened", "A completed task was opened again."),
    Kind::new(Topic::TaskEvents, "task.deleted", "A task was deleted, or one of a series was skipped."),
    Kind::new(Topic::TaskEvents, "task.restored", "A deleted task was brought back."),
    Kind::new(Topic::Reminders, "reminder.due", "A reminder is to be sent now."),
    Kind::new(Topic::Reminders, "reminder.sent", "A reminder was sent."),
    Kind::new(Topic::Reminders, "reminder.failed", "A reminder could not be sent, and is given up."),
    Kind::new(
        Topic::TaskUpdates,
        "task.changed",
        "Something happened to a task: the slim feed for frontends.",
    ),
    Kind::new(Topic::AuditEvents, "settings.updated", "A user's settings were changed."),
    Kind::new(Topic::AuditEvents, ACCOUNT[0], "An account was opened."),
    Kind::new(Topic::AuditEvents, ACCOUNT[1], "Somebody tried to open an account that there is already."),
    Kind::new(Topic::AuditEvents, ACCOUNT[2], "A user signed in."),
    Kind::new(
        Topic::AuditEvents,
        ACCOUNT[3],
        "Somebody tried to sign in, or to change the password, with a wrong one.",
    ),
    Kind::new(
        Topic::AuditEvents,
        ACCOUNT[4],
        "A refresh token was used a second time; its session has ended.",
    ),
    Kind::new(Topic::AuditEvents, ACCOUNT[5], "A user signed out."),
    Kind::new(Topic::AuditEvents, ACCOUNT[6], "A user changed the password."),
];
/// What sign-in tells of.
const ACCOUNT: [&str; 7] = [
    "account.registered",
    "account.registration_repeated",
    "account.signed_in",
    "account.sign_in_failed",
    "account.refresh_reused",
    "account.signed_out",
    "account.password_changed",
];
const AUDITED: [&str; 8] =
    ["settings.updated", ACCOUNT[0], ACCOUNT[1], ACCOUNT[2], ACCOUNT[3], ACCOUNT[4], ACCOUNT[5], ACCOUNT[6]];

/// What functions put on a topic: the function, the topic, the types. relay-events is the one producer: it takes what the others
/// commit to the outbox, and derives `task.changed`. Undo makes any of them; whatever changes a series may also create or withdraw one
/// of its tasks.
pub const SENT: [(&str, Topic, &[&str]); 12] = [
    ("create-task", Topic::TaskEvents, &["task.created"]),
    ("update-task", Topic::TaskEvents, &EVERY_CHANGE),
    ("update-task", Topic::AuditEvents, &["settings.updated"]),
    ("complete-task", Topic::TaskEvents, &["task.completed", "task.reopened", "task.deleted"]),
    ("delete-task", Topic::TaskEvents, &["task.deleted", "task.restored"]),
    ("follow-link", Topic::TaskEvents, &["task.completed", "task.updated"]),
    ("chat-command", Topic::TaskEvents, &EVERY_CHANGE),
    ("spawn-recurrence", Topic::TaskEvents, &["task.created", "task.deleted", "task.restored"]),
    ("scan-reminders", Topic::Reminders, &["reminder.due"]),
    ("send-reminder", Topic::Reminders, &["reminder.sent", "reminder.failed"]),
    ("send-reminder", Topic::AuditEvents, &["settings.updated"]),
    ("sign-in", Topic::AuditEvents, &AUDITED),
];
const EVERY_CHANGE: [&str; 6] =
    ["task.created", "task.updated", "task.completed", "task.reopened", "task.deleted", "task.restored"];

/// What functions make something of: the function, which is also its consumer group, the topic, the types. Of the others on the
/// topic it says that they are done.
pub const RECEIVED: [(&str, Topic, &[&str]); 5] = [
    ("send-reminder", Topic::Reminders, &["reminder.due"]),
    (
        "spawn-recurrence",
        Topic::TaskEvents,
        &["task.completed", "task.deleted", "task.reopened", "task.restored"],
    ),
    ("write-audit", Topic::TaskEvents, &EVERY_CHANGE),
    ("write-audit", Topic::Reminders, &["reminder.due", "reminder.sent", "reminder.failed"]),
    ("write-audit", Topic::AuditEvents, &AUDITED),
];

/// The headers that every record in a dead-letter topic has, beside those that it had, and what each says.
pub const DEAD_LETTER_HEADERS: [(&str, &str); 6] = [
    ("dlq-reason", "Why it was given up."),
    ("dlq-attempts", "How often its handler failed."),
    ("dlq-function", "The function that gave it up."),
    ("dlq-topic", "The topic that it lay in."),
    ("dlq-partition", "The partition that it lay in."),
    ("dlq-offset", "Its offset there."),
];
/// The header of a record in a dead-letter topic that was too large, and what it says.
pub const LEFT_OUT_HEADER: (&str, &str) = (
    "dlq-left-out",
    "What of it was left out, because it was too large with that; it can be read where it lay.",
);
/// What may be left out: each when it was still too large without what the one before says.
pub const LEFT_OUT: [&str; 3] = ["value", "value,headers", "value,headers,key"];

const BINDING_VERSION: &str = "0.5.0";

impl Kind {
    const fn new(topic: Topic, event_type: &'static str, summary: &'static str) -> Self {
        Self { topic, event_type, summary }
    }

    /// Gives the event of a type.
    pub fn of(event_type: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.event_type == event_type)
    }

    /// Gives the schema of its payload, within the document.
    fn payload(self) -> Value {
        match self.topic {
            Topic::TaskEvents => schema_reference(&TaskChanged::name()),
            Topic::Reminders => schema_reference(&ReminderMoment::name()),
            Topic::TaskUpdates => schema_reference(&TaskUpdate::name()),
            Topic::AuditEvents if self.event_type.starts_with("account.") => {
                json!({"allOf": [schema_reference(&Audited::name()), {"properties": {
                    "entity_type": {"const": "account"},
                    "new_values": {"type": ["object", "null"], "properties": {"session_id": {"type": "string", "format": "uuid"}}},
                }}]})
            }
            Topic::AuditEvents => json!({"allOf": [schema_reference(&Audited::name()), {"properties": {
                "entity_type": {"const": "settings"},
                "old_values": schema_reference(&SettingsBody::name()),
                "new_values": schema_reference(&SettingsBody::name()),
            }}]}),
        }
    }

    /// Gives the schema of the whole record: a CloudEvent of this type, on this topic, with this payload.
    fn schema(self) -> Value {
        let data = json!({"properties": {
            "event_type": {"const": self.event_type},
            "topic_name": {"const": self.topic.as_str()},
            "payload": self.payload(),
        }});
        json!({"allOf": [
            schema_reference("CloudEvent"),
            {"properties": {"type": {"const": self.event_type}, "data": data}},
        ]})
    }
}

/// Gives the document.
pub fn document() -> Value {
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:kaam:bus",
        "info": {
            "title": "Kaam's bus",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Kaam's functions tell each other: CloudEvents 1.0 in structured JSON mode. Every event comes \
                            at least once, and the events of one key come in order. Consumers tell a repeat by its id, and \
                            overlook fields that they do not know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {
            "plain": server("kafka", "A Kafka cluster; `KAFKA_BROKERS`.", "9092"),
            "secure": server("kafka-secure", "The same with TLS or SASL; `KAFKA_SECURITY_PROTOCOL`.", "9093"),
        },
        "channels": channels(),
        "operations": operations(),
        "components": {"messages": messages(), "schemas": schemas()},
    })
}

fn server(protocol: &str, description: &str, port: &str) -> Value {
    json!({
        "host": "{host}:{port}",
        "protocol": protocol,
        "description": description,
        "variables": {
            "host": {"default": "localhost", "description": "A broker."},
            "port": {"default": port, "description": "Where it listens."},
        },
        "bindings": {"kafka": {"bindingVersion": BINDING_VERSION}},
    })
}

fn channels() -> Map<String, Value> {
    let mut channels = Map::new();
    for topic in Topic::ALL {
        let kinds = KINDS.into_iter().filter(|kind| kind.topic == topic);
        let messages: Map<_, _> =
            kinds.map(|kind| (kind.event_type.to_owned(), message_reference(kind.event_type))).collect();
        channels.insert(topic.as_str().to_owned(), channel(topic.as_str(), description(topic), &messages));
        let name = topic.dead_letters();
        let letter = Map::from_iter([("dead-letter".to_owned(), message_reference("dead-letter"))]);
        let about = format!("What could not be handled on {}, with headers that say why.", topic.as_str());
        channels.insert(name.clone(), channel(&name, &about, &letter));
    }
    channels
}

fn channel(topic: &str, description: &str, messages: &Map<String, Value>) -> Value {
    json!({
        "address": topic,
        "description": description,
        "messages": messages,
        "bindings": {"kafka": {
            "topic": topic,
            "partitions": Topic::PARTITIONS,
            "bindingVersion": BINDING_VERSION,
        }},
    })
}

fn description(topic: Topic) -> &'static str {
    match topic {
        Topic::TaskEvents => "What happened to tasks.",
        Topic::Reminders => "Reminders that are due, were sent or have failed.",
        Topic::TaskUpdates => "The slim change feed for frontends.",
        Topic::AuditEvents => "What is audited and is neither a task's nor a reminder's event.",
    }
}

fn key(topic: Topic) -> &'static str {
    match topic {
        Topic::TaskEvents => "The task's id.",
        Topic::Reminders => "The task's id; of a digest of several reminders its own id.",
        Topic::TaskUpdates | Topic::AuditEvents => "The user's id.",
    }
}

fn messages() -> Map<String, Value> {
    let mut messages: Map<_, _> =
        KINDS.into_iter().map(|kind| (kind.event_type.to_owned(), message(kind))).collect();
    let text = |says: &str| json!({"type": "string", "description": says});
    let mut properties: Map<_, _> =
        DEAD_LETTER_HEADERS.into_iter().map(|(name, says)| (name.to_owned(), text(says))).collect();
    let names: Vec<_> = properties.keys().cloned().collect();
    let (left_out, says) = LEFT_OUT_HEADER;
    properties.insert(left_out.to_owned(), json!({"type": "string", "description": says, "enum": LEFT_OUT}));
    let letter = json!({
        "name": "dead-letter",
        "title": "dead-letter",
        "summary": "A record as it was, with headers that say why it lies here.",
        "description": "Key, value and headers are those of the record, and may be anything. Of one that is too large with \
                        these headers its value is left out, then its own headers, then its key; dlq-left-out says what.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "required": names, "properties": properties},
        "payload": {"description": "Whatever the record had."},
        "bindings": {"kafka": {
            "key": {"type": "string", "description": "That of the record."},
            "bindingVersion": BINDING_VERSION,
        }},
    });
    messages.insert("dead-letter".to_owned(), letter);
    messages
}

fn message(kind: Kind) -> Value {
    json!({
        "name": kind.event_type,
        "title": kind.event_type,
        "summary": kind.summary,
        "contentType": CONTENT_TYPE,
        "headers": {
            "type": "object",
            "required": ["content-type"],
            "properties": {"content-type": {"const": CONTENT_TYPE}},
        },
        "payload": kind.schema(),
        "correlationId": {
            "description": "Of the request that caused it.",
            "location": "$message.payload#/correlationid",
        },
        "bindings": {"kafka": {
            "key": {"type": "string", "description": key(kind.topic)},
            "bindingVersion": BINDING_VERSION,
        }},
        "examples": [{"payload": example(kind), "headers": {"content-type": CONTENT_TYPE}}],
    })
}

fn operations() -> Map<String, Value> {
    let mut operations = Map::new();
    for (function, topic, types) in SENT {
        let description = format!("{function} commits it to the outbox, relay-events publishes it.");
        let sends = operation("send", topic.as_str(), types, &description, &json!({}));
        operations.insert(format!("{function}.send.{}", topic.as_str()), sends);
    }
    let changed = "relay-events derives it from each event of task-events.";
    let sends = operation("send", Topic::TaskUpdates.as_str(), &["task.changed"], changed, &json!({}));
    operations.insert("relay-events.send.task-updates".to_owned(), sends);
    for (function, topic, types) in RECEIVED {
        let group = json!({"kafka": {
            "groupId": {"type": "string", "const": function},
            "bindingVersion": BINDING_VERSION,
        }});
        let takes =
            operation("receive", topic.as_str(), types, "The others of the topic are passed over.", &group);
        operations.insert(format!("{function}.receive.{}", topic.as_str()), takes);
        let parked = topic.dead_letters();
        let about = format!("{function} parks what it can not handle.");
        let parks = operation("send", &parked, &["dead-letter"], &about, &json!({}));
        operations.insert(format!("{function}.send.{parked}"), parks);
    }
    operations
}

fn operation(action: &str, channel: &str, types: &[&str], description: &str, bindings: &Value) -> Value {
    let messages: Vec<_> =
        types.iter().map(|name| reference(&["channels", channel, "messages", name])).collect();
    json!({
        "action": action,
        "channel": reference(&["channels", channel]),
        "messages": messages,
        "description": description,
        "bindings": bindings,
    })
}

fn schemas() -> Map<String, Value> {
    let mut schemas = Map::from_iter([("CloudEvent".to_owned(), cloud_event())]);
    collect::<Envelope>(&mut schemas);
    collect::<TaskChanged>(&mut schemas);
    collect::<ReminderMoment>(&mut schemas);
    collect::<TaskUpdate>(&mut schemas);
    collect::<Audited>(&mut schemas);
    collect::<SettingsBody>(&mut schemas);
    // Named by `value_type` alone.
    collect::<task_body::ReminderConfig>(&mut schemas);
    collect::<task_body::RecurrenceRule>(&mut schemas);
    schemas
}

fn collect<T: ToSchema>(schemas: &mut Map<String, Value>) {
    let mut found = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut found);
    for (name, schema) in found {
        schemas.insert(name, serde_json::to_value(schema).expect("a schema can be written as JSON"));
    }
}

/// Gives the schema of what [`Message::text`](crate::cloud_event::Message::text) renders.
fn cloud_event() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0 in structured JSON mode. A publisher may have been told to add extension attributes.",
        "required": [
            "specversion", "id", "type", "source", "subject", "time", "datacontenttype", "correlationid", "traceparent",
            "partitionkey", "data",
        ],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "format": "uuid", "description": "By which a repeat is known."},
            "type": text("What happened."),
            "source": {"type": "string", "pattern": "^/kaam/[a-z-]+$", "description": "The function that made it."},
            "subject": text("What it happened to; the task's id, for most."),
            "time": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
            "datacontenttype": {"const": "application/json"},
            "correlationid": {
                "type": "string", "minLength": 1, "maxLength": 100, "description": "Of the request that caused it.",
            },
            "traceparent": {
                "type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "description": "W3C trace context of the request that caused it.",
            },
            "partitionkey": text("The record's key."),
            "data": schema_reference(&Envelope::name()),
        },
    })
}

/// Gives a reference within the document (RFC 6901; none of the names has a `~`).
fn reference(path: &[&str]) -> Value {
    json!({"$ref": format!("#/{}", path.join("/"))})
}

fn schema_reference(name: &str) -> Value {
    reference(&["components", "schemas", name])
}

fn message_reference(name: &str) -> Value {
    reference(&["components", "messages", name])
}

const TASK: Uuid = Uuid::from_u128(0x01a1_fc63_f101_75a5_8ecd_e4a0_0f0e_fce4);
const REMINDER: Uuid = Uuid::from_u128(0x1838_fd69_11b0_5b6a_9ec3_8cfd_e681_2f92);

/// Gives an event as an example, rendered.
fn example(kind: Kind) -> Value {
    let user = "amna".to_owned();
    let source = SENT.iter().find(|(_, _, types)| types.contains(&kind.event_type));
    let (key, subject, payload) = match kind.topic {
        Topic::TaskEvents => (TASK.to_string(), TASK.to_string(), json!(changed_task(kind.event_type))),
        Topic::Reminders => (TASK.to_string(), TASK.to_string(), json!(moment(kind.event_type))),
        Topic::TaskUpdates => {
            let update = TaskUpdate { task_id: TASK, version: 1, change: "created".to_owned() };
            (user.clone(), TASK.to_string(), json!(update))
        }
        Topic::AuditEvents if ACCOUNT.contains(&kind.event_type) => {
            (user.clone(), user.clone(), json!(of_account(&user)))
        }
        Topic::AuditEvents => (user.clone(), user.clone(), json!(audited(&user))),
    };
    let event = Event {
        event_id: Uuid::from_u128(0x01a1_fc64_04a7_7a2b_8c11_6e0a_52f3_d901),
        user_id: user,
        topic: kind.topic,
        event_type: kind.event_type.to_owned(),
        key,
        subject,
        correlation_id: "order-66".to_owned(),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        timestamp: created_at(),
        source_service: source.map_or("create-task", |(function, ..)| function).to_owned(),
        payload: JsonText::of(&payload),
    };
    render(&event)
}

fn created_at() -> DateTime<Utc> {
    // 2026-11-21T04:36:15Z.
    DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_795_235_775)
}

fn changed_task(event_type: &str) -> TaskChanged {
    let status = match event_type {
        "task.completed" => "completed",
        "task.deleted" => "deleted",
        _ => "active",
    };
    let before = match event_type {
        "task.created" => Value::Null,
        "task.reopened" => json!("completed"),
        "task.restored" => json!("deleted"),
        _ => json!("active"),
    };
    let changes = match event_type {
        "task.updated" => json!({"priority": {"old": "low", "new": "medium"}}),
        _ => json!({"status": {"old": before, "new": status}}),
    };
    let task = TaskBody {
        id: TASK,
        user_id: "amna".to_owned(),
        title: "buy milk".to_owned(),
        description: None,
        due_date: Some("2026-11-22T17:00:00+05:00".to_owned()),
        all_day: false,
        time_zone: "Asia/Karachi".to_owned(),
        priority: "medium".to_owned(),
        tags: vec!["home".to_owned()],
        status: status.to_owned(),
        reminder_config: Some(json!({"lead_time": "15m", "delivery_method": "email"})),
        recurrence_rule: Some(json!({"pattern": "daily", "interval": 1, "anchor": "due", "catch_up": false,
                                     "rrule": "FREQ=DAILY"})),
        reminder_id: Some(REMINDER),
        snoozed_until: None,
        parent_task_id: None,
        created_at: created_at(),
        updated_at: created_at(),
        completed_at: (status == "completed").then(created_at),
        version: if event_type == "task.created" { 1 } else { 2 },
    };
    let changes = changes.as_object().cloned().unwrap_or_default();
    TaskChanged { task, changes, actor: Actor::user("amna") }
}

fn moment(event_type: &str) -> ReminderMoment {
    ReminderMoment {
        reminder_id: REMINDER,
        task_id: Some(TASK),
        user_id: "amna".to_owned(),
        trigger_time: created_at(),
        delivery_method: "email".to_owned(),
        attempt: 1,
        reason: (event_type == "reminder.failed").then(|| "the user has no e-mail address".to_owned()),
    }
}

fn of_account(user: &str) -> Audited {
    Audited {
        entity_type: "account".to_owned(),
        entity_id: user.to_owned(),
        user_id: user.to_owned(),
        old_values: None,
        new_values: Some(json!({"session_id": TASK})),
        actor: Actor::user(user),
    }
}

fn audited(user: &str) -> Audited {
    let settings = |zone: &str| {
        json!({"email": "amna@example.org", "time_zone": zone, "locale": "ur-PK", "reminder_time": "09:00",
               "quiet_hours": {"start": "22:00", "end": "07:00"}, "push_subscriptions": []})
    };
    Audited {
        entity_type: "settings".to_owned(),
        entity_id: user.to_owned(),
        user_id: user.to_owned(),
        old_values: Some(settings("UTC")),
        new_values: Some(settings("Asia/Karachi")),
        actor: Actor::user(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_code_gives() {
        let file: Value = serde_json::from_str(include_str!("../asyncapi.json")).expect("JSON");
        assert!(
            file == document(),
            "shared/events/asyncapi.json is not what the code gives; `make asyncapi` writes it"
        );
    }

    #[test]
    fn whatever_is_referred_to_is_there() {
        let document = document();
        let mut waiting = vec![&document];
        let mut count = 0;
        while let Some(value) = waiting.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("within the document");
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
                count += 1;
            }
            match value {
                Value::Object(fields) => waiting.extend(fields.values()),
                Value::Array(items) => waiting.extend(items),
                _ => {}
            }
        }
        assert!(count > 50, "{count}");
    }

    #[test]
    fn each_event_is_sent_and_each_operation_is_about_events_of_its_topic() {
        for (function, topic, types) in SENT.into_iter().chain(RECEIVED) {
            for event_type in types {
                let kind = Kind::of(event_type).unwrap_or_else(|| panic!("{function}: {event_type} is none"));
                assert_eq!(kind.topic, topic, "{function}: {event_type}");
            }
        }
        for kind in KINDS {
            let is_derived = kind.event_type == "task.changed";
            let is_sent = SENT.iter().any(|(_, _, types)| types.contains(&kind.event_type));
            assert!(is_sent != is_derived, "{}", kind.event_type);
        }
    }
}
