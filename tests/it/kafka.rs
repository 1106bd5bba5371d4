//! The bus as it is where Kaam is large: a real Kafka broker.

mod killed;
mod replayed;
mod secured;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use devkit::testing::unused_port;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use runtime::clock::{Clock, Stopwatch, random};
use runtime::config::Environment;
use runtime::disposition::Disposition;
use runtime::function::Function;
use runtime::host::worker;
use runtime::kafka::Settings;
use runtime::metrics::Metrics;
use runtime::triggers::{Incoming, on_events};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::database::{count, rows};
use tests::dice::Dice;
use tests::fleet::Fleet;
use tests::kafka::{Kafka, unique};
use tests::process::{Caller, DataDir, Program, Starting, command, eventually, outcome};
use tests::world::{World, path_of};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a record may wait for the broker.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long everything may take to come to rest: the cluster believes for 10 s that a worker that was killed is there.
const REST: Duration = Duration::from_secs(150);
/// What runs between a change and its effects, each a process of its own.
const PROGRAMS: [&str; 4] = ["relay-events", "write-audit", "spawn-recurrence", "send-reminder"];
/// Which group consumes which topic.
const CONSUMED: [(&str, &str); 5] = [
    ("write-audit", "task-events"),
    ("write-audit", "reminders"),
    ("write-audit", "audit-events"),
    ("spawn-recurrence", "task-events"),
    ("send-reminder", "reminders"),
];
/// How soon a reminder is due.
const SOON: Duration = Duration::from_secs(2);

/// The programs on one database and one cluster.
struct Pipeline<'a> {
    world: &'a World,
    kafka: &'a Kafka,
    files: DataDir,
    fleet: Fleet,
    /// More of the same.
    others: Vec<Starting>,
}

impl<'a> Pipeline<'a> {
    async fn start(world: &'a World, kafka: &'a Kafka) -> Self {
        // The programs have the time of the machine; what is due in the world was due for them before.
        world.clock.set(Clock::system().now() - TimeDelta::hours(2));
        let (files, ports) = (DataDir::new(), Fleet::ports(PROGRAMS));
        let relay = format!("http://127.0.0.1:{}/", ports["relay-events"]);
        let fleet = Fleet::start(&ports, files.path(), |_, command| {
            command
                .env("DATABASE_URL", &world.database_url)
                .env("KAFKA_BROKERS", &kafka.brokers)
                .env("RELAY_URL", &relay)
                .env("DATA_DIR", files.path());
        });
        Self { world, kafka, fleet: fleet.await, files, others: Vec::new() }
    }

    /// Tells the relay that there is something, if it is there.
    async fn poke(&self) {
        self.fleet.tick("relay-events").await;
    }

