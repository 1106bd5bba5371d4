//! What is forgotten of `events` and of the audit log, and what is not: nobody misses what is gone, and it is known what went.

use std::collections::BTreeSet;
use std::time::Duration;

use application::audit::{Entry, Head};
use application::outbox::SweptTo;
use application::privacy::Chance;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use runtime::clock::{new_id, random};
use runtime::disposition::Disposition;
use runtime::triggers;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::bus::record;
use tests::database::{count, execute, rows, run};
use tests::process::{command, eventually, outcome};
use tests::updates::{Updates, request};
use tests::world::{World, path_of};
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a world that forgets events as soon as it may.
async fn forgetful() -> World {
    World::with_settings([("EVENTS_RETENTION_DAYS", "31")]).await
}

/// Publishes, and forgets what is old enough, as a tick of relay-events does.
async fn sweep(world: &World) {
    assert_eq!(triggers::tick(&world.trigger("relay-events")).await, Disposition::Done);
}

/// Writes events that happened so many days ago into the outbox, as `status`, one second after the other.
async fn insert(world: &World, user_id: &str, error: &str, status: &str, age: TimeDelta, number: u32) {
    let first = world.clock.now() - age;
    let statement = format!(
        "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent,
                             source_service, timestamp, status, error)
         SELECT '{user_id}', gen_random_uuid(), 'reminders', 'reminder.sent', 'k', 's', 1, '{{}}', 'c', '', 'test',
                timestamptz '{first}' - {number} * interval '1 second' + n * interval '1 second', '{status}', '{error}'
         FROM generate_series(1, {number}) AS n"
    );
    run(&world.database_url, &statement).await;
}

/// Writes into the audit log what of the outbox is not in it yet; the chain is no matter here.
async fn audit(world: &World, condition: &str) {
    let statement = format!(
        "INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, timestamp, correlation_id,
                                 previous_hash, hash)
         SELECT user_id, 1000000 + seq, event_id, 'reminder', 's', event_type, 'service', 'test', timestamp, 'c', '', ''
         FROM events
         WHERE {condition}
         ON CONFLICT DO NOTHING"
    );
    run(&world.database_url, &statement).await;
    // As autovacuum does, for which a test goes too fast.
    run(&world.database_url, "ANALYZE events, audit_logs").await;
}

async fn history(world: &World, task: &Value) -> Value {
    world.get(&format!("{}/history", path_of(task))).await.ok()["entries"].take()
}

async fn events(world: &World) -> i64 {
    count(world, "events").await
}

#[tokio::test]
async fn what_was_published_and_audited_long_ago_goes_a_thousand_at_a_time() {
    let world = forgetful().await;
    insert(&world, "amna", "", "processed", TimeDelta::days(40), 1_500).await;
    insert(&world, "bilal", "", "processed", TimeDelta::days(35), 1_000).await;
    audit(&world, "true").await;
    let before: DateTime<Utc> = world.clock.now() - TimeDelta::days(31);
    let store = world.application.store();
    let first = store.forget_events(before, SweptTo::default()).await.expect("the database is there");
    assert_eq!((first.gone, events(&world).await), (1_000, 1_500));
    assert_eq!(count(&world, "events WHERE user_id = 'amna'").await, 500, "the oldest ones first");
    // As the role that relay-events has, which sees the rows of all users.
    sweep(&world).await;
    assert_eq!(events(&world).await, 0);
    assert_eq!(count(&world, "audit_logs").await, 2_500);
    let next = first.next.expect("there was more");
    let last = store.forget_events(before, next).await.expect("the database is there");
    assert_eq!((last.gone, last.next), (0, None));
}

