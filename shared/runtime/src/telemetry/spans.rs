//! Spans, sent to a collector of OpenTelemetry as OTLP over HTTP in JSON (OTLP 1.9, "OTLP/HTTP").
//!
//! The ids are those of the `traceparent` that goes through requests, the outbox, the bus and consumers, whoever looks: so a trace is whole
//! without anybody having to look. That is why OpenTelemetry's own SDK, which wants to make the ids, is not here; nor is Protocol Buffers,
//! and a function is not a byte larger for being looked at by nobody.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::{Request, header};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    address::is_local,
    clock::Clock,
    config::{ConfigError, Environment},
    http_client::{HttpClient, Reach},
    percent, trace,
};

/// Where the collector is, without `/v1/traces`.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What it wants to be shown: `name=value` with commas between, values percent-encoded (OpenTelemetry, "Protocol Exporter"; W3C Baggage).
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// How many spans wait at most; what comes then is left out. A request never waits for a collector.
const WAITING: usize = 4_096;
/// How many go at once.
const BATCH: usize = 512;
/// How long the first of a batch waits for others.
const GATHERING: Duration = Duration::from_secs(1);
/// How long one sending may take, and the last one when the process ends.
const DEADLINE: Duration = Duration::from_secs(3);

/// What a span is in the course of things (OTLP's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that is answered.
    Server = 2,
    /// An event that is published.
    Producer = 4,
    /// An event that is handled.
    Consumer = 5,
}

/// Something that has begun; [`Span::end`] sends it, if anybody looks.
#[derive(Clone, Debug)]
#[must_use]
pub struct Span {
    kind: Kind,
    /// `None`: nobody looks.
    begun: Option<Begun>,
}

#[derive(Clone, Debug)]
struct Begun {
    traceparent: String,
    parent: Option<String>,
    at: DateTime<Utc>,
}

impl Span {
    /// Begins the span that `traceparent` names, under that of `parent` if there is one.
    pub fn begin(kind: Kind, traceparent: &str, parent: Option<&str>) -> Span {
        let begun = (EXPORT.get().is_some() && trace::is_sampled(traceparent)).then(|| Begun {
            traceparent: traceparent.to_owned(),
            // A parent of another trace was not believed.
            parent: parent
                .filter(|parent| trace::trace_id(parent) == trace::trace_id(traceparent))
                .map(|parent| trace::span_id(parent).to_owned()),
            at: Clock::system().now(),
        });
        Span { kind, begun }
    }

    /// Begins a span of its own under that of `parent`.
    pub fn under(kind: Kind, parent: &str) -> Span {
        if EXPORT.get().is_none() {
            return Span { kind, begun: None };
        }
        Span::begin(kind, &trace::child_of(Some(parent)), Some(parent))
    }

    /// Ends it: what it was, whether it failed, and what else is to be known. Never titles, addresses or texts of errors.
    pub fn end<'a>(
        self,
        name: impl Into<String>,
        has_failed: bool,
        attributes: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) {
        let (Some(begun), Some(export)) = (self.begun, EXPORT.get()) else { return };
        let attributes = attributes.into_iter().map(attribute).collect::<Vec<_>>();
        let span = encoded(&begun, self.kind, &name.into(), Clock::system().now(), has_failed, &attributes);
        // Full: this one is left out.
        let _ = export.sender.try_send(span);
    }
}

/// Where finished spans go.
struct Export {
    sender: mpsc::Sender<Value>,
    sending: Mutex<Option<JoinHandle<()>>>,
    stop: tokio_util::sync::CancellationToken,
}

static EXPORT: OnceLock<Export> = OnceLock::new();

/// Who takes the spans, and how.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    url: String,
    headers: Vec<(header::HeaderName, header::HeaderValue)>,
}

