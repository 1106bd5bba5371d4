//! Roles of the database: each function may do what its row says and no more, and sees one user's rows whatever its statement says.
//! That each may do what it needs is shown by every other test, whose functions connect as these roles.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use futures::{StreamExt as _, stream};
use runtime::clock::Clock;
use runtime::disposition::Disposition;
use runtime::triggers;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres};
use store::grants::{ROLES, Rows, as_markdown};
use store::row_security::UserId;
use tests::database::{count, execute, rows, run};
use tests::process::{DataDir, Program, command, eventually, outcome};
use tests::roles::url_of;
use tests::world::{World, path_of};

/// PostgreSQL's name for "you may not".
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Gives a connection as a function has it.
async fn connect_as(world: &World, function: &str) -> PgConnection {
    PgConnection::connect(&url_of(&world.database_url, function)).await.expect("the role may log in")
}

/// Says what a statement is refused with; `None` when it is not.
async fn refused(connection: &mut PgConnection, statement: &str) -> Option<String> {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    done.err().map(|error| {
        let code = error.as_database_error().and_then(|error| error.code());
        code.map_or_else(|| error.to_string(), |code| code.into_owned())
    })
}

/// Gives a world in which two users have some of everything.
async fn busy() -> World {
    let world = World::new().await;
    for user in ["amna", "bilal"] {
        let headers = [("x-user-id", user), ("idempotency-key", user)];
        let body = json!({"title": format!("{user}'s"), "due_date": "2026-06-01T07:00:00Z", "recurrence_rule": {"pattern": "daily"},
                          "reminder_config": {"lead_time": "0m"}});
        let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
        let path = format!("/api/tasks/{}", task["id"].as_str().expect("a text"));
        world
            .call_with("PATCH", "/api/settings", &json!({"email": "a@example.org"}), &headers[..1])
            .await
            .ok();
        world.call_with("PATCH", &path, &json!({"title": "another"}), &headers[..1]).await.ok();
        world.call_with("POST", "/api/undo", &json!({}), &headers[..1]).await.ok();
        let said = json!({"user_input": "buy milk tomorrow", "conversation_id": "c"});
        world.call_with("POST", "/chat/command", &said, &headers[..1]).await.ok();
        for row in [
            format!("link_uses VALUES ('{user}', gen_random_uuid(), now())"),
            format!("model_calls VALUES ('{user}', now(), 1)"),
            format!("swept_feeds VALUES ('{user}', '3')"),
        ] {
            run(&world.database_url, &format!("INSERT INTO {row}")).await;
        }
    }
    world.advance_to("2026-06-01T07:00:00Z").await;
    world.settle().await;
    world
}

