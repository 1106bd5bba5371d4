//! `/openapi.json` is what is served, and nothing else.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tests::world::World;

/// What a process of every function serves. The conversation has its own tests.
const SERVED: [(&str, &str); 21] = [
    ("/api/push-key", "get"),
    ("/api/settings", "get"),
    ("/api/settings", "patch"),
    ("/api/tasks", "get"),
    ("/api/tasks", "post"),
    ("/api/tasks/{id}", "delete"),
    ("/api/tasks/{id}", "get"),
    ("/api/tasks/{id}", "patch"),
    ("/api/tasks/{id}/complete", "post"),
    ("/api/tasks/{id}/history", "get"),
    ("/api/tasks/{id}/occurrences", "get"),
    ("/api/tasks/{id}/reminders", "get"),
    ("/api/tasks/{id}/reopen", "post"),
    ("/api/tasks/{id}/restore", "post"),
    ("/api/tasks/{id}/snooze", "post"),
    ("/api/undo", "post"),
    ("/api/updates", "get"),
    ("/health", "get"),
    ("/links/{token}", "get"),
    ("/links/{token}", "post"),
    ("/ready", "get"),
];
const CHAT: [(&str, &str); 3] =
    [("/chat/command", "post"), ("/chat/conversations/{conversation_id}", "get"), ("/chat/parse", "post")];

/// Gives every path with each of its methods.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            operations.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn the_document_lists_what_is_served_and_nothing_else() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let found = operations(&document);
    let is_chat = |path: &str| path.starts_with("/chat/");
    let listed: BTreeSet<_> = found.iter().map(|one| (one.0.as_str(), one.1.as_str())).collect();
    let expected: BTreeSet<_> = SERVED.into_iter().collect();
    assert_eq!(listed.iter().copied().filter(|one| !is_chat(one.0)).collect::<BTreeSet<_>>(), expected);
    assert!(listed.iter().filter(|one| is_chat(one.0)).all(|one| CHAT.contains(one)));
    for path in listed.iter().map(|one| one.0).collect::<BTreeSet<_>>() {
        let sent = path
            .replace("{id}", "0190163d-8694-739b-aea5-966c26f8ad91")
            .replace("{conversation_id}", "c")
            .replace("{token}", "t");
        for method in ["get", "post", "put", "patch", "delete"] {
            let request = Request::builder().method(&*method.to_uppercase()).uri(&sent);
            let request = request.header("content-type", "application/json").body(Body::from("{}"));
            // Not all of it: one has no end.
            let status = world.begin(request.expect("a request")).await.status();
            assert_eq!(status != 405, listed.contains(&(path, method)), "{method} {path}: {status}");
            assert!(!status.is_server_error());
        }
    }
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_what_it_answers() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{what} has no summary"
        );
        let name = operation["operationId"].as_str().expect("an operationId").to_owned();
        assert!(names.insert(name.clone()), "{what}: {name} is the name of another one too");
        assert!(operation["responses"]["200"].is_object(), "{what}");
        assert!(operation["responses"]["default"].is_null(), "{what}: every status is named");
        for status in ["421", "500", "503"] {
            assert!(operation["responses"][status]["content"].is_object(), "{what}: {status}");
        }
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let parameters = operation["parameters"].as_array().expect("parameters");
            assert!(
                parameters
                    .iter()
                    .any(|one| one["name"] == name && one["in"] == "path" && one["required"] == true),
                "{what}"
            );
        }
        if path.starts_with("/api/") && ["post", "patch"].contains(&method.as_str()) && !path.contains("}/") {
            assert!(operation["requestBody"]["content"]["application/json"].is_object(), "{what}");
        }
    }
    assert_references(&document, &document);
}

/// Checks that whatever is referred to is there.
fn assert_references(value: &Value, document: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("a reference within the document");
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
            }
            object.values().for_each(|value| assert_references(value, document));
        }
        Value::Array(list) => list.iter().for_each(|value| assert_references(value, document)),
        _ => {}
    }
}

fn names(value: &Value) -> BTreeSet<String> {
    value.as_object().expect("an object").keys().cloned().collect()
}

#[tokio::test]
async fn a_task_has_the_fields_of_its_schema() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let schema = &document["components"]["schemas"]["Task"];
    let body = json!({
        "title": "a", "description": "d", "due_date": "2027-01-10T12:00:00", "time_zone": "Asia/Karachi", "tags": ["t"],
        "reminder_config": [{"lead_time": "1h", "destination": "amna@example.org"}, {"at": "2026-07-01T00:00:00Z"}],
        "recurrence_rule": {"pattern": "monthly", "month_days": [1], "until": "2028-01-01"},
    });
    for task in [world.create(json!({"title": "a"})).await, world.create(body).await] {
        assert_eq!(names(&task), names(&schema["properties"]));
    }
    let page = world.get("/api/tasks").await.ok();
    assert_eq!(names(&page), names(&document["components"]["schemas"]["TaskPage"]["properties"]));
}

#[tokio::test]
async fn what_else_is_answered_has_the_fields_of_its_schemas() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let fields = |schema: &str| names(&document["components"]["schemas"][schema]["properties"]);
    let daily =
        json!({"title": "a", "due_date": "2027-01-10T12:00:00", "recurrence_rule": {"pattern": "daily"}});
    let id = world.create(daily).await["id"].as_str().expect("a text").to_owned();
    let keys = json!({"p256dh": "AAAA", "auth": "AAAA"});
    let browser = json!({"endpoint": "https://push.example.org/x", "keys": keys});
    let settings = json!({"email": "amna@example.org", "time_zone": "Asia/Karachi", "locale": "ur-PK", "reminder_time": "09:00",
                          "quiet_hours": {"start": "22:00", "end": "07:00"}, "push_subscriptions": [browser]});
    assert_eq!(names(&settings), fields("SettingsInput"));
    let settings = world.patch("/api/settings", settings).await.ok();
    assert_eq!(names(&settings), fields("Settings"));
    assert_eq!(names(&settings["quiet_hours"]), fields("QuietHours"));
    assert_eq!(names(&settings["push_subscriptions"][0]), fields("PushSubscription"));
    assert_eq!(names(&settings["push_subscriptions"][0]["keys"]), fields("PushKeys"));
    let history = world.get(&format!("/api/tasks/{id}/history")).await.ok();
    assert_eq!(names(&history["entries"][0]), fields("HistoryEntry"));
    let occurrences = world.get(&format!("/api/tasks/{id}/occurrences")).await.ok();
    assert_eq!(names(&occurrences["occurrences"][0]), fields("Occurrence"));
    let undone = world.post("/api/undo", json!({})).await.ok();
    assert_eq!(names(&undone), fields("Undone"));
    assert_eq!(names(&undone["undone"][0]), fields("UndoneChange"));
}

#[tokio::test]
async fn the_input_has_the_fields_that_are_taken() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.ok();
    let schema = &document["components"]["schemas"]["TaskInput"]["properties"];
    let taken = application::input::FIELDS.into_iter().chain(["user_id"]).map(str::to_owned).collect();
    assert_eq!(names(schema), taken);
    for (entry, field) in [("ReminderEntry", "reminder_config"), ("RecurrenceRule", "recurrence_rule")] {
        let known = names(&document["components"]["schemas"][entry]["properties"]);
        for name in known {
            let mut value = json!({});
            value[&name] = json!({"no": "value"});
            let mut body = json!({"title": "a", "due_date": "2027-01-10"});
            body[field] = value;
            let refused = world.post("/api/tasks", body).await.json()["detail"].to_string();
            assert!(!refused.contains("not a known field"), "{entry}.{name}");
        }
    }
}
