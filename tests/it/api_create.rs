//! `POST /api/tasks`, and `GET /api/tasks/{id}`.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{START, World, path_of};

#[tokio::test]
async fn the_example_of_the_contract_creates_a_task_that_is_found_again() {
    let world = World::new().await;
    let body = json!({
        "title": "buy milk", "description": "two litres", "due_date": "2027-01-10T12:00:00+05:00", "priority": "high",
        "tags": ["home", "shop"], "reminder_config": {"lead_time": "15m", "delivery_method": "email"},
    });
    let created = world.post("/api/tasks", body).await;
    let task = created.ok();
    let id = task["id"].as_str().expect("an id");
    assert_eq!(created.headers[header::LOCATION], format!("/api/tasks/{id}"));
    assert_eq!(created.headers[header::ETAG], "\"1\"");
    assert_eq!(created.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(id.as_bytes()[14], b'7', "a UUIDv7");
    assert_eq!(task["due_date"], "2027-01-10T07:00:00+00:00");
    assert!(task["reminder_id"].is_string());
    let found = world.get(&format!("/api/tasks/{id}")).await;
    assert_eq!(found.ok(), task);
    assert_eq!(found.headers[header::ETAG], "\"1\"");
    assert_eq!(count(&world, "events WHERE event_type = 'task.created'").await, 1);
}

#[tokio::test]
async fn a_task_with_a_title_alone_has_the_defaults_of_the_contract() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    for path in ["/api/tasks", "/api/tasks/"] {
        let task = world.post(path, json!({"title": "  buy milk\n"})).await.ok();
        let expected = json!({
            "id": task["id"], "user_id": "local", "title": "buy milk", "description": null, "due_date": null,
            "all_day": false, "time_zone": "Asia/Karachi", "priority": "medium", "tags": [], "status": "active",
            "reminder_config": null, "recurrence_rule": null, "reminder_id": null, "snoozed_until": null, "parent_task_id": null,
            "created_at": START, "updated_at": START, "completed_at": null, "version": 1,
        });
        assert_eq!(task, expected);
    }
}

#[tokio::test]
async fn a_null_field_is_the_same_as_an_absent_one() {
    let world = World::new().await;
    let nulls = json!({
        "title": "a", "description": null, "due_date": null, "time_zone": null, "priority": null, "tags": null,
        "reminder_config": null, "recurrence_rule": null, "user_id": null,
    });
    let (mut with, without) = (world.create(nulls).await, world.create(json!({"title": "a"})).await);
    with["id"] = without["id"].clone();
    assert_eq!(with, without);
}

#[tokio::test]
async fn every_field_comes_back_as_it_was_sent() {
    let world = World::new().await;
    for (field, value) in [
        ("description", json!("")),
        ("description", json!("x".repeat(10_000))),
        ("priority", json!("low")),
        ("tags", json!(["گھر", "a b", "#1"])),
        ("time_zone", json!("Asia/Kathmandu")),
        ("due_date", json!("2027-09-05")),
        ("reminder_config", json!({"lead_time": "0m", "delivery_method": "push"})),
        (
            "reminder_config",
            json!([{"lead_time": "1w", "delivery_method": "email", "destination": "amna@example.org"},
                   {"at": "2026-12-31T23:59:59Z", "delivery_method": "email"}]),
        ),
        (
            "recurrence_rule",
            json!({"pattern": "weekly", "interval": 2, "weekdays": ["mon", "fri"], "count": 5, "anchor": "completion",
                   "catch_up": true, "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=5"}),
        ),
        (
            "recurrence_rule",
            json!({"pattern": "monthly", "interval": 1, "month_days": [-1, 15], "until": "2028-12-31", "anchor": "due",
                   "catch_up": false, "rrule": "FREQ=MONTHLY;BYMONTHDAY=-1,15;UNTIL=20281231"}),
        ),
    ] {
        let mut body = json!({"title": "a", "due_date": "2027-01-10T12:00:00"});
        body[field] = value.clone();
        let task = world.create(body).await;
        assert_eq!(task[field], value);
        let found = world.get(&path_of(&task)).await.ok();
        assert_eq!(found, task);
    }
}

#[tokio::test]
async fn a_due_time_is_an_instant_or_a_wall_time_and_is_shown_in_its_zone() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    for (due, zone, shown) in [
        ("2027-01-10T12:00:00Z", None, "2027-01-10T17:00:00+05:00"),
        ("2027-01-10T12:00:00+14:00", None, "2027-01-10T03:00:00+05:00"),
        ("2027-01-10T12:00:00-12:00", None, "2027-01-11T05:00:00+05:00"),
        ("2027-01-10T12:00:00", None, "2027-01-10T12:00:00+05:00"),
        ("2027-01-10T12:00", None, "2027-01-10T12:00:00+05:00"),
        ("2027-01-10T12:00:00.123456", None, "2027-01-10T12:00:00.123456+05:00"),
        ("2027-07-10T12:00:00", Some("America/New_York"), "2027-07-10T12:00:00-04:00"),
        ("2027-07-10T12:00:00Z", Some("America/New_York"), "2027-07-10T08:00:00-04:00"),
        ("2027-07-10T12:00:00", Some("Asia/Kathmandu"), "2027-07-10T12:00:00+05:45"),
        ("1999-12-31T23:59:59", None, "1999-12-31T23:59:59+05:00"),
    ] {
        let task = world.create(json!({"title": "a", "due_date": due, "time_zone": zone})).await;
        assert_eq!(task["due_date"], shown, "{due} {zone:?}");
        assert_eq!(task["all_day"], false);
        let again = world.create(json!({"title": "a", "due_date": shown, "time_zone": zone})).await;
        assert_eq!(again["due_date"], shown, "what is shown means the same again");
    }
}

