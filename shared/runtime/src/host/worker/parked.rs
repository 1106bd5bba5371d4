//! Dead letters in their topics, as operators see them: listed, and sent back to where they came from.
//!
//! What was sent back is noted as the offsets of a consumer group of its own ([`GROUP`]), after the cluster has acknowledged it; so
//! what a replay that was killed has not noted goes again, to consumers that recognise it.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use events::{Topic, asyncapi::LEFT_OUT_HEADER, topic::DEAD_LETTERS};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};
use serde_json::Value;

use super::dead_letters::{HEADERS, KEY, PRODUCER, REPLAYED};
use crate::{
    clock::Stopwatch,
    kafka::{Settings, sign_in::SignIn},
};

/// Whose offsets say what was sent back.
pub const GROUP: &str = "replay-dead-letters";
/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client that signs in by a token may take to ask for its first one, which it does at once.
const SIGNED_IN: Duration = Duration::from_millis(100);
/// How many bytes of offsets out of order are noted in one partition: what the cluster keeps with an offset, at most.
const NOTED_BYTES: usize = 4_000;
/// How many dead letters, and bytes of them, are in memory at once while they are sent back.
const AT_ONCE: (usize, usize) = (100, 8 << 20);

/// What went wrong between us and the cluster.
#[derive(Debug, thiserror::Error)]
#[error("the Kafka cluster: {0}")]
pub struct ClusterError(String);

impl ClusterError {
    /// What we can not do on it.
    pub(super) fn of_ours(why: &str) -> ClusterError {
        ClusterError(why.to_owned())
    }

    /// What went wrong with something of it.
    pub(super) fn of(what: &str, error: rdkafka::error::RDKafkaErrorCode) -> ClusterError {
        ClusterError(format!("{what}: {error}"))
    }
}

impl From<rdkafka::error::KafkaError> for ClusterError {
    fn from(error: rdkafka::error::KafkaError) -> ClusterError {
        ClusterError(error.to_string())
    }
}

/// Which dead letters are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those of every topic.
    All,
    /// Those of one topic.
    Of(Topic),
    /// One, by where it lies.
    One(Address),
}

/// Where a dead letter lies, as `task-events.dlq/1/17`: topic, partition and offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The topic whose dead letter it is.
    pub topic: Topic,
    /// The partition of the dead-letter topic.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic.dead_letters(), self.partition, self.offset)
    }
}

/// Reads `task-events`, `task-events.dlq` or `task-events.dlq/1/17`.
impl FromStr for Selection {
    type Err = ();

    fn from_str(text: &str) -> Result<Selection, ()> {
        let mut parts = text.split('/');
        let name = parts.next().unwrap_or_default();
        let topic = Topic::parse(name.strip_suffix(DEAD_LETTERS).unwrap_or(name)).ok_or(())?;
        match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => Ok(Selection::Of(topic)),
            (Some(partition), Some(offset), None) => {
                let partition = partition.parse().ok().filter(|partition| *partition >= 0).ok_or(())?;
                let offset = offset.parse().ok().filter(|offset| *offset >= 0).ok_or(())?;
                Ok(Selection::One(Address { topic, partition, offset }))
            }
            _ => Err(()),
        }
    }
}

/// A dead letter that was not sent back yet.
#[derive(Clone, Debug)]
pub struct Parked {
    /// Where it lies.
    pub address: Address,
    /// When it was parked, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// The type of its event, as far as it can be read.
    pub event_type: Option<String>,
    /// Who could not handle it.
    pub function: Option<String>,
    /// How often that was tried.
    pub attempts: Option<u32>,
    /// Why.
    pub reason: Option<String>,
    /// How often it had been tried before earlier replays.
    replayed: u32,
    /// Where it lay: partition and offset.
    origin: Option<(i32, i64)>,
    /// What of it, beside its value, was left out because it is too large.
    left_out: String,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    /// Those that it had when it came.
    headers: OwnedHeaders,
}

/// What became of a dead letter that was to be sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is in its topic again.
    Sent(Address),
    /// It stays where it is, and why.
    Left(Address, String),
}

/// The dead-letter topics of a cluster.
pub struct DeadLetterTopics {
    config: ClientConfig,
    sign_in: SignIn,
    consumer: BaseConsumer<SignIn>,
}

/// A partition that is gone through, and how far.
struct Stretch {
    topic: Topic,
    partition: i32,
    next: i64,
    end: i64,
    /// What of it was sent back already.
    sent: BTreeSet<i64>,
}

