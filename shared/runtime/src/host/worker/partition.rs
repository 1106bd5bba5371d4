//! The records of one partition, one batch after the other.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Handler,
    consumer::Flow,
    dead_letters::DeadLetters,
    record::{Place, Record},
};
use crate::{
    backoff::{self, PAUSE},
    clock::{Stopwatch, random_fraction},
    disposition::{Disposition, MAX_ATTEMPTS},
    metrics::LabelledCounter,
    triggers::try_deliver,
};

/// How many records, and bytes, are handed over at once.
const BATCH: (usize, usize) = (64, 4 << 20);
/// The first wait between attempts is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// No wait is longer, unless the handler wishes it.
const BACKOFF_CAP: Duration = Duration::from_secs(30);

/// What works on a partition.
pub(super) struct Work {
    pub(super) handler: Handler,
    pub(super) place: Place,
    pub(super) flow: Arc<Flow>,
    pub(super) dead_letters: Arc<DeadLetters>,
    pub(super) handled: LabelledCounter,
}

/// What is left of a batch after a round.
struct Left {
    open: Vec<Record>,
    wait: Duration,
}

impl Work {
    /// Works until told to stop, which it does between two batches or in a wait.
    pub(super) async fn run(self, mut queue: UnboundedReceiver<Record>, stop: CancellationToken) {
        while let Some(batch) =
            stop.run_until_cancelled(next_batch(&mut queue)).await.filter(|batch| !batch.is_empty())
        {
            if !self.work_off(batch, &stop).await {
                return;
            }
        }
    }

    /// Works on a batch until each record's fate is final; `false` when it was stopped before.
    async fn work_off(&self, batch: Vec<Record>, stop: &CancellationToken) -> bool {
        let (count, bytes) = (batch.len(), batch.iter().map(Record::bytes).sum());
        let end = batch.last().map_or(0, |last| last.offset + 1);
        let mut open = batch;
        // When all fail together, each is tried by itself from then on, so that only the one at fault has to go.
        let mut is_one_by_one = false;
        while !open.is_empty() {
            let others = if is_one_by_one { open.split_off(1) } else { Vec::new() };
            let mut left = self.attempt(open, &mut is_one_by_one).await;
            open = left.open;
            open.extend(others);
            self.flow.store(open.first().map_or(end, |first| first.offset));
            if left.wait > Duration::ZERO {
                left.wait = left.wait.min(Duration::from_secs(3_600));
                if stop.run_until_cancelled(tokio::time::sleep(left.wait)).await.is_none() {
                    return false;
                }
            } else if stop.is_cancelled() && !open.is_empty() {
                return false;
            }
        }
        self.flow.remove(count, bytes);
        true
    }

    /// Tries records once, and settles those whose fate is final. After one that is to be tried again the later ones of its key
    /// stay with it.
    async fn attempt(&self, records: Vec<Record>, is_one_by_one: &mut bool) -> Left {
        #[cfg(test)]
        assert!(!records.iter().any(Record::is_to_panic), "a test wants to see what comes of this");
        let watch = Stopwatch::start();
        let dispositions = match self.dispositions(&records).await {
            Ok(dispositions) => dispositions,
            Err(why) if records.len() > 1 => {
                *is_one_by_one = true;
                let Place { topic, partition } = &self.place;
                tracing::warn!(topic, partition, why, records = records.len(), "records failed together");
                return Left { open: records, wait: PAUSE.mul_f64(random_fraction()) };
            }
            Err(why) => vec![Disposition::retry(why)],
        };
        let duration_ms = watch.elapsed().as_secs_f64() * 1_000.0;
        let mut left = Left { open: Vec::new(), wait: Duration::ZERO };
        let mut waiting: HashSet<Vec<u8>> = HashSet::new();
        for (mut record, disposition) in records.into_iter().zip(dispositions) {
            if record.key.as_ref().is_some_and(|key| waiting.contains(key)) {
                left.open.push(record);
                continue;
            }
            record.attempts += 1;
            let (outcome, wait) = self.settle(&mut record, disposition).await;
            let (Place { topic, partition }, offset) = (&self.place, record.offset);
            tracing::info!(
                topic,
                partition,
                offset,
                attempt = record.attempts,
                outcome,
                duration_ms,
                "record handled"
            );
            let labels = vec![("topic", topic.clone()), ("outcome", outcome.to_owned())];
            self.handled.get_or_create(&labels).inc();
            if let Some(wait) = wait {
                left.wait = left.wait.max(wait);
                waiting.extend(record.key.clone());
                left.open.push(record);
            }
        }
        left
    }

