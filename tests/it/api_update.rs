//! Changing a task: patches, completing, reopening, deleting, restoring; and what is told of it afterwards.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::bus::record;
use tests::database::{count, execute};
use tests::world::{World, path_of};

#[tokio::test]
async fn an_instant_that_is_given_with_another_zone_stays_that_instant() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a", "due_date": "2026-06-10T09:00:00"})).await;
    let patch = json!({"time_zone": "Asia/Karachi", "due_date": "2026-06-10T14:00:00+05:00"});
    let moved = world.patch(&path_of(&task), patch).await.ok();
    assert_eq!(moved["due_date"], "2026-06-10T14:00:00+05:00");
    let zone_alone = world.patch(&path_of(&task), json!({"time_zone": "UTC"})).await.ok();
    assert_eq!(zone_alone["due_date"], "2026-06-10T14:00:00+00:00", "a zone alone keeps the wall time");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_clears() {
    let world = World::new().await;
    let body = json!({
        "title": "a", "description": "d", "due_date": "2027-01-10T12:00:00Z", "time_zone": "Asia/Karachi", "priority": "high",
        "tags": ["t"], "reminder_config": {"lead_time": "15m", "delivery_method": "email"},
        "recurrence_rule": {"pattern": "daily"},
    });
    let task = world.create(body).await;
    let path = path_of(&task);
    let mut expected = task.clone();
    for (version, (field, given, shown)) in (2..).zip([
        ("title", json!(" b "), json!("b")),
        ("description", Value::Null, Value::Null),
        ("priority", Value::Null, json!("medium")),
        ("priority", json!("low"), json!("low")),
        ("tags", Value::Null, json!([])),
        ("tags", json!(["x", "y"]), json!(["x", "y"])),
        ("recurrence_rule", Value::Null, Value::Null),
        ("reminder_config", Value::Null, Value::Null),
        ("due_date", Value::Null, Value::Null),
        ("time_zone", Value::Null, json!("UTC")),
        ("due_date", json!("2027-02-01"), json!("2027-02-01")),
    ]) {
        let mut patch = json!({});
        patch[field] = given;
        let patched = world.patch(&path, patch).await;
        expected[field] = shown;
        expected["version"] = json!(version);
        expected["all_day"] = json!(expected["due_date"] == "2027-02-01");
        if field == "reminder_config" {
            expected["reminder_id"] = Value::Null;
        }
        assert_eq!(patched.ok(), expected, "{field}");
        assert_eq!(patched.headers[header::ETAG], format!("\"{version}\""));
        assert_eq!(world.get(&path).await.ok(), expected);
    }
}

#[tokio::test]
async fn a_patch_with_another_zone_keeps_the_wall_time() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let path = path_of(&world.create(json!({"title": "a", "due_date": "2027-07-10T09:00:00"})).await);
    for (patch, due) in [
        (json!({"time_zone": "America/New_York"}), "2027-07-10T09:00:00-04:00"),
        (json!({"time_zone": null}), "2027-07-10T09:00:00+05:00"),
        (
            json!({"time_zone": "Europe/London", "due_date": "2027-07-10T09:00:00Z"}),
            "2027-07-10T10:00:00+01:00",
        ),
        (json!({"title": "b"}), "2027-07-10T10:00:00+01:00"),
    ] {
        assert_eq!(world.patch(&path, patch).await.ok()["due_date"], due);
    }
}

