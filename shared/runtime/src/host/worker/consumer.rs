//! The client of the group: takes records, gives them to the tasks of their partitions, and gives partitions back.

use std::{
    collections::HashMap,
    error::Error,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use futures::FutureExt as _;
use rdkafka::{
    ClientConfig, ClientContext, Offset, TopicPartitionList,
    client::OAuthToken,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::RDKafkaErrorCode,
};
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};
use tokio_util::sync::CancellationToken;

use super::{
    Handler,
    dead_letters::DeadLetters,
    partition::Work,
    record::{Place, Record},
};
use crate::{
    backoff,
    clock::{Stopwatch, random_fraction},
    kafka::{Settings, sign_in::SignIn},
    metrics::{LabelledCounter, Metrics},
};

/// How the consumer works, before what leads to the cluster.
const CONSUMER: [(&str, &str); 11] = [
    ("enable.auto.commit", "true"),
    ("auto.commit.interval.ms", "1000"),
    // What is stored is committed; it is stored when its fate is final.
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "earliest"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    // The partitions of a worker that was killed are with another one after so long.
    ("session.timeout.ms", "10000"),
    ("heartbeat.interval.ms", "2000"),
    // Topics that are created later are found within this time.
    ("topic.metadata.refresh.interval.ms", "5000"),
    ("queued.max.messages.kbytes", "16384"),
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "500"),
];
/// How long one look for records takes at most; a stop is noticed that soon.
const LOOK: Duration = Duration::from_millis(100);
/// How long a partition that is wanted elsewhere may take to finish the batch that is under way.
const HANDING_OVER: Duration = Duration::from_secs(5);
/// What is kept of the time that a stop may take for the last commit and for leaving the group.
const LEAVING: Duration = Duration::from_secs(2);
/// What is kept of it for the rest of the process.
const ENDING: Duration = Duration::from_millis(500);
/// How long the last commit may wait for the group.
const COMMITTING: Duration = Duration::from_secs(1);
/// The first wait before a consumer whose work panicked joins its group again is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// The longest such wait. Whoever worked for longer than this has recovered, and begins with the first one when it fails again.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// How long the cluster may take to say that it is there.
const PROBE: Duration = Duration::from_millis(1_500);
/// The same trouble is told of again after this time.
const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// A partition with this many records, or bytes, waiting in memory gets no more until few are left.
pub(super) const MANY: (usize, usize) = (1_000, 8 << 20);
const FEW: (usize, usize) = (250, 2 << 20);

pub(super) type Client = BaseConsumer<Assigned>;

/// A consumer that has not begun yet, or works.
pub(super) struct Consumer {
    handler: Handler,
    client: Mutex<Option<Arc<Client>>>,
    dead_letters: Arc<DeadLetters>,
    /// By topic and outcome.
    handled: LabelledCounter,
    settings: Settings,
    /// How long a stop may take.
    drain: Duration,
}

/// The partitions that this worker has, as far as records have come from them.
pub(super) struct Assigned {
    partitions: Mutex<HashMap<Place, Partition>>,
    sign_in: SignIn,
    /// Cancelled when the work on one of them has panicked.
    has_failed: CancellationToken,
}

/// The near end of a partition's task.
struct Partition {
    records: UnboundedSender<Record>,
    flow: Arc<Flow>,
    stop: CancellationToken,
    /// Closed when the task has ended.
    ended: std::sync::mpsc::Receiver<()>,
}

/// How much of a partition waits in memory; holds it back when that is much.
pub(super) struct Flow {
    client: Arc<Client>,
    place: Place,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    records: usize,
    bytes: usize,
    is_held_back: bool,
}

impl Consumer {
    pub(super) fn new(
        handler: Handler,
        settings: &Settings,
        metrics: &Metrics,
        drain: Duration,
    ) -> Result<Consumer, String> {
        Ok(Consumer {
            client: Mutex::new(Some(join(&handler, settings)?)),
            dead_letters: Arc::new(DeadLetters::new(handler.function, settings)?),
            handled: metrics
                .labelled_counter("kaam_records_total", "Records of Kafka handled, each try by its outcome"),
            handler,
            settings: settings.clone(),
            drain,
        })
    }

    /// Tells whether the cluster answers.
    pub(super) async fn is_connected(&self) -> bool {
        let Some(client) = locked(&self.client).clone() else { return false };
        let topic = self.handler.topics[0];
        let asked = tokio::task::spawn_blocking(move || client.fetch_metadata(Some(topic), PROBE).is_ok());
        asked.await.unwrap_or(false)
    }

