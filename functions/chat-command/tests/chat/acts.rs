//! Acts on tasks that exist: which one is meant, and what is done to it.

use crate::user::{User, id, words};

#[tokio::test]
async fn a_task_named_exactly_is_done_at_once() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to buy bread").await;
    let answer = user.say("complete the task Buy the Milk").await;
    assert_eq!(answer["intent_detected"], "complete_task");
    assert_eq!(answer["task_completed"]["title"], "buy milk", "{answer}");
    assert_eq!(words(&answer), "Marked \"buy milk\" as done.");
    let answer = user.say("complete the task buy milk").await;
    assert!(words(&answer).contains("done already"), "{answer}");
}

#[tokio::test]
async fn a_task_matched_loosely_waits_for_a_yes() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    let answer = user.say("complete the milk task").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(answer["candidates"][0]["title"], "buy milk");
    assert_eq!(answer.get("task_completed"), None);
    let answer = user.say("yes").await;
    assert_eq!(answer["intent_detected"], "complete_task");
    assert_eq!(answer["task_completed"]["status"], "completed", "{answer}");
}

#[tokio::test]
async fn several_tasks_that_fit_are_offered_to_choose_from() {
    let user = User::new().await;
    for title in ["milk for the cat", "milk for the tea", "bread"] {
        user.say(&format!("add a task to buy {title}")).await;
    }
    let answer = user.say("complete the milk task").await;
    assert_eq!(answer["clarification_needed"], true);
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(2), "{answer}");
    assert!(words(&answer).contains("Which one?\n1. \"buy milk for the cat\"\n2. \"buy milk for the tea\""));
    let answer = user.say("the second").await;
    assert_eq!(answer["task_completed"]["title"], "buy milk for the tea", "{answer}");

    user.say("add a task to buy milk for the tea").await;
    user.say("complete the milk task").await;
    let answer = user.say("cat").await;
    assert_eq!(answer["task_completed"]["title"], "buy milk for the cat", "{answer}");

    user.say("add a task to buy milk for the cat").await;
    user.say("complete the milk task").await;
    let answer = user.say("2").await;
    assert_eq!(answer["task_completed"]["status"], "completed", "{answer}");
}

#[tokio::test]
async fn a_task_that_is_not_there_is_asked_for() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    let answer = user.say("complete the task wash the car").await;
    assert_eq!(answer["clarification_needed"], true);
    assert!(words(&answer).contains("found no task"), "{answer}");
}

#[tokio::test]
async fn the_answer_which_task_is_meant_is_acted_on() {
    let user = User::new().await;
    for title in ["buy milk", "buy bread", "call mom"] {
        user.say(&format!("add a task to {title}")).await;
    }
    let answer = user.say_in("another", "complete it").await;
    assert_eq!(words(&answer), "I do not know which task you mean. Please name it.");
    let answer = user.say_in("another", "buy bread").await;
    assert_eq!(answer["task_completed"]["title"], "buy bread", "{answer}");

    user.say("show my tasks").await;
    user.say("complete 7").await;
    let answer = user.say("8").await;
    assert!(words(&answer).starts_with("There is no number 8"), "{answer}");
    let answer = user.say("2").await;
    assert_eq!(answer["task_completed"]["title"], "call mom", "{answer}");
}

