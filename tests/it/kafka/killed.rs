//! Kills, changes of scale, repeats and poison on a real broker: nothing is lost, nothing is done twice, each key keeps its order.
//! `KAAM_FULL=1` (`make faults`) has more of each.

use sqlx::{Connection as _, PgConnection};

use tests::database::Locked;

use super::*;

/// How often things are done: as part of all tests, and in full.
struct Extent {
    /// Of each function.
    kills: u64,
    broker_kills: u64,
    exact_kills: u64,
    scales: u64,
}

#[expect(clippy::disallowed_methods, reason = "how much is done is the tests' own setting")]
fn extent() -> Extent {
    match std::env::var_os("KAAM_FULL") {
        None => Extent { kills: 3, broker_kills: 3, exact_kills: 1, scales: 1 },
        Some(_) => Extent { kills: 100, broker_kills: 20, exact_kills: 10, scales: 5 },
    }
}

fn dice() -> Dice {
    let seed = u64::from_be_bytes(random());
    eprintln!("seed {seed}");
    Dice::new(seed)
}

#[tokio::test]
async fn relays_and_workers_that_are_killed_lose_nothing_double_nothing_and_keep_the_order_of_each_key() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    let mut dice = dice();
    // Each function as often as the others, in no order.
    let mut left: Vec<&'static str> =
        PROGRAMS.repeat(usize::try_from(extent().kills).expect("a small number"));
    let kills = u64::try_from(left.len()).expect("a small number");
    let (tasks, mut worked) = (4 * kills, 0);
    while worked < tasks || !left.is_empty() {
        if worked < tasks {
            pipeline.work(worked).await;
            worked += 1;
        }
        if !left.is_empty() && (worked == tasks || dice.throw(4) == 0) {
            let which = dice.throw(u64::try_from(left.len()).expect("a small number"));
            let name = left.swap_remove(usize::try_from(which).expect("a small number"));
            // Not always in the same place of what it does.
            sleep(dice.wait(0, 600)).await;
            pipeline.fleet.kill(name).await;
            sleep(dice.wait(0, 200)).await;
            pipeline.fleet.start_again(name);
        }
    }
    eprintln!("{kills} kills, {} of each function: {}", extent().kills, pipeline.assert_sound(tasks).await);
}

#[tokio::test]
async fn a_broker_that_is_killed_under_load_loses_nothing_and_lets_no_event_overtake_another_of_its_key() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let pipeline = Pipeline::start(&world, &kafka).await;
    let (mut dice, mut worked) = (dice(), 0);
    for _ in 0..extent().broker_kills {
        for _ in 0..4 {
            pipeline.work(worked).await;
            worked += 1;
        }
        // What was just poked for is on its way.
        sleep(dice.wait(0, 100)).await;
        kafka.kill();
        for _ in 0..4 {
            pipeline.work(worked).await;
            worked += 1;
        }
        // Sometimes long enough for the relay to give up.
        sleep(dice.wait(0, 6_000)).await;
        kafka.restart().await;
    }
    let kills = extent().broker_kills;
    eprintln!("{kills} kills of the broker: {}", pipeline.assert_sound(worked).await);
}

#[tokio::test]
async fn a_relay_that_is_killed_after_producing_and_before_writing_that_down_publishes_again_to_no_effect() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    pipeline.work(0).await;
    pipeline.rest().await;
    let mut gate = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let (kills, mut repeated) = (extent().exact_kills, 0);
    for number in 1..=kills {
        pipeline.fleet.kill("relay-events").await;
        pipeline.work(number).await;
        // The relay can read them and not write to them.
        let mut transaction = gate.begin().await.expect("the database is there");
        let held = sqlx::query("SELECT event_id FROM events WHERE status <> 'processed' FOR UPDATE");
        let held = held.fetch_all(&mut *transaction).await.expect("the statement is sound").len();
        assert!(held > 0, "there is something to publish");
        let before = kafka.records("task-events").len();
        pipeline.fleet.start_again("relay-events");
        let is_marking = "pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE events%'";
        eventually("it is about to write that down", async || {
            let is_produced = kafka.records("task-events").len() > before;
            (is_produced && count(&world, is_marking).await > 0).then_some(())
        })
        .await;
        pipeline.fleet.kill("relay-events").await;
        // PostgreSQL would not notice its death before the statement is done.
        let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                     WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE events%'";
        sqlx::query(ended).execute(&mut *transaction).await.expect("they are ours");
        eventually("its sessions are gone", async || (count(&world, is_marking).await == 0).then_some(()))
            .await;
        transaction.rollback().await.expect("the database is there");
        let once = kafka.records("task-events").len();
        pipeline.fleet.start_again("relay-events");
        pipeline.rest().await;
        repeated += kafka.records("task-events").len() - once;
    }
    assert!(u64::try_from(repeated).expect("a count") >= kills, "each kill had something published again");
    eprintln!("{kills} kills between producing and the mark: {}", pipeline.assert_sound(kills + 1).await);
}