    /// Consumes until stopped; then finishes what is under way, commits it and leaves the group, as far as there is time for it.
    ///
    /// When the work on a partition panics it leaves the group at once, so that another worker has its partitions, and joins it again
    /// after a while.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let watch = Stopwatch::start();
            if !self.consume(&stop).await {
                return;
            }
            failures = failures_before(failures, watch.elapsed());
            let wait = backoff::delay(failures, BACKOFF_BASE, BACKOFF_CAP, 0.5 + 0.5 * random_fraction());
            let group = self.handler.function;
            tracing::error!(
                group,
                wait_ms = wait.as_millis(),
                "the consumer has left its group, and will join it again"
            );
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
            failures = failures.saturating_add(1);
        }
    }

    /// Consumes until stopped, or until it fails; tells whether it has failed.
    async fn consume(self: &Arc<Self>, stop: &CancellationToken) -> bool {
        let client = locked(&self.client).take().map_or_else(|| join(&self.handler, &self.settings), Ok);
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(error, "the consumer can not begin");
                return true;
            }
        };
        *locked(&self.client) = Some(Arc::clone(&client));
        let (runtime, own, stopped) = (Handle::current(), Arc::clone(self), stop.clone());
        // A thread of its own: giving partitions back waits for their tasks.
        let consumed = tokio::task::spawn_blocking(move || {
            let worked =
                catch_unwind(AssertUnwindSafe(|| own.take_records(&client, &runtime, &stopped))).is_ok();
            client.context().give_back(None, own.drain.saturating_sub(LEAVING));
            commit(&client);
            locked(&own.client).take();
            let has_failed = !worked || client.context().has_failed.is_cancelled();
            if Arc::strong_count(&client) > 1 {
                // A batch that is still under way keeps the client, which is to leave the group all the same.
                client.unsubscribe();
                drop(client.poll(LOOK));
            }
            // The last one: it leaves the group.
            drop(client);
            has_failed
        });
        let no_longer = async {
            stop.cancelled().await;
            tokio::time::sleep(self.drain.saturating_sub(ENDING)).await;
        };
        tokio::select! {
            has_failed = consumed => has_failed.unwrap_or(true),
            () = no_longer => {
                // The thread ends with the process. What it has not committed comes again.
                tracing::warn!("the consumer did not leave its group in time");
                false
            }
        }
    }

    /// Says how many records wait in memory.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let Some(client) = locked(&self.client).clone() else { return 0 };
        let partitions = locked(&client.context().partitions);
        partitions.values().map(|partition| locked(&partition.flow.waiting).records).sum()
    }

    fn take_records(&self, client: &Arc<Client>, runtime: &Handle, stop: &CancellationToken) {
        let mut last_told: Option<(String, Stopwatch)> = None;
        while !stop.is_cancelled() && !client.context().has_failed.is_cancelled() {
            match client.poll(LOOK) {
                None => {}
                Some(Ok(message)) => {
                    use rdkafka::message::Message as _;
                    let place = Place { topic: message.topic().to_owned(), partition: message.partition() };
                    self.pass_on(client, runtime, place, Record::new(&message));
                }
                Some(Err(error)) => {
                    let error = error.to_string();
                    let is_known = last_told
                        .as_ref()
                        .is_some_and(|(told, since)| *told == error && since.elapsed() < TOLD_AGAIN);
                    if !is_known {
                        tracing::warn!(error, "trouble with Kafka, which the client goes on after by itself");
                        last_told = Some((error, Stopwatch::start()));
                    }
                }
            }
        }
    }

    /// Gives a record to the task of its partition, which begins with the first.
    fn pass_on(&self, client: &Arc<Client>, runtime: &Handle, place: Place, record: Record) {
        let mut partitions = locked(&client.context().partitions);
        let partition = partitions.entry(place.clone()).or_insert_with(|| self.begin(client, runtime, place));
        partition.flow.add(record.bytes());
        // Its task ends when it is told to, and then gets nothing more; or by a panic, of which it tells itself.
        let _ = partition.records.send(record);
    }

    fn begin(&self, client: &Arc<Client>, runtime: &Handle, place: Place) -> Partition {
        let flow =
            Arc::new(Flow { client: Arc::clone(client), place: place.clone(), waiting: Mutex::default() });
        let (records, queue) = tokio::sync::mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let (ending, ended) = channel::<()>();
        let work = Work {
            handler: self.handler.clone(),
            place,
            flow: Arc::clone(&flow),
            dead_letters: Arc::clone(&self.dead_letters),
            handled: self.handled.clone(),
        };
        let (stopped, has_failed) = (stop.clone(), client.context().has_failed.clone());
        runtime.spawn(async move {
            // Dropped at the end, however that comes.
            let _ending: Sender<()> = ending;
            let Place { topic, partition } = work.place.clone();
            if AssertUnwindSafe(work.run(queue, stopped)).catch_unwind().await.is_err() {
                tracing::error!(
                    topic,
                    partition,
                    "the work on a partition panicked; what it has not done comes again"
                );
                has_failed.cancel();
            }
        });
        Partition { records, flow, stop, ended }
    }
}