#[tokio::test]
async fn whatever_may_still_be_needed_stays_however_old_it_is() {
    let world = forgetful().await;
    let old = TimeDelta::days(40);
    // Named by the error that each has, and whether it stays.
    let kinds = [
        ("gone", "processed", old, false),
        ("gone at the end of the last day", "processed", TimeDelta::days(31) + TimeDelta::seconds(1), false),
        ("of the last day", "processed", TimeDelta::days(31), true),
        ("can be undone", "processed", TimeDelta::days(30), true),
        ("new", "processed", TimeDelta::zero(), true),
        ("not published", "pending", old, true),
        ("to be tried again", "retrying", old, true),
        ("dead letter", "failed", old, true),
        ("not audited", "processed", old, true),
        ("audited for another", "processed", old, true),
    ];
    for (name, status, age, _) in kinds {
        insert(&world, "amna", name, status, age, 1).await;
    }
    // They wait for a key that waits, so that the sweep finds them as they are.
    execute(
        &world,
        "UPDATE events SET next_attempt_at = '9999-01-01' WHERE status IN ('pending', 'retrying')",
    )
    .await;
    audit(&world, "error NOT IN ('not audited', 'audited for another')").await;
    execute(&world, "UPDATE events SET user_id = 'bilal' WHERE error = 'audited for another'").await;
    audit(&world, "error = 'audited for another'").await;
    execute(&world, "UPDATE events SET user_id = 'amna' WHERE error = 'audited for another'").await;
    sweep(&world).await;
    let left = rows(&world.database_url, "SELECT error FROM events").await;
    let left: BTreeSet<_> = left.iter().map(|row| row["error"].as_str().expect("a text")).collect();
    let expected: BTreeSet<_> = kinds.iter().filter(|(.., stays)| *stays).map(|(name, ..)| *name).collect();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn what_somebody_opens_again_just_now_stays() {
    let world = forgetful().await;
    insert(&world, "amna", "", "processed", TimeDelta::days(40), 2).await;
    audit(&world, "true").await;
    let mut opening = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let open = "BEGIN; UPDATE events SET status = 'failed' WHERE seq = (SELECT min(seq) FROM events)";
    sqlx::raw_sql(open).execute(&mut opening).await.expect("a sound statement");
    let opened = async {
        eventually("the sweep waits for it", async || {
            let waiting = "pg_locks awaited
                           JOIN pg_locks held ON held.pid = awaited.pid AND held.relation = 'swept_feeds'::regclass
                           WHERE NOT awaited.granted";
            (count(&world, waiting).await > 0).then_some(())
        })
        .await;
        sqlx::raw_sql("COMMIT").execute(&mut opening).await.expect("the database is there");
    };
    tokio::join!(sweep(&world), opened);
    assert_eq!(rows(&world.database_url, "SELECT status FROM events").await, [json!({"status": "failed"})]);
}

#[tokio::test]
async fn nothing_is_forgotten_unless_somebody_says_for_how_long_it_is_to_be_kept() {
    let world = World::new().await;
    world.create(json!({"title": "milk"})).await;
    world.settle().await;
    world.clock.advance(DAY * 10_000);
    sweep(&world).await;
    assert_eq!((events(&world).await, count(&world, "audit_logs").await), (1, 1));
}

#[tokio::test]
async fn what_the_audit_log_does_not_have_holds_nothing_else_up() {
    let world = forgetful().await;
    // More than are looked at in one sweep.
    insert(&world, "amna", "", "processed", TimeDelta::days(40), 10_000).await;
    insert(&world, "amna", "audited", "processed", TimeDelta::days(35), 1).await;
    audit(&world, "error = 'audited'").await;
    sweep(&world).await;
    assert_eq!(events(&world).await, 10_001);
    sweep(&world).await;
    assert_eq!(events(&world).await, 10_000, "the next one goes on behind them");
    audit(&world, "true").await;
    sweep(&world).await;
    assert_eq!(events(&world).await, 0, "and then begins anew");
}

#[tokio::test]
async fn a_stream_that_may_have_missed_what_is_gone_is_told_to_read_everything_anew() {
    let world = forgetful().await;
    let mut updates = Updates::open(&world, "local", None).await;
    let start = updates.last_id.clone();
    let of_bilal = Updates::open(&world, "bilal", None).await.last_id;
    let mut places = vec![start];
    for title in ["milk", "bread"] {
        world.create(json!({"title": title})).await;
        world.settle().await;
        updates.change().await;
        places.push(updates.last_id.clone());
    }
    world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
    world.settle().await;
    assert_eq!(updates.next().await.expect("a message").event, "settings");
    world.clock.advance(DAY * 32);
    // A place is behind all that is older than whatever was running then, also in another database of this server.
    eventually("what was running then is over", async || {
        let over = "(SELECT max(transaction_id) AS last FROM events) AS all_of_them
                    WHERE last < pg_snapshot_xmin(pg_current_snapshot())";
        (count(&world, over).await > 0).then_some(())
    })
    .await;
    world.create(json!({"title": "new"})).await;
    world.settle().await;
    updates.change().await;
    let end = updates.last_id.clone();
    sweep(&world).await;
    assert_eq!(events(&world).await, 1);
    let kept = world.create(json!({"title": "kept"})).await;
    world.settle().await;
    let kept = (kept["id"].as_str().expect("an id").to_owned(), 1, "created".to_owned());
    // It was there all the time.
    assert_eq!(updates.change().await, kept);
    // Who has seen all that is gone misses nothing, nor does anybody else.
    assert_eq!(Updates::open(&world, "local", Some(&end)).await.change().await, kept);
    Updates::open(&world, "bilal", Some(&of_bilal)).await;
    for place in &places {
        let mut again = Updates::of(world.begin(request("local", Some(place))).await.into_body());
        assert_eq!(again.next().await.expect("a message").event, "reset", "after {place}");
        assert_eq!(again.next().await.expect("a message").event, "ready", "after {place}");
        let next = world.create(json!({"title": "next"})).await;
        world.settle().await;
        assert_eq!(again.change().await.0, next["id"], "and from there on everything");
    }
    // In tables that were restored the numbers say nothing.
    execute(&world, "UPDATE swept_feeds SET transaction_id = '1099511627781'").await;
    Updates::open(&world, "local", Some(&end)).await;
}

/// Begins a transaction that writes an event, as if it was published and audited.
async fn writing(world: &World) -> PgConnection {
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let now = world.clock.now();
    let insert = format!(
        "BEGIN;
         INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent,
                             source_service, timestamp, status)
         VALUES ('local', gen_random_uuid(), 'task-events', 'task.updated', 'k', gen_random_uuid()::text, 1,
                 '{{\"task\": {{\"version\": 1}}}}', 'c', '', 'test', '{now}', 'processed')"
    );
    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut connection).await.expect("a sound statement");
    connection
}

