//! Whatever a user did can be taken back, for 30 days.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{World, path_of};

async fn undo(world: &World) -> Value {
    world.post("/api/undo", Value::Null).await.ok()
}

async fn event_of(world: &World, task: &Value, action: &str) -> Value {
    let history = world.get(&format!("{}/history", path_of(task))).await.ok();
    let entries = history["entries"].as_array().expect("a list").clone();
    let found = entries.into_iter().rfind(|entry| entry["action"] == action);
    json!({"event_id": found.expect("such an entry")["event_id"]})
}

/// Gives a task without what every change changes.
async fn shown(world: &World, task: &Value) -> Value {
    let mut task = world.get(&path_of(task)).await.ok();
    for field in ["version", "updated_at"] {
        task[field] = Value::Null;
    }
    task
}

#[tokio::test]
async fn every_change_is_taken_back_one_after_the_other() {
    let world = World::in_zone(chrono_tz::America::New_York).await;
    let body = json!({
        "title": "call Amna", "due_date": "2027-03-14T02:30:00", "priority": "high", "tags": ["a"],
        "reminder_config": [{"lead_time": "1h"}], "recurrence_rule": {"pattern": "daily"},
    });
    let task = world.create(body).await;
    let path = path_of(&task);
    let mut before = Vec::new();
    for (method, path, body) in [
        (
            "PATCH",
            path.clone(),
            json!({"title": "call Bilal", "description": "x", "tags": [], "priority": "low"}),
        ),
        ("PATCH", path.clone(), json!({"due_date": "2027-03-20", "time_zone": "Asia/Karachi"})),
        ("PATCH", format!("{path}?scope=following"), json!({"due_date": "2027-03-21T10:00:00"})),
        ("PATCH", path.clone(), json!({"recurrence_rule": {"pattern": "weekly", "weekdays": ["sun"]}})),
        ("PATCH", path.clone(), json!({"due_date": null, "recurrence_rule": null, "reminder_config": null})),
        ("POST", format!("{path}/snooze"), json!({"for": "1h"})),
        ("POST", format!("{path}/complete"), Value::Null),
        ("POST", format!("{path}/reopen"), Value::Null),
        ("DELETE", path.clone(), Value::Null),
        ("POST", format!("{path}/restore"), Value::Null),
    ] {
        before.push(shown(&world, &task).await);
        world.call(method, &path, &body).await.ok();
        world.settle().await;
    }
    while let Some(expected) = before.pop() {
        undo(&world).await;
        world.settle().await;
        assert_eq!(shown(&world, &task).await, expected, "{} steps before", before.len());
    }
    let occurrences = world.get(&format!("{path}/occurrences?limit=2")).await.ok();
    assert_eq!(
        occurrences["occurrences"][1]["due_date"], "2027-03-15T02:30:00-04:00",
        "the wall time was kept"
    );
    undo(&world).await;
    assert_eq!(world.get(&path).await.ok()["status"], "deleted", "it was created");
    let refused = world.post("/api/undo", Value::Null).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn one_change_of_the_history_is_taken_back_and_what_came_after_stays() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a", "priority": "low"})).await;
    world.patch(&path_of(&task), json!({"title": "b"})).await.ok();
    let renamed = event_of(&world, &task, "task.updated").await;
    world.patch(&path_of(&task), json!({"priority": "high"})).await.ok();
    world.settle().await;
    let undone = world.post("/api/undo", renamed.clone()).await.ok();
    assert_eq!(
        (&undone["tasks"][0]["title"], &undone["tasks"][0]["priority"]),
        (&json!("a"), &json!("high"))
    );
    let twice = world.post("/api/undo", renamed).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    // What undid it can be taken back as well.
    let again = event_of(&world, &task, "task.updated").await;
    assert_eq!(world.post("/api/undo", again).await.ok()["tasks"][0]["title"], "b");
}

#[tokio::test]
async fn a_field_that_was_changed_again_is_not_overwritten() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    world.patch(&path_of(&task), json!({"title": "b", "priority": "high"})).await.ok();
    let event = event_of(&world, &task, "task.updated").await;
    world.patch(&path_of(&task), json!({"title": "c"})).await.ok();
    let refused = world.post("/api/undo", event).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.contains("title")));
    let now = world.get(&path_of(&task)).await.ok();
    assert_eq!((&now["title"], &now["priority"]), (&json!("c"), &json!("high")), "all of it or nothing");
}

