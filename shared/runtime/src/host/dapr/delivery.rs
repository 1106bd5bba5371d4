//! Events that the sidecar posts, one or several, and what it is told about each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    disposition::{Disposition, MAX_ATTEMPTS},
    function::Function,
    json::{essence, one_text},
    metrics::{LabelledCounter, Metrics},
    triggers::deliver,
};

/// The longest body that is read. The sidecar itself gives up at 4 MiB unless it is told otherwise.
const BODY_BYTES: usize = 64 << 20;
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

/// What was decided about an event by itself.
struct Decided {
    /// Its topic and id.
    place: (String, String),
    attempt: u32,
    disposition: Disposition,
    status: Status,
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
        let text = one_text(body).map_err(|error| format!("the event is not JSON: {error}"));
        status_of(self.answer(topic, &[text]).await[0])
    }

    async fn receive_bulk(&self, topic: &str, bulk: &Bulk<'_>) -> Value {
        let posted: Vec<Posted<'_>> = bulk
            .entries
            .iter()
            .map(|entry| entry.event.map(RawValue::get).ok_or_else(|| "there is no event".to_owned()))
            .collect();
        let statuses = bulk.entries.iter().zip(self.answer(topic, &posted).await);
        let statuses =
            statuses.map(|(entry, status)| json!({"entryId": entry.id, "status": status.as_str()}));
        json!({ "statuses": statuses.collect::<Vec<_>>() })
    }

    /// Hands events to every function of the topic, says what is to become of each, and writes it down.
    ///
    /// When one is to come again, all are: consumers recognise what they have done. The order of each key is kept by that. And daprd
    /// (1.16 to 1.18) looks an entry that is dropped up by its number, as if none of the bulk had been done before: it would put
    /// another event among the dead letters, or die.
    async fn answer(&self, topic: &str, posted: &[Posted<'_>]) -> Vec<Status> {
        let watch = Stopwatch::start();
        let Some(subscribers) = self.0.subscribers.get(topic) else {
            // A mistake in a declared subscription: the events wait until it is mended.
            tracing::error!(topic, "events of a topic that no function here takes");
            return vec![Status::Retry; posted.len()];
        };
        let decided = self.decide(topic, subscribers, posted).await;
        let duration_ms = watch.elapsed().as_secs_f64() * 1_000.0;
        let all_come_again = decided.iter().any(|one| one.status == Status::Retry);
        decided.into_iter().map(|one| self.settle(topic, one, all_come_again, duration_ms)).collect()
    }

    async fn decide(&self, topic: &str, subscribers: &[Router], posted: &[Posted<'_>]) -> Vec<Decided> {
        let heads: Vec<_> = posted.iter().map(head).collect();
        let readable: Vec<&str> = posted
            .iter()
            .zip(&heads)
            .filter_map(|(posted, head)| posted.as_deref().ok().filter(|_| head.is_ok()))
            .collect();
        let mut handled = handle(subscribers, &readable).await.into_iter();
        let attempts = self.attempts();
        let decide = |head: Result<Head, String>| {
            let (head, disposition) = match head {
                Ok(head) => (head, handled.next().expect("each event was decided about")),
                Err(why) => (Head::default(), Disposition::reject(why)),
            };
            let place = (topic.to_owned(), head.id.as_str().unwrap_or_default().to_owned());
            let attempt = attempts.get(&place).copied().unwrap_or_default() + 1;
            let status = match &disposition {
                Disposition::Done => Status::Success,
                Disposition::Unavailable { .. } => Status::Retry,
                Disposition::Retry { .. } if attempt < MAX_ATTEMPTS => Status::Retry,
                Disposition::Retry { .. } | Disposition::Reject { .. } => Status::Drop,
            };
            Decided { place, attempt, disposition, status }
        };
        heads.into_iter().map(decide).collect()
    }

    /// Writes down what becomes of an event; `comes_again` with its bulk, whatever was decided about it.
    fn settle(&self, topic: &str, decided: Decided, comes_again: bool, duration_ms: f64) -> Status {
        let Decided { place, attempt, disposition, status } = decided;
        let event_id = &*place.1;
        let mut attempts = self.attempts();
        let outcome = match disposition {
            // Then the same will be decided about it, once the others are through.
            _ if comes_again && status != Status::Retry => "waits",
            Disposition::Done => "done",
            // That was no attempt.
            Disposition::Unavailable { why } => {
                tracing::warn!(topic, event_id, why, "event waits for what is away");
                "unavailable"
            }
            Disposition::Retry { why, .. } if status == Status::Retry => {
                tracing::warn!(topic, event_id, attempt, why, "event to be retried");
                if attempts.len() >= REMEMBERED {
                    attempts.clear();
                }
                attempts.insert(place.clone(), attempt);
                "retry"
            }
            Disposition::Retry { why, .. } | Disposition::Reject { why } => {
                tracing::error!(topic, event_id, attempt, why, "event becomes a dead letter");
                "dead_letter"
            }
        };
        let status = if comes_again { Status::Retry } else { status };
        if status != Status::Retry {
            attempts.remove(&place);
        }
        drop(attempts);
        tracing::info!(topic, event_id, attempt, outcome, duration_ms, "event handled");
        let labels = vec![("topic", topic.to_owned()), ("outcome", outcome.to_owned())];
        self.0.handled.get_or_create(&labels).inc();
        status
    }

    fn attempts(&self) -> MutexGuard<'_, HashMap<(String, String), u32>> {
        self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Asks every function of a topic; the heaviest disposition counts.
async fn handle(subscribers: &[Router], events: &[&str]) -> Vec<Disposition> {
    let mut worst = vec![Disposition::Done; events.len()];
    if events.is_empty() {
        return worst;
    }
    for decided in join_all(subscribers.iter().map(|router| deliver(router, events))).await {
        for (worst, disposition) in worst.iter_mut().zip(decided) {
            if disposition.weight() > worst.weight() {
                *worst = disposition;
            }
        }
    }
    worst
}