#[tokio::test]
async fn functions_that_are_killed_after_their_commit_and_before_the_offset_do_it_once() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    let effects = [
        ("write-audit", "task-events", "audit_logs"),
        ("spawn-recurrence", "task-events", "tasks WHERE series_id <> id"),
        ("send-reminder", "reminders", "events WHERE event_type = 'reminder.sent'"),
    ];
    let (kills, mut worked, mut in_between) = (extent().exact_kills, 0, 0);
    for (name, topic, effect) in effects {
        let mut hits = 0;
        for _ in 0..5 * kills {
            pipeline.rest().await;
            let before = count(&world, effect).await;
            pipeline.work(worked).await;
            worked += 1;
            eventually("it has committed", async || (count(&world, effect).await > before).then_some(()))
                .await;
            pipeline.fleet.kill(name).await;
            // What it has done is committed in Kafka every second only; the lag says that this was not.
            hits += u64::from(kafka.lag(name, topic) > 0);
            pipeline.fleet.start_again(name);
            if hits == kills {
                break;
            }
        }
        assert_eq!(hits, kills, "{name} was killed between its commit and its offset");
        in_between += hits;
    }
    eprintln!("{in_between} kills between commit and offset: {}", pipeline.assert_sound(worked).await);
}

#[tokio::test]
async fn groups_that_grow_and_shrink_under_load_skip_nothing_and_double_nothing() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    let groups = &PROGRAMS[1..];
    let mut worked = 0;
    for _ in 0..extent().scales {
        for members in [2, 3, 4, 3, 2, 1] {
            let mut leaving = Vec::new();
            for name in groups {
                if pipeline.others.len() < groups.len() * (members - 1) {
                    pipeline.others.push(pipeline.fleet.another(name));
                } else {
                    // The oldest; one of each stays.
                    leaving.push(pipeline.others.remove(0));
                }
            }
            leaving.iter().for_each(|function| function.signal(Signal::TERM));
            // Until each group has shared its partitions out anew, and a little longer.
            let (watch, mut more) = (Stopwatch::start(), 3);
            while more > 0 {
                pipeline.work(worked).await;
                worked += 1;
                let has_settled = groups.iter().all(|group| kafka.members(group) == Some(members));
                more -= u32::from(has_settled);
                assert!(watch.elapsed() < REST, "the groups do not come to have {members} members");
            }
            for function in leaving {
                assert!(function.ended().await.success(), "it stops when it is told to");
            }
        }
    }
    eprintln!("from 1 to 4 and back: {}", pipeline.assert_sound(worked).await);
}

#[tokio::test]
async fn topics_that_are_consumed_twice_from_their_beginning_have_no_effect_again() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let mut pipeline = Pipeline::start(&world, &kafka).await;
    for number in 0..10 {
        pipeline.work(number).await;
    }
    pipeline.rest().await;
    let state = pipeline.state().await;
    for _ in 0..2 {
        for name in &PROGRAMS[1..] {
            pipeline.fleet.stop(name).await;
        }
        CONSUMED.into_iter().for_each(|(group, topic)| kafka.rewind(group, topic));
        assert!(kafka.lag("write-audit", "task-events") >= 40, "all of it is to be done again");
        PROGRAMS[1..].iter().for_each(|name| pipeline.fleet.start_again(name));
        pipeline.rest().await;
        assert_eq!(pipeline.state().await, state);
    }
    assert_eq!(pipeline.dead_letters(), 0);
}

