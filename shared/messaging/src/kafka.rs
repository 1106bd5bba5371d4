//! A Kafka cluster: each message of an event is a record of its topic, a CloudEvent in structured JSON mode.
//!
//! The key decides the partition as it does for Dapr (FNV-1a), so that a key's order holds whoever produces. The producer is
//! idempotent and waits for all replicas in sync (`acks=all`): what is said to be published survives a broker, and a retry of
//! the client's own writes nothing twice.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::cloud_event::{CONTENT_TYPE, messages};
use events::{StoredEvent, Topic};
use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig};
use rdkafka::{ClientConfig, ClientContext};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{Published, worsen};

/// How the producer works, by librdkafka's names, before what leads to the cluster.
///
/// A partition's records get in as they were put in, or stop at the first that does not: the producer is idempotent, no record of
/// it times out by itself while the next one still has a moment ([`DEADLINE`] is for all of them), and one that the cluster refuses
/// for good ends the producer instead of leaving a gap.
pub const PRODUCER: [(&str, &str); 10] = [
    ("enable.idempotence", "true"),
    ("enable.gapless.guarantee", "true"),
    ("acks", "all"),
    ("message.timeout.ms", "0"),
    ("partitioner", "fnv1a_random"),
    // What is put in together travels together all the same: it is there before the first answer is.
    ("linger.ms", "0"),
    ("request.timeout.ms", "4000"),
    ("socket.connection.setup.timeout.ms", "3000"),
    // A cluster that comes back is found within half a second.
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "500"),
];
/// How long the events of a batch may take in all.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the producer may take to say of a record that it was taken back.
const TAKEN_BACK: Duration = Duration::from_secs(1);
/// How long the cluster may take to say that it is there.
const PROBE: Duration = Duration::from_millis(1_500);

/// Why there is no producer: a property of the client that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the Kafka client refuses its settings: {0}")]
pub struct KafkaSettingsError(String);

/// Makes what a client shows to the cluster in place of a password (`OAUTHBEARER`), and says when that expires, in milliseconds since
/// 1970.
pub type Tokens = Arc<dyn Fn() -> Result<(String, i64), String> + Send + Sync>;

type Producer = FutureProducer<SignIn>;

/// Signs the producer in by tokens, where there are some; librdkafka asks for the next one before the last has expired.
#[derive(Clone)]
struct SignIn(Option<Tokens>);

impl ClientContext for SignIn {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let tokens = self.0.as_ref().ok_or("no tokens are to be used")?;
        let (token, lifetime_ms) = tokens()?;
        // Whose it is the cluster finds in the token.
        Ok(OAuthToken { token, principal_name: String::new(), lifetime_ms })
    }
}

/// A Kafka cluster to publish to; clones share its connections.
#[derive(Clone)]
pub struct Kafka {
    config: ClientConfig,
    sign_in: SignIn,
    current: Arc<Mutex<Current>>,
    deadline: Duration,
}

/// The producer in use. A batch is put into it under the lock, so that none is in two halves when it is replaced.
struct Current {
    producer: Producer,
    number: u64,
}

/// The messages of an event, on their way.
type Sent = Vec<Result<DeliveryFuture, Published>>;

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The settings hold a password.
        f.debug_struct("Kafka").finish_non_exhaustive()
    }
}

