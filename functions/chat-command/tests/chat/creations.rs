//! New tasks, questions back, and answers to them.

use serde_json::json;

use crate::user::{User, words};

#[tokio::test]
async fn milk_tomorrow_at_five_is_due_then_in_the_users_zone() {
    let user = User::new().await;
    let answer = user.say("Create a task to buy milk tomorrow at 5pm").await;
    assert_eq!(answer["intent_detected"], "create_task");
    assert_eq!(answer["skill_agent_used"], "TaskAgent");
    assert!(answer["confidence_score"].as_f64().expect("a number") > 0.8);
    assert_eq!(answer["task_created"]["title"], "buy milk");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00");
    assert_eq!(words(&answer), "Created \"buy milk\", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi).");
    for absent in ["clarification_needed", "confirmation_needed", "tasks", "candidates", "task_updated"] {
        assert_eq!(answer.get(absent), None, "{absent}");
    }
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn the_clients_time_and_zone_are_those_of_what_is_said() {
    let user = User::new().await;
    let body = json!({"user_input": "add a task to call mom tomorrow at 9am", "time_zone": "America/New_York",
                      "client_time": "2026-12-31T23:30:00-05:00"});
    let (_, answer) = user.post("/chat/command", &body).await;
    assert_eq!(answer["task_created"]["due_date"], "2027-01-01T09:00:00-05:00");
    assert_eq!(answer["task_created"]["time_zone"], "America/New_York");
    assert!(words(&answer).contains("Friday, 1 January 2027 at 09:00 (America/New_York)"), "{answer}");
    assert_eq!(answer["conversation_id"].as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn a_reminder_is_answered_by_its_agent_and_named() {
    let user = User::new().await;
    let answer = user.say("Remind me to call mom tomorrow at 6pm").await;
    assert_eq!(answer["skill_agent_used"], "ReminderAgent");
    let expected = json!({"lead_time": "0m", "delivery_method": "email"});
    assert_eq!(answer["task_created"]["reminder_config"], expected);
    let said = "I will remind you by e-mail on Sunday, 22 November 2026 at 18:00 (Asia/Karachi).";
    assert!(words(&answer).contains(said), "{answer}");
}

#[tokio::test]
async fn a_reminder_without_a_time_is_asked_when() {
    let user = User::new().await;
    let answer = user.say("Remind me to call mom").await;
    assert_eq!(answer["clarification_needed"], true);
    assert_eq!(words(&answer), "When? Please name a day or a time.");
    assert!(user.titles().await.is_empty());
    let answer = user.say("tomorrow at 6pm").await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T18:00:00+05:00");
    assert_eq!(answer["skill_agent_used"], "ReminderAgent");
}

#[tokio::test]
async fn a_title_that_was_missing_completes_the_command() {
    let user = User::new().await;
    let answer = user.say("create a high priority task").await;
    assert_eq!(answer["clarification_needed"], true);
    assert_eq!(words(&answer), "What should the task be called?");
    let answer = user.say("buy milk").await;
    assert_eq!(answer["task_created"]["title"], "buy milk", "{answer}");
    assert_eq!(answer["task_created"]["priority"], "high");
    assert!(words(&answer).contains("high priority"));
}

#[tokio::test]
async fn a_command_of_its_own_drops_the_question() {
    let user = User::new().await;
    user.say("create a high priority task").await;
    user.say("add a task to wash the car").await;
    let answer = user.say("buy bread tomorrow").await;
    assert_eq!(answer["task_created"]["priority"], "medium", "{answer}");
    assert_eq!(user.titles().await, ["wash the car", "buy bread"]);
}

#[tokio::test]
async fn a_question_is_forgotten_after_a_while() {
    let user = User::new().await;
    user.say("create a high priority task").await;
    user.clock.advance(std::time::Duration::from_secs(601));
    let answer = user.say("buy milk").await;
    assert_eq!(answer["task_created"]["priority"], "medium", "{answer}");
}

#[tokio::test]
async fn a_day_that_does_not_exist_is_asked_about_and_replaced() {
    let user = User::new().await;
    let answer = user.say("add a task to pay the rent on 31 Feb").await;
    assert_eq!(answer["clarification_needed"], true);
    assert!(answer["confidence_score"].as_f64().expect("a number") < 0.7);
    assert!(words(&answer).contains("does not exist. Did you mean Sunday, 28 February 2027?"), "{answer}");
    assert!(user.titles().await.is_empty());
    let answer = user.say("yes").await;
    assert_eq!(answer["task_created"]["due_date"], "2027-02-28", "{answer}");
    assert_eq!(answer["task_created"]["title"], "pay the rent");

    user.say("add a task to pay the tax on 31 Feb").await;
    let answer = user.say("1 march").await;
    assert_eq!(answer["task_created"]["due_date"], "2027-03-01", "{answer}");
}

#[tokio::test]
async fn what_may_be_a_task_is_created_after_a_yes() {
    let user = User::new().await;
    let answer = user.say("dentist").await;
    assert_eq!(answer["clarification_needed"], true);
    assert!(user.titles().await.is_empty());
    let answer = user.say("yes").await;
    assert_eq!(answer["task_created"]["title"], "dentist", "{answer}");
}

#[tokio::test]
async fn a_repetition_is_spelled_out() {
    let user = User::new().await;
    let answer = user.say("add a task to water the plants every monday at 9am").await;
    assert_eq!(answer["task_created"]["recurrence_rule"]["pattern"], "weekly", "{answer}");
    let said = "due Monday, 23 November 2026 at 09:00 (Asia/Karachi), every week on Monday";
    assert!(words(&answer).contains(said), "{answer}");
}

#[tokio::test]
async fn the_same_text_in_two_messages_is_two_tasks() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to buy milk").await;
    assert_eq!(user.titles().await, ["buy milk", "buy milk"]);
}

#[tokio::test]
async fn two_tasks_in_one_sentence_are_created_together() {
    let user = User::new().await;
    let answer = user.say("add a task to buy milk and then add a task to call mom").await;
    assert_eq!(user.titles().await.len(), 2, "{answer}");
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(2));
}