impl Collector {
    /// Reads which.
    ///
    /// | variable | default | allowed |
    /// |---|---|---|
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | none: nobody looks | an `http://` or `https://` URL, to which `/v1/traces` is added |
    /// | `OTEL_EXPORTER_OTLP_HEADERS` | none | `name=value` with commas between, values percent-encoded; over `https://`, or to this machine |
    pub(crate) fn from_environment(environment: &Environment) -> Result<Option<Collector>, ConfigError> {
        let Some(endpoint) = environment.get(ENDPOINT)? else { return Ok(None) };
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let uri = url.parse::<hyper::Uri>().ok().filter(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        let Some(uri) = uri else {
            return Err(ConfigError::Invalid {
                name: ENDPOINT.to_owned(),
                value: endpoint,
                allowed: "the http:// or https:// URL of a collector of OpenTelemetry".to_owned(),
            });
        };
        let mut headers = Vec::new();
        for pair in
            environment.get(HEADERS)?.unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty())
        {
            let header = pair.split_once('=').and_then(|(name, value)| {
                let name = name.trim().parse().ok()?;
                let value = percent::decode(value.trim().as_bytes(), false)?;
                let mut value: header::HeaderValue = value.parse().ok()?;
                value.set_sensitive(true);
                Some((name, value))
            });
            headers.push(header.ok_or_else(|| ConfigError::InvalidSecret {
                name: HEADERS.to_owned(),
                allowed: "name=value with commas between, values percent-encoded".to_owned(),
            })?);
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if !headers.is_empty() && uri.scheme_str() == Some("http") && !is_local(host) {
            return Err(ConfigError::InvalidSecret {
                name: HEADERS.to_owned(),
                allowed: format!(
                    "told to another machine over https:// alone, and {ENDPOINT} begins with http://"
                ),
            });
        }
        Ok(Some(Collector { url, headers }))
    }
}

/// Starts sending spans of the service `name` to the collector of `OTEL_EXPORTER_OTLP_ENDPOINT`, if that is set; once per process.
///
/// # Errors
/// What is no URL or no header.
pub fn start(name: &'static str, environment: &Environment) -> anyhow::Result<()> {
    let Some(collector) = Collector::from_environment(environment)? else { return Ok(()) };
    let client = HttpClient::new(Reach::Anywhere, DEADLINE, 4_096)?;
    let (sender, spans) = mpsc::channel(WAITING);
    let stop = tokio_util::sync::CancellationToken::new();
    let sending = tokio::spawn(send_all(name, collector, client, spans, stop.clone()));
    let _ = EXPORT.set(Export { sender, sending: Mutex::new(Some(sending)), stop });
    Ok(())
}

/// Sends what is left, for as long as one sending may take.
pub async fn finish() {
    let Some(export) = EXPORT.get() else { return };
    export.stop.cancel();
    let sending = export.sending.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(sending) = sending {
        let _ = timeout(DEADLINE, sending).await;
    }
}

async fn send_all(
    name: &'static str,
    collector: Collector,
    client: HttpClient,
    mut spans: mpsc::Receiver<Value>,
    stop: tokio_util::sync::CancellationToken,
) {
    let mut is_away = false;
    loop {
        let mut batch = Vec::new();
        let count = tokio::select! {
            // What has come is sent first.
            biased;
            count = spans.recv_many(&mut batch, BATCH) => count,
            () = stop.cancelled() => 0,
        };
        if count == 0 {
            return;
        }
        // A batch takes all that come meanwhile; none waits when the process ends.
        let gathering = async {
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                if spans.recv_many(&mut batch, room).await == 0 {
                    return;
                }
            }
        };
        let _ = stop.run_until_cancelled(timeout(GATHERING, gathering)).await;
        let sent = send(name, &collector, &client, batch).await;
        // Said once until it changes.
        match sent {
            Err(why) if !is_away => {
                tracing::warn!(
                    why,
                    "spans can not be sent to the collector; they are left out until it takes them"
                );
                is_away = true;
            }
            Ok(()) if is_away => {
                tracing::info!("the collector takes spans again");
                is_away = false;
            }
            _ => {}
        }
    }
}

async fn send(
    name: &'static str,
    collector: &Collector,
    client: &HttpClient,
    spans: Vec<Value>,
) -> Result<(), String> {
    let body = request(name, spans).to_string();
    let mut request = Request::post(&collector.url).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in &collector.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let answer = client.send(request).await?;
    if answer.status.is_success() { Ok(()) } else { Err(format!("the collector answered {}", answer.status)) }
}

/// Gives spans as one request, an `ExportTraceServiceRequest`.
fn request(name: &str, spans: Vec<Value>) -> Value {
    let resource = [
        ("service.namespace", "kaam"),
        ("service.name", name),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource.into_iter().map(attribute).collect::<Vec<_>>() },
        "scopeSpans": [{ "scope": { "name": "kaam" }, "spans": spans }],
    }] })
}

