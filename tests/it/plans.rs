//! How PostgreSQL finds what each statement of the store asks for, with many rows of users of very different sizes: by which indexes, as
//! which role, once it plans without looking at values. What it is stands in `plans/snapshot.txt`, which `make plans` writes anew, so that
//! a change of a statement or an index shows what became of the plans; and no table that grows is ever read whole, but where a reason is given.

mod distribution;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::clock::Stopwatch;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use store::grants::{ROLES, Rows};
use store::outbox::RELAY_CONNECTION;
use tests::database::{rows, run};
use tests::plan;
use tests::roles::url_of;
use tests::world::World;

const FILL: &str = include_str!("plans/fill.sql");
/// The version whose plans the snapshot has: others may prefer others, and are held to what needs no snapshot.
const SNAPSHOT_OF: i32 = 15;
/// How long it may take until all rows are known to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who has half of all rows, and who has a few.
const SIZES: [&str; 2] = ["user-1", "user-250"];
/// How a plan of the owner is named; a role's by its function.
const OWNER: &str = "owner";
/// How the statements begin that a relay runs on its own connection.
const OF_A_RELAY: [&str; 5] = [
    "WITH open AS MATERIALIZED ( SELECT shard::smallint AS shard",
    "SELECT open.user_id AS \"user_id!\", open.event_id",
    "UPDATE events e SET status = 'processed'",
    "UPDATE events e SET status = new.status",
    "SELECT pg_advisory_unlock_all()",
];
/// Tables that a statement may read whole, or by a whole index that has few of their rows: how it begins, which ones, and why.
const READ_WHOLE: [(&str, &str, &str); 13] = [
    (
        "SELECT COALESCE(h.user_id, l.user_id) AS \"user_id!\"",
        "audit_logs audit_heads",
        "verify-audit: every chain is looked at, by whoever runs the command",
    ),
    (
        "SELECT user_id, seq, hash FROM audit_heads WHERE seq > 0",
        "audit_heads",
        "audit-heads: the end of every chain is what is asked for",
    ),
    (
        "SELECT user_id, start_seq AS seq",
        "audit_heads",
        "verify-audit: the beginning of every chain is what is asked for",
    ),
    (
        "SELECT ( SELECT min(first.timestamp)",
        "events",
        "the index has dead letters only, and a thousand are counted at most",
    ),
    (
        "SELECT event_id, event_type, topic_name, timestamp, attempts, error FROM events",
        "events",
        "likewise, up to a limit",
    ),
    (
        "UPDATE events SET status = 'pending'",
        "events",
        "replay: the index has dead letters only, and all of them are replayed",
    ),
    ("UPDATE reminders r SET status = 'pending', retry_count = 0", "events", "likewise"),
    ("DELETE FROM conversations WHERE (", "conversations", SWEEP),
    ("DELETE FROM idempotency_keys WHERE (", "idempotency_keys", SWEEP),
    ("DELETE FROM link_uses WHERE (", "link_uses", SWEEP),
    ("DELETE FROM sessions WHERE (", "sessions", SWEEP),
    ("DELETE FROM undone_events WHERE (", "undone_events", SWEEP),
    ("DELETE FROM sign_in_attempts WHERE subject IN", "sign_in_attempts", SWEEP),
];
/// Why a sweep may.
const SWEEP: &str = "the sweep: PostgreSQL reads all where that is cheaper than looking a thousand rows up, so never more than that costs";

/// A statement of the store.
struct Statement {
    /// In one line.
    text: String,
    /// As it is sent.
    sql: String,
    /// How many parameters it has.
    parameters: usize,
}

impl Statement {
    /// Whether a relay runs it on its own connection.
    fn is_of_a_relay(&self) -> bool {
        OF_A_RELAY.iter().any(|start| self.text.starts_with(start))
    }
}

