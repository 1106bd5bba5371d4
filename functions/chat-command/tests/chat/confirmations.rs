//! What is said first, and done after a yes, to exactly the tasks that were named.

use std::time::Duration;

use domain::task::Status;

use crate::user::{User, id, words};

#[tokio::test]
async fn a_deletion_waits_for_a_yes() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    let answer = user.say("delete the task buy milk").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(answer["intent_detected"], "delete_task");
    assert_eq!(answer["candidates"][0]["title"], "buy milk");
    assert_eq!(answer.get("task_deleted"), None);
    assert_eq!(user.titles().await, ["buy milk"]);
    let answer = user.say("yes").await;
    assert_eq!(answer["intent_detected"], "delete_task");
    assert_eq!(answer["task_deleted"]["title"], "buy milk", "{answer}");
    assert!(user.titles().await.is_empty());
    let answer = user.say("yes").await;
    assert_eq!(answer["clarification_needed"], true, "a yes counts once: {answer}");
}

#[tokio::test]
async fn a_no_drops_what_was_proposed() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("delete the task buy milk").await;
    let answer = user.say("no").await;
    assert!(words(&answer).contains("nothing was changed"), "{answer}");
    user.say("yes").await;
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn a_proposal_expires() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("delete the task buy milk").await;
    user.clock.advance(Duration::from_secs(600));
    let answer = user.say("yes").await;
    assert_eq!(answer["clarification_needed"], true);
    assert!(words(&answer).contains("a while ago"), "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn another_command_drops_what_was_proposed() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("delete the task buy milk").await;
    user.say("add a task to call mom").await;
    user.say("yes").await;
    assert_eq!(user.titles().await, ["buy milk", "call mom"]);
}

#[tokio::test]
async fn something_unclear_leaves_the_proposal_open() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("delete the task buy milk").await;
    let answer = user.say("🤔").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
    user.say("yes").await;
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn deleting_all_means_those_that_were_named() {
    let user = User::new().await;
    let milk = user.say("add a task to buy milk").await;
    user.say("add a task to call mom").await;
    user.say("add a task to pay rent").await;
    let answer = user.say("delete all tasks").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(3));
    user.say_in("another", "add a task to wash the car").await;
    let cause = user.cause();
    user.application.complete(&cause, id(&milk["task_created"]), None, None).await.expect("done");
    let answer = user.say("yes").await;
    assert!(
        words(&answer).contains("Left out, because something changed meanwhile: \"buy milk\""),
        "{answer}"
    );
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(2));
    assert_eq!(user.titles().await, ["buy milk", "wash the car"]);
}

#[tokio::test]
async fn a_proposal_names_ten_tasks_and_counts_the_others() {
    let user = User::new().await;
    for number in 1..=12 {
        user.say(&format!("add a task to paint wall number{number}")).await;
    }
    let answer = user.say("delete all tasks").await;
    assert!(words(&answer).starts_with("Shall I delete these tasks (12)?"), "{answer}");
    assert!(words(&answer).ends_with("\n10. \"paint wall number10\"\nand 2 more"), "{answer}");
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(12));
    let answer = user.say("yes").await;
    assert!(words(&answer).starts_with("Deleted 12 tasks: \"paint wall number1\", "), "{answer}");
    assert!(words(&answer).contains("\"paint wall number10\" and 2 more"), "{answer}");
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn more_than_a_hundred_tasks_are_refused() {
    let user = User::new().await;
    for number in 0..101 {
        let title = domain::task::Title::parse(&format!("task {number}")).expect("a title");
        let fields = application::input::TaskFields { title: Some(title), ..Default::default() };
        user.application.create(&user.cause(), &fields, None).await.expect("a task");
    }
    let answer = user.say("delete all tasks").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert!(words(&answer).contains("more than 100"), "{answer}");
    user.say("yes").await;
    assert_eq!(user.titles_with(Some(Status::Deleted)).await.len(), 0);
}

#[tokio::test]
async fn completing_several_waits_for_a_yes() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to call mom").await;
    user.say("show my tasks").await;
    let answer = user.say("complete 1 and 2").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    let answer = user.say("yes").await;
    assert_eq!(answer["tasks"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(user.titles_with(Some(Status::Completed)).await.len(), 2);
}

#[tokio::test]
async fn a_negation_does_nothing() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("delete the task buy milk").await;
    let answer = user.say("don't delete the milk task").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    user.say("yes").await;
    assert_eq!(user.titles().await, ["buy milk"]);
}