#[tokio::test]
async fn a_new_task_is_no_answer_which_one_is_meant() {
    let user = User::new().await;
    let answer = user.say("complete the task wash the car").await;
    assert!(words(&answer).contains("found no task"), "{answer}");
    let answer = user.say("buy milk tomorrow at 5pm").await;
    assert_eq!(answer["task_created"]["title"], "buy milk", "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn a_change_leaves_what_it_does_not_name() {
    let user = User::new().await;
    user.say("add a high priority task to buy milk tomorrow at 5pm").await;
    let answer = user.say("move it to friday").await;
    assert_eq!(answer["intent_detected"], "update_task");
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-27T17:00:00+05:00", "{answer}");
    assert_eq!(answer["task_updated"]["priority"], "high");
    let said = "Changed \"buy milk\": due Friday, 27 November 2026 at 17:00 (Asia/Karachi).";
    assert_eq!(words(&answer), said);
    let answer = user.say("rename it to buy oat milk").await;
    assert_eq!(answer["task_updated"]["title"], "buy oat milk", "{answer}");
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-27T17:00:00+05:00");
}

#[tokio::test]
async fn an_answer_changes_the_task_that_was_asked_about_last() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to meet bob").await;
    let answer = user.say("change the task meet bob").await;
    assert!(words(&answer).starts_with("What should change?"), "{answer}");
    user.say("change the task buy milk").await;
    let answer = user.say("high priority").await;
    assert_eq!(answer["task_updated"]["title"], "buy milk", "{answer}");
    let answer = user.say("delete").await;
    assert_eq!(words(&answer), "Which task do you mean?");
    let answer = user.say("meet bob").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(answer["candidates"][0]["title"], "meet bob");
}

#[tokio::test]
async fn a_change_to_a_day_that_does_not_exist_changes_nothing_yet() {
    let user = User::new().await;
    user.say("add a task to pay rent tomorrow at 5pm").await;
    let answer = user.say("move it to 31 feb").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    let answer = user.say("yes").await;
    assert_eq!(answer["task_updated"]["due_date"], "2027-02-28T17:00:00+05:00", "{answer}");
}

#[tokio::test]
async fn numbers_mean_what_was_shown_last() {
    let user = User::new().await;
    for title in ["buy milk tomorrow", "call mom on friday", "pay rent on 1 december"] {
        user.say(&format!("add a task to {title}")).await;
    }
    let answer = user.say("show my tasks").await;
    assert!(words(&answer).contains("2. \"call mom\""), "{answer}");
    let answer = user.say("complete 2").await;
    assert_eq!(answer["task_completed"]["title"], "call mom", "{answer}");
    let answer = user.say("done with the last one").await;
    assert_eq!(answer["task_completed"]["title"], "pay rent", "{answer}");
    let answer = user.say("complete 7").await;
    assert_eq!(answer["clarification_needed"], true);
    assert!(words(&answer).contains("There is no number 7"), "{answer}");
}

#[tokio::test]
async fn numbers_and_pronouns_without_anything_shown_are_asked_about() {
    let user = User::new().await;
    user.say_in("another", "add a task to buy milk").await;
    user.say_in("another", "show my tasks").await;
    for text in ["complete 1", "complete it", "delete the last one"] {
        let answer = user.say(text).await;
        assert_eq!(answer["clarification_needed"], true, "{text}: {answer}");
    }
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn a_number_whose_task_is_gone_is_asked_about() {
    let user = User::new().await;
    let milk = user.say("add a task to buy milk").await;
    user.say("show my tasks").await;
    let cause = user.cause();
    user.application
        .delete(&cause, id(&milk["task_created"]), None, Default::default())
        .await
        .expect("a deletion");
    for text in ["complete 1", "complete it"] {
        let answer = user.say(text).await;
        assert_eq!(answer["clarification_needed"], true, "{answer}");
        assert!(words(&answer).contains("not there any more"), "{answer}");
    }
}

#[tokio::test]
async fn a_list_of_long_ago_is_not_numbered_any_more() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("show my tasks").await;
    user.clock.advance(std::time::Duration::from_secs(25 * 3_600));
    let answer = user.say("complete 1").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
}