impl Kafka {
    /// Makes a producer from the properties that lead to the cluster, by librdkafka's names, and what it signs in by if those ask for
    /// tokens; without connecting.
    ///
    /// # Errors
    /// [`KafkaSettingsError`]: one of them can not be used, such as a certificate that is none.
    pub fn new<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        tokens: Option<Tokens>,
    ) -> Result<Self, KafkaSettingsError> {
        let mut config = ClientConfig::new();
        for (name, value) in PRODUCER.into_iter().chain(properties) {
            config.set(name, value);
        }
        let sign_in = SignIn(tokens);
        let producer = config
            .create_with_context(sign_in.clone())
            .map_err(|error| KafkaSettingsError(error.to_string()))?;
        let current = Arc::new(Mutex::new(Current { producer, number: 0 }));
        Ok(Self { config, sign_in, current, deadline: DEADLINE })
    }

    /// Tells whether the cluster answers.
    pub async fn is_connected(&self) -> bool {
        let producer = self.current().producer.clone();
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, PROBE).is_ok());
        asked.await.unwrap_or(false)
    }

    /// Hands events over, all at once; of each key none gets in before an earlier one that failed.
    ///
    /// The feed of a user, `task-updates`, is in order as long as nothing fails; after a failure its `version` says what is stale.
    pub(crate) async fn publish(&self, events: &[StoredEvent]) -> Vec<Published> {
        let mut outcomes = self.send(events).await;
        let mut held_back: HashSet<&str> = HashSet::new();
        let mut is_away = false;
        for (event, outcome) in events.iter().zip(&mut outcomes) {
            if held_back.contains(event.key.as_str()) {
                // It goes again after the one before it, whatever became of it.
                *outcome = Published::Waits;
                continue;
            }
            // The cluster refuses records together, and may have meant another one of them. Each is tried once more by itself, as long
            // as the cluster takes any.
            if events.len() > 1 && matches!(outcome, Published::Never { .. }) {
                let alone = std::slice::from_ref(event);
                *outcome = match is_away {
                    true => Published::Waits,
                    false => self.send(alone).await.pop().unwrap_or(Published::Waits),
                };
                is_away |= outcome.is_to_come_again();
            }
            if outcome.is_to_come_again() || *outcome == Published::Waits {
                held_back.insert(&event.key);
            }
        }
        outcomes
    }

    async fn send(&self, events: &[StoredEvent]) -> Vec<Published> {
        let rendered: Vec<Vec<Rendered<'_>>> = events.iter().map(render_all).collect();
        let (number, sent) = {
            let current = self.current();
            let mut held_back: HashSet<&str> = HashSet::new();
            let sent: Vec<Sent> = rendered
                .iter()
                .zip(events)
                .map(|(messages, event)| {
                    if held_back.contains(event.key.as_str()) {
                        return vec![Err(Published::Waits)];
                    }
                    let sent = put_in(&current.producer, messages);
                    if sent.iter().any(|sent| sent.as_ref().is_err_and(Published::is_to_come_again)) {
                        held_back.insert(&event.key);
                    }
                    sent
                })
                .collect();
            (current.number, sent)
        };
        let until = Instant::now() + self.deadline;
        let mut outcomes = Vec::with_capacity(events.len());
        for messages in sent {
            let mut outcome = Published::Done;
            for message in messages {
                let published = match message {
                    Ok(delivery) => self.settle(delivery, number, until).await,
                    Err(published) => published,
                };
                worsen(&mut outcome, published);
            }
            outcomes.push(outcome);
        }
        self.replace(number, |producer| producer.client().fatal_error().is_some());
        outcomes
    }

    /// Waits for what becomes of a record. When the time is over, the producer of its number takes everything back that has not got in.
    async fn settle(&self, mut delivery: DeliveryFuture, number: u64, until: Instant) -> Published {
        let delivered = match timeout_at(until, &mut delivery).await {
            Ok(delivered) => delivered,
            Err(_) => {
                self.replace(number, |_| true);
                match timeout(TAKEN_BACK, delivery).await {
                    Ok(delivered) => delivered,
                    Err(_) => return unavailable("the cluster did not take it in time"),
                }
            }
        };
        match delivered {
            Ok(Ok(_)) => Published::Done,
            Ok(Err((error, _))) => judge(&error),
            Err(_) => unavailable("the producer was closed"),
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with another producer, if that of this number is still in use and is to go; what it has left is taken back.
    fn replace(&self, number: u64, is_to_go: impl FnOnce(&Producer) -> bool) {
        let mut current = self.current();
        if current.number != number || !is_to_go(&current.producer) {
            return;
        }
        if let Ok(new) = self.config.create_with_context(self.sign_in.clone()) {
            let old = std::mem::replace(&mut *current, Current { producer: new, number: number + 1 });
            drop(current);
            old.producer.purge(PurgeConfig::default().queue().inflight().non_blocking());
            // Its end takes half a second when something is on its way.
            tokio::task::spawn_blocking(|| drop(old));
        }
    }
}

/// A message as a record needs it.
struct Rendered<'a> {
    topic: Topic,
    key: &'a str,
    value: String,
}

