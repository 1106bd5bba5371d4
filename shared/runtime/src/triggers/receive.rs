//! From a request to dispositions and back.

use std::panic::AssertUnwindSafe;

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use events::asyncapi::KINDS;
use futures::FutureExt;
use serde_json::{json, value::RawValue};

use super::{
    Incoming, binary,
    incoming::{Malformed, from_json},
};
use crate::{
    disposition::{Disposition, Wire},
    json::{essence, read},
    limits::Limits,
    metrics::{LabelledCounter, Metrics},
    problem::Problem,
    telemetry::spans::{Kind, Span},
    trace,
};

/// What the types of all structured modes begin with.
const CLOUD_EVENTS: &str = "application/cloudevents";
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// Counts events that come over the network, as an extension of the request. A host that hands events over in its process counts for
/// itself.
#[derive(Clone, Debug)]
pub(crate) struct Counted(LabelledCounter);

impl Counted {
    pub(crate) fn new(metrics: &Metrics) -> Counted {
        let help = "Events that came as requests, each try by its outcome";
        Counted(metrics.labelled_counter("kaam_requested_events_total", help))
    }

    /// Counts a decision about an event of this type; what is no event of Kaam's is of the topic `unknown`.
    fn count(&self, r#type: Option<&str>, disposition: &Disposition) {
        let kind = KINDS.iter().find(|kind| Some(kind.event_type) == r#type);
        let topic = kind.map_or("unknown", |kind| kind.topic.as_str());
        let labels = vec![("topic", topic.to_owned()), ("outcome", disposition.outcome().to_owned())];
        self.0.get_or_create(&labels).inc();
    }
}

/// Answers one POST of events.
pub(super) async fn receive<H, F>(request: Request, handler: &H) -> Result<Response, Problem>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    let headers = request.headers().clone();
    let counted = request.extensions().get::<Counted>().cloned();
    let kind = essence(&headers)?.to_ascii_lowercase();
    match kind.as_str() {
        BATCH => batch(request, counted.as_ref(), handler).await,
        STRUCTURED => {
            let body = read(request, |limits| limits.body_bytes).await?;
            Ok(single(from_json(&body), counted.as_ref(), handler).await.into_response())
        }
        // The type decides, also beside ce- headers, which a structured event may have as well (HTTP binding 1.0.2 §3 and §3.2.3).
        kind if binary::is_event(&headers) && !kind.starts_with(CLOUD_EVENTS) => {
            let body = read(request, |limits| limits.body_bytes).await?;
            let event = binary::from_request(&headers, &body);
            Ok(single(event, counted.as_ref(), handler).await.into_response())
        }
        _ => Err(Problem::unsupported_media_type(format!(
            "an event must be {STRUCTURED}, {BATCH}, or in ce- headers"
        ))),
    }
}

async fn single<H, F>(
    event: Result<Incoming, Malformed>,
    counted: Option<&Counted>,
    handler: &H,
) -> Disposition
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    let r#type = event.as_ref().ok().map(|event| event.r#type.clone());
    let disposition = match event {
        Err(malformed) => Disposition::Reject { why: malformed.why },
        Ok(event) => {
            let dispositions = handle(vec![event], handler).await;
            complete(dispositions, 1).remove(0)
        }
    };
    if let Some(counted) = counted {
        counted.count(r#type.as_deref(), &disposition);
    }
    disposition
}

async fn batch<H, F>(request: Request, counted: Option<&Counted>, handler: &H) -> Result<Response, Problem>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    let largest_bytes = request.extensions().get::<Limits>().copied().unwrap_or_default().body_bytes;
    let body = read(request, |limits| limits.batch_bytes).await?;
    let texts: Vec<&RawValue> = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad_request(format!("the batch is not a JSON array: {error}")))?;
    let event = |text: &RawValue| match text.get().as_bytes() {
        // As it would be refused alone, so that the decision is the same on every host.
        long if long.len() > largest_bytes => {
            Err(Malformed::new("", format!("the event is larger than {largest_bytes} bytes")))
        }
        text => from_json(text),
    };
    let events: Vec<_> = texts.into_iter().map(event).collect();
    let readable: Vec<Incoming> = events.iter().filter_map(|event| event.as_ref().ok().cloned()).collect();
    let mut decided = hand_over(readable, handler).await.into_iter();
    let dispositions: Vec<Wire> = events
        .into_iter()
        .map(|event| {
            let (id, r#type, disposition) = match event {
                Ok(event) => (event.id, Some(event.r#type), decided.next().unwrap_or_else(undecided)),
                Err(malformed) => (malformed.id, None, Disposition::Reject { why: malformed.why }),
            };
            if let Some(counted) = counted {
                counted.count(r#type.as_deref(), &disposition);
            }
            Wire::new(id, disposition)
        })
        .collect();
    Ok(Json(json!({ "dispositions": dispositions })).into_response())
}

/// Hands the events over together and, if that panics, one by one, so that one bad event does not hold up the others.
async fn hand_over<H, F>(events: Vec<Incoming>, handler: &H) -> Vec<Disposition>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    if events.is_empty() {
        return Vec::new();
    }
    let count = events.len();
    if let Some(dispositions) = without_panic(events.clone(), handler).await {
        return complete(dispositions, count);
    }
    let mut dispositions = Vec::with_capacity(count);
    for event in events {
        let decided = if count == 1 { None } else { without_panic(vec![event], handler).await };
        dispositions.push(match decided {
            Some(decided) => complete(decided, 1).remove(0),
            None => Disposition::retry("the handler panicked"),
        });
    }
    dispositions
}

async fn without_panic<H, F>(events: Vec<Incoming>, handler: &H) -> Option<Vec<Disposition>>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    let count = events.len();
    let handled = AssertUnwindSafe(handle(events, handler)).catch_unwind().await;
    handled.inspect_err(|_| tracing::error!(events = count, "the handler of events panicked")).ok()
}

/// Hands events over, each within a span of its own under the one that it comes from.
async fn handle<H, F>(mut events: Vec<Incoming>, handler: &H) -> Vec<Disposition>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>> + Send,
{
    let begin = |event: &mut Incoming| {
        let parent = event.extensions.get(trace::HEADER).cloned();
        let own = trace::child_of(parent.as_deref());
        let span = Span::begin(Kind::Consumer, &own, parent.as_deref());
        event.extensions.insert(trace::HEADER.to_owned(), own);
        (span, event.r#type.clone(), event.id.clone())
    };
    let spans: Vec<_> = events.iter_mut().map(begin).collect();
    let dispositions = handler(events).await;
    for ((span, r#type, id), disposition) in spans.into_iter().zip(&dispositions) {
        let outcome = disposition.outcome();
        let attributes = [
            ("messaging.operation.type", "process"),
            ("messaging.message.id", id.as_str()),
            ("cloudevents.event_type", r#type.as_str()),
            ("kaam.outcome", outcome),
        ];
        span.end(format!("process {type}"), outcome != "done", attributes);
    }
    dispositions
}

/// Gives exactly one disposition per event, whatever the handler answered.
fn complete(mut dispositions: Vec<Disposition>, count: usize) -> Vec<Disposition> {
    if dispositions.len() != count {
        tracing::error!(
            events = count,
            dispositions = dispositions.len(),
            "the handler left events undecided"
        );
    }
    dispositions.resize_with(count, undecided);
    dispositions
}

fn undecided() -> Disposition {
    Disposition::retry("the handler gave no disposition for this event")
}
