//! What repeats, and what reminds: from the completion of a task to its successor, across zones and clock changes.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::database::{count, execute};
use tests::world::{World, path_of};

/// Completes a task at an instant, delivers what follows from it, and gives the successor.
async fn complete_at(world: &World, task: &Value, now: &str) -> Option<Value> {
    world.clock.set(now.parse().expect("an instant"));
    world.post(&format!("{}/complete", path_of(task)), Value::Null).await.ok();
    world.settle().await;
    successor(world, task).await
}

/// Gives the one open task of a series.
async fn successor(world: &World, task: &Value) -> Option<Value> {
    let page = world.get("/api/tasks?status=active&limit=100").await.ok();
    let series = if task["parent_task_id"].is_null() { &task["id"] } else { &task["parent_task_id"] };
    let mut open: Vec<_> = page["tasks"].as_array().expect("a list").clone();
    open.retain(|one| one["parent_task_id"] == *series && one["id"] != task["id"]);
    assert!(open.len() <= 1, "one successor at most: {open:?}");
    open.pop()
}

async fn deliver_again(world: &World) {
    execute(world, "UPDATE events SET status = 'pending', processed_at = NULL").await;
    world.settle().await;
}

/// Gives the state and instant of every reminder of a task.
async fn reminders(world: &World, task: &Value) -> Vec<(String, String)> {
    let listed = world.get(&format!("{}/reminders", path_of(task))).await.ok();
    let text = |one: &Value, field: &str| one[field].as_str().expect("a text").to_owned();
    let list = listed["reminders"].as_array().expect("a list");
    list.iter().map(|one| (text(one, "trigger_time"), text(one, "status"))).collect()
}

