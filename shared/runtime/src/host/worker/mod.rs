//! The Kafka worker: a consumer group for each function, which hands records to the function's router.
//!
//! Partitions are worked on in parallel, each in its order. A record's offset is stored when its fate is final: the handler said
//! `Done`, or it is parked in the dead-letter topic of its own topic. What was handled and not yet committed when a worker was
//! killed comes again, to handlers that recognise it.

mod consumer;
mod dead_letters;
pub mod parked;
mod partition;
mod record;
mod topics;

use std::{sync::Arc, time::Duration};

use axum::Router;

use crate::{
    function::{Check, Function},
    kafka::Settings,
    metrics::Metrics,
};

use consumer::Consumer;

pub use topics::create_topics;

/// Why a function can not be a worker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// Nothing is to be consumed.
    #[error("KAFKA_BROKERS is set, but {0} takes no events from topics; unset it")]
    NoTopics(&'static str),
    /// The client refuses its settings.
    #[error("KAFKA_BROKERS and what goes with it can not be used: {0}")]
    Settings(String),
}

/// Lets a function take the events of its topics from a Kafka cluster, as the consumer group of its name, beside whatever else it
/// does; `/ready` shows whether the cluster answers. `drain` is how long it may take to end after it is told to.
///
/// # Errors
/// [`WorkerError::NoTopics`], [`WorkerError::Settings`].
pub fn attach(
    function: Function,
    settings: &Settings,
    metrics: &Metrics,
    drain: Duration,
) -> Result<Function, WorkerError> {
    let handler = handler(&function).ok_or(WorkerError::NoTopics(function.name))?;
    let consumer = Arc::new(Consumer::new(handler, settings, metrics, drain).map_err(WorkerError::Settings)?);
    let asked = Arc::clone(&consumer);
    let is_connected = move || {
        let asked = Arc::clone(&asked);
        async move { asked.is_connected().await }
    };
    let function = function.ready_when(Check::optional("kafka", is_connected));
    Ok(function.background(|stop| consumer.run(stop)))
}

fn handler(function: &Function) -> Option<Handler> {
    Some(Handler {
        function: function.name,
        topics: function.topics,
        router: function.triggers.clone().filter(|_| !function.topics.is_empty())?,
        deadline: function.timeout.unwrap_or(crate::limits::Limits::default().request_deadline),
    })
}