#[tokio::test]
async fn a_date_is_the_same_date_in_every_zone() {
    let world = World::new().await;
    for zone in [
        "Pacific/Pago_Pago",
        "Pacific/Honolulu",
        "America/Santiago",
        "America/New_York",
        "UTC",
        "Europe/London",
        "Africa/Cairo",
        "Asia/Karachi",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
    ] {
        for date in ["2026-09-06", "2027-09-05", "2024-02-29", "2011-12-30", "0001-01-01", "9999-12-31"] {
            let task = world.create(json!({"title": "a", "due_date": date, "time_zone": zone})).await;
            assert_eq!((&task["due_date"], &task["all_day"]), (&json!(date), &json!(true)), "{zone}");
            let found = world.get(&path_of(&task)).await.ok();
            assert_eq!(found, task);
        }
    }
}

#[tokio::test]
async fn a_wall_time_in_a_gap_moves_forward_and_one_in_a_fold_is_the_first() {
    let world = World::new().await;
    for (zone, wall, shown) in [
        // Gaps: an hour, half an hour, a midnight, a whole day.
        ("America/New_York", "2027-03-14T02:30:00", "2027-03-14T03:30:00-04:00"),
        ("Europe/London", "2027-03-28T01:00:00", "2027-03-28T02:00:00+01:00"),
        ("Europe/Berlin", "2027-03-28T02:59:59", "2027-03-28T03:59:59+02:00"),
        ("America/Santiago", "2027-09-05T00:15:00", "2027-09-05T01:15:00-03:00"),
        ("Australia/Lord_Howe", "2027-10-03T02:10:00", "2027-10-03T02:40:00+11:00"),
        ("Africa/Cairo", "2027-04-30T00:00:00", "2027-04-30T01:00:00+03:00"),
        ("Asia/Beirut", "2027-03-28T00:30:00", "2027-03-28T01:30:00+03:00"),
        ("Pacific/Auckland", "2027-09-26T02:30:00", "2027-09-26T03:30:00+13:00"),
        ("Pacific/Apia", "2011-12-30T09:00:00", "2011-12-31T09:00:00+14:00"),
        // Folds.
        ("America/New_York", "2027-11-07T01:30:00", "2027-11-07T01:30:00-04:00"),
        ("Europe/London", "2027-10-31T01:30:00", "2027-10-31T01:30:00+01:00"),
        ("America/Santiago", "2027-04-03T23:30:00", "2027-04-03T23:30:00-03:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:45:00", "2027-04-04T01:45:00+11:00"),
        ("Africa/Cairo", "2027-10-28T23:30:00", "2027-10-28T23:30:00+03:00"),
        // The second pass is said with its offset, and stays.
        ("America/New_York", "2027-11-07T01:30:00-05:00", "2027-11-07T01:30:00-05:00"),
        ("Asia/Kathmandu", "2027-03-14T02:30:00", "2027-03-14T02:30:00+05:45"),
        ("Asia/Karachi", "2027-03-14T02:30:00", "2027-03-14T02:30:00+05:00"),
    ] {
        let task = world.create(json!({"title": "a", "due_date": wall, "time_zone": zone})).await;
        assert_eq!(task["due_date"], shown, "{zone} {wall}");
        let path = path_of(&task);
        let patched = world.patch(&path, json!({"title": "b", "due_date": shown})).await.ok();
        assert_eq!(patched["due_date"], shown, "{zone} {wall} read again");
    }
}

#[tokio::test]
async fn text_is_stored_as_it_was_sent() {
    let world = World::new().await;
    for text in [
        "caf\u{e9}",
        "cafe\u{301}",
        "کل شام پانچ بجے دودھ لانا، یاد دلانا۔",
        "ي and ك, ی and ک",
        "می\u{200c}خواهم \u{202e}abc\u{202c} ۵٥5",
        "👩\u{200d}👩\u{200d}👧 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "<script>alert(1)</script> '; DROP TABLE tasks; -- \\ \" % _",
        "line\r\nline\ttab",
    ] {
        let body =
            json!({"title": text, "description": text, "tags": [text.chars().take(64).collect::<String>()]});
        let task = world.create(body.clone()).await;
        for field in ["title", "description", "tags"] {
            assert_eq!(task[field], body[field]);
        }
        let found = world.get(&path_of(&task)).await.ok();
        assert_eq!(found, task);
    }
}

