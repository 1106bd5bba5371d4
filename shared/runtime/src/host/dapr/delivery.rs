//! Events that the sidecar posts, one or several, and what it is told about each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use events::cloud_event::CONTENT_TYPE;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::EVENTS;
use crate::{
    clock::Stopwatch,
    disposition::Disposition,
    function::Function,
    json::essence,
    metrics::{LabelledCounter, Metrics},
    triggers::deliver,
};

/// The longest body that is read. The sidecar itself gives up at 4 MiB unless it is told otherwise.
const BODY_BYTES: usize = 64 << 20;
/// How often an event is tried before it becomes a dead letter.
const MAX_ATTEMPTS: u32 = 5;
/// Of how many events that have failed the attempts are remembered.
const REMEMBERED: usize = 10_000;
/// The type of what the sidecar makes out of something that is no CloudEvent.
const WRAPPED: &str = "com.dapr.event.sent";

/// Who gets the events, by topic; clones are the same.
#[derive(Clone)]
pub(super) struct Deliveries(Arc<Inner>);

struct Inner {
    subscribers: BTreeMap<&'static str, Vec<Router>>,
    /// How often events have failed, by topic and id. The sidecar counts nothing, and repeats for as long as its policy says: that is
    /// to be for ever, so that no event is lost to an outage.
    attempts: Mutex<HashMap<(String, String), u32>>,
    handled: LabelledCounter,
}

/// An event as it was posted: one JSON text, or why it is none.
type Posted<'a> = Result<&'a str, String>;

/// What of an event decides about its fate before its function has seen it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    id: Value,
    r#type: Value,
}

/// Several events at once.
#[derive(Deserialize)]
struct Bulk<'a> {
    #[serde(borrow)]
    entries: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "entryId")]
    id: String,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
}

/// What the sidecar is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Success,
    Retry,
    Drop,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Retry => "RETRY",
            Self::Drop => "DROP",
        }
    }
}

impl Deliveries {
    pub(super) fn new(functions: &[Function], metrics: &Metrics) -> Self {
        let mut subscribers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for function in functions {
            for topic in function.topics {
                subscribers.entry(*topic).or_default().extend(function.triggers.clone());
            }
        }
        let help = "Events that the Dapr sidecar delivered, each try by its outcome";
        let handled = metrics.labelled_counter("kaam_dapr_events_total", help);
        Self(Arc::new(Inner { subscribers, attempts: Mutex::default(), handled }))
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = &'static str> {
        self.0.subscribers.keys().copied()
    }

    /// Gives the routes. They answer 200 whatever comes: Dapr gives up what is answered with 404.
    pub(super) fn router(&self) -> Router {
        Router::new()
            .route(&format!("{EVENTS}{{*topic}}"), post(receive))
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(self.clone())
    }

    async fn receive_one(&self, topic: &str, body: &[u8]) -> Value {
        let text = serde_json::from_slice::<&RawValue>(body).map(RawValue::get);
        let text = text.map_err(|error| format!("the event is not JSON: {error}"));
        status_of(self.decide(topic, &[text]).await[0])
    }

    /// When one is to come again, all are: consumers recognise what they have done. The order of each key is kept by that. And daprd
    /// (1.16 to 1.18) looks an entry that is dropped up by its number, as if none of the bulk had been done before: it would put
    /// another event among the dead letters, or die.
    async fn receive_bulk(&self, topic: &str, bulk: &Bulk<'_>) -> Value {
        let posted: Vec<Posted<'_>> = bulk
            .entries
            .iter()
            .map(|entry| entry.event.map(RawValue::get).ok_or_else(|| "there is no event".to_owned()))
            .collect();
        let mut decided = self.decide(topic, &posted).await;
        if decided.contains(&Status::Retry) {
            decided.fill(Status::Retry);
        }
        let statuses = bulk.entries.iter().zip(decided);
        let statuses =
            statuses.map(|(entry, status)| json!({"entryId": entry.id, "status": status.as_str()}));
        json!({ "statuses": statuses.collect::<Vec<_>>() })
    }

