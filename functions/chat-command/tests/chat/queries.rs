//! Questions, and what was said.

use serde_json::json;

use crate::user::{User, words};

#[tokio::test]
async fn what_is_due_is_listed_with_numbers() {
    let user = User::new().await;
    user.say("add a task to buy milk tomorrow at 5pm").await;
    user.say("add a task to file taxes tomorrow").await;
    user.say("add a task to call mom next month").await;
    let answer = user.say("what is due tomorrow?").await;
    assert_eq!(answer["intent_detected"], "query_tasks");
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(2), "{answer}");
    assert!(words(&answer).contains("1. \"file taxes\", due Sunday, 22 November 2026, all day"), "{answer}");
    assert!(words(&answer).contains("2. \"buy milk\", due Sunday, 22 November 2026 at 17:00"), "{answer}");
}

#[tokio::test]
async fn an_evening_may_be_free() {
    let user = User::new().await;
    user.say("add a task to buy milk tomorrow at 9am").await;
    let answer = user.say("am I free tomorrow evening?").await;
    assert_eq!(answer["intent_detected"], "query_tasks", "{answer}");
    assert_eq!(answer["tasks"], json!([]));
    let said = "You have no open tasks due on Sunday, 22 November 2026 from 17:00 until before 22:00";
    assert!(words(&answer).contains(said), "{answer}");
    let answer = user.say("am I free tomorrow?").await;
    assert!(words(&answer).contains("due on Sunday, 22 November 2026 (Asia/Karachi):"), "{answer}");
    assert_eq!(answer["tasks"][0]["title"], "buy milk");
    let answer = user.say("complete 1").await;
    assert_eq!(answer["task_completed"]["title"], "buy milk", "what was shown has numbers: {answer}");
}

#[tokio::test]
async fn what_was_completed_yesterday_is_not_what_was_completed_today() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to call mom").await;
    user.say("complete the task buy milk").await;
    user.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    user.say("complete the task call mom").await;
    let answer = user.say("what did I complete yesterday?").await;
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["tasks"][0]["title"], "buy milk");
    let said = "Here is your only task completed on Saturday, 21 November 2026 (Asia/Karachi):";
    assert!(words(&answer).starts_with(said), "{answer}");
}

#[tokio::test]
async fn a_whole_day_is_overdue_only_when_it_has_ended() {
    let user = User::new().await;
    user.say("add a task to file taxes today").await;
    user.say("add a task to buy milk today at 1pm").await;
    user.clock.advance(std::time::Duration::from_secs(6 * 3_600));
    let answer = user.say("show overdue tasks").await;
    assert_eq!(answer["tasks"][0]["title"], "buy milk", "{answer}");
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(1));
    let answer = user.say("how many tasks are overdue?").await;
    assert!(words(&answer).contains("You have 1 overdue task."), "{answer}");
    assert_eq!(answer.get("tasks"), None);
}

#[tokio::test]
async fn a_question_about_a_zone_means_the_day_there() {
    let user = User::new().await;
    user.say("add a task to buy milk tomorrow at 3am").await;
    let ask = async |zone: &str, text: &str| {
        let body = json!({"user_input": text, "time_zone": zone});
        let (_, answer) = user.post("/chat/command", &body).await;
        answer["tasks"].as_array().map(Vec::len)
    };
    assert_eq!(ask("Asia/Karachi", "what is due tomorrow?").await, Some(1));
    assert_eq!(ask("America/New_York", "what is due today?").await, Some(1));
}

#[tokio::test]
async fn both_sides_are_kept_in_pages() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("show my tasks").await;
    let (status, page) = user.get("/chat/conversations/test-conv-1?limit=3").await;
    assert_eq!(status, 200);
    let messages = page["messages"].as_array().expect("messages");
    let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, [Some("user"), Some("assistant"), Some("user")]);
    assert_eq!(messages[0]["content"], "add a task to buy milk");
    assert_eq!(messages[1]["content"], "Created \"buy milk\".");
    assert_eq!(messages[1]["intent_detected"], "create_task");
    assert_eq!(messages[1]["skill_agent_used"], "TaskAgent");
    assert!(messages[1]["processing_time_ms"].as_f64().expect("a number") > 0.0);
    assert!(messages[1]["confidence_score"].is_number() && messages[1]["created_at"].is_string());
    let cursor = page["next_cursor"].as_str().expect("another page");
    let (_, page) = user.get(&format!("/chat/conversations/test-conv-1?limit=3&cursor={cursor}")).await;
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["next_cursor"], json!(null));
}

#[tokio::test]
async fn a_conversation_is_its_users_own() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("show my tasks").await;
    let body = json!({"user_input": "complete 1", "conversation_id": "test-conv-1", "user_id": "eve"});
    let (_, answer) = user.post("/chat/command", &body).await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    let request = axum::http::Request::get("/chat/conversations/test-conv-1").header("x-user-id", "mallory");
    let request = request.body(axum::body::Body::empty()).expect("a request");
    assert_eq!(user.send(request).await.0, 404);
    for path in ["/chat/conversations/unknown", "/chat/conversations/%00", "/chat/conversations/%ff"] {
        assert_eq!(user.get(path).await.0, 404, "{path}");
    }
    for query in ["limit=0", "limit=101", "cursor=x", "page=2"] {
        assert_eq!(user.get(&format!("/chat/conversations/test-conv-1?{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn parsing_shows_what_is_understood_and_does_nothing() {
    let user = User::new().await;
    let body = json!({"user_input": "🎉 add a task to buy milk tomorrow at 5pm"});
    let (status, parsed) = user.post("/chat/parse", &body).await;
    assert_eq!(status, 200);
    assert_eq!(parsed["intent_detected"], "create_task", "{parsed}");
    assert_eq!(parsed["language"], "en");
    let command = &parsed["commands"][0];
    assert_eq!(command["task"]["due_date"], "2026-11-22T17:00:00+05:00");
    let text: Vec<char> = "🎉 add a task to buy milk tomorrow at 5pm".chars().collect();
    for span in command["spans"].as_array().expect("spans") {
        let at = |name: &str| usize::try_from(span[name].as_u64().expect("a number")).expect("an index");
        let part: String = text[at("start")..at("end")].iter().collect();
        assert_eq!(span["text"], part);
    }
    assert!(user.titles().await.is_empty());

    let (_, parsed) = user.post("/chat/parse", &json!({"user_input": "every monday at 9"})).await;
    let rule = &parsed["commands"][0]["task"]["recurrence_rule"];
    assert_eq!(rule["pattern"], "weekly", "{parsed}");
    let (_, parsed) = user.post("/chat/parse", &json!({"user_input": "delete task 2"})).await;
    assert_eq!(parsed["commands"][0]["target"], json!({"number": 2}), "{parsed}");
}
