//! The wire contract: what a task looks like in JSON, what a request brings and gets back, what settings say, and the events that
//! Kaam's functions speak through.
//!
//! Place in the map: above `domain`, below everything else. It must *not* know how events travel (that is `messaging` and
//! `runtime`) or where they are kept (`store`).

pub mod asyncapi;
pub mod cloud_event;
pub mod exchange;
pub mod payload;
pub mod recurrence_rule;
pub mod reminder_config;
pub mod settings;
pub mod settings_body;
pub mod task_body;
pub mod topic;
pub mod weight;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use exchange::{Answer, Cause, IdempotencyKey, Refusal};
pub use settings::{Database, Quotas, Renew, Why};
pub use task_body::TaskBody;
pub use topic::Topic;
pub use weight::Weight;

/// An event as it lies in the outbox, committed together with the change that it tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// UUIDv7; the CloudEvent's `id`, by which consumers recognise a repeat.
    pub event_id: Uuid,
    /// Whose task it is about.
    pub user_id: String,
    /// Where it goes.
    pub topic: Topic,
    /// Such as `task.created`.
    pub event_type: String,
    /// The partition key: one key's events stay in order.
    pub key: String,
    /// What it is about; the task's id, for most.
    pub subject: String,
    /// Of the request that caused it.
    pub correlation_id: String,
    /// W3C trace context of the request that caused it.
    pub traceparent: String,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// The function that made it.
    pub source_service: String,
    /// What happened, one of [`payload`]'s types, as the text that it travels as.
    pub payload: JsonText,
}

/// A JSON value as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// Takes what a database says is JSON; it is not looked at.
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// Writes a value.
    ///
    /// # Panics
    /// The keys of a map in it are no texts.
    pub fn of(value: &impl Serialize) -> Self {
        // Most tasks are no longer, so that it need not be moved as it grows.
        let mut text = Vec::with_capacity(768);
        serde_json::to_writer(&mut text, value).expect("keys are texts");
        Self(String::from_utf8(text).expect("JSON is UTF-8"))
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text away.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A wrong value in a JSON document: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The path below the value, such as `.lead_time` or `[1].at`; empty for the value itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Issue {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Names every member of an object that is not known.
fn unknown_members(object: &Map<String, Value>, known: &[&str]) -> Vec<Issue> {
    let unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
    unknown.map(|name| Issue::new(format!(".{name}"), "is not a known field")).collect()
}

/// Renders an instant as RFC 3339 in UTC with microseconds where it has any.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}
