//! A pub/sub component of a Dapr sidecar: each message of an event is published as a CloudEvent in structured JSON mode, with its key.
//!
//! The sidecar is on this machine. It takes a message (204) when its broker has; that it can not be reached, does not know the
//! component yet, or can not reach its broker is no fault of the event's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use events::Event;
use events::cloud_event::CONTENT_TYPE;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::time::timeout;

use crate::feed::{Bus, Feed, Outgoing};
use crate::keys::in_order_of_keys;
use crate::{Published, chain, feed, unavailable};

/// How long one message may take. The sidecar tries its broker several times before it gives up.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next message.
const IDLE: Duration = Duration::from_secs(30);
/// How much of an answer is read: an error's code is in it.
const ANSWER_BYTES: usize = 64 * 1024;
/// The code with which the sidecar (1.16 to 1.18) gives its broker's own words on why a message was not taken, with the status 500.
const NOT_PUBLISHED: &str = "ERR_PUBSUB_PUBLISH_MESSAGE";
/// How the client of Kafka in the sidecar says that a message is too large: the broker's `MESSAGE_TOO_LARGE`, the broker's
/// `RECORD_LIST_TOO_LARGE`, and its own limit. A broker of another kind that takes none so large holds the event up, in the log.
const TOO_LARGE: [&str; 3] = [
    "kafka server: Message was too large, server rejected it",
    "kafka server: The request included message batch larger than the configured segment size",
    "Attempt to produce message larger than configured Producer.MaxMessageBytes",
];

/// A pub/sub component of a sidecar; clones share its connections.
#[derive(Clone)]
pub struct Dapr {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Up to the topic.
    base: String,
    token: Option<HeaderValue>,
    deadline: Duration,
    feed: Feed,
}

impl std::fmt::Debug for Dapr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret.
        f.debug_struct("Dapr").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Dapr {
    /// Makes a publisher to the component `pubsub` of the sidecar at a port of this machine, which is shown the token if it wants
    /// one; without connecting.
    pub fn new(port: u16, pubsub: &str, token: Option<HeaderValue>) -> Self {
        let token = token.map(|mut token| {
            token.set_sensitive(true);
            token
        });
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build_http();
        let base = format!("http://127.0.0.1:{port}/v1.0/publish/{}/", encoded(pubsub));
        Self { client, base, token, deadline: DEADLINE, feed: Feed::default() }
    }

    /// Publishes events, the keys beside each other, the events of one key in order.
    pub(crate) async fn publish(&self, events: &[Event]) -> Vec<Published> {
        feed::publish(self, events).await
    }

    async fn post(&self, message: &Outgoing<'_>) -> Result<(StatusCode, Bytes), String> {
        let (topic, key) = (encoded(message.topic.as_str()), encoded(&message.key));
        let uri = format!("{}{topic}?metadata.partitionKey={key}", self.base);
        let mut request = Request::post(uri).header(header::CONTENT_TYPE, CONTENT_TYPE);
        if let Some(token) = &self.token {
            request = request.header("dapr-api-token", token);
        }
        let request =
            request.body(Full::from(message.text.clone())).expect("encoded texts and a token are a request");
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await;
        Ok((head.status, body.map(|body| body.to_bytes()).unwrap_or_default()))
    }
}

impl Bus for Dapr {
    /// Once the sidecar or its broker turns out to be away, what has not been sent waits with the rest.
    async fn send(&self, messages: &[Outgoing<'_>]) -> Vec<Published> {
        let is_away = AtomicBool::new(false);
        let is_away = &is_away;
        in_order_of_keys(messages, |message| async move {
            if is_away.load(Ordering::Relaxed) {
                return unavailable("the Dapr sidecar is away");
            }
            let published = match timeout(self.deadline, self.post(message)).await {
                Ok(Ok((status, answer))) => judge(status, &answer),
                Ok(Err(why)) => unavailable(format!("the Dapr sidecar can not be reached: {why}")),
                Err(_) => unavailable("the Dapr sidecar did not answer in time"),
            };
            is_away.fetch_or(matches!(published, Published::Unavailable { .. }), Ordering::Relaxed);
            published
        })
        .await
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }
}

/// Says what the sidecar's answer means. All that is not the message's own fault passes: a component that is missing or forbidden is
/// mended by whoever runs the sidecar, and a broker comes back.
fn judge(status: StatusCode, answer: &[u8]) -> Published {
    if status.is_success() {
        return Published::Done;
    }
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let text = |name: &str| answer[name].as_str().unwrap_or_default();
    let (code, message) = (text("errorCode"), text("message"));
    let why = format!("the Dapr sidecar answered {} {code}", status.as_u16());
    let is_of_the_broker = status == StatusCode::INTERNAL_SERVER_ERROR && code == NOT_PUBLISHED;
    let is_too_large = is_of_the_broker && TOO_LARGE.iter().any(|words| message.contains(words));
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Published::Never { why },
        _ if is_too_large => Published::Never { why: format!("{why}: the message is too large") },
        _ => unavailable(why),
    }
}

