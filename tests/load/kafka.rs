//! Kafka, measured against what it is built on, in one run on one broker and one PostgreSQL.
//!
//! Throughput: relay-events drains an outbox, and rdkafka's producer sends the same messages in the same order, with the same settings
//! and then with a pause to gather batches, taking turns; its better rate counts. What the relay does beside, reading the outbox and
//! marking what is published, has no counterpart: that is what is measured. A task's event is two messages, to `task-events` and to
//! `task-updates`; both count, on both sides. Latency: from the answer of
//! create-task to the audit row that write-audit has committed, against producing and consuming one message plus one commit.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use devkit::postgres::{Options, Private};
use devkit::testing::{TestDirectory, unused_port};
use messaging::kafka::PRODUCER;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{BaseRecord, FutureProducer, FutureRecord, Producer as _, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use sqlx::{Connection as _, PgConnection};
use tests::kafka::{Kafka, Record};
use tests::process::Caller;
use tokio::time::{sleep, timeout};

use crate::Settings;
use crate::built::Built;
use crate::events::{Series, WARMING};
use crate::measure::{
    Stopped, median, milliseconds, on_disk, p99, processor_time, processor_time_of_children,
};
use crate::outbox::{PATIENCE, drained, fill};
use crate::report::{Figure, Goal, Report};

/// What a task event becomes.
const TOPICS: [&str; 2] = ["task-events", "task-updates"];
/// The pause in which rdkafka by itself gathers records for a batch. The relay makes none, for an event of its own has to be quick; in
/// bulk it may be of use.
const LINGER: (&str, &str) = ("linger.ms", "5");
/// Has every audit row told of when it is committed.
const TELL: &str = r#"
CREATE FUNCTION tell_audited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('audited', NEW.entity_id);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_audited AFTER INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION tell_audited();
"#;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let (turns, events, samples) = if settings.is_quick { (3, 20_000, 100) } else { (5, 50_000, 300) };
    let Some(kafka) = Kafka::start().await else { return Ok(()) };
    kafka.create_contract_topics().await;
    kafka.create_topics(&["bulk-task-events", "bulk-task-updates", "latency"]).await;
    let directory = on_disk()?;
    let postgres = Private::start(Options::new(directory.path())).await?;
    store::migrate(postgres.url()).await?;
    let mut database = PgConnection::connect(postgres.url()).await?;
    let relay_port = unused_port();
    let start = |name: &str, port: u16| start(name, port, &kafka, postgres.url(), relay_port, &directory);
    let relay = start("relay-events", relay_port)?;
    let caller = Caller::new();

    let (create_port, audit_port) = (unused_port(), unused_port());
    let others = (start("create-task", create_port)?, start("write-audit", audit_port)?);
    let floor = latency(&kafka, postgres.url(), &mut database, &caller, create_port, samples, report).await?;
    drop(others);
    let (create_port, complete_port, spawn_port) = (unused_port(), unused_port(), unused_port());
    let names =
        [("create-task", create_port), ("complete-task", complete_port), ("spawn-recurrence", spawn_port)];
    let others: Vec<Stopped> =
        names.into_iter().map(|(name, port)| start(name, port)).collect::<Result<_>>()?;
    successors(postgres.url(), &caller, (create_port, complete_port), floor, samples, report).await?;
    drop(others);

    println!(
        "draining {events} events, {} messages, against sending the same messages by rdkafka alone",
        2 * events
    );
    fill(&mut database, events).await?;
    drain(&mut database, &caller, relay_port).await?;
    let mut messages: Vec<(&str, Record)> = TOPICS
        .into_iter()
        .flat_map(|topic| kafka.records(topic).into_iter().map(move |record| (topic, record)))
        .collect();
    // Over all partitions of both topics, as the relay sends them.
    messages.sort_by_key(|(topic, record)| (record.offset, record.partition, *topic));
    // And those of the tasks before.
    let bytes: usize = messages.iter().map(|(_, record)| record.value.len()).sum();
    println!("  {} bytes each in the mean", bytes / messages.len());
    let producer = |more: &[(&str, &str)]| {
        let mut settings = kafka.client();
        PRODUCER.iter().chain(more).for_each(|(name, value)| _ = settings.set(*name, *value));
        settings.create()
    };
    let (same, gathering) = (producer(&[])?, producer(&[LINGER])?);
    let (mut ratios, mut rates, mut costs, mut of_postgres) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for turn in 1..=turns {
        let (same, gathering) = (bulk(&same, &messages)?, bulk(&gathering, &messages)?);
        let bulk = same.max(gathering);
        let before = processor_time(relay.0.id())?;
        fill(&mut database, events).await?;
        let before_of_postgres = processor_time_of_children(postgres.server_pid())?;
        let took = drain(&mut database, &caller, relay_port).await?;
        let of_both = processor_time_of_children(postgres.server_pid())? - before_of_postgres;
        of_postgres.push(of_both.as_secs_f64() * 1e6 / (2 * events) as f64);
        let cost = (processor_time(relay.0.id())? - before).as_secs_f64() * 1e6 / (2 * events) as f64;
        let ours = (2 * events) as f64 / took.as_secs_f64();
        println!(
            "  turn {turn}: relay {ours:7.0}/s, rdkafka {same:7.0}/s, gathering {gathering:7.0}/s, ratio to the better {:.2}, \
             {cost:.0} µs of the relay's processor time per message",
            ours / bulk
        );
        ratios.push(ours / bulk);
        rates.push(ours / 2.0);
        costs.push(cost);
    }
    report.add(Figure::of_turns(
        "P16",
        "messages of the relay ÷ rdkafka in bulk",
        "",
        &ratios,
        Goal::AtLeast(0.5),
    ));
    report.add(Figure::of_turns("P16", "events that the relay drains onto Kafka", "/s", &rates, Goal::Shown));
    for (whose, costs) in [("the relay", &costs), ("PostgreSQL", &of_postgres)] {
        let what = format!("processor time of {whose} per message that the relay drains");
        report.add(Figure::of_turns("P16", what, "µs", costs, Goal::Shown));
    }

    drop(relay);
    postgres.stop().await
}

