//! Events on their way: in order, at least once, with one effect.

use std::collections::HashMap;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Topic;
use futures::future::join_all;
use messaging::{Published, Subscriber};
use relay_events::{GATHERING, Outbox};
use runtime::clock::Stopwatch;
use runtime::disposition::Disposition;
use runtime::triggers::{self, on_events};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::bus::{Recorder, outbox_to, record};
use tests::database::{count, execute, rows};
use tests::process::eventually;
use tests::world::World;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

const CONSUMERS: [&str; 3] = ["send-reminder", "spawn-recurrence", "write-audit"];
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn daily(title: &str) -> Value {
    json!({
        "title": title,
        "due_date": "2026-06-02T09:00:00Z",
        "recurrence_rule": {"pattern": "daily"},
        "reminder_config": {"lead_time": "15m"},
    })
}

fn id(task: &Value) -> &str {
    task["id"].as_str().expect("a task has an id")
}

async fn complete(world: &World, task: &Value) -> Value {
    world.post(&format!("/api/tasks/{}/complete", id(task)), Value::Null).await.ok()
}

async fn reopen(world: &World, task: &Value) -> Value {
    world.post(&format!("/api/tasks/{}/reopen", id(task)), Value::Null).await.ok()
}

/// Gives the open tasks other than `task`.
async fn others(world: &World, task: &Value) -> Vec<Value> {
    let page = world.get("/api/tasks?status=active").await.ok();
    let tasks = page["tasks"].as_array().expect("a page has tasks");
    tasks.iter().filter(|other| other["id"] != task["id"]).cloned().collect()
}

async fn drain(outbox: &Outbox) -> usize {
    outbox.drain().await.expect("the database is there")
}

/// A handler whose fate with one event is the test's, through the same receiver as every function's.
fn subscriber<F>(handle: impl Fn(String) -> F + Clone + Send + Sync + 'static) -> Subscriber
where
    F: Future<Output = Disposition> + Send + 'static,
{
    let trigger = on_events(&["task-events"], move |events| {
        let handle = handle.clone();
        async move {
            let mut decided = Vec::new();
            for event in events {
                decided.push(
                    handle(event.data["payload"]["task"]["title"].as_str().unwrap_or_default().to_owned())
                        .await,
                );
            }
            decided
        }
    });
    let router = trigger.router;
    Subscriber::new("picky", &["task-events"], move |events| {
        let router = router.clone();
        async move {
            let decided = triggers::deliver(&router, &events).await.into_iter();
            decided
                .map(|decided| match decided {
                    Disposition::Done => Published::Done,
                    Disposition::Retry { after, why } => Published::Retry { after, why },
                    Disposition::Unavailable { why } => Published::Unavailable { after: None, why },
                    Disposition::Reject { why } => Published::Never { why },
                })
                .collect()
        }
    })
}

#[tokio::test]
async fn an_event_is_rendered_as_the_contract_says() {
    let world = World::new().await;
    let trace = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [("x-correlation-id", "order-66"), ("traceparent", trace.as_str()), ("x-user-id", "amna")];
    let task = world.call_with("POST", "/api/tasks", &json!({"title": "buy milk"}), &headers).await.ok();
    let recorder = record(&world).await;
    let event = &recorder.of_type("task.created")[0];
    for (attribute, value) in [
        ("specversion", json!("1.0")),
        ("source", json!("/kaam/create-task")),
        ("subject", task["id"].clone()),
        ("partitionkey", task["id"].clone()),
        ("datacontenttype", json!("application/json")),
        ("correlationid", json!("order-66")),
        ("time", json!(tests::world::START)),
    ] {
        assert_eq!(event[attribute], value, "{attribute}");
    }
    assert_eq!(event["traceparent"].as_str().expect("a text").split('-').nth(1), Some(TRACE));
    let data = &event["data"];
    assert_eq!(data["event_id"], event["id"]);
    assert_eq!((&data["event_type"], &data["topic_name"]), (&json!("task.created"), &json!("task-events")));
    assert_eq!((&data["correlation_id"], &data["timestamp"]), (&event["correlationid"], &event["time"]));
    assert_eq!(data["source_service"], "create-task");
    assert_eq!(data["payload"]["task"], task);
    assert_eq!(data["payload"]["actor"], json!({"type": "user", "id": "amna"}));
    assert_eq!(data["payload"]["changes"]["title"], json!({"old": null, "new": "buy milk"}));
    let update = &recorder.of_type("task.changed")[0];
    assert_eq!(update["partitionkey"], "amna");
    assert_eq!(update["data"]["topic_name"], "task-updates");
    assert_eq!(update["data"]["payload"], json!({"task_id": task["id"], "version": 1, "change": "created"}));
    assert_ne!(update["id"], event["id"]);
}

#[tokio::test]
async fn eight_who_complete_a_daily_task_at_once_make_one_event_and_one_successor() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    let completed = join_all((0..8).map(|_| complete(&world, &task))).await;
    assert!(completed.iter().all(|answer| answer["status"] == "completed" && answer["version"] == 2));
    world.settle().await;
    assert_eq!(count(&world, "events WHERE event_type = 'task.completed'").await, 1);
    let next = others(&world, &task).await;
    assert_eq!(next.len(), 1);
    assert_eq!(
        (&next[0]["due_date"], &next[0]["parent_task_id"]),
        (&json!("2026-06-03T09:00:00+00:00"), &task["id"])
    );
}