fn expected(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(at, status)| ((*at).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn a_completed_task_is_followed_by_its_next_occurrence() {
    let world = World::new().await;
    for (zone, rule, due, completed_at, next) in [
        // On time, in several zones.
        (
            "UTC",
            json!({"pattern": "daily"}),
            "2026-06-01T09:00:00",
            "2026-06-01T08:00:00Z",
            "2026-06-02T09:00:00+00:00",
        ),
        (
            "Asia/Karachi",
            json!({"pattern": "weekly"}),
            "2026-06-01T09:00:00",
            "2026-06-01T05:00:00Z",
            "2026-06-08T09:00:00+05:00",
        ),
        (
            "UTC",
            json!({"pattern": "weekly", "weekdays": ["mon", "thu"]}),
            "2026-06-01",
            "2026-06-01T08:00:00Z",
            "2026-06-04",
        ),
        (
            "UTC",
            json!({"pattern": "weekly", "weekdays": ["mon", "thu"], "interval": 2}),
            "2026-06-04",
            "2026-06-04T08:00:00Z",
            "2026-06-15",
        ),
        // Across clock changes: the wall time stays, one in a gap moves forward, the first of a fold is meant.
        (
            "America/New_York",
            json!({"pattern": "daily"}),
            "2026-10-31T09:00:00",
            "2026-10-31T12:00:00Z",
            "2026-11-01T09:00:00-05:00",
        ),
        (
            "America/New_York",
            json!({"pattern": "daily"}),
            "2027-03-13T02:30:00",
            "2027-03-13T08:00:00Z",
            "2027-03-14T03:30:00-04:00",
        ),
        (
            "America/New_York",
            json!({"pattern": "daily"}),
            "2026-10-31T01:30:00",
            "2026-10-31T05:40:00Z",
            "2026-11-01T01:30:00-04:00",
        ),
        (
            "Europe/London",
            json!({"pattern": "weekly"}),
            "2027-03-21T01:15:00",
            "2027-03-21T01:15:00Z",
            "2027-03-28T02:15:00+01:00",
        ),
        (
            "America/Santiago",
            json!({"pattern": "daily"}),
            "2027-09-04T00:00:00",
            "2027-09-04T03:00:00Z",
            "2027-09-05T01:00:00-03:00",
        ),
        (
            "Africa/Cairo",
            json!({"pattern": "daily"}),
            "2027-04-29T00:30:00",
            "2027-04-28T22:00:00Z",
            "2027-04-30T01:30:00+03:00",
        ),
        (
            "Australia/Lord_Howe",
            json!({"pattern": "daily"}),
            "2027-10-02T02:10:00",
            "2027-10-01T15:30:00Z",
            "2027-10-03T02:40:00+11:00",
        ),
        (
            "Asia/Kathmandu",
            json!({"pattern": "daily"}),
            "2027-03-13T02:30:00",
            "2027-03-12T20:00:00Z",
            "2027-03-14T02:30:00+05:45",
        ),
        ("America/Santiago", json!({"pattern": "daily"}), "2027-09-04", "2027-09-04T13:00:00Z", "2027-09-05"),
        // The anchor day is kept.
        (
            "UTC",
            json!({"pattern": "monthly"}),
            "2027-01-31T10:00:00",
            "2027-01-31T09:00:00Z",
            "2027-02-28T10:00:00+00:00",
        ),
        ("UTC", json!({"pattern": "monthly"}), "2028-01-30", "2028-01-30T09:00:00Z", "2028-02-29"),
        (
            "UTC",
            json!({"pattern": "monthly", "month_days": [-1]}),
            "2027-02-28",
            "2027-02-28T09:00:00Z",
            "2027-03-31",
        ),
        ("UTC", json!({"pattern": "monthly"}), "2027-02-28", "2027-02-28T09:00:00Z", "2027-03-28"),
        ("UTC", json!({"pattern": "yearly"}), "2028-02-29", "2028-02-29T09:00:00Z", "2029-02-28"),
        // Late: what was missed is skipped, unless it is caught up.
        (
            "UTC",
            json!({"pattern": "daily"}),
            "2026-06-01T09:00:00",
            "2026-06-20T08:59:59Z",
            "2026-06-20T09:00:00+00:00",
        ),
        (
            "UTC",
            json!({"pattern": "daily"}),
            "2026-06-01T09:00:00",
            "2026-06-20T09:00:00Z",
            "2026-06-21T09:00:00+00:00",
        ),
        (
            "UTC",
            json!({"pattern": "daily", "catch_up": true}),
            "2026-06-01T09:00:00",
            "2026-06-20T09:00:00Z",
            "2026-06-02T09:00:00+00:00",
        ),
        ("UTC", json!({"pattern": "monthly"}), "2026-01-31", "2026-06-29T09:00:00Z", "2026-06-30"),
        ("Pacific/Apia", json!({"pattern": "daily"}), "2026-06-01", "2026-06-09T23:00:00Z", "2026-06-10"),
        // Early: the same occurrence never comes back.
        (
            "UTC",
            json!({"pattern": "weekly"}),
            "2026-06-20T09:00:00",
            "2026-06-01T07:00:00Z",
            "2026-06-27T09:00:00+00:00",
        ),
        // From the completion.
        (
            "UTC",
            json!({"pattern": "daily", "interval": 3, "anchor": "completion"}),
            "2026-06-01T09:00:00",
            "2026-06-11T22:00:00Z",
            "2026-06-14T09:00:00+00:00",
        ),
        (
            "Asia/Karachi",
            json!({"pattern": "daily", "interval": 3, "anchor": "completion"}),
            "2026-06-01T09:00:00",
            "2026-06-11T22:00:00Z",
            "2026-06-15T09:00:00+05:00",
        ),
        (
            "UTC",
            json!({"pattern": "monthly", "anchor": "completion"}),
            "2027-01-05",
            "2027-01-31T22:00:00Z",
            "2027-02-28",
        ),
        (
            "UTC",
            json!({"pattern": "weekly", "anchor": "completion"}),
            "2026-06-20T09:00:00",
            "2026-06-13T07:00:00Z",
            "2026-06-27T09:00:00+00:00",
        ),
    ] {
        let body = json!({"title": "a", "description": "d", "tags": ["t"], "priority": "high", "due_date": due,
                          "time_zone": zone, "recurrence_rule": rule});
        world.clock.set("2026-01-01T00:00:00Z".parse().expect("an instant"));
        let task = world.create(body).await;
        let found = complete_at(&world, &task, completed_at).await.expect("a successor");
        assert_eq!(found["due_date"], next, "{zone} {rule} {due} at {completed_at}");
        for field in ["title", "description", "tags", "priority", "time_zone", "user_id", "all_day"] {
            assert_eq!(found[field], task[field], "{field}");
        }
        assert_eq!((&found["version"], &found["completed_at"]), (&json!(1), &Value::Null));
        assert_eq!(found["id"].as_str().map(|id| id.as_bytes()[14]), Some(b'5'), "a UUIDv5");
        world.delete(&path_of(&found)).await.ok();
    }
}

#[tokio::test]
async fn a_series_keeps_its_day_and_its_time_over_a_year() {
    let world = World::in_zone(chrono_tz::America::New_York).await;
    let body = json!({"title": "rent", "due_date": "2026-08-31T02:30:00", "recurrence_rule": {"pattern": "monthly"}});
    let mut task = world.create(body).await;
    let first = task["id"].clone();
    let mut seen = Vec::new();
    for _ in 0..8 {
        let due = task["due_date"].as_str().expect("a due time").to_owned();
        let at = chrono::DateTime::parse_from_rfc3339(&due).expect("an instant").to_utc().to_rfc3339();
        task = complete_at(&world, &task, &at).await.expect("a successor");
        assert_eq!(task["parent_task_id"], first);
        assert_eq!(task["recurrence_rule"]["rrule"], "FREQ=MONTHLY;BYMONTHDAY=-1");
        seen.push(due);
    }
    let expected = [
        "2026-08-31T02:30:00-04:00",
        "2026-09-30T02:30:00-04:00",
        "2026-10-31T02:30:00-04:00",
        "2026-11-30T02:30:00-05:00",
        "2026-12-31T02:30:00-05:00",
        "2027-01-31T02:30:00-05:00",
        "2027-02-28T02:30:00-05:00",
        "2027-03-31T02:30:00-04:00",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn the_dates_shown_ahead_are_those_that_come() {
    let world = World::in_zone(chrono_tz::Europe::London).await;
    for rule in [
        json!({"pattern": "daily", "interval": 9}),
        json!({"pattern": "weekly", "interval": 2, "weekdays": ["sun", "wed"]}),
        json!({"pattern": "monthly", "month_days": [31, 15], "count": 5}),
        json!({"pattern": "yearly", "until": "2031-01-01"}),
    ] {
        let mut task = world
            .create(json!({"title": "a", "due_date": "2027-03-28T01:30:00", "recurrence_rule": rule}))
            .await;
        let path = format!("{}/occurrences?limit=5", path_of(&task));
        let ahead = world.get(&path).await.ok()["occurrences"].as_array().expect("a list").clone();
        for (n, occurrence) in ahead.iter().enumerate() {
            assert_eq!(task["due_date"], occurrence["due_date"], "{rule} {n}");
            let due = task["due_date"].as_str().expect("a due time").to_owned();
            let at = chrono::DateTime::parse_from_rfc3339(&due).expect("an instant").to_utc().to_rfc3339();
            match complete_at(&world, &task, &at).await {
                Some(next) => task = next,
                None => assert_eq!(n + 1, ahead.len(), "the end of the series: {rule}"),
            }
        }
    }
}

#[tokio::test]
async fn count_and_until_end_a_series_and_reopening_restores_it() {
    let world = World::new().await;
    for rule in [
        json!({"pattern": "daily", "count": 2}),
        json!({"pattern": "daily", "until": "2026-07-02"}),
        json!({"pattern": "daily", "until": "2026-07-02T09:00:00"}),
    ] {
        world.clock.set("2026-06-01T06:00:00Z".parse().expect("an instant"));
        let task = world
            .create(json!({"title": "a", "due_date": "2026-07-01T09:00:00", "recurrence_rule": rule}))
            .await;
        let second = complete_at(&world, &task, "2026-07-01T08:00:00Z").await.expect("the second");
        assert_eq!(second["due_date"], "2026-07-02T09:00:00+00:00");
        assert_eq!(complete_at(&world, &second, "2026-07-02T08:00:00Z").await, None, "{rule}");
        world.post(&format!("{}/reopen", path_of(&second)), Value::Null).await.ok();
        world.settle().await;
        assert_eq!(world.get(&path_of(&second)).await.ok()["recurrence_rule"], task["recurrence_rule"]);
        assert_eq!(complete_at(&world, &second, "2026-07-02T08:30:00Z").await, None, "{rule}");
        let counted =
            world.create(json!({"title": "a", "due_date": "2026-07-01", "recurrence_rule": rule})).await;
        assert_eq!(
            complete_at(&world, &counted, "2026-07-09T08:30:00Z").await,
            None,
            "the end was missed: {rule}"
        );
    }
}

#[tokio::test]
async fn a_successor_completed_early_from_the_completion_does_not_end_the_series() {
    let world = World::new().await;
    let rule = json!({"pattern": "weekly", "anchor": "completion"});
    let task =
        world.create(json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule})).await;
    let second = complete_at(&world, &task, "2026-06-06T08:00:00Z").await.expect("the second");
    assert_eq!(second["due_date"], "2026-06-13T09:00:00+00:00");
    // A week before it was due: a week from then is the day of the one that was just done.
    let third = complete_at(&world, &second, "2026-06-06T10:00:00Z").await.expect("the third");
    assert_eq!(third["due_date"], "2026-06-20T09:00:00+00:00");
}

#[tokio::test]
async fn a_completion_delivered_again_and_again_makes_one_successor() {
    let world = World::new().await;
    let body = json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "15m"}});
    let task = world.create(body).await;
    let first = complete_at(&world, &task, "2026-06-01T09:00:00Z").await.expect("a successor");
    for hours in 1..4 {
        world.clock.advance(std::time::Duration::from_secs(3_600 * hours));
        world.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
        deliver_again(&world).await;
        assert_eq!(successor(&world, &task).await.as_ref(), Some(&first), "unchanged");
    }
    assert_eq!(count(&world, "tasks").await, 2);
    assert_eq!(count(&world, "events WHERE event_type = 'task.created'").await, 2);
    assert_eq!(count(&world, "events WHERE event_type = 'task.completed'").await, 1);
    let history = world.get(&format!("{}/history", path_of(&first))).await.ok();
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(history["entries"][0]["actor_type"], "service");
    assert_eq!(history["entries"][0]["actor_id"], "spawn-recurrence");
    assert_eq!(
        count(&world, &format!("reminders WHERE task_id = '{}'", first["id"].as_str().expect("an id"))).await,
        1
    );
}