#[tokio::test]
async fn poison_is_parked_or_ignored_by_rule_and_what_is_behind_it_is_handled_within_two_seconds() {
    const LONGEST: Duration = Duration::from_secs(2);
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let pipeline = Pipeline::start(&world, &kafka).await;
    pipeline.work(0).await;
    pipeline.rest().await;
    // A sound event, which others are made of: new each time, of a task of its own.
    let sound = kafka.records("task-events").remove(0).json();
    let event = |change: &dyn Fn(&mut Value)| {
        let mut event = sound.clone();
        let id = json!(uuid::Uuid::from_bytes(random()));
        event["id"] = id.clone();
        event["data"]["event_id"] = id;
        change(&mut event);
        event.to_string().into_bytes()
    };
    let now = Clock::system().now().timestamp_millis();
    let large = format!("\"{}\"", "x".repeat(1_000_000 - 2)).into_bytes();
    // What, the value, its time and a header; and who parks it, of the two that read the topic.
    type Poison = (&'static str, Option<Vec<u8>>, i64, usize, &'static [&'static str]);
    let both: &[&str] = &["spawn-recurrence", "write-audit"];
    let poison: [Poison; 12] = [
        ("no JSON", Some(b"{]".to_vec()), now, 0, both),
        ("no UTF-8", Some(b"\"\xff\xfe\"".to_vec()), now, 0, both),
        ("a missing id", Some(event(&|event| event["id"] = Value::Null)), now, 0, both),
        ("1 MB", Some(large), now, 0, both),
        (
            "another version of CloudEvents",
            Some(event(&|event| event["specversion"] = json!("2.0"))),
            now,
            0,
            both,
        ),
        ("no value", None, now, 0, both),
        (
            "another version of the payload",
            Some(event(&|event| {
                event["type"] = json!("task.completed");
                event["data"]["event_type"] = json!("task.completed");
                event["data"]["payload"] = json!({"version": 2});
            })),
            now,
            0,
            both,
        ),
        // A type of tomorrow: audited as it is, and no business of the other.
        (
            "an unknown type",
            Some(event(&|event| {
                event["type"] = json!("task.teleported");
                event["data"]["event_type"] = json!("task.teleported");
            })),
            now,
            0,
            &[],
        ),
        ("no key", Some(event(&|_| ())), now, 0, &[]),
        ("a huge header", Some(event(&|_| ())), now, 100_000, &[]),
        ("no time", Some(event(&|_| ())), -1, 0, &[]),
        ("a time to come", Some(event(&|_| ())), now + 50 * 60 * 1_000, 0, &[]),
    ];
    let producer: FutureProducer =
        kafka.client().set("message.max.bytes", "1100000").create().expect("sound settings");
    let mut slowest = Duration::ZERO;
    for (what, value, at, header_bytes, parked_by) in &poison {
        let header = "x".repeat(*header_bytes);
        let headers = OwnedHeaders::new().insert(Header { key: "large", value: Some(&header) });
        let mut record =
            FutureRecord::<[u8], [u8]>::to("task-events").partition(1).timestamp(*at).headers(headers);
        record.key = (*what != "no key").then_some(what.as_bytes());
        record.payload = value.as_deref();
        producer.send(record, PATIENCE).await.expect("the broker takes it");
        let behind = event(&|_| ());
        let id = serde_json::from_slice::<Value>(&behind).expect("JSON")["id"].clone();
        let watch = Stopwatch::start();
        let record = FutureRecord::to("task-events").partition(1).key("behind").payload(&behind);
        producer.send(record, PATIENCE).await.expect("the broker takes it");
        let is_audited = format!("audit_logs WHERE event_id = '{}'", id.as_str().expect("a text"));
        eventually("the next one is audited", async || (count(&world, &is_audited).await == 1).then_some(()))
            .await;
        slowest = slowest.max(watch.elapsed());
        assert!(watch.elapsed() < LONGEST, "{what}: the next one took {:?}", watch.elapsed());
        if let Some(value) = value.as_deref().filter(|_| parked_by.is_empty()) {
            let id = serde_json::from_slice::<Value>(value).expect("JSON")["id"].clone();
            let is_audited = format!("audit_logs WHERE event_id = '{}'", id.as_str().expect("a text"));
            assert_eq!(count(&world, &is_audited).await, 1, "{what} is an event like others");
        }
        let settled = async || (kafka.lag("spawn-recurrence", "task-events") == 0).then_some(());
        eventually("the other has it behind it, too", settled).await;
        let mut parkers: Vec<_> = kafka
            .records("task-events.dlq")
            .into_iter()
            .filter(|dead| dead.key == *what)
            .map(|dead| dead.header("dlq-function").expect("it says whose it is").to_owned())
            .collect();
        parkers.sort();
        assert_eq!(parkers, *parked_by, "{what}");
    }
    eprintln!("{} kinds of poison: the next event took {slowest:?} at most", poison.len());
}

#[tokio::test]
async fn a_backend_whose_handler_hangs_ends_within_ten_seconds_of_the_signal() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let (world, files) = (World::new().await, DataDir::new());
    let mut command = command("backend");
    command
        .env("DATABASE_URL", &world.database_url)
        .env("DATA_DIR", files.path())
        .env("KAFKA_BROKERS", &kafka.brokers);
    let program = Program::start_with_log(command, &files.path().join("log")).await;
    let caller = Caller::new();
    let body = json!({"title": "buy milk"});
    caller.call(program.port, "POST", "/api/tasks", &body, &[]).await.expect("it serves");
    eventually("it is audited", async || (count(&world, "audit_logs").await == 1).then_some(())).await;
    let gate = Locked::new(&world, "audit_logs").await;
    caller.call(program.port, "POST", "/api/tasks", &body, &[]).await.expect("it serves");
    gate.is_awaited_by(1).await;
    let watch = Stopwatch::start();
    program.stop().await;
    eprintln!("a backend whose handler hangs ended in {:?}", watch.elapsed());
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
}
