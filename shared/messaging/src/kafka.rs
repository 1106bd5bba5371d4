//! A Kafka cluster: each message of an event is a record of its topic, a CloudEvent in structured JSON mode.
//!
//! The key decides the partition as it does for Dapr (FNV-1a), so that a key's order holds whoever produces. The producer is
//! idempotent and waits for all replicas in sync (`acks=all`): what is said to be published survives a broker, and a retry of
//! the client's own writes nothing twice.
//!
//! Each topic has a producer of its own: one that has to begin anew, because a topic can not be written or the time is over, takes
//! nothing back of what is on its way to another.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use events::cloud_event::CONTENT_TYPE;
use events::{Event, Topic};
use futures::future::join_all;
use rdkafka::client::OAuthToken;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer as _, PurgeConfig};
use rdkafka::{ClientConfig, ClientContext};
use tokio::time::{Instant, timeout_at};

use crate::feed::{Bus, Feed, Outgoing};
use crate::{Published, feed, unavailable};

/// How the producer works, by librdkafka's names, before what leads to the cluster.
///
/// A partition's records get in as they were put in, or stop at the first that does not: the producer is idempotent, no record of
/// it times out by itself while the next one still has a moment (a batch has a deadline as a whole), and one that the cluster refuses
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
/// How long the producer may take, after the end of that, to say of the records of a batch that they were taken back. It takes milliseconds;
/// on a machine that is too busy a record may be sent twice when this is over.
const TAKEN_BACK: Duration = Duration::from_secs(3);
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
    lanes: Arc<[Lane; Topic::ALL.len()]>,
    feed: Feed,
}

/// The way to one topic.
struct Lane {
    config: ClientConfig,
    sign_in: SignIn,
    current: Mutex<Current>,
    deadline: Duration,
}

/// The producer in use, made when there is something to send. A batch is put into it under the lock, so that none is in two halves
/// when it is replaced.
#[derive(Default)]
struct Current {
    producer: Option<Producer>,
    number: u64,
}

/// A message on its way, or why it is not.
type Sent = Result<DeliveryFuture, Published>;

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
        let lane = |_| Lane {
            config: config.clone(),
            sign_in: sign_in.clone(),
            current: Mutex::default(),
            deadline: DEADLINE,
        };
        let lanes = Arc::new(Topic::ALL.map(lane));
        // Whether the settings are sound is seen now.
        drop(lanes[0].producer().map_err(|error| KafkaSettingsError(error.to_string()))?);
        Ok(Self { lanes, feed: Feed::default() })
    }

    /// Tells whether the cluster answers.
    pub async fn is_connected(&self) -> bool {
        self.missing_topics().await.is_some()
    }

    /// Gives the topics of Kaam that the cluster does not have, or does not show to us; `None` when it does not answer.
    pub async fn missing_topics(&self) -> Option<Vec<Topic>> {
        let producer = self.lanes[0].producer().ok()?;
        // Asked for all, so that none is made by being asked for.
        let asked = tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, PROBE).ok());
        let metadata = asked.await.ok().flatten()?;
        let found = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let known: HashSet<&str> = found.map(|topic| topic.name()).collect();
        Some(Topic::ALL.into_iter().filter(|topic| !known.contains(topic.as_str())).collect())
    }

    /// Hands events over, all at once; of each key none gets in before an earlier one that failed.
    ///
    /// The feed of a user, `task-updates`, is in order as long as nothing fails; after a failure its `version` says what is stale.
    pub(crate) async fn publish(&self, events: &[Event]) -> Vec<Published> {
        feed::publish(self, events).await
    }
}

