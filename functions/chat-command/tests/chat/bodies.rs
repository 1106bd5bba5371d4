//! What is refused at the door.

use serde_json::{Value, json};

use crate::user::User;

fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().expect("errors");
    let mut fields: Vec<_> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
    fields.sort_unstable();
    fields
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let user = User::new().await;
    let long = "x".repeat(4_001);
    for (body, expected) in [
        (json!({}), &["user_input"][..]),
        (json!({"user_input": "  \u{feff}\n "}), &["user_input"]),
        (json!({"user_input": long}), &["user_input"]),
        (json!({"user_input": 5}), &["user_input"]),
        (json!({"user_input": null}), &["user_input"]),
        (json!({"user_input": "hi", "conversation_id": ""}), &["conversation_id"]),
        (json!({"user_input": "hi", "conversation_id": "é".repeat(201)}), &["conversation_id"]),
        (json!({"user_input": "hi", "time_zone": "Karachi"}), &["time_zone"]),
        (json!({"user_input": "hi", "client_time": "2026-11-21T12:00:00"}), &["client_time"]),
        (json!({"user_input": "hi", "client_time": "9999-12-31T00:00:00Z"}), &["client_time"]),
        (json!({"user_input": "hi", "locale": "fr-FR"}), &["locale"]),
        (json!({"user_input": "hi", "colour": "red"}), &["colour"]),
        (
            json!({"user_input": "", "locale": 1, "time_zone": 2, "user_id": 3, "x": 4}),
            &["locale", "time_zone", "user_id", "user_input", "x"],
        ),
    ] {
        for path in ["/chat/command", "/chat/parse"] {
            let (status, problem) = user.post(path, &body).await;
            assert_eq!(status, 422, "{body}");
            assert_eq!(fields(&problem), expected, "{body}");
        }
    }
}

#[tokio::test]
async fn an_unknown_zone_comes_with_a_suggestion() {
    let user = User::new().await;
    let body = json!({"user_input": "hi", "time_zone": "Karachi"});
    let (_, problem) = user.post("/chat/command", &body).await;
    assert!(problem.to_string().contains("Asia/Karachi"), "{problem}");
}

#[tokio::test]
async fn what_is_just_within_bounds_is_answered() {
    let user = User::new().await;
    let longest = "🎉".repeat(4_000);
    for body in [
        json!({"user_input": format!(" {longest}\n")}),
        json!({"user_input": "hi", "conversation_id": "é".repeat(200)}),
        json!({"user_input": "hi", "conversation_id": null, "time_zone": null, "client_time": null,
               "locale": null, "user_id": null}),
        json!({"user_input": "hi", "client_time": "1970-01-01T00:00:00-12:00", "locale": "ur"}),
        json!({"user_input": "🎉"}),
    ] {
        let (status, answer) = user.post("/chat/command", &body).await;
        assert_eq!(status, 200, "{answer}");
    }
    assert!(user.titles().await.is_empty());
}
