//! One user never sees, changes or guesses what is another's.

use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{Answered, World, path_of};

const AMNA: (&str, &str) = ("x-user-id", "amna");
const BILAL: (&str, &str) = ("x-user-id", "bilal");
const UNKNOWN: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Every route with a task's id in it, and a body that it takes.
fn routes() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GET", "", Value::Null),
        ("PATCH", "", json!({"title": "mine now"})),
        ("DELETE", "", Value::Null),
        ("POST", "/complete", Value::Null),
        ("POST", "/reopen", Value::Null),
        ("POST", "/restore", Value::Null),
        ("POST", "/snooze", json!({"for": "10m"})),
        ("GET", "/history", Value::Null),
        ("GET", "/reminders", Value::Null),
        ("GET", "/occurrences", Value::Null),
    ]
}

/// What a stranger could tell answers apart by.
fn visible(answered: &Answered) -> (StatusCode, HeaderMap, Value) {
    let mut body = answered.json();
    assert!(body["correlation_id"].is_string());
    body["correlation_id"] = Value::Null;
    let mut headers = answered.headers.clone();
    headers.remove("x-correlation-id");
    (answered.status, headers, body)
}

#[tokio::test]
async fn another_users_task_answers_like_one_that_never_was() {
    let world = World::new().await;
    let body = json!({"title": "secret", "due_date": "2026-07-01T09:00:00Z", "reminder_config": {"lead_time": "1h"},
                      "recurrence_rule": {"pattern": "daily"}});
    let task = world.call_with("POST", "/api/tasks", &body, &[AMNA]).await.ok();
    world.settle().await;
    for (method, suffix, body) in routes() {
        for extra in
            [None, Some(("if-match", "\"1\"")), Some(("if-match", "\"9\"")), Some(("if-none-match", "\"1\""))]
        {
            let headers: Vec<_> = [Some(BILAL), extra].into_iter().flatten().collect();
            let foreign =
                world.call_with(method, &format!("{}{suffix}", path_of(&task)), &body, &headers).await;
            let unknown =
                world.call_with(method, &format!("/api/tasks/{UNKNOWN}{suffix}"), &body, &headers).await;
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{method} {suffix} {extra:?}");
            assert_eq!(visible(&foreign), visible(&unknown), "{method} {suffix} {extra:?}");
            assert!(!String::from_utf8_lossy(&foreign.bytes).contains("secret"));
        }
    }
    let mine = world.call_with("GET", &path_of(&task), &Value::Null, &[AMNA]).await.ok();
    assert_eq!(mine, task, "nothing of it changed");
    assert_eq!(count(&world, "events WHERE user_id = 'bilal'").await, 0);
}

#[tokio::test]
async fn every_route_with_an_id_is_in_the_table() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let paths = document["paths"].as_object().expect("paths");
    let mut served = Vec::new();
    for (path, methods) in paths.iter().filter(|(path, _)| path.starts_with("/api/tasks/{id}")) {
        let suffix = path.trim_start_matches("/api/tasks/{id}");
        let methods = methods.as_object().expect("methods").keys();
        served.extend(methods.map(|method| (method.to_uppercase(), suffix.to_owned())));
    }
    let mut tested: Vec<_> = routes().into_iter().map(|one| (one.0.to_owned(), one.1.to_owned())).collect();
    served.sort();
    tested.sort();
    assert_eq!(served, tested);
}

#[tokio::test]
async fn lists_and_searches_show_ones_own_tasks_only() {
    let world = World::new().await;
    for (user, title) in [(AMNA, "amna's milk"), (AMNA, "amna's tea"), (BILAL, "bilal's milk")] {
        let body = json!({"title": title, "tags": ["shop"], "due_date": "2026-07-01"});
        world.call_with("POST", "/api/tasks", &body, &[user]).await.ok();
    }
    for query in [
        "",
        "?q=milk",
        "?tag=shop",
        "?sort=due_date",
        "?sort=-priority&limit=1",
        "?due_after=2026-01-01",
        "?status=active",
    ] {
        for (user, name, all) in
            [(AMNA, "amna", 2), (BILAL, "bilal", 1), (("x-user-id", "carol"), "carol", 0)]
        {
            let page =
                world.call_with("GET", &format!("/api/tasks{query}"), &Value::Null, &[user]).await.ok();
            let tasks = page["tasks"].as_array().expect("a list");
            let expected = if query.contains("milk") || query.contains("limit") { all.min(1) } else { all };
            assert_eq!(tasks.len(), expected, "{name} {query}");
            assert!(tasks.iter().all(|task| task["user_id"] == name));
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_user_shows_ones_own_tasks_only() {
    let world = World::new().await;
    for (user, count) in [(AMNA, 3), (BILAL, 3)] {
        for n in 0..count {
            world.call_with("POST", "/api/tasks", &json!({"title": n.to_string()}), &[user]).await.ok();
        }
    }
    for sort in ["created_at", "-created_at", "due_date", "-priority"] {
        let path = format!("/api/tasks?limit=1&sort={sort}");
        let page = world.call_with("GET", &path, &Value::Null, &[AMNA]).await.ok();
        let cursor = page["next_cursor"].as_str().expect("there are more");
        let path = format!("/api/tasks?sort={sort}&cursor={cursor}");
        let stolen = world.call_with("GET", &path, &Value::Null, &[BILAL]).await.ok();
        let tasks = stolen["tasks"].as_array().expect("a list");
        assert!(tasks.iter().all(|task| task["user_id"] == "bilal"), "{sort}");
    }
}

#[tokio::test]
async fn settings_and_defaults_do_not_cross_users() {
    let world = World::new().await;
    let patch = json!({"email": "amna@example.org", "time_zone": "Asia/Karachi"});
    world.call_with("PATCH", "/api/settings", &patch, &[AMNA]).await.ok();
    let settings = world.call_with("GET", "/api/settings", &Value::Null, &[BILAL]).await.ok();
    assert_eq!((&settings["email"], &settings["time_zone"]), (&Value::Null, &json!("UTC")));
    for (user, zone) in [(AMNA, "Asia/Karachi"), (BILAL, "UTC")] {
        let task = world.call_with("POST", "/api/tasks", &json!({"title": "a"}), &[user]).await.ok();
        assert_eq!(task["time_zone"], zone);
    }
}