impl Bus for Kafka {
    async fn send(&self, messages: &[Outgoing<'_>]) -> Vec<Published> {
        let mut outcomes = vec![Published::Waits; messages.len()];
        let lanes = Topic::ALL.iter().zip(self.lanes.iter()).map(|(topic, lane)| async move {
            let of_topic = messages.iter().enumerate().filter(|(_, message)| message.topic == *topic);
            let (positions, messages): (Vec<_>, Vec<_>) = of_topic.unzip();
            positions.into_iter().zip(lane.publish(&messages).await)
        });
        for (position, outcome) in join_all(lanes).await.into_iter().flatten() {
            outcomes[position] = outcome;
        }
        outcomes
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }
}

impl Lane {
    async fn publish(&self, messages: &[&Outgoing<'_>]) -> Vec<Published> {
        if messages.is_empty() {
            return Vec::new();
        }
        let mut outcomes = self.send(messages).await;
        let mut held_back: HashSet<&str> = HashSet::new();
        let mut is_away = false;
        for (message, outcome) in messages.iter().zip(&mut outcomes) {
            if held_back.contains(&*message.line) {
                // It goes again after the one before it, whatever became of it.
                *outcome = Published::Waits;
                continue;
            }
            // The cluster refuses records together, and may have meant another one of them. Each is tried once more by itself, as long
            // as the cluster takes any.
            if messages.len() > 1 && matches!(outcome, Published::Never { .. }) {
                let alone = std::slice::from_ref(message);
                *outcome = match is_away {
                    true => Published::Waits,
                    false => self.send(alone).await.pop().unwrap_or(Published::Waits),
                };
                is_away |= outcome.is_to_come_again();
            }
            if outcome.is_to_come_again() || *outcome == Published::Waits {
                held_back.insert(&message.line);
            }
        }
        outcomes
    }

    async fn send(&self, messages: &[&Outgoing<'_>]) -> Vec<Published> {
        let (number, sent) = match self.put_in(messages) {
            Ok(sent) => sent,
            Err(error) => return vec![unavailable(format!("Kafka: {error}")); messages.len()],
        };
        let until = Instant::now() + self.deadline;
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in sent {
            outcomes.push(match message {
                Ok(delivery) => self.settle(delivery, number, until).await,
                Err(published) => published,
            });
        }
        self.replace(number, |producer| producer.client().fatal_error().is_some());
        outcomes
    }

    /// Puts a batch into the queue of the producer; gives that one's number.
    fn put_in(&self, messages: &[&Outgoing<'_>]) -> KafkaResult<(u64, Vec<Sent>)> {
        let mut current = self.current();
        let producer = self.producer_of(&mut current)?;
        let mut held_back: HashSet<&str> = HashSet::new();
        let sent = messages
            .iter()
            .map(|message| {
                if held_back.contains(&*message.line) {
                    return Err(Published::Waits);
                }
                let sent = put_in(&producer, message);
                if sent.as_ref().is_err_and(Published::is_to_come_again) {
                    held_back.insert(&message.line);
                }
                sent
            })
            .collect();
        Ok((current.number, sent))
    }

    /// Waits for what becomes of a record. When the time is over, the producer of its number takes everything back that has not got in.
    async fn settle(&self, mut delivery: DeliveryFuture, number: u64, until: Instant) -> Published {
        let delivered = match timeout_at(until, &mut delivery).await {
            Ok(delivered) => delivered,
            Err(_) => {
                self.replace(number, |_| true);
                match timeout_at(until + TAKEN_BACK, delivery).await {
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

    fn producer(&self) -> KafkaResult<Producer> {
        self.producer_of(&mut self.current())
    }

    fn producer_of(&self, current: &mut Current) -> KafkaResult<Producer> {
        if let Some(producer) = &current.producer {
            return Ok(producer.clone());
        }
        let producer: Producer = self.config.create_with_context(self.sign_in.clone())?;
        current.producer = Some(producer.clone());
        Ok(producer)
    }

    /// Takes the producer of this number out of use, if it is still in use and is to go; what it has left is taken back.
    fn replace(&self, number: u64, is_to_go: impl FnOnce(&Producer) -> bool) {
        let mut current = self.current();
        if current.number != number {
            return;
        }
        let Some(old) = current.producer.take_if(|producer| is_to_go(producer)) else { return };
        current.number += 1;
        drop(current);
        old.purge(PurgeConfig::default().queue().inflight().non_blocking());
        // Its end takes half a second when something is on its way.
        tokio::task::spawn_blocking(|| drop(old));
    }
}

/// Puts a message into the producer's queue.
fn put_in(producer: &Producer, message: &Outgoing<'_>) -> Sent {
    let header = Header { key: "content-type", value: Some(CONTENT_TYPE) };
    let record = FutureRecord::to(message.topic.as_str())
        .key(&*message.key)
        .payload(&message.text)
        .headers(OwnedHeaders::new_with_capacity(1).insert(header));
    producer.send_result(record).map_err(|(error, _)| judge(&error))
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use events::JsonText;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
    use rdkafka::{Offset, TopicPartitionList};
    use serde_json::{Value, json};
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;
    use crate::sample::{event, task_event};

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A cluster in this process that has the topic of the events, and a producer to it.
    fn cluster() -> (MockCluster<'static, DefaultProducerContext>, Kafka) {
        cluster_with(&[])
    }

    fn cluster_with(
        settings: &[(&'static str, &'static str)],
    ) -> (MockCluster<'static, DefaultProducerContext>, Kafka) {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for topic in [Topic::Reminders, Topic::TaskEvents, Topic::TaskUpdates] {
            cluster.create_topic(topic.as_str(), 3, 1).expect("a topic");
        }
        let brokers = cluster.bootstrap_servers();
        let settings = settings.iter().copied().chain([("bootstrap.servers", brokers.as_str())]);
        let kafka = Kafka::new(settings, None);
        (cluster, kafka.expect("sound settings"))
    }

    /// Says how many records a topic has.
    fn offsets(cluster: &MockCluster<'_, DefaultProducerContext>, topic: &str) -> i64 {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let consumer: BaseConsumer = config.create().expect("sound settings");
        let end = |partition| {
            consumer.fetch_watermarks(topic, partition, PATIENCE).map_or(0, |(first, end)| end - first)
        };
        (0..3).map(end).sum()
    }

    /// The same, with little patience for a topic.
    fn impatient(kafka: Kafka, topic: Topic) -> Kafka {
        with_deadline(kafka, topic, Duration::from_millis(500))
    }

    fn with_deadline(mut kafka: Kafka, topic: Topic, deadline: Duration) -> Kafka {
        let lanes = Arc::get_mut(&mut kafka.lanes).expect("nobody has it yet");
        let position = Topic::ALL.iter().position(|known| *known == topic).expect("it is one of all");
        lanes[position].deadline = deadline;
        kafka
    }

    /// A cluster that is not there.
    fn away(settings: &[(&'static str, &'static str)]) -> Kafka {
        let settings = settings.iter().copied().chain([("bootstrap.servers", "127.0.0.1:1")]);
        impatient(Kafka::new(settings, None).expect("sound settings"), Topic::Reminders)
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
        let large = Event { payload: JsonText::of(&json!("x".repeat(2_000_000))), ..event("a", 1) };
        let published = kafka.publish(&[large, event("a", 2)]).await;
        assert!(
            matches!(&published[..], [Published::Never { why }, Published::Done] if why.contains("large")),
            "{published:?}"
        );
    }

    #[tokio::test]
    async fn a_task_event_gets_in_once_while_only_the_topic_of_the_feed_can_not_be_written() {
        for error in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        ] {
            let (cluster, kafka) = cluster();
            cluster.topic_error("task-updates", error).expect("a topic");
            // Enough for a new producer to begin, also on a busy machine.
            let kafka = with_deadline(kafka, Topic::TaskUpdates, Duration::from_secs(2));
            for version in 1..4 {
                let events = [task_event("a", version), task_event("b", version + 10)];
                assert_eq!(kafka.publish(&events).await, [Published::Done, Published::Done]);
            }
            assert_eq!((offsets(&cluster, "task-events"), kafka.feed().late()), (6, 6));
            cluster.topic_error("task-updates", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).expect("a topic");
            let waited = timeout(3 * PATIENCE, async {
                while kafka.feed().late() > 0 || offsets(&cluster, "task-updates") < 6 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            assert!(waited.await.is_ok(), "the feed catches up: {}", kafka.feed().late());
            assert_eq!((offsets(&cluster, "task-events"), offsets(&cluster, "task-updates")), (6, 6));
        }
    }

    #[tokio::test]
    async fn the_topics_that_the_cluster_does_not_have_are_named() {
        let (_cluster, kafka) = cluster();
        assert_eq!(kafka.missing_topics().await, Some(vec![Topic::AuditEvents]));
        assert_eq!(away(&[]).missing_topics().await, None);
    }

    #[tokio::test]
    async fn a_topic_that_can_not_be_written_takes_nothing_back_of_what_is_on_its_way_to_another() {
        let (cluster, kafka) = cluster();
        let kafka = impatient(kafka, Topic::TaskEvents);
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        cluster.topic_error("task-events", error).expect("a topic");
        assert_eq!(kafka.publish(&[event("a", 1)]).await, [Published::Done]);
        // So slow that the other's time is over while it is on its way.
        cluster.broker_round_trip_time(-1, Duration::from_millis(1_500)).expect("a broker");
        let (changed, due) = ([task_event("a", 1)], [event("a", 2)]);
        let (changed, due) = tokio::join!(kafka.publish(&changed), kafka.publish(&due));
        assert!(matches!(changed[..], [Published::Unavailable { .. }]), "{changed:?}");
        assert_eq!(due, [Published::Done]);
    }

    /// Publishes until all are in.
    async fn publish_all(kafka: &Kafka, mut open: Vec<Event>) {
        let all = timeout(PATIENCE, async {
            while !open.is_empty() {
                let outcomes = kafka.publish(&open).await;
                let left = open.iter().zip(&outcomes).filter(|(_, outcome)| **outcome != Published::Done);
                open = left.map(|(event, _)| event.clone()).collect();
            }
        });
        all.await.expect("all get in");
    }

    fn ids(cluster: &MockCluster<'_, DefaultProducerContext>, partition: i32) -> Vec<Uuid> {
        let id = |event: &Value| event["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        read(cluster, partition).iter().map(|(_, _, event)| id(event)).collect()
    }

    #[tokio::test]
    async fn after_a_record_that_the_cluster_refuses_none_of_those_behind_it_gets_in_and_none_twice() {
        use RDKafkaRespErr::{
            RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
        };
        for error in [
            RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
            RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ] {
            // Each record in a request of its own, several of them on their way at once.
            let (cluster, kafka) = cluster_with(&[("batch.num.messages", "1")]);
            publish_all(&kafka, vec![event("a", 1)]).await;
            cluster.broker_round_trip_time(-1, Duration::from_millis(50)).expect("a broker");
            // A broker refuses those behind it that are on their way by their numbers, of which this one knows nothing.
            let behind = RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
            let errors = [error, behind, behind, behind, behind];
            cluster.request_errors(RDKafkaApiKey::Produce, &errors);
            let events: Vec<_> = (2..20).map(|number| event("a", number)).collect();
            let first = kafka.publish(&events).await;
            cluster.clear_request_errors(RDKafkaApiKey::Produce);
            let left = events.into_iter().zip(&first).filter(|(_, outcome)| **outcome != Published::Done);
            publish_all(&kafka, left.map(|(event, _)| event).collect()).await;
            let is_passing = error == RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
            assert_eq!(first[0] == Published::Done, is_passing, "{error:?}: {first:?}");
            let expected: Vec<_> = (1..20).map(Uuid::from_u128).collect();
            assert_eq!(ids(&cluster, partition_of("a")), expected, "{error:?}");
        }
    }

    #[tokio::test]
    async fn what_the_time_was_over_for_gets_in_with_the_next_producer_in_order_and_once() {
        let (cluster, kafka) = cluster();
        let kafka = impatient(kafka, Topic::Reminders);
        cluster.broker_down(-1).expect("a broker");
        let events: Vec<_> = (1..20).map(|number| event("a", number)).collect();
        let published = kafka.publish(&events).await;
        assert!(matches!(published[0], Published::Unavailable { .. }), "{published:?}");
        assert!(published[1..].iter().all(|published| *published == Published::Waits), "{published:?}");
        cluster.broker_up(-1).expect("a broker");
        // With little patience on a busy machine what is in would be sent once more.
        let kafka = with_deadline(kafka, Topic::Reminders, PATIENCE);
        publish_all(&kafka, events).await;
        let expected: Vec<_> = (1..20).map(Uuid::from_u128).collect();
        assert_eq!(ids(&cluster, partition_of("a")), expected);
    }

    #[tokio::test]
    async fn records_that_are_never_taken_back_are_waited_for_together_and_not_one_after_the_other() {
        let kafka = away(&[]);
        let lane = &kafka.lanes[0];
        let events: Vec<_> = (0..4).map(|number| event(&format!("key {number}"), number)).collect();
        let messages: Vec<_> = events
            .iter()
            .map(|event| Outgoing {
                topic: event.topic,
                key: event.key.as_str().into(),
                line: event.key.as_str().into(),
                text: String::new(),
            })
            .collect();
        let (number, sent) =
            lane.put_in(&messages.iter().collect::<Vec<_>>()).expect("its settings are sound");
        let until = Instant::now();
        for sent in sent {
            // The number of another producer: none takes them back.
            let outcome = lane.settle(sent.expect("it is on its way"), number + 1, until).await;
            assert!(matches!(outcome, Published::Unavailable { .. }), "{outcome:?}");
        }
        assert!(until.elapsed() < 2 * TAKEN_BACK, "{:?}", until.elapsed());
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