#[tokio::test]
async fn s33_the_privileges_in_the_database_are_those_of_the_table_and_no_more() {
    let world = World::new().await;
    let mut expected = BTreeSet::new();
    for role in &ROLES {
        for ((table, privilege), columns) in role.grants() {
            let of = |column: &str| format!("{} {} {table} {column}", role.name, privilege.as_str());
            match columns {
                None => drop(expected.insert(of("*"))),
                Some(columns) => expected.extend(columns.into_iter().map(of)),
            }
        }
    }
    let found = rows(
        &world.database_url,
        "SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END || ' ' || privilege_type || ' ' || relname || ' ' || col
             AS granted
         FROM (
             SELECT relname, '*' AS col, (aclexplode(relacl)).* FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'S', 'p')
             UNION ALL
             SELECT relname, attname, (aclexplode(attacl)).*
             FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
             WHERE relnamespace = current_schema()::regnamespace
         ) AS acl
         WHERE grantee <> current_user::regrole",
    )
    .await;
    let found: BTreeSet<_> =
        found.iter().map(|row| row["granted"].as_str().expect("a text").to_owned()).collect();
    assert_eq!(found.symmetric_difference(&expected).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn s33_no_role_of_a_function_owns_anything_or_stands_above_the_rules() {
    let world = World::new().await;
    let risen = "SELECT rolname FROM pg_roles
                 WHERE rolname LIKE 'kaam\\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)";
    assert_eq!(rows(&world.database_url, risen).await, [Value::Null; 0]);
    let owning = "SELECT relname FROM pg_class
                  WHERE relnamespace = current_schema()::regnamespace AND relowner::regrole::text LIKE 'kaam\\_%'";
    assert_eq!(rows(&world.database_url, owning).await, [Value::Null; 0]);
    let limited = "SELECT rolname FROM pg_roles
                   WHERE rolname LIKE 'kaam\\_%' AND rolname NOT LIKE '%\\_login' AND rolconfig @> ARRAY[
                       'statement_timeout=10s', 'lock_timeout=5s', 'idle_in_transaction_session_timeout=15s']";
    assert_eq!(rows(&world.database_url, limited).await.len(), ROLES.len());
}

#[tokio::test]
async fn s23_nobody_but_the_owner_changes_or_removes_what_was_audited() {
    let world = busy().await;
    for role in &ROLES {
        let mut connection = PgConnection::connect(&login_url(&world, role.name)).await.expect("a login");
        for statement in [
            "UPDATE audit_logs SET new_values = '{}'",
            "UPDATE audit_logs SET is_erased = true",
            "DELETE FROM audit_logs",
            "TRUNCATE audit_logs",
            "DELETE FROM audit_heads",
            "TRUNCATE audit_heads",
            "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
            "DELETE FROM erasures",
        ] {
            let refused = refused(&mut connection, statement).await;
            assert_eq!(refused.as_deref(), Some(INSUFFICIENT_PRIVILEGE), "{}: {statement}", role.name);
        }
        let reads = ["kaam_query_tasks", "kaam_verify_audit", "kaam_backend"].contains(&role.name);
        let read = refused(&mut connection, "SELECT new_values FROM audit_logs").await;
        assert_eq!(read.is_none(), reads, "{} reads audit_logs", role.name);
        let writes = ["kaam_write_audit", "kaam_backend"].contains(&role.name);
        let write = "INSERT INTO audit_logs SELECT * FROM audit_logs WHERE false";
        let write = if writes { None } else { refused(&mut connection, write).await };
        assert_eq!(write.is_none(), writes, "{} writes audit_logs", role.name);
    }
}

#[tokio::test]
async fn s33_no_function_alters_a_table_or_a_role_or_becomes_another() {
    let world = World::new().await;
    for role in &ROLES {
        let mut connection = PgConnection::connect(&login_url(&world, role.name)).await.expect("a login");
        for statement in [
            "ALTER TABLE tasks ADD COLUMN x text",
            "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY own_rows ON tasks",
            "CREATE POLICY mine ON tasks USING (true)",
            "DROP TABLE tasks",
            "TRUNCATE tasks CASCADE",
            "CREATE INDEX x ON tasks (title)",
            "CREATE TABLE x (y text)",
            "CREATE OR REPLACE FUNCTION kaam_fold(value text) RETURNS text LANGUAGE sql RETURN value",
            "ALTER DOMAIN kaam_user_id DROP CONSTRAINT kaam_user_id_is_set",
            "ALTER ROLE kaam_write_audit LOGIN PASSWORD 'x'",
            "CREATE ROLE x",
            "SET ROLE kaam",
            "SET SESSION AUTHORIZATION kaam",
            "COPY tasks TO PROGRAM 'true'",
            "SELECT pg_read_file('postgresql.conf')",
        ] {
            let refused = refused(&mut connection, statement).await;
            let is_refused = refused.as_deref() == Some(INSUFFICIENT_PRIVILEGE);
            assert!(is_refused, "{}: {statement}: {refused:?}", role.name);
        }
    }
    let tables = rows(&world.database_url, "SELECT 1 AS x FROM pg_tables WHERE tablename = 'x'").await;
    assert_eq!(tables, [Value::Null; 0]);
}

fn login_url(world: &World, role: &str) -> String {
    let (_, rest) = world.database_url.split_once('@').expect("the owner has a name");
    format!("postgres://{role}_login@{rest}")
}

/// Counts what a connection sees of a table, with nothing in the statement that says whose.
async fn seen<'c>(
    connection: impl sqlx::Executor<'c, Database = Postgres>,
    table: &str,
    user: Option<&str>,
) -> Vec<(String, i64)> {
    let whose = if user.is_some() { "$1 IS NOT NULL" } else { "true" };
    let query = format!("SELECT user_id, count(*) FROM {table} WHERE {whose} GROUP BY 1 ORDER BY 1");
    let query = sqlx::query_as(AssertSqlSafe(query));
    let query = if let Some(user) = user { query.bind(UserId(user)) } else { query };
    query.fetch_all(connection).await.expect("the role may read the table")
}

