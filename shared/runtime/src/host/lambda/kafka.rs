//! Kafka's records as batches of events, and what was decided about them in Lambda's words.

use std::collections::BTreeMap;

use axum::Router;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::Around;
use crate::{disposition::Disposition, json::one_text, triggers};

/// What an event source mapping of Kafka hands over: the records of one or more partitions, named `topic-partition`.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    records: BTreeMap<String, Vec<Record>>,
}

#[derive(Debug, Deserialize)]
struct Record {
    topic: String,
    offset: i64,
    /// Base64; none is a tombstone.
    #[serde(default)]
    value: Option<String>,
}

impl Batch {
    /// Gives the topics of the records.
    pub(super) fn topics(&self) -> impl Iterator<Item = &str> {
        self.records.values().flatten().map(|record| record.topic.as_str())
    }
}

/// The answer of `ReportBatchItemFailures`: from where on each partition is to be delivered again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: Item,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Item {
    partition: String,
    offset: i64,
}

/// Hands over each partition as one batch, all at the same time, and gives what failed.
pub(super) async fn answer(router: &Router, batch: Batch, around: &Around) -> Answer {
    let partitions = batch.records.into_iter().map(async |(partition, mut records)| {
        records.sort_by_key(|record| record.offset);
        let decided = decide(router, &records, around).await;
        Decided { partition, records: records.into_iter().map(|record| record.offset).zip(decided).collect() }
    });
    let decided = join_all(partitions).await;
    for partition in &decided {
        partition.log();
    }
    failures(decided)
}

/// Decides about the records of a partition, in their order. What is no JSON is rejected here: it would spoil the batch.
async fn decide(router: &Router, records: &[Record], around: &Around) -> Vec<Disposition> {
    let texts: Vec<_> = records.iter().map(|record| text(record.value.as_deref())).collect();
    let readable: Vec<&Vec<u8>> = texts.iter().flatten().collect();
    let mut delivered = match readable.as_slice() {
        [] => Vec::new(),
        events => triggers::deliver_with(router, events, |request| around.put_on_event(request)).await,
    }
    .into_iter();
    let decide = |text: Result<_, &str>| match text {
        Ok(_) => delivered.next().expect("each event that is delivered is decided about"),
        Err(why) => Disposition::reject(why),
    };
    texts.into_iter().map(decide).collect()
}

/// Gives the JSON of a record.
fn text(value: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let value = value.ok_or("the record has no value")?;
    let text = STANDARD.decode(value).map_err(|_| "the value of the record is not base64")?;
    match one_text(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err("the record is not JSON"),
    }
}

/// What was decided about the records of a partition, by their offsets.
struct Decided {
    partition: String,
    records: Vec<(i64, Disposition)>,
}

impl Decided {
    /// Writes a line for the batch, and one for each record that was rejected: nobody else will tell of it.
    fn log(&self) {
        let partition = &self.partition;
        for (offset, disposition) in &self.records {
            if let Disposition::Reject { why } = disposition {
                tracing::error!(
                    partition,
                    offset,
                    why,
                    "record rejected, it goes to the mapping's destination"
                );
            }
        }
        let count = |is: fn(&Disposition) -> bool| self.records.iter().filter(|(_, made)| is(made)).count();
        let (records, done) = (self.records.len(), count(|made| *made == Disposition::Done));
        let to_retry = count(Disposition::is_to_come_again);
        tracing::info!(
            partition,
            records,
            done,
            to_retry,
            rejected = records - done - to_retry,
            "batch handled"
        );
    }
}

/// Names the first record of each partition that was not done: Lambda delivers it again, and all behind it.
fn failures(decided: Vec<Decided>) -> Answer {
    let first = |Decided { partition, records }| {
        let (offset, _) = records.into_iter().find(|(_, made)| *made != Disposition::Done)?;
        Some(Failure { item_identifier: Item { partition, offset } })
    };
    Answer { batch_item_failures: decided.into_iter().filter_map(first).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_record_of_each_partition_that_is_not_done_is_named() {
        let partition = |name: &str, first: i64, made: &[Disposition]| Decided {
            partition: name.to_owned(),
            records: (first..).zip(made.iter().cloned()).collect(),
        };
        let (done, retry, reject) = (Disposition::Done, Disposition::retry("x"), Disposition::reject("y"));
        let away = Disposition::Unavailable { why: "z".to_owned() };
        let answer = failures(vec![
            partition("task-events-0", 40, &[done.clone(), retry.clone(), done.clone(), reject.clone()]),
            partition("task-events-1", 7, &[done.clone(), done.clone()]),
            partition("task-events-2", 0, &[reject, retry]),
            partition("reminders-0", 5, &[done.clone(), done, away]),
        ]);
        let expected = json!({"batchItemFailures": [
            {"itemIdentifier": {"partition": "task-events-0", "offset": 41}},
            {"itemIdentifier": {"partition": "task-events-2", "offset": 0}},
            {"itemIdentifier": {"partition": "reminders-0", "offset": 7}},
        ]});
        assert_eq!(serde_json::to_value(answer).expect("JSON"), expected);
    }

    #[test]
    fn what_is_no_json_is_refused_before_it_spoils_its_batch() {
        assert_eq!(text(Some("e30=")).expect("JSON"), b"{}");
        for value in [None, Some(""), Some("%%"), Some("e30"), Some("ew=="), Some("//8="), Some("e30sMQ==")] {
            assert!(text(value).is_err(), "{value:?}");
        }
    }
}
