//! What a request brings, and what it gets back: the data that passes between the runtime, which knows HTTP, and the
//! application, which knows tasks.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Event, Issue, JsonText, Topic};

/// Who asks, when, and by which request; it goes into every event that the request causes.
#[derive(Debug, Clone)]
pub struct Cause {
    /// The user.
    pub user_id: String,
    /// The instant of the request, in whole microseconds.
    pub now: DateTime<Utc>,
    /// `X-Correlation-ID`.
    pub correlation_id: String,
    /// W3C trace context.
    pub traceparent: String,
    /// The function that serves it.
    pub source_service: &'static str,
    /// Makes an identifier (UUIDv7) for an instant.
    pub new_id: fn(DateTime<Utc>) -> Uuid,
}

impl Cause {
    /// Gives an event that this request causes.
    pub fn event(
        &self,
        topic: Topic,
        event_type: &str,
        key: &str,
        subject: &str,
        payload: JsonText,
    ) -> Event {
        Event {
            event_id: (self.new_id)(self.now),
            user_id: self.user_id.clone(),
            topic,
            event_type: event_type.to_owned(),
            key: key.to_owned(),
            subject: subject.to_owned(),
            correlation_id: self.correlation_id.clone(),
            traceparent: self.traceparent.clone(),
            timestamp: self.now,
            source_service: self.source_service.to_owned(),
            payload,
        }
    }
}

/// An idempotency key with what it was sent for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Method and path.
    pub route: String,
    /// 1–255 printable ASCII characters.
    pub key: String,
    /// SHA-256 of the body.
    pub fingerprint: Vec<u8>,
}

/// An answer, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// Header fields beside the content type.
    pub headers: Map<String, Value>,
    /// A JSON document.
    pub body: Vec<u8>,
    /// Whether it was given before, for the same idempotency key.
    pub replayed: bool,
}

impl Answer {
    /// Gives a JSON document with status 200.
    pub fn json(body: &Value) -> Self {
        Self { status: 200, headers: Map::new(), body: body.to_string().into_bytes(), replayed: false }
    }

    /// Gives a [`crate::TaskBody`] of this version, with its `ETag`.
    pub fn task(version: i64, task: JsonText) -> Self {
        let headers = Map::from_iter([("etag".to_owned(), json!(format!("\"{version}\"")))]);
        Self { status: 200, headers, body: task.into_string().into_bytes(), replayed: false }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: String) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

/// Why a request is not fulfilled, in the user's words.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A parameter can not be read.
    #[error("{parameter} {message}")]
    Malformed {
        /// Which.
        parameter: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Values are well-formed but not valid; paths are those of the body.
    #[error("some values are not valid")]
    Invalid(Vec<Issue>),
    /// There is no such thing, or it is somebody else's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// It contradicts the present state.
    #[error("{0}")]
    Conflict(String),
    /// `If-Match` names another version.
    #[error("the task has version {current} by now")]
    Stale {
        /// The newest version.
        current: i64,
    },
    /// Another request with the same idempotency key is running.
    #[error("a request with this Idempotency-Key is still running")]
    KeyInUse,
    /// The idempotency key was used for another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// The user has, or did, as much as one may.
    #[error("no more than {limit} {what}")]
    OverQuota {
        /// Of what, such as `open tasks`.
        what: &'static str,
        /// How much.
        limit: u32,
        /// When it is worth trying again.
        retry_after_s: u32,
    },
    /// Something that is needed is away; trying again may help.
    #[error("{what} can not be reached")]
    Unavailable {
        /// What.
        what: &'static str,
        /// Why, for the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A mistake of ours.
    #[error("something went wrong")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Refusal {
    /// Gives the refusal of one field.
    pub fn field(path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Issue { path: path.to_owned(), message: message.into() }])
    }
}