#[tokio::test]
async fn s02_a_statement_without_its_where_gives_no_row_of_another_user() {
    let world = busy().await;
    let mut looked_at = BTreeSet::new();
    for role in ROLES.iter().filter(|role| role.rows == Rows::OfOneUser) {
        let mut connection = connect_as(&world, role.of).await;
        for ((table, privilege), columns) in role.grants() {
            if privilege.as_str() != "SELECT" || columns.is_some_and(|columns| !columns.contains("user_id")) {
                continue;
            }
            let all = format!("SELECT DISTINCT user_id FROM {table}");
            assert_eq!(rows(&world.database_url, &all).await.len(), 2, "{table}: else nothing is shown");
            assert_eq!(
                seen(&mut connection, table, None).await,
                [],
                "{}: {table} without a context",
                role.name
            );
            let amnas = seen(&mut connection, table, Some("amna")).await;
            assert!(amnas.len() == 1 && amnas[0].0 == "amna", "{}: {table}: {amnas:?}", role.name);
            assert_eq!(seen(&mut connection, table, None).await, [], "{}: {table}: it is over", role.name);
            looked_at.insert(table);
        }
        // Nor is another's row written, changed or removed.
        if role.grants().contains_key(&("tasks", store::grants::Privilege::Insert)) {
            let foreign = sqlx::query(
                "INSERT INTO link_uses (user_id, link_id, used_at) SELECT 'bilal', gen_random_uuid(), now() WHERE $1 IS NOT NULL",
            );
            let _ = foreign.bind(UserId("amna")).execute(&mut connection).await;
            let foreign = sqlx::query("INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                                       traceparent, source_service, timestamp)
                                       SELECT 'bilal', gen_random_uuid(), 't', 't', 'k', 's', 0, '{}', 'c', '', 's', now() WHERE $1 IS NOT NULL")
                .bind(UserId("amna"))
                .execute(&mut connection)
                .await
                .expect_err("it is bilal's");
            let code =
                foreign.as_database_error().and_then(|error| error.code()).expect("a code").into_owned();
            assert_eq!(code, INSUFFICIENT_PRIVILEGE, "{}: {foreign}", role.name);
        }
        if role.grants().get(&("tasks", store::grants::Privilege::Update)) == Some(&None) {
            let changed = sqlx::query("UPDATE tasks SET title = 'mine' WHERE $1 IS NOT NULL")
                .bind(UserId("nobody"))
                .execute(&mut connection)
                .await;
            assert_eq!(changed.expect("it may").rows_affected(), 0, "{}", role.name);
        }
    }
    let protected = store::roles::protected_tables();
    assert_eq!(looked_at, protected, "every protected table is looked at by some role");
}

#[tokio::test]
async fn s02_row_level_security_holds_for_the_owner_too_on_every_table_of_a_users_rows() {
    let world = World::new().await;
    let found = rows(
        &world.database_url,
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS is_on
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id'
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY 1",
    )
    .await;
    let protected = store::roles::protected_tables();
    for table in &found {
        let name = table["relname"].as_str().expect("a name");
        assert_eq!(table["is_on"], protected.contains(name), "{name}");
    }
    // Only who works for all users sees these: a new table is to be decided about.
    let names: BTreeSet<_> = found.iter().filter_map(|table| table["relname"].as_str()).collect();
    assert_eq!(names.difference(&protected).collect::<Vec<_>>(), [&"accounts", &"audit_heads", &"sessions"]);
}

#[tokio::test]
async fn s03_requests_of_fifty_users_at_once_over_a_few_connections_show_each_what_is_theirs() {
    const USERS: usize = 50;
    const ROUNDS: usize = 20;
    let world = World::new().await;
    let mut paths = Vec::new();
    for number in 0..USERS {
        let user = format!("user{number}");
        let body = json!({"title": user});
        let task = world.call_with("POST", "/api/tasks", &body, &[("x-user-id", &user)]).await.ok();
        paths.push(path_of(&task));
    }
    // Each function has four connections; twelve requests at a time are three for each.
    for round in 1..=ROUNDS {
        let users = stream::iter(0..USERS).map(|number| {
            let (world, paths) = (&world, &paths);
            async move {
                let user = format!("user{number}");
                let own = [("x-user-id", user.as_str())];
                let body = json!({"description": user});
                let page = world.call_with("GET", "/api/tasks", &Value::Null, &own).await.ok();
                let titles: Vec<_> =
                    page["tasks"].as_array().expect("a list").iter().map(|task| &task["title"]).collect();
                assert_eq!(titles, [&user], "{user}");
                let foreign = &paths[(number + round) % USERS];
                let method = if round % 2 == 0 { "PATCH" } else { "GET" };
                let answered = world.call_with(method, foreign, &body, &own).await;
                assert_eq!(answered.status, 404, "{user} {method} {foreign}");
                let changed = world.call_with("PATCH", &paths[number], &body, &own).await.ok();
                assert_eq!((&changed["title"], &changed["description"]), (&json!(user), &json!(user)));
            }
        });
        users.buffer_unordered(12).collect::<()>().await;
    }
    assert_eq!(count(&world, "tasks WHERE description IS DISTINCT FROM user_id").await, 0);
}

#[tokio::test]
async fn s03_ten_thousand_interleaved_requests_of_fifty_users_on_two_connections_never_cross() {
    const USERS: usize = 50;
    let world = World::new().await;
    for user in 0..USERS {
        let user = format!("user{user}");
        for _ in 0..=user.len() % 3 {
            world
                .call_with("POST", "/api/tasks", &json!({"title": user}), &[("x-user-id", &user)])
                .await
                .ok();
        }
    }
    let options: PgConnectOptions = url_of(&world.database_url, "query-tasks").parse().expect("a URL");
    let pool =
        PgPoolOptions::new().max_connections(2).connect_with(options).await.expect("the database is there");
    let workers = (0..USERS).map(|number| {
        let pool = &pool;
        async move {
            let user = format!("user{number}");
            for round in 0..200 {
                let crossed = match round % 4 {
                    // Cut off in the middle, inside a transaction, and after an error: what one request leaves behind is not the next one's.
                    0 => {
                        let mut transaction = pool.begin().await.expect("a transaction");
                        let seen = seen(&mut *transaction, "tasks", Some(&user)).await;
                        if round % 8 == 0 {
                            transaction.commit().await.expect("committed");
                        }
                        seen
                    }
                    1 => {
                        let failed =
                            sqlx::query("SELECT 1 / 0 FROM tasks WHERE $1 IS NOT NULL").bind(UserId(&user));
                        failed.execute(pool).await.expect_err("a division by zero");
                        seen(pool, "tasks", Some(&user)).await
                    }
                    2 => {
                        assert_eq!(seen(pool, "tasks", None).await, [], "nobody's");
                        seen(pool, "tasks", Some(&user)).await
                    }
                    _ => seen(pool, "tasks", Some(&user)).await,
                };
                assert!(crossed.len() == 1 && crossed[0].0 == user, "{user} saw {crossed:?}");
            }
        }
    });
    join_all(workers).await;
}

#[tokio::test]
async fn granting_again_changes_nothing_and_takes_back_what_is_too_much() {
    let world = World::new().await;
    let state = "SELECT relname, relacl::text, relrowsecurity FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY 1";
    let policies = "SELECT tablename, policyname, roles, qual FROM pg_policies ORDER BY 1, 2";
    let before = (rows(&world.database_url, state).await, rows(&world.database_url, policies).await);
    assert_eq!(before.1.len(), 2 * store::roles::protected_tables().len());
    run(
        &world.database_url,
        "GRANT ALL ON audit_logs TO kaam_create_task; GRANT UPDATE (hash) ON audit_logs TO kaam_write_audit;
         DROP POLICY own_rows ON tasks; ALTER POLICY own_rows ON users USING (true);
         ALTER TABLE events DISABLE ROW LEVEL SECURITY",
    )
    .await;
    for _ in 0..2 {
        let granted = store::roles::grant(&world.database_url).await.expect("the owner may");
        assert!(granted.iter().all(|one| !one.is_new && one.has_limits), "{granted:?}");
    }
    let sorted = |mut rows: Vec<Value>| {
        for row in &mut rows {
            if let Some(acl) = row["relacl"].as_str() {
                let mut acl: Vec<_> = acl.trim_matches(['{', '}']).split(',').collect();
                acl.sort_unstable();
                row["relacl"] = json!(acl);
            }
        }
        rows
    };
    assert_eq!(sorted(rows(&world.database_url, state).await), sorted(before.0));
    assert_eq!(rows(&world.database_url, policies).await, before.1);
}

#[tokio::test]
async fn a_role_that_was_not_granted_what_it_needs_shows() {
    let world = World::new().await;
    execute(&world, "REVOKE SELECT ON users FROM kaam_create_task").await;
    let answered = world.post("/api/tasks", json!({"title": "a"})).await;
    assert_eq!(answered.status.as_u16(), 500);
}

#[test]
fn the_readme_shows_the_roles_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/README.md");
    let readme = fs::read_to_string(path).expect("the file is there");
    assert!(readme.contains(&as_markdown()), "functions/README.md should have:\n{}", as_markdown());
}

