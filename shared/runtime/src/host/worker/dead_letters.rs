//! Where a record goes that can not be handled.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    error::RDKafkaErrorCode,
    message::Header,
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};

use super::record::{Place, Record};
use crate::kafka::{Settings, sign_in::SignIn};

/// How often a record had been tried before it was sent back to its topic.
pub(super) const REPLAYED: &str = "replayed";
/// The largest record of a dead-letter topic: as large as any other, with room for the headers on top.
pub(super) const MAX_BYTES: &str = "2000000";
/// How the producer works: as safely as that of the relay.
pub(super) const PRODUCER: [(&str, &str); 6] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    ("partitioner", "fnv1a_random"),
    ("message.timeout.ms", "5000"),
    ("message.max.bytes", MAX_BYTES),
    ("reconnect.backoff.max.ms", "500"),
];

/// The dead-letter topics: `<topic>.dlq`.
pub(super) struct DeadLetters {
    producer: FutureProducer<SignIn>,
    function: &'static str,
}

impl DeadLetters {
    pub(super) fn new(function: &'static str, settings: &Settings) -> Result<DeadLetters, String> {
        let mut config = ClientConfig::new();
        for (name, value) in PRODUCER.into_iter().chain(settings.properties()) {
            config.set(name, value);
        }
        let producer = SignIn::new(settings).create(&config).map_err(|error| error.to_string())?;
        Ok(DeadLetters { producer, function })
    }

    /// Parks a record: its own key, value and headers, with headers that say why, how often it was tried, for whom, and where it lay.
    /// One that is too large with them is parked without its value, which can still be read where it lay.
    pub(super) async fn park(&self, place: &Place, record: &Record, why: &str) -> Result<(), String> {
        match self.send(place, record, record.value.as_deref(), why).await {
            Err((Some(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                self.send(place, record, None, why).await.map_err(|(_, error)| error)
            }
            sent => sent.map_err(|(_, error)| error),
        }
    }

    async fn send(
        &self,
        place: &Place,
        record: &Record,
        value: Option<&[u8]>,
        why: &str,
    ) -> Result<(), (Option<RDKafkaErrorCode>, String)> {
        let topic = format!("{}.dlq", place.topic);
        let said = [
            ("dlq-reason", why.to_owned()),
            ("dlq-attempts", record.attempts.to_string()),
            ("dlq-function", self.function.to_owned()),
            ("dlq-topic", place.topic.clone()),
            ("dlq-partition", place.partition.to_string()),
            ("dlq-offset", record.offset.to_string()),
        ];
        let mut headers = record.headers.clone().unwrap_or_default();
        for (key, value) in &said {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut parked = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers);
        parked.key = record.key.as_deref();
        parked.payload = value;
        let sent = self.producer.send(parked, Timeout::After(Duration::from_secs(1))).await;
        sent.map(|_| ()).map_err(|(error, _)| (error.rdkafka_error_code(), error.to_string()))
    }
}