#[tokio::test]
async fn reopening_takes_an_untouched_successor_away_and_completing_brings_it_back() {
    let world = World::new().await;
    let body = json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "daily"},
                      "reminder_config": {"lead_time": "15m"}});
    let task = world.create(body).await;
    for minutes in 1..4 {
        let now = format!("2026-06-01T09:0{minutes}:00Z");
        let next = complete_at(&world, &task, &now).await.expect("a successor");
        assert_eq!(reminders(&world, &next).await, expected(&[("2026-06-02T08:45:00Z", "pending")]));
        let reopened = world.post(&format!("{}/reopen", path_of(&task)), Value::Null).await;
        reopened.ok();
        assert!(!reopened.headers.contains_key("kaam-successor-kept"));
        assert_eq!(successor(&world, &task).await, None);
        assert_eq!(reminders(&world, &next).await, expected(&[("2026-06-02T08:45:00Z", "cancelled")]));
        world.settle().await;
        assert_eq!(successor(&world, &task).await, None);
    }
    assert_eq!(count(&world, "tasks").await, 2);
}

#[tokio::test]
async fn reopening_before_the_events_were_delivered_leaves_no_successor() {
    let world = World::new().await;
    let task = world
        .create(json!({"title": "a", "due_date": "2026-06-01", "recurrence_rule": {"pattern": "daily"}}))
        .await;
    for action in ["complete", "reopen"] {
        world.post(&format!("{}/{action}", path_of(&task)), Value::Null).await.ok();
    }
    world.settle().await;
    deliver_again(&world).await;
    assert_eq!(count(&world, "tasks").await, 1);
}