fn render_all(event: &StoredEvent) -> Vec<Rendered<'_>> {
    messages(event)
        .map(|message| Rendered { topic: message.topic, key: message.key, value: message.text() })
        .collect()
}

/// Puts the messages of an event into the producer's queue.
fn put_in(producer: &Producer, messages: &[Rendered<'_>]) -> Sent {
    let put_in = |message: &Rendered<'_>| {
        let header = Header { key: "content-type", value: Some(CONTENT_TYPE) };
        let record = FutureRecord::to(message.topic.as_str())
            .key(message.key)
            .payload(&message.value)
            .headers(OwnedHeaders::new_with_capacity(1).insert(header));
        producer.send_result(record).map_err(|(error, _)| judge(&error))
    };
    messages.iter().map(put_in).collect()
}

/// Says what an error means: what is too large or no record will never be taken, all else is the cluster's trouble, or that of
/// whoever set it up, and passes.
fn judge(error: &KafkaError) -> Published {
    use RDKafkaErrorCode::{
        InvalidMessage, InvalidMessageSize, InvalidRecord, MessageSizeTooLarge, PurgeInflight, PurgeQueue,
    };
    let why = format!("Kafka: {error}");
    match error.rdkafka_error_code() {
        Some(PurgeQueue | PurgeInflight) => unavailable("the cluster did not take it in time"),
        Some(MessageSizeTooLarge | InvalidMessage | InvalidMessageSize | InvalidRecord) => {
            Published::Never { why }
        }
        _ => unavailable(why),
    }
}

