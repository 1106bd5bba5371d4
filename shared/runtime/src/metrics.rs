//! What is counted, as Prometheus reads it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use axum::http::Method;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{exemplar::HistogramWithExemplars, family::Family},
    registry::{Metric, Registry},
};

use crate::{clock::Clock, trace};

pub use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

/// The media type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the histogram of requests, in seconds: from half a millisecond to ten seconds.
const BUCKETS_S: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A counter per set of labels: `family.get_or_create(&vec![("topic", "reminders".to_owned())]).inc()`.
pub type LabelledCounter = Family<Vec<(&'static str, String)>, Counter>;

/// A gauge per set of labels.
pub type LabelledGauge = Family<Vec<(&'static str, String)>, Gauge>;

/// The metrics of a process; clones are the same metrics.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    counters: Mutex<HashMap<String, Counter>>,
    labelled: Mutex<HashMap<String, LabelledCounter>>,
    gauges: Mutex<HashMap<String, Gauge>>,
    labelled_gauges: Mutex<HashMap<String, LabelledGauge>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Traced, fn() -> Traced>,
    panics: Counter,
}

/// A histogram whose buckets each name the trace of the last sampled observation in them.
type Traced = HistogramWithExemplars<TraceLabel>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TraceLabel {
    trace_id: String,
}

/// A histogram with exemplars: each bucket names the trace of the last observation in it that is sampled.
#[derive(Clone, Debug)]
pub struct Durations(Traced);

impl Durations {
    /// Counts an observation in seconds, made in the trace of this `traceparent`.
    pub fn observe(&self, seconds: f64, traceparent: &str) {
        self.0.observe(seconds, exemplar(traceparent), None);
    }
}

/// Gives what an exemplar names: a trace that is sampled. Somebody keeps it where a collector is told of it, here or by whoever began it;
/// where nobody does, it is still what the log's lines have in common.
fn exemplar(traceparent: &str) -> Option<TraceLabel> {
    trace::is_sampled(traceparent).then(|| TraceLabel { trace_id: trace::trace_id(traceparent).to_owned() })
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

impl Metrics {
    /// Makes the metrics that every server has: requests, their durations, panics and the start of the process.
    pub fn new() -> Metrics {
        let requests = Family::default();
        let durations: Family<_, _, fn() -> Traced> =
            Family::new_with_constructor(|| Traced::new(BUCKETS_S.into_iter()));
        let panics = Counter::default();
        let start = Gauge::<f64, AtomicU64>::default();
        start.set(Clock::system().now().timestamp_millis() as f64 / 1000.0);
        let mut registry = Registry::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer a request", durations.clone());
        registry.register("handler_panics", "Handlers that panicked", panics.clone());
        registry.register("process_start_time_seconds", "Start of the process, in Unix time", start);
        Metrics(Arc::new(Inner {
            registry: Mutex::new(registry),
            counters: Mutex::default(),
            labelled: Mutex::default(),
            gauges: Mutex::default(),
            labelled_gauges: Mutex::default(),
            requests,
            durations,
            panics,
        }))
    }

    /// Gives the counter `name` (`kaam_events_total`; the ending may be left out), made on the first call.
    ///
    /// Two functions in one process that ask for the same name share the counter.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let name = name.strip_suffix("_total").unwrap_or(name);
        self.named(&self.0.counters, name, help)
    }

    /// Gives the family of counters `name`, one counter per set of labels, made on the first call.
    ///
    /// Labels must have few values: never an id, a path or a user.
    pub fn labelled_counter(&self, name: &str, help: &str) -> LabelledCounter {
        let name = name.strip_suffix("_total").unwrap_or(name);
        self.named(&self.0.labelled, name, help)
    }

    /// Gives the gauge `name`, made on the first call.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.named(&self.0.gauges, name, help)
    }

    /// Gives the family of gauges `name`, one gauge per set of labels, made on the first call.
    ///
    /// Labels must have few values, as those of counters.
    pub fn labelled_gauge(&self, name: &str, help: &str) -> LabelledGauge {
        self.named(&self.0.labelled_gauges, name, help)
    }

    /// Makes the histogram `name` (`kaam_reminder_lateness_seconds`) with these upper bounds, in seconds. The name must not be
    /// registered yet.
    pub fn durations(&self, name: &str, help: &str, bounds_s: &[f64]) -> Durations {
        let durations = Traced::new(bounds_s.iter().copied());
        self.register(name, help, durations.clone());
        Durations(durations)
    }

    /// Registers any other metric. The name must not be registered yet.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        locked(&self.0.registry).register(name, help, metric);
    }

    /// Gives all metrics in the OpenMetrics text format 1.0.
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &locked(&self.0.registry)).expect("a string takes every character");
        text
    }

    pub(crate) fn count_request(
        &self,
        method: &Method,
        route: &str,
        status: u16,
        duration: Duration,
        traceparent: &str,
    ) {
        let method = known(method);
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.0.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { method, route: labels.route };
        let exemplar = exemplar(traceparent);
        self.0.durations.get_or_create(&labels).observe(duration.as_secs_f64(), exemplar, None);
    }

    pub(crate) fn count_panic(&self) {
        self.0.panics.inc();
    }

    fn named<M: Metric + Clone + Default>(
        &self,
        known: &Mutex<HashMap<String, M>>,
        name: &str,
        help: &str,
    ) -> M {
        let mut known = locked(known);
        if let Some(metric) = known.get(name) {
            return metric.clone();
        }
        let metric = M::default();
        self.register(name, help, metric.clone());
        known.insert(name.to_owned(), metric.clone());
        metric
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

/// A panic while counting leaves nothing half done, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the method as a label; methods that callers make up are one.
pub(crate) fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_bucket_names_a_sampled_trace_and_no_other() {
        let metrics = Metrics::new();
        let lateness = metrics.durations("kaam_lateness_seconds", "Lateness", &[1.0, 5.0]);
        lateness.observe(0.5, TRACE);
        lateness.observe(2.0, &TRACE.replace("-01", "-00"));
        metrics.count_request(&Method::GET, "/api/tasks", 200, Duration::from_millis(3), TRACE);
        let text = metrics.render();
        let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
        let exemplar = "# {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} ";
        let buckets = lines("kaam_lateness_seconds_bucket");
        assert!(buckets[0].contains("le=\"1.0\"} 1 ") && buckets[0].contains(exemplar), "{text}");
        assert!(buckets[1].ends_with("le=\"5.0\"} 2"), "{text}");
        let requests = lines("http_request_duration_seconds_bucket");
        assert!(
            requests.iter().any(|line| line.contains("le=\"0.005\"") && line.contains(exemplar)),
            "{text}"
        );
    }

    #[test]
    fn two_functions_share_a_counter_of_the_same_name() {
        let metrics = Metrics::new();
        metrics.counter("kaam_events_total", "Events handled").inc();
        metrics.clone().counter("kaam_events", "Events handled").inc();
        metrics
            .labelled_counter("kaam_parked_total", "Events parked")
            .get_or_create(&vec![("topic", "a".to_owned())])
            .inc();
        metrics.gauge("kaam_depth", "Events waiting").set(7);
        let by_topic = metrics.labelled_gauge("kaam_depth_of", "Events waiting, by topic");
        by_topic.get_or_create(&vec![("topic", "a".to_owned())]).set(3);
        let text = metrics.render();
        assert_eq!(text.matches("kaam_events_total 2").count(), 1, "{text}");
        assert!(text.contains("kaam_parked_total{topic=\"a\"} 1") && text.contains("kaam_depth 7"), "{text}");
        assert!(text.contains("kaam_depth_of{topic=\"a\"} 3"), "{text}");
    }

    #[test]
    fn requests_are_counted_by_method_route_and_status() {
        let metrics = Metrics::new();
        metrics.count_request(&Method::GET, "/api/tasks/{id}", 200, Duration::from_millis(3), TRACE);
        metrics.count_request(&Method::from_bytes(b"BREW").expect("a method"), "", 404, Duration::ZERO, "");
        let text = metrics.render();
        assert!(
            text.contains(r#"http_requests_total{method="GET",route="/api/tasks/{id}",status="200"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"http_requests_total{method="other",route="",status="404"} 1"#), "{text}");
        assert!(text.contains("http_request_duration_seconds_bucket") && text.ends_with("# EOF\n"), "{text}");
    }
}
