//! Reminders that come again later.

use serde_json::{Value, json};

use crate::user::{User, id, words};

/// Gives the instants at which a task is still to be reminded of.
async fn pending(user: &User, task: &Value) -> Vec<String> {
    let shown = user.application.reminders("local", id(task)).await.expect("reminders");
    let all = shown["reminders"].as_array().expect("a list").clone();
    let pending = all.into_iter().filter(|reminder| reminder["status"] == "pending");
    pending.map(|reminder| reminder["trigger_time"].as_str().expect("an instant").to_owned()).collect()
}

#[tokio::test]
async fn a_snooze_reminds_later_and_changes_neither_due_time_nor_rule() {
    let user = User::new().await;
    let created = user.say("remind me to water the plants every monday at 9am").await;
    let before = created["task_created"].clone();
    let answer = user.say("snooze it for 10 minutes").await;
    assert_eq!(answer["intent_detected"], "update_task", "{answer}");
    assert_eq!(answer["skill_agent_used"], "ReminderAgent");
    let said = "Snoozed \"water the plants\" until Saturday, 21 November 2026 at 12:10:02 (Asia/Karachi).";
    assert!(words(&answer).starts_with(said), "{answer}");
    let after = &answer["task_updated"];
    assert_eq!(after["snoozed_until"], "2026-11-21T07:10:02Z");
    for field in ["due_date", "recurrence_rule", "reminder_config", "parent_task_id", "status"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let at = pending(&user, &before).await;
    assert_eq!(at, ["2026-11-21T07:10:02Z", "2026-11-23T04:00:00Z"]);
}

#[tokio::test]
async fn a_snooze_is_undone() {
    let user = User::new().await;
    let created = user.say("remind me to call mom tomorrow at 6pm").await;
    user.say("snooze it until monday at 9am").await;
    let answer = user.say("undo").await;
    assert_eq!(answer["task_updated"]["snoozed_until"], json!(null), "{answer}");
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-22T18:00:00+05:00");
    assert_eq!(pending(&user, &created["task_created"]).await, ["2026-11-22T13:00:00Z"]);
}

#[tokio::test]
async fn a_task_is_snoozed_by_its_number_and_by_its_title() {
    let user = User::new().await;
    for title in ["buy milk", "call mom", "call dad"] {
        user.say(&format!("add a task to {title}")).await;
    }
    user.say("show my tasks").await;
    let answer = user.say("snooze 2 until tomorrow at 9am").await;
    assert_eq!(answer["task_updated"]["title"], "call mom", "{answer}");
    let said =
        "until Sunday, 22 November 2026 at 09:00 (Asia/Karachi). Your settings have no e-mail address yet";
    assert!(words(&answer).contains(said), "{answer}");
    let answer = user.say("snooze buy milk until tomorrow at 9am").await;
    assert_eq!(answer["task_updated"]["snoozed_until"], "2026-11-22T04:00:00Z", "{answer}");
    let answer = user.say("snooze buy milk until tomorrow at 9am").await;
    assert!(words(&answer).contains("snoozed until then already"), "{answer}");
    let answer = user.say("snooze dad until tomorrow at 9am").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(answer["skill_agent_used"], "ReminderAgent");
    let said = "Shall I remind you of this task again on Sunday, 22 November 2026 at 09:00 (Asia/Karachi)?";
    assert!(words(&answer).starts_with(said), "{answer}");
    let answer = user.say("yes").await;
    assert_eq!(answer["task_updated"]["title"], "call dad", "{answer}");
}

#[tokio::test]
async fn a_snooze_that_can_not_be_says_why_and_changes_nothing() {
    let user = User::new().await;
    let created = user.say("remind me to call mom tomorrow at 6pm").await;
    for (text, why) in [
        ("snooze it until 9am today", "that time has already passed"),
        ("snooze it for 400 days", "that is more than a year ahead"),
    ] {
        let answer = user.say(text).await;
        assert_eq!(answer["clarification_needed"], true, "{answer}");
        assert!(words(&answer).contains(why), "{answer}");
    }
    assert_eq!(pending(&user, &created["task_created"]).await.len(), 1);
    user.say("complete it").await;
    let answer = user.say("snooze it for 10 minutes").await;
    assert!(words(&answer).contains("is completed; reopen it first"), "{answer}");
}

#[tokio::test]
async fn ten_minutes_are_ten_minutes_also_while_clocks_go_back() {
    let user = User::new().await;
    user.say("add a task to call mom").await;
    // 01:20 in New York for the second time.
    let body = json!({"user_input": "snooze it for 10 minutes", "conversation_id": "test-conv-1",
                      "time_zone": "America/New_York", "client_time": "2027-11-07T01:20:00-05:00"});
    let (_, answer) = user.post("/chat/command", &body).await;
    assert_eq!(answer["task_updated"]["snoozed_until"], "2027-11-07T06:30:00Z", "{answer}");
}

#[tokio::test]
async fn parsing_shows_until_when() {
    let user = User::new().await;
    let (_, parsed) =
        user.post("/chat/parse", &json!({"user_input": "snooze it until tomorrow at 9am"})).await;
    let command = &parsed["commands"][0];
    assert_eq!(command["task"], json!({"snoozed_until": "2026-11-22T04:00:00Z"}), "{parsed}");
    assert_eq!(command["target"], json!({"it": true}));
}
