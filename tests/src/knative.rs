//! Knative Eventing as functions meet it: a broker's ingress, a dispatcher that hands each event to each subscriber, and the ticks
//! of a `PingSource`. It keeps to Knative's "Event Delivery" and "Data Plane" specifications, and to what Knative's Kafka dispatcher
//! does, to the letter, and is not kinder than they are.
//!
//! | a subscriber says | what becomes of the event |
//! |---|---|
//! | 2xx with an empty body | done |
//! | 2xx with a CloudEvent | done; the reply goes to the broker |
//! | 2xx with anything else | a dead letter |
//! | 404, 408, 409, 429, 5xx, nothing in time, nothing at all | it comes again, with exponential backoff, so often; then a dead letter |
//! | any other status, redirects too | a dead letter at once |

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use crate::kafka::PARTITIONS;

/// The namespace that everything is in.
const NAMESPACE: &str = "kaam";
/// What is kept of an answer that is no success, in bytes.
const ERROR_DATA_BYTES: usize = 1_024;
/// How often a tick is tried again, and after how long at first.
const PING_RETRIES: (u32, Duration) = (5, Duration::from_millis(50));

/// The `delivery` of the subscriptions.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// How often an event is tried again.
    pub retry: u32,
    /// The first wait; each next one is twice as long (`backoffPolicy: exponential`).
    pub backoff_delay: Duration,
    /// How long a subscriber may take to answer.
    pub timeout: Duration,
}

/// An event that could not be delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The subscriber.
    pub subscriber: &'static str,
    /// The topic.
    pub topic: String,
    /// The key of its record.
    pub key: String,
    /// The value of its record.
    pub value: Vec<u8>,
    /// The attributes of the event, with `knativeerrordest`, `knativeerrorcode` and `knativeerrordata`.
    pub attributes: BTreeMap<String, String>,
}

impl DeadLetter {
    /// Gives what the subscriber said, as far as it was kept.
    pub fn said(&self) -> String {
        let data = self.attributes.get("knativeerrordata").cloned().unwrap_or_default();
        String::from_utf8_lossy(&STANDARD.decode(data).unwrap_or_default()).into_owned()
    }
}

/// A running broker with its dispatcher.
#[derive(Debug)]
pub struct Knative {
    /// Where it takes events, for `K_SINK`.
    pub sink: String,
    shared: Arc<Shared>,
    working: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    delivery: Delivery,
    client: Client<HttpConnector, Full<Bytes>>,
    subscriptions: Mutex<Vec<Subscription>>,
    dead: Mutex<Vec<DeadLetter>>,
    /// Deliveries that are not settled.
    open: AtomicUsize,
    /// How many records there were.
    written: AtomicU64,
}

/// A subscriber, and a queue for each partition: the next event of a partition waits for the one before (`ordering: ordered`).
#[derive(Debug)]
struct Subscription {
    topics: &'static [&'static str],
    partitions: Vec<mpsc::UnboundedSender<Record>>,
}

/// A record of a topic.
#[derive(Clone, Debug)]
struct Record {
    topic: String,
    key: String,
    value: Vec<u8>,
    event: Event,
}

/// An event in binary mode.
#[derive(Clone, Debug, PartialEq)]
struct Event {
    attributes: BTreeMap<String, String>,
    data: Vec<u8>,
}

/// What became of one try.
enum Tried {
    Done,
    Again { code: Option<u16>, data: Vec<u8> },
    Dead { code: u16, data: Vec<u8> },
}

