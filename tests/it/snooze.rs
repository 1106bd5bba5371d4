//! A reminder put off: once more, later, and nothing else changes.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::world::{World, path_of};

async fn snooze(world: &World, task: &Value, body: Value) -> Value {
    world.post(&format!("{}/snooze", path_of(task)), body).await.ok()
}

#[tokio::test]
async fn a_snoozed_task_is_reminded_of_once_more_and_is_due_as_before() {
    let world = World::new().await;
    let body = json!({"title": "call Amna", "due_date": "2026-06-01T07:00:00", "reminder_config": {"lead_time": "0m"},
                      "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(body).await;
    world.advance_to("2026-06-01T07:00:00Z").await;
    assert_eq!(world.mails().len(), 1);
    let snoozed = snooze(&world, &task, json!({"for": "10m"})).await;
    assert_eq!(snoozed["snoozed_until"], "2026-06-01T07:10:00Z");
    for field in ["due_date", "recurrence_rule", "reminder_config"] {
        assert_eq!(snoozed[field], task[field], "{field}");
    }
    world.advance_to("2026-06-01T07:09:59Z").await;
    assert_eq!(world.mails().len(), 1);
    world.advance_to("2026-06-01T07:10:00Z").await;
    world.advance_to("2026-06-01T07:11:00Z").await;
    assert_eq!(world.mails().len(), 2);
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    let next = &world.get("/api/tasks?status=active").await.ok()["tasks"][0];
    assert_eq!(
        (&next["due_date"], &next["snoozed_until"]),
        (&json!("2026-06-02T07:00:00+00:00"), &Value::Null)
    );
}

#[tokio::test]
async fn a_later_snooze_takes_the_place_of_an_earlier_one() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let task = world.create(json!({"title": "a"})).await;
    snooze(&world, &task, json!({"for": "10m"})).await;
    let until = snooze(&world, &task, json!({"until": "2026-06-02T09:00:00"})).await;
    assert_eq!(until["snoozed_until"], "2026-06-02T04:00:00Z", "wall time in the task's zone");
    world.advance_to("2026-06-01T08:00:00Z").await;
    assert!(world.mails().is_empty());
    world.advance_to("2026-06-02T04:00:00Z").await;
    assert_eq!(world.mails().len(), 1, "a task without reminders is reminded of by mail");
}

#[tokio::test]
async fn a_day_is_the_same_wall_time_tomorrow_and_24_hours_are_24_hours() {
    let world = World::in_zone(chrono_tz::America::New_York).await;
    world.clock.set("2026-10-31T13:00:00Z".parse().expect("an instant"));
    let task = world.create(json!({"title": "a"})).await;
    assert_eq!(snooze(&world, &task, json!({"for": "1d"})).await["snoozed_until"], "2026-11-01T14:00:00Z");
    assert_eq!(snooze(&world, &task, json!({"for": "24h"})).await["snoozed_until"], "2026-11-01T13:00:00Z");
}

#[tokio::test]
async fn a_task_that_is_done_meanwhile_is_not_reminded_of() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    snooze(&world, &task, json!({"for": "1h"})).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.advance_to("2026-06-01T08:00:00Z").await;
    assert!(world.mails().is_empty());
    let refused = world.post(&format!("{}/snooze", path_of(&task)), json!({"for": "1h"})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_absurd_snooze_is_refused_by_name() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    for (body, field) in [
        (json!({}), "for"),
        (json!({"for": "0m"}), "for"),
        (json!({"for": "soon"}), "for"),
        (json!({"for": 10}), "for"),
        (json!({"for": "3000d"}), "for"),
        (json!({"for": "10m", "until": "2026-06-02T09:00:00"}), "until"),
        (json!({"until": "2026-05-01T09:00:00"}), "until"),
        (json!({"until": "2026-06-02"}), "until"),
        (json!({"until": "9999-06-02T09:00:00"}), "until"),
        (json!({"until": "tomorrow"}), "until"),
        (json!({"for": "10m", "x": 1}), "x"),
    ] {
        let refused = world.post(&format!("{}/snooze", path_of(&task)), body.clone()).await;
        assert_eq!(
            (refused.status.as_u16(), refused.wrong_fields()),
            (422, vec![field.to_owned()]),
            "{body}"
        );
    }
}