#[test]
fn the_readme_names_the_tables_that_a_function_may_read_and_write() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/README.md");
    let readme = fs::read_to_string(path).expect("the file is there");
    for role in &ROLES {
        let row = readme.lines().find(|line| line.starts_with(&format!("| {} |", role.of)));
        let Some(cells) = row.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>()) else { continue };
        if role.of == "backend" {
            continue;
        }
        let grants = role.grants();
        let may = |cell: &str, is_read: bool| {
            for table in store::roles::protected_tables().iter().chain(&["audit_heads", "erasures"]) {
                let is_named =
                    cell.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == *table);
                let is_granted = grants
                    .keys()
                    .any(|(of, privilege)| of == table && (privilege.as_str() == "SELECT") == is_read);
                assert!(!is_named || is_granted, "{}: the README says {table}", role.of);
            }
        };
        may(cells[3], true);
        may(cells[4], false);
    }
}

#[tokio::test]
async fn the_relay_forgets_what_has_expired_as_its_role() {
    let world = busy().await;
    let kept = ["idempotency_keys", "conversations", "messages", "undone_events", "link_uses"];
    run(&world.database_url, "UPDATE link_uses SET used_at = '2026-06-01'").await;
    for (days, left) in [(0, true), (40, false)] {
        world.clock.advance(Duration::from_secs(days * 24 * 60 * 60));
        assert_eq!(triggers::tick(&world.trigger("relay-events")).await, Disposition::Done);
        for table in kept {
            assert_eq!(count(&world, table).await > 0, left, "{table} after {days} days");
        }
    }
}

