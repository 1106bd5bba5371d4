//! `GET` and `PATCH /api/settings`, and what moves with them.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{World, path_of};

#[tokio::test]
async fn a_user_who_never_chose_has_the_defaults() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let expected = json!({
        "email": null, "time_zone": "Asia/Karachi", "locale": "en-US", "reminder_time": "09:00", "quiet_hours": null,
        "push_subscriptions": [],
    });
    assert_eq!(world.get("/api/settings").await.ok(), expected);
    assert_eq!(world.get("/api/settings/").await.ok(), expected);
    assert_eq!(count(&world, "users").await, 0, "looking changes nothing");
}

#[tokio::test]
async fn settings_are_changed_one_by_one_and_null_resets() {
    let world = World::new().await;
    let defaults = world.get("/api/settings").await.ok();
    let mut expected = defaults.clone();
    for (field, value) in [
        ("email", json!("amna@example.org")),
        ("time_zone", json!("Asia/Karachi")),
        ("locale", json!("ur-PK")),
        ("reminder_time", json!("07:30")),
        ("quiet_hours", json!({"start": "22:00", "end": "07:00"})),
        (
            "push_subscriptions",
            json!([{"endpoint": "https://push.example.org/abc", "keys": {"p256dh": "BPk_-1", "auth": "c2VjcmV0"}}]),
        ),
    ] {
        let mut patch = json!({});
        patch[field] = value.clone();
        expected[field] = value;
        assert_eq!(world.patch("/api/settings", patch).await.ok(), expected);
        assert_eq!(world.get("/api/settings").await.ok(), expected);
    }
    assert_eq!(world.patch("/api/settings", expected.clone()).await.ok(), expected);
    assert_eq!(
        count(&world, "events WHERE event_type = 'settings.updated'").await,
        6,
        "the last changed nothing"
    );
    for field in ["email", "time_zone", "locale", "reminder_time", "quiet_hours", "push_subscriptions"] {
        let mut patch = json!({});
        patch[field] = Value::Null;
        expected[field] = defaults[field].clone();
        assert_eq!(world.patch("/api/settings", patch).await.ok(), expected, "{field}");
    }
    world.settle().await;
    assert_eq!(count(&world, "audit_logs WHERE action = 'settings.updated'").await, 12);
}

#[tokio::test]
async fn every_wrong_setting_is_named_at_once_and_nothing_changes() {
    let world = World::new().await;
    let before = world.get("/api/settings").await.ok();
    let patch = json!({
        "email": "a@b@c", "time_zone": "Karachi", "locale": "fr", "reminder_time": "9am", "push_subscriptions": "x",
        "quiet_hours": {"start": "22:00"}, "colour": "red", "user_id": "bilal",
    });
    let answered = world.patch("/api/settings", patch).await;
    assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY);
    let expected = [
        "colour",
        "email",
        "locale",
        "push_subscriptions",
        "quiet_hours",
        "reminder_time",
        "time_zone",
        "user_id",
    ];
    assert_eq!(answered.wrong_fields(), expected);
    assert!(answered.json()["errors"].to_string().contains("Asia/Karachi"), "a zone is suggested");
    assert_eq!(world.get("/api/settings").await.ok(), before);
}

#[tokio::test]
async fn a_value_that_can_not_be_a_setting_is_refused() {
    let world = World::new().await;
    let push = |endpoint: &str| json!([{"endpoint": endpoint, "keys": {"p256dh": "BPk", "auth": "c2V"}}]);
    for (field, values) in [
        (
            "email",
            vec![
                json!(""),
                json!(5),
                json!("a@b.org,c@d.org"),
                json!("a@b.org\r\nBcc: x@y.org"),
                json!("\"a\"@b.org"),
                json!("آمنہ@example.org"),
                json!(format!("{}@example.org", "a".repeat(250))),
            ],
        ),
        (
            "time_zone",
            vec![json!("UTC+8"), json!("CST"), json!(""), json!(5), json!("asia/karachi"), json!("../etc")],
        ),
        ("locale", vec![json!(""), json!("xx"), json!(1)]),
        ("reminder_time", vec![json!("24:00"), json!("9:00"), json!("09:00:00"), json!(9), json!("")]),
        (
            "quiet_hours",
            vec![
                json!("22:00-07:00"),
                json!({"start": "22:00", "end": "22:00"}),
                json!({"start": "22:00", "end": "07:00", "x": 1}),
                json!([]),
            ],
        ),
        (
            "push_subscriptions",
            vec![
                json!({}),
                json!(["x"]),
                json!([{"endpoint": "https://push.example.org/x"}]),
                json!([{"endpoint": "https://push.example.org/x", "keys": {"p256dh": "a b", "auth": "c"}}]),
                push("http://push.example.org/x"),
                push("https://user:password@push.example.org/x"),
                push("https://push.example.org:22/x"),
                push("https://10.0.0.1/x"),
                push("https://[::1]/x"),
                push("https://localhost/x"),
                push("https://169.254.169.254/latest/meta-data"),
                push("https://pu\u{455}h.example.org/x"),
                push(&format!("https://push.example.org/{}", "x".repeat(10_000))),
                Value::Array(vec![push("https://push.example.org/x")[0].clone(); 17]),
            ],
        ),
    ] {
        for value in values {
            let mut patch = json!({});
            patch[field] = value;
            let answered = world.patch("/api/settings", patch.clone()).await;
            assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{patch}");
            assert_eq!(answered.wrong_fields(), [field], "{patch}");
        }
    }
    assert_eq!(count(&world, "users").await + count(&world, "events").await, 0);
}

