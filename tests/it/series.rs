//! One of a series and the series: moved, changed, skipped, ended.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{World, path_of};

/// Makes a weekly task of Mondays at nine, due on the day on which the world begins.
async fn weekly(world: &World) -> Value {
    world
        .create(json!({
            "title": "water the plants", "due_date": "2026-06-01T09:00:00", "tags": ["home"],
            "recurrence_rule": {"pattern": "weekly"}, "reminder_config": {"lead_time": "1h"},
        }))
        .await
}

/// Completes a task when it is due, and gives the one that follows.
async fn complete(world: &World, task: &Value) -> Option<Value> {
    world.post(&format!("{}/complete", path_of(task)), Value::Null).await.ok();
    world.settle().await;
    follower(world, task).await
}

/// Gives the open task of the series.
async fn follower(world: &World, task: &Value) -> Option<Value> {
    let page = world.get("/api/tasks?status=active&sort=due_date").await.ok();
    let mut open: Vec<_> = page["tasks"].as_array().expect("a list").clone();
    open.retain(|one| one["id"] != task["id"]);
    assert!(open.len() <= 1, "one at most: {open:?}");
    open.pop()
}

fn scoped(task: &Value, scope: &str) -> String {
    format!("{}?scope={scope}", path_of(task))
}

async fn due_dates(world: &World, task: &Value, limit: usize) -> Vec<Value> {
    let found = world.get(&format!("{}/occurrences?limit={limit}", path_of(task))).await.ok();
    found["occurrences"].as_array().expect("a list").iter().map(|one| one["due_date"].clone()).collect()
}

#[tokio::test]
async fn what_is_changed_of_one_occurrence_is_as_the_series_has_it_in_the_next() {
    let world = World::new().await;
    let task = weekly(&world).await;
    let patch = json!({
        "title": "water them twice", "priority": "high", "tags": [], "description": "it is hot",
        "reminder_config": null, "due_date": "2026-06-02T18:00:00", "time_zone": "Asia/Karachi",
    });
    let changed = world.patch(&path_of(&task), patch).await.ok();
    assert_eq!(changed["due_date"], "2026-06-02T18:00:00+05:00");
    let again = world.patch(&path_of(&task), json!({"title": "water them thrice"})).await.ok();
    assert_eq!(again["title"], "water them thrice");
    let next = complete(&world, &task).await.expect("a successor");
    for field in ["title", "priority", "tags", "description", "reminder_config", "time_zone"] {
        assert_eq!(next[field], task[field], "{field}");
    }
    assert_eq!(next["due_date"], "2026-06-08T09:00:00+00:00");
}

#[tokio::test]
async fn what_is_changed_for_the_following_ones_stays() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.patch(&path_of(&task), json!({"title": "for once", "priority": "low"})).await.ok();
    world.patch(&scoped(&task, "following"), json!({"title": "water the garden"})).await.ok();
    let next = complete(&world, &task).await.expect("a successor");
    assert_eq!((&next["title"], &next["priority"]), (&json!("water the garden"), &json!("medium")));
}

#[tokio::test]
async fn a_change_of_all_reaches_those_that_are_done_and_leaves_their_dates() {
    let world = World::new().await;
    let first = weekly(&world).await;
    let second = complete(&world, &first).await.expect("a successor");
    let events = count(&world, "events").await;
    let patch = json!({"title": "water the garden", "tags": ["garden"], "reminder_config": null});
    world.patch(&scoped(&second, "all"), patch).await.ok();
    assert_eq!(count(&world, "events").await - events, 2, "one event for each task");
    let done = world.get(&path_of(&first)).await.ok();
    assert_eq!((&done["title"], &done["tags"]), (&json!("water the garden"), &json!(["garden"])));
    assert_eq!((&done["status"], &done["due_date"]), (&json!("completed"), &first["due_date"]));
    assert_eq!(done["reminder_config"], first["reminder_config"], "of one that is done they are history");
}

#[tokio::test]
async fn the_series_moves_with_its_following_ones_only_when_that_is_asked_for() {
    let world = World::new().await;
    for (rule, first, moved, expected) in [
        (
            json!({"pattern": "weekly"}),
            "2026-06-01T09:00:00",
            "2026-06-03T18:30:00",
            "2026-06-10T18:30:00+00:00",
        ),
        (
            json!({"pattern": "weekly", "weekdays": ["mon", "thu"]}),
            "2026-06-01T09:00:00",
            "2026-06-02T10:00:00",
            "2026-06-04T10:00:00+00:00",
        ),
        (
            json!({"pattern": "monthly", "month_days": [1]}),
            "2026-06-01T09:00:00",
            "2026-06-15T09:00:00",
            "2026-07-15T09:00:00+00:00",
        ),
        (json!({"pattern": "daily", "interval": 3}), "2026-06-01", "2026-06-02", "2026-06-05"),
    ] {
        let task = world.create(json!({"title": "a", "due_date": first, "recurrence_rule": rule})).await;
        let unmoved = due_dates(&world, &task, 3).await;
        world.patch(&path_of(&task), json!({"due_date": moved})).await.ok();
        assert_eq!(due_dates(&world, &task, 3).await[1..], unmoved[1..], "{rule}: only this one moved");
        world.patch(&path_of(&task), json!({"due_date": first})).await.ok();
        world.patch(&scoped(&task, "following"), json!({"due_date": moved})).await.ok();
        assert_eq!(due_dates(&world, &task, 2).await[1], expected, "{rule}");
    }
}

