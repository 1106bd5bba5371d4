//! A user's data, given away whole and erased whole.

use std::collections::BTreeMap;

use application::privacy::{Chance, Erased};
use runtime::clock::{new_id, random};
use runtime::disposition::Disposition;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::database::{count, execute, rows, run};
use tests::process::{command, eventually, outcome};
use tests::world::World;

use crate::audit::version_1;

/// What a user said, was called and can be reached at: nothing of it may be left.
const PERSONAL: [&str; 4] = ["amna", "a secret title", "somewhere@example.org", "a secret correlation"];

/// Tables that tell of users.
async fn tables(world: &World) -> Vec<String> {
    let query = "SELECT table_name AS name FROM information_schema.columns
                 WHERE column_name = 'user_id' AND table_schema = current_schema() ORDER BY 1";
    let rows = rows(&world.database_url, query).await;
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// Gives what each table has of a user.
async fn data_of(world: &World, user: &str) -> BTreeMap<String, Vec<Value>> {
    let mut data = BTreeMap::new();
    for table in tables(world).await {
        let query = format!("SELECT * FROM {table} WHERE user_id = '{user}' ORDER BY {table}::text");
        let found = rows(&world.database_url, &query).await;
        data.insert(table, found);
    }
    data
}

/// Gives a world in which two users have something in every table, and the first something that is still in the outbox.
async fn full() -> World {
    let world = World::new().await;
    version_1(&world.database_url).await;
    for user in ["amna", "bilal"] {
        let headers =
            [("x-user-id", user), ("idempotency-key", "k"), ("x-correlation-id", "a secret correlation")];
        let plain = &headers[..1];
        let body = json!({"title": format!("a secret title of {user}"), "due_date": "2026-06-01T07:00:00Z", "description": "secret",
                          "recurrence_rule": {"pattern": "daily"}, "reminder_config": {"lead_time": "0m"}});
        let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
        let path = format!("/api/tasks/{}", task["id"].as_str().expect("an id"));
        let settings = json!({"email": "somewhere@example.org"});
        world.call_with("PATCH", "/api/settings", &settings, plain).await.ok();
        world.call_with("PATCH", &path, &json!({"title": "a secret title, changed"}), plain).await.ok();
        world.call_with("POST", "/api/undo", &json!({}), plain).await.ok();
        let said = json!({"user_input": "a secret title tomorrow", "conversation_id": "c"});
        world.call_with("POST", "/chat/command", &said, plain).await.ok();
        for row in [
            format!("link_uses VALUES ('{user}', gen_random_uuid(), now())"),
            format!("model_calls VALUES ('{user}', now(), 1)"),
            format!("swept_feeds VALUES ('{user}', '3')"),
            format!("accounts VALUES ('{user}@example.org', '{user}', 'a hash', now(), now())"),
            format!(
                "sessions VALUES ('{user}', gen_random_uuid(), '', NULL, now(), now(), now() + interval '1 day')"
            ),
        ] {
            run(&world.database_url, &format!("INSERT INTO {row}")).await;
        }
    }
    world.advance_to("2026-06-01T07:00:00Z").await;
    world.settle().await;
    for user in ["amna", "bilal"] {
        let body = json!({"title": "a secret title, not told yet"});
        world.call_with("POST", "/api/tasks", &body, &[("x-user-id", user)]).await.ok();
        assert!(data_of(&world, user).await.values().all(|rows| !rows.is_empty()), "else nothing is shown");
    }
    world
}

async fn erase(world: &World, user: &str) -> Erased {
    let chance = Chance { new_id, salt: random };
    world.application.erase_user(user, world.clock.now(), chance).await.expect("the database is there")
}

async fn is_sound(world: &World) -> bool {
    let (_, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!(broken, []);
    true
}

/// Gives the tables in which something of a text is left, in whatever column.
async fn mentions(world: &World, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let all = rows(
        &world.database_url,
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND tablename <> '_sqlx_migrations' ORDER BY 1",
    )
    .await;
    for table in all {
        let name = table["name"].as_str().expect("a name");
        // Answers are kept as bytes.
        let query = format!(
            "{name} t WHERE t::text ILIKE '%{text}%' OR t::text ILIKE '%' || encode('{text}', 'hex') || '%'"
        );
        if count(world, &query).await > 0 {
            found.push(name.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn s34_an_erased_user_is_nowhere_and_the_audit_log_verifies() {
    let world = full().await;
    for text in PERSONAL {
        assert!(mentions(&world, text).await.len() > 1, "{text}: else nothing is shown");
    }
    let kept = world.application.audit_heads().await.expect("the database is there");
    let bilal = data_of(&world, "bilal").await;
    let (events, reminders) =
        (count(&world, "events WHERE user_id = 'amna'").await, data_of(&world, "amna").await);
    let late = &reminders["events"][0];
    let erased = erase(&world, "amna").await;
    let counts: BTreeMap<_, _> = erased.iter().copied().collect();
    for (table, rows) in &reminders {
        let expected = match table.as_str() {
            // Told of by its events, or counted there: the one that was still in the outbox is audited first.
            "audit_logs" => events + 2,
            "audit_heads" => continue,
            _ => i64::try_from(rows.len()).expect("few"),
        };
        assert_eq!(counts[table.as_str()], u64::try_from(expected).expect("not negative"), "{table}");
    }

    assert!(data_of(&world, "amna").await.values().all(Vec::is_empty), "no row is amna's");
    run(&world.database_url, "CREATE TABLE bilals AS SELECT * FROM tasks WHERE user_id = 'bilal'").await;
    assert_eq!(
        data_of(&world, "bilal")
            .await
            .into_iter()
            .filter(|(table, _)| table != "bilals")
            .collect::<BTreeMap<_, _>>(),
        bilal
    );
    assert_eq!(mentions(&world, "amna").await, [""; 0]);
    // What else there was of these is bilal's.
    let foreign = "audit_logs WHERE user_id <> 'bilal' AND (old_values::text || new_values::text ILIKE '%secret%' OR correlation_id ILIKE '%secret%')";
    assert_eq!(count(&world, foreign).await, 0);
    let told = rows(
        &world.database_url,
        "SELECT DISTINCT payload::text, before, key, subject, correlation_id, traceparent, status FROM events WHERE user_id <> 'bilal'",
    )
    .await;
    let empty = json!({"payload": "{}", "before": null, "key": "", "subject": "", "correlation_id": "", "traceparent": "", "status": "processed"});
    assert_eq!(told, [empty]);

    assert!(is_sound(&world).await);
    let (_, broken) = world.application.verify_audit_against(&kept).await.expect("the database is there");
    assert_eq!(broken, [], "the head that was kept is in the pseudonymous chain");
    let ends = rows(
        &world.database_url,
        "SELECT action, user_id LIKE 'erased:%' AS is_pseudonymous, old_values ->> 'tasks' AS tasks
         FROM audit_logs WHERE NOT is_erased AND user_id <> 'bilal'",
    )
    .await;
    let tasks = reminders["tasks"].len().to_string();
    assert_eq!(ends, [json!({"action": "user.erased", "is_pseudonymous": true, "tasks": tasks})]);

    // An event that was on its way, or was parked, comes late.
    let event = late_event(late);
    assert_eq!(world.deliver("write-audit", std::slice::from_ref(&event)).await, [Disposition::Done]);
    world.settle().await;
    assert_eq!(mentions(&world, "amna").await, [""; 0], "nor does it bring anything back");

    let again = erase(&world, "amna").await;
    assert!(again.iter().all(|(_, count)| *count == 0), "{again:?}");
    assert_eq!(count(&world, "audit_logs WHERE action = 'user.erased'").await, 1);
    assert!(is_sound(&world).await);

    // Whoever comes back begins anew, and what came late before still does not come back.
    world.clock.advance(std::time::Duration::from_secs(60));
    let body = json!({"title": "a new beginning"});
    world.call_with("POST", "/api/tasks", &body, &[("x-user-id", "amna")]).await.ok();
    world.settle().await;
    assert_eq!(world.deliver("write-audit", std::slice::from_ref(&event)).await, [Disposition::Done]);
    assert_eq!(count(&world, "audit_logs WHERE user_id = 'amna'").await, 1);
    erase(&world, "amna").await;
    assert_eq!(mentions(&world, "amna").await, [""; 0]);
    assert_eq!(count(&world, "audit_logs WHERE action = 'user.erased'").await, 2);
    assert!(is_sound(&world).await);
}

/// Gives the event that a row of the outbox was, as it comes from a bus.
fn late_event(row: &Value) -> Value {
    json!({"specversion": "1.0", "id": row["event_id"], "type": row["event_type"], "source": "/kaam/create-task",
        "subject": row["subject"], "time": row["timestamp"], "datacontenttype": "application/json",
        "data": {"event_id": row["event_id"], "event_type": row["event_type"], "topic_name": row["topic_name"],
                 "correlation_id": row["correlation_id"], "timestamp": row["timestamp"], "source_service": row["source_service"],
                 "payload": row["payload"]}})
}

#[tokio::test]
async fn s34_an_erased_users_event_that_comes_late_stays_away_although_clocks_differ() {
    let world = World::new().await;
    let create = async || {
        let body = json!({"title": "a secret title"});
        world.call_with("POST", "/api/tasks", &body, &[("x-user-id", "amna")]).await.ok();
        rows(&world.database_url, "SELECT * FROM events WHERE user_id = 'amna'").await.remove(0)
    };
    // The clock of who erases is behind.
    let behind = world.clock.now();
    world.clock.advance(std::time::Duration::from_secs(5));
    let late = late_event(&create().await);
    let forget = async || {
        let chance = Chance { new_id, salt: random };
        world.application.erase_user("amna", behind, chance).await.expect("the database is there");
    };
    let comes_late = async || {
        assert_eq!(world.deliver("write-audit", std::slice::from_ref(&late)).await, [Disposition::Done]);
        mentions(&world, "amna").await
    };
    forget().await;
    assert_eq!(comes_late().await, [""; 0]);
    // Who comes back and goes again does not bring it back either.
    world.clock.set(behind);
    create().await;
    forget().await;
    assert_eq!(comes_late().await, [""; 0]);
}

#[tokio::test]
async fn s34_what_was_emptied_can_still_not_be_altered_unseen() {
    for (statement, said) in [
        ("UPDATE audit_logs SET action = 'task.deleted' WHERE is_erased AND seq = 4", "entry 4 was altered"),
        ("UPDATE audit_logs SET actor_id = 'eve' WHERE is_erased AND seq = 2", "entry 2 was altered"),
        ("UPDATE audit_logs SET new_values = '{}' WHERE is_erased AND seq = 2", "entry 2 was altered"),
        ("DELETE FROM audit_logs WHERE is_erased AND seq = 3", "entry 3 is missing (found 4)"),
        ("DELETE FROM audit_logs WHERE action = 'user.erased'", "entry 1 was emptied, and not by an erasure"),
    ] {
        let world = full().await;
        erase(&world, "amna").await;
        assert_eq!(execute(&world, statement).await, 1, "{statement}");
        let (_, broken) = world.application.verify_audit().await.expect("the database is there");
        assert_eq!(broken.len(), 1, "{statement}: {broken:?}");
        assert!(broken[0].to_string().ends_with(said), "{statement}: {}", broken[0]);
    }
}

#[tokio::test]
async fn s34_an_export_is_one_document_of_every_row() {
    let world = full().await;
    let mut document = Vec::new();
    world
        .application
        .export_user("amna", world.clock.now(), &mut document)
        .await
        .expect("the database is there");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let members = document.as_object().expect("an object");
    assert_eq!(document["user_id"], "amna");
    let data = data_of(&world, "amna").await;
    assert_eq!(members.len(), data.len() + 2, "a new table is to be exported, and erased");
    for (table, mut rows) in data {
        // What a password or a token can be tried against is not given away.
        let is_secret = |column: &str| {
            matches!(
                (table.as_str(), column),
                ("accounts", "password_hash") | ("sessions", "token_hash" | "previous_hash")
            )
        };
        for row in &mut rows {
            row.as_object_mut().expect("a row").retain(|column, _| !is_secret(column));
        }
        let sorted = |rows: &[Value]| {
            let mut rows: Vec<_> = rows.iter().map(Value::to_string).collect();
            rows.sort();
            rows
        };
        assert_eq!(sorted(document[&table].as_array().expect("an array")), sorted(&rows), "{table}");
    }
    let mut nobody = Vec::new();
    world
        .application
        .export_user("nobody", world.clock.now(), &mut nobody)
        .await
        .expect("the database is there");
    let nobody: Value = serde_json::from_slice(&nobody).expect("JSON");
    assert_eq!(nobody.as_object().map(serde_json::Map::len), Some(2), "{nobody}");
}

#[tokio::test]
async fn a_user_is_exported_and_erased_by_commands_and_not_by_mistake() {
    let world = full().await;
    let backend = |arguments: &[&str]| {
        let mut command = command("backend");
        command.args(arguments).env("DATABASE_URL", &world.database_url);
        outcome(command)
    };
    let nobody = backend(&["export-user", "Amna"]).await;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there was nothing of this user"));
    let exported = backend(&["export-user", "amna"]).await;
    let document: Value = serde_json::from_slice(&exported.stdout).expect("JSON");
    assert_eq!(
        document["tasks"].as_array().map(Vec::len),
        Some(data_of(&world, "amna").await["tasks"].len())
    );
    let unsure = backend(&["erase-user", "amna"]).await;
    assert_eq!(unsure.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unsure.stderr).contains("--yes"));
    assert!(!mentions(&world, "amna").await.is_empty());
    let sure = backend(&["erase-user", "amna", "--yes"]).await;
    let said = String::from_utf8_lossy(&sure.stdout).into_owned();
    assert!(sure.status.success() && said.ends_with("erased\n") && said.contains("tasks: "), "{said}");
    assert_eq!(mentions(&world, "amna").await, [""; 0]);
    let again = backend(&["erase-user", "amna", "--yes"]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&again.stdout).starts_with("there was nothing of this user;"),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_user_whose_task_is_being_changed_is_erased_after_that_without_a_deadlock() {
    let world = full().await;
    let mut writer = PgConnection::connect(&world.database_url).await.expect("the database is there");
    // As every change does: the settings, then the task.
    let begins = "BEGIN; SELECT FROM users WHERE user_id = 'amna' FOR SHARE";
    sqlx::raw_sql(begins).execute(&mut writer).await.expect("nobody holds it");
    let changes = async {
        let waits = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("erasing waits", async || (count(&world, waits).await > 0).then_some(())).await;
        let ends = "UPDATE tasks SET title = title WHERE user_id = 'amna'; COMMIT";
        sqlx::raw_sql(ends).execute(&mut writer).await.map(|_| ())
    };
    let (_, changed) = futures::future::join(erase(&world, "amna"), changes).await;
    changed.expect("it is not broken off");
    assert_eq!(
        count(&world, "pg_stat_database WHERE datname = current_database() AND deadlocks > 0").await,
        0
    );
    assert!(data_of(&world, "amna").await.values().all(Vec::is_empty));
    is_sound(&world).await;
}