#[tokio::test]
async fn the_longest_values_are_counted_in_code_points() {
    let world = World::new().await;
    let emoji = |count: usize| "🎉".repeat(count);
    for (body, status) in [
        (json!({"title": emoji(500)}), 200),
        (json!({"title": emoji(501)}), 422),
        (json!({"title": format!("  {}  ", emoji(500))}), 200),
        (json!({"title": "a", "description": emoji(10_000)}), 200),
        (json!({"title": "a", "description": emoji(10_001)}), 422),
        (json!({"title": "a", "tags": [emoji(64)]}), 200),
        (json!({"title": "a", "tags": [emoji(65)]}), 422),
        (json!({"title": "a", "tags": (0..32).map(|n| n.to_string()).collect::<Vec<_>>()}), 200),
        (json!({"title": "a", "tags": (0..33).map(|n| n.to_string()).collect::<Vec<_>>()}), 422),
    ] {
        let answered = world.post("/api/tasks", body).await;
        assert_eq!(answered.status, status, "{}", String::from_utf8_lossy(&answered.bytes));
    }
}

#[tokio::test]
async fn a_tag_given_twice_is_kept_once() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a", "tags": ["b", " a ", "a", "b"]})).await;
    assert_eq!(task["tags"], json!(["b", "a"]));
}

#[tokio::test]
async fn the_body_or_the_header_says_who_asks_and_they_must_agree() {
    let world = World::new().await;
    for (header, body, user) in [
        (None, None, Ok("local")),
        (None, Some("bilal"), Ok("bilal")),
        (Some("amna"), None, Ok("amna")),
        (Some("amna"), Some("amna"), Ok("amna")),
        (Some("amna"), Some("bilal"), Err(403)),
        (None, Some(""), Err(422)),
        (Some(""), None, Err(400)),
    ] {
        let mut sent = json!({"title": "a"});
        sent["user_id"] = body.map_or(Value::Null, Value::from);
        let headers: Vec<_> = header.iter().map(|user| ("x-user-id", *user)).collect();
        let answered = world.call_with("POST", "/api/tasks", &sent, &headers).await;
        match user {
            Ok(user) => assert_eq!(answered.ok()["user_id"], user),
            Err(status) => assert_eq!(answered.status, status, "{header:?} {body:?}"),
        }
    }
    assert_eq!(count(&world, "tasks").await, 4);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_nothing_is_written() {
    let world = World::new().await;
    let body = json!({
        "description": 1, "due_date": "tomorrow", "time_zone": "Karachi", "priority": "urgent", "tags": ["a", "", 3],
        "reminder_config": [{"lead_time": "soon"}, {"at": "08:00", "delivery_method": "pigeon"}],
        "recurrence_rule": {"pattern": "weekly", "interval": 0, "count": 0}, "user_id": 7, "id": "x", "status": "completed",
    });
    let answered = world.post("/api/tasks", body).await;
    assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY);
    let expected = [
        "description",
        "due_date",
        "id",
        "priority",
        "recurrence_rule.count",
        "recurrence_rule.interval",
        "reminder_config[0].lead_time",
        "reminder_config[1].at",
        "reminder_config[1].delivery_method",
        "status",
        "tags[1]",
        "tags[2]",
        "time_zone",
        "title",
        "user_id",
    ];
    assert_eq!(answered.wrong_fields(), expected);
    assert_eq!(count(&world, "tasks").await + count(&world, "events").await, 0);
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let world = World::new().await;
    let path = path_of(&world.create(json!({"title": "a"})).await);
    for (known, status) in [
        ("\"1\"", 304),
        ("W/\"1\"", 304),
        ("*", 304),
        ("\"7\", \"1\"", 304),
        ("\"2\"", 200),
        ("\"01\"", 200),
        ("1", 400),
    ] {
        let answered = world.call_with("GET", &path, &Value::Null, &[("if-none-match", known)]).await;
        assert_eq!(answered.status, status, "{known}");
        if status == 304 {
            assert!(answered.bytes.is_empty());
            assert_eq!(answered.headers[header::ETAG], "\"1\"");
        }
        assert!(answered.headers.contains_key("x-correlation-id"));
    }
    world.patch(&path, json!({"title": "b"})).await.ok();
    let answered = world.call_with("GET", &path, &Value::Null, &[("if-none-match", "\"1\"")]).await;
    assert_eq!(answered.ok()["title"], "b");
}

#[tokio::test]
async fn the_next_pending_reminder_is_the_same_in_every_answer() {
    let world = World::new().await;
    for _ in 0..8 {
        let config = json!([{"lead_time": "0m", "delivery_method": "push"},
                            {"lead_time": "0m", "delivery_method": "email"},
                            {"lead_time": "0m", "delivery_method": "email", "destination": "amna@example.org"}]);
        let body = json!({"title": "a", "due_date": "2026-07-01T09:00:00Z", "reminder_config": config});
        let task = world.create(body).await;
        assert_eq!(world.get(&path_of(&task)).await.ok(), task);
    }
}