/// What a partition has open: from where on, what of that was sent back already, and the end.
struct Open {
    from: i64,
    sent: BTreeSet<i64>,
    end: i64,
}

impl DeadLetterTopics {
    /// Makes the clients, without connecting.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn new(settings: &Settings) -> Result<DeadLetterTopics, ClusterError> {
        let mut config = ClientConfig::new();
        for (name, value) in settings.properties() {
            config.set(name, value);
        }
        let sign_in = SignIn::new(settings);
        let mut reading = config.clone();
        reading.set("group.id", GROUP).set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        let consumer: BaseConsumer<SignIn> = sign_in.create(&reading)?;
        if sign_in.is_by_token() {
            // It asks for its first token when it is polled, and is asked other things before that.
            drop(consumer.poll(SIGNED_IN));
        }
        Ok(DeadLetterTopics { config, sign_in, consumer })
    }

    /// Gives what was not sent back yet, up to `limit`. Waits for the cluster on the thread that calls.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub fn list(&self, selection: &Selection, limit: usize) -> Result<Vec<Parked>, ClusterError> {
        let mut found = Vec::new();
        for mut stretch in self.stretches(selection)? {
            while found.len() < limit && stretch.next < stretch.end {
                found.extend(self.some(&mut stretch, limit - found.len())?);
            }
        }
        Ok(found)
    }

    /// Sends dead letters back to their topics, one after the other; each is noted when the cluster has it.
    ///
    /// # Errors
    /// [`ClusterError`]: those that were told of before are done.
    pub async fn replay(
        &self,
        selection: &Selection,
        mut tell: impl FnMut(&Replay),
    ) -> Result<(), ClusterError> {
        let mut config = self.config.clone();
        for (name, value) in PRODUCER {
            config.set(name, value);
        }
        let producer: FutureProducer<SignIn> = self.sign_in.create(&config)?;
        // Not more than what there is now: what is parked again meanwhile is for the next call.
        for mut stretch in self.stretches(selection)? {
            while stretch.next < stretch.end {
                for mut parked in self.some(&mut stretch, AT_ONCE.0)? {
                    let told = match self.send(&producer, &mut parked).await {
                        Ok(()) => {
                            self.note(&parked.address)?;
                            Replay::Sent(parked.address)
                        }
                        Err(why) => Replay::Left(parked.address, why),
                    };
                    tell(&told);
                }
            }
        }
        Ok(())
    }

    async fn send(&self, producer: &FutureProducer<SignIn>, parked: &mut Parked) -> Result<(), String> {
        // One that was too large to be parked with all of it: that is read where it lay. A record without a value gives none again.
        if parked.value.is_none()
            && let Some((partition, offset)) = parked.origin
        {
            let topic = parked.address.topic;
            let Some(whole) = self.read(topic, partition, offset).map_err(|error| error.to_string())? else {
                return Err(format!(
                    "it was parked without its value, and {}/{partition}/{offset} is gone",
                    topic.as_str()
                ));
            };
            parked.complete(whole);
        }
        let total = (parked.replayed + parked.attempts.unwrap_or(0)).to_string();
        let headers = parked.headers.clone().insert(Header { key: REPLAYED, value: Some(&total) });
        let mut record = FutureRecord::<[u8], [u8]>::to(parked.address.topic.as_str()).headers(headers);
        record.key = parked.key.as_deref();
        record.payload = parked.value.as_deref();
        let sent = producer.send(record, Timeout::After(Duration::from_secs(1))).await;
        sent.map(|_| ()).map_err(|(error, _)| error.to_string())
    }

    /// Reads a record where it lay; `None` when it is gone.
    fn read(&self, topic: Topic, partition: i32, offset: i64) -> Result<Option<Parked>, ClusterError> {
        let mut found = None;
        self.walk(topic.as_str(), partition, offset, offset + 1, |message| {
            if message.offset() == offset {
                found = Some(Parked::read(topic, message));
            }
            true
        })?;
        Ok(found)
    }

    /// Gives the partitions that are meant, each from its first dead letter that may be open to the end that it has now.
    fn stretches(&self, selection: &Selection) -> Result<Vec<Stretch>, ClusterError> {
        let topics = match selection {
            Selection::All => Topic::ALL.to_vec(),
            Selection::Of(topic) | Selection::One(Address { topic, .. }) => vec![*topic],
        };
        let mut stretches = Vec::new();
        for topic in topics {
            let name = topic.dead_letters();
            let metadata = self.consumer.fetch_metadata(Some(&name), PATIENCE)?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            let mut partitions: Vec<i32> = partitions.map(|partition| partition.id()).collect();
            partitions.sort_unstable();
            for partition in partitions {
                let Open { from, sent, end } = self.open(&name, partition)?;
                let (next, end) = match selection {
                    Selection::One(address) if address.partition != partition || address.offset < from => {
                        continue;
                    }
                    Selection::One(address) => (address.offset, end.min(address.offset + 1)),
                    _ => (from, end),
                };
                stretches.push(Stretch { topic, partition, next, end, sent });
            }
        }
        Ok(stretches)
    }

    /// Gives some dead letters that were not sent back yet, at most `limit`; the next call goes on after them.
    fn some(&self, stretch: &mut Stretch, limit: usize) -> Result<Vec<Parked>, ClusterError> {
        let (mut found, mut bytes, mut next) = (Vec::new(), 0, stretch.end);
        let name = stretch.topic.dead_letters();
        self.walk(&name, stretch.partition, stretch.next, stretch.end, |message| {
            if !stretch.sent.contains(&message.offset()) {
                found.push(Parked::read(stretch.topic, message));
                bytes += message.payload_len();
            }
            let goes_on = found.len() < limit && bytes < AT_ONCE.1;
            if !goes_on {
                next = message.offset() + 1;
            }
            goes_on
        })?;
        stretch.next = next;
        Ok(found)
    }

    /// Gives each record of a partition from one offset to another, as far as they are still there, until told to stop.
    fn walk(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        end: i64,
        mut take: impl FnMut(&BorrowedMessage<'_>) -> bool,
    ) -> Result<(), ClusterError> {
        let (first, last) = self.consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        let (from, end) = (from.max(first), end.min(last));
        if from >= end {
            return Ok(());
        }
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, partition, Offset::Offset(from))?;
        self.consumer.assign(&place)?;
        let mut watch = Stopwatch::start();
        let (mut next, mut is_at_end) = (from, false);
        while next < end {
            match self.consumer.poll(Duration::from_secs(1)) {
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => is_at_end = true,
                Some(message) => {
                    let message = message?;
                    is_at_end = false;
                    // Not those of an assignment before.
                    if message.topic() != topic || message.partition() != partition {
                        continue;
                    }
                    next = message.offset() + 1;
                    watch = Stopwatch::start();
                    if message.offset() < end && !take(&message) {
                        break;
                    }
                }
                // What is left are the marks of transactions, which nobody is given.
                None if is_at_end => break,
                // The rest may be gone meanwhile.
                None if watch.elapsed() > PATIENCE => {
                    return Err(ClusterError(format!("{topic}/{partition}/{next} can not be read")));
                }
                None => {}
            }
        }
        self.consumer.unassign()?;
        Ok(())
    }

    fn open(&self, topic: &str, partition: i32) -> Result<Open, ClusterError> {
        let (first, end) = self.consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition(topic, partition);
        let committed = self.consumer.committed_offsets(asked, PATIENCE)?;
        let elements = committed.elements();
        let committed = elements.first();
        let from = committed.and_then(|one| one.offset().to_raw()).filter(|offset| *offset >= first);
        let sent =
            committed.map(|one| one.metadata().split(',').filter_map(|one| one.parse().ok()).collect());
        Ok(Open { from: from.unwrap_or(first), sent: sent.unwrap_or_default(), end })
    }

    /// Notes that a dead letter was sent back: as the offset of the group, or beside it when others before it are still open.
    fn note(&self, address: &Address) -> Result<(), ClusterError> {
        let topic = address.topic.dead_letters();
        let Open { mut from, mut sent, .. } = self.open(&topic, address.partition)?;
        sent.insert(address.offset);
        while sent.remove(&from) {
            from += 1;
        }
        sent.retain(|offset| *offset > from);
        let mut noted = String::new();
        for offset in sent {
            let offset = offset.to_string();
            // One that finds no room is sent once more with all the others, which does no harm.
            if noted.len() + offset.len() < NOTED_BYTES {
                noted += if noted.is_empty() { "" } else { "," };
                noted += &offset;
            }
        }
        let mut list = TopicPartitionList::new();
        let mut place = list.add_partition(&topic, address.partition);
        place.set_offset(Offset::Offset(from))?;
        place.set_metadata(noted);
        Ok(self.consumer.commit(&list, CommitMode::Sync)?)
    }
}