#[tokio::test]
async fn a_rule_belongs_to_the_series() {
    let world = World::new().await;
    let task = weekly(&world).await;
    let refused = world.patch(&scoped(&task, "this"), json!({"recurrence_rule": {"pattern": "daily"}})).await;
    assert_eq!((refused.status.as_u16(), refused.wrong_fields()), (422, vec!["recurrence_rule".to_owned()]));
    world.patch(&path_of(&task), json!({"recurrence_rule": {"pattern": "daily"}})).await.ok();
    assert_eq!(due_dates(&world, &task, 2).await[1], "2026-06-02T09:00:00+00:00");
    let unknown = world.patch(&scoped(&task, "some"), json!({"title": "b"})).await;
    assert_eq!((unknown.status, unknown.wrong_fields()), (StatusCode::BAD_REQUEST, vec!["scope".to_owned()]));
}

#[tokio::test]
async fn a_deleted_occurrence_is_skipped_and_the_series_lives() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.delete(&path_of(&task)).await.ok();
    world.settle().await;
    let next = follower(&world, &task).await.expect("the next one");
    assert_eq!((&next["due_date"], &next["title"]), (&json!("2026-06-08T09:00:00+00:00"), &task["title"]));
    // Back again: the one that took its place goes.
    world.post(&format!("{}/restore", path_of(&task)), Value::Null).await.ok();
    world.settle().await;
    assert_eq!(follower(&world, &task).await, None);
    assert_eq!(count(&world, "reminders WHERE status = 'pending'").await, 1);
    // And once more; an edited one stays, and the answer names it.
    world.delete(&path_of(&task)).await.ok();
    world.settle().await;
    world.clock.set("2026-06-01T06:00:01Z".parse().expect("an instant"));
    world.patch(&path_of(&next), json!({"title": "mine"})).await.ok();
    let restored = world.post(&format!("{}/restore", path_of(&task)), Value::Null).await;
    assert_eq!(restored.headers["kaam-successor-kept"], next["id"].as_str().expect("an id"));
    world.settle().await;
    assert_eq!(world.get(&path_of(&next)).await.ok()["status"], "active");
}

#[tokio::test]
async fn a_skipped_occurrence_counts_and_the_last_one_ends_the_series() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily", "count": 2});
    let task =
        world.create(json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule})).await;
    world.delete(&path_of(&task)).await.ok();
    world.settle().await;
    let last = follower(&world, &task).await.expect("the second");
    world.delete(&path_of(&last)).await.ok();
    world.settle().await;
    assert_eq!(follower(&world, &task).await, None);
}

#[tokio::test]
async fn the_following_ones_or_all_are_deleted_together() {
    let world = World::new().await;
    for (scope, first_status) in [("following", "completed"), ("all", "deleted")] {
        let first = weekly(&world).await;
        let second = complete(&world, &first).await.expect("a successor");
        world.delete(&scoped(&second, scope)).await.ok();
        world.settle().await;
        assert_eq!(follower(&world, &first).await, None, "{scope}: the series has ended");
        assert_eq!(world.get(&path_of(&first)).await.ok()["status"], first_status, "{scope}");
        assert_eq!(world.get(&path_of(&second)).await.ok()["status"], "deleted", "{scope}");
    }
    let first = weekly(&world).await;
    let second = complete(&world, &first).await.expect("a successor");
    world.delete(&scoped(&first, "following")).await.ok();
    world.settle().await;
    assert_eq!(world.get(&path_of(&second)).await.ok()["status"], "deleted", "it follows a completed one");
}

#[tokio::test]
async fn an_absolute_reminder_moves_with_the_series_and_not_with_the_moved_one() {
    let world = World::new().await;
    let task = world
        .create(json!({
            "title": "a", "due_date": "2026-06-08T09:00:00", "recurrence_rule": {"pattern": "weekly"},
            "reminder_config": {"at": "2026-06-08T08:30:00Z"},
        }))
        .await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-10T09:00:00"})).await.ok();
    let next = complete(&world, &task).await.expect("a successor");
    assert_eq!(next["due_date"], "2026-06-15T09:00:00+00:00");
    assert_eq!(next["reminder_config"]["at"], "2026-06-15T08:30:00Z");
}