#[tokio::test]
async fn a_patch_that_can_not_be_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let body = json!({
        "title": "a", "due_date": "2027-01-10", "reminder_config": {"lead_time": "1d"}, "recurrence_rule": {"pattern": "daily"},
    });
    let task = world.create(body).await;
    for (patch, fields) in [
        (json!({"title": null}), &["title"][..]),
        (json!({"title": "\u{200b}"}), &["title"]),
        (json!({"due_date": null}), &["recurrence_rule", "reminder_config"]),
        (json!({"due_date": 5, "priority": "x", "colour": "red"}), &["colour", "due_date", "priority"]),
        (json!({"reminder_config": {"at": "2020-01-01T00:00:00Z"}}), &["reminder_config.at"]),
        (json!({"reminder_config": {"at": "2028-01-01T00:00:00Z"}}), &["reminder_config.at"]),
        (json!({"recurrence_rule": {"pattern": "daily", "until": "2027-01-09"}}), &["recurrence_rule.until"]),
        (json!({"recurrence_rule": {"pattern": "daily", "interval": 1.5}}), &["recurrence_rule.interval"]),
    ] {
        let answered = world.patch(&path_of(&task), patch.clone()).await;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{patch}");
        assert_eq!(answered.wrong_fields(), fields, "{patch}");
    }
    for field in [
        "id",
        "user_id",
        "status",
        "version",
        "created_at",
        "updated_at",
        "completed_at",
        "reminder_id",
        "parent_task_id",
        "all_day",
    ] {
        let mut patch = json!({});
        patch[field] = task[field].clone();
        assert_eq!(world.patch(&path_of(&task), patch).await.wrong_fields(), [field], "what is read-only");
    }
    assert_eq!(world.get(&path_of(&task)).await.ok(), task);
    assert_eq!(count(&world, "events").await, 1);
}

#[tokio::test]
async fn a_patch_has_two_content_types() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    for (kind, status) in [
        ("application/merge-patch+json", 200),
        ("application/json", 200),
        ("application/merge-patch+json; charset=utf-8", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ] {
        let request = Request::patch(&path).header(header::CONTENT_TYPE, kind);
        let request = request.body(Body::from(json!({"title": kind}).to_string())).expect("a request");
        assert_eq!(world.send(request).await.status, status, "{kind}");
    }
}

#[tokio::test]
async fn if_match_lets_only_the_named_version_be_changed() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    world.patch(&path, json!({"title": "b"})).await.ok();
    let complete = format!("{path}/complete");
    let change = json!({"title": "c"});
    for (method, path, body) in [
        ("PATCH", path.as_str(), &change),
        ("POST", complete.as_str(), &Value::Null),
        ("DELETE", path.as_str(), &Value::Null),
    ] {
        for (expected, status) in [
            ("\"1\"", 412),
            ("\"3\"", 412),
            ("\"-2\"", 412),
            ("\"99999999999999999999\"", 412),
            ("W/\"2\"", 412),
            ("2", 400),
            ("", 400),
        ] {
            let answered = world.call_with(method, path, body, &[("if-match", expected)]).await;
            assert_eq!(answered.status, status, "{method} {expected}");
        }
    }
    for (expected, version) in [("\"2\"", "\"3\""), ("\"1\", \"3\"", "\"4\""), ("*", "\"5\"")] {
        let body = json!({"title": version});
        let answered = world.call_with("PATCH", &path, &body, &[("if-match", expected)]).await;
        answered.ok();
        assert_eq!(answered.headers[header::ETAG], version);
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_neither_version_nor_event() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let body = json!({
        "title": "a", "description": "d", "due_date": "2027-01-10T12:00:00", "priority": "high", "tags": ["t"],
        "reminder_config": {"at": "2026-06-01T07:00:00Z", "delivery_method": "email"},
        "recurrence_rule": {"pattern": "daily"},
    });
    let task = world.create(body).await;
    world.advance_to("2026-06-02T00:00:00Z").await;
    let events = count(&world, "events WHERE topic_name = 'task-events'").await;
    let mut whole = json!({});
    for field in application::input::FIELDS.into_iter().filter(|field| *field != "time_zone") {
        whole[field] = task[field].clone();
    }
    for patch in [json!({}), whole] {
        let patched = world.patch(&path_of(&task), patch).await.ok();
        assert_eq!((&patched["version"], &patched["updated_at"]), (&task["version"], &task["updated_at"]));
    }
    assert_eq!(count(&world, "events WHERE topic_name = 'task-events'").await, events);
}