async fn triggers(world: &World, task: &Value, status: &str) -> Vec<String> {
    let listed = world.get(&format!("{}/reminders", path_of(task))).await.ok();
    let reminders = listed["reminders"].as_array().expect("a list");
    let found = reminders.iter().filter(|one| one["status"] == status);
    found.map(|one| one["trigger_time"].as_str().expect("a time").to_owned()).collect()
}

#[tokio::test]
async fn who_moves_to_another_zone_keeps_wall_times_and_takes_the_reminders_along() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let make = async |due: &str, zone: Value, config: Value| {
        world
            .create(json!({"title": "a", "due_date": due, "time_zone": zone, "reminder_config": config}))
            .await
    };
    let floating = make("2026-07-01T09:00:00", Value::Null, json!({"lead_time": "1h"})).await;
    let whole_day = make("2026-07-01", Value::Null, json!({"lead_time": "1d"})).await;
    let absolute = make("2026-07-01T09:00:00", Value::Null, json!({"at": "2026-06-30T00:00:00Z"})).await;
    let own = make("2026-07-01T09:00:00", json!("Asia/Karachi"), json!({"lead_time": "1h"})).await;
    let bare = make("2026-07-01T09:00:00", Value::Null, Value::Null).await;
    let none = world.create(json!({"title": "a"})).await;
    assert_eq!(triggers(&world, &floating, "pending").await, ["2026-07-01T03:00:00Z"]);

    world.clock.advance(std::time::Duration::from_secs(60));
    world.patch("/api/settings", json!({"time_zone": "America/New_York"})).await.ok();

    for (task, due, trigger, cancelled) in [
        (
            &floating,
            "2026-07-01T09:00:00-04:00",
            &["2026-07-01T12:00:00Z"][..],
            &["2026-07-01T03:00:00Z"][..],
        ),
        (&whole_day, "2026-07-01", &["2026-06-30T13:00:00Z"], &["2026-06-30T04:00:00Z"]),
        (&absolute, "2026-07-01T09:00:00-04:00", &["2026-06-30T00:00:00Z"], &[]),
        (&own, "2026-07-01T09:00:00+05:00", &["2026-07-01T03:00:00Z"], &[]),
        (&bare, "2026-07-01T09:00:00-04:00", &[], &[]),
    ] {
        let found = world.get(&path_of(task)).await.ok();
        assert_eq!(found["due_date"], due);
        assert_eq!(triggers(&world, task, "pending").await, trigger, "{due}");
        assert_eq!(triggers(&world, task, "cancelled").await, cancelled, "{due}");
        let moved = !std::ptr::eq(task, &own);
        assert_eq!(found["version"], if moved { 2 } else { 1 });
        assert_eq!(found["time_zone"], if moved { "America/New_York" } else { "Asia/Karachi" });
    }
    assert_eq!(world.get(&path_of(&none)).await.ok()["time_zone"], "America/New_York");

    let history = world.get(&format!("{}/history", path_of(&floating))).await.ok();
    let entry = &history["entries"][1];
    assert_eq!(
        entry["old_values"],
        json!({"due_date": "2026-07-01T09:00:00+05:00", "time_zone": "Asia/Karachi"})
    );
    assert_eq!(
        entry["new_values"],
        json!({"due_date": "2026-07-01T09:00:00-04:00", "time_zone": "America/New_York"})
    );
}

