//! What hosts whose bus is a real Kafka share.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tests::fleet::CONSUMING;
use tests::kafka::{Kafka, Record};

/// How long a record may wait for the broker.
const PATIENCE: Duration = Duration::from_secs(20);
/// Topics that somebody consumes.
const CONSUMED: [&str; 3] = ["task-events", "reminders", "audit-events"];
/// The largest record: the contract's largest event is a mebibyte, and what is larger has to be refused by the function.
const LARGEST_BYTES: &str = "2000000";

/// A cluster with the topics of the contract, and a producer of the test's own.
pub(super) struct OnKafka {
    kafka: Kafka,
    producer: FutureProducer,
}

impl OnKafka {
    /// Makes the topics.
    pub(super) async fn start(kafka: Kafka) -> Self {
        kafka.create_contract_topics().await;
        let admin: AdminClient<DefaultClientContext> = kafka.client().create().expect("sound settings");
        let names = CONSUMED.iter().flat_map(|topic| [(*topic).to_owned(), format!("{topic}.dlq")]);
        for name in names {
            let wider =
                AlterConfig::new(ResourceSpecifier::Topic(&name)).set("max.message.bytes", LARGEST_BYTES);
            let altered =
                admin.alter_configs(&[wider], &AdminOptions::new()).await.expect("the broker is there");
            altered.into_iter().for_each(|altered| _ = altered.expect("the topic is there"));
        }
        let producer = kafka
            .client()
            .set("partitioner", "fnv1a_random")
            .set("message.max.bytes", LARGEST_BYTES)
            .create()
            .expect("sound settings");
        Self { kafka, producer }
    }

    /// Gives `KAFKA_BROKERS`.
    pub(super) fn brokers(&self) -> &str {
        &self.kafka.brokers
    }

    pub(super) fn cluster(&self) -> &Kafka {
        &self.kafka
    }

    /// Writes a record.
    pub(super) async fn produce(&self, topic: &str, key: &str, value: &[u8]) {
        let record = FutureRecord::to(topic).key(key).payload(value);
        self.producer.send(record, PATIENCE).await.expect("the broker is there");
    }

    /// Gives the dead letters of a topic.
    pub(super) fn dead_letters(&self, topic: &str) -> Vec<Record> {
        self.kafka.records(&format!("{topic}.dlq"))
    }

    /// Produces each dead letter again into the topic that it is of.
    pub(super) async fn replay(&self) {
        for topic in CONSUMED {
            for dead in self.dead_letters(topic) {
                self.produce(topic, &dead.key, &dead.value).await;
            }
        }
    }

    /// Says whether every group has settled every record.
    pub(super) fn is_consumed(&self) -> bool {
        let mut consumed =
            CONSUMING.iter().flat_map(|(group, topics)| topics.iter().map(move |topic| (group, topic)));
        consumed.all(|(group, topic)| self.kafka.lag(group, topic) == 0)
    }
}