#[tokio::test]
async fn concurrent_edits_of_different_fields_all_survive() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    let patches = [
        json!({"title": "b"}),
        json!({"description": "d"}),
        json!({"due_date": "2027-01-10"}),
        json!({"time_zone": "Asia/Karachi"}),
        json!({"priority": "high"}),
        json!({"tags": ["t"]}),
        json!({"reminder_config": {"at": "2026-07-01T00:00:00Z", "delivery_method": "email"}}),
    ];
    // Beside each other, and beside others that write the same field again and again.
    let noise = (0..13).map(|n| json!({"description": n.to_string()}));
    let all: Vec<_> = patches.iter().cloned().chain(noise).collect();
    let answered = join_all(all.iter().map(|patch| world.patch(&path, patch.clone()))).await;
    let mut versions: Vec<_> = answered.iter().map(|one| one.ok()["version"].as_i64()).collect();
    versions.sort();
    assert_eq!(versions, (2..=21).map(Some).collect::<Vec<_>>(), "each made a version of its own");
    let task = world.get(&path).await.ok();
    for patch in patches.iter().filter(|patch| patch.get("description").is_none()) {
        for (field, value) in patch.as_object().expect("an object") {
            assert_eq!(&task[field], value);
        }
    }
    assert_eq!(count(&world, "events WHERE event_type = 'task.updated'").await, 20);
}

#[tokio::test]
async fn of_concurrent_edits_with_the_same_if_match_one_wins() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    let edits: Vec<_> = (0..10).map(|n| json!({"title": n.to_string()})).collect();
    let headers = [("if-match", "\"1\"")];
    let answered = join_all(edits.iter().map(|edit| world.call_with("PATCH", &path, edit, &headers))).await;
    let count = |status: u16| answered.iter().filter(|one| one.status == status).count();
    assert_eq!((count(200), count(412)), (1, 9));
}

#[tokio::test]
async fn of_a_thousand_edits_twenty_at_once_none_is_lost_and_none_is_made_over_another() {
    const AT_ONCE: u32 = 20;
    const ROUNDS: u32 = 50;
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "0"})).await);
    for round in 0..ROUNDS {
        let task = world.get(&path).await.ok();
        assert_eq!(task["title"], round.to_string(), "each round goes on from the one before");
        // What all of them read, and one more.
        let edit = json!({"title": (round + 1).to_string()});
        let version = format!("\"{}\"", task["version"]);
        let headers = [("if-match", version.as_str())];
        let edits = (0..AT_ONCE).map(|_| world.call_with("PATCH", &path, &edit, &headers));
        let answered = join_all(edits).await;
        let mut statuses: Vec<_> = answered.iter().map(|one| one.status.as_u16()).collect();
        statuses.sort();
        assert_eq!((statuses[0], &statuses[1..]), (200, &[412; AT_ONCE as usize - 1][..]), "{round}");
    }
    assert_eq!(world.get(&path).await.ok()["version"], ROUNDS + 1);
    assert_eq!(count(&world, "events WHERE event_type = 'task.updated'").await, i64::from(ROUNDS));
}

#[tokio::test]
async fn doing_it_twice_is_the_same_as_once() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    let act = async |action: &str| match action {
        "delete" => world.delete(&path).await,
        _ => world.post(&format!("{path}/{action}"), Value::Null).await,
    };
    for (action, event, status, version) in [
        ("reopen", None, "active", 1),
        ("restore", None, "active", 1),
        ("complete", Some("task.completed"), "completed", 2),
        ("delete", Some("task.deleted"), "deleted", 3),
        ("restore", Some("task.restored"), "completed", 4),
        ("reopen", Some("task.reopened"), "active", 5),
        ("delete", Some("task.deleted"), "deleted", 6),
        ("restore", Some("task.restored"), "active", 7),
    ] {
        world.clock.advance(std::time::Duration::from_secs(60));
        let before = count(&world, "events").await;
        let (first, second) = (act(action).await, act(action).await);
        assert_eq!(first.ok(), second.ok(), "{action}");
        assert_eq!(count(&world, "events").await - before, i64::from(event.is_some()), "{action}");
        let task = world.get(&path).await.ok();
        assert_eq!((&task["status"], &task["version"]), (&json!(status), &json!(version)), "{action}");
        if let Some(event) = event {
            let events =
                format!("events WHERE event_type = '{event}' AND payload->'task'->>'version' = '{version}'");
            assert_eq!(count(&world, &events).await, 1);
        }
        match action {
            "delete" => assert_eq!(first.json(), json!({"status": "deleted", "task_id": task["id"]})),
            _ => assert_eq!(first.json(), task),
        }
    }
}

