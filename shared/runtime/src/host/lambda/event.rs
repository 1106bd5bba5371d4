//! Telling Lambda's events apart.

use std::collections::BTreeMap;

use lambda_http::request::LambdaRequest;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::{EventError, kafka::Batch};

/// An event that Kaam knows.
#[derive(Debug)]
pub(super) enum Event {
    /// A request that came in through one of AWS's front doors.
    Http(Box<LambdaRequest>),
    /// Records of Kafka.
    Kafka(Batch),
    /// A schedule's.
    Tick,
}

/// What tells events apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    event_source: Option<String>,
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    request_context: Option<IgnoredAny>,
    multi_value_headers: Option<BTreeMap<String, IgnoredAny>>,
}

impl Event {
    /// Reads an event.
    pub(super) fn parse(payload: &str) -> Result<Event, EventError> {
        let marks: Marks = serde_json::from_str(payload).map_err(|_| EventError::Unknown)?;
        match (marks.event_source.as_deref(), marks.source.as_deref(), marks.detail_type.as_deref()) {
            (Some("aws:kafka" | "SelfManagedKafka"), ..) => read("Kafka", payload).map(Event::Kafka),
            (None, Some("aws.scheduler" | "aws.events"), Some("Scheduled Event")) => Ok(Event::Tick),
            (None, None, _) if marks.request_context.is_some() => {
                let payload = match marks.multi_value_headers {
                    Some(headers) if !headers.is_empty() => with_every_value(payload)?,
                    _ => payload.to_owned(),
                };
                read(HTTP, &payload).map(Box::new).map(Event::Http)
            }
            _ => Err(EventError::Unknown),
        }
    }
}

const HTTP: &str = "HTTP";

fn read<'a, T: Deserialize<'a>>(kind: &'static str, payload: &'a str) -> Result<T, EventError> {
    serde_json::from_str(payload).map_err(|error| EventError::Unreadable { kind, byte: error.column() })
}

/// Takes those out of `headers` that `multiValueHeaders` has several values of: `lambda_http` lets the one value win.
fn with_every_value(payload: &str) -> Result<String, EventError> {
    let mut event: Value = read(HTTP, payload)?;
    let several = |value: &Value| value.as_array().is_some_and(|values| values.len() > 1);
    let all = event["multiValueHeaders"].clone();
    if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
        headers.retain(|name, _| !several(&all[name.as_str()]));
    }
    Ok(event.to_string())
}
