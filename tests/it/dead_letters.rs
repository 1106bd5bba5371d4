//! What can not be handled is put aside with its reason, holds nobody up, and is handled again when asked for.

use std::time::Duration;

use runtime::disposition::Disposition;
use send_reminder::Mailer;
use serde_json::{Value, json};
use tests::bus::record;
use tests::database::{count, execute, rows};
use tests::process::{command, outcome};
use tests::smtp::{MailServer, Reply};
use tests::world::World;

/// Puts an event into the outbox as nobody should, and gives its id.
async fn insert(world: &World, topic: &str, event_type: &str, payload: &str) -> String {
    let statement = format!(
        "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                             traceparent, source_service, timestamp)
         VALUES ('local', gen_random_uuid(), '{topic}', '{event_type}', 'poison', 'poison', 3, '{payload}', 'c', '', 'x', now())"
    );
    assert_eq!(execute(world, &statement).await, 1);
    let newest = rows(&world.database_url, "SELECT event_id FROM events ORDER BY seq DESC LIMIT 1").await;
    newest[0]["event_id"].as_str().expect("a text").to_owned()
}

async fn event(world: &World, id: &str) -> Value {
    rows(&world.database_url, &format!("SELECT status, attempts, error FROM events WHERE event_id = '{id}'"))
        .await
        .remove(0)
}

/// Turns the clock until nothing is tried again.
async fn settle_for_good(world: &World) {
    world.settle().await;
    for _ in 0..6 {
        world.clock.advance(Duration::from_secs(60));
        world.settle().await;
    }
}

#[tokio::test]
async fn a_poisonous_event_is_put_aside_with_its_reason_and_holds_nobody_up() {
    let world = World::new().await;
    world.create(json!({"title": "before"})).await;
    let huge = format!("{{\"x\": \"{}\"}}", "x".repeat(1 << 20));
    let mut poison = Vec::new();
    for (topic, event_type, payload) in [
        ("task-events", "task.completed", "{}"),
        ("task-events", "task.completed", "null"),
        ("task-events", "task.created", "[1, 2]"),
        ("task-events", "task.created", huge.as_str()),
        ("task-events", "", "{}"),
        ("reminders", "reminder.due", "{\"reminder_id\": \"no uuid\"}"),
        ("audit-events", "session.opened", "\"text\""),
    ] {
        poison.push(insert(&world, topic, event_type, payload).await);
    }
    world.create(json!({"title": "after"})).await;
    world.settle().await;
    assert_eq!(
        count(&world, "events WHERE status = 'processed'").await,
        2,
        "the good ones are through at once"
    );
    settle_for_good(&world).await;
    for id in &poison {
        let event = event(&world, id).await;
        assert_eq!(event["status"], "failed", "{event}");
        assert!(event["error"].as_str().is_some_and(|error| error.len() > 10), "{event}");
        assert!(event["attempts"].as_u64() <= Some(5), "{event}");
    }
    assert_eq!(count(&world, "audit_logs").await, 2);
}

#[tokio::test]
async fn an_event_of_a_type_that_nobody_knows_is_audited_and_nothing_more() {
    let world = World::new().await;
    world.create(json!({"title": "call"})).await;
    execute(&world, "UPDATE events SET event_type = 'task.painted'").await;
    world.settle().await;
    assert_eq!(count(&world, "events WHERE status = 'processed'").await, 1);
    assert_eq!(count(&world, "audit_logs WHERE action = 'task.painted'").await, 1);
}

#[tokio::test]
async fn an_event_that_the_database_itself_refuses_takes_no_other_with_it() {
    let world = World::new().await;
    world.create(json!({"title": "before"})).await;
    // Longer than an entry of an index can be, and not to be compressed.
    execute(
        &world,
        "INSERT INTO events (user_id, event_id, topic_name, event_type, key, subject, shard, payload, correlation_id,
                             traceparent, source_service, timestamp)
         SELECT 'local', gen_random_uuid(), 'audit-events', 'session.opened', 'poison', 'poison', 3,
                jsonb_build_object('entity_type', 'session', 'entity_id', string_agg(md5(n::text), ''), 'user_id', 'local',
                                   'actor', jsonb_build_object('type', 'user', 'id', 'x')), 'c', '', 'x', now()
         FROM generate_series(1, 1000) AS n",
    )
    .await;
    world.call("PATCH", "/api/settings", &json!({"locale": "en-GB"})).await.ok();
    world.settle().await;
    assert_eq!(count(&world, "audit_logs WHERE action = 'settings.updated'").await, 1);
    settle_for_good(&world).await;
    assert_eq!(count(&world, "events WHERE status = 'failed'").await, 1);
    assert_eq!(count(&world, "events WHERE status = 'processed'").await, 2);
    assert_eq!(world.application.verify_audit().await.expect("the database is there"), (2, vec![]));
}