impl Knative {
    /// Starts one without subscribers.
    pub async fn start(delivery: Delivery) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            delivery,
            client: Client::builder(TokioExecutor::new()).build_http(),
            subscriptions: Mutex::default(),
            dead: Mutex::default(),
            open: AtomicUsize::new(0),
            written: AtomicU64::new(0),
        });
        let path = format!("/{NAMESPACE}/default");
        let router = Router::new().route(&path, post(take)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { sink: format!("http://{address}{path}"), shared, working: Mutex::new(vec![serving]) }
    }

    /// Lets a function have the events of these topics from now on.
    pub fn subscribe(&self, name: &'static str, topics: &'static [&'static str], port: u16) {
        let mut partitions = Vec::new();
        for _ in 0..PARTITIONS {
            let (send, mut records) = mpsc::unbounded_channel();
            let shared = Arc::clone(&self.shared);
            let work = async move {
                while let Some(record) = records.recv().await {
                    shared.deliver(name, port, record).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                }
            };
            lock(&self.working).push(tokio::spawn(work));
            partitions.push(send);
        }
        lock(&self.shared.subscriptions).push(Subscription { topics, partitions });
    }

    /// Ticks a function so often, as a `PingSource` does.
    pub fn ping(&self, name: &'static str, port: u16, every: Duration) {
        let shared = Arc::clone(&self.shared);
        let work = async move {
            let (mut ticks, mut number) = (interval(every), 0);
            loop {
                ticks.tick().await;
                number += 1;
                shared.ping(name, port, number).await;
            }
        };
        lock(&self.working).push(tokio::spawn(work));
    }

    /// Writes a record into a topic, past the ingress, as whoever can reach the cluster may; a `KafkaSource` reads it.
    pub fn write(&self, topic: &str, key: &str, value: &[u8]) {
        let number = self.shared.written.fetch_add(1, Ordering::SeqCst);
        let event = Event::of_record(topic, key, value, number);
        self.shared.write(topic, key, value, &event);
    }

    /// Gives the dead letters, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.shared.dead).clone()
    }

    /// Takes the dead letters away, to be sent again.
    pub fn take_dead_letters(&self) -> Vec<DeadLetter> {
        std::mem::take(&mut *lock(&self.shared.dead))
    }

    /// Says whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.shared.open.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Knative {
    fn drop(&mut self) {
        lock(&self.working).iter().for_each(JoinHandle::abort);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The broker's ingress: what is no CloudEvent never gets in.
async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some(event) = Event::of_request(&headers, &body) else { return StatusCode::BAD_REQUEST };
    shared.written.fetch_add(1, Ordering::SeqCst);
    let topic = topic_of(&event.attributes["type"]);
    let key = event.attributes.get("partitionkey").cloned().unwrap_or_default();
    shared.write(topic, &key, &body, &event);
    StatusCode::ACCEPTED
}

/// The filters of the triggers: a trigger sees attributes, of which the type says what an event is about.
fn topic_of(event_type: &str) -> &'static str {
    match event_type {
        "task.changed" => "task-updates",
        task if task.starts_with("task.") => "task-events",
        reminder if reminder.starts_with("reminder.") => "reminders",
        _ => "audit-events",
    }
}

impl Shared {
    fn write(&self, topic: &str, key: &str, value: &[u8], event: &Event) {
        let record = Record {
            topic: topic.to_owned(),
            key: key.to_owned(),
            value: value.to_vec(),
            event: event.clone(),
        };
        for subscription in lock(&self.subscriptions).iter().filter(|one| one.topics.contains(&topic)) {
            self.open.fetch_add(1, Ordering::SeqCst);
            let queue = &subscription.partitions[partition_of(key)];
            queue.send(record.clone()).expect("its worker is there");
        }
    }

    /// Delivers a record until it is done or dead.
    async fn deliver(&self, subscriber: &'static str, port: u16, record: Record) {
        let mut wait = self.delivery.backoff_delay;
        let mut retries = 0;
        let (code, data) = loop {
            match self.post(port, &record.event).await {
                Tried::Done => return,
                Tried::Dead { code, data } => break (Some(code), data),
                Tried::Again { code, data } if retries >= self.delivery.retry => break (code, data),
                Tried::Again { .. } => {}
            }
            sleep(wait).await;
            wait *= 2;
            retries += 1;
        };
        let mut attributes = record.event.attributes.clone();
        attributes.insert("knativeerrordest".to_owned(), format!("http://127.0.0.1:{port}/"));
        attributes.insert("knativeerrorcode".to_owned(), code.map_or(-1, i32::from).to_string());
        let kept = &data[..data.len().min(ERROR_DATA_BYTES)];
        attributes.insert("knativeerrordata".to_owned(), STANDARD.encode(kept));
        let Record { topic, key, value, .. } = record;
        lock(&self.dead).push(DeadLetter { subscriber, topic, key, value, attributes });
    }