#[tokio::test]
async fn reopening_keeps_an_edited_successor_and_says_so() {
    let world = World::new().await;
    let task = world
        .create(json!({"title": "a", "due_date": "2026-06-01", "recurrence_rule": {"pattern": "daily"}}))
        .await;
    let next = complete_at(&world, &task, "2026-06-01T09:00:00Z").await.expect("a successor");
    world.clock.advance(std::time::Duration::from_secs(1));
    world.patch(&path_of(&next), json!({"title": "b"})).await.ok();
    let path = format!("{}/reopen", path_of(&task));
    let key = [("idempotency-key", "1")];
    for _ in 0..2 {
        let reopened = world.call_with("POST", &path, &Value::Null, &key).await;
        assert_eq!(reopened.ok()["status"], "active");
        assert_eq!(reopened.headers["kaam-successor-kept"], next["id"].as_str().expect("an id"));
    }
    assert_eq!(successor(&world, &task).await.map(|kept| kept["title"].clone()), Some(json!("b")));
    // Done again, it is followed by the one that is there.
    complete_at(&world, &task, "2026-06-01T10:00:00Z").await.expect("the one that was kept");
    assert_eq!(count(&world, "tasks").await, 2);
}

#[tokio::test]
async fn moving_one_occurrence_does_not_move_the_series() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": {"pattern": "weekly"}})).await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-03T18:00:00"})).await.ok();
    let next = complete_at(&world, &task, "2026-06-03T17:00:00Z").await.expect("a successor");
    assert_eq!(next["due_date"], "2026-06-08T09:00:00+00:00");
    // Another rule counts from where the task is now.
    world.patch(&path_of(&next), json!({"due_date": "2026-06-10T10:00:00", "recurrence_rule": {"pattern": "daily", "interval": 2}})).await.ok();
    let third = complete_at(&world, &next, "2026-06-10T09:00:00Z").await.expect("a successor");
    assert_eq!(third["due_date"], "2026-06-12T10:00:00+00:00");
}