fn encoded(
    begun: &Begun,
    kind: Kind,
    name: &str,
    ended_at: DateTime<Utc>,
    has_failed: bool,
    attributes: &[Value],
) -> Value {
    // 64-bit numbers are texts in Protocol Buffers' JSON, and ids hexadecimal in OTLP's.
    let nanoseconds = |at: DateTime<Utc>| at.timestamp_nanos_opt().unwrap_or_default().to_string();
    let mut span = json!({
        "traceId": trace::trace_id(&begun.traceparent),
        "spanId": trace::span_id(&begun.traceparent),
        "name": name,
        "kind": kind as u8,
        "startTimeUnixNano": nanoseconds(begun.at),
        "endTimeUnixNano": nanoseconds(ended_at.max(begun.at)),
        "attributes": attributes,
        "status": { "code": if has_failed { 2 } else { 0 } },
    });
    if let Some(parent) = &begun.parent {
        span["parentSpanId"] = json!(parent);
    }
    span
}

fn attribute((name, value): (&'static str, &str)) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn nobody_looks_unless_a_collector_is_named() {
        let span = Span::under(Kind::Consumer, TRACE);
        assert!(span.begun.is_none());
        span.end("process task.created", false, []);
    }

    #[test]
    fn a_span_is_what_a_collector_reads() {
        let at = "2026-11-21T04:36:10.5Z".parse().expect("an instant");
        let begun = Begun { traceparent: TRACE.to_owned(), parent: Some("53995c3f42cd8ad8".to_owned()), at };
        let attributes = [attribute(("http.route", "/api/tasks"))];
        let span = encoded(&begun, Kind::Server, "POST /api/tasks", at, true, &attributes);
        assert_eq!(
            request("create-task", vec![span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0],
            json!({
                "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
                "spanId": "00f067aa0ba902b7",
                "parentSpanId": "53995c3f42cd8ad8",
                "name": "POST /api/tasks",
                "kind": 2,
                "startTimeUnixNano": "1795235770500000000",
                "endTimeUnixNano": "1795235770500000000",
                "attributes": [{"key": "http.route", "value": {"stringValue": "/api/tasks"}}],
                "status": {"code": 2},
            })
        );
    }

    #[test]
    fn what_is_no_collector_stops_the_start() {
        let read = |pairs: &[(&str, &str)]| {
            Collector::from_environment(&Environment::from_pairs(pairs.iter().copied()))
        };
        assert!(read(&[]).expect("nothing is wrong").is_none());
        let collector = read(&[(ENDPOINT, "https://collector:4318/"), (HEADERS, "x-key=a=b, y=2")]);
        let collector = collector.expect("it is sound").expect("there is one");
        assert_eq!(collector.url, "https://collector:4318/v1/traces");
        assert_eq!(collector.headers.len(), 2);
        assert_eq!(collector.headers[0].1, "a=b");
        for endpoint in ["collector:4318", "grpc://collector:4317", "http://", "/x"] {
            let message = read(&[(ENDPOINT, endpoint)]).expect_err(endpoint).to_string();
            assert!(message.starts_with(ENDPOINT), "{message}");
        }
        for headers in ["secret", "x=%secret", "x=%0Asecret"] {
            let message =
                read(&[(ENDPOINT, "https://c"), (HEADERS, headers)]).expect_err(headers).to_string();
            assert!(message.starts_with(HEADERS) && !message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn what_a_collector_wants_to_be_shown_is_percent_encoded() {
        let pairs = [(ENDPOINT, "https://c"), (HEADERS, "authorization=Basic%20YTpi%3D%2C")];
        let collector = Collector::from_environment(&Environment::from_pairs(pairs));
        let headers = collector.expect("it is sound").expect("there is one").headers;
        assert_eq!(headers[0].1, "Basic YTpi=,");
        assert!(headers[0].1.is_sensitive());
    }

    #[test]
    fn s32_what_a_collector_is_shown_leaves_this_machine_over_tls_alone() {
        let read = |endpoint| {
            let pairs = [(ENDPOINT, endpoint), (HEADERS, "authorization=secret")];
            Collector::from_environment(&Environment::from_pairs(pairs))
        };
        for endpoint in
            ["https://collector", "http://127.0.0.1:4318", "http://localhost:4318", "http://[::1]:4318"]
        {
            assert!(read(endpoint).is_ok(), "{endpoint}");
        }
        let message = read("http://collector:4318").expect_err("it goes out in the clear").to_string();
        assert!(message.starts_with(HEADERS) && message.contains("https://"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}