    /// Waits until every event is published, consumed and audited.
    async fn rest(&self) {
        let watch = Stopwatch::start();
        while !self.is_at_rest().await {
            assert!(watch.elapsed() < REST, "not at rest: {}", self.state().await);
            self.poke().await;
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_at_rest(&self) -> bool {
        count(self.world, "events WHERE status <> 'processed'").await == 0
            && count(self.world, "audit_logs").await == count(self.world, "events").await
            && CONSUMED.into_iter().all(|(group, topic)| self.kafka.lag(group, topic) == 0)
    }

    /// Says what is there, to be compared and to be shown.
    async fn state(&self) -> Value {
        let lag = CONSUMED.map(|(group, topic)| self.kafka.lag(group, topic));
        json!({
            "open": count(self.world, "events WHERE status <> 'processed'").await,
            "events": count(self.world, "events").await,
            "audited": count(self.world, "audit_logs").await,
            "tasks": count(self.world, "tasks").await,
            "successors": count(self.world, "tasks WHERE series_id <> id").await,
            "mails": self.files.mails().len(),
            "lag": lag.iter().sum::<i64>(),
        })
    }

    /// Has a task recur, and a reminder be due.
    async fn work(&self, number: u64) {
        self.world.work(number, SOON).await;
        self.poke().await;
    }

    /// Waits until all is at rest, and checks that nothing is lost, doubled or out of order after `tasks` times [`Pipeline::work`]; says what
    /// is there.
    async fn assert_sound(&self, tasks: u64) -> String {
        self.rest().await;
        let state = self.state().await;
        let expected = [("successors", tasks), ("tasks", 3 * tasks), ("mails", tasks)];
        for (what, number) in expected {
            assert_eq!(state[what], json!(number), "{what} of {state}");
        }
        assert_eq!(self.dead_letters(), 0);
        let disordered = "audit_logs a JOIN events e USING (user_id, event_id)
                 JOIN audit_logs b ON b.user_id = a.user_id AND b.entity_id = a.entity_id AND b.seq > a.seq
                 JOIN events f ON f.event_id = b.event_id AND f.topic_name = e.topic_name
                 WHERE f.seq < e.seq";
        assert_eq!(
            count(self.world, disordered).await,
            0,
            "the audit log has each task's events in their order"
        );

        let order = rows(&self.world.database_url, "SELECT event_id, seq FROM events").await;
        let order: HashMap<&str, i64> =
            order.iter().filter_map(|row| Some((row["event_id"].as_str()?, row["seq"].as_i64()?))).collect();
        let (mut seen, mut last, mut repeated) = (HashSet::new(), HashMap::new(), 0);
        for record in ["task-events", "reminders"].into_iter().flat_map(|topic| self.kafka.records(topic)) {
            let (event, key) = (record.json(), record.key);
            let id = event["id"].as_str().expect("an id").to_owned();
            let (seq, topic) = (order[id.as_str()], event["data"]["topic_name"].to_string());
            if !seen.insert(id) {
                repeated += 1;
                continue;
            }
            let before = last.insert((topic, key.clone()), seq);
            assert!(before.is_none_or(|before| before < seq), "the events of {key} are in order");
        }
        assert_eq!(seen.len(), order.len());
        format!("{} events, {repeated} of them published again; {state}", order.len())
    }

    fn dead_letters(&self) -> usize {
        let topics = ["task-events.dlq", "reminders.dlq", "audit-events.dlq"];
        topics.into_iter().map(|topic| self.kafka.records(topic).len()).sum()
    }
}

#[tokio::test]
async fn a_broker_that_was_killed_has_what_it_acknowledged() {
    let Some(kafka) = Kafka::start().await else { return };
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

/// What a worker of the test's own has handled: partition by partition, for its producer numbers each one's records.
type Handled = Arc<Mutex<Vec<(i64, i64)>>>;

/// Starts a worker in this process that notes what it gets.
fn start_worker(
    kafka: &Kafka,
    group: &'static str,
    topics: &'static [&'static str],
    handled: &Handled,
) -> (CancellationToken, JoinHandle<()>) {
    let environment = Environment::from_pairs([("KAFKA_BROKERS", &kafka.brokers)]);
    let settings = Settings::from_environment(&environment).expect("it is sound").expect("it is set");
    let handled = Arc::clone(handled);
    let take = move |events: Vec<Incoming>| {
        let handled = Arc::clone(&handled);
        async move {
            // As long as a small transaction takes, so that a batch is under way when a partition is wanted elsewhere.
            sleep(Duration::from_millis(5)).await;
            let refused = |event: &Incoming| match event.data["number"].as_i64() {
                Some(number) => {
                    let partition = event.data["partition"].as_i64().expect("a number");
                    handled.lock().expect("nobody panicked").push((partition, number));
                    Disposition::Done
                }
                None => Disposition::reject("there is no number"),
            };
            events.iter().map(refused).collect()
        }
    };
    let function = Function::new(group).on(on_events(topics, take));
    let mut function = worker::attach(function, &settings, &Metrics::new(), PATIENCE).expect("it is sound");
    let (stop, work) = (CancellationToken::new(), function.background.remove(0));
    (stop.clone(), tokio::spawn(work(stop)))
}

#[tokio::test]
async fn workers_that_come_and_go_hand_partitions_over_where_they_are_and_skip_nothing() {
    const RECORDS: i64 = 400;
    let Some(kafka) = Kafka::shared().await else { return };
    let topic: &'static str = unique("moving").leak();
    let (group, topics): (&'static str, &'static [&'static str]) =
        (unique("movers").leak(), vec![topic].leak());
    kafka.create_topics(&[topic.to_owned(), format!("{topic}.dlq")]).await;
    let producer: FutureProducer = kafka.client().create().expect("sound settings");
    let produce = async |partition: i64, data: Value| {
        let event = json!({"specversion": "1.0", "id": data.to_string(), "source": "/test", "type": "test.moved", "data": data});
        let (value, partition) = (event.to_string(), i32::try_from(partition).expect("a partition"));
        let record = FutureRecord::to(topic).partition(partition).key("key").payload(&value);
        producer.send(record, PATIENCE).await.expect("the broker is there");
    };
    let handled = Handled::default();
    let mut workers = VecDeque::from([start_worker(kafka, group, topics, &handled)]);
    for number in 0..RECORDS {
        for partition in 0..3 {
            produce(partition, json!({"partition": partition, "number": number})).await;
        }
        // From one to three workers and back, the oldest first.
        if [50, 100, 250].contains(&number) {
            workers.push_back(start_worker(kafka, group, topics, &handled));
        } else if [150, 200, 300].contains(&number) {
            let (stop, work) = workers.pop_front().expect("there is one");
            stop.cancel();
            work.await.expect("it ends");
        }
    }
    produce(1, json!({"poison": true})).await;
    produce(1, json!({"partition": 1, "number": RECORDS})).await;
    let count = usize::try_from(3 * RECORDS + 1).expect("a count");
    let all = async || {
        let distinct: HashSet<_> = handled.lock().expect("nobody panicked").iter().copied().collect();
        (distinct.len() == count).then_some(())
    };
    eventually("all are handled", all).await;
    for (stop, work) in workers {
        stop.cancel();
        work.await.expect("it ends");
    }
    let handled = handled.lock().expect("nobody panicked").clone();
    // Going back is allowed, as far as was not committed; going ahead is not.
    for partition in 0..3 {
        let mut next = 0;
        for (_, number) in handled.iter().filter(|one| one.0 == partition) {
            assert!(*number <= next, "{number} of partition {partition} came before {next}");
            next = next.max(number + 1);
        }
    }
    let repeated = handled.len() - count;
    eprintln!("{count} records, 6 times another worker: {repeated} of them handled again");
    assert!(repeated < count / 4, "{repeated} of {count} were handled again");
    assert_eq!(kafka.lag(group, topic), 0, "all is committed");
    let dead = kafka.records(&format!("{topic}.dlq"));
    let said =
        dead.iter().map(|dead| (dead.header("dlq-reason"), dead.header("dlq-offset"), dead.key.as_str()));
    let offset = RECORDS.to_string();
    assert_eq!(said.collect::<Vec<_>>(), [(Some("there is no number"), Some(offset.as_str()), "key")]);
}

#[tokio::test]
async fn a_change_has_its_effects_over_kafka_and_a_second_delivery_of_everything_has_none() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    pipeline.work(0).await;
    pipeline.rest().await;
    let state = pipeline.state().await;
    assert_eq!(
        (&state["successors"], &state["tasks"], &state["mails"]),
        (&json!(1), &json!(3), &json!(1)),
        "{state}"
    );

    let producer: FutureProducer = kafka.client().create().expect("sound settings");
    for topic in ["task-events", "reminders"] {
        for record in kafka.records(topic) {
            assert_eq!(record.header("content-type"), Some("application/cloudevents+json"));
            assert_eq!(record.json()["partitionkey"], json!(record.key));
            let again =
                FutureRecord::to(topic).partition(record.partition).key(&record.key).payload(&record.value);
            producer.send(again, PATIENCE).await.expect("the broker is there");
        }
    }
    pipeline.rest().await;
    assert_eq!(pipeline.state().await, state);
    assert_eq!(pipeline.dead_letters(), 0);
    for name in PROGRAMS {
        pipeline.fleet.stop(name).await;
    }
}

#[tokio::test]
async fn one_process_with_everything_may_have_its_bus_in_kafka() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let (world, files) = (World::new().await, DataDir::new());
    let mut command = command("backend");
    command
        .env("DATABASE_URL", &world.database_url)
        .env("KAFKA_BROKERS", &kafka.brokers)
        .env("DATA_DIR", files.path());
    let program = Program::start(command).await;
    let due = (Clock::system().now() + SOON).to_rfc3339();
    let body = json!({"title": "water the plants", "due_date": due, "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
    let (status, task) = program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    eventually("the mail is there", async || (files.mails().len() == 1).then_some(())).await;
    let path = format!("{}/complete", path_of(&task));
    program.call("POST", &path, &Value::Null, &[]).await.expect("it serves");
    let is_done = async || {
        let has_successor = count(&world, "tasks WHERE series_id <> id").await == 1;
        let is_audited = count(&world, "audit_logs").await == count(&world, "events").await;
        (has_successor && is_audited).then_some(())
    };
    eventually("the next occurrence is there, and all is audited", is_done).await;
    let (status, ready) = program.call("GET", "/ready", &Value::Null, &[]).await.expect("it serves");
    assert_eq!((status, &ready["kafka"]), (200, &json!("connected")));
    assert!(program.stop().await.success());
    assert!(!kafka.records("task-updates").is_empty());
}

#[tokio::test]
async fn a_worker_names_the_setting_of_kafka_that_is_wrong() {
    let database = ("DATABASE_URL", "postgres://kaam@localhost/kaam");
    let brokers = ("KAFKA_BROKERS", "127.0.0.1:1");
    type Settings<'a> = &'a [(&'a str, &'a str)];
    let wrong: [(&str, &str, Settings<'_>); 4] = [
        ("write-audit", "KAFKA_BROKERS", &[("KAFKA_BROKERS", "nonsense")]),
        ("backend", "KAFKA_BROKERS", &[("KAFKA_BROKERS", "nonsense")]),
        ("spawn-recurrence", "KAFKA_SASL_MECHANISM", &[brokers, ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")]),
        ("create-task", "KAFKA_BROKERS", &[brokers]),
    ];
    for (program, name, settings) in wrong {
        let mut command = command(program);
        command.envs([database]).envs(settings.iter().copied());
        let ended = outcome(command).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            !ended.status.success() && said.lines().count() == 1 && said.contains(name),
            "{program}: {said}"
        );
    }
}