#[tokio::test]
async fn reminders_of_a_successor_belong_to_its_own_due_time() {
    let world = World::in_zone(chrono_tz::America::New_York).await;
    let body = json!({
        "title": "a", "due_date": "2026-10-31T09:00:00", "recurrence_rule": {"pattern": "daily"},
        "reminder_config": [{"lead_time": "1d"}, {"lead_time": "24h"}, {"lead_time": "15m"}, {"at": "2026-10-31T12:00:00Z"}],
    });
    let task = world.create(body).await;
    let next = complete_at(&world, &task, "2026-10-31T13:30:00Z").await.expect("a successor");
    assert_eq!(next["due_date"], "2026-11-01T09:00:00-05:00");
    // A day before is 09:00 of the day before, 24 hours before is an hour later: the clocks went back.
    let expected = expected(&[
        ("2026-10-31T13:00:00Z", "skipped"),
        ("2026-10-31T14:00:00Z", "pending"),
        ("2026-11-01T13:00:00Z", "pending"),
        ("2026-11-01T13:45:00Z", "pending"),
    ]);
    assert_eq!(reminders(&world, &next).await, expected);
}

#[tokio::test]
async fn a_relative_reminder_in_the_past_is_skipped_and_an_absolute_one_refused() {
    let world = World::new().await;
    let body = json!({"title": "a", "due_date": "2026-06-01T07:00:00Z", "reminder_config": [{"lead_time": "2h"}, {"lead_time": "1h"}]});
    let task = world.create(body).await;
    let listed = expected(&[("2026-06-01T05:00:00Z", "skipped"), ("2026-06-01T06:00:00Z", "pending")]);
    assert_eq!(reminders(&world, &task).await, listed);
    world.scan().await;
    assert_eq!(world.mails().len(), 1, "now is not the past");
    for (at, status) in [
        ("2026-06-01T05:59:59Z", StatusCode::UNPROCESSABLE_ENTITY),
        ("2026-06-01T06:00:00Z", StatusCode::OK),
        ("2026-06-01T12:00:00+05:00", StatusCode::OK),
        ("2026-06-01T07:00:01Z", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let config = json!({"reminder_config": {"at": at}, "title": "a", "due_date": "2026-06-01T07:00:00Z"});
        let answered = world.post("/api/tasks", config).await;
        assert_eq!(answered.status, status, "{at}");
        if status != StatusCode::OK {
            assert_eq!(answered.wrong_fields(), ["reminder_config.at"]);
        }
    }
    let decade =
        json!({"title": "a", "due_date": "2036-06-01", "reminder_config": {"at": "2036-05-31T00:00:00Z"}});
    world.create(decade).await;
}

#[tokio::test]
async fn moving_the_due_time_moves_relative_reminders_and_arms_again_what_was_sent() {
    let world = World::new().await;
    let body = json!({"title": "a", "due_date": "2026-06-01T09:00:00Z",
                      "reminder_config": [{"lead_time": "1h"}, {"at": "2026-06-01T08:30:00Z"}]});
    let task = world.create(body).await;
    world.patch(&path_of(&task), json!({"due_date": "2026-06-01T10:00:00Z"})).await.ok();
    let moved = expected(&[
        ("2026-06-01T08:00:00Z", "cancelled"),
        ("2026-06-01T08:30:00Z", "pending"),
        ("2026-06-01T09:00:00Z", "pending"),
    ]);
    assert_eq!(reminders(&world, &task).await, moved);
    world.advance_to("2026-06-01T09:00:00Z").await;
    assert_eq!(world.mails().len(), 2);
    world.patch(&path_of(&task), json!({"due_date": "2026-06-02T10:00:00Z"})).await.ok();
    let armed = expected(&[
        ("2026-06-01T08:00:00Z", "cancelled"),
        ("2026-06-01T08:30:00Z", "sent"),
        ("2026-06-01T09:00:00Z", "sent"),
        ("2026-06-02T09:00:00Z", "pending"),
    ]);
    assert_eq!(reminders(&world, &task).await, armed);
    // Back again, before it is due: the one that was cancelled is needed after all.
    world.patch(&path_of(&task), json!({"due_date": "2026-06-03T10:00:00Z"})).await.ok();
    world.patch(&path_of(&task), json!({"due_date": "2026-06-02T10:00:00Z"})).await.ok();
    world.advance_to("2026-06-02T12:00:00Z").await;
    assert_eq!(world.mails().len(), 3);
}

#[tokio::test]
async fn nothing_is_sent_for_a_task_that_is_done_or_gone_and_coming_back_arms_the_future_only() {
    for (away, back) in [("complete", "reopen"), ("delete", "restore")] {
        let world = World::new().await;
        let body = json!({"title": "a", "due_date": "2026-06-01T12:00:00Z",
                          "reminder_config": [{"lead_time": "4h"}, {"lead_time": "1h"}]});
        let task = world.create(body).await;
        match away {
            "delete" => world.delete(&path_of(&task)).await.ok(),
            _ => world.post(&format!("{}/{away}", path_of(&task)), Value::Null).await.ok(),
        };
        let cancelled = [("2026-06-01T08:00:00Z", "cancelled"), ("2026-06-01T11:00:00Z", "cancelled")];
        assert_eq!(reminders(&world, &task).await, expected(&cancelled));
        world.advance_to("2026-06-01T10:00:00Z").await;
        world.post(&format!("{}/{back}", path_of(&task)), Value::Null).await.ok();
        let armed = [("2026-06-01T08:00:00Z", "skipped"), ("2026-06-01T11:00:00Z", "pending")];
        assert_eq!(reminders(&world, &task).await, expected(&armed), "{back}");
        world.advance_to("2026-06-01T12:00:00Z").await;
        deliver_again(&world).await;
        world.scan().await;
        assert_eq!(world.mails().len(), 1, "one mail, however often the events come");
    }
}

#[tokio::test]
async fn a_reminder_of_a_whole_day_comes_at_the_reminder_hour_of_its_zone() {
    let world = World::new().await;
    for (zone, trigger) in [
        ("Asia/Karachi", "2026-07-01T04:00:00Z"),
        ("America/New_York", "2026-07-01T13:00:00Z"),
        ("Pacific/Pago_Pago", "2026-07-01T20:00:00Z"),
        ("Pacific/Kiritimati", "2026-06-30T19:00:00Z"),
        ("Australia/Lord_Howe", "2026-06-30T22:30:00Z"),
    ] {
        let body = json!({"title": "a", "due_date": "2026-07-01", "time_zone": zone, "reminder_config": {"lead_time": "0m"}});
        let task = world.create(body).await;
        assert_eq!(reminders(&world, &task).await, expected(&[(trigger, "pending")]), "{zone}");
    }
}

#[tokio::test]
async fn costly_rules_are_answered_in_bounded_time() {
    let world = World::new().await;
    world.clock.set("2026-06-01T12:00:00Z".parse().expect("an instant"));
    for (rule, next) in [
        (json!({"pattern": "daily"}), "2026-06-02T09:00:00+00:00"),
        (json!({"pattern": "daily", "interval": 1000}), "2028-09-06T09:00:00+00:00"),
        (
            json!({"pattern": "weekly", "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}),
            "2026-06-02T09:00:00+00:00",
        ),
        (json!({"pattern": "monthly", "interval": 7, "month_days": [-1]}), "2026-08-31T09:00:00+00:00"),
        (json!({"pattern": "yearly", "interval": 1000}), "2900-01-01T09:00:00+00:00"),
    ] {
        let task = world
            .create(json!({"title": "a", "due_date": "1900-01-01T09:00:00", "recurrence_rule": rule}))
            .await;
        let found = complete_at(&world, &task, "2026-06-01T12:00:00Z").await.expect("a successor");
        assert_eq!(found["due_date"], next, "{rule}");
        world.delete(&path_of(&found)).await.ok();
    }
    let body =
        json!({"title": "a", "due_date": "9999-12-31T09:00:00", "recurrence_rule": {"pattern": "daily"}});
    let last = world.create(body).await;
    assert_eq!(complete_at(&world, &last, "2026-06-01T12:00:00Z").await, None, "time ends");
}

#[tokio::test]
async fn ending_a_series_while_it_stands_on_a_short_month_keeps_its_day() {
    let world = World::new().await;
    let rule = json!({"pattern": "monthly"});
    let first =
        world.create(json!({"title": "a", "due_date": "2027-01-31T09:00:00", "recurrence_rule": rule})).await;
    let february = complete_at(&world, &first, "2027-01-31T09:30:00Z").await.expect("a successor");
    world.patch(&path_of(&february), json!({"recurrence_rule": {"until": "2028-12-31"}})).await.ok();
    let march = complete_at(&world, &february, "2027-02-28T09:30:00Z").await.expect("a successor");
    assert_eq!(march["due_date"], "2027-03-31T09:00:00+00:00");
    assert_eq!(march["recurrence_rule"]["until"], "2028-12-31");
}

#[tokio::test]
async fn a_series_that_gets_a_time_of_day_keeps_it() {
    let world = World::new().await;
    let rule = json!({"pattern": "weekly"});
    let task = world.create(json!({"title": "a", "due_date": "2026-06-01", "recurrence_rule": rule})).await;
    let path = format!("{}?scope=following", path_of(&task));
    world.patch(&path, json!({"due_date": "2026-06-01T17:00:00"})).await.ok();
    let next = complete_at(&world, &task, "2026-06-02T18:00:00Z").await.expect("a successor");
    assert_eq!(next["due_date"], "2026-06-08T17:00:00+00:00");
    // One alone is a matter of that one.
    world.patch(&path_of(&next), json!({"due_date": "2026-06-09"})).await.ok();
    let last = complete_at(&world, &next, "2026-06-09T18:00:00Z").await.expect("a successor");
    assert_eq!(last["due_date"], "2026-06-15T17:00:00+00:00");
}

#[tokio::test]
async fn a_patch_merges_into_the_objects_that_are_there() {
    let world = World::new().await;
    let rule = json!({"pattern": "weekly", "weekdays": ["mon"], "count": 5});
    let reminder = json!({"lead_time": "15m", "delivery_method": "push"});
    let body = json!({"title": "a", "due_date": "2026-06-08T09:00:00", "recurrence_rule": rule, "reminder_config": reminder});
    let task = world.create(body).await;
    let patch = json!({"recurrence_rule": {"interval": 2}, "reminder_config": {"lead_time": "1h"}});
    let patched = world.patch(&path_of(&task), patch).await.ok();
    assert_eq!(patched["recurrence_rule"]["rrule"], "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=5");
    assert_eq!(patched["reminder_config"], json!({"lead_time": "1h", "delivery_method": "push"}));
}

#[tokio::test]
async fn an_untouched_successor_disappears_also_after_its_user_moved() {
    let world = World::new().await;
    let rule = json!({"pattern": "daily"});
    let task =
        world.create(json!({"title": "a", "due_date": "2026-06-01T09:00:00", "recurrence_rule": rule})).await;
    let next = complete_at(&world, &task, "2026-06-01T09:30:00Z").await.expect("a successor");
    world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
    let moved = world.get(&path_of(&next)).await.ok();
    assert_eq!(moved["due_date"], "2026-06-02T09:00:00+05:00");
    world.post(&format!("{}/reopen", path_of(&task)), Value::Null).await.ok();
    assert_eq!(successor(&world, &task).await, None);
}
