//! A million reminders: what a scan costs does not grow with those that are not due; and a million events of one user: what a history
//! costs does not grow with those of other tasks. `KAAM_FULL=1` takes the full number, anything else a tenth of it.

use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tests::database::{count, execute, rows};
use tests::process::eventually;
use tests::world::{START, World};

/// The statements themselves, as the store runs them.
const CLAIM_DUE: &str = include_str!("../../shared/store/src/reminders/claim_due.sql");
const NEXT_DUE_AT: &str = include_str!("../../shared/store/src/reminders/next_due_at.sql");
const TASK_HISTORY: &str = include_str!("../../shared/store/src/audit/task_history.sql");
const CHANGES_SINCE: &str = include_str!("../../shared/store/src/feed/changes.sql");
/// How many reminders are due.
const DUE: i64 = 1_000;
/// How often a task was changed whose history is looked at.
const CHANGES: i64 = 1_000;
/// How long PostgreSQL may take for either.
const LONGEST_MS: f64 = 50.0;

#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn full_or_a_tenth(number: i64) -> i64 {
    if std::env::var_os("KAAM_FULL").is_some() { number } else { number / 10 }
}

/// Gives the names of the indexes that a plan reads, sorted, and the kinds of scan that it makes of whole tables.
fn reads(plan: &Value, indexes: &mut Vec<String>, whole: &mut Vec<String>) {
    indexes.extend(plan["Index Name"].as_str().map(str::to_owned));
    let relation = plan["Relation Name"].as_str().map(str::to_owned);
    whole.extend(relation.filter(|_| plan["Node Type"] == "Seq Scan"));
    for part in plan["Plans"].as_array().into_iter().flatten() {
        reads(part, indexes, whole);
    }
}

/// Runs a statement under `EXPLAIN`, undoes it, and gives how long the server took, in milliseconds, and which indexes it read.
async fn explain(connection: &mut PgConnection, statement: &str, arguments: &str) -> (f64, Vec<String>) {
    let mut transaction = connection.begin().await.expect("the database is there");
    let prepare = format!("PREPARE explained AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *transaction).await.expect("the statement is sound");
    let explain = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE explained {arguments}");
    let found: Value = sqlx::query_scalar(AssertSqlSafe(explain))
        .fetch_one(&mut *transaction)
        .await
        .expect("the statement runs");
    sqlx::raw_sql("DEALLOCATE explained").execute(&mut *transaction).await.expect("it was prepared");
    transaction.rollback().await.expect("the database is there");
    let (mut indexes, mut whole) = (Vec::new(), Vec::new());
    reads(&found[0]["Plan"], &mut indexes, &mut whole);
    assert_eq!(whole, [""; 0], "a whole table was read: {found:#}");
    indexes.sort();
    (found[0]["Execution Time"].as_f64().expect("a number"), indexes)
}

#[tokio::test]
async fn a_scan_reads_what_is_due_and_nothing_of_a_million_others() {
    let (world, watch, total) = (World::new().await, Stopwatch::start(), full_or_a_tenth(1_000_000));
    for number in 0..4 {
        world.create(json!({"title": format!("task {number}")})).await;
    }
    // Due one each second before the start, the others one each minute after it; some of both wait for a retry.
    let insert = format!(
        "INSERT INTO reminders (user_id, id, task_id, trigger_time, status, delivery_method, next_attempt_at)
         SELECT task.user_id, gen_random_uuid(), task.id,
                timestamptz '{START}' + CASE WHEN n <= {DUE} THEN - n * interval '1 second' ELSE n * interval '1 minute' END,
                CASE WHEN n % 10 = 0 THEN 'queued' ELSE 'pending' END,
                'email',
                CASE WHEN n % 10 = 0 THEN timestamptz '{START}'
                         + CASE WHEN n <= {DUE} THEN - n * interval '1 second' ELSE n * interval '1 minute' END END
         FROM generate_series(1, {total}) AS n
         JOIN (SELECT *, row_number() OVER () - 1 AS place FROM tasks) AS task ON task.place = n % 4"
    );
    execute(&world, &insert).await;
    // What autovacuum does within a minute.
    execute(&world, "ANALYZE reminders").await;
    let filled_after = watch.elapsed();
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let claim = format!("('{START}', {DUE}, timestamptz '{START}' - interval '24 hours')");
    // A connection plans the first few times for the values, later perhaps once for all.
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.expect("a setting");
        let (claim_ms, indexes) = explain(&mut connection, CLAIM_DUE, &claim).await;
        assert_eq!(indexes, ["reminders_due", "reminders_retry"]);
        let (next_ms, next_indexes) = explain(&mut connection, NEXT_DUE_AT, "").await;
        assert_eq!(next_indexes, ["reminders_due", "reminders_retry"]);
        eprintln!(
            "{mode}: {DUE} due of {total} claimed in {claim_ms:.2} ms, the next found in {next_ms:.3} ms"
        );
        assert!(claim_ms < LONGEST_MS && next_ms < LONGEST_MS, "{claim_ms} ms, {next_ms} ms");
    }
    let watch = Stopwatch::start();
    world.announce().await;
    let announced_after = watch.elapsed();
    assert_eq!(count(&world, "events WHERE event_type = 'reminder.due'").await, DUE);
    eprintln!(
        "filled in {filled_after:.1?}; a whole scan, with {DUE} announcements, took {announced_after:.0?}"
    );
}

