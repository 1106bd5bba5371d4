//! `Idempotency-Key`: the first answer again, and no second effect.

use std::time::Duration;

use axum::http::{StatusCode, header};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{Answered, World, path_of};

const KEY: (&str, &str) = ("idempotency-key", "order-66");

fn assert_same(first: &Answered, again: &Answered) {
    assert_eq!(again.status, first.status);
    assert_eq!(again.bytes, first.bytes, "byte for byte");
    for name in [header::ETAG, header::LOCATION, header::CONTENT_TYPE] {
        assert_eq!(again.headers.get(&name), first.headers.get(&name), "{name}");
    }
}

#[tokio::test]
async fn the_same_request_again_gives_the_same_answer_and_no_second_task() {
    let world = World::new().await;
    let body = json!({"title": "buy milk", "due_date": "2026-06-01T07:00:00Z", "reminder_config": {"at": "2026-06-01T06:30:00Z"}});
    let first = world.call_with("POST", "/api/tasks", &body, &[KEY]).await;
    first.ok();
    // Not even after the task changed, and after its reminder could not be set any more.
    world.patch(&path_of(&first.json()), json!({"title": "buy tea"})).await.ok();
    for minutes in [0, 60, 22 * 60] {
        world.clock.advance(Duration::from_secs(60 * minutes));
        let again = world.call_with("POST", "/api/tasks/", &body, &[KEY]).await;
        assert_same(&first, &again);
    }
    assert_eq!(count(&world, "tasks").await, 1);
    assert_eq!(count(&world, "events WHERE event_type = 'task.created'").await, 1);
}

#[tokio::test]
async fn another_body_is_refused_and_the_answer_stays() {
    let world = World::new().await;
    let body = json!({"title": "buy milk"});
    let first = world.call_with("POST", "/api/tasks", &body, &[KEY]).await;
    for other in [
        json!({"title": "buy tea"}),
        json!({"title": "buy milk", "priority": "medium"}),
        json!({"title": ""}),
    ] {
        let answered = world.call_with("POST", "/api/tasks", &other, &[KEY]).await;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_same(&first, &world.call_with("POST", "/api/tasks", &body, &[KEY]).await);
    assert_eq!(count(&world, "tasks").await, 1);
}

#[tokio::test]
async fn a_refused_request_leaves_the_key_free() {
    let world = World::new().await;
    let refused = world.call_with("POST", "/api/tasks", &json!({"title": ""}), &[KEY]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    world.call_with("POST", "/api/tasks", &json!({"title": "a"}), &[KEY]).await.ok();
}

#[tokio::test]
async fn a_key_belongs_to_its_user_and_its_route() {
    let world = World::new().await;
    let body = json!({"title": "a"});
    let mut ids = Vec::new();
    for user in ["amna", "bilal"] {
        let headers = [("x-user-id", user), KEY];
        let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
        assert_eq!(task["user_id"], user);
        let completed =
            world.call_with("POST", &format!("{}/complete", path_of(&task)), &Value::Null, &headers).await;
        assert_eq!(completed.ok()["status"], "completed", "another route");
        let other = world.call_with("POST", "/api/tasks", &json!({"title": "b"}), &[headers[0]]).await.ok();
        let completed =
            world.call_with("POST", &format!("{}/complete", path_of(&other)), &Value::Null, &headers).await;
        assert_eq!(completed.ok()["id"], other["id"], "another task's route");
        ids.push(task["id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    // The user that the body names, without a header.
    let body = json!({"title": "a", "user_id": "carol"});
    assert_eq!(world.call_with("POST", "/api/tasks", &body, &[KEY]).await.ok()["user_id"], "carol");
}

#[tokio::test]
async fn of_the_same_requests_at_once_one_makes_the_task() {
    let world = World::new().await;
    let body = json!({"title": "a", "due_date": "2026-07-01", "reminder_config": {"lead_time": "1d"}});
    for round in 0..10 {
        let key = round.to_string();
        let headers = [("idempotency-key", key.as_str())];
        let answered = join_all((0..8).map(|_| world.call_with("POST", "/api/tasks", &body, &headers))).await;
        let fine: Vec<_> = answered.iter().filter(|one| one.status == StatusCode::OK).collect();
        assert!(!fine.is_empty());
        for one in &fine {
            assert_same(fine[0], one);
        }
        for busy in answered.iter().filter(|one| one.status != StatusCode::OK) {
            assert_eq!(busy.status, StatusCode::CONFLICT, "{}", String::from_utf8_lossy(&busy.bytes));
            assert!(busy.headers.contains_key(header::RETRY_AFTER));
        }
        assert_same(fine[0], &world.call_with("POST", "/api/tasks", &body, &headers).await);
        assert_eq!(count(&world, "tasks").await, round + 1);
        assert_eq!(count(&world, "events").await, round + 1);
        assert_eq!(count(&world, "reminders").await, round + 1);
    }
}

#[tokio::test]
async fn after_a_day_the_key_is_new() {
    let world = World::new().await;
    let body = json!({"title": "a"});
    let first = world.call_with("POST", "/api/tasks", &body, &[KEY]).await;
    world.clock.advance(Duration::from_secs(86_399));
    assert_same(&first, &world.call_with("POST", "/api/tasks", &body, &[KEY]).await);
    world.clock.advance(Duration::from_secs(1));
    let second = world.call_with("POST", "/api/tasks", &json!({"title": "b"}), &[KEY]).await;
    assert_ne!(second.ok()["id"], first.json()["id"]);
    assert_eq!(count(&world, "tasks").await, 2);
    world.clock.advance(Duration::from_secs(86_400));
    world.application.forget_expired(world.clock.now()).await.expect("the database is there");
    assert_eq!(count(&world, "idempotency_keys").await, 0);
}

#[tokio::test]
async fn actions_are_repeated_safely_whatever_happened_since() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let path = path_of(&task);
    let mut answers = Vec::new();
    for (action, key) in [("complete", "1"), ("reopen", "2"), ("complete", "3"), ("restore", "4")] {
        let headers = [("idempotency-key", key)];
        let path = format!("{path}/{action}");
        let first = world.call_with("POST", &path, &Value::Null, &headers).await;
        first.ok();
        answers.push((path, key, first));
    }
    world.delete(&path).await.ok();
    let events = count(&world, "events").await;
    for (path, key, first) in &answers {
        let again = world.call_with("POST", path, &Value::Null, &[("idempotency-key", key)]).await;
        assert_same(first, &again);
        let stale = [("idempotency-key", *key), ("if-match", "\"1\"")];
        assert_same(first, &world.call_with("POST", path, &Value::Null, &stale).await);
        let other = world.call_with("POST", path, &json!({}), &[("idempotency-key", key)]).await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "another body");
    }
    assert_eq!(count(&world, "events").await, events, "nothing more happened");
    assert_eq!(world.get(&path).await.ok()["status"], "deleted");
}

#[tokio::test]
async fn a_malformed_key_is_refused() {
    let world = World::new().await;
    let long = "k".repeat(256);
    for key in ["", " ", long.as_str(), "a\tb"] {
        let answered =
            world.call_with("POST", "/api/tasks", &json!({"title": "a"}), &[("idempotency-key", key)]).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{key:?}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answered = world.call_with("POST", "/api/tasks", &json!({"title": "a"}), &twice).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert_eq!(count(&world, "tasks").await, 0);
    let longest = "k".repeat(255);
    world
        .call_with("POST", "/api/tasks", &json!({"title": "a"}), &[("idempotency-key", &longest)])
        .await
        .ok();
}