#[tokio::test]
async fn an_event_that_comes_five_times_has_one_effect_in_each_consumer() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    world.create(json!({"title": "call", "due_date": "2026-06-01T07:00:00Z", "reminder_config": {"lead_time": "0m"}})).await;
    complete(&world, &task).await;
    world.clock.set("2026-06-01T07:00:00Z".parse().expect("an instant"));
    world.announce().await;
    let published: Vec<Value> =
        record(&world).await.taken().into_iter().filter(|event| event["type"] != "task.changed").collect();
    assert_eq!(published.len(), 4);
    let (one, another) = (&world, &world.beside());
    for consumer in CONSUMERS {
        // As a whole from two places at once, one by one, each twice in a row.
        let twice: Vec<Value> = published.iter().flat_map(|event| [event.clone(), event.clone()]).collect();
        tokio::join!(one.deliver(consumer, &published), another.deliver(consumer, &published));
        for event in &published {
            assert_eq!(
                one.deliver(consumer, std::slice::from_ref(event)).await,
                [Disposition::Done],
                "{consumer}"
            );
        }
        assert!(one.deliver(consumer, &twice).await.iter().all(|decided| *decided == Disposition::Done));
    }
    assert_eq!(others(&world, &task).await.len(), 2, "the call, and one successor");
    assert_eq!(count(&world, "audit_logs").await, 4, "one entry for each event");
    assert_eq!(world.mails().len(), 1);
    assert_eq!(count(&world, "reminder_attempts").await, 1);
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.sent'").await, 1);
}