#[tokio::test]
async fn undo_takes_back_the_last_thing() {
    let user = User::new().await;
    user.say("add a task to buy milk tomorrow at 5pm").await;
    let answer = user.say("undo").await;
    assert_eq!(answer["task_deleted"]["title"], "buy milk", "{answer}");
    assert!(user.titles().await.is_empty());
    let answer = user.say("undo").await;
    assert_eq!(answer["clarification_needed"], true, "once only: {answer}");

    user.say("add a task to call mom tomorrow at 5pm").await;
    user.say("move it to friday").await;
    let answer = user.say("undo").await;
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-22T17:00:00+05:00", "{answer}");

    user.say("complete it").await;
    let answer = user.say("undo").await;
    assert_eq!(answer["task_updated"]["status"], "active", "{answer}");

    user.say("delete it").await;
    user.say("yes").await;
    assert!(user.titles().await.is_empty());
    let answer = user.say("undo").await;
    assert_eq!(answer["task_updated"]["status"], "active", "{answer}");
    assert_eq!(user.titles().await, ["call mom"]);
}

#[tokio::test]
async fn undo_goes_back_step_by_step() {
    let user = User::new().await;
    let created = user.say("add a task to buy milk tomorrow at 5pm").await;
    user.say("move it to friday").await;
    user.say("make it urgent").await;
    let patch = serde_json::json!({"description": "two litres"});
    let patch = patch.as_object().expect("an object");
    let milk = id(&created["task_created"]);
    user.application.update(&user.cause(), milk, patch, None, None).await.expect("a change");
    let steps = ["priority", "due_date", "status", "description"];
    let after = |answer: &serde_json::Value| {
        let effect = ["task_updated", "task_deleted"].into_iter().find(|name| answer[*name].is_object());
        answer[effect.expect("an effect")].clone()
    };
    let mut seen = Vec::new();
    for step in &steps[..2] {
        seen.push(after(&user.say("undo").await)[*step].clone());
    }
    assert_eq!(seen, ["medium", "2026-11-22T17:00:00+05:00"]);
    assert_eq!(after(&user.say("undo").await)["status"], "deleted");
    let answer = user.say("undo").await;
    assert_eq!(answer["clarification_needed"], true, "a deleted task can not be changed: {answer}");
}

#[tokio::test]
async fn undo_names_the_task_that_was_changed_since_and_leaves_it() {
    let user = User::new().await;
    let created = user.say("add a task to buy milk tomorrow at 5pm").await;
    user.say("make it urgent").await;
    let patch = serde_json::json!({"priority": "low"});
    let patch = patch.as_object().expect("an object");
    let milk = id(&created["task_created"]);
    user.application.update(&user.cause(), milk, patch, None, None).await.expect("a change");
    for _ in 0..2 {
        let answer = user.say("undo").await;
        let said = "I can not undo that: \"buy milk\" was changed since then. It was left as it is.";
        assert_eq!(words(&answer), said);
        assert_eq!(answer.get("task_updated"), None);
    }
    let answer = user.say("show my tasks").await;
    assert_eq!(answer["tasks"][0]["priority"], "low", "{answer}");
}

#[tokio::test]
async fn nothing_to_undo_is_said_where_nothing_was_done() {
    let user = User::new().await;
    let answer = user.say("undo").await;
    assert_eq!(words(&answer), "There is nothing to undo.");
}

#[tokio::test]
async fn deleting_one_of_a_series_lets_the_series_live() {
    let user = User::new().await;
    let created = user.say("add a task to water the plants every monday at 9am").await;
    user.say("delete it").await;
    user.say("yes").await;
    let spawned = user.application.spawn_successor(&user.cause(), id(&created["task_created"])).await;
    assert!(spawned.expect("a successor").is_some());
    assert_eq!(user.titles().await, ["water the plants"]);
}

#[tokio::test]
async fn undoing_a_completion_takes_the_next_occurrence_away() {
    let user = User::new().await;
    let created = user.say("add a task to water the plants every monday at 9am").await;
    user.say("complete it").await;
    let cause = user.cause();
    let spawned = user.application.spawn_successor(&cause, id(&created["task_created"])).await;
    assert!(spawned.expect("a successor").is_some());
    user.say("undo").await;
    assert_eq!(user.titles().await, ["water the plants"]);
}