#[tokio::test]
async fn completing_says_when_and_reopening_forgets_it() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    world.advance_to("2026-06-01T07:00:00.5Z").await;
    let done = world.post(&format!("{path}/complete"), Value::Null).await.ok();
    assert_eq!(done["completed_at"], "2026-06-01T07:00:00.500Z");
    assert_eq!(done["updated_at"], done["completed_at"]);
    let open = world.post(&format!("{path}/reopen"), json!({})).await.ok();
    assert_eq!((&open["completed_at"], &open["status"]), (&Value::Null, &json!("active")));
}

#[tokio::test]
async fn a_deleted_task_is_still_there_and_must_be_restored_before_it_is_changed() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    world.delete(&path).await.ok();
    assert_eq!(world.get(&path).await.ok()["status"], "deleted");
    assert_eq!(world.patch(&path, json!({"title": "b"})).await.status, StatusCode::CONFLICT);
    for action in ["complete", "reopen"] {
        let answered = world.post(&format!("{path}/{action}"), Value::Null).await;
        assert_eq!(answered.status, StatusCode::CONFLICT, "{action}");
        assert!(answered.json()["detail"].as_str().is_some_and(|detail| detail.contains("restore")));
    }
    world.post(&format!("{path}/restore"), Value::Null).await.ok();
    assert_eq!(world.patch(&path, json!({"title": "b"})).await.ok()["title"], "b");
}

#[tokio::test]
async fn the_history_is_whole_between_the_bus_and_the_audit_log() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let path = path_of(&task);
    for title in ["b", "c"] {
        world.patch(&path, json!({"title": title})).await.ok();
    }
    world.create(json!({"title": "another, whose events do not show"})).await;
    let history = async || world.get(&format!("{path}/history")).await.ok()["entries"].clone();
    let whole = history().await;
    assert_eq!(whole.as_array().map(Vec::len), Some(3));
    let published = record(&world).await.taken();
    assert_eq!(count(&world, "events WHERE status <> 'processed'").await, 0);
    assert_eq!(history().await, whole, "nothing is audited yet");
    let is_of_task = |event: &&Value| {
        event["data"]["topic_name"] == "task-events" && event["data"]["payload"]["task"]["id"] == task["id"]
    };
    let ours: Vec<_> = published.iter().filter(is_of_task).collect();
    assert_eq!(ours.len(), 3, "{published:#?}");
    // As after a replay of what was parked: a later one is audited before an earlier one.
    for position in [2, 0, 1] {
        world.deliver("write-audit", std::slice::from_ref(ours[position])).await;
        assert_eq!(history().await, whole, "{position} is audited");
    }
    execute(&world, "UPDATE events SET status = 'failed' WHERE event_type = 'task.updated'").await;
    execute(&world, "DELETE FROM audit_logs").await;
    assert_eq!(history().await, whole, "dead letters are changes as well");
}

