//! Ten million tasks and as many reminders of a thousand users of very different sizes: what a scan for due reminders, a claim of them and
//! a page far down a list cost, against few, against SQL alone, and against the first page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use application::{Application, Connection};
use chrono::{DateTime, TimeDelta, Utc};
use devkit::postgres::{Durability, Options, Private};
use events::Cause;
use futures::future::try_join_all;
use runtime::clock::{Stopwatch, new_id};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use store::Store;
use store::list::{Filter, Position, SortKey};

use crate::Settings;
use crate::measure::{median, milliseconds, root};
use crate::report::{Figure, Goal, Report};

/// How many tasks there are, and how many reminders, in the one database and in the other.
const MANY: i64 = 10_000_000;
const FEW: i64 = 100_000;
/// How many users; the first has a tenth of all.
const USERS: i64 = 1_000;
/// How many reminders are due when a scan is measured, and how many are claimed in a turn.
const DUE: i64 = 500;
const CLAIMED: i64 = 10_000;
/// How many claim at once, and how many reminders.
const WORKERS: u32 = 8;
const CLAIMED_AT_ONCE: i64 = 40_000;
/// Reminders are due one each half millisecond: so all claims are over before the first is to be announced again.
const EACH: TimeDelta = TimeDelta::microseconds(500);
/// How many tasks a page has.
const PAGE: i64 = 50;
/// The instant of the scan.
const NOW: &str = "2026-06-01T06:00:00Z";

/// The statement itself, as the store runs it.
const CLAIM_DUE: &str = include_str!("../../shared/store/src/reminders/claim_due.sql");
/// Claims and marks 500 reminders that are due ($1: now), by nothing but SQL.
const CLAIM: &str = "WITH due AS (
                         SELECT user_id, id
                         FROM reminders
                         WHERE status = 'pending' AND trigger_time <= $1
                         ORDER BY trigger_time
                         LIMIT 500
                         FOR UPDATE SKIP LOCKED
                     )
                     UPDATE reminders r
                     SET status = 'queued', next_attempt_at = $1 + interval '5 minutes'
                     FROM due
                     WHERE r.user_id = due.user_id AND r.id = due.id";
/// The same, with an event of each into the outbox.
const CLAIM_AND_TELL: &str = "WITH due AS (
                                  SELECT user_id, id
                                  FROM reminders
                                  WHERE status = 'pending' AND trigger_time <= $1
                                  ORDER BY trigger_time
                                  LIMIT 500
                                  FOR UPDATE SKIP LOCKED
                              ), marked AS (
                                  UPDATE reminders r
                                  SET status = 'queued', next_attempt_at = $1 + interval '5 minutes'
                                  FROM due
                                  WHERE r.user_id = due.user_id AND r.id = due.id
                                  RETURNING r.*
                              )
                              INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                                  traceparent, source_service, timestamp)
                              SELECT user_id, gen_random_uuid(), 'reminders', 'reminder.due', user_id, id::text, 0,
                                     jsonb_build_object('user_id', user_id, 'task_id', task_id, 'reminder_id', id, 'attempt', 1,
                                                        'trigger_time', trigger_time, 'delivery_method', delivery_method,
                                                        'destination', destination),
                                     '01a1fc63-f101-75a5-8ecd-e4a00f0efce4', '', 'scan-reminders', $1
                              FROM marked";

/// # Errors
/// PostgreSQL does not start, refuses a statement, or gives other rows than it should.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let directory = directory()?;
    let outcome = measure_in(&directory.0, settings, report).await;
    drop(directory);
    outcome
}

/// A directory on the disk, since the whole is too much for memory; removed when it is dropped.
struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn directory() -> Result<Directory> {
    let path = root().join("target/scale");
    if path.exists() {
        std::fs::remove_dir_all(&path).context("what an earlier run left")?;
    }
    Ok(Directory(path))
}

async fn measure_in(directory: &Path, settings: &Settings, report: &mut Report) -> Result<()> {
    let turns = if settings.is_quick { 3 } else { 10 };
    // Filled without waiting for the disk, then measured as it is run.
    let private =
        Private::start(Options { durability: Durability::Throwaway, ..Options::new(directory) }).await?;
    execute(private.url(), "CREATE DATABASE few").await?;
    let watch = Stopwatch::start();
    fill(&private.url_of("few"), FEW).await?;
    fill(private.url(), MANY).await?;
    println!("     filled in {:.0?}", watch.elapsed());
    sizes(private.url(), &["tasks", "reminders"], report).await?;
    private.stop().await?;

    let private = Private::start(Options::new(directory)).await?;
    let (few, many) = (private.url_of("few"), private.url().to_owned());
    scan(&few, &many, turns, report).await?;
    pages(&many, turns, report).await?;
    claims(&many, turns, report).await?;
    claims_at_once(&many, report).await?;
    sizes(&many, &["events"], report).await?;
    private.stop().await
}

