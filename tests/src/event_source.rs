//! The event source mapping of Lambda for Kafka: a poller that reads a real cluster and invokes a function with what it finds.
//!
//! It is set up as `functions/README.md` asks: failed items are reported (`ReportBatchItemFailures`), a batch that fails is halved
//! (`BisectBatchOnFunctionError`), a record that fails alone is repeated so often (`MaximumRetryAttempts`) and is then written down in
//! the destination (`OnFailure`). What is answered but can not be read, or names what was not delivered, repeats the whole batch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::kafka::{Kafka, PARTITIONS};
use crate::lambda::Lambda;

/// The largest batch, in records and, as Lambda's payloads are bounded, in bytes.
const BATCH: (usize, usize) = (100, 4 << 20);
/// How long a batch is filled (`MaximumBatchingWindowInSeconds` is whole seconds, or nothing: this is the nothing).
const WINDOW: Duration = Duration::from_millis(20);
/// The first wait after a failure; each next one of the same record is twice as long.
const BACKOFF: Duration = Duration::from_millis(50);

/// A record that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenUp {
    /// The function that did not take it.
    pub function: &'static str,
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// How often it was tried.
    pub invocations: u32,
}

/// A destination for what is given up.
pub type Destination = Arc<Mutex<Vec<GivenUp>>>;

/// A running poller.
#[derive(Debug)]
pub struct EventSource(JoinHandle<()>);

impl EventSource {
    /// Lets a function have the records of topics, from the first one on.
    pub fn start(
        kafka: &Kafka,
        lambda: Arc<Lambda>,
        function: &'static str,
        topics: &'static [&'static str],
        retries: u32,
        destination: Destination,
    ) -> Self {
        let consumer: StreamConsumer = kafka
            .client()
            .set("group.id", function)
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "50")
            .create()
            .expect("sound settings");
        let mut all = TopicPartitionList::new();
        for topic in topics {
            for partition in 0..PARTITIONS {
                all.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
            }
        }
        consumer.assign(&all).expect("partitions of the contract");
        let mut poller =
            Poller { consumer, lambda, function, retries, destination, partitions: BTreeMap::new() };
        Self(tokio::spawn(async move {
            loop {
                poller.round().await;
            }
        }))
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Poller {
    consumer: StreamConsumer,
    lambda: Arc<Lambda>,
    function: &'static str,
    retries: u32,
    destination: Destination,
    partitions: BTreeMap<(String, i32), Partition>,
}

#[derive(Default)]
struct Partition {
    records: VecDeque<Record>,
    /// How many records are handed over at once, after a batch was halved.
    limit: Option<usize>,
    /// How often the first record has failed alone.
    tries: u32,
    /// The offset up to which all is settled.
    next: i64,
}

struct Record {
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// As it stands in the event.
    rendered: Value,
}

impl Poller {
    /// Reads what there is, invokes the function with it, and goes on to where its answer leads.
    async fn round(&mut self) {
        self.fill().await;
        let sizes: BTreeMap<_, usize> =
            self.partitions.iter().map(|(place, partition)| (place.clone(), partition.size())).collect();
        let said = self.lambda.invoke(&self.event(&sizes)).await;
        let failed = said.as_ref().ok().and_then(|answer| self.failed(answer, &sizes));
        let mut wait = Duration::ZERO;
        for ((topic, number), size) in &sizes {
            let partition = self.partitions.get_mut(&(topic.clone(), *number)).expect("it was delivered");
            let first = match &failed {
                Some(failed) => failed.get(&(topic.clone(), *number)).copied(),
                None => Some(partition.records[0].offset),
            };
            let failed_at =
                partition.records.iter().take(*size).position(|record| Some(record.offset) == first);
            partition.go_on(failed_at.unwrap_or(*size));
            if let Some(position) = failed_at {
                match size - position {
                    1 => {
                        partition.tries += 1;
                        if partition.tries > self.retries {
                            let given_up = partition.give_up(self.function, topic, *number);
                            self.destination.lock().unwrap_or_else(PoisonError::into_inner).push(given_up);
                        } else {
                            wait = wait.max(BACKOFF * 2_u32.pow(partition.tries - 1));
                        }
                    }
                    many => partition.limit = Some(many / 2),
                }
            } else {
                partition.limit = None;
            }
        }
        self.commit(&sizes);
        self.partitions.retain(|_, partition| !partition.records.is_empty());
        sleep(wait).await;
    }