#[tokio::test]
async fn s10_an_event_in_the_name_of_another_user_reaches_nothing_of_theirs() {
    let world = World::new().await;
    let amna = [("x-user-id", "amna")];
    let due = json!({"title": "call", "due_date": "2026-06-01T07:00:00Z",
                     "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
    let task = world.call_with("POST", "/api/tasks", &daily("water the plants"), &amna).await.ok();
    world.call_with("POST", "/api/tasks", &due, &amna).await.ok();
    let path = format!("/api/tasks/{}/complete", id(&task));
    world.call_with("POST", &path, &Value::Null, &amna).await.ok();
    world.clock.set("2026-06-01T07:00:00Z".parse().expect("an instant"));
    world.announce().await;
    let published = record(&world).await;
    for (kind, consumers) in [
        ("task.completed", &["spawn-recurrence", "send-reminder", "write-audit"][..]),
        ("reminder.due", &["send-reminder", "spawn-recurrence", "write-audit"]),
    ] {
        let [event] = &published.of_type(kind)[..] else { panic!("one {kind}") };
        // Whoever may write to the bus can write this.
        let forged = event.to_string().replace("\"amna\"", "\"bilal\"").replace("amna@", "bilal@");
        let mut forged: Value = serde_json::from_str(&forged).expect("JSON");
        assert!(forged.to_string().contains("bilal"), "{kind}");
        let other = json!(uuid::Uuid::from_u128(kind.len() as u128));
        forged["id"] = other.clone();
        forged["data"]["event_id"] = other;
        for consumer in consumers {
            world.deliver(consumer, std::slice::from_ref(&forged)).await;
        }
    }
    assert_eq!(count(&world, "tasks").await, 2, "no successor, whoever it would belong to");
    assert_eq!((world.mails().len(), count(&world, "reminder_attempts").await), (0, 0));
    assert_eq!(count(&world, "reminders WHERE status IN ('sent', 'failed')").await, 0, "hers still waits");
    assert_eq!(count(&world, "audit_logs WHERE user_id = 'amna'").await, 0, "nothing was said of her");
    // The sound ones do what these did not.
    for (kind, consumer) in [("task.completed", "spawn-recurrence"), ("reminder.due", "send-reminder")] {
        world.deliver(consumer, &published.of_type(kind)).await;
    }
    assert_eq!((count(&world, "tasks").await, world.mails().len()), (3, 1));
}

#[tokio::test]
async fn an_event_whose_id_came_before_with_other_data_changes_nothing() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    let mut event = record(&world).await.of_type("task.created").remove(0);
    assert_eq!(world.deliver("write-audit", std::slice::from_ref(&event)).await, [Disposition::Done]);
    event["data"]["payload"]["task"]["title"] = json!("forged");
    event["data"]["payload"]["changes"]["title"] = json!({"old": null, "new": "forged"});
    assert_eq!(world.deliver("write-audit", &[event]).await, [Disposition::Done], "a repeat is no fault");
    let history = world.get(&format!("/api/tasks/{}/history", id(&task))).await.ok();
    let titles: Vec<_> = history["entries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| &one["new_values"]["title"])
        .collect();
    assert_eq!(titles, ["water the plants"]);
}

#[tokio::test]
async fn reopened_delivered_before_completed_leaves_no_successor() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    complete(&world, &task).await;
    reopen(&world, &task).await;
    let mut published = record(&world).await.taken();
    published.reverse();
    for event in &published {
        world.deliver("spawn-recurrence", std::slice::from_ref(event)).await;
    }
    assert_eq!(others(&world, &task).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_completion_that_comes_late_does_not_bring_a_withdrawn_successor_back_but_a_new_one_does() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    complete(&world, &task).await;
    let completed = record(&world).await.of_type("task.completed");
    world.deliver("spawn-recurrence", &completed).await;
    let next = others(&world, &task).await;
    assert_eq!(next.len(), 1);
    reopen(&world, &task).await;
    world.settle().await;
    world.deliver("spawn-recurrence", &completed).await;
    assert_eq!(others(&world, &task).await, Vec::<Value>::new());
    complete(&world, &task).await;
    world.settle().await;
    world.deliver("spawn-recurrence", &completed).await;
    let again = others(&world, &task).await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &next[0]["id"]), "the same occurrence is the same task");
}