impl Parked {
    /// Reads what a worker has parked, or Dapr (whose headers are `__topic` and so on), or a sink of Knative (attributes
    /// `knativeerror…`).
    fn read(topic: Topic, message: &BorrowedMessage<'_>) -> Parked {
        let address = Address { topic, partition: message.partition(), offset: message.offset() };
        let mut own = OwnedHeaders::new();
        let mut said: Vec<(String, String)> = Vec::new();
        for header in message.headers().into_iter().flat_map(|headers| headers.iter()) {
            let name = header.key;
            let is_of_parking = name.starts_with("dlq-") || name.starts_with("__") || is_knatives(name);
            if is_of_parking || name == REPLAYED {
                let value = String::from_utf8_lossy(header.value.unwrap_or_default()).into_owned();
                said.push((name.to_owned(), value));
            } else {
                own = own.insert(Header { key: name, value: header.value });
            }
        }
        // A record that was parked more often has the latest last.
        let header = |names: [&str; 2]| {
            let known = said.iter().rev().find(|(name, _)| names.contains(&name.as_str()));
            known.map(|(_, value)| value.clone())
        };
        let number = |names| header(names).and_then(|value| value.parse::<i64>().ok());
        let mut value = message.payload().map(<[u8]>::to_vec);
        let mut event = value.as_deref().and_then(|value| serde_json::from_slice::<Value>(value).ok());
        let event_type = event.as_ref().and_then(|event| event["type"].as_str()).map(str::to_owned);
        let mut of_knative = header(["ce_knativeerrorcode", "ce-knativeerrorcode"]);
        if let Some(attributes) = event.as_mut().and_then(Value::as_object_mut) {
            let code = attributes.get("knativeerrorcode").map(|code| code.to_string().replace('"', ""));
            let before = attributes.len();
            attributes.retain(|name, _| !is_knatives(name));
            if attributes.len() < before {
                of_knative = of_knative.or(code);
                value = event.as_ref().map(|event| event.to_string().into_bytes());
            }
        }
        let partition =
            number(["dlq-partition", "__partition"]).and_then(|number| i32::try_from(number).ok());
        Parked {
            address,
            at_ms: message.timestamp().to_millis(),
            event_type,
            function: header(["dlq-function", "dlq-function"]),
            attempts: number(["dlq-attempts", "dlq-attempts"]).and_then(|number| u32::try_from(number).ok()),
            reason: header(["dlq-reason", "dlq-reason"])
                .or(of_knative.map(|code| format!("Knative's delivery was answered {code}"))),
            replayed: number([REPLAYED, REPLAYED]).and_then(|number| u32::try_from(number).ok()).unwrap_or(0),
            origin: partition.zip(number(["dlq-offset", "__offset"])),
            left_out: header([LEFT_OUT_HEADER.0; 2]).unwrap_or_default(),
            key: message.key().map(<[u8]>::to_vec),
            value,
            headers: own,
        }
    }