#[tokio::test]
async fn an_undone_completion_takes_the_successor_away() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily"});
    let body = json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule});
    let task = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    assert_eq!(count(&world, "tasks WHERE status = 'active'").await, 1);
    undo(&world).await;
    world.settle().await;
    let open = world.get("/api/tasks?status=active").await.ok();
    assert_eq!(open["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(open["tasks"][0]["id"], task["id"]);
}

#[tokio::test]
async fn a_change_of_several_is_taken_back_as_one() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily"});
    let body = json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule});
    let first = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&first)), Value::Null).await.ok();
    world.settle().await;
    let second = world.get("/api/tasks?status=active").await.ok()["tasks"][0].clone();
    world.delete(&format!("{}?scope=all", path_of(&second))).await.ok();
    let undone = undo(&world).await;
    assert_eq!(undone["undone"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.get(&path_of(&first)).await.ok()["status"], "completed");
    assert_eq!(world.get(&path_of(&second)).await.ok()["status"], "active");
}

#[tokio::test]
async fn only_reminders_still_to_come_are_armed_again() {
    let world = World::new().await;
    let body = json!({
        "title": "a", "due_date": "2026-06-01T12:00:00",
        "reminder_config": [{"lead_time": "4h"}, {"lead_time": "1h"}],
    });
    let task = world.create(body).await;
    world.delete(&path_of(&task)).await.ok();
    world.advance_to("2026-06-01T09:00:00Z").await;
    undo(&world).await;
    world.advance_to("2026-06-01T12:00:00Z").await;
    assert_eq!(world.mails().len(), 1, "the one of eight o'clock is past");
}

#[tokio::test]
async fn the_same_undo_sent_twice_is_one() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    world.patch(&path_of(&task), json!({"title": "b"})).await.ok();
    world.patch(&path_of(&task), json!({"title": "c"})).await.ok();
    let key = [("idempotency-key", "once")];
    let first = world.call_with("POST", "/api/undo", &Value::Null, &key).await;
    let second = world.call_with("POST", "/api/undo", &Value::Null, &key).await;
    assert_eq!((first.status, &first.bytes), (StatusCode::OK, &second.bytes));
    assert_eq!(world.get(&path_of(&task)).await.ok()["title"], "b");
}

#[tokio::test]
async fn of_two_at_once_each_takes_back_another_change() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    for title in ["b", "c", "d", "e"] {
        world.patch(&path_of(&task), json!({"title": title})).await.ok();
    }
    let answers = futures::future::join_all((0..4).map(|_| world.post("/api/undo", Value::Null))).await;
    assert!(answers.iter().all(|answered| answered.status == StatusCode::OK));
    assert_eq!(world.get(&path_of(&task)).await.ok()["title"], "a");
}

#[tokio::test]
async fn what_is_older_than_30_days_or_another_users_is_not_there() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let event = event_of(&world, &task, "task.created").await;
    let stranger = [("x-user-id", "bilal")];
    let foreign = world.call_with("POST", "/api/undo", &event, &stranger).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let nothing = world.call_with("POST", "/api/undo", &Value::Null, &stranger).await;
    assert_eq!(nothing.status, StatusCode::CONFLICT);
    world.clock.set("2026-07-02T06:00:00Z".parse().expect("an instant"));
    assert_eq!(world.post("/api/undo", event).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.post("/api/undo", Value::Null).await.status, StatusCode::CONFLICT);
    for body in [json!({"event_id": "x"}), json!({"event_id": 1}), json!({"x": 1})] {
        assert_eq!(world.post("/api/undo", body).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn a_move_to_another_zone_is_no_change_of_the_tasks() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a", "due_date": "2026-06-02T09:00:00"})).await;
    world.patch(&path_of(&task), json!({"title": "b"})).await.ok();
    world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
    let undone = undo(&world).await;
    assert_eq!(undone["tasks"][0]["title"], "a");
    assert_eq!(
        undone["tasks"][0]["due_date"], "2026-06-02T09:00:00+05:00",
        "the wall time, where the user is"
    );
}

#[tokio::test]
async fn two_completions_are_taken_back_to_the_first_task_alone() {
    let world = World::new().await;
    let body =
        json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "daily"}});
    let first = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&first)), Value::Null).await.ok();
    world.settle().await;
    let second = world.get("/api/tasks?status=active").await.ok()["tasks"][0].clone();
    world.clock.set("2026-06-01T06:00:01Z".parse().expect("an instant"));
    world.patch(&path_of(&second), json!({"title": "b"})).await.ok();
    world.post(&format!("{}/snooze", path_of(&second)), json!({"for": "10m"})).await.ok();
    world.post(&format!("{}/complete", path_of(&second)), Value::Null).await.ok();
    world.settle().await;
    for _ in 0..4 {
        undo(&world).await;
        world.settle().await;
    }
    let open = world.get("/api/tasks?status=active").await.ok();
    let ids: Vec<_> =
        open["tasks"].as_array().expect("a list").iter().map(|task| task["id"].clone()).collect();
    assert_eq!(ids, [first["id"].clone()]);
}