#[tokio::test]
async fn two_relays_at_once_publish_everything_in_order_and_leave_nothing() {
    const TASKS: usize = 24;
    const CHANGES: usize = 6;
    let world = World::new().await;
    let other = world.beside();
    let (recorder, is_written) = (Recorder::default(), AtomicBool::new(false));
    let relays = [&world, &other].map(|world| outbox_to(world, vec![recorder.subscriber()]));
    let write = async {
        join_all((0..TASKS).map(|number| {
            let world = if number % 2 == 0 { &world } else { &other };
            async move {
                let task = world.create(json!({"title": format!("task {number}")})).await;
                for change in 1..CHANGES {
                    let path = format!("/api/tasks/{}", id(&task));
                    world.patch(&path, json!({"title": format!("change {change}")})).await.ok();
                }
            }
        }))
        .await;
        is_written.store(true, Ordering::SeqCst);
    };
    let relay = async {
        let mut is_over = false;
        loop {
            let published: usize = join_all(relays.iter().map(drain)).await.into_iter().sum();
            if is_over && published == 0 {
                return;
            }
            is_over |= is_written.load(Ordering::SeqCst);
        }
    };
    tokio::join!(write, relay);
    let mut versions: HashMap<String, Vec<i64>> = HashMap::new();
    for event in recorder.taken().iter().filter(|event| event["type"] != "task.changed") {
        let task = &event["data"]["payload"]["task"];
        let version = task["version"].as_i64().expect("a number");
        versions.entry(id(task).to_owned()).or_default().push(version);
    }
    assert_eq!(versions.len(), TASKS);
    let in_order: Vec<i64> = (1..=6).collect();
    assert!(versions.values().all(|versions| *versions == in_order), "{versions:?}");
    assert_eq!(count(&world, "events WHERE status <> 'processed'").await, 0);
}

/// Adds events of one shard to the outbox, as one transaction would.
async fn commit(connection: &mut PgConnection, shard: i16, events: usize) {
    let sql = "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                   traceparent, source_service, timestamp)
               SELECT 'amna', gen_random_uuid(), 'task-events', 'task.created', 'k', 'k', $1, '{}', 'c', '', 's', now()
               FROM generate_series(1, $2)";
    let inserted = sqlx::query(sql).bind(shard).bind(events as i64).execute(connection).await;
    inserted.expect("a sound statement");
}

#[tokio::test]
async fn where_much_is_committed_a_relay_that_keeps_up_takes_many_together_and_one_by_itself_at_once() {
    const TOGETHER: usize = 8;
    const TIMES: usize = 60;
    let world = World::new().await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let (sender, mut sizes) = mpsc::unbounded_channel();
    let subscriber = Subscriber::new("counts", &["task-events"], move |events| {
        sender.send(events.len()).expect("the test listens");
        ready(vec![Published::Done; events.len()])
    });
    let (outbox, stop) = (outbox_to(&world, vec![subscriber]), CancellationToken::new());
    let committed = Arc::new(Notify::new());
    let running = tokio::spawn(outbox.run(Arc::clone(&committed), stop.clone()));
    let mut fastest = Duration::MAX;
    for round in 0..10 {
        let watch = Stopwatch::start();
        commit(&mut connection, 0, 1).await;
        committed.notify_one();
        assert_eq!(sizes.recv().await, Some(1));
        // The first may find the relay at the look that it begins with.
        if round > 0 {
            fastest = fastest.min(watch.elapsed());
        }
    }
    assert!(fastest < GATHERING, "{fastest:?}");

    let watch = Stopwatch::start();
    let commits = async {
        for number in 0..TIMES {
            commit(&mut connection, i16::try_from(number).expect("there are few"), TOGETHER).await;
            committed.notify_one();
        }
    };
    let takes = async {
        let (mut left, mut batches) = (TIMES * TOGETHER, Vec::new());
        while left > 0 {
            let size = sizes.recv().await.expect("the relay runs");
            left -= size;
            batches.push(size);
        }
        batches
    };
    let ((), batches) = tokio::join!(commits, takes);
    let waits = watch.elapsed().as_secs_f64() / GATHERING.as_secs_f64();
    assert!(batches.len() as f64 <= 2.0 + waits, "{batches:?} in {waits} times the wait");
    stop.cancel();
    running.await.expect("it stops");
}