/// Who gets the records.
#[derive(Clone, Debug)]
struct Handler {
    function: &'static str,
    topics: &'static [&'static str],
    router: Router,
    /// How long a batch may take.
    deadline: Duration,
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
    };

    use rdkafka::{
        ClientConfig, Offset, TopicPartitionList,
        consumer::{BaseConsumer, Consumer as _},
        message::{Header, Headers as _, Message as _, OwnedHeaders},
        mocking::MockCluster,
        producer::{DefaultProducerContext, FutureProducer, FutureRecord},
    };
    use serde_json::json;
    use tokio::task::JoinHandle;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        config::Environment,
        disposition::Disposition,
        triggers::{Incoming, on_events},
    };

    const TOPIC: &str = "sample";
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A cluster in this process, with a topic and its dead letters.
    struct Cluster {
        mock: MockCluster<'static, DefaultProducerContext>,
        producer: FutureProducer,
    }

    /// A worker that consumes the topic.
    struct Running {
        stop: CancellationToken,
        work: JoinHandle<()>,
        metrics: Metrics,
        consumer: Arc<Consumer>,
    }

    /// A test that fails ends, too.
    impl Drop for Running {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    impl Cluster {
        fn new() -> Cluster {
            let mock = MockCluster::new(1).expect("a mock cluster");
            for topic in [TOPIC, "sample.dlq"] {
                mock.create_topic(topic, 3, 1).expect("a topic");
            }
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", mock.bootstrap_servers()).set("enable.idempotence", "true");
            Cluster { producer: config.create().expect("sound settings"), mock }
        }

        async fn produce(&self, partition: i32, key: &str, value: impl AsRef<[u8]>) {
            let record = FutureRecord::to(TOPIC).partition(partition).key(key).payload(value.as_ref());
            self.producer.send(record, PATIENCE).await.expect("the cluster is there");
        }

        fn start<H, F>(&self, handler: H) -> Running
        where
            H: Fn(Vec<Incoming>) -> F + Clone + Send + Sync + 'static,
            F: Future<Output = Vec<Disposition>> + Send + 'static,
        {
            self.start_with(handler, PATIENCE)
        }

        /// Starts one that may take so long to end.
        fn start_with<H, F>(&self, handler: H, drain: Duration) -> Running
        where
            H: Fn(Vec<Incoming>) -> F + Clone + Send + Sync + 'static,
            F: Future<Output = Vec<Disposition>> + Send + 'static,
        {
            let environment = Environment::from_pairs([("KAFKA_BROKERS", self.mock.bootstrap_servers())]);
            let settings = Settings::from_environment(&environment).expect("it is sound").expect("it is set");
            let (function, metrics) =
                (Function::new("take-samples").on(on_events(&[TOPIC], handler)), Metrics::new());
            let handler = super::handler(&function).expect("it takes events");
            let consumer = Consumer::new(handler, &settings, &metrics, drain).expect("it is sound");
            let (stop, consumer) = (CancellationToken::new(), Arc::new(consumer));
            let work = tokio::spawn(Arc::clone(&consumer).run(stop.clone()));
            Running { work, stop, metrics, consumer }
        }

        /// Gives the dead letters: their keys, and their headers by name.
        fn dead_letters(&self) -> Vec<(String, HashMap<String, String>)> {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", self.mock.bootstrap_servers()).set("group.id", "reader");
            let consumer: BaseConsumer = config.create().expect("sound settings");
            let mut all = TopicPartitionList::new();
            let mut count = 0;
            for partition in 0..3 {
                let (first, end) =
                    consumer.fetch_watermarks("sample.dlq", partition, PATIENCE).expect("a partition");
                count += end - first;
                all.add_partition_offset("sample.dlq", partition, Offset::Beginning).expect("an offset");
            }
            consumer.assign(&all).expect("partitions");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (0..count)
                .map(|_| {
                    let message = consumer.poll(PATIENCE).expect("there is more").expect("it is there");
                    let headers = message.headers().expect("it has headers").iter();
                    let headers = headers
                        .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                        .collect();
                    (text(message.key().unwrap_or_default()), headers)
                })
                .collect()
        }
    }

    impl Running {
        async fn stop(mut self) {
            self.stop.cancel();
            (&mut self.work).await.expect("it ends");
        }
    }

    fn event(id: impl ToString) -> String {
        json!({"specversion": "1.0", "id": id.to_string(), "source": "/test", "type": "sample.taken"})
            .to_string()
    }

    async fn eventually(what: &str, is_so: impl Fn() -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain for: {what}");
    }

    /// What a handler has done, in order.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl Seen {
        fn note(&self, events: &[Incoming]) -> Vec<Disposition> {
            let ids = events.iter().map(|event| event.id.clone());
            self.0.lock().expect("nobody panicked").extend(ids);
            vec![Disposition::Done; events.len()]
        }

        fn ids(&self) -> Vec<String> {
            self.0.lock().expect("nobody panicked").clone()
        }

        fn has(&self, count: usize) -> bool {
            self.ids().len() >= count
        }
    }

    fn noting(
        seen: &Seen,
    ) -> impl Fn(Vec<Incoming>) -> futures::future::Ready<Vec<Disposition>> + Clone + use<> {
        let seen = seen.clone();
        move |events| futures::future::ready(seen.note(&events))
    }

    #[tokio::test]
    async fn each_partition_is_handled_in_order_and_after_a_stop_the_next_worker_goes_on_where_it_was() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        for round in 0..2 {
            for number in round * 30..(round + 1) * 30 {
                for partition in 0..3 {
                    cluster.produce(partition, "a", event(format!("{partition}-{number:02}"))).await;
                }
            }
            let running = cluster.start(noting(&seen));
            eventually("all are handled", || seen.has((round + 1) * 90)).await;
            running.stop().await;
        }
        let ids = seen.ids();
        assert_eq!(ids.len(), 180, "none came twice");
        for partition in 0..3 {
            let of_it: Vec<_> = ids.iter().filter(|id| id.starts_with(&partition.to_string())).collect();
            assert!(of_it.is_sorted() && of_it.len() == 60, "{of_it:?}");
        }
    }

    #[tokio::test]
    async fn what_can_not_be_handled_becomes_a_dead_letter_that_says_why_and_the_others_go_on() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        let no_id = json!({"specversion": "1.0", "source": "/test", "type": "sample.taken"}).to_string();
        let poison = [
            ("no json", b"{]".to_vec(), "not JSON", "1"),
            ("no text", b"\"\xff\"".to_vec(), "not JSON", "1"),
            ("no id", no_id.into_bytes(), "the id is missing", "1"),
            ("refused", event("refuse").into_bytes(), "it is refused", "1"),
            ("panics", event("panic").into_bytes(), "the handler panicked", "5"),
            ("fails", event("fail").into_bytes(), "it fails", "5"),
        ];
        cluster.produce(1, "good", event("first")).await;
        for (key, value, ..) in &poison {
            cluster.produce(1, key, value).await;
        }
        cluster.produce(1, "good", event("last")).await;
        let noted = seen.clone();
        let running = cluster.start(move |events: Vec<Incoming>| {
            assert!(events.iter().all(|event| event.id != "panic"), "that was to be expected");
            let decide = |event: &Incoming| match event.id.as_str() {
                "refuse" => Disposition::reject("it is refused"),
                "fail" => Disposition::retry("it fails"),
                _ => noted.note(std::slice::from_ref(event)).remove(0),
            };
            let decided = events.iter().map(decide).collect();
            async move { decided }
        });
        let parked = r#"{topic="sample",outcome="dead_letter"} 6"#;
        eventually("all poison is parked", || running.metrics.render().contains(parked)).await;
        eventually("the good ones are handled", || seen.has(2)).await;
        running.stop().await;
        assert_eq!(seen.ids(), ["first", "last"]);
        let parked: HashMap<String, HashMap<String, String>> = cluster.dead_letters().into_iter().collect();
        for (offset, (key, _, why, attempts)) in (1..).zip(poison) {
            let headers = &parked[key];
            assert!(headers["dlq-reason"].contains(why), "{key}: {headers:?}");
            let said = ["dlq-attempts", "dlq-function", "dlq-topic", "dlq-partition", "dlq-offset"]
                .map(|name| headers[name].as_str());
            assert_eq!(said, [attempts, "take-samples", TOPIC, "1", &offset.to_string()], "{key}");
        }
    }

    #[tokio::test]
    async fn what_waits_for_something_that_is_away_uses_up_no_attempt_and_holds_only_its_partition_back() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        for (partition, id) in [(0, "waits"), (0, "behind"), (1, "free")] {
            cluster.produce(partition, id, event(id)).await;
        }
        let (is_away, tries) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (away, tried, noted) = (Arc::clone(&is_away), Arc::clone(&tries), seen.clone());
        let running = cluster.start(move |events: Vec<Incoming>| {
            let decide = |event: &Incoming| match event.id.as_str() {
                "waits" if away.load(Ordering::SeqCst) => {
                    tried.fetch_add(1, Ordering::SeqCst);
                    Disposition::Unavailable { why: "the database".to_owned() }
                }
                _ => noted.note(std::slice::from_ref(event)).remove(0),
            };
            let decided = events.iter().map(decide).collect();
            async move { decided }
        });
        eventually("it was tried more often than it may fail", || tries.load(Ordering::SeqCst) > 8).await;
        cluster.produce(0, "later", event("later")).await;
        cluster.produce(1, "free", event("free too")).await;
        eventually("the other partition goes on", || seen.ids().contains(&"free too".to_owned())).await;
        assert!(!seen.ids().contains(&"later".to_owned()), "its own partition waits");
        is_away.store(false, Ordering::SeqCst);
        eventually("all are handled", || seen.has(5)).await;
        running.stop().await;
        assert!(cluster.dead_letters().is_empty());
        let position = |id: &str| seen.ids().iter().position(|seen| seen == id);
        assert!(position("waits") < position("later"), "{:?}", seen.ids());
    }

    #[tokio::test]
    async fn later_events_of_a_key_wait_for_the_one_that_is_tried_again() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        for (key, id) in [("z", "before"), ("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
            cluster.produce(2, key, event(id)).await;
        }
        let (failures, noted) = (Arc::new(AtomicUsize::new(2)), seen.clone());
        // Those behind the first come together: it ends when they are in memory.
        let all_are_there = CancellationToken::new();
        let there = all_are_there.clone();
        let running = cluster.start(move |events: Vec<Incoming>| {
            let decide = |event: &Incoming| {
                let fails = |left: usize| left.checked_sub(1);
                if event.id == "a1" && failures.try_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok()
                {
                    return Disposition::retry("not yet");
                }
                noted.note(std::slice::from_ref(event)).remove(0)
            };
            let decided = events.iter().map(decide).collect();
            let there = there.clone();
            async move {
                there.cancelled().await;
                decided
            }
        });
        eventually("all are in memory", || running.consumer.waiting() == 5).await;
        all_are_there.cancel();
        let ended = || {
            let ids = seen.ids();
            let first = ids.iter().position(|id| id == "a1");
            first.is_some_and(|first| ids[first..].iter().any(|id| id == "a3"))
        };
        eventually("the key's last event comes after its first", ended).await;
        running.stop().await;
        let (of_a, of_b): (Vec<_>, Vec<_>) =
            seen.ids().into_iter().skip(1).partition(|id| id.starts_with('a'));
        let first = of_a.iter().position(|id| id == "a1").expect("it was handled");
        assert_eq!(of_a[first..], ["a1", "a2", "a3"], "{of_a:?}");
        assert_eq!(of_b, ["b1"], "another key is not handled again");
    }

    #[tokio::test]
    async fn a_partition_of_which_much_waits_is_held_back_and_then_goes_on() {
        const COUNT: usize = 3_000;
        let (cluster, seen) = (Cluster::new(), Seen::default());
        let sent = (0..COUNT).map(|number| cluster.produce(0, "a", event(format!("{number:04}"))));
        futures::future::join_all(sent.collect::<Vec<_>>()).await;
        let open = CancellationToken::new();
        let (gate, noted) = (open.clone(), seen.clone());
        let running = cluster.start(move |events: Vec<Incoming>| {
            let (gate, noted) = (gate.clone(), noted.clone());
            async move {
                if !events[0].id.starts_with("other") {
                    gate.cancelled().await;
                }
                noted.note(&events)
            }
        });
        let most = consumer::MANY.0;
        eventually("much waits", || running.consumer.waiting() >= most).await;
        // Another partition shows that the worker goes on meanwhile, and takes no more of the first one.
        for number in 1..=3 {
            cluster.produce(1, "b", event(format!("other {number}"))).await;
            eventually("the other partition goes on", || seen.has(number)).await;
        }
        eventually("no more than that waits", || running.consumer.waiting() == most).await;
        open.cancel();
        eventually("all are handled", || seen.has(COUNT + 3)).await;
        running.stop().await;
        let ids: Vec<_> = seen.ids().into_iter().filter(|id| !id.starts_with("other")).collect();
        assert!(ids.is_sorted() && ids.len() == COUNT, "{} records", ids.len());
    }

    #[tokio::test]
    async fn after_a_panic_in_the_work_on_a_partition_its_records_are_handled_all_the_same() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        for (partition, key, id) in
            [(0, "a", "first"), (0, "panic here", "second"), (0, "a", "third"), (1, "b", "other")]
        {
            cluster.produce(partition, key, event(id)).await;
        }
        let running = cluster.start(noting(&seen));
        let all = ["first", "second", "third", "other"];
        eventually("all are handled", || all.iter().all(|id| seen.ids().iter().any(|seen| seen == id))).await;
        running.stop().await;
        assert!(cluster.dead_letters().is_empty());
    }

    #[tokio::test]
    async fn a_stop_ends_in_its_time_although_a_handler_hangs_and_its_record_comes_again() {
        const DRAIN: Duration = Duration::from_secs(4);
        let (cluster, seen, entered) = (Cluster::new(), Seen::default(), Seen::default());
        for id in ["done", "hangs"] {
            cluster.produce(0, "a", event(id)).await;
            let (noted, inside) = (seen.clone(), entered.clone());
            if id == "done" {
                let running = cluster.start(noting(&noted));
                eventually("the first is handled", || seen.has(1)).await;
                running.stop().await;
                continue;
            }
            let hang = move |events: Vec<Incoming>| {
                inside.note(&events);
                futures::future::pending()
            };
            let running = cluster.start_with(hang, DRAIN);
            eventually("it hangs", || entered.has(1)).await;
            let watch = crate::clock::Stopwatch::start();
            running.stop().await;
            assert!(watch.elapsed() < DRAIN, "{:?}", watch.elapsed());
        }
        let running = cluster.start(noting(&seen));
        eventually("it comes again", || seen.has(2)).await;
        running.stop().await;
        assert_eq!(
            (entered.ids(), seen.ids()),
            (vec!["hangs".to_owned()], vec!["done".to_owned(), "hangs".to_owned()])
        );
    }

    #[tokio::test]
    async fn what_is_too_large_to_be_parked_is_parked_without_what_makes_it_so_and_the_next_goes_on() {
        let (cluster, seen) = (Cluster::new(), Seen::default());
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", cluster.mock.bootstrap_servers())
            .set("message.max.bytes", "10000000");
        let producer: FutureProducer = config.create().expect("sound settings");
        let large = "x".repeat(2_100_000);
        // Each in a partition of its own: a mock keeps 5 MB of one.
        let poison = [("value", &*large, ""), ("headers", "x", &*large), (&*large, "x", "")];
        for (partition, (key, value, header)) in (0..).zip(poison) {
            let headers = OwnedHeaders::new().insert(Header { key: "own", value: Some(header) });
            let record =
                FutureRecord::to(TOPIC).partition(partition).key(key).payload(value).headers(headers);
            producer.send(record, PATIENCE).await.expect("the cluster takes it");
            cluster.produce(partition, "good", event(partition)).await;
        }
        let running = cluster.start(noting(&seen));
        eventually("the good ones are handled", || seen.has(3)).await;
        running.stop().await;
        let mut dead = cluster.dead_letters();
        dead.sort_by_key(|(_, headers)| headers["dlq-partition"].clone());
        let told: Vec<_> = dead
            .iter()
            .map(|(key, headers)| (&**key, &*headers["dlq-left-out"], headers.contains_key("own")))
            .collect();
        let expected =
            [("value", "value", true), ("headers", "value,headers", false), ("", "value,headers,key", false)];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_function_without_topics_is_no_worker() {
        let environment = Environment::from_pairs([("KAFKA_BROKERS", "localhost:9092")]);
        let settings = Settings::from_environment(&environment).expect("it is sound").expect("it is set");
        let refused = attach(Function::new("create-task"), &settings, &Metrics::new(), PATIENCE);
        let said = refused.expect_err("it takes no events").to_string();
        assert!(said.contains("KAFKA_BROKERS") && said.contains("create-task"), "{said}");
    }
}