    /// Tries once, in binary mode.
    async fn post(&self, port: u16, event: &Event) -> Tried {
        let request = event.request(&format!("http://127.0.0.1:{port}/"));
        let asked = async {
            let response = self.client.request(request).await.ok()?;
            let (parts, body) = response.into_parts();
            Some((parts, body.collect().await.ok()?.to_bytes()))
        };
        let answered = timeout(self.delivery.timeout, asked).await.ok().flatten();
        let Some((parts, body)) = answered else { return Tried::Again { code: None, data: Vec::new() } };
        let (code, data) = (parts.status.as_u16(), body.to_vec());
        match code {
            200..=299 if body.is_empty() => Tried::Done,
            200..=299 => match Event::of_request(&parts.headers, &body) {
                Some(reply) => {
                    let topic = topic_of(&reply.attributes["type"]);
                    let key = reply.attributes.get("partitionkey").cloned().unwrap_or_default();
                    self.write(topic, &key, &body, &reply);
                    Tried::Done
                }
                None => Tried::Dead { code, data },
            },
            404 | 408 | 409 | 429 | 500.. => Tried::Again { code: Some(code), data },
            _ => Tried::Dead { code, data },
        }
    }

    async fn ping(&self, name: &str, port: u16, number: u64) {
        let attributes = [
            ("specversion", "1.0".to_owned()),
            ("id", format!("{name}-{number}")),
            ("source", format!("/apis/v1/namespaces/{NAMESPACE}/pingsources/{name}")),
            ("type", "dev.knative.sources.ping".to_owned()),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
        let tick = Event { attributes, data: Vec::new() };
        let mut wait = PING_RETRIES.1;
        for _ in 0..=PING_RETRIES.0 {
            match self.post(port, &tick).await {
                Tried::Again { .. } => sleep(wait).await,
                _ => return,
            }
            wait *= 2;
        }
    }
}

impl Event {
    /// Reads an event in either mode; `None` when it is none.
    fn of_request(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/cloudevents+json") {
            return Self::of_json(body);
        }
        let mut attributes = BTreeMap::new();
        for (name, value) in headers {
            if let Some(name) = name.as_str().strip_prefix("ce-") {
                attributes.insert(name.to_owned(), value.to_str().ok()?.to_owned());
            }
        }
        if !kind.is_empty() {
            attributes.insert("datacontenttype".to_owned(), kind.to_owned());
        }
        is_whole(&attributes).then(|| Self { attributes, data: body.to_vec() })
    }

    /// Reads an event in structured mode.
    fn of_json(text: &[u8]) -> Option<Self> {
        let mut event: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let data = match (event.remove("data"), event.remove("data_base64")) {
            (Some(data), None) => data.to_string().into_bytes(),
            (None, Some(data)) => STANDARD.decode(data.as_str()?).ok()?,
            (None, None) => Vec::new(),
            (Some(_), Some(_)) => return None,
        };
        let mut attributes = BTreeMap::new();
        for (name, value) in event {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => return None,
            };
            attributes.insert(name, value);
        }
        is_whole(&attributes).then_some(Self { attributes, data })
    }

    /// Makes an event of a record, as a `KafkaSource` does: of one that is none, an event around its value.
    fn of_record(topic: &str, key: &str, value: &[u8], number: u64) -> Self {
        Self::of_json(value).unwrap_or_else(|| {
            let partition = partition_of(key);
            let attributes = [
                ("specversion", "1.0".to_owned()),
                ("id", format!("partition:{partition}/offset:{number}")),
                ("source", format!("/apis/v1/namespaces/{NAMESPACE}/kafkasources/{topic}#{topic}")),
                ("type", "dev.knative.kafka.event".to_owned()),
                ("key", key.to_owned()),
            ];
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).into();
            Self { attributes, data: value.to_vec() }
        })
    }

    /// Writes it in binary mode.
    fn request(&self, url: &str) -> Request<Full<Bytes>> {
        let mut request = Request::post(url).header("prefer", "reply").header("kn-namespace", NAMESPACE);
        for (name, value) in &self.attributes {
            request = match name.as_str() {
                "datacontenttype" => request.header("content-type", value),
                name => request.header(format!("ce-{name}"), percent_encode(value)),
            };
        }
        request.body(Full::from(self.data.clone())).expect("attributes are headers")
    }
}

fn is_whole(attributes: &BTreeMap<String, String>) -> bool {
    let has = |name: &str| attributes.get(name).is_some_and(|value| !value.is_empty());
    has("id") && has("source") && has("type") && attributes.get("specversion").is_some_and(|it| it == "1.0")
}

/// Encodes a header value (CloudEvents HTTP binding 1.0.2 §3.1.3.2): space, `"`, `%`, and all that is not printable ASCII.
fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'!' | b'#'..=b'$' | b'&'..=b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Gives the partition of a key: FNV-1a, as everybody here has it.
fn partition_of(key: &str) -> usize {
    let hash =
        key.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    usize::try_from(hash % PARTITIONS.unsigned_abs()).expect("a small number")
}