#[tokio::test]
async fn a_relay_knows_what_is_left_behind_a_shard_that_has_much() {
    let world = World::new().await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    commit(&mut connection, 1, 10).await;
    commit(&mut connection, 2, 1).await;
    let mut relay = world.application.relay(Topic::TaskEvents).await.expect("the database is there");
    relay.take_shards(world.clock.now()).await.expect("the database is there");
    let mut given = Vec::new();
    for _ in 0..3 {
        let open = relay.open_events(8).await.expect("the database is there");
        given.push((open.len(), relay.has_more()));
    }
    // Of a batch of eight each of the two shards has four.
    assert_eq!(given, [(5, true), (4, true), (2, false)]);
    relay.take_shards(world.clock.now()).await.expect("the database is there");
    assert_eq!(relay.open_events(11).await.expect("the database is there").len(), 7);
    assert!(relay.has_more(), "the first shard gave six of ten");
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_published_although_its_number_is_lower() {
    let world = World::new().await;
    for round in 0..20 {
        let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
        let mut late = connection.begin().await.expect("the database is there");
        let number: i64 = sqlx::query_scalar(
            "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload,
                                 correlation_id, traceparent, source_service, timestamp)
             VALUES ('late', gen_random_uuid(), 'audit-events', 'session.opened', 'late', 'late', $1,
                     '{\"entity_type\": \"session\", \"entity_id\": \"1\", \"user_id\": \"late\", \"old_values\": null,
                       \"new_values\": null, \"actor\": {\"type\": \"user\", \"id\": \"late\"}}',
                     'c', '', 's', now())
             RETURNING seq",
        )
        .bind(round)
        .fetch_one(&mut *late)
        .await
        .expect("a sound statement");
        world.create(json!({"title": "committed first"})).await;
        world.settle().await;
        let passed = format!("events WHERE seq > {number} AND status = 'processed'");
        assert_eq!(count(&world, &passed).await, 1);
        late.commit().await.expect("the database is there");
        world.settle().await;
        assert_eq!(count(&world, &format!("events WHERE seq = {number} AND status = 'processed'")).await, 1);
    }
    assert_eq!(count(&world, "audit_logs WHERE user_id = 'late'").await, 20);
}

#[tokio::test]
async fn a_relay_that_dies_before_it_has_written_down_what_it_published_is_followed_and_the_effect_is_one() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    complete(&world, &task).await;
    let delivered = Arc::new(Notify::new());
    let dying = {
        let (delivered, consumers) = (Arc::clone(&delivered), Arc::new(world.beside()));
        let subscriber = Subscriber::new("everyone", &["task-events"], move |events| {
            let (delivered, consumers) = (Arc::clone(&delivered), Arc::clone(&consumers));
            async move {
                let read = |event: &Vec<u8>| serde_json::from_slice(event).expect("an event is JSON");
                let events: Vec<Value> = events.iter().map(read).collect();
                for consumer in ["spawn-recurrence", "write-audit"] {
                    consumers.deliver(consumer, &events).await;
                }
                delivered.notify_one();
                std::future::pending().await
            }
        });
        outbox_to(&world, vec![subscriber])
    };
    tokio::select! {
        _ = dying.drain() => unreachable!("the subscriber never comes back"),
        () = delivered.notified() => {}
    }
    assert_eq!(count(&world, "events WHERE event_type = 'task.completed' AND status = 'pending'").await, 1);
    // The dead relay's connection holds its shards until the server has noticed.
    eventually("every event processed", || async {
        world.settle().await;
        (count(&world, "events WHERE status <> 'processed'").await == 0).then_some(())
    })
    .await;
    assert_eq!(others(&world, &task).await.len(), 1);
    assert_eq!(count(&world, "audit_logs").await, count(&world, "events").await);
}

