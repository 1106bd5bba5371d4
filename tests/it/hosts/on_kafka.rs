//! What hosts whose bus is a real Kafka share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tests::kafka::{Kafka, PARTITIONS};
use tests::process::{command, outcome};

use super::host::Place;

/// How long a record may wait for the broker.
const PATIENCE: Duration = Duration::from_secs(20);
/// Topics that somebody consumes.
const CONSUMED: [&str; 3] = ["task-events", "reminders", "audit-events"];
/// The largest record that a client sends.
const LARGEST_BYTES: &str = "2000000";

/// A cluster with the topics of the contract, a producer of the test's own, and a reader of the dead letters.
pub(super) struct OnKafka {
    kafka: Kafka,
    producer: FutureProducer,
    dead: HashMap<&'static str, Mutex<Dead>>,
}

/// The dead letters of a topic, as far as they were read.
struct Dead {
    consumer: BaseConsumer,
    letters: Vec<Letter>,
    read: HashMap<i32, i64>,
}

/// A dead letter as it lies in its topic.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) key: String,
    pub(super) value: Vec<u8>,
    headers: HashMap<String, String>,
}

impl Letter {
    /// Gives a header; nothing when there is none.
    pub(super) fn header(&self, name: &str) -> String {
        self.headers.get(name).cloned().unwrap_or_default()
    }
}

impl OnKafka {
    /// Makes the topics, which take records of a mebibyte.
    pub(super) async fn start(kafka: Kafka) -> Self {
        kafka.create_contract_topics().await;
        let producer = kafka
            .client()
            .set("partitioner", "fnv1a_random")
            .set("message.max.bytes", LARGEST_BYTES)
            .create()
            .expect("sound settings");
        let dead = CONSUMED.map(|topic| (topic, Mutex::new(Dead::of(&kafka, topic)))).into();
        Self { kafka, producer, dead }
    }

    /// Makes the topics take larger ones, so that the functions have to refuse them.
    pub(super) async fn widen(&self) {
        let admin: AdminClient<DefaultClientContext> = self.kafka.client().create().expect("sound settings");
        for name in CONSUMED.iter().flat_map(|topic| [(*topic).to_owned(), format!("{topic}.dlq")]) {
            let wider =
                AlterConfig::new(ResourceSpecifier::Topic(&name)).set("max.message.bytes", LARGEST_BYTES);
            let altered = admin.alter_configs(&[wider], &AdminOptions::new()).await;
            for altered in altered.expect("the broker is there") {
                altered.expect("the topic is there");
            }
        }
    }

    /// Gives `KAFKA_BROKERS`.
    pub(super) fn brokers(&self) -> &str {
        &self.kafka.brokers
    }

    pub(super) fn cluster(&self) -> &Kafka {
        &self.kafka
    }

    /// Writes a record. The error says that the cluster does not take it.
    pub(super) async fn produce(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), &'static str> {
        let record = FutureRecord::to(topic).key(key).payload(value);
        match self.producer.send(record, PATIENCE).await {
            Ok(_) => Ok(()),
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                assert_eq!(code, Some(RDKafkaErrorCode::MessageSizeTooLarge), "{error}");
                Err("the topic takes nothing above 1 MiB")
            }
        }
    }

    /// Gives the dead letters of a topic.
    pub(super) fn dead_letters(&self, topic: &str) -> Vec<Letter> {
        self.dead[topic].lock().unwrap_or_else(PoisonError::into_inner).read(topic)
    }

    /// Sends every dead letter back, as an operator does.
    pub(super) async fn replay(&self, place: &Place) {
        let mut command = command("backend");
        command
            .arg("replay")
            .env("DATABASE_URL", &place.database_url)
            .env("KAFKA_BROKERS", &self.kafka.brokers);
        let replayed = outcome(command).await;
        assert!(replayed.status.success(), "{replayed:?}");
    }

    /// Says whether each of these groups has settled every record of its topics.
    pub(super) fn is_consumed(&self, by: &[(&str, &[&str])]) -> bool {
        let mut consumed =
            by.iter().flat_map(|(group, topics)| topics.iter().map(move |topic| (group, topic)));
        consumed.all(|(group, topic)| self.kafka.lag(group, topic) == 0)
    }
}

impl Dead {
    fn of(kafka: &Kafka, topic: &str) -> Self {
        let mut config = kafka.client();
        config.set("group.id", "nobody").set("enable.auto.commit", "false").set("fetch.wait.max.ms", "20");
        let consumer: BaseConsumer = config.create().expect("sound settings");
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let topic = format!("{topic}.dlq");
            all.add_partition_offset(&topic, partition, Offset::Beginning).expect("an offset");
        }
        consumer.assign(&all).expect("partitions of the contract");
        Self { consumer, letters: Vec::new(), read: HashMap::new() }
    }

    /// Reads up to where each partition ends now.
    fn read(&mut self, topic: &str) -> Vec<Letter> {
        let topic = format!("{topic}.dlq");
        let ends: HashMap<i32, i64> = (0..PARTITIONS)
            .map(|partition| {
                let marks = self.consumer.fetch_watermarks(&topic, partition, PATIENCE);
                (partition, marks.expect("the topic is there").1)
            })
            .collect();
        while ends.iter().any(|(partition, end)| self.read.get(partition).copied().unwrap_or_default() < *end)
        {
            let message = self.consumer.poll(PATIENCE).expect("there is more").expect("the broker is there");
            let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
            let letter = Letter {
                key: text(message.key()),
                value: message.payload().unwrap_or_default().to_vec(),
                headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
            };
            self.read.insert(message.partition(), message.offset() + 1);
            self.letters.push(letter);
        }
        self.letters.clone()
    }
}