fn unavailable(why: impl Into<String>) -> Published {
    Published::Unavailable { after: None, why: why.into() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use chrono::DateTime;
    use events::JsonText;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::{Offset, TopicPartitionList};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn event(key: &str, number: u128) -> StoredEvent {
        StoredEvent {
            event_id: Uuid::from_u128(number),
            user_id: "amna".to_owned(),
            topic: Topic::Reminders,
            event_type: "reminder.due".to_owned(),
            key: key.to_owned(),
            subject: key.to_owned(),
            correlation_id: "c".to_owned(),
            traceparent: "t".to_owned(),
            timestamp: DateTime::UNIX_EPOCH,
            source_service: "scan-reminders".to_owned(),
            payload: JsonText::from(&json!({})),
        }
    }

    /// A cluster in this process that has the topic of the events, and a producer to it.
    fn cluster() -> (MockCluster<'static, DefaultProducerContext>, Kafka) {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic("reminders", 3, 1).expect("a topic");
        let kafka = Kafka::new([("bootstrap.servers", cluster.bootstrap_servers().as_str())], None);
        (cluster, kafka.expect("sound settings"))
    }

    /// A cluster that is not there.
    fn away(settings: &[(&'static str, &'static str)]) -> Kafka {
        let settings = settings.iter().copied().chain([("bootstrap.servers", "127.0.0.1:1")]);
        Kafka { deadline: Duration::from_millis(200), ..Kafka::new(settings, None).expect("sound settings") }
    }

    /// Reads one partition: keys, content types and events.
    fn read(
        cluster: &MockCluster<'_, DefaultProducerContext>,
        partition: i32,
    ) -> Vec<(String, String, Value)> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "reader");
        let consumer: BaseConsumer = config.create().expect("sound settings");
        let (first, end) = consumer.fetch_watermarks("reminders", partition, PATIENCE).expect("a partition");
        let mut place = TopicPartitionList::new();
        place.add_partition_offset("reminders", partition, Offset::Beginning).expect("an offset");
        consumer.assign(&place).expect("a partition");
        (first..end)
            .map(|_| {
                let message = consumer.poll(PATIENCE).expect("there is more").expect("the cluster is there");
                let header = message.headers().expect("it has headers").get(0);
                let text = |bytes: Option<&[u8]>| {
                    String::from_utf8(bytes.expect("a value").to_vec()).expect("a text")
                };
                assert_eq!(header.key, "content-type");
                let value = serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
                (text(message.key()), text(header.value), value)
            })
            .collect()
    }

    /// As Dapr's client has it: FNV-1a of 32 bits, without its sign.
    fn partition_of(key: &str) -> i32 {
        let hash = key
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        (hash.cast_signed() % 3).abs()
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "librdkafka goes by the clock of the machine")]
    async fn a_producer_that_signs_in_by_tokens_asks_for_the_next_one_before_the_last_has_expired() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let tokens: Tokens = Arc::new(move || match count.fetch_add(1, Ordering::SeqCst) {
            0 => {
                let expires = SystemTime::now() + Duration::from_secs(2);
                let expires = expires.duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
                Ok(("first".to_owned(), i64::try_from(expires.as_millis()).expect("it is near")))
            }
            _ => Err("no credentials".to_owned()),
        });
        let settings = [
            ("bootstrap.servers", "127.0.0.1:1"),
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "OAUTHBEARER"),
        ];
        let kafka = Kafka::new(settings, Some(tokens)).expect("sound settings");
        let waited = timeout(PATIENCE, async {
            while asked.load(Ordering::SeqCst) < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok());
        assert!(!kafka.is_connected().await);
    }

    #[tokio::test]
    async fn an_event_is_a_structured_record_where_dapr_would_put_its_key_and_a_keys_events_are_in_order() {
        let (cluster, kafka) = cluster();
        let events: Vec<_> = (0..60).map(|number| event(&format!("key {}", number % 20), number)).collect();
        assert_eq!(kafka.publish(&events).await, vec![Published::Done; 60]);
        assert!(kafka.is_connected().await);
        let mut count = 0;
        for partition in 0..3 {
            let mut last: HashMap<String, Uuid> = HashMap::new();
            for (key, kind, event) in read(&cluster, partition) {
                let id: Uuid = event["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
                assert_eq!((partition_of(&key), kind.as_str()), (partition, "application/cloudevents+json"));
                assert_eq!((&event["partitionkey"], &event["data"]["event_id"]), (&json!(key), &json!(id)));
                assert!(last.insert(key, id).is_none_or(|before| before < id));
                count += 1;
            }
        }
        assert_eq!(count, 60);
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_for_good_and_holds_nobody_back() {
        let (_cluster, kafka) = cluster();
        let large = StoredEvent { payload: JsonText::from(&json!("x".repeat(2_000_000))), ..event("a", 1) };
        let published = kafka.publish(&[large, event("a", 2)]).await;
        assert!(
            matches!(&published[..], [Published::Never { why }, Published::Done] if why.contains("large")),
            "{published:?}"
        );
    }

    #[tokio::test]
    async fn a_cluster_that_is_away_is_no_fault_of_the_event_and_the_later_ones_of_its_key_wait() {
        let kafka = away(&[]);
        let published = kafka.publish(&[event("a", 1), event("b", 2), event("a", 3)]).await;
        let [Published::Unavailable { .. }, Published::Unavailable { .. }, Published::Waits] = &published[..]
        else {
            panic!("{published:?}")
        };
        assert!(!kafka.is_connected().await);
    }

    #[tokio::test]
    async fn a_full_queue_is_no_fault_of_the_event() {
        let kafka = away(&[("queue.buffering.max.messages", "1")]);
        let published = kafka.publish(&[event("a", 1), event("b", 2)]).await;
        assert!(
            matches!(&published[1], Published::Unavailable { why, .. } if why.contains("full")),
            "{published:?}"
        );
    }

    #[test]
    fn settings_that_the_client_refuses_are_told() {
        let wrong =
            [("bootstrap.servers", "127.0.0.1:1"), ("security.protocol", "ssl"), ("ssl.ca.pem", "none")];
        let error = Kafka::new(wrong, None).expect_err("that is no certificate").to_string();
        assert!(error.contains("ssl.ca.pem"), "{error}");
    }
}