#[tokio::test]
async fn a_relay_whose_connection_is_cut_publishes_again_on_another() {
    // The owner, which no superuser is, may cut its own connections only.
    let world = World::with_one_role().await;
    world.create(daily("water the plants")).await;
    world.settle().await;
    let cut = "pg_stat_activity
               WHERE CASE WHEN application_name = 'test' AND datname = current_database()
                          THEN pg_terminate_backend(pid) END";
    assert!(count(&world, cut).await > 0);
    let title = json!({"title": "written after the cut"});
    eventually("a task is created", || async {
        world.post("/api/tasks", title.clone()).await.status.is_success().then_some(())
    })
    .await;
    eventually("every event processed", || async {
        let _ = world.outbox.drain().await;
        (count(&world, "events WHERE status <> 'processed'").await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_consumer_rejects_or_panics_over_becomes_a_dead_letter_while_others_go_on() {
    let world = World::new().await;
    for title in ["good", "rejected", "panics", "also good"] {
        world.create(json!({"title": title})).await;
    }
    let outbox = outbox_to(
        &world,
        vec![subscriber(|title| async move {
            match title.as_str() {
                "rejected" => Disposition::reject("not to my taste"),
                "panics" => panic!("a test's consumer"),
                _ => Disposition::Done,
            }
        })],
    );
    drain(&outbox).await;
    assert_eq!(
        count(&world, "events WHERE status = 'processed'").await,
        2,
        "the good ones are through at once"
    );
    let letters = world.application.dead_letters(10).await.expect("the database is there");
    assert_eq!((letters.len(), letters[0].error.as_deref()), (1, Some("picky: not to my taste")));
    assert_eq!(letters[0].attempts, 1, "what can never work is not tried again");
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(60));
        drain(&outbox).await;
    }
    let letters = world.application.dead_letters(10).await.expect("the database is there");
    let panicked = letters.iter().find(|letter| letter.attempts == 5).expect("it was tried five times");
    assert_eq!(panicked.error.as_deref(), Some("picky: the handler panicked"));
    assert_eq!(count(&world, "events WHERE status IN ('pending', 'retrying')").await, 0);
}

#[tokio::test]
async fn a_retry_waits_and_each_time_longer() {
    let world = World::new().await;
    world.create(json!({"title": "not yet"})).await;
    let outbox = outbox_to(&world, vec![subscriber(|_| async { Disposition::retry("not yet") })]);
    for attempt in 1..5_u32 {
        // A wait is random, from nothing up to the bound.
        let next = eventually("an attempt", || async {
            drain(&outbox).await;
            let row = rows(&world.database_url, "SELECT attempts, next_attempt_at, status FROM events")
                .await
                .remove(0);
            (row["attempts"].as_u64() >= Some(u64::from(attempt))).then_some(row)
        })
        .await;
        if next["status"] == "failed" || next["attempts"] != attempt {
            break;
        }
        let at: DateTime<Utc> =
            next["next_attempt_at"].as_str().expect("a text").parse().expect("an instant");
        let bound = chrono::TimeDelta::seconds(1 << (attempt - 1));
        assert!(at >= world.clock.now() && at - world.clock.now() <= bound, "attempt {attempt}: {next}");
        if at > world.clock.now() {
            world.clock.set(at - chrono::TimeDelta::microseconds(1));
            assert_eq!(drain(&outbox).await, 0, "too early");
        }
        world.clock.set(at);
    }
}

#[tokio::test]
async fn a_consumer_that_asks_for_time_gets_it() {
    let world = World::new().await;
    world.create(json!({"title": "in an hour"})).await;
    let wish = Duration::from_secs(3_600);
    let outbox =
        outbox_to(&world, vec![subscriber(move |_| async move { Disposition::retry_after(wish, "busy") })]);
    drain(&outbox).await;
    world.clock.advance(wish - Duration::from_millis(1));
    assert_eq!(drain(&outbox).await, 0);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(drain(&outbox).await, 1);
}

#[tokio::test]
async fn a_key_that_waits_for_a_retry_keeps_its_order_and_keeps_no_relay_busy() {
    let world = World::new().await;
    let task = world.create(json!({"title": "away"})).await;
    world.patch(&format!("/api/tasks/{}", id(&task)), json!({"priority": "high"})).await.ok();
    let away = Duration::from_secs(30);
    let outbox =
        outbox_to(&world, vec![subscriber(move |_| async move { Disposition::retry_after(away, "away") })]);
    assert_eq!(drain(&outbox).await, 2);
    world.patch(&format!("/api/tasks/{}", id(&task)), json!({"priority": "low"})).await.ok();
    // Without end if the relay took a key that waits for one that has something to publish.
    assert_eq!(drain(&outbox).await, 0);
    world.clock.advance(away);
    let recorder = Recorder::default();
    drain(&outbox_to(&world, vec![recorder.subscriber()])).await;
    let taken = recorder.taken();
    let versions: Vec<_> =
        taken.iter().filter_map(|event| event["data"]["payload"]["task"]["version"].as_i64()).collect();
    assert_eq!(versions, [1, 2, 3]);
}

#[tokio::test]
async fn an_event_that_waited_for_an_earlier_one_is_not_given_up_with_it() {
    let world = World::new().await;
    let task = world.create(json!({"title": "bad"})).await;
    world.patch(&format!("/api/tasks/{}", id(&task)), json!({"title": "good"})).await.ok();
    let outbox = outbox_to(
        &world,
        vec![subscriber(|title| async move {
            if title == "bad" { Disposition::retry("it is bad") } else { Disposition::Done }
        })],
    );
    drain(&outbox).await;
    assert_eq!(count(&world, "events WHERE status = 'processed'").await, 0, "the later one waits");
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(60));
        drain(&outbox).await;
    }
    let events = rows(&world.database_url, "SELECT status, attempts FROM events ORDER BY seq").await;
    assert_eq!(
        events,
        [json!({"status": "failed", "attempts": 5}), json!({"status": "processed", "attempts": 1})]
    );
}

