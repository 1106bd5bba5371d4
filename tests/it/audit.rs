//! The audit log: one entry for each event, in a chain that shows every change.

use application::audit::Entry;
use chrono::DateTime;
use futures::future::join_all;
use serde_json::{Value, json};
use tests::database::{count, execute, rows};
use tests::process::{command, outcome};
use tests::world::World;
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
async fn every_way_to_change_the_log_is_found_and_named() {
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
        async move { application.append_audit(&entries).await.expect("the database is there") }
    });
    let appended: usize = join_all(batches).await.into_iter().sum();
    assert_eq!((appended, count(&world, "audit_logs").await), (175, 175));
    assert_eq!(world.application.verify_audit().await.expect("the database is there"), (175, vec![]));
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
