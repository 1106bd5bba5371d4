//! One trace, from a request through the outbox and the bus to whoever handles the event, as a collector of OpenTelemetry gets it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tests::fleet::Fleet;
use tests::kafka::Kafka;
use tests::process::{Caller, DataDir, Program, backend, eventually};
use tests::world::World;
use tokio::net::TcpListener;

use super::items;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Spans that a collector was sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Value>>>);

impl Collector {
    /// Serves one; gives its address, too.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let taken = collector.clone();
        let take = post(async move |Json(body): Json<Value>| {
            let resource = &body["resourceSpans"][0];
            let of_service = items(&resource["resource"]["attributes"]).iter();
            let name = of_service.filter(|attribute| attribute["key"] == "service.name");
            let [name] = &name.map(|attribute| &attribute["value"]["stringValue"]).collect::<Vec<_>>()[..]
            else {
                panic!("{resource}")
            };
            let mut spans = items(&resource["scopeSpans"][0]["spans"]).to_vec();
            spans.iter_mut().for_each(|span| span["service"] = (*name).clone());
            taken.0.lock().expect("a lock").extend(spans);
            Json(json!({}))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", take)).await });
        (collector, address)
    }

    /// Gives the spans of the trace.
    fn of_trace(&self) -> Vec<Value> {
        self.0.lock().expect("a lock").iter().filter(|span| span["traceId"] == TRACE).cloned().collect()
    }
}

fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[tokio::test]
async fn a_request_its_event_and_all_that_handle_it_are_one_trace() {
    let (collector, address) = Collector::start().await;
    let data_dir = DataDir::new();
    let mut command = backend(data_dir.path());
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    let program = Program::start(command).await;
    let task = json!({"title": "a secret errand"});
    let (status, _) =
        program.call("POST", "/api/tasks", &task, &[("traceparent", PARENT)]).await.expect("it serves");
    assert_eq!(status, 200);
    let all = || async {
        let spans = collector.of_trace();
        (named(&spans, "process task.created").len() == 2 && !named(&spans, "publish task-events").is_empty())
            .then_some(spans)
    };
    let spans = eventually("all of the trace is there", all).await;
    assert!(spans.iter().all(|span| span["service"] == "backend-service"), "{spans:?}");
    let [request] = named(&spans, "POST /api/tasks")[..] else { panic!("{spans:?}") };
    assert_eq!((&request["parentSpanId"], &request["kind"]), (&json!("b7ad6b7169203331"), &json!(2)));
    for span in named(&spans, "publish task-events") {
        assert_eq!((&span["parentSpanId"], &span["kind"]), (&request["spanId"], &json!(4)));
    }
    for span in named(&spans, "process task.created") {
        assert_eq!((&span["parentSpanId"], &span["kind"]), (&request["spanId"], &json!(5)));
    }
    let ids: BTreeSet<_> = spans.iter().map(|span| span["spanId"].to_string()).collect();
    assert_eq!(ids.len(), spans.len(), "each span has an id of its own");
    let everything = format!("{spans:?}");
    assert!(!everything.contains("secret errand"), "a title is nobody's business");
    assert!(program.stop().await.success());
}

#[tokio::test]
async fn a_request_is_one_trace_with_its_event_on_kafka_and_with_each_process_that_handles_it() {
    const PROGRAMS: [&str; 4] = ["create-task", "relay-events", "write-audit", "spawn-recurrence"];
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let (collector, address) = Collector::start().await;
    let (world, files) = (World::new().await, DataDir::new());
    let ports = Fleet::ports(PROGRAMS);
    let relay = format!("http://127.0.0.1:{}/", ports["relay-events"]);
    let mut fleet = Fleet::start(&ports, files.path(), |name, command| {
        command
            .env("DATABASE_URL", &world.database_url)
            .env("RELAY_URL", &relay)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
        if name != "create-task" {
            command.env("KAFKA_BROKERS", &kafka.brokers);
        }
    })
    .await;
    let task = json!({"title": "a secret errand"});
    let caller = Caller::new();
    let answered =
        caller.call(ports["create-task"], "POST", "/api/tasks", &task, &[("traceparent", PARENT)]).await;
    assert_eq!(answered.expect("it serves").0, 200);
    let all = || async {
        let spans = collector.of_trace();
        (named(&spans, "process task.created").len() == 2 && !named(&spans, "publish task-events").is_empty())
            .then_some(spans)
    };
    let spans = eventually("all of the trace is there", all).await;
    let [request] = named(&spans, "POST /api/tasks")[..] else { panic!("{spans:?}") };
    assert_eq!(
        (&request["service"], &request["parentSpanId"]),
        (&json!("create-task"), &json!("b7ad6b7169203331"))
    );
    let [published] = named(&spans, "publish task-events")[..] else { panic!("{spans:?}") };
    assert_eq!(
        (&published["service"], &published["parentSpanId"]),
        (&json!("relay-events"), &request["spanId"])
    );
    let handled = named(&spans, "process task.created");
    let services: BTreeSet<_> = handled.iter().filter_map(|span| span["service"].as_str()).collect();
    assert_eq!(services, ["spawn-recurrence", "write-audit"].into());
    assert!(handled.iter().all(|span| span["parentSpanId"] == request["spanId"]), "{handled:?}");
    let record = kafka.records("task-events").remove(0).json();
    let on_the_bus = record["traceparent"].as_str().unwrap_or_default();
    assert_eq!(on_the_bus, format!("00-{TRACE}-{}-01", request["spanId"].as_str().unwrap_or_default()));
    for name in PROGRAMS {
        fleet.stop(name).await;
    }
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let data_dir = DataDir::new();
    let mut command = backend(data_dir.path());
    // Nobody listens there.
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let program = Program::start(command).await;
    for _ in 0..20 {
        let (status, _) =
            program.call("POST", "/api/tasks", &json!({"title": "a"}), &[]).await.expect("it serves");
        assert_eq!(status, 200);
    }
    assert!(program.stop().await.success());
}