#[tokio::test]
async fn correlation_and_trace_travel_to_the_successor_and_into_the_audit_log() {
    let world = World::new().await;
    let task = world.create(daily("water the plants")).await;
    let trace = format!("00-{TRACE}-b7ad6b7169203331-01");
    let headers = [("x-correlation-id", "from the client"), ("traceparent", trace.as_str())];
    let path = format!("/api/tasks/{}/complete", id(&task));
    world.call_with("POST", &path, &Value::Null, &headers).await.ok();
    world.settle().await;
    let caused = rows(
        &world.database_url,
        "SELECT source_service, correlation_id, split_part(traceparent, '-', 2) AS trace, payload #> '{actor,id}' AS actor
         FROM events WHERE seq > 1 ORDER BY seq",
    )
    .await;
    let expected = [("complete-task", "local"), ("spawn-recurrence", "spawn-recurrence")].map(|(source, actor)| {
        json!({"source_service": source, "correlation_id": "from the client", "trace": TRACE, "actor": actor})
    });
    assert_eq!(caused.len(), 2);
    for (caused, expected) in caused.iter().zip(&expected) {
        for field in ["source_service", "correlation_id", "trace"] {
            assert_eq!(caused[field], expected[field]);
        }
    }
    assert_eq!(caused[1]["actor"], expected[1]["actor"]);
    let next = others(&world, &task).await.remove(0);
    let history = world.get(&format!("/api/tasks/{}/history", id(&next))).await.ok();
    assert_eq!(history["entries"][0]["correlation_id"], "from the client");
    assert_eq!(history["entries"][0]["actor_type"], "service");
}

#[tokio::test]
async fn an_event_of_a_topic_that_is_none_does_not_stop_the_relay() {
    let world = World::new().await;
    world.create(json!({"title": "good"})).await;
    execute(&world, "UPDATE events SET topic_name = 'no-such-topic'").await;
    world.create(json!({"title": "also good"})).await;
    world.settle().await;
    assert_eq!(count(&world, "events WHERE status = 'processed'").await, 1);
}
