//! A message broker as unkind as one may be: what it has accepted it delivers, at least once, each event twice and in any order.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;

/// How often an event is delivered at least.
const COPIES: u64 = 2;
/// How long the first copy of an event is held back at most, and the others, in milliseconds.
const HELD_BACK_MS: [u64; 2] = [40, 600];
/// The first wait before a delivery is tried again; each next one is twice as long.
const BACKOFF: Duration = Duration::from_millis(25);
/// No wait is longer.
const BACKOFF_CAP: Duration = Duration::from_millis(400);
/// How long a delivery may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How many deliveries to one function are under way at once.
const AT_ONCE: usize = 32;
/// Of how many events one is refused with 503 before it is accepted, and of how many one is accepted without saying so.
const REFUSED_OF: u64 = 40;
const UNANSWERED_OF: u64 = 40;

/// A function that gets events.
#[derive(Debug)]
pub struct Subscription {
    /// Its name.
    pub name: &'static str,
    /// What it gets.
    pub topics: &'static [&'static str],
    /// Where it answers on the loopback interface.
    pub port: u16,
}

/// An event as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accepted {
    /// The topic.
    pub topic: String,
    /// The partition key.
    pub key: String,
    /// The event.
    pub id: String,
}

/// An event that a function rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The function.
    pub subscriber: &'static str,
    /// The event.
    pub event: Value,
    /// What the function answered.
    pub status: u16,
}

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    /// Where it takes events, for `K_SINK`.
    pub url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    subscriptions: Vec<(Subscription, Arc<Semaphore>)>,
    client: Client<HttpConnector, Full<Bytes>>,
    kept: Mutex<Kept>,
    /// Deliveries that are not settled.
    open: AtomicUsize,
    delivered: AtomicUsize,
    repeated: AtomicUsize,
}

#[derive(Debug)]
struct Kept {
    dice: Dice,
    accepted: Vec<Accepted>,
    known: HashSet<String>,
    dead: Vec<DeadLetter>,
    received: usize,
}

/// What the broker does with an event that comes in.
enum Verdict {
    Accept,
    AcceptInSilence,
    Refuse,
}

impl Broker {
    /// Starts one with these subscribers.
    pub async fn start(seed: u64, subscriptions: Vec<Subscription>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/kaam/default", listener.local_addr().expect("it listens"));
        let slots = |subscription| (subscription, Arc::new(Semaphore::new(AT_ONCE)));
        let kept = Kept {
            dice: Dice::new(seed),
            accepted: Vec::new(),
            known: HashSet::new(),
            dead: Vec::new(),
            received: 0,
        };
        let shared = Arc::new(Shared {
            subscriptions: subscriptions.into_iter().map(slots).collect(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            kept: Mutex::new(kept),
            open: AtomicUsize::new(0),
            delivered: AtomicUsize::new(0),
            repeated: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared, accepting }
    }

    /// Says whether every delivery has come to its end.
    pub fn is_idle(&self) -> bool {
        self.shared.open.load(Ordering::SeqCst) == 0
    }

    /// Gives what was accepted, in the order of its first acceptance.
    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.kept().accepted.clone()
    }

    /// Gives what was rejected, each copy of it.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.shared.kept().dead.clone()
    }