    /// Hands events to every function of the topic, and says what is to become of each.
    async fn decide(&self, topic: &str, posted: &[Posted<'_>]) -> Vec<Status> {
        let watch = Stopwatch::start();
        let Some(subscribers) = self.0.subscribers.get(topic) else {
            // A mistake in a declared subscription: the events wait until it is mended.
            tracing::error!(topic, "events of a topic that no function here takes");
            return vec![Status::Retry; posted.len()];
        };
        let heads: Vec<_> = posted.iter().map(head).collect();
        let readable: Vec<&str> = posted
            .iter()
            .zip(&heads)
            .filter_map(|(posted, head)| posted.as_deref().ok().filter(|_| head.is_ok()))
            .collect();
        let mut decided = handle(subscribers, &readable).await.into_iter();
        let duration_ms = watch.elapsed().as_secs_f64() * 1_000.0;
        let settle = |head: Result<Head, String>| {
            let (head, disposition) = match head {
                Ok(head) => (head, decided.next().expect("each event was decided about")),
                Err(why) => (Head::default(), Disposition::reject(why)),
            };
            self.settle(topic, head.id.as_str().unwrap_or_default(), disposition, duration_ms)
        };
        heads.into_iter().map(settle).collect()
    }

    /// Says what is to become of an event, and writes it down.
    fn settle(&self, topic: &str, event_id: &str, disposition: Disposition, duration_ms: f64) -> Status {
        let place = (topic.to_owned(), event_id.to_owned());
        let mut attempts = self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = attempts.get(&place).copied().unwrap_or_default() + 1;
        let (status, outcome) = match disposition {
            Disposition::Done => (Status::Success, "done"),
            // That was no attempt.
            Disposition::Unavailable { why } => {
                tracing::warn!(topic, event_id, why, "event waits for what is away");
                (Status::Retry, "unavailable")
            }
            Disposition::Retry { why, .. } if attempt < MAX_ATTEMPTS => {
                tracing::warn!(topic, event_id, attempt, why, "event to be retried");
                if attempts.len() >= REMEMBERED {
                    attempts.clear();
                }
                attempts.insert(place.clone(), attempt);
                (Status::Retry, "retry")
            }
            Disposition::Retry { why, .. } | Disposition::Reject { why } => {
                tracing::error!(topic, event_id, attempt, why, "event becomes a dead letter");
                (Status::Drop, "dead_letter")
            }
        };
        if status != Status::Retry {
            attempts.remove(&place);
        }
        drop(attempts);
        tracing::info!(topic, event_id, attempt, outcome, duration_ms, "event handled");
        let labels = vec![("topic", topic.to_owned()), ("outcome", outcome.to_owned())];
        self.0.handled.get_or_create(&labels).inc();
        status
    }
}

async fn receive(
    State(deliveries): State<Deliveries>,
    Path(topic): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Json<Value> {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            // One that is too long always will be; one that broke off may come whole.
            let is_too_long = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
            tracing::error!(topic, error = %error, "what the sidecar posted can not be read");
            return Json(status_of(if is_too_long { Status::Drop } else { Status::Retry }));
        }
    };
    // One event may have a member of that name, too.
    let is_one = essence(&headers).is_ok_and(|kind| kind.eq_ignore_ascii_case(CONTENT_TYPE));
    let bulk = if is_one { None } else { serde_json::from_slice::<Bulk<'_>>(&body).ok() };
    Json(match bulk {
        Some(bulk) => deliveries.receive_bulk(&topic, &bulk).await,
        None => deliveries.receive_one(&topic, &body).await,
    })
}

fn status_of(status: Status) -> Value {
    json!({ "status": status.as_str() })
}

/// Reads what decides about an event before its function; or why it can not be one.
fn head(posted: &Posted<'_>) -> Result<Head, String> {
    let text = posted.as_deref().map_err(Clone::clone)?;
    // What is no object, or has a member twice, is for the function to refuse, as everywhere.
    let head: Head = serde_json::from_str(text).unwrap_or_default();
    if head.r#type == WRAPPED {
        return Err("it was published as something else than a CloudEvent".to_owned());
    }
    Ok(head)
}

/// Asks every function of a topic; the worst disposition counts: one that can still take an event must get it, and nobody may
/// lose it by another's attempts.
async fn handle(subscribers: &[Router], events: &[&str]) -> Vec<Disposition> {
    let mut worst = vec![Disposition::Done; events.len()];
    if events.is_empty() {
        return worst;
    }
    for decided in join_all(subscribers.iter().map(|router| deliver(router, events))).await {
        for (worst, disposition) in worst.iter_mut().zip(decided) {
            if rank(&disposition) > rank(worst) {
                *worst = disposition;
            }
        }
    }
    worst
}

fn rank(disposition: &Disposition) -> u8 {
    match disposition {
        Disposition::Done => 0,
        Disposition::Reject { .. } => 1,
        Disposition::Retry { .. } => 2,
        Disposition::Unavailable { .. } => 3,
    }
}
