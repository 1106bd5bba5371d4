//! Lambda's runtime API as a function meets it, and the poller that brings it Kafka's records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runtime::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::process;

/// How long an answer is waited for at most, and an invocation lasts if the test does not say.
const PATIENCE: Duration = Duration::from_secs(30);
/// The version of the API, which is the first part of its paths.
const VERSION: &str = "2018-06-01";
/// What every invocation is a part of.
pub const XRAY_TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// What a function said of an invocation: its answer, or its error.
pub type Said = Result<Value, Value>;

/// The runtime API of one function on the loopback interface.
#[derive(Debug)]
pub struct Lambda {
    address: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    send: mpsc::UnboundedSender<Invocation>,
    next: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    open: Mutex<HashMap<String, oneshot::Sender<Said>>>,
    /// How often the function has asked for an invocation.
    asked: watch::Sender<u64>,
    number: AtomicU64,
    clock: Clock,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    deadline_ms: i64,
    event: String,
}

impl Lambda {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let (send, next) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            send,
            next: tokio::sync::Mutex::new(next),
            open: Mutex::default(),
            asked: watch::Sender::new(0),
            number: AtomicU64::new(0),
            clock: Clock::system(),
        });
        let invocation = format!("/{VERSION}/runtime/invocation");
        let router = Router::new()
            .route(&format!("{invocation}/next"), get(next_invocation))
            .route(&format!("{invocation}/{{id}}/response"), post(take_response))
            .route(&format!("{invocation}/{{id}}/error"), post(take_error))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, serving }
    }

    /// Prepares a function as Lambda starts it.
    pub fn command(&self, name: &str, database_url: &str) -> Command {
        let mut command = process::command(name);
        command
            .env_remove("PORT")
            .env("AWS_LAMBDA_RUNTIME_API", &self.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("DATABASE_URL", database_url);
        command
    }

    /// Invokes the function with an event, and gives what it says.
    pub async fn invoke(&self, event: &Value) -> Said {
        self.invoke_for(event, PATIENCE).await
    }

    /// Does the same with so much time for the function.
    pub async fn invoke_for(&self, event: &Value, left: Duration) -> Said {
        self.invoke_with(event.to_string(), left).await
    }

    /// Does the same with what may be no JSON.
    pub async fn invoke_with(&self, event: String, left: Duration) -> Said {
        let id = format!("invocation-{}", self.shared.number.fetch_add(1, Ordering::SeqCst));
        let (say, said) = oneshot::channel();
        self.shared.open().insert(id.clone(), say);
        let deadline_ms = (self.shared.clock.now() + left).timestamp_millis();
        self.shared.send.send(Invocation { id, deadline_ms, event }).expect("the API is there");
        timeout(PATIENCE, said).await.expect("the function says something").expect("the API is there")
    }

    /// Waits until the function has asked for an invocation for the `times`-th time.
    pub async fn is_asked(&self, times: u64) {
        let mut asked = self.shared.asked.subscribe();
        let waited = timeout(PATIENCE, asked.wait_for(|asked| *asked >= times)).await;
        waited.expect("the function asks").expect("the API is there");
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Said>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As Lambda does: an answer to what nobody waits for is refused.
    fn settle(&self, id: &str, said: Said) -> StatusCode {
        match self.open().remove(id).map(|say| say.send(said)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            _ => StatusCode::FORBIDDEN,
        }
    }
}

async fn next_invocation(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.send_modify(|asked| *asked += 1);
    let Some(Invocation { id, deadline_ms, event }) = shared.next.lock().await.recv().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:1:function:kaam".to_owned()),
        ("lambda-runtime-trace-id", XRAY_TRACE.to_owned()),
    ];
    (headers, event).into_response()
}

async fn take_response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: String,
) -> StatusCode {
    match serde_json::from_str(&body) {
        Ok(answer) => shared.settle(&id, Ok(answer)),
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn take_error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let error: Value = serde_json::from_str(&body).unwrap_or_default();
    if !headers.contains_key("lambda-runtime-function-error-type") || !error["errorType"].is_string() {
        return StatusCode::BAD_REQUEST;
    }
    shared.settle(&id, Err(error))
}

/// The poller of Kafka, set up as the README asks: failed items are reported, retries are bounded, and what is over the bound
/// goes to a destination.
#[derive(Debug)]
pub struct Mapping<'a> {
    lambda: &'a Lambda,
    retries: u32,
    partitions: BTreeMap<String, Partition>,
    /// What was given up, as partition and offset.
    pub destination: Vec<(String, usize)>,
}