/// Pokes the relay, and gives how long it takes until all is published and written down.
async fn drain(database: &mut PgConnection, caller: &Caller, relay: u16) -> Result<Duration> {
    let watch = Stopwatch::start();
    while caller.call(relay, "POST", "/", &Value::Null, &[]).await.is_none() {
        ensure!(watch.elapsed() < PATIENCE, "relay-events does not answer");
    }
    drained(database).await
}

/// Sends every message, and gives how many a second until the last is acknowledged.
fn bulk(producer: &ThreadedProducer<DefaultProducerContext>, messages: &[(&str, Record)]) -> Result<f64> {
    let header = Header { key: "content-type", value: Some("application/cloudevents+json") };
    let watch = Stopwatch::start();
    for (topic, record) in messages {
        let topic = format!("bulk-{topic}");
        let headers = OwnedHeaders::new_with_capacity(1).insert(header.clone());
        let mut sent = BaseRecord::to(&topic).key(&record.key).payload(&record.value).headers(headers);
        // Its queue is as long as the relay's, which never fills it.
        while let Err((error, back)) = producer.send(sent) {
            ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
            sent = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    producer.flush(PATIENCE)?;
    Ok(messages.len() as f64 / watch.elapsed().as_secs_f64())
}

/// Measures one after the other, again and again: an answer until its audit row is there; a message from producer to consumer; a commit.
async fn latency(
    kafka: &Kafka,
    database_url: &str,
    database: &mut PgConnection,
    caller: &Caller,
    create: u16,
    samples: usize,
    report: &mut Report,
) -> Result<f64> {
    sqlx::query("CREATE TABLE commits (id uuid PRIMARY KEY)").execute(&mut *database).await?;
    let producer: FutureProducer =
        kafka.client().set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0").create()?;
    let consumer: BaseConsumer = kafka.client().set("group.id", "latency").create()?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset("latency", 0, Offset::End)?;
    consumer.assign(&place)?;
    drop(consumer.poll(Duration::from_secs(2)));
    // Told of by PostgreSQL after the commit: to ask again and again would take a processor from what is measured.
    sqlx::raw_sql(TELL).execute(&mut *database).await?;
    let mut listener = PgListener::connect(database_url).await?;
    listener.listen("audited").await?;
    let (mut ends, mut floors_kafka, mut floors_commit) = (Vec::new(), Vec::new(), Vec::new());
    // The first ones find nothing warm.
    for sample in 0..samples + WARMING {
        let watch = Stopwatch::start();
        let body = json!({"title": format!("water the plants {sample}")});
        let (status, task) = loop {
            ensure!(watch.elapsed() < PATIENCE, "create-task does not answer");
            if let Some(answer) = caller.call(create, "POST", "/api/tasks", &body, &[]).await {
                break answer;
            }
            sleep(Duration::from_millis(10)).await;
        };
        let watch = Stopwatch::start();
        ensure!(status == 200, "{task}");
        let audited = timeout(PATIENCE, listener.recv()).await.context("no audit row")??;
        let end = watch.elapsed();
        ensure!(task["id"] == audited.payload(), "the audit row of another task");
        sleep(Duration::from_millis(10)).await;

        let value = task.to_string();
        let watch = Stopwatch::start();
        let record = FutureRecord::to("latency").partition(0).key("key").payload(&value);
        let sent = producer.send_result(record).map_err(|(error, _)| error)?;
        let message = tokio::task::block_in_place(|| {
            // It gives nothing for what is no message, too.
            std::iter::repeat_with(|| consumer.poll(Duration::from_secs(1)))
                .take(60)
                .find_map(|polled| polled)
        });
        let message = message.context("no message")??;
        let floor_kafka = watch.elapsed();
        ensure!(message.payload() == Some(value.as_bytes()), "another message");
        drop(message);
        sent.await?.map_err(|(error, _)| error)?;
        sleep(Duration::from_millis(10)).await;

        let watch = Stopwatch::start();
        sqlx::query("INSERT INTO commits VALUES (gen_random_uuid())").execute(&mut *database).await?;
        let floor_commit = watch.elapsed();
        if sample >= WARMING {
            ends.push(milliseconds(end));
            floors_kafka.push(milliseconds(floor_kafka));
            floors_commit.push(milliseconds(floor_commit));
        }
        sleep(Duration::from_millis(10)).await;
    }
    let [end, kafka, commit] =
        [&mut ends, &mut floors_kafka, &mut floors_commit].map(|figures| (median(figures), p99(figures)));
    report.add(Figure::counted("P14", "an answer until its audit row, p50", "ms", end.0, Goal::Shown));
    report.add(Figure::counted(
        "P14",
        "an answer until its audit row, p99",
        "ms",
        end.1,
        Goal::AtMost(100.0),
    ));
    report.add(Figure::counted(
        "P14",
        "one message of Kafka from producer to consumer, p50",
        "ms",
        kafka.0,
        Goal::Shown,
    ));
    report.add(Figure::counted("P14", "one commit, p50", "ms", commit.0, Goal::Shown));
    let floor = kafka.0 + commit.0;
    let ratio = end.0 / floor;
    report.add(Figure::counted(
        "P14",
        "an answer until its audit row ÷ (one message + one commit), p50",
        "",
        ratio,
        Goal::AtMost(2.0),
    ));
    Ok(floor)
}

/// Completes tasks that repeat, one after the other: from the answer until the next occurrence is committed.
async fn successors(
    database_url: &str,
    caller: &Caller,
    (create, complete): (u16, u16),
    floor: f64,
    samples: usize,
    report: &mut Report,
) -> Result<()> {
    let mut series = Series::on(database_url).await?;
    let mut took = Vec::new();
    for sample in 0..samples + WARMING {
        let post = async |path: &str, body: &Value| {
            let port = if path.ends_with("/complete") { complete } else { create };
            let watch = Stopwatch::start();
            // A function that has just been started does not answer at once.
            loop {
                let answer = caller.call(port, "POST", path, body, &[]).await;
                if answer.is_some() || watch.elapsed() > PATIENCE {
                    return answer;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        let one = series.complete(post).await?;
        if sample >= WARMING {
            took.push(milliseconds(one));
        }
    }
    let (p50, p99) = (median(&mut took), p99(&mut took));
    report.add(Figure::counted(
        "P15",
        "an answer until the next occurrence, by Kafka, p50",
        "ms",
        p50,
        Goal::Shown,
    ));
    report.add(Figure::counted(
        "P15",
        "an answer until the next occurrence, by Kafka, p99",
        "ms",
        p99,
        Goal::AtMost(100.0),
    ));
    let what = "an answer until the next occurrence ÷ (one message + one commit), p50";
    report.add(Figure::counted("P15", what, "", p50 / floor, Goal::AtMost(2.0)));
    Ok(())
}

fn start(
    name: &str,
    port: u16,
    kafka: &Kafka,
    database_url: &str,
    relay: u16,
    directory: &TestDirectory,
) -> Result<Stopped> {
    let log = File::create(directory.path().join(format!("{name}.log")))?;
    let mut command = Command::new(Built::of(name)?.path);
    command
        .env("DATABASE_URL", database_url)
        .env("PORT", port.to_string())
        .env("LOG_FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(log);
    if name == "create-task" || name == "complete-task" {
        command.env("RELAY_URL", format!("http://127.0.0.1:{relay}/"));
    } else {
        command.env("KAFKA_BROKERS", &kafka.brokers);
    }
    Ok(Stopped(command.spawn().with_context(|| format!("{name} is not built"))?))
}
