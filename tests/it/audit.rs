//! The audit log: one entry for each event, in a chain that shows every change.

use application::audit::{Entry, Head};
use application::links::{Action, Link};
use application::privacy::Chance;
use application::{Application, Connection};
use chrono::DateTime;
use devkit::testing::TestDirectory;
use futures::future::join_all;
use runtime::clock::{new_id, random};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::database::{count, execute, rows, run};
use tests::process::{command, eventually, outcome};
use tests::world::{World, links};
use uuid::Uuid;

/// Gives a world in which two users have done six and three things.
async fn busy() -> World {
    let world = World::new().await;
    for (user, tasks) in [("amna", 2), ("bilal", 1)] {
        for number in 0..tasks {
            let headers = [("x-user-id", user)];
            let body = json!({"title": format!("task {number}")});
            let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
            let path = format!("/api/tasks/{}", task["id"].as_str().expect("a text"));
            world.call_with("PATCH", &path, &json!({"priority": "high"}), &headers).await.ok();
            world.call_with("DELETE", &path, &Value::Null, &headers).await.ok();
        }
    }
    world.settle().await;
    world
}

/// Empties an entry.
const EMPTYING: &str = "UPDATE audit_logs
    SET entity_id = '', actor_id = '', correlation_id = '', old_values = NULL, new_values = NULL, salt = NULL, is_erased = true
    WHERE user_id = 'amna' AND seq = 3";

/// Gives what the verifier finds.
async fn found(world: &World) -> Vec<String> {
    let (_, broken) = world.application.verify_audit().await.expect("the database is there");
    broken.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn there_is_one_entry_for_each_event_with_who_what_and_why() {
    let world = busy().await;
    let headers = [("x-user-id", "amna"), ("x-correlation-id", "because")];
    let body = json!({"title": "buy milk", "due_date": "2026-06-01T07:00:00Z", "reminder_config": {"lead_time": "0m"}});
    let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
    let path = format!("/api/tasks/{}", task["id"].as_str().expect("a text"));
    world.call_with("PATCH", &path, &json!({"title": "buy bread"}), &headers).await.ok();
    world.call_with("PATCH", "/api/settings", &json!({"locale": "en-GB"}), &headers).await.ok();
    world.advance_to("2026-06-01T07:00:00Z").await;
    world.settle().await;
    assert_eq!(count(&world, "audit_logs").await, count(&world, "events").await);
    assert_eq!(
        count(&world, "events e JOIN audit_logs a USING (user_id, event_id)").await,
        count(&world, "events").await
    );
    let entries = rows(
        &world.database_url,
        "SELECT action, entity_type, actor_type, actor_id, old_values ->> 'title' AS old, new_values ->> 'title' AS new
         FROM audit_logs WHERE user_id = 'amna' AND seq > 6 ORDER BY seq",
    )
    .await;
    let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().expect("a text")).collect();
    let mut sorted = actions.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["reminder.due", "reminder.sent", "settings.updated", "task.created", "task.updated"]);
    let updated = entries.iter().find(|entry| entry["action"] == "task.updated").expect("it is there");
    let expected = json!({"action": "task.updated", "entity_type": "task", "actor_type": "user", "actor_id": "amna",
                          "old": "buy milk", "new": "buy bread"});
    assert_eq!(*updated, expected);
    assert_eq!(count(&world, "audit_logs WHERE correlation_id = 'because'").await, 3);
    assert_eq!(found(&world).await, [""; 0]);
}