    /// Takes what was left out from the record that it was.
    fn complete(&mut self, whole: Parked) {
        let is_left_out = |part: &str| self.left_out.split(',').any(|one| one == part);
        let (no_headers, no_key) = (is_left_out(HEADERS), is_left_out(KEY));
        self.value = whole.value;
        if no_headers {
            (self.headers, self.replayed) = (whole.headers, whole.replayed);
        }
        if no_key {
            self.key = whole.key;
        }
    }
}

/// Tells whether a header or an attribute is Knative's word on why an event could not be delivered.
fn is_knatives(name: &str) -> bool {
    let name = name.strip_prefix("ce_").or_else(|| name.strip_prefix("ce-")).unwrap_or(name);
    name.starts_with("knativeerror")
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        mocking::MockCluster,
        producer::{DefaultProducerContext, Producer as _},
    };

    use super::*;
    use crate::config::Environment;

    /// A cluster in this process with the topic of reminders and its dead letters, and a producer to it.
    fn cluster() -> (MockCluster<'static, DefaultProducerContext>, FutureProducer, DeadLetterTopics) {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for topic in ["reminders", "reminders.dlq"] {
            cluster.create_topic(topic, 3, 1).expect("a topic");
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer = config.create().expect("sound settings");
        let environment = Environment::from_pairs([("KAFKA_BROKERS", cluster.bootstrap_servers())]);
        let settings = Settings::from_environment(&environment).expect("it is sound").expect("it is set");
        (cluster, producer, DeadLetterTopics::new(&settings).expect("it is sound"))
    }

    #[tokio::test]
    async fn what_was_left_out_for_its_size_is_read_where_it_lay() {
        let (_cluster, producer, topics) = cluster();
        let headers = |pairs: &[(&str, &str)]| {
            let insert = |all: OwnedHeaders, (key, value): &(&str, &str)| {
                all.insert(Header { key, value: Some(*value) })
            };
            pairs.iter().fold(OwnedHeaders::new(), insert)
        };
        let own = headers(&[("own", "kept"), (REPLAYED, "2")]);
        let record = FutureRecord::to("reminders").partition(1).key("key").payload("value").headers(own);
        producer.send(record, PATIENCE).await.expect("the cluster takes it");
        let said = headers(&[
            ("dlq-partition", "1"),
            ("dlq-offset", "0"),
            ("dlq-attempts", "5"),
            (LEFT_OUT_HEADER.0, "value,headers,key"),
        ]);
        let parked = FutureRecord::<[u8], [u8]>::to("reminders.dlq").headers(said);
        producer.send(parked, PATIENCE).await.expect("the cluster takes it");
        let mut told = Vec::new();
        topics
            .replay(&Selection::Of(Topic::Reminders), |replay| told.push(replay.clone()))
            .await
            .expect("the cluster is there");
        assert!(matches!(told[..], [Replay::Sent(_)]), "{told:?}");
        let mut found = Vec::new();
        for partition in 0..3 {
            let take = |message: &BorrowedMessage<'_>| {
                let headers = message.headers().expect("it has some").iter();
                let headers = headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)));
                let key = message.key().map(<[u8]>::to_vec);
                found.push((key, message.payload().map(<[u8]>::to_vec), headers.collect::<Vec<_>>()));
                true
            };
            topics.walk("reminders", partition, 0, i64::MAX, take).expect("the cluster is there");
        }
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        let with = |replayed| vec![("own".to_owned(), bytes("kept")), (REPLAYED.to_owned(), bytes(replayed))];
        found.sort();
        assert_eq!(
            found,
            [(bytes("key"), bytes("value"), with("2")), (bytes("key"), bytes("value"), with("7"))]
        );
    }

    #[tokio::test]
    async fn all_that_lie_there_at_the_start_are_sent_back_and_none_that_comes_meanwhile() {
        const COUNT: usize = 250;
        let (_cluster, producer, topics) = cluster();
        let park = |partition: i32| {
            let record = FutureRecord::to("reminders.dlq").partition(partition).key("a").payload("{}");
            producer.send_result(record).expect("there is room")
        };
        for number in 0..COUNT {
            // Most lie in one partition: more than are in memory at once.
            let parked = park(if number % 10 == 0 { 1 } else { 0 }).await;
            parked.expect("the producer is there").expect("the cluster takes it");
        }
        let selection = Selection::Of(Topic::Reminders);
        let mut told = Vec::new();
        let tell = |replay: &Replay| {
            if told.is_empty() {
                // In a partition that was not begun yet.
                drop(park(1));
                producer.flush(PATIENCE).expect("the cluster takes it");
            }
            told.push(replay.clone());
        };
        topics.replay(&selection, tell).await.expect("the cluster is there");
        assert_eq!(told.len(), COUNT);
        assert!(told.iter().all(|replay| matches!(replay, Replay::Sent(_))), "{told:?}");
        assert_eq!(topics.list(&selection, usize::MAX).expect("the cluster is there").len(), 1);
    }

    #[test]
    fn dead_letters_are_named_by_topic_or_by_their_place() {
        let one = "task-events.dlq/1/17";
        let Ok(Selection::One(address)) = one.parse() else { panic!("{one} is the place of one") };
        assert_eq!(address.to_string(), one);
        assert_eq!("reminders".parse(), Ok(Selection::Of(Topic::Reminders)));
        assert_eq!("reminders.dlq".parse(), Ok(Selection::Of(Topic::Reminders)));
        for wrong in ["", "tasks", "reminders/1", "reminders/1/2/3", "reminders/-1/2", "reminders/1/x"] {
            assert_eq!(wrong.parse::<Selection>(), Err(()), "{wrong}");
        }
    }
}