#[tokio::test]
async fn a_history_reads_what_concerns_its_task_and_nothing_of_a_million_other_events() {
    let (world, total) = (World::new().await, full_or_a_tenth(1_000_000));
    // Of one user; the first task has a thousand, each other one ten. Those with an even number are audited.
    let fill = format!(
        "WITH new AS (
             INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                 traceparent, source_service, timestamp, status)
             SELECT 'local', gen_random_uuid(), 'task-events', 'task.updated', task, task, 0, '{{}}', 'c', '', 'update-task',
                    '{START}', CASE WHEN n % 4 = 1 THEN 'pending' ELSE 'processed' END
             FROM generate_series(1, {total}) AS n
             CROSS JOIN LATERAL (SELECT CASE WHEN n <= {CHANGES} THEN 'changed' ELSE (n / 10)::text END AS task) AS one
             RETURNING seq, event_id, key
         )
         INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, timestamp,
                                 correlation_id, previous_hash, hash)
         SELECT 'local', seq, event_id, 'task', key, 'task.updated', 'user', 'local', '{START}', 'c', '', ''
         FROM new
         WHERE seq % 2 = 0"
    );
    execute(&world, &fill).await;
    execute(&world, "ANALYZE events").await;
    execute(&world, "ANALYZE audit_logs").await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.expect("a setting");
        for task in ["changed", "5000"] {
            let arguments = format!("('local', '{task}')");
            let (found_ms, indexes) = explain(&mut connection, TASK_HISTORY, &arguments).await;
            assert_eq!(indexes, ["audit_logs_by_entity", "events_by_task"], "{mode}");
            eprintln!("{mode}: the history of {task:?} among {total} events found in {found_ms:.2} ms");
            assert!(found_ms < LONGEST_MS, "{found_ms} ms");
        }
    }
}

#[tokio::test]
async fn a_look_for_news_reads_what_is_new_and_nothing_of_a_million_other_events() {
    let (world, total) = (World::new().await, full_or_a_tenth(1_000_000));
    let fill = format!(
        "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                             traceparent, source_service, timestamp, status)
         SELECT CASE WHEN n % 2 = 0 THEN 'local' ELSE 'other' END, gen_random_uuid(), 'task-events', 'task.updated', 'k', 'k', 0,
                '{{\"task\":{{\"version\":1}}}}', 'c', '', 'update-task', '{START}', 'processed'
         FROM generate_series(1, {total}) AS n"
    );
    execute(&world, &fill).await;
    execute(&world, "ANALYZE events").await;
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    // Other tests write in the same server: until none is older, all that was filled in would be looked through.
    let now = eventually("nobody writes who began before", async || {
        let now = "SELECT pg_current_snapshot()::text AS now
                   FROM (SELECT max(transaction_id) AS last FROM events) AS filled
                   WHERE pg_snapshot_xmin(pg_current_snapshot()) > last";
        rows(&world.database_url, now).await.pop().and_then(|row| Some(row["now"].as_str()?.to_owned()))
    })
    .await;
    world.create(json!({"title": "new"})).await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let set = format!("SET plan_cache_mode = {mode}");
        sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut connection).await.expect("a setting");
        // Who saw all but the last, and who comes from very long ago and is told to read everything anew.
        for (snapshot, limit) in [(now.as_str(), 1_001), ("3:3:", 1_001)] {
            let arguments = format!("('local', '{snapshot}', '0', '9223372036854775807', '0', 0, {limit})");
            let (found_ms, indexes) = explain(&mut connection, CHANGES_SINCE, &arguments).await;
            assert_eq!(indexes, ["events_feed", "swept_feeds_pkey"], "{mode}");
            eprintln!("{mode}: what is new since {snapshot} among {total} events found in {found_ms:.2} ms");
            assert!(found_ms < LONGEST_MS, "{found_ms} ms");
        }
    }
}

#[tokio::test]
async fn what_very_many_users_missed_becomes_one_digest_for_each() {
    let (world, users) = (World::new().await, full_or_a_tenth(100_000));
    execute(
        &world,
        &format!(
            "INSERT INTO tasks (user_id, id, title, all_day, priority, tags, status, created_at, updated_at, version)
             SELECT 'user-' || n, gen_random_uuid(), 'missed', false, 2, '{{}}', 'active', '{START}', '{START}', 1
             FROM generate_series(1, {users}) AS n"
        ),
    )
    .await;
    let missed = format!(
        "INSERT INTO reminders (user_id, id, task_id, trigger_time, status, delivery_method)
         SELECT t.user_id, gen_random_uuid(), t.id, timestamptz '{START}' - number * interval '2 days', 'pending', 'email'
         FROM tasks t
         CROSS JOIN generate_series(1, 2) AS number"
    );
    execute(&world, &missed).await;
    let watch = Stopwatch::start();
    world.announce().await;
    let elapsed = watch.elapsed();
    assert_eq!(count(&world, "reminders WHERE task_id IS NULL AND status = 'pending'").await, users);
    assert_eq!(count(&world, "reminders WHERE digest_id IS NOT NULL AND status = 'queued'").await, 2 * users);
    assert_eq!(count(&world, "events").await, 0, "none is announced alone");
    eprintln!("{} missed reminders of {users} users gathered in {elapsed:.1?}", 2 * users);
}
