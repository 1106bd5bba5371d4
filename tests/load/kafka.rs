//! Kafka, measured against what it is built on, in one run on one broker and one PostgreSQL.
//!
//! Throughput: relay-events drains an outbox, SQL alone claims the same events in batches, and rdkafka's producer sends the same messages
//! in the same order, with the same settings and then with a pause to gather batches, taking turns. A relay does both; the slower of the
//! two counts, of rdkafka the better rate. Beside, one event at a time is claimed, sent, acknowledged and marked. A task's event is two
//! messages, to `task-events` and to `task-updates`, on all sides. Latency: from the answer of create-task to the audit row that
//! write-audit has committed, against producing and consuming one message plus one commit.

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
use rustix::process::{Pid, Signal, kill_process};
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
use crate::outbox::{PATIENCE, as_relay, claim, drained, fill};
use crate::report::{Figure, Goal, Report};

/// What a task event becomes.
const TOPICS: [&str; 2] = ["task-events", "task-updates"];
/// How many events are relayed one at a time.
const SINGLE: usize = 500;
/// The pause in which rdkafka by itself gathers records for a batch. The relay has its client make none, for an event of its own has to be
/// quick; in bulk it may be of use.
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
        "draining {events} events, {} messages, against claiming them by SQL alone, and sending the same messages by rdkafka alone",
        2 * events
    );
    let mut claimer = as_relay(postgres.url()).await?;
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
        settings
    };
    let (same, gathering) = (producer(&[]).create()?, producer(&[LINGER]).create()?);
    let acknowledged = producer(&[]).create()?;
    let (mut ratios, mut of_bulk, mut of_single, mut rates) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut claims, mut bulks, mut singles) = (Vec::new(), Vec::new(), Vec::new());
    let (mut costs, mut of_postgres) = (Vec::new(), Vec::new());
    for turn in 1..=turns {
        let (same, gathering) = (bulk(&same, &messages)?, bulk(&gathering, &messages)?);
        let bulk = same.max(gathering);
        // It looks by itself, too.
        signal(&relay, Signal::STOP)?;
        fill(&mut database, events).await?;
        let claimed = claim(&mut claimer, events).await?;
        fill(&mut database, SINGLE).await?;
        let by_one = one_by_one(&mut claimer, &acknowledged, &messages, SINGLE).await?;
        signal(&relay, Signal::CONT)?;
        let before = processor_time(relay.0.id())?;
        fill(&mut database, events).await?;
        let before_of_postgres = processor_time_of_children(postgres.server_pid())?;
        let took = drain(&mut database, &caller, relay_port).await?;
        let of_both = processor_time_of_children(postgres.server_pid())? - before_of_postgres;
        of_postgres.push(of_both.as_secs_f64() * 1e6 / (2 * events) as f64);
        let cost = (processor_time(relay.0.id())? - before).as_secs_f64() * 1e6 / (2 * events) as f64;
        let ours = events as f64 / took.as_secs_f64();
        println!(
            "  turn {turn}: events a second: relay {ours:.0}, claimed by SQL {claimed:.0}, rdkafka {:.0}, gathering {:.0}, \
             one by one {by_one:.0}; \
             {cost:.0} µs of the relay's processor time per message",
            same / 2.0,
            gathering / 2.0
        );
        ratios.push(ours / claimed.min(bulk / 2.0));
        of_bulk.push(2.0 * ours / bulk);
        of_single.push(ours / by_one);
        claims.push(claimed);
        bulks.push(bulk / 2.0);
        singles.push(by_one);
        rates.push(ours);
        costs.push(cost);
    }
    report.add(Figure::of_turns(
        "P16",
        "events that the relay drains ÷ the lesser of SQL's claims in batches and rdkafka in bulk",
        "",
        &ratios,
        Goal::AtLeast(0.5),
    ));
    let single = "events that the relay drains ÷ a relay of one event at a time";
    report.add(Figure::of_turns("P16", single, "", &of_single, Goal::AtLeast(20.0)));
    let bulk = "messages of the relay ÷ rdkafka in bulk";
    report.add(Figure::of_turns("P16", bulk, "", &of_bulk, Goal::AtLeast(0.5)));
    for (what, rates) in [
        ("events that the relay drains onto Kafka", &rates),
        ("events that SQL alone claims in batches", &claims),
        ("events whose messages rdkafka sends in bulk", &bulks),
        ("events that are claimed, sent and marked one at a time", &singles),
    ] {
        report.add(Figure::of_turns("P16", what, "/s", rates, Goal::Shown));
    }
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
    drained(database).await?;
    Ok(watch.elapsed())
}

/// Sends every message, and gives how many a second until the last is acknowledged.
fn bulk(producer: &ThreadedProducer<DefaultProducerContext>, messages: &[(&str, Record)]) -> Result<f64> {
    let watch = Stopwatch::start();
    for (topic, record) in messages {
        let topic = format!("bulk-{topic}");
        let mut sent = BaseRecord::to(&topic).key(&record.key).payload(&record.value).headers(headers());
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

/// Relays events one at a time: claims one, sends two messages, waits for both, marks it, commits, which waits for the disk no more than
/// the relay does. Gives how many a second.
async fn one_by_one(
    database: &mut PgConnection,
    producer: &FutureProducer,
    messages: &[(&str, Record)],
    events: usize,
) -> Result<f64> {
    let open =
        "SELECT ctid::text FROM events WHERE topic_name = 'task-events' AND status IN ('pending', 'retrying')
                ORDER BY shard, seq LIMIT 1 FOR UPDATE SKIP LOCKED";
    let mark = "UPDATE events SET status = 'processed', attempts = attempts + 1, processed_at = now() WHERE ctid = $1::tid";
    let watch = Stopwatch::start();
    for two in messages.chunks(TOPICS.len()).take(events) {
        let mut transaction = database.begin().await?;
        let claimed: String = sqlx::query_scalar(open).fetch_one(&mut *transaction).await?;
        let sent = two.iter().map(|(topic, record)| {
            let topic = format!("bulk-{topic}");
            let message = FutureRecord::to(&topic).key(&record.key).payload(&record.value).headers(headers());
            producer.send_result(message).map_err(|(error, _)| error)
        });
        for sent in sent.collect::<Result<Vec<_>, _>>()? {
            sent.await?.map_err(|(error, _)| error)?;
        }
        sqlx::query(mark).bind(&claimed).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(events as f64 / watch.elapsed().as_secs_f64())
}

/// Those of a message of the relay.
fn headers() -> OwnedHeaders {
    let header = Header { key: "content-type", value: Some("application/cloudevents+json") };
    OwnedHeaders::new_with_capacity(1).insert(header)
}

fn signal(program: &Stopped, signal: Signal) -> Result<()> {
    let pid = Pid::from_raw(i32::try_from(program.0.id())?).context("a program has a number")?;
    Ok(kill_process(pid, signal)?)
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
