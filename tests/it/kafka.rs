//! The bus as it is where Kaam is large: a real Kafka broker.

use std::time::Duration;

use rdkafka::producer::{FutureProducer, FutureRecord};
use tests::kafka::{Kafka, unique};

/// How long a record may wait for the broker.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_broker_that_was_killed_has_what_it_acknowledged() {
    let Some(mut kafka) = Kafka::start().await else { return };
    let topic = unique("kept");
    kafka.create_topics(&[&topic]).await;
    let producer: FutureProducer = kafka.client().set("acks", "all").create().expect("sound settings");
    for number in 0..20 {
        let (key, value) = (format!("key {number}"), number.to_string());
        let record = FutureRecord::to(&topic).key(&key).payload(&value);
        producer.send(record, PATIENCE).await.expect("the broker is there");
    }
    kafka.restart().await;
    let mut values: Vec<u32> = kafka
        .records(&topic)
        .iter()
        .map(|record| String::from_utf8_lossy(&record.value).parse().expect("a number"))
        .collect();
    values.sort_unstable();
    assert_eq!(values, (0..20).collect::<Vec<_>>());
    assert_eq!(kafka.lag("nobody-ever", &topic), 20);
}