#[tokio::test]
async fn an_untouched_log_verifies() {
    let world = busy().await;
    let (entries, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!((entries, broken), (9, vec![]));
    let empty = World::new().await;
    assert_eq!(empty.application.verify_audit().await.expect("the database is there"), (0, vec![]));
}

#[tokio::test]
async fn s23_every_way_to_change_the_log_is_found_and_named() {
    let altered = "user \"amna\": entry 3 was altered";
    let ways = [
        ("UPDATE audit_logs SET new_values = '{}' WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET old_values = NULL WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET actor_id = 'eve' WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET timestamp = timestamp - interval '1 microsecond' WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET hash = '\\x00' WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET previous_hash = '\\x00' WHERE user_id = 'amna' AND seq = 3", altered),
        ("DELETE FROM audit_logs WHERE user_id = 'amna' AND seq = 3", "user \"amna\": entry 3 is missing (found 4)"),
        ("DELETE FROM audit_logs WHERE user_id = 'amna' AND seq = 1", "user \"amna\": entry 1 is missing (found 2)"),
        ("DELETE FROM audit_logs WHERE user_id = 'amna' AND seq > 4", "user \"amna\": the chain ends at entry 4, but 6 were written"),
        ("DELETE FROM audit_logs WHERE user_id = 'amna'", "user \"amna\": the chain ends at entry 0, but 6 were written"),
        ("UPDATE audit_logs SET seq = CASE seq WHEN 3 THEN 104 ELSE 103 END WHERE user_id = 'amna' AND seq IN (3, 4);
          UPDATE audit_logs SET seq = seq - 100 WHERE seq > 100", altered),
        ("UPDATE audit_logs SET user_id = 'amna', seq = 7 WHERE user_id = 'bilal' AND seq = 3",
         "user \"amna\": entry 7 was altered; user \"bilal\": the chain ends at entry 2, but 3 were written"),
        ("DELETE FROM audit_heads WHERE user_id = 'amna'", "user \"amna\": the chain goes on to entry 6, but only 0 are written down"),
        ("UPDATE audit_heads h SET seq = l.seq, hash = l.hash FROM audit_logs l
          WHERE h.user_id = 'amna' AND l.user_id = 'amna' AND l.seq = 4",
         "user \"amna\": the chain goes on to entry 6, but only 4 are written down"),
        ("UPDATE audit_heads SET hash = '\\x00' WHERE user_id = 'amna'", "user \"amna\": entry 6 was altered"),
        // As an erasure does it, but for the entry that tells of it.
        (EMPTYING, "user \"amna\": entry 3 was emptied, and not by an erasure"),
        ("UPDATE audit_logs SET is_erased = true, salt = NULL WHERE user_id = 'amna' AND seq = 3", altered),
        ("UPDATE audit_logs SET hash_version = 1, salt = NULL, content_hash = NULL WHERE user_id = 'amna' AND seq = 3", altered),
    ];
    let checks = ways.map(|(way, expected)| async move {
        let world = busy().await;
        for statement in way.split(';') {
            assert!(execute(&world, statement).await > 0, "{statement}");
        }
        assert_eq!(found(&world).await.join("; "), expected, "{way}");
    });
    join_all(checks).await;
}

#[tokio::test]
async fn s23_an_entry_that_was_emptied_is_not_excused_by_a_forged_erasure() {
    const ALL: &str = "UPDATE audit_logs
        SET entity_id = '', actor_id = '', correlation_id = '', old_values = NULL, new_values = NULL, salt = NULL, is_erased = true";
    let erasure = |number, user_id: &str| Entry {
        event_id: Uuid::from_u128(number),
        user_id: user_id.to_owned(),
        entity_id: user_id.to_owned(),
        action: "user.erased".to_owned(),
        ..plain()
    };
    let later = Entry { event_id: Uuid::from_u128(8), ..plain() };
    let a_few = r#"user "amna": entry 3 was emptied, and not by an erasure"#;
    let all = r#"user "amna": entry 1 was emptied, and not by an erasure"#;
    let all_of_amna = format!("{ALL} WHERE user_id = 'amna'");
    for (emptying, appended, expected) in [
        (EMPTYING, vec![erasure(7, "amna")], a_few),
        (EMPTYING, vec![erasure(7, "amna"), later.clone()], a_few),
        (&all_of_amna, vec![erasure(7, "amna")], all),
        (&all_of_amna, vec![erasure(7, "amna"), later], all),
    ] {
        let world = busy().await;
        execute(&world, emptying).await;
        world.application.append_audit(&appended, || [7; 16]).await.expect("the database is there");
        assert_eq!(found(&world).await, [expected]);
    }
}

#[tokio::test]
async fn batches_at_the_same_time_keep_one_chain() {
    let world = World::new().await;
    let entry = |number: u128| Entry {
        user_id: if number.is_multiple_of(3) { "amna" } else { "bilal" }.to_owned(),
        event_id: Uuid::from_u128(number),
        entity_type: "task".to_owned(),
        entity_id: number.to_string(),
        action: "task.created".to_owned(),
        actor_type: "user".to_owned(),
        actor_id: "amna".to_owned(),
        old_values: None,
        new_values: Some(json!({"title": number.to_string(), "due": 1.5})),
        timestamp: DateTime::UNIX_EPOCH,
        correlation_id: "c".to_owned(),
    };
    let other = world.beside();
    // Overlapping, in two directions, from two instances.
    let batches = (0..16_u128).map(|batch| {
        let mut entries: Vec<Entry> = (batch * 10..batch * 10 + 25).map(entry).collect();
        if batch % 2 == 0 {
            entries.reverse();
        }
        let application = if batch % 2 == 0 { &world.application } else { &other.application };
        async move { application.append_audit(&entries, || [7; 16]).await.expect("the database is there") }
    });
    let appended: usize = join_all(batches).await.into_iter().sum();
    assert_eq!((appended, count(&world, "audit_logs").await), (175, 175));
    assert_eq!(world.application.verify_audit().await.expect("the database is there"), (175, vec![]));
}

/// Has a walk over the log wait at its first entry for whoever holds the lock, and refuses one that is cut off by a deadline.
const GATE: &str = "CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF current_query() LIKE '%previous_hash%' THEN
            PERFORM pg_advisory_xact_lock_shared(7);
            RETURN current_setting('statement_timeout') = '0';
        END IF;
        RETURN true;
    END $$;
    CREATE POLICY gate ON audit_logs AS RESTRICTIVE FOR SELECT TO kaam_backend USING (gate())";

#[tokio::test]
async fn a_walk_beside_new_entries_and_an_erasure_finds_nothing_wrong() {
    let world = World::new().await;
    let entries = |user: &str, numbers: std::ops::Range<u128>| -> Vec<Entry> {
        let user_id = user.to_owned();
        numbers
            .map(|number| Entry {
                user_id: user_id.clone(),
                event_id: Uuid::from_u128(number),
                entity_type: "task".to_owned(),
                entity_id: number.to_string(),
                ..plain()
            })
            .collect()
    };
    let append = async |entries: &[Entry]| {
        world.application.append_audit(entries, || [7; 16]).await.expect("the database is there")
    };
    // The walk is at amna's first page when amna and bilal change.
    append(&entries("amna", 0..1001)).await;
    append(&entries("bilal", 2000..2003)).await;
    append(&entries("chand", 3000..3003)).await;
    let kept = world.application.audit_heads().await.expect("the database is there");
    run(&world.database_url, GATE).await;
    let mut gate = PgConnection::connect(&world.database_url).await.expect("the database is there");
    sqlx::raw_sql("SELECT pg_advisory_lock(7)").execute(&mut gate).await.expect("nobody holds it");
    let url = tests::roles::url_of(&world.database_url, "backend");
    let walker = Application::new(&Connection::new(url, "walk", 1), chrono_tz::UTC, || {}).expect("a URL");
    let walk = tokio::spawn(async move { walker.verify_audit_against(&kept).await });
    let waits = "pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    eventually("the walk is at its first entry", async || (count(&world, waits).await == 1).then_some(()))
        .await;
    append(&entries("amna", 1001..1003)).await;
    append(&entries("bilal", 2003..2004)).await;
    for user in ["amna", "chand"] {
        let chance = Chance { new_id, salt: random };
        world.application.erase_user(user, world.clock.now(), chance).await.expect("the database is there");
    }
    gate.close().await.expect("it was open");
    let found = walk.await.expect("no panic").expect("the database is there");
    assert_eq!(found, (1007, vec![]), "as it was when the walk began");
    let (entries, broken) = world.application.verify_audit().await.expect("the database is there");
    assert_eq!((entries, broken), (1012, vec![]), "with three new ones, and two that tell of erasures");
}

#[tokio::test]
async fn what_was_audited_and_never_happened_is_found_by_its_id() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../SECURITY.md");
    let document = std::fs::read_to_string(document).expect("it is there");
    let query =
        document.split('`').find(|code| code.starts_with("SELECT user_id, seq")).expect("it is named");
    let world = busy().await;
    let chance = Chance { new_id, salt: random };
    world.application.erase_user("bilal", world.clock.now(), chance).await.expect("the database is there");
    assert_eq!(rows(&world.database_url, query).await, [Value::Null; 0]);
    let forged = Entry { user_id: "nobody".to_owned(), ..plain() };
    world.application.append_audit(&[forged], random).await.expect("the database is there");
    assert_eq!(rows(&world.database_url, query).await, [json!({"user_id": "nobody", "seq": 1})]);
}

#[tokio::test]
async fn the_command_says_what_it_found_by_its_exit_code() {
    let world = busy().await;
    let verify = || {
        let mut command = command("backend");
        command.arg("verify-audit").env("DATABASE_URL", &world.database_url);
        outcome(command)
    };
    let sound = verify().await;
    assert_eq!(String::from_utf8_lossy(&sound.stdout), "9 entries looked at, 0 chains broken\n");
    assert!(sound.status.success());
    execute(&world, "UPDATE audit_logs SET actor_id = 'eve' WHERE user_id = 'bilal' AND seq = 2").await;
    let broken = verify().await;
    let said = String::from_utf8_lossy(&broken.stdout).into_owned();
    assert!(
        said.starts_with("user \"bilal\": entry 2 was altered\n") && said.contains("1 chains broken"),
        "{said}"
    );
    assert_eq!(broken.status.code(), Some(1));
}

#[tokio::test]
async fn s23_each_column_of_an_entry_is_under_the_hash() {
    let world = World::new().await;
    version_1(&world.database_url).await;
    let entry = Entry { event_id: Uuid::from_u128(3), ..plain() };
    let appended = world.application.append_audit(&[entry], || [7; 16]).await.expect("the database is there");
    assert_eq!((appended, found(&world).await), (1, vec![]), "a chain of both versions");
    let columns = rows(
        &world.database_url,
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_name = 'audit_logs' AND table_schema = current_schema() ORDER BY ordinal_position",
    )
    .await;
    assert_eq!(columns.len(), 18);
    run(&world.database_url, "CREATE TABLE untouched AS SELECT * FROM audit_logs").await;
    for column in &columns {
        let name = column["name"].as_str().expect("a name");
        let other = match column["type"].as_str().expect("a type") {
            "text" => format!("{name} || 'x'"),
            "jsonb" => format!("COALESCE({name}, '{{}}') || '{{\"x\": 1}}'"),
            "timestamp with time zone" => format!("{name} + interval '1 microsecond'"),
            "bytea" => format!("COALESCE({name}, '') || '\\x00'"),
            "bigint" => format!("{name} + 100"),
            "smallint" => format!("3 - {name}"),
            "boolean" => format!("NOT {name}"),
            "uuid" => "gen_random_uuid()".to_owned(),
            other => panic!("{name} is a {other}: how is that altered?"),
        };
        for seq in [2, 3] {
            // What no hash of version 1 needs, it does not have.
            if seq == 2 && name == "content_hash" {
                continue;
            }
            execute(&world, &format!("UPDATE audit_logs SET {name} = {other} WHERE seq = {seq}")).await;
            let said = found(&world).await.join("; ");
            let expected = match (name, seq) {
                ("user_id", _) => format!(r#"user "amnax": entry 1 is missing (found {seq})"#),
                ("seq", 2) => r#"user "amna": entry 2 is missing (found 3)"#.to_owned(),
                ("seq", _) => r#"user "amna": entry 3 is missing (found 103)"#.to_owned(),
                _ => format!(r#"user "amna": entry {seq} was altered"#),
            };
            assert!(said.contains(&expected), "{name} of entry {seq}: {said:?}");
            run(
                &world.database_url,
                "DELETE FROM audit_logs; INSERT INTO audit_logs SELECT * FROM untouched",
            )
            .await;
        }
    }
    assert_eq!(found(&world).await, [""; 0]);
}

pub(crate) fn plain() -> Entry {
    Entry {
        user_id: "amna".to_owned(),
        event_id: Uuid::nil(),
        entity_type: "task".to_owned(),
        entity_id: "1".to_owned(),
        action: "task.created".to_owned(),
        actor_type: "user".to_owned(),
        actor_id: "amna".to_owned(),
        old_values: None,
        new_values: Some(json!({"title": "buy milk"})),
        timestamp: DateTime::UNIX_EPOCH,
        correlation_id: "c".to_owned(),
    }
}

/// Appends two entries as the version before salts did.
pub(crate) async fn version_1(url: &str) {
    run(
        url,
        r#"DO $$
           DECLARE previous bytea := '';
           BEGIN
               FOR n IN 1..2 LOOP
                   INSERT INTO audit_logs (user_id, seq, event_id, entity_type, entity_id, action, actor_type, actor_id, new_values,
                                           timestamp, correlation_id, previous_hash, hash)
                   VALUES ('amna', n, ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'task', '1', 'task.created', 'user', 'amna',
                           '{"title": "buy milk"}', 'epoch', 'c', previous,
                           sha256(previous || convert_to(
                               '["amna",' || n || ',"00000000-0000-0000-0000-00000000000' || n
                               || '","task","1","task.created","user","amna",null,{"title":"buy milk"},0,"c"]', 'UTF8')))
                   RETURNING hash INTO previous;
               END LOOP;
               INSERT INTO audit_heads VALUES ('amna', 2, previous);
           END $$"#,
    )
    .await;
}

#[tokio::test]
async fn s23_a_tail_that_was_cut_off_or_written_anew_is_found_with_the_heads_kept_elsewhere() {
    let cut = "DELETE FROM audit_logs WHERE user_id = 'amna' AND seq > 4;
               UPDATE audit_heads h SET seq = l.seq, hash = l.hash FROM audit_logs l
               WHERE h.user_id = 'amna' AND l.user_id = 'amna' AND l.seq = 4";
    let world = busy().await;
    let kept = world.application.audit_heads().await.expect("the database is there");
    assert_eq!(
        kept.iter().map(|head| (head.user_id.as_str(), head.seq)).collect::<Vec<_>>(),
        [("amna", 6), ("bilal", 3)]
    );
    let against = async |kept: &[Head]| {
        let (_, broken) = world.application.verify_audit_against(kept).await.expect("the database is there");
        broken.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(against(&kept).await, [""; 0]);
    run(&world.database_url, cut).await;
    let replaced = r#"user "amna": entry 6 is not the one whose hash was kept elsewhere"#;
    assert_eq!((against(&[]).await, against(&kept).await), (vec![], vec![replaced.to_owned()]), "cut off");
    // A fork: from there on a chain of the same length, sound in itself.
    let forged = [8, 9].map(|number| Entry { event_id: Uuid::from_u128(number), ..plain() });
    world.application.append_audit(&forged, || [7; 16]).await.expect("the database is there");
    assert_eq!((against(&[]).await, against(&kept).await), (vec![], vec![replaced.to_owned()]), "forked");
    // All of it computed anew, or gone.
    run(&world.database_url, "DELETE FROM audit_logs; DELETE FROM audit_heads").await;
    let bilals = r#"user "bilal": entry 3 is not the one whose hash was kept elsewhere"#;
    assert_eq!(against(&kept).await, [replaced, bilals]);
    // What is broken already is said once.
    let world = busy().await;
    let kept = world.application.audit_heads().await.expect("the database is there");
    execute(&world, EMPTYING).await;
    let (_, broken) = world.application.verify_audit_against(&kept).await.expect("the database is there");
    assert_eq!(broken.len(), 1, "{broken:?}");
}

#[tokio::test]
async fn the_heads_are_written_and_compared_by_commands() {
    let world = busy().await;
    let run_backend = |arguments: Vec<String>| {
        let mut command = command("backend");
        command.args(arguments).env("DATABASE_URL", tests::roles::url_of(&world.database_url, "backend"));
        outcome(command)
    };
    let heads = run_backend(vec!["audit-heads".to_owned()]).await;
    let text = String::from_utf8(heads.stdout).expect("UTF-8");
    assert!(text.starts_with(r#"{"entries":6,"hash":""#) && text.lines().count() == 2, "{text}");
    let folder = TestDirectory::new();
    let file = folder.path().join("heads");
    std::fs::write(&file, &text).expect("a file");
    let verify =
        || run_backend(vec!["verify-audit".to_owned(), "--heads".to_owned(), file.display().to_string()]);
    assert!(verify().await.status.success());
    run(
        &world.database_url,
        "DELETE FROM audit_logs WHERE user_id = 'bilal'; DELETE FROM audit_heads WHERE user_id = 'bilal'",
    )
    .await;
    let lost = verify().await;
    let said = String::from_utf8_lossy(&lost.stdout).into_owned();
    assert!(said.starts_with("user \"bilal\": entry 3 is not the one"), "{said}");
    assert_eq!(lost.status.code(), Some(1));
    std::fs::write(&file, "x").expect("a file");
    let unread = verify().await;
    assert!(String::from_utf8_lossy(&unread.stderr).contains("line 1 of"), "{unread:?}");
}

/// What each route that changes something has audited.
const AUDITED: [(&str, &[&str]); 12] = [
    ("DELETE /api/tasks/{id}", &["task.deleted"]),
    ("PATCH /api/settings", &["settings.updated"]),
    ("PATCH /api/tasks/{id}", &["task.updated"]),
    ("POST /api/tasks", &["task.created"]),
    ("POST /api/tasks/{id}/complete", &["task.completed"]),
    ("POST /api/tasks/{id}/reopen", &["task.reopened"]),
    ("POST /api/tasks/{id}/restore", &["task.restored"]),
    ("POST /api/tasks/{id}/snooze", &["task.updated"]),
    ("POST /api/undo", &["task.deleted"]),
    ("POST /chat/command", &["task.created"]),
    ("POST /chat/parse", &[]),
    ("POST /links/{token}", &["task.completed"]),
];

#[tokio::test]
async fn s24_every_route_that_changes_something_has_just_one_entry_with_who_what_and_why() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    let mut served: Vec<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods
                .filter(|method| *method != "get")
                .map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    served.sort();
    assert_eq!(served, AUDITED.map(|(route, _)| route.to_owned()), "a new route is to be decided about");
    for (number, (route, actions)) in AUDITED.into_iter().enumerate() {
        let amna = ("x-user-id", "amna");
        let task = world.call_with("POST", "/api/tasks", &json!({"title": "buy milk"}), &[amna]).await.ok();
        let id = task["id"].as_str().expect("an id");
        let before = match route {
            "POST /api/tasks/{id}/reopen" => Some(("POST", "/complete")),
            "POST /api/tasks/{id}/restore" => Some(("DELETE", "")),
            _ => None,
        };
        if let Some((method, suffix)) = before {
            world.call_with(method, &format!("/api/tasks/{id}{suffix}"), &Value::Null, &[amna]).await.ok();
        }
        world.settle().await;
        let seen = count(&world, "audit_logs").await;
        let (method, path) = route.split_once(' ').expect("method and path");
        let token = token_of(&world, id);
        let path = path.replace("{id}", id).replace("{token}", &token);
        let body = match route {
            "PATCH /api/settings" => json!({"email": "amna@example.org"}),
            "PATCH /api/tasks/{id}" | "POST /api/tasks" => json!({"title": "buy bread"}),
            "POST /api/tasks/{id}/snooze" => json!({"for": "10m"}),
            "POST /api/undo" => json!({}),
            "POST /chat/command" | "POST /chat/parse" => json!({"user_input": "call Bilal tomorrow at 5pm"}),
            _ => Value::Null,
        };
        let why = format!("because-{number}");
        let headers = [amna, ("x-correlation-id", why.as_str()), ("idempotency-key", why.as_str())];
        // The second time it is the first answer again, or a change of nothing.
        for _ in 0..2 {
            let answered = world.call_with(method, &path, &body, &headers).await;
            assert!(answered.status.is_success() || route.contains("links"), "{route}: {answered:?}");
            world.settle().await;
        }
        let query = format!(
            "SELECT action, user_id, actor_type, actor_id, correlation_id, old_values IS NOT NULL AS has_old,
                    new_values IS NOT NULL AS has_new
             FROM audit_logs WHERE correlation_id = '{why}' ORDER BY seq"
        );
        let entries = rows(&world.database_url, &query).await;
        let expected: Vec<_> = actions
            .iter()
            .map(|action| {
                json!({"action": action, "user_id": "amna", "actor_type": "user", "actor_id": "amna", "correlation_id": why,
                       "has_old": *action != "task.created", "has_new": true})
            })
            .collect();
        assert_eq!(entries, expected, "{route}");
        let added = count(&world, "audit_logs").await - seen;
        assert_eq!(added, i64::try_from(actions.len()).expect("few"), "{route}: and nothing else");
        // What is refused changes nothing.
        let foreign = [("x-user-id", "bilal")];
        if path.contains(id) {
            assert_eq!(world.call_with(method, &path, &body, &foreign).await.status.as_u16(), 404, "{route}");
        }
        world.settle().await;
        assert_eq!(count(&world, "audit_logs").await - seen, added, "{route}");
    }
    assert_eq!(found(&world).await, [""; 0]);
}

fn token_of(world: &World, task: &str) -> String {
    let link = Link {
        action: Action::Done,
        user_id: "amna".to_owned(),
        task_id: task.parse().expect("an id"),
        reminder_id: Uuid::from_u128(7),
    };
    let url = links().url(&link, world.clock.now());
    url.rsplit('/').next().expect("a last part").to_owned()
}

#[tokio::test]
async fn s24_what_is_said_and_what_happens_by_itself_has_just_one_entry_each() {
    let world = World::new().await;
    let entries = async || {
        world.settle().await;
        let query =
            "SELECT action || ' ' || actor_type || ' ' || actor_id AS said FROM audit_logs ORDER BY seq";
        let entries = rows(&world.database_url, query).await;
        entries.iter().map(|entry| entry["said"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    let mut expected: Vec<String> = Vec::new();
    for (said, audited) in [
        ("buy milk tomorrow at 5pm", Some("task.created user local")),
        ("what is due tomorrow?", None),
        ("delete it", None),
        ("yes", Some("task.deleted user local")),
        ("undo", Some("task.restored user local")),
    ] {
        let body = json!({"user_input": said, "conversation_id": "c"});
        let answer = world.post("/chat/command", body).await.ok();
        expected.extend(audited.map(str::to_owned));
        assert_eq!(entries().await, expected, "{said}: {answer}");
    }
    let body = json!({"title": "water the plants", "due_date": "2026-06-01T07:00:00Z", "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "0m"}});
    let task = world.create(body).await;
    // Else this event and that of the reminder, which are of two topics, come in either order.
    world.settle().await;
    world.advance_to("2026-06-01T07:00:00Z").await;
    world
        .post(&format!("/api/tasks/{}/complete", task["id"].as_str().expect("an id")), Value::Null)
        .await
        .ok();
    expected.extend(
        [
            "task.created user local",
            "reminder.due service scan-reminders",
            "reminder.sent service send-reminder",
            "task.completed user local",
            "task.created service spawn-recurrence",
        ]
        .map(str::to_owned),
    );
    assert_eq!(entries().await, expected);
}