    /// Says in words what went through.
    pub fn summary(&self) -> String {
        let kept = self.shared.kept();
        format!(
            "{} events accepted out of {} posts, {} deliveries, {} of them tried again",
            kept.accepted.len(),
            kept.received,
            self.shared.delivered.load(Ordering::Relaxed),
            self.shared.repeated.load(Ordering::Relaxed),
        )
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| take(Arc::clone(&shared), request));
            // A publisher that was killed is no trouble of the broker's.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Takes an event; an error hangs up without an answer.
async fn take(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
    let kind = request.headers().get("content-type").cloned();
    let Ok(body) = request.into_body().collect().await else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    let body = body.to_bytes();
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    if kind.is_none_or(|kind| kind != "application/cloudevents+json") || !event["id"].is_string() {
        return Ok(empty(StatusCode::BAD_REQUEST));
    }
    match shared.judge() {
        Verdict::Refuse => Ok(empty(StatusCode::SERVICE_UNAVAILABLE)),
        Verdict::Accept => {
            shared.keep(&event, &body);
            Ok(empty(StatusCode::ACCEPTED))
        }
        Verdict::AcceptInSilence => {
            shared.keep(&event, &body);
            Err(io::Error::other("hung up"))
        }
    }
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self) -> Verdict {
        let mut kept = self.kept();
        kept.received += 1;
        if kept.dice.throw(REFUSED_OF) == 0 {
            Verdict::Refuse
        } else if kept.dice.throw(UNANSWERED_OF) == 0 {
            Verdict::AcceptInSilence
        } else {
            Verdict::Accept
        }
    }

    /// Keeps an event and sends its copies on their ways, which differ in length. An event that is published again is delivered
    /// again: a broker does not look for repeats.
    fn keep(self: &Arc<Self>, event: &Value, body: &Bytes) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, topic) = (text(&event["id"]), text(&event["data"]["topic_name"]));
        let mut kept = self.kept();
        if kept.known.insert(id.clone()) {
            kept.accepted.push(Accepted { topic: topic.clone(), key: text(&event["partitionkey"]), id });
        }
        for (position, (subscription, _)) in self.subscriptions.iter().enumerate() {
            if !subscription.topics.contains(&topic.as_str()) {
                continue;
            }
            for copy in 0..COPIES {
                let held_back = Duration::from_millis(kept.dice.throw(HELD_BACK_MS[usize::from(copy > 0)]));
                let dice = Dice::new(kept.dice.throw(u64::MAX));
                self.open.fetch_add(1, Ordering::SeqCst);
                let (shared, body) = (Arc::clone(self), body.clone());
                tokio::spawn(async move {
                    sleep(held_back).await;
                    shared.deliver(position, body, dice).await;
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        }
    }

    /// Delivers one copy, however often that has to be tried.
    async fn deliver(&self, position: usize, body: Bytes, mut dice: Dice) {
        let (subscription, slots) = &self.subscriptions[position];
        let mut wait = BACKOFF;
        loop {
            let slot = slots.acquire().await.expect("it is never closed");
            let answered = self.post(subscription.port, body.clone()).await;
            drop(slot);
            let wished = answered.and_then(|(_, retry_after)| retry_after).unwrap_or_default();
            match answered.map(|(status, _)| status) {
                Some(200..=299) => {
                    self.delivered.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Some(status @ 400..=499) if ![404, 408, 409, 429].contains(&status) => {
                    let event = serde_json::from_slice(&body).unwrap_or_default();
                    self.kept().dead.push(DeadLetter { subscriber: subscription.name, event, status });
                    return;
                }
                _ => self.repeated.fetch_add(1, Ordering::Relaxed),
            };
            sleep(wished.max(dice.wait(1, u64::try_from(wait.as_millis()).unwrap_or(1)))).await;
            wait = (wait * 2).min(BACKOFF_CAP);
        }
    }

    /// Gives the status of the answer and the wait that it wishes for; `None` when nobody is there, or died before answering.
    async fn post(&self, port: u16, body: Bytes) -> Option<(u16, Option<Duration>)> {
        let request = Request::post(format!("http://127.0.0.1:{port}/"))
            .header("content-type", "application/cloudevents+json")
            .body(Full::new(body))
            .expect("a request");
        let response = timeout(DEADLINE, self.client.request(request)).await.ok()?.ok()?;
        let status = response.status().as_u16();
        let wished = response.headers().get("retry-after").and_then(|wish| wish.to_str().ok()?.parse().ok());
        response.into_body().collect().await.ok()?;
        Some((status, wished.map(Duration::from_secs)))
    }
}