#[tokio::test]
async fn a_backend_serves_as_its_role_which_can_not_migrate() {
    let (world, data_dir, clock) = (World::new().await, DataDir::new(), Clock::system());
    let url = url_of(&world.database_url, "backend");
    let mut backend = command("backend");
    backend.env("DATABASE_URL", &url).env("DATA_DIR", data_dir.path());
    let program = Program::start(backend).await;
    let due = (clock.now() + TimeDelta::milliseconds(500)).to_rfc3339();
    let body = json!({"title": "a", "due_date": due, "reminder_config": {"lead_time": "0m"}});
    let (status, task) = program.call("POST", "/api/tasks", &body, &[]).await.expect("it serves");
    assert_eq!(status, 200, "{task}");
    eventually("all of it is audited", || async {
        let actions = rows(&world.database_url, "SELECT action FROM audit_logs ORDER BY seq").await;
        (actions.len() == 3).then_some(())
    })
    .await;
    assert!(program.stop().await.success());
    // Of a schema that is not this program's it says so.
    run(&world.database_url, "DELETE FROM _sqlx_migrations WHERE version = 10").await;
    let mut migrate = command("backend");
    migrate.arg("migrate").env("DATABASE_URL", &url);
    let refused = outcome(migrate).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("could not be brought up to date"), "{said}");
}

#[tokio::test]
async fn the_command_makes_roles_for_an_owner_and_for_nobody_else() {
    let world = World::new().await;
    let migrate = |url: String| {
        let mut command = command("backend");
        command.args(["migrate", "--roles"]).env("DATABASE_URL", url);
        outcome(command)
    };
    let done = migrate(world.database_url.clone()).await;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && said.lines().count() == ROLES.len(), "{done:?}");
    assert!(said.contains("kaam_create_task is there\n"), "{said}");
    let refused = migrate(url_of(&world.database_url, "backend")).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("the tables belong to another role"), "{said}");
}