#[tokio::test]
async fn the_history_has_every_change_once_before_and_after_the_events_were_delivered() {
    let world = World::new().await;
    let headers = [("x-user-id", "amna"), ("x-correlation-id", "order 66")];
    let body = json!({"title": "a", "tags": ["t"]});
    let task = world.call_with("POST", "/api/tasks", &body, &headers).await.ok();
    let path = path_of(&task);
    let call = async |method: &str, path: &str, body: Value| {
        world.clock.advance(std::time::Duration::from_secs(1));
        world.call_with(method, path, &body, &headers).await.ok()
    };
    let check = async || {
        let history = call("GET", &format!("{path}/history"), Value::Null).await;
        history["entries"].as_array().expect("a list").clone()
    };
    let mut expected = vec![("task.created", Value::Null, json!({"title": "a", "tags": ["t"]}))];
    for (method, suffix, body, action, old, new) in [
        ("PATCH", "", json!({"title": "b"}), "task.updated", json!({"title": "a"}), json!({"title": "b"})),
        (
            "PATCH",
            "",
            json!({"due_date": "2027-01-10", "tags": null}),
            "task.updated",
            json!({"due_date": null, "all_day": false, "tags": ["t"]}),
            json!({"due_date": "2027-01-10", "all_day": true, "tags": []}),
        ),
        ("PATCH", "", json!({"title": "b"}), "", Value::Null, Value::Null),
        (
            "POST",
            "/complete",
            Value::Null,
            "task.completed",
            json!({"status": "active"}),
            json!({"status": "completed"}),
        ),
        ("POST", "/complete", Value::Null, "", Value::Null, Value::Null),
        (
            "POST",
            "/reopen",
            Value::Null,
            "task.reopened",
            json!({"status": "completed"}),
            json!({"status": "active"}),
        ),
        (
            "DELETE",
            "",
            Value::Null,
            "task.deleted",
            json!({"status": "active"}),
            json!({"status": "deleted"}),
        ),
        (
            "POST",
            "/restore",
            Value::Null,
            "task.restored",
            json!({"status": "deleted"}),
            json!({"status": "active"}),
        ),
    ] {
        call(method, &format!("{path}{suffix}"), body).await;
        if !action.is_empty() {
            expected.push((action, old, new));
        }
        let before = check().await;
        // Some entries come from the log, the newest is still on its way.
        if expected.len() % 2 == 0 {
            world.settle().await;
            assert_eq!(check().await, before, "delivery changes nothing");
        }
        let actions: Vec<_> = before.iter().map(|entry| entry["action"].as_str().expect("a text")).collect();
        assert_eq!(actions, expected.iter().map(|one| one.0).collect::<Vec<_>>());
    }
    for (entry, (action, old, new)) in check().await.iter().zip(&expected) {
        assert_eq!((&entry["actor_type"], &entry["actor_id"]), (&json!("user"), &json!("amna")));
        assert_eq!(entry["correlation_id"], "order 66");
        assert!(entry["timestamp"].as_str().is_some_and(|at| at.starts_with("2026-06-01T06:00:")));
        for (side, values) in [("old_values", old), ("new_values", new)] {
            for (field, value) in values.as_object().into_iter().flatten() {
                assert_eq!(&entry[side][field], value, "{action} {side} {field}");
            }
        }
        let changed = entry["new_values"].as_object().expect("an object").len();
        match *action {
            "task.created" => {
                assert_eq!(entry["old_values"], Value::Null);
                assert_eq!(entry["new_values"]["id"], task["id"]);
            }
            "task.updated" => {
                assert_eq!(changed, new.as_object().expect("an object").len(), "only what changed")
            }
            _ => assert!((1..=2).contains(&changed), "{entry}"),
        }
    }
    world.settle().await;
    assert_eq!(count(&world, "audit_logs WHERE entity_type = 'task'").await, 7);
}

#[tokio::test]
async fn the_reminders_of_a_task_are_listed_by_time_with_their_state() {
    let world = World::new().await;
    let body = json!({
        "title": "a", "due_date": "2026-06-01T12:00:00Z",
        "reminder_config": [{"lead_time": "15m"}, {"lead_time": "2h", "destination": "amna@example.org"}, {"lead_time": "1d"},
                            {"at": "2026-06-01T11:00:00Z", "delivery_method": "push"}],
    });
    let task = world.create(body).await;
    let listed = world.get(&format!("{}/reminders", path_of(&task))).await.ok();
    let reminders = listed["reminders"].as_array().expect("a list");
    let shown: Vec<_> = reminders
        .iter()
        .map(|one| {
            ["trigger_time", "status", "delivery_method"].map(|field| one[field].as_str().expect("a text"))
        })
        .collect();
    let expected = [
        ["2026-05-31T12:00:00Z", "skipped", "email"],
        ["2026-06-01T10:00:00Z", "pending", "email"],
        ["2026-06-01T11:00:00Z", "pending", "push"],
        ["2026-06-01T11:45:00Z", "pending", "email"],
    ];
    assert_eq!(shown, expected);
    assert_eq!(task["reminder_id"], reminders[1]["id"]);
    assert_eq!(reminders[1]["destination"], "amna@example.org");
    assert!(reminders.iter().all(|one| one["attempts"] == json!([]) && one["task_id"] == task["id"]));
    world.advance_to("2026-06-01T10:00:00Z").await;
    let listed = world.get(&format!("{}/reminders", path_of(&task))).await.ok();
    let sent = &listed["reminders"][1];
    assert_eq!((&sent["status"], &sent["sent_at"]), (&json!("sent"), &json!("2026-06-01T10:00:00Z")));
    assert_eq!(sent["attempts"][0]["lateness_ms"], 0);
    assert_eq!(sent["attempts"][0]["outcome"], "sent");
    assert_eq!(world.mails().len(), 1);
    assert_eq!(world.get(&path_of(&task)).await.ok()["reminder_id"], listed["reminders"][2]["id"]);
    let none = world.create(json!({"title": "b"})).await;
    assert_eq!(world.get(&format!("{}/reminders", path_of(&none))).await.ok(), json!({"reminders": []}));
}