#[tokio::test]
async fn a_due_time_that_comes_back_is_at_the_wall_time_where_the_user_is() {
    let world = World::new().await;
    let body =
        json!({"title": "a", "due_date": "2026-06-10T09:00:00", "reminder_config": {"lead_time": "15m"}});
    for patch in [json!({"time_zone": "Asia/Karachi"}), json!({"due_date": "2026-06-11T10:00:00"})] {
        let task = world.create(body.clone()).await;
        world.patch("/api/settings", json!({"time_zone": "UTC"})).await.ok();
        world.patch(&path_of(&task), patch.clone()).await.ok();
        world.patch("/api/settings", json!({"time_zone": "America/New_York"})).await.ok();
        undo(&world).await;
        assert_eq!(world.get(&path_of(&task)).await.ok()["due_date"], "2026-06-10T09:00:00-04:00", "{patch}");
        let reminders = world.get(&format!("{}/reminders", path_of(&task))).await.ok();
        let pending = reminders["reminders"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["status"] == "pending");
        let at: Vec<_> = pending.map(|one| one["trigger_time"].clone()).collect();
        assert_eq!(at, ["2026-06-10T12:45:00Z"], "{patch}");
    }
}

#[tokio::test]
async fn what_would_not_fit_any_more_is_not_taken_back() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-10T09:00:00"})).await.ok();
    let event = event_of(&world, &task, "task.updated").await;
    let patch = json!({"recurrence_rule": {"pattern": "daily"}, "reminder_config": {"lead_time": "15m"}});
    world.patch(&path_of(&task), patch).await.ok();
    assert_eq!(world.post("/api/undo", event).await.status, StatusCode::CONFLICT);
    world.patch(&path_of(&task), json!({"title": "b"})).await.ok();
}

#[tokio::test]
async fn an_earlier_move_that_is_taken_back_leaves_a_later_rule_alone() {
    let world = World::new().await;
    let body =
        json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "weekly"}});
    let task = world.create(body).await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-03T09:00:00"})).await.ok();
    let moved = event_of(&world, &task, "task.updated").await;
    world.patch(&path_of(&task), json!({"recurrence_rule": {"pattern": "daily", "interval": 3}})).await.ok();
    world.post("/api/undo", moved).await.ok();
    let found = world.get(&format!("{}/occurrences?limit=2", path_of(&task))).await.ok();
    assert_eq!(found["occurrences"][1]["due_date"], "2026-06-06T09:00:00+00:00");
}

#[tokio::test]
async fn what_was_done_again_can_be_taken_back_again() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    world.patch(&path_of(&task), json!({"title": "b"})).await.ok();
    undo(&world).await;
    let undoing = event_of(&world, &task, "task.updated").await;
    assert_eq!(world.post("/api/undo", undoing).await.ok()["tasks"][0]["title"], "b");
    assert_eq!(undo(&world).await["tasks"][0]["title"], "a");
    assert_eq!(undo(&world).await["tasks"][0]["status"], "deleted");
}

#[tokio::test]
async fn an_undo_that_leaves_an_edited_successor_says_so() {
    let world = World::new().await;
    let body =
        json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(body).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    let completed = event_of(&world, &task, "task.completed").await;
    world.settle().await;
    let next = world.get("/api/tasks?status=active").await.ok()["tasks"][0].clone();
    world.clock.set("2026-06-01T06:00:01Z".parse().expect("an instant"));
    world.patch(&path_of(&next), json!({"title": "mine"})).await.ok();
    assert_eq!(world.post("/api/undo", completed).await.ok()["successor_kept"], true);
}
