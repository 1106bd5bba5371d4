//! The stand-in for Knative is no kinder than Knative.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tests::knative::{Delivery, Knative};
use tests::process::eventually;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Knative's, but quick.
const DELIVERY: Delivery =
    Delivery { retry: 2, backoff_delay: Duration::from_millis(10), timeout: Duration::from_millis(300) };
const TOPICS: &[&str] = &["task-events"];

/// What a subscriber says: a status, a content type, and a body.
type Says = (u16, &'static str, &'static str);

/// What a subscriber got: the headers and the body.
type Got = (HeaderMap, Vec<u8>);

/// A subscriber that says what it is told to, the last of that again and again, and remembers what it got.
#[derive(Clone, Default)]
struct Subscriber {
    says: Arc<Mutex<VecDeque<Says>>>,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Subscriber {
    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn bodies(&self) -> Vec<String> {
        self.got().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

async fn take(State(subscriber): State<Subscriber>, headers: HeaderMap, body: Bytes) -> Response {
    subscriber.got.lock().unwrap_or_else(PoisonError::into_inner).push((headers, body.to_vec()));
    let (status, kind, body) = {
        let mut says = subscriber.says.lock().unwrap_or_else(PoisonError::into_inner);
        if says.len() > 1 { says.pop_front() } else { says.front().copied() }.unwrap_or((204, "", ""))
    };
    if status == 0 {
        sleep(DELIVERY.timeout * 2).await;
    }
    let status = StatusCode::from_u16(status.max(200)).expect("a status");
    let headers = [("content-type", kind), ("location", "http://127.0.0.1:1/")];
    (status, headers, body).into_response()
}

/// Starts a broker with one subscriber.
async fn with_subscriber(says: &[Says]) -> (Knative, Subscriber) {
    let subscriber =
        Subscriber { says: Arc::new(Mutex::new(says.iter().copied().collect())), ..Subscriber::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let router = Router::new().route("/", post(take)).with_state(subscriber.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let knative = Knative::start(DELIVERY).await;
    knative.subscribe("subscriber", TOPICS, port);
    (knative, subscriber)
}

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "e1", "source": "/kaam/x", "type": "task.created", "subject": "دودھ 100% \"x\"",
        "datacontenttype": "application/json", "partitionkey": "k", "attempt": 2, "data": {"number": 1},
    })
}

/// Writes it, waits until it is settled, and says how often it was delivered and with which code it died.
async fn settled(says: &[Says]) -> (usize, Option<String>) {
    let (knative, subscriber) = with_subscriber(says).await;
    knative.write("task-events", "k", event().to_string().as_bytes());
    eventually("it is settled", async || knative.is_idle().then_some(())).await;
    let dead = knative.dead_letters();
    assert!(dead.len() < 2);
    (subscriber.got().len(), dead.first().map(|dead| dead.attributes["knativeerrorcode"].clone()))
}

#[tokio::test]
async fn knative_repeats_what_may_work_later_and_buries_everything_else_at_once() {
    const EMPTY: &str = "";
    for status in [200, 202, 204] {
        assert_eq!(settled(&[(status, EMPTY, EMPTY)]).await, (1, None), "{status}");
    }
    for status in [301, 307, 400, 401, 403, 405, 410, 413, 415, 422] {
        assert_eq!(settled(&[(status, EMPTY, EMPTY)]).await, (1, Some(status.to_string())), "{status}");
    }
    for status in [404, 408, 409, 429, 500, 502, 503, 504] {
        let again = 1 + usize::try_from(DELIVERY.retry).expect("a small number");
        assert_eq!(settled(&[(status, EMPTY, EMPTY)]).await, (again, Some(status.to_string())), "{status}");
        assert_eq!(settled(&[(status, EMPTY, EMPTY), (204, EMPTY, EMPTY)]).await, (2, None), "{status}");
    }
    assert_eq!(settled(&[(0, EMPTY, EMPTY)]).await, (3, Some("-1".to_owned())), "nothing in time");
}

#[tokio::test]
async fn knative_takes_an_answer_with_a_body_for_a_failure_unless_it_is_an_event() {
    assert_eq!(
        settled(&[(200, "application/json", "{\"status\":\"ok\"}")]).await,
        (1, Some("200".to_owned()))
    );
    assert_eq!(settled(&[(200, "text/plain", "ok")]).await, (1, Some("200".to_owned())));
    let reply = r#"{"specversion":"1.0","id":"e2","source":"/x","type":"task.painted","data":2}"#;
    // The reply is an event of the topic too; the subscriber says nothing to it.
    let says = [(200, "application/cloudevents+json", reply), (204, "", "")];
    assert_eq!(settled(&says).await, (2, None));
}

#[tokio::test]
async fn knative_delivers_in_binary_mode_with_encoded_attributes() {
    let (knative, subscriber) = with_subscriber(&[]).await;
    knative.write("task-events", "k", event().to_string().as_bytes());
    let (headers, body) = eventually("it is delivered", async || subscriber.got().pop()).await;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("ce-specversion"), Some("1.0"));
    assert_eq!(
        (header("ce-id"), header("ce-type"), header("ce-attempt")),
        (Some("e1"), Some("task.created"), Some("2"))
    );
    assert_eq!(header("ce-subject"), Some("%D8%AF%D9%88%D8%AF%DA%BE%20100%25%20%22x%22"));
    assert_eq!((header("content-type"), header("ce-datacontenttype")), (Some("application/json"), None));
    assert_eq!((header("prefer"), header("kn-namespace")), (Some("reply"), Some("kaam")));
    assert_eq!(serde_json::from_slice::<Value>(&body).expect("JSON"), json!({"number": 1}));
}

#[tokio::test]
async fn knative_lets_nothing_in_that_is_no_event_and_wraps_what_lies_in_a_topic() {
    let (knative, subscriber) =
        with_subscriber(&[(422, "application/problem+json", "{\"detail\":\"no\"}")]).await;
    for bad in [json!({}), json!({"specversion": "1.0", "id": "", "source": "/x", "type": "t"}), json!([1])] {
        let response = post_structured(&knative.sink, &bad.to_string()).await;
        assert_eq!(response, 400, "{bad}");
    }
    assert_eq!(post_structured(&knative.sink, &event().to_string()).await, 202);
    knative.write("task-events", "k", b"\xff\xfe");
    eventually("both are settled", async || (knative.is_idle() && subscriber.got().len() == 2).then_some(()))
        .await;
    let (headers, body) = subscriber.got().remove(1);
    assert_eq!(
        (headers["ce-type"].as_bytes(), body.as_slice()),
        (&b"dev.knative.kafka.event"[..], &b"\xff\xfe"[..])
    );
    let dead = knative.dead_letters();
    assert_eq!((dead.len(), dead[1].key.as_str(), dead[1].value.as_slice()), (2, "k", &b"\xff\xfe"[..]));
    assert_eq!(dead[1].said(), "{\"detail\":\"no\"}");
    assert!(dead[1].attributes["knativeerrordest"].starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn knative_keeps_the_order_of_a_key_also_while_one_is_repeated() {
    let (knative, subscriber) = with_subscriber(&[(503, "", ""), (503, "", ""), (204, "", "")]).await;
    for number in 0..3 {
        let mut event = event();
        event["data"] = json!(number);
        knative.write("task-events", "k", event.to_string().as_bytes());
    }
    eventually("all are settled", async || knative.is_idle().then_some(())).await;
    assert_eq!(subscriber.bodies(), ["0", "0", "0", "1", "2"]);
}

#[tokio::test]
async fn knative_ticks_with_an_event_and_repeats_a_tick_that_failed() {
    let (knative, subscriber) = with_subscriber(&[(503, "", ""), (204, "", "")]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    let router = Router::new().route("/", post(take)).with_state(subscriber.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    knative.ping("ticked", port, Duration::from_secs(3_600));
    eventually("it ticks again", async || (subscriber.got().len() == 2).then_some(())).await;
    let got = subscriber.got();
    assert_eq!(got[0].0["ce-type"], "dev.knative.sources.ping");
    assert_eq!(got[0].0["ce-id"], got[1].0["ce-id"]);
    assert!(got[0].1.is_empty());
}

/// Posts an event in structured mode, and gives the status.
async fn post_structured(url: &str, body: &str) -> u16 {
    let request = hyper::Request::post(url).header("content-type", "application/cloudevents+json");
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).expect("a request");
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.expect("it answers").status().as_u16()
}