#[tokio::test]
async fn what_was_not_over_when_a_stream_ended_and_is_gone_by_now_was_missed_and_what_is_still_not_over_was_not()
 {
    let world = forgetful().await;
    let (mut late, _never) = (writing(&world).await, writing(&world).await);
    let mut updates = Updates::open(&world, "local", None).await;
    world.create(json!({"title": "milk"})).await;
    world.settle().await;
    updates.change().await;
    let missed_one = updates.last_id.clone();
    drop(updates);
    sqlx::raw_sql("COMMIT").execute(&mut late).await.expect("the database is there");
    eventually("whatever else was running is over", async || {
        let over = "(SELECT max(transaction_id) AS last FROM events) AS all_of_them
                    WHERE (SELECT count(*) FROM pg_snapshot_xip(pg_current_snapshot()) AS running (id) WHERE running.id <= last) = 1";
        (count(&world, over).await > 0).then_some(())
    })
    .await;
    let missed_none = Updates::open(&world, "local", None).await.last_id;
    world.clock.advance(DAY * 32);
    audit(&world, "true").await;
    sweep(&world).await;
    assert_eq!(events(&world).await, 0);
    let mut again = Updates::of(world.begin(request("local", Some(&missed_one))).await.into_body());
    assert_eq!(again.next().await.expect("a message").event, "reset");
    Updates::open(&world, "local", Some(&missed_none)).await;
}

