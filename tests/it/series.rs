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

#[tokio::test]
async fn a_task_that_is_deleted_right_after_it_was_completed_does_not_end_its_series() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    world.delete(&path_of(&task)).await.ok();
    world.settle().await;
    assert!(follower(&world, &task).await.is_some());
    let restored = world.post(&format!("{}/restore", path_of(&task)), Value::Null).await.ok();
    assert_eq!(restored["status"], "completed");
    world.settle().await;
    assert!(follower(&world, &task).await.is_some(), "it was done, and is done");
}

#[tokio::test]
async fn what_is_changed_or_deleted_before_the_next_one_is_made_reaches_it() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
    let patch = json!({"title": "water the garden", "reminder_config": null});
    world.patch(&scoped(&task, "all"), patch).await.ok();
    world.settle().await;
    let next = follower(&world, &task).await.expect("a successor");
    assert_eq!((&next["title"], &next["reminder_config"]), (&json!("water the garden"), &Value::Null));
    world.post(&format!("{}/complete", path_of(&next)), Value::Null).await.ok();
    world.delete(&scoped(&task, "all")).await.ok();
    world.settle().await;
    let open = world.get("/api/tasks?status=active").await.ok();
    assert_eq!(open["tasks"], json!([]));
}

#[tokio::test]
async fn what_is_named_for_the_following_ones_counts_also_where_this_one_has_it_already() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.patch(&path_of(&task), json!({"title": "b", "due_date": "2026-06-01T18:00:00"})).await.ok();
    world
        .patch(&scoped(&task, "following"), json!({"title": "b", "due_date": "2026-06-01T18:00:00"}))
        .await
        .ok();
    let second = complete(&world, &task).await.expect("a successor");
    assert_eq!((&second["title"], &second["due_date"]), (&json!("b"), &json!("2026-06-08T18:00:00+00:00")));
    world.patch(&path_of(&second), json!({"title": "c"})).await.ok();
    world.patch(&scoped(&second, "all"), json!({"title": "c"})).await.ok();
    assert_eq!(world.get(&path_of(&task)).await.ok()["title"], "c");
    world.delete(&path_of(&second)).await.ok();
    world.delete(&scoped(&second, "all")).await.ok();
    world.settle().await;
    assert_eq!(world.get("/api/tasks").await.ok()["tasks"], json!([]), "a skipped one ends its series too");
}

#[tokio::test]
async fn another_zone_for_the_following_ones_does_not_move_them_to_where_this_one_was_moved() {
    let world = World::new().await;
    let task = weekly(&world).await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-03T18:00:00"})).await.ok();
    world.patch(&scoped(&task, "following"), json!({"time_zone": "Asia/Karachi"})).await.ok();
    let found = due_dates(&world, &task, 2).await;
    assert_eq!(found, ["2026-06-03T18:00:00+05:00", "2026-06-08T09:00:00+05:00"]);
}

#[tokio::test]
async fn an_occurrence_on_a_day_that_the_series_had_before_is_made_as_well() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily"});
    let task =
        world.create(json!({"title": "a", "due_date": "2026-06-10T09:00:00", "recurrence_rule": rule})).await;
    let second = complete(&world, &task).await.expect("a successor");
    let patch = json!({"due_date": "2026-06-04T09:00:00", "recurrence_rule": {"pattern": "weekly"}});
    world.patch(&path_of(&second), patch).await.ok();
    let third = complete(&world, &second).await.expect("a successor");
    assert_eq!(third["due_date"], "2026-06-11T09:00:00+00:00");
}

#[tokio::test]
async fn a_count_that_nobody_changed_goes_on_counting_the_whole_series() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily", "count": 3});
    let task =
        world.create(json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule})).await;
    let second = complete(&world, &task).await.expect("the second");
    world.patch(&path_of(&second), json!({"recurrence_rule": {"interval": 2}})).await.ok();
    let third = complete(&world, &second).await.expect("the third");
    assert_eq!(third["due_date"], "2026-06-04T09:00:00+00:00");
    assert_eq!(complete(&world, &third).await, None);
}

#[tokio::test]
async fn reopening_before_a_skipped_one_names_the_one_that_stays() {
    let world = World::new().await;
    let first = weekly(&world).await;
    let second = complete(&world, &first).await.expect("a successor");
    world.delete(&path_of(&second)).await.ok();
    world.settle().await;
    let third = follower(&world, &second).await.expect("the third");
    let reopened = world.post(&format!("{}/reopen", path_of(&first)), Value::Null).await;
    assert_eq!(reopened.headers["kaam-successor-kept"], third["id"].as_str().expect("an id"));
}

#[tokio::test]
async fn a_withdrawn_successor_gives_way_to_one_that_was_kept() {
    let world = World::new().await;
    let rule = |pattern: &str| json!({"recurrence_rule": {"pattern": pattern}});
    let body =
        json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "daily"}});
    let task = world.create(body).await;
    let (path, reopen) = (path_of(&task), format!("{}/reopen", path_of(&task)));
    complete(&world, &task).await.expect("a successor");
    world.post(&reopen, Value::Null).await.ok();
    world.patch(&path, rule("weekly")).await.ok();
    let kept = complete(&world, &task).await.expect("another one");
    world.clock.set("2026-06-01T06:00:01Z".parse().expect("an instant"));
    world.patch(&path_of(&kept), json!({"title": "mine"})).await.ok();
    world.post(&reopen, Value::Null).await.ok();
    world.patch(&path, rule("daily")).await.ok();
    assert_eq!(complete(&world, &task).await.map(|next| next["id"].clone()), Some(kept["id"].clone()));
    assert_eq!(count(&world, "events WHERE status IN ('retrying', 'failed')").await, 0);
}
