//! Where a record goes that can not be handled.

use std::{iter, time::Duration};

use events::{
    asyncapi::{LEFT_OUT, LEFT_OUT_HEADER},
    topic::dead_letters_of,
};
use rdkafka::{
    ClientConfig,
    error::RDKafkaErrorCode,
    message::Header,
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};

use super::record::{Place, Record};
use crate::kafka::{Settings, sign_in::SignIn};

/// Its words for a record's own headers, and for its key.
pub(super) const HEADERS: &str = "headers";
pub(super) const KEY: &str = "key";
/// How much of a reason is kept.
const REASON_CHARS: usize = 4_000;
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
    /// Of one that is too large with all that its value is left out, then its own headers, then its key; they can still be read where it
    /// lay. Says what was.
    ///
    /// # Errors
    /// The dead-letter topic can not be written. That is for an operator to mend, and the record has to wait for it: it is never given
    /// up without having been parked.
    pub(super) async fn park(
        &self,
        place: &Place,
        record: &Record,
        why: &str,
    ) -> Result<&'static str, String> {
        let mut error = String::new();
        for left_out in iter::once("").chain(LEFT_OUT) {
            match self.send(place, record, why, left_out).await {
                Ok(()) => return Ok(left_out),
                Err((Some(RDKafkaErrorCode::MessageSizeTooLarge), why)) => error = why,
                Err((_, error)) => return Err(error),
            }
        }
        Err(error)
    }

    async fn send(
        &self,
        place: &Place,
        record: &Record,
        why: &str,
        left_out: &str,
    ) -> Result<(), (Option<RDKafkaErrorCode>, String)> {
        let topic = dead_letters_of(&place.topic);
        let has = |part: &str| !left_out.split(',').any(|one| one == part);
        let said = [
            ("dlq-reason", why.chars().take(REASON_CHARS).collect()),
            ("dlq-attempts", record.attempts.to_string()),
            ("dlq-function", self.function.to_owned()),
            ("dlq-topic", place.topic.clone()),
            ("dlq-partition", place.partition.to_string()),
            ("dlq-offset", record.offset.to_string()),
            (LEFT_OUT_HEADER.0, left_out.to_owned()),
        ];
        let mut headers = record.headers.clone().filter(|_| has(HEADERS)).unwrap_or_default();
        for (key, value) in said.iter().filter(|(key, value)| *key != LEFT_OUT_HEADER.0 || !value.is_empty())
        {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut parked = FutureRecord::<[u8], [u8]>::to(&topic).headers(headers);
        parked.key = record.key.as_deref().filter(|_| has(KEY));
        parked.payload = record.value.as_deref().filter(|_| has("value"));
        let sent = self.producer.send(parked, Timeout::After(Duration::from_secs(1))).await;
        sent.map(|_| ()).map_err(|(error, _)| (error.rdkafka_error_code(), error.to_string()))
    }
}