#[tokio::test]
async fn a_dead_letter_is_listed_and_handled_again_once_its_cause_is_mended() {
    let world = World::new().await;
    let daily = json!({"title": "secret plan", "due_date": "2026-06-02T09:00:00Z", "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(daily).await;
    world.settle().await;
    world
        .post(&format!("/api/tasks/{}/complete", task["id"].as_str().expect("a text")), Value::Null)
        .await
        .ok();
    execute(
        &world,
        "UPDATE events SET payload = payload || '{\"actor\": 7}' WHERE event_type = 'task.completed'",
    )
    .await;
    settle_for_good(&world).await;
    let other = insert(&world, "reminders", "reminder.due", "{}").await;
    settle_for_good(&world).await;
    let run = |words: Vec<String>| {
        let mut command = command("backend");
        command.args(words).env("DATABASE_URL", &world.database_url);
        outcome(command)
    };
    let listed = run(vec!["dead-letters".to_owned()]).await;
    let said = String::from_utf8_lossy(&listed.stdout).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    assert!(listed.status.success() && lines.len() == 3 && lines[2] == "2 dead letters", "{said}");
    assert!(lines[0].contains(" task.completed attempts=1 ") && lines[0].contains("the payload"), "{said}");
    assert!(!said.contains("secret plan"));
    let id = lines[0].split(' ').next().expect("the id comes first").to_owned();
    assert!(lines[1].starts_with(&other), "oldest first: {said}");

    execute(&world, "UPDATE events SET payload = payload || '{\"actor\": {\"type\": \"user\", \"id\": \"local\"}}' WHERE event_type = 'task.completed'").await;
    let replayed = run(vec!["replay".to_owned(), id.clone()]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    assert!(
        String::from_utf8_lossy(&replayed.stdout).starts_with("1 events and 0 reminders"),
        "{replayed:?}"
    );
    world.settle().await;
    assert_eq!(event(&world, &id).await["status"], "processed");
    assert_eq!(count(&world, "tasks WHERE follows IS NOT NULL").await, 1);
    assert_eq!(event(&world, &other).await["status"], "failed", "only one was asked for");

    let all = run(vec!["replay".to_owned()]).await;
    assert!(String::from_utf8_lossy(&all.stdout).starts_with("1 events"), "{all:?}");
    settle_for_good(&world).await;
    assert_eq!(event(&world, &other).await["status"], "failed", "it is still poison");
    for wrong in [id.as_str(), "not an id"] {
        let refused = run(vec!["replay".to_owned(), wrong.to_owned()]).await;
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            refused.status.code() == Some(1) && said.lines().count() == 1 && said.contains(wrong),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_reminder_that_failed_for_good_is_sent_when_it_is_replayed() {
    let server = MailServer::start(|_, attempt| match attempt {
        1 => Reply::RefuseRecipient("550 5.1.1 no such user here"),
        _ => Reply::Take,
    })
    .await;
    let from = "Kaam <kaam@example.org>".parse().expect("an address");
    let world = World::with_mailer(Mailer::smtp(&server.url, from).expect("a URL")).await;
    let reminder = json!({"lead_time": "0m", "destination": "amna@example.org"});
    world
        .create(json!({"title": "call", "due_date": "2026-06-01T07:00:00Z", "reminder_config": reminder}))
        .await;
    world.advance_to("2026-06-01T07:00:00Z").await;
    assert_eq!(count(&world, "reminders WHERE status = 'failed'").await, 1);
    assert_eq!(world.application.replay_dead_letters(None).await.expect("the database is there"), (1, 1));
    world.scan().await;
    // The event that was put aside and the new announcement: one of them has to wait for the other's lease.
    settle_for_good(&world).await;
    assert_eq!(count(&world, "reminders WHERE status = 'sent'").await, 1);
    assert_eq!(server.taken().len(), 1);
    assert_eq!(count(&world, "events WHERE status <> 'processed'").await, 0);
    assert_eq!(world.application.replay_dead_letters(None).await.expect("the database is there"), (0, 0));
}

#[tokio::test]
async fn a_failure_stays_a_dead_letter_although_its_sender_was_killed_before_it_said_so() {
    let server = MailServer::start(|_, _| Reply::RefuseRecipient("550 5.1.1 no such user here")).await;
    let from = "Kaam <kaam@example.org>".parse().expect("an address");
    let world = World::with_mailer(Mailer::smtp(&server.url, from).expect("a URL")).await;
    let reminder = json!({"lead_time": "0m", "destination": "amna@example.org"});
    world
        .create(json!({"title": "call", "due_date": "2026-06-01T07:00:00Z", "reminder_config": reminder}))
        .await;
    world.clock.set("2026-06-01T07:00:00Z".parse().expect("an instant"));
    world.announce().await;
    let due = record(&world).await.of_type("reminder.due");
    let told = [world.deliver("send-reminder", &due).await, world.deliver("send-reminder", &due).await];
    for told in told {
        let [Disposition::Reject { why }] = &told[..] else { panic!("{told:?}") };
        assert!(why.contains("no such user here"), "{why}");
    }
    assert_eq!(count(&world, "reminder_attempts").await, 1);
}