#[tokio::test]
async fn a_stream_that_ended_within_a_commit_of_which_a_part_is_gone_is_told_so() {
    let world = forgetful().await;
    let mut updates = Updates::open(&world, "local", None).await;
    let body = json!({"title": "water", "due_date": "2026-06-02", "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    updates.changes(3).await;
    world.patch(&format!("{}?scope=all", path_of(&task)), json!({"title": "water them"})).await.ok();
    world.settle().await;
    updates.change().await;
    let within = updates.last_id.clone();
    world.clock.advance(DAY * 32);
    sweep(&world).await;
    assert_eq!(events(&world).await, 0);
    let mut again = Updates::of(world.begin(request("local", Some(&within))).await.into_body());
    assert_eq!(again.next().await.expect("a message").event, "reset");
}

#[tokio::test]
async fn what_was_done_thirty_days_ago_can_be_undone_after_a_sweep() {
    let world = forgetful().await;
    let task = world.create(json!({"title": "milk"})).await;
    world.settle().await;
    world.clock.advance(DAY * 10);
    world.patch(&path_of(&task), json!({"title": "bread"})).await.ok();
    world.settle().await;
    world.clock.advance(DAY);
    world.patch(&path_of(&task), json!({"priority": "high"})).await.ok();
    world.settle().await;
    world.clock.advance(DAY * 29);
    sweep(&world).await;
    assert_eq!(events(&world).await, 2, "only what is 40 days old is gone");
    let entries = history(&world, &task).await;
    let undo =
        async |number: usize| world.post("/api/undo", json!({"event_id": entries[number]["event_id"]})).await;
    assert_eq!(undo(1).await.ok()["tasks"][0]["title"], "milk");
    assert_eq!(world.post("/api/undo", json!({})).await.ok()["tasks"][0]["priority"], "medium");
    assert_eq!(undo(0).await.status, StatusCode::NOT_FOUND, "as it was before it was gone");
}

#[tokio::test]
async fn a_tasks_history_is_as_it_was_and_the_audit_log_verifies() {
    let world = forgetful().await;
    let task = world.create(json!({"title": "milk"})).await;
    for title in ["bread", "eggs", "tea"] {
        world.clock.advance(Duration::from_secs(1));
        world.patch(&path_of(&task), json!({"title": title})).await.ok();
    }
    // One was parked, and is still; and one was audited after a later one.
    let ours = record(&world).await.of_type("task.updated");
    let created = record(&world).await;
    assert_eq!(created.taken().len(), 0, "all were taken");
    let parked = "UPDATE events SET status = 'failed' WHERE payload -> 'task' ->> 'title' = 'bread'";
    assert_eq!(execute(&world, parked).await, 1);
    for event in [&ours[2], &ours[1]] {
        assert_eq!(world.deliver("write-audit", std::slice::from_ref(event)).await, [Disposition::Done]);
    }
    let whole = history(&world, &task).await;
    assert_eq!(whole.as_array().map(Vec::len), Some(4));
    world.clock.advance(DAY * 32);
    sweep(&world).await;
    assert_eq!(events(&world).await, 2, "what is parked, and what is not audited");
    assert_eq!(history(&world, &task).await, whole);
    world.clock.advance(Duration::from_secs(1));
    world.delete(&path_of(&task)).await.ok();
    let after = history(&world, &task).await;
    let (last, before) = after.as_array().expect("a list").split_last().expect("some");
    assert_eq!((last["action"].as_str(), json!(before)), (Some("task.deleted"), whole));
    let (_, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!(broken, []);
}

#[tokio::test]
async fn a_user_of_whom_events_are_gone_is_erased_like_any_other() {
    let world = forgetful().await;
    let create = async || {
        world.call_with("POST", "/api/tasks", &json!({"title": "milk"}), &[("x-user-id", "amna")]).await.ok()
    };
    create().await;
    world.settle().await;
    world.clock.advance(DAY * 32);
    create().await;
    sweep(&world).await;
    assert_eq!((events(&world).await, count(&world, "swept_feeds WHERE user_id = 'amna'").await), (1, 1));
    let chance = Chance { new_id, salt: random };
    world.application.erase_user("amna", world.clock.now(), chance).await.expect("the database is there");
    assert_eq!(count(&world, "swept_feeds").await, 0);
    let (entries, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!((entries, broken), (3, Vec::new()));
    // What is left under the pseudonym is as old one day.
    world.clock.advance(DAY * 32);
    sweep(&world).await;
    assert_eq!(events(&world).await, 0);
    let (entries, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!((entries, broken), (3, Vec::new()));
}

/// Gives a world in which amna has four entries whose events are gone and two of now, and bilal one and none; with the heads of before.
async fn long_ago() -> (World, Vec<Head>) {
    let world = forgetful().await;
    // Long ago for a command, too, whose clock is the machine's.
    world.clock.set("2020-01-01T06:00:00Z".parse().expect("an instant"));
    for (user, count) in [("amna", 4), ("bilal", 1)] {
        for number in 0..count {
            create_as(&world, user, &format!("{number}")).await;
        }
    }
    world.settle().await;
    let kept = world.application.audit_heads().await.expect("the database is there");
    world.clock.advance(DAY * 32);
    create_as(&world, "amna", "new").await;
    create_as(&world, "amna", "newer").await;
    sweep(&world).await;
    assert_eq!((events(&world).await, count(&world, "audit_logs").await), (2, 7));
    (world, kept)
}

async fn create_as(world: &World, user: &str, title: &str) {
    world.call_with("POST", "/api/tasks", &json!({"title": title}), &[("x-user-id", user)]).await.ok();
}

/// Cuts every chain, and says where each begins.
async fn trim(world: &World) -> (Vec<(String, i64)>, Vec<String>) {
    let trimmed = world.application.trim_audit(world.clock.now(), 31).await;
    let (cut, broken) = trimmed.expect("the database is there");
    let cut = cut.into_iter().map(|head| (head.user_id, head.seq)).collect();
    (cut, broken.iter().map(ToString::to_string).collect())
}

async fn verified(world: &World, kept: &[Head]) -> (u64, Vec<String>) {
    let (count, broken) = world.application.verify_audit_against(kept).await.expect("the database is there");
    (count, broken.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn a_chain_is_cut_at_its_old_end_and_what_is_left_verifies() {
    let (world, _) = long_ago().await;
    let cut = vec![("amna".to_owned(), 4), ("bilal".to_owned(), 1)];
    assert_eq!(trim(&world).await, (cut.clone(), vec![]));
    assert_eq!(count(&world, "audit_logs").await, 2);
    assert_eq!(verified(&world, &[]).await, (2, vec![]));
    let starts = world.application.audit_starts().await.expect("the database is there");
    assert_eq!(starts.into_iter().map(|head| (head.user_id, head.seq)).collect::<Vec<_>>(), cut);
    assert_eq!(trim(&world).await, (vec![], vec![]), "there is nothing more");
    // Chains go on, also one of which nothing was left.
    for user in ["amna", "bilal"] {
        create_as(&world, user, "after").await;
    }
    world.settle().await;
    assert_eq!(verified(&world, &[]).await, (4, vec![]));
    assert_eq!(count(&world, "audit_logs WHERE user_id = 'bilal' AND seq = 2").await, 1);
    world.clock.advance(DAY * 32);
    sweep(&world).await;
    assert_eq!(trim(&world).await, (vec![("amna".to_owned(), 7), ("bilal".to_owned(), 2)], vec![]));
    assert_eq!(verified(&world, &[]).await, (0, vec![]));
}

#[tokio::test]
async fn an_entry_stays_as_long_as_it_is_young_or_its_event_or_an_older_entry_is_there() {
    let (world, _) = long_ago().await;
    // As if this one had not been published yet.
    let again = "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id, traceparent,
                                     source_service, timestamp, status)
                 SELECT user_id, event_id, 'task-events', action, 'k', 's', 1, '{}', 'c', '', 'test', timestamp, 'failed'
                 FROM audit_logs
                 WHERE user_id = 'amna' AND seq = 3";
    assert_eq!(execute(&world, again).await, 1);
    assert_eq!(trim(&world).await.0, [("amna".to_owned(), 2), ("bilal".to_owned(), 1)]);
    // No fewer days than events are kept for, whoever asks.
    execute(&world, "DELETE FROM events").await;
    let trimmed = world.application.trim_audit(world.clock.now(), 0).await.expect("the database is there");
    assert_eq!(trimmed.0.into_iter().map(|head| head.seq).collect::<Vec<_>>(), [4]);
    assert_eq!(verified(&world, &[]).await, (2, vec![]));
    // Many, a thousand at a time.
    let many: Vec<_> = (1..=2_500)
        .map(|number| Entry {
            user_id: "many".to_owned(),
            event_id: Uuid::from_u128(number),
            entity_type: "task".to_owned(),
            entity_id: "1".to_owned(),
            action: "task.updated".to_owned(),
            actor_type: "user".to_owned(),
            actor_id: "many".to_owned(),
            old_values: None,
            new_values: None,
            timestamp: world.clock.now() - TimeDelta::days(40),
            correlation_id: "c".to_owned(),
        })
        .collect();
    world.application.append_audit(&many, random).await.expect("the database is there");
    assert_eq!(trim(&world).await.0, [("many".to_owned(), 2_500)]);
    assert_eq!(verified(&world, &[]).await, (2, vec![]));
}

#[tokio::test]
async fn s23_a_cut_that_nobody_wrote_down_or_that_was_written_down_wrongly_is_found() {
    for (statement, said) in [
        ("DELETE FROM audit_logs WHERE user_id = 'amna' AND seq <= 2", "entry 1 is missing (found 3)"),
        ("UPDATE audit_heads SET start_seq = 2 WHERE user_id = 'amna'", "entry 3 is missing (found 1)"),
        ("UPDATE audit_heads SET start_hash = 'x' WHERE user_id = 'amna'", "entry 1 was altered"),
    ] {
        let (world, _) = long_ago().await;
        assert!(execute(&world, statement).await > 0, "{statement}");
        let (_, broken) = verified(&world, &[]).await;
        assert!(broken.len() == 1 && broken[0].ends_with(said), "{statement}: {broken:?}");
        // What is broken is not cut, so that it can still be seen.
        assert_eq!(trim(&world).await, (vec![("bilal".to_owned(), 1)], broken.clone()), "{statement}");
        assert_eq!(verified(&world, &[]).await.1, broken, "{statement}");
    }
    let (world, _) = long_ago().await;
    trim(&world).await;
    for (user, change, said) in [
        ("amna", "start_seq = 3", "entry 4 is missing (found 5)"),
        ("amna", "start_hash = 'x'", "entry 5 was altered"),
        ("amna", "start_seq = 0, start_hash = ''", "entry 1 is missing (found 5)"),
        ("bilal", "start_hash = 'x'", "entry 1 was altered"),
        ("bilal", "start_seq = 0, start_hash = ''", "the chain ends at entry 0, but 1 were written"),
        ("bilal", "start_seq = 2", "the chain goes on to entry 2, but only 1 are written down"),
    ] {
        let before = "SELECT start_seq, encode(start_hash, 'hex') AS hash FROM audit_heads WHERE user_id = ";
        let before = rows(&world.database_url, &format!("{before}'{user}'")).await.remove(0);
        execute(&world, &format!("UPDATE audit_heads SET {change} WHERE user_id = '{user}'")).await;
        let (_, broken) = verified(&world, &[]).await;
        assert!(broken.len() == 1 && broken[0].ends_with(said), "{change}: {broken:?}");
        let (seq, hash) = (&before["start_seq"], before["hash"].as_str().expect("a text"));
        let back = format!("start_seq = {seq}, start_hash = decode('{hash}', 'hex')");
        execute(&world, &format!("UPDATE audit_heads SET {back} WHERE user_id = '{user}'")).await;
    }
    assert_eq!(verified(&world, &[]).await, (2, vec![]));
}

#[tokio::test]
async fn heads_kept_elsewhere_tell_of_a_cut_that_was_not_kept_with_them() {
    let (world, old) = long_ago().await;
    let (cut, _) = world.application.trim_audit(world.clock.now(), 31).await.expect("the database is there");
    let new = world.application.audit_heads().await.expect("the database is there");
    // Of these two the end was kept, and is where the chain begins.
    assert_eq!(verified(&world, &old).await, (2, vec![]));
    let older = vec![Head { user_id: "amna".to_owned(), seq: 3, hash: vec![3; 32] }];
    let gone = |user, last| {
        format!(
            "user {user:?}: entries 1 to {last} are gone, and what trim-audit prints of that was not kept elsewhere"
        )
    };
    let unknown = r#"user "amna": entry 3 is not the one whose hash was kept elsewhere"#;
    assert_eq!(verified(&world, &older).await.1, [gone("amna", 4), gone("bilal", 1), unknown.to_owned()]);
    // Whoever owns the tables can note a cut as well as trim-audit; who kept heads of later is told, too.
    assert_eq!(verified(&world, &new).await.1, [gone("amna", 4)]);
    let together = [older.clone(), cut, new].concat();
    assert_eq!(verified(&world, &together).await, (2, vec![]), "with what trimming said it is explained");
    let forged = Head { user_id: "amna".to_owned(), seq: 4, hash: vec![4; 32] };
    assert_eq!(
        verified(&world, &[older, vec![forged]].concat()).await.1.len(),
        4,
        "each of them, and both cuts"
    );
    // Under a pseudonym as well.
    let chance = Chance { new_id, salt: random };
    world.application.erase_user("amna", world.clock.now(), chance).await.expect("the database is there");
    assert_eq!(verified(&world, &together).await, (3, vec![]));
    assert_eq!(verified(&world, &[]).await, (3, vec![]));
    world.clock.advance(DAY * 32);
    sweep(&world).await;
    let (cut, broken) = trim(&world).await;
    assert_eq!((cut.len(), broken), (1, vec![]), "and that goes like any other");
    assert_eq!(verified(&world, &[]).await, (0, vec![]));
}

#[tokio::test]
async fn chains_are_cut_by_a_command_and_not_by_mistake() {
    let (world, _) = long_ago().await;
    let backend = async |arguments: &[&str]| {
        let mut command = command("backend");
        command.args(arguments).env("DATABASE_URL", &world.database_url);
        let done = outcome(command).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    for (arguments, said) in [
        (&["trim-audit", "30", "--yes"][..], "\"30\" is no number of days from 31 to 36500"),
        (&["trim-audit", "31"], "--yes"),
        (&["trim-audit", "--yes"], "is no number of days"),
    ] {
        let (code, out, error) = backend(arguments).await;
        assert!(code == Some(1) && out.is_empty() && error.contains(said), "{arguments:?}: {error}");
    }
    assert_eq!(count(&world, "audit_logs").await, 7);
    let (code, out, error) = backend(&["trim-audit", "31", "--yes"]).await;
    assert_eq!((code, error.as_str()), (Some(0), "2 chains cut, 0 chains broken\n"), "{out}");
    assert!(out.starts_with(r#"{"entries":4,"hash":""#) && out.lines().count() == 2, "{out}");
    let (code, out, _) = backend(&["verify-audit"]).await;
    let expected = "user \"amna\": the chain begins at entry 5, as trim-audit left it\n\
                    user \"bilal\": the chain begins at entry 2, as trim-audit left it\n\
                    2 entries looked at, 0 chains broken\n";
    assert_eq!((code, out.as_str()), (Some(0), expected));
}