#[derive(Debug, Default)]
struct Partition {
    topic: String,
    values: VecDeque<Option<Vec<u8>>>,
    /// The offset of the first of them.
    offset: usize,
    /// How often that one has failed.
    tries: u32,
}

impl<'a> Mapping<'a> {
    /// Makes one for a function that repeats a failed record so often.
    pub fn new(lambda: &'a Lambda, retries: u32) -> Self {
        Self { lambda, retries, partitions: BTreeMap::new(), destination: Vec::new() }
    }

    /// Writes a record, or a tombstone, and gives its offset.
    pub fn write(&mut self, topic: &str, number: u32, value: Option<&[u8]>) -> usize {
        let partition = self.partitions.entry(format!("{topic}-{number}")).or_default();
        topic.clone_into(&mut partition.topic);
        partition.values.push_back(value.map(<[u8]>::to_vec));
        partition.offset + partition.values.len() - 1
    }

    /// Gives the batch that is delivered next.
    pub fn batch(&self) -> Value {
        let open = self.partitions.iter().filter(|(_, partition)| !partition.values.is_empty());
        let records: BTreeMap<_, _> = open.map(|(name, partition)| (name, partition.records(name))).collect();
        json!({"eventSource": "aws:kafka", "bootstrapServers": "b-1:9092", "records": records})
    }

    /// Delivers until every record is done or given up; gives the number of invocations.
    pub async fn run(&mut self) -> usize {
        let mut invocations = 0;
        while self.partitions.values().any(|partition| !partition.values.is_empty()) {
            let said = self.lambda.invoke(&self.batch()).await;
            self.settle(said);
            invocations += 1;
        }
        invocations
    }

    /// Goes on to where a function's answer leads. What is none, or names what was not delivered, repeats the whole batch.
    pub fn settle(&mut self, said: Said) {
        let failed = said.ok().and_then(|answer| self.failed(&answer));
        for (name, partition) in &mut self.partitions {
            if partition.values.is_empty() {
                continue;
            }
            let first = match &failed {
                Some(failed) => failed.get(name).copied(),
                None => Some(partition.offset),
            };
            let done = first.map_or(partition.values.len(), |first| first - partition.offset);
            partition.go_on(done);
            if first.is_none() {
                continue;
            }
            partition.tries += 1;
            if partition.tries > self.retries {
                self.destination.push((name.clone(), partition.offset));
                partition.go_on(1);
            }
        }
    }

    fn failed(&self, answer: &Value) -> Option<HashMap<String, usize>> {
        let items = answer.get("batchItemFailures")?.as_array()?;
        let failed = items.iter().map(|item| {
            let item = &item["itemIdentifier"];
            let (name, offset) =
                (item["partition"].as_str()?, usize::try_from(item["offset"].as_u64()?).ok()?);
            let partition = self.partitions.get(name)?;
            let delivered = partition.offset..partition.offset + partition.values.len();
            delivered.contains(&offset).then(|| (name.to_owned(), offset))
        });
        failed.collect()
    }
}

impl Partition {
    fn go_on(&mut self, records: usize) {
        self.values.drain(..records);
        self.offset += records;
        if records > 0 {
            self.tries = 0;
        }
    }

    fn records(&self, name: &str) -> Vec<Value> {
        let number: u32 = name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default();
        let record = |(offset, value): (usize, &Option<Vec<u8>>)| {
            json!({
                "topic": self.topic, "partition": number, "offset": offset, "timestamp": 1_780_293_600_000_i64,
                "timestampType": "CREATE_TIME", "key": null,
                "value": value.as_ref().map(|value| STANDARD.encode(value)), "headers": [],
            })
        };
        (self.offset..).zip(&self.values).map(record).collect()
    }
}