#[tokio::test]
async fn the_occurrences_begin_with_the_task_itself_whatever_the_time_is() {
    let world = World::in_zone(chrono_tz::America::New_York).await;
    for (due, rule, expected) in [
        (
            "2026-10-31T09:00:00",
            json!({"pattern": "daily"}),
            &["2026-10-31T09:00:00-04:00", "2026-11-01T09:00:00-05:00"][..],
        ),
        (
            "2027-03-13T02:30:00",
            json!({"pattern": "daily"}),
            &["2027-03-13T02:30:00-05:00", "2027-03-14T03:30:00-04:00", "2027-03-15T02:30:00-04:00"],
        ),
        (
            "1990-01-31",
            json!({"pattern": "monthly"}),
            &["1990-01-31", "1990-02-28", "1990-03-31", "1990-04-30"],
        ),
        (
            "2024-02-29",
            json!({"pattern": "yearly"}),
            &["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
        ),
        (
            "2026-06-01",
            json!({"pattern": "weekly", "weekdays": ["wed", "mon"], "until": "2026-06-08"}),
            &["2026-06-01", "2026-06-03", "2026-06-08"],
        ),
        (
            "2026-06-01",
            json!({"pattern": "daily", "interval": 10, "count": 2}),
            &["2026-06-01", "2026-06-11"],
        ),
        ("2026-06-01", Value::Null, &["2026-06-01"]),
    ] {
        let task = world.create(json!({"title": "a", "due_date": due, "recurrence_rule": rule})).await;
        let path = format!("{}/occurrences", path_of(&task));
        let expected: Vec<_> = expected.iter().map(|due| json!({"due_date": due})).collect();
        let limit = if rule["count"].is_null() && rule["until"].is_null() { expected.len() } else { 10 };
        let found = world.get(&format!("{path}?limit={limit}")).await.ok();
        assert_eq!(found["occurrences"], json!(expected), "{rule}");
    }
    let none = world.create(json!({"title": "a"})).await;
    assert_eq!(world.get(&format!("{}/occurrences", path_of(&none))).await.ok(), json!({"occurrences": []}));
}

#[tokio::test]
async fn the_number_of_occurrences_is_bounded() {
    let world = World::new().await;
    let task = world
        .create(json!({"title": "a", "due_date": "1900-01-01", "recurrence_rule": {"pattern": "daily"}}))
        .await;
    let path = format!("{}/occurrences", path_of(&task));
    let count = async |query: &str| {
        let found = world.get(&format!("{path}{query}")).await;
        match found.status.as_u16() {
            200 => found.json()["occurrences"].as_array().expect("a list").len(),
            status => status.into(),
        }
    };
    for (query, expected) in [
        ("", 10),
        ("?limit=1", 1),
        ("?limit=1000", 1_000),
        ("?limit=1001", 400),
        ("?limit=0", 400),
        ("?limit=-1", 400),
        ("?limit=ten", 400),
        ("?limit=5&limit=6", 400),
        ("?count=5", 400),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
}