fn at_the_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Gives every statement of `shared/store`, sorted: those that the macros of sqlx have described.
fn statements() -> Vec<Statement> {
    let files = fs::read_dir(at_the_root(".sqlx")).expect("it is committed");
    let mut statements: Vec<_> = files
        .map(|file| {
            let text = fs::read_to_string(file.expect("an entry").path()).expect("it can be read");
            let described: Value = serde_json::from_str(&text).expect("sqlx writes JSON");
            let sql = described["query"].as_str().expect("the statement").to_owned();
            let code: String = sql
                .lines()
                .filter(|line| !line.trim_start().starts_with("--"))
                .collect::<Vec<_>>()
                .join("\n");
            let parameters = described["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len);
            Statement { text: code.split_whitespace().collect::<Vec<_>>().join(" "), sql, parameters }
        })
        .collect();
    statements.sort_by(|one, other| one.text.cmp(&other.text));
    statements
}

/// Gives a world with rows whose plans are looked at.
async fn filled() -> World {
    let world = World::new().await;
    run(&world.database_url, FILL).await;
    // Not within a transaction, and all rows are looked at. Plans differ by how many pages are known to be visible to everybody: a page
    // is not while whoever just connects to another database looks at the state before it, so that it is gone through once more.
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    run_on(&mut connection, "SET default_statistics_target = 1000".to_owned()).await.expect("a setting");
    let tables = "SELECT oid::regclass::text AS name FROM pg_class
                  WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
    let unseen = format!("{tables} AND relallvisible < relpages");
    let mut left = rows(&world.database_url, tables).await;
    let watch = Stopwatch::start();
    while !left.is_empty() {
        assert!(watch.elapsed() < PATIENCE, "not known to be visible: {left:?}");
        for table in &left {
            let vacuum = format!("VACUUM (FREEZE, ANALYZE) {}", table["name"].as_str().expect("a name"));
            run_on(&mut connection, vacuum).await.expect("the owner may");
        }
        left = rows(&world.database_url, &unseen).await;
    }
    world
}

async fn run_on(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.map(|_| ())
}

/// Gives the columns of each index.
async fn columns_of_indexes(url: &str) -> BTreeMap<String, Vec<String>> {
    let query =
        "SELECT i.indexrelid::regclass::text AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
                 FROM pg_index i
                 JOIN pg_attribute a ON a.attrelid = i.indexrelid
                 JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
                 GROUP BY 1";
    let found = rows(url, query).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let columns = |row: &Value| row["columns"].as_array().into_iter().flatten().map(text).collect();
    found.iter().map(|row| (text(&row["name"]), columns(row))).collect()
}

/// Where plans of one shape are made: by whom, and for whom.
type By = BTreeMap<String, BTreeSet<&'static str>>;

/// Each statement with the shapes of its plans.
type Shapes = Vec<(Statement, By)>;

/// Plans every statement as every role that may run it, and as the owner.
async fn shapes(world: &World) -> Shapes {
    let indexes = columns_of_indexes(&world.database_url).await;
    let mut shapes: Shapes = statements().into_iter().map(|one| (one, By::new())).collect();
    let functions = ROLES.iter().filter(|role| !role.of.contains(' '));
    let connecting = functions.map(|role| (role.of, url_of(&world.database_url, role.of), role.rows));
    let owner = (OWNER, world.database_url.clone(), Rows::OfAllUsers);
    // The owner first, who sees all rows: by those plans it is known whose rows a statement is about.
    let mut of_one_user = BTreeSet::new();
    for (name, url, rows) in [owner].into_iter().chain(connecting) {
        let mut connection = PgConnection::connect(&url).await.expect("the role may log in");
        run_on(&mut connection, "SET plan_cache_mode = force_generic_plan".to_owned())
            .await
            .expect("a setting");
        for user in if rows == Rows::OfOneUser { &SIZES[..] } else { &SIZES[..1] } {
            let set = format!("SELECT set_config('kaam.user_id', '{user}', false)");
            run_on(&mut connection, set).await.expect("anybody may");
            for (number, (statement, by)) in shapes.iter_mut().enumerate() {
                // What works for all users is never run by who sees one user's rows.
                if rows == Rows::OfOneUser && !of_one_user.contains(&number) {
                    continue;
                }
                let plan = planned(&mut connection, statement).await;
                let Some(plan) = plan else { continue };
                if name == OWNER && distribution::about(&plan) == distribution::About::OneUser {
                    of_one_user.insert(number);
                }
                by.entry(plan::shape(&plan, &indexes)).or_default().insert(name);
            }
        }
        connection.close().await.expect("it is there");
    }
    shapes
}

/// Plans a statement as whoever is connected; `None` when it may not.
async fn planned(connection: &mut PgConnection, statement: &Statement) -> Option<Value> {
    let settings: Vec<_> = RELAY_CONNECTION.iter().filter(|(name, _)| name.starts_with("enable_")).collect();
    if !statement.is_of_a_relay() {
        return plan::generic(connection, &statement.sql, statement.parameters).await;
    }
    for (name, value) in &settings {
        run_on(connection, format!("SET {name} = {value}")).await.expect("a setting");
    }
    let plan = plan::generic(connection, &statement.sql, statement.parameters).await;
    for (name, _) in &settings {
        run_on(connection, format!("RESET {name}")).await.expect("a setting");
    }
    plan
}

/// Says what a snapshot has of statements: each plan by whom it is made, where there is more than one.
fn written(shapes: &Shapes) -> String {
    let mut text = format!("Plans of PostgreSQL {SNAPSHOT_OF}; `make plans` writes them anew.\n");
    for (statement, by) in shapes {
        writeln!(text, "\n{}", statement.text).expect("a text takes anything");
        for (shape, names) in by {
            if by.len() > 1 {
                let names: Vec<_> = names.iter().copied().collect();
                writeln!(text, "  as {}:", names.join(", ")).expect("a text takes anything");
            }
            text.push_str(shape);
        }
    }
    text
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
async fn each_statement_is_planned_as_it_was_and_reads_no_table_that_grows_whole() {
    let watch = Stopwatch::start();
    let world = filled().await;
    let filled_after = watch.elapsed();
    let shapes = shapes(&world).await;
    eprintln!(
        "filled in {filled_after:.1?}, {} statements planned in {:.1?}",
        shapes.len(),
        watch.elapsed() - filled_after
    );
    let mut wrong = Vec::new();
    for (statement, by) in &shapes {
        assert!(!by.is_empty(), "nobody may run {}", statement.text);
        let excepted = READ_WHOLE.iter().find(|(start, _, _)| statement.text.starts_with(start));
        for (shape, names) in by {
            let whole = plan::read_whole(shape);
            let allowed = excepted.map_or("", |(_, tables, _)| tables);
            if whole.iter().any(|table| !allowed.split(' ').any(|one| one == table)) {
                wrong.push(format!("{whole:?} as {names:?}: {}\n{shape}", statement.text));
            }
        }
    }
    assert!(wrong.is_empty(), "read whole:\n{}", wrong.join("\n"));
    for (start, _, why) in READ_WHOLE {
        let is_used = shapes.iter().any(|(statement, by)| {
            statement.text.starts_with(start) && by.keys().any(|shape| !plan::read_whole(shape).is_empty())
        });
        assert!(is_used, "nothing has to be excepted for: {why}");
    }
    for start in OF_A_RELAY {
        assert!(shapes.iter().any(|(one, _)| one.text.starts_with(start)), "no statement begins {start:?}");
    }
    let path = at_the_root("tests/it/plans/snapshot.txt");
    let now = written(&shapes);
    if std::env::var_os("KAAM_WRITE_PLANS").is_some() {
        fs::write(&path, now).expect("the tree can be written");
        return;
    }
    if version(&world).await != SNAPSHOT_OF {
        eprintln!("the snapshot is of PostgreSQL {SNAPSHOT_OF}, and was not compared");
        return;
    }
    let before = fs::read_to_string(&path).expect("it is committed");
    let differing = differing(&before, &now);
    assert!(
        differing.is_empty(),
        "other plans than in {}; if they are as good, `make plans`:\n{differing}",
        path.display()
    );
}

/// Gives the plans that differ, as they were and as they are.
fn differing(before: &str, now: &str) -> String {
    let parts = |text: &str| -> BTreeMap<String, String> {
        let parts = text.split("\n\n").skip(1).filter_map(|part| part.split_once('\n'));
        parts.map(|(statement, plan)| (statement.to_owned(), plan.trim_end().to_owned())).collect()
    };
    let (before, now) = (parts(before), parts(now));
    let mut text = String::new();
    for statement in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        let (was, is) = (before.get(statement), now.get(statement));
        if was != is {
            let none = "  none".to_owned();
            let (was, is) = (was.unwrap_or(&none), is.unwrap_or(&none));
            writeln!(text, "{statement}\n was\n{was}\n is\n{is}\n").expect("a text takes anything");
        }
    }
    text
}

async fn version(world: &World) -> i32 {
    let mut connection = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let row = sqlx::query("SELECT current_setting('server_version_num')::integer / 10000")
        .fetch_one(&mut connection)
        .await
        .expect("every server has one");
    row.get(0)
}