/// Encodes all but letters, digits and `-._~` (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::sample::{event, task_event};

    /// What a sidecar got: the head of the request, and the event.
    type Got = Arc<Mutex<Vec<(String, Value)>>>;

    /// A sidecar that serves one request a connection; `answer` gives status and body for the id of an event, or for its topic.
    async fn sidecar(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> (Dapr, Got) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let got = Got::default();
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let (head, event) = loop {
                    let mut some = [0; 4096];
                    let count = stream.read(&mut some).await.expect("the client is there");
                    bytes.extend_from_slice(&some[..count]);
                    let text = String::from_utf8_lossy(&bytes);
                    if let Some((head, body)) = text.split_once("\r\n\r\n")
                        && let Ok(event) = serde_json::from_str::<Value>(body)
                    {
                        break (head.to_owned(), event);
                    }
                };
                let told =
                    if event["type"] == "reminder.due" { &event["id"] } else { &event["data"]["topic_name"] };
                let (status, body) = answer(told.as_str().unwrap_or_default());
                kept.lock().expect("nobody panicked").push((head, event));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (Dapr::new(port, "pub sub", Some(HeaderValue::from_static("hunter2"))), got)
    }

    #[tokio::test]
    async fn an_event_is_published_as_it_is_with_its_key_and_the_token() {
        let (dapr, got) = sidecar(|_| ("204 No Content", String::new())).await;
        let key = "task 1/2&x=دو";
        assert_eq!(dapr.publish(&[event(key, 1)]).await, [Published::Done]);
        let got = got.lock().expect("nobody panicked").clone();
        let (head, event) = &got[0];
        let target = "POST /v1.0/publish/pub%20sub/reminders?metadata.partitionKey=task%201%2F2%26x%3D%D8%AF%D9%88 HTTP/1.1";
        assert_eq!(head.lines().next(), Some(target));
        assert!(head.contains("content-type: application/cloudevents+json"), "{head}");
        assert!(head.contains("dapr-api-token: hunter2"), "{head}");
        assert_eq!(
            (&event["partitionkey"], &event["data"]["topic_name"]),
            (&json!(key), &json!("reminders"))
        );
    }

    #[tokio::test]
    async fn the_later_events_of_a_key_wait_for_the_one_that_is_to_come_again() {
        let first = Uuid::from_u128(1).to_string();
        let (dapr, got) = sidecar(move |id| {
            let error =
                json!({"errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE", "message": "no broker"}).to_string();
            if id == first { ("500 Internal Server Error", error) } else { ("204 No Content", String::new()) }
        })
        .await;
        let events = [event("a", 1), event("a", 2)];
        let why = "the Dapr sidecar answered 500 ERR_PUBSUB_PUBLISH_MESSAGE".to_owned();
        let away = Published::Unavailable { after: None, why };
        assert_eq!(dapr.publish(&events).await, [away, Published::Waits]);
        assert_eq!(got.lock().expect("nobody panicked").len(), 1);
    }

    #[tokio::test]
    async fn a_task_event_is_published_once_while_the_component_may_not_write_the_feed() {
        let (dapr, got) = sidecar(|topic| {
            let error = json!({"errorCode": "ERR_PUBSUB_FORBIDDEN", "message": "topic"}).to_string();
            if topic == "task-updates" { ("403 Forbidden", error) } else { ("204 No Content", String::new()) }
        })
        .await;
        for version in 1..4 {
            assert_eq!(dapr.publish(&[task_event("a", version)]).await, [Published::Done]);
        }
        let got = got.lock().expect("nobody panicked").clone();
        let events =
            got.iter().filter(|(head, _)| head.starts_with("POST /v1.0/publish/pub%20sub/task-events?"));
        assert_eq!((events.count(), dapr.feed.late()), (3, 3));
    }

    #[tokio::test]
    async fn a_sidecar_that_is_away_or_silent_uses_no_attempt_up_and_is_not_asked_for_each_event() {
        let nobody = Dapr::new(1, "pubsub", None);
        let published = nobody.publish(&[event("a", 1)]).await;
        assert!(
            matches!(&published[..], [Published::Unavailable { why, .. }] if why.contains("reached")),
            "{published:?}"
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let silent = Dapr { deadline: Duration::from_millis(50), ..Dapr::new(port, "pubsub", None) };
        let events: Vec<_> = (0..200).map(|number| event(&number.to_string(), number)).collect();
        let published = timeout(Duration::from_secs(5), silent.publish(&events)).await.expect("it gives up");
        assert!(published.iter().all(|one| matches!(one, Published::Unavailable { .. })), "{published:?}");
    }

    #[test]
    fn only_what_is_too_large_never_gets_through() {
        let judge = |status, code: &str, message: &str| {
            let answer = json!({"errorCode": code, "message": message}).to_string();
            judge(StatusCode::from_u16(status).expect("a status"), answer.as_bytes())
        };
        let said = |by_kafka: &str| {
            format!("error when publishing to topic task-events in pubsub pubsub: {by_kafka}")
        };
        let large = said("kafka server: Message was too large, server rejected it to avoid allocation error");
        let larger = said(
            "kafka: invalid configuration (Attempt to produce message larger than configured Producer.MaxMessageBytes: 1048719 > 1048576)",
        );
        let failed = "ERR_PUBSUB_PUBLISH_MESSAGE";
        for published in [judge(413, "", ""), judge(500, failed, &large), judge(500, failed, &larger)] {
            assert!(matches!(published, Published::Never { .. }), "{published:?}");
        }
        // The same words elsewhere, and others that only sound so.
        for (status, code, message) in [
            (500, "ERR_OTHER", large.as_str()),
            (503, failed, &large),
            (500, failed, "the number of connections exceeds the limit"),
            (500, failed, "error when publishing to topic too large in pubsub pubsub: no broker"),
        ] {
            let published = judge(status, code, message);
            assert!(matches!(published, Published::Unavailable { .. }), "{message}: {published:?}");
        }
        for (status, code) in [
            (404, "ERR_PUBSUB_NOT_FOUND"),
            (403, "ERR_PUBSUB_FORBIDDEN"),
            (401, ""),
            (400, ""),
            (500, ""),
            (503, ""),
        ] {
            let published = judge(status, code, "");
            assert!(matches!(published, Published::Unavailable { .. }), "{status}: {published:?}");
        }
    }
}