    /// Asks the handler about those that can be read; the others are rejected without it.
    async fn dispositions(&self, records: &[Record]) -> Result<Vec<Disposition>, String> {
        let events: Vec<Result<&[u8], String>> = records.iter().map(Record::event).collect();
        let readable: Vec<&[u8]> = events.iter().filter_map(|event| event.as_ref().ok().copied()).collect();
        let mut decided = if readable.is_empty() {
            Vec::new().into_iter()
        } else {
            let asked =
                timeout(self.handler.deadline, try_deliver(&self.handler.router, &readable, |_| {})).await;
            asked.map_err(|_| "the handler took too long".to_owned())??.into_iter()
        };
        let decide = |event: Result<&[u8], String>| match event {
            Ok(_) => decided.next().expect("each event was decided about"),
            Err(why) => Disposition::reject(why),
        };
        Ok(events.into_iter().map(decide).collect())
    }

    /// Settles one record: says what became of it, and how long it has to wait if it is not final.
    async fn settle(
        &self,
        record: &mut Record,
        disposition: Disposition,
    ) -> (&'static str, Option<Duration>) {
        let (Place { topic, partition }, offset) = (&self.place, record.offset);
        match disposition {
            Disposition::Done => ("done", None),
            Disposition::Unavailable { why } => {
                // That was no attempt.
                record.attempts -= 1;
                tracing::warn!(topic, partition, offset, why, "record waits for what is away");
                ("unavailable", Some(backoff::until_back(random_fraction())))
            }
            Disposition::Retry { after, why } if record.attempts < MAX_ATTEMPTS => {
                let attempt = record.attempts;
                tracing::warn!(topic, partition, offset, attempt, why, "record to be retried");
                let own = backoff::delay(attempt - 1, BACKOFF_BASE, BACKOFF_CAP, random_fraction());
                // Never at once: a handler that fails quickly must not keep a processor busy.
                ("retry", Some(after.unwrap_or_default().max(own).max(Duration::from_millis(1))))
            }
            Disposition::Retry { why, .. } | Disposition::Reject { why } => self.park(record, &why).await,
        }
    }

    async fn park(&self, record: &mut Record, why: &str) -> (&'static str, Option<Duration>) {
        let (Place { topic, partition }, offset) = (&self.place, record.offset);
        match self.dead_letters.park(&self.place, record, why).await {
            Ok(left_out) => {
                let attempt = record.attempts;
                tracing::error!(
                    topic,
                    partition,
                    offset,
                    attempt,
                    why,
                    left_out,
                    "record became a dead letter"
                );
                ("dead_letter", None)
            }
            Err(error) => {
                record.attempts -= 1;
                tracing::error!(
                    topic,
                    partition,
                    offset,
                    error,
                    "a dead letter could not be parked, trying again"
                );
                ("unavailable", Some(backoff::until_back(random_fraction())))
            }
        }
    }
}

/// Waits for a record, and takes those that are there as well, up to a batch; empty when no more can come.
async fn next_batch(queue: &mut UnboundedReceiver<Record>) -> Vec<Record> {
    let mut batch: Vec<Record> = queue.recv().await.into_iter().collect();
    let mut bytes: usize = batch.iter().map(Record::bytes).sum();
    while !batch.is_empty()
        && batch.len() < BATCH.0
        && bytes < BATCH.1
        && let Ok(record) = queue.try_recv()
    {
        bytes += record.bytes();
        batch.push(record);
    }
    batch
}