    /// Waits for a record if there is none, and takes those that are there as well.
    async fn fill(&mut self) {
        loop {
            let is_empty = self.partitions.is_empty();
            let has_room = self.partitions.values().all(|partition| partition.records.len() < BATCH.0);
            if !has_room {
                return;
            }
            let received = if is_empty {
                Ok(self.consumer.recv().await)
            } else {
                timeout(WINDOW, self.consumer.recv()).await
            };
            match received {
                Ok(Ok(message)) => {
                    let place = (message.topic().to_owned(), message.partition());
                    let partition = self.partitions.entry(place).or_default();
                    if partition.records.is_empty() {
                        partition.next = message.offset();
                    }
                    partition.records.push_back(Record::new(&message));
                }
                // The client mends itself.
                Ok(Err(_)) => sleep(WINDOW).await,
                Err(_) => return,
            }
        }
    }

    fn event(&self, sizes: &BTreeMap<(String, i32), usize>) -> Value {
        let records: BTreeMap<_, Vec<&Value>> = sizes
            .iter()
            .map(|(place, size)| {
                let records = self.partitions[place].records.iter().take(*size);
                (format!("{}-{}", place.0, place.1), records.map(|record| &record.rendered).collect())
            })
            .collect();
        json!({"eventSource": "SelfManagedKafka", "bootstrapServers": "127.0.0.1:9092", "records": records})
    }

    /// Reads the failed items; `None` for what is no such answer, or names what was not delivered.
    fn failed(
        &self,
        answer: &Value,
        sizes: &BTreeMap<(String, i32), usize>,
    ) -> Option<BTreeMap<(String, i32), i64>> {
        let mut failed = BTreeMap::new();
        for item in answer.get("batchItemFailures")?.as_array()? {
            // An object, never a text.
            let item = item.get("itemIdentifier")?.as_object()?;
            let (topic, number) = item.get("partition")?.as_str()?.rsplit_once('-')?;
            let (place, offset) = ((topic.to_owned(), number.parse().ok()?), item.get("offset")?.as_i64()?);
            let size = sizes.get(&place)?;
            let records = &self.partitions[&place].records;
            records.iter().take(*size).find(|record| record.offset == offset)?;
            let first = failed.entry(place).or_insert(offset);
            *first = offset.min(*first);
        }
        Some(failed)
    }

    fn commit(&self, sizes: &BTreeMap<(String, i32), usize>) {
        let mut settled = TopicPartitionList::new();
        for place in sizes.keys() {
            let next = self.partitions[place].next;
            settled.add_partition_offset(&place.0, place.1, Offset::Offset(next)).expect("an offset");
        }
        self.consumer.commit(&settled, CommitMode::Sync).expect("the broker is there");
    }
}

impl Partition {
    fn size(&self) -> usize {
        let mut bytes = 0;
        let fitting = self.records.iter().take_while(|record| {
            bytes += record.value.as_ref().map_or(0, Vec::len);
            bytes <= BATCH.1
        });
        let fitting = fitting.count().clamp(1, BATCH.0);
        self.limit.map_or(fitting, |limit| fitting.min(limit.max(1)))
    }

    fn go_on(&mut self, records: usize) {
        if records > 0 {
            self.next = self.records[records - 1].offset + 1;
            self.records.drain(..records);
            self.tries = 0;
        }
    }

    fn give_up(&mut self, function: &'static str, topic: &str, partition: i32) -> GivenUp {
        let record = self.records.pop_front().expect("it has failed");
        self.next = record.offset + 1;
        let invocations = std::mem::take(&mut self.tries);
        self.limit = None;
        let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
        GivenUp {
            function,
            topic: topic.to_owned(),
            partition,
            offset: record.offset,
            key,
            value,
            invocations,
        }
    }
}

impl Record {
    /// Reads a record, and writes it as `aws:kafka` events have it.
    fn new(message: &BorrowedMessage<'_>) -> Self {
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let (key, value) = (owned(message.key()), owned(message.payload()));
        let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers: Vec<_> =
            headers.map(|header| json!({header.key: header.value.unwrap_or_default()})).collect();
        let rendered = json!({
            "topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
            "timestamp": message.timestamp().to_millis().unwrap_or_default(), "timestampType": "CREATE_TIME",
            "key": base64(&key), "value": base64(&value), "headers": headers,
        });
        Self { offset: message.offset(), key, value, rendered }
    }
}