async fn execute(url: &str, statement: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Says how much a row of each table takes, with what the indexes have of it.
async fn sizes(url: &str, tables: &[&str], report: &mut Report) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for table in tables {
        let each = format!("SELECT pg_total_relation_size('{table}')::float8 / count(*) FROM {table}");
        let each = sqlx::query_scalar(AssertSqlSafe(each)).fetch_one(&mut connection).await?;
        report.add(Figure::counted(
            "–",
            format!("a row of {table} with its indexes"),
            "bytes",
            each,
            Goal::Shown,
        ));
    }
    Ok(connection.close().await?)
}

/// Migrates a database, and fills it: rows without keys and indexes, which are then made as they were.
async fn fill(url: &str, rows: i64) -> Result<()> {
    store::migrate(url).await?;
    let mut connection = PgConnection::connect(url).await?;
    // The largest key first: that to tasks is what another one refers to.
    let kept = "SELECT 1 AS place, c.conrelid::regclass::text AS of, c.conname::text AS name, pg_get_constraintdef(c.oid) AS text
                FROM pg_constraint c
                WHERE c.contype = 'p' AND c.conrelid IN ('tasks'::regclass, 'reminders'::regclass)
                UNION ALL
                SELECT 2, '', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
                FROM pg_index
                WHERE indrelid IN ('tasks'::regclass, 'reminders'::regclass) AND NOT indisprimary
                UNION ALL
                SELECT 3, c.conrelid::regclass::text, c.conname::text, pg_get_constraintdef(c.oid)
                FROM pg_constraint c
                WHERE c.contype = 'f' AND c.confrelid IN ('tasks'::regclass, 'reminders'::regclass)
                ORDER BY place";
    let kept = sqlx::query(kept).fetch_all(&mut connection).await?;
    let mut made = Vec::new();
    for row in kept.iter().rev() {
        let (place, of, name, text): (i32, String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let drop = match place {
            2 => format!("DROP INDEX {name}"),
            _ => format!("ALTER TABLE {of} DROP CONSTRAINT {name}"),
        };
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
        made.push(if place == 2 { text } else { format!("ALTER TABLE {of} ADD CONSTRAINT {name} {text}") });
    }
    ensure!(made.len() >= 10, "the tables have keys and indexes");
    for statement in rows_of(rows).into_iter().chain(made.into_iter().rev()) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    for table in ["users", "tasks", "reminders"] {
        sqlx::raw_sql(AssertSqlSafe(format!("VACUUM (ANALYZE) {table}"))).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

/// Gives the statements that fill a database: the tasks of all users one after the other in time, the reminders in another order.
fn rows_of(rows: i64) -> [String; 5] {
    let user = format!(
        "'user-' || CASE WHEN n % 10 = 0 THEN 1 ELSE floor(2 * power({USERS} / 2.0, (n * 7919 % {rows}) / {rows}.0::float8))::integer END"
    );
    let id = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
    let each = EACH.num_microseconds().unwrap_or_default();
    [
        "SET maintenance_work_mem = '512MB'".to_owned(),
        "SET synchronous_commit = off".to_owned(),
        format!(
            "INSERT INTO users (user_id, time_zone, locale, reminder_time, version, created_at, updated_at)
             SELECT 'user-' || n, 'UTC', 'en-US', '09:00', 1, '2026-01-01', '2026-01-01'
             FROM generate_series(1, {USERS}) AS n"
        ),
        format!(
            "INSERT INTO tasks (user_id, id, title, due_local, due_at, all_day, priority, tags, status, created_at, updated_at, version)
             SELECT {user}, {id}, 'buy milk ' || n,
                    timestamp '2026-06-01' + (n * 7919 % {rows}) * interval '1 second',
                    timestamptz '2026-06-01' + (n * 7919 % {rows}) * interval '1 second',
                    false, n % 3 + 1, '{{}}', CASE WHEN n % 10 < 9 THEN 'active' ELSE 'completed' END,
                    timestamptz '2026-01-01' + n * interval '1 second', timestamptz '2026-01-01' + n * interval '1 second', 1
             FROM generate_series(1::bigint, {rows}) AS n"
        ),
        format!(
            "INSERT INTO reminders (user_id, id, task_id, trigger_time, status, delivery_method)
             SELECT {user}, {id}, {id},
                    timestamptz '{NOW}' + (n * 7919 % {rows} - {DUE} + 1) * interval '{each} microseconds', 'pending', 'email'
             FROM generate_series(1::bigint, {rows}) AS n"
        ),
    ]
}

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap_or_default()
}

/// Looks for what is due among few and among many, in turns; what it locks it lets go.
async fn scan(few: &str, many: &str, turns: u32, report: &mut Report) -> Result<()> {
    let mut connections = [PgConnection::connect(few).await?, PgConnection::connect(many).await?];
    let (mut ratios, mut times) = (Vec::new(), Vec::new());
    for _ in 0..turns {
        let mut of_both = [Vec::new(), Vec::new()];
        for _ in 0..20 {
            for (connection, times) in connections.iter_mut().zip(&mut of_both) {
                let mut transaction = connection.begin().await?;
                let watch = Stopwatch::start();
                let due = sqlx::query(CLAIM_DUE)
                    .bind(now())
                    .bind(DUE)
                    .bind(now() - TimeDelta::hours(24))
                    .fetch_all(&mut *transaction)
                    .await?;
                times.push(milliseconds(watch.elapsed()));
                ensure!(due.len() == usize::try_from(DUE)?, "{} are due", due.len());
                transaction.rollback().await?;
            }
        }
        let [few, many] = of_both.map(|mut times| median(&mut times));
        ratios.push(many / few);
        times.push(many);
    }
    let name = format!("scan of {MANY} reminders ÷ of {FEW}, {DUE} due");
    report.add(Figure::of_turns("P17", name, "", &ratios, Goal::AtMost(1.5)));
    let name = format!("scan of {MANY} reminders, {DUE} due, with their rows");
    report.add(Figure::of_turns("P17", name, "ms", &times, Goal::Shown));
    Ok(())
}

/// Reads pages of the largest user's list, the first one and ones far down, in turns, in every order.
async fn pages(url: &str, turns: u32, report: &mut Report) -> Result<()> {
    let store = Store::lazy(&store::Connection::new(url, "bench", 1))?;
    let user = "user-1";
    let mut connection = PgConnection::connect(url).await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE user_id = $1")
        .bind(user)
        .fetch_one(&mut connection)
        .await?;
    let filter = Filter::default();
    let mut worst: Vec<f64> = Vec::new();
    for (key, column) in [
        (SortKey::CreatedAt, "created_at"),
        (SortKey::UpdatedAt, "updated_at"),
        (SortKey::DueDate, "due_at"),
        (SortKey::Priority, "to_timestamp(priority)"),
    ] {
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        for turn in 0..turns {
            // Each turn at another depth, between a tenth of the list and its end.
            let depth = count * i64::from(turn + 1) / i64::from(turns + 1);
            let order = column.replace("to_timestamp(priority)", "priority");
            let position = format!(
                "SELECT {column}, id FROM tasks WHERE user_id = $1 ORDER BY {order} DESC, id DESC OFFSET $2 LIMIT 1"
            );
            let row = sqlx::query(AssertSqlSafe(position))
                .bind(user)
                .bind(depth)
                .fetch_one(&mut connection)
                .await?;
            let deep = Position { value: Some(row.try_get(0)?), id: row.try_get(1)? };
            let mut of_both = [Vec::new(), Vec::new()];
            for _ in 0..20 {
                for (after, times) in [None, Some(deep)].into_iter().zip(&mut of_both) {
                    let watch = Stopwatch::start();
                    let page = store.list(user, &filter, (key, true), after, PAGE).await?;
                    times.push(milliseconds(watch.elapsed()));
                    ensure!(page.len() == usize::try_from(PAGE)?, "a page of {}", page.len());
                }
            }
            let [first, deep] = of_both.map(|mut times| median(&mut times));
            ratios.push(deep / first);
            times.push(deep);
        }
        let name = format!("page of {PAGE} far down {count} tasks of a user ÷ first page, by {column}");
        report.add(Figure::of_turns("P19", name, "", &ratios, Goal::AtMost(1.5)));
        worst.push(median(&mut times));
    }
    let name = format!("page of {PAGE} far down {count} tasks of a user, in the slowest order");
    let slowest = worst.into_iter().fold(0.0, f64::max);
    report.add(Figure::counted("P19", name, "ms", slowest, Goal::Shown));
    Ok(())
}

/// A scan as scan-reminders makes it.
fn cause(now: DateTime<Utc>) -> Cause {
    Cause {
        user_id: String::new(),
        now,
        correlation_id: new_id(now).to_string(),
        traceparent: String::new(),
        source_service: "scan-reminders",
        new_id,
    }
}

/// Gives the instant at which so many more are due.
fn later(now: DateTime<Utc>, count: i64) -> DateTime<Utc> {
    now + EACH * i32::try_from(count).unwrap_or(i32::MAX)
}

/// Claims, marks and announces reminders as scan-reminders does, and by SQL alone, in turns.
async fn claims(url: &str, turns: u32, report: &mut Report) -> Result<()> {
    let application = Application::new(&Connection::new(url, "bench", 1), chrono_tz::UTC, || {})?;
    let mut connection = PgConnection::connect(url).await?;
    // What the scans were measured with.
    let mut due_at = now();
    ensure!(
        application.announce_due(&cause(due_at)).await? == usize::try_from(DUE)?,
        "other reminders are due"
    );
    let (mut of_claim, mut of_all, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        due_at = later(due_at, CLAIMED);
        let watch = Stopwatch::start();
        let count = application.announce_due(&cause(due_at)).await?;
        let ours = rate(i64::try_from(count)?, watch.elapsed());
        ensure!(count == usize::try_from(CLAIMED)?, "{count} were claimed");
        let mut of_sql = [0.0; 2];
        for (statement, rate_of) in [CLAIM, CLAIM_AND_TELL].into_iter().zip(&mut of_sql) {
            due_at = later(due_at, CLAIMED);
            let watch = Stopwatch::start();
            let mut count = 0;
            loop {
                let done =
                    sqlx::query(statement).bind(due_at).execute(&mut connection).await?.rows_affected();
                count += i64::try_from(done)?;
                if done < 500 {
                    break;
                }
            }
            *rate_of = rate(count, watch.elapsed());
            ensure!(count == CLAIMED, "{count} were claimed");
        }
        of_claim.push(ours / of_sql[0]);
        of_all.push(ours / of_sql[1]);
        rates.push(ours);
    }
    let name = "reminders claimed, marked and announced ÷ the same writes by SQL alone, 500 at once";
    report.add(Figure::of_turns("P18", name, "", &of_all, Goal::Shown));
    let name = "reminders claimed, marked and announced ÷ claimed and marked by SQL alone, 500 at once";
    report.add(Figure::of_turns("P18", name, "", &of_claim, Goal::AtLeast(0.7)));
    let name = format!("reminders claimed, marked and announced of {MANY}");
    report.add(Figure::of_turns("P18", name, "per s", &rates, Goal::Shown));
    Ok(())
}

fn rate(count: i64, time: Duration) -> f64 {
    f64::from(i32::try_from(count).unwrap_or(i32::MAX)) / time.as_secs_f64()
}

/// Has eight scans claim the same reminders at once: each of them is announced once.
async fn claims_at_once(url: &str, report: &mut Report) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let (first, last): (DateTime<Utc>, i64) = sqlx::query_as(
        "SELECT (SELECT min(trigger_time) FROM reminders WHERE status = 'pending'), COALESCE((SELECT max(seq) FROM events), 0)",
    )
    .fetch_one(&mut connection)
    .await?;
    let due_at = later(first, CLAIMED_AT_ONCE - 1);
    let application = Application::new(&Connection::new(url, "bench", WORKERS), chrono_tz::UTC, || {})?;
    let watch = Stopwatch::start();
    let workers = (0..WORKERS).map(|_| {
        let application = application.clone();
        tokio::spawn(async move { application.announce_due(&cause(due_at)).await })
    });
    let mut counts = Vec::new();
    for count in try_join_all(workers).await? {
        counts.push(i64::try_from(count?)?);
    }
    let rate = rate(counts.iter().sum(), watch.elapsed());
    // Whoever finds all of a batch locked is done early: one more looks for what is left.
    let left = i64::try_from(application.announce_due(&cause(due_at)).await?)?;
    ensure!(counts.iter().sum::<i64>() + left == CLAIMED_AT_ONCE, "claimed {counts:?} and {left}");
    let (announced, reminders): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT payload ->> 'reminder_id') FROM events WHERE seq > $1 AND event_type = 'reminder.due'",
    )
    .bind(last)
    .fetch_one(&mut connection)
    .await?;
    ensure!(reminders == CLAIMED_AT_ONCE, "{reminders} were announced");
    let twice = f64::from(i32::try_from(announced - reminders)?);
    let name = format!("reminders claimed twice of {CLAIMED_AT_ONCE}, by {WORKERS} scans at once");
    report.add(Figure::counted("P18", name, "", twice, Goal::AtMost(0.0)));
    let name = format!("reminders claimed by {WORKERS} scans at once");
    report.add(Figure::counted("P18", name, "per s", rate, Goal::Shown));
    Ok(())
}