#[tokio::test]
async fn a_task_that_comes_back_after_its_user_moved_has_its_wall_time_in_the_new_zone() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    for (away, back) in [("complete", "reopen"), ("delete", "restore")] {
        world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
        let body =
            json!({"title": "a", "due_date": "2026-07-01T09:00:00", "reminder_config": {"lead_time": "0m"}});
        let task = world.create(body).await;
        match away {
            "delete" => world.delete(&path_of(&task)).await.ok(),
            _ => world.post(&format!("{}/{away}", path_of(&task)), Value::Null).await.ok(),
        };
        world.patch("/api/settings", json!({"time_zone": "Europe/London"})).await.ok();
        let found = world.post(&format!("{}/{back}", path_of(&task)), Value::Null).await.ok();
        assert_eq!(found["due_date"], "2026-07-01T09:00:00+01:00", "{back}");
        assert_eq!(triggers(&world, &task, "pending").await, ["2026-07-01T08:00:00Z"]);
    }
}

#[tokio::test]
async fn another_reminder_hour_moves_the_reminders_of_whole_days_and_of_nothing_else() {
    let world = World::new().await;
    let make = async |due: &str, zone: &str| {
        let body =
            json!({"title": "a", "due_date": due, "time_zone": zone, "reminder_config": {"lead_time": "0m"}});
        world.create(body).await
    };
    let whole_day = make("2026-07-01", "UTC").await;
    let elsewhere = make("2026-07-01", "Asia/Karachi").await;
    let timed = make("2026-07-01T09:00:00", "UTC").await;
    world.patch("/api/settings", json!({"reminder_time": "07:30"})).await.ok();
    for (task, trigger, version) in [
        (&whole_day, "2026-07-01T07:30:00Z", 2),
        (&elsewhere, "2026-07-01T02:30:00Z", 2),
        (&timed, "2026-07-01T09:00:00Z", 1),
    ] {
        assert_eq!(triggers(&world, task, "pending").await, [trigger]);
        let found = world.get(&path_of(task)).await.ok();
        assert_eq!((&found["due_date"], &found["version"]), (&task["due_date"], &json!(version)));
        assert!(found["reminder_id"].is_string());
    }
    world.advance_to("2026-07-01T10:00:00Z").await;
    assert_eq!(world.mails().len(), 3, "each is sent");
}

#[tokio::test]
async fn settings_changed_at_once_all_survive() {
    let world = World::new().await;
    let patches = [
        json!({"email": "amna@example.org"}),
        json!({"time_zone": "Asia/Karachi"}),
        json!({"locale": "ur-PK"}),
        json!({"reminder_time": "07:30"}),
        json!({"quiet_hours": {"start": "22:00", "end": "07:00"}}),
    ];
    futures::future::join_all(patches.iter().map(|patch| world.patch("/api/settings", patch.clone()))).await;
    let settings = world.get("/api/settings").await.ok();
    for patch in &patches {
        for (field, value) in patch.as_object().expect("an object") {
            assert_eq!(&settings[field], value);
        }
    }
}

#[tokio::test]
async fn tasks_created_while_the_zone_changes_end_up_in_the_new_one() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    world.patch("/api/settings", json!({"time_zone": "Asia/Karachi"})).await.ok();
    let body =
        json!({"title": "a", "due_date": "2027-06-01T09:00:00", "reminder_config": {"lead_time": "1h"}});
    let creates = (0..36).map(|_| world.create(body.clone()));
    let moved = world.patch("/api/settings", json!({"time_zone": "America/New_York"}));
    let (tasks, moved) = futures::join!(futures::future::join_all(creates), moved);
    moved.ok();
    assert_eq!(tasks.len(), 36);
    for task in tasks {
        let now = world.get(&path_of(&task)).await.ok();
        assert_eq!(now["due_date"], "2027-06-01T09:00:00-04:00");
        let reminders = world.get(&format!("{}/reminders", path_of(&task))).await.ok();
        let pending =
            reminders["reminders"].as_array().into_iter().flatten().find(|one| one["status"] == "pending");
        assert_eq!(pending.map(|one| &one["trigger_time"]), Some(&json!("2027-06-01T12:00:00Z")));
    }
}

#[tokio::test]
async fn a_time_lost_in_a_gap_is_itself_again_where_there_is_none() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let task = world.create(json!({"title": "a", "due_date": "2027-03-14T02:30:00"})).await;
    for (zone, due) in
        [("America/New_York", "2027-03-14T03:30:00-04:00"), ("Asia/Karachi", "2027-03-14T02:30:00+05:00")]
    {
        world.patch("/api/settings", json!({"time_zone": zone})).await.ok();
        assert_eq!(world.get(&path_of(&task)).await.ok()["due_date"], due);
    }
}