impl Flow {
    fn add(&self, bytes: usize) {
        let mut waiting = locked(&self.waiting);
        waiting.records += 1;
        waiting.bytes += bytes;
        if !waiting.is_held_back && (waiting.records >= MANY.0 || waiting.bytes >= MANY.1) {
            waiting.is_held_back = self.client.pause(&self.partition()).is_ok();
        }
    }

    /// Notes that records are done with; those after them may come when few are left.
    pub(super) fn remove(&self, records: usize, bytes: usize) {
        let mut waiting = locked(&self.waiting);
        waiting.records -= records;
        waiting.bytes -= bytes;
        if waiting.is_held_back && waiting.records <= FEW.0 && waiting.bytes <= FEW.1 {
            // One that was given back is not ours to go on with.
            waiting.is_held_back = self.client.resume(&self.partition()).is_err();
        }
    }

    /// Notes that everything before `offset` is final.
    pub(super) fn store(&self, offset: i64) {
        let mut list = TopicPartitionList::new();
        let stored = list
            .add_partition_offset(&self.place.topic, self.place.partition, Offset::Offset(offset))
            .and_then(|()| self.client.store_offsets(&list));
        if let Err(error) = stored {
            // Whoever has the partition now does the work again, which consumers are prepared for.
            let Place { topic, partition } = &self.place;
            tracing::info!(topic, partition, offset, error = %error, "the partition is another worker's by now");
        }
    }

    fn partition(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.place.topic, self.place.partition);
        list
    }
}

impl Assigned {
    /// Ends the tasks of these partitions, or of all, each after the batch that is under way, as long as that does not take too long.
    fn give_back(&self, places: Option<&TopicPartitionList>, deadline: Duration) {
        let ending: Vec<(Place, Partition)> = {
            let mut partitions = locked(&self.partitions);
            let is_meant = |place: &Place| {
                places.is_none_or(|list| list.find_partition(&place.topic, place.partition).is_some())
            };
            partitions.extract_if(|place, _| is_meant(place)).collect()
        };
        for (_, partition) in &ending {
            partition.stop.cancel();
        }
        let watch = Stopwatch::start();
        for (Place { topic, partition: number }, partition) in ending {
            let left = deadline.saturating_sub(watch.elapsed());
            if partition.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(
                    topic,
                    partition = number,
                    "a batch is still under way when its partition is given back"
                );
            }
        }
    }
}

impl ClientContext for Assigned {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.sign_in.token()
    }
}

impl ConsumerContext for Assigned {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(places) = rebalance {
            tracing::info!(partitions = places.count(), "partitions go to another worker");
            self.give_back(Some(places), HANDING_OVER);
        }
    }

    fn post_rebalance(&self, client: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(places) = rebalance {
            tracing::info!(partitions = places.count(), "partitions were taken");
            // One may have been held back when it was here before.
            let _ = client.resume(places);
        }
    }
}

/// Says how many failures in a row came before the one at hand, when it had worked for so long since the last of them.
fn failures_before(failures: u32, worked: Duration) -> u32 {
    if worked > BACKOFF_CAP { 0 } else { failures }
}

/// Makes a client that takes part in the group.
fn join(handler: &Handler, settings: &Settings) -> Result<Arc<Client>, String> {
    let mut config = ClientConfig::new();
    config.set("group.id", handler.function).set("client.id", handler.function);
    for (name, value) in CONSUMER.into_iter().chain(settings.properties()) {
        config.set(name, value);
    }
    let assigned = Assigned {
        partitions: Mutex::default(),
        sign_in: SignIn::new(settings),
        has_failed: CancellationToken::new(),
    };
    let client: Client = config.create_with_context(assigned).map_err(|error| error.to_string())?;
    client.subscribe(handler.topics).map_err(|error| error.to_string())?;
    Ok(Arc::new(client))
}

/// Commits what is final, at the end. While the group is sharing its partitions out anew that is refused, for a moment.
fn commit(client: &Client) {
    let watch = Stopwatch::start();
    while let Err(error) = client.commit_consumer_state(CommitMode::Sync) {
        match error.rdkafka_error_code() {
            // Nothing to commit is as good as committed.
            Some(RDKafkaErrorCode::NoOffset) => return,
            Some(RDKafkaErrorCode::RebalanceInProgress) if watch.elapsed() < COMMITTING => {
                // Takes part in it. What comes with it is not stored, and so is another worker's.
                drop(client.poll(LOOK));
            }
            _ => {
                tracing::warn!(error = %error, "the last records could not be committed, they come again");
                return;
            }
        }
    }
}

/// A panic leaves nothing half done here, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_that_has_worked_for_long_waits_no_longer_than_at_first() {
        assert_eq!(failures_before(7, Duration::from_secs(3_600)), 0);
        assert_eq!(failures_before(7, BACKOFF_BASE), 7, "it fails again and again");
    }
}
