//! Conversations that go another way than a question expects: what answers nothing is never made into an answer.

use std::sync::Arc;

use domain::task::Status;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::user::{User, id, words};

/// Says these one after the other, and gives the last answer.
async fn told(user: &User, texts: &[&str]) -> Value {
    let mut answer = Value::Null;
    for text in texts {
        answer = user.say(text).await;
    }
    answer
}

#[tokio::test]
async fn a_new_task_is_no_other_date_for_the_one_before() {
    let user = User::new().await;
    let answer = told(&user, &["meeting on 31 feb at 5pm", "call mom tomorrow at 9am"]).await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T09:00:00+05:00");
    assert!(
        words(&answer).starts_with("The task \"meeting\" was not created. Created \"call mom\""),
        "{answer}"
    );
    assert_eq!(user.titles().await, ["call mom"]);
    let answer = user.say("yes").await;
    assert_eq!(answer["clarification_needed"], true, "the question is gone: {answer}");

    let answer = told(&user, &["dinner tomorrow at 25:00", "buy bread on friday at 6pm"]).await;
    assert_eq!(answer["task_created"]["title"], "buy bread", "{answer}");
}

#[tokio::test]
async fn another_day_or_time_takes_the_place_of_one_that_does_not_exist() {
    for (texts, due) in [
        (&["meeting on 31 feb at 5pm", "yes"][..], "2027-02-28T17:00:00+05:00"),
        (&["meeting on 31 feb at 5pm", "1 march"], "2027-03-01T17:00:00+05:00"),
        (&["meeting on 31 feb at 5pm", "no, 1 march"], "2027-03-01T17:00:00+05:00"),
        (&["meeting on 31 feb at 5pm", "no 1 march at 6pm"], "2027-03-01T18:00:00+05:00"),
        (&["meeting on 31 feb at 5pm", "yes, but at 6pm"], "2027-02-28T18:00:00+05:00"),
        (&["meeting on 31 feb at 5pm", "30 feb", "yes"], "2027-02-28T17:00:00+05:00"),
        (&["meeting tomorrow at 25:00", "6pm"], "2026-11-22T18:00:00+05:00"),
        (&["meeting tomorrow at 25:00", "friday at 6pm"], "2026-11-27T18:00:00+05:00"),
        (&["add a task", "meeting on 31 feb at 5pm", "yes"], "2027-02-28T17:00:00+05:00"),
        (&["remind me about the meeting", "31 feb at 5pm", "yes"], "2027-02-28T17:00:00+05:00"),
    ] {
        let user = User::new().await;
        let answer = told(&user, texts).await;
        assert_eq!(answer["task_created"]["due_date"], due, "{texts:?}: {answer}");
        let title = answer["task_created"]["title"].as_str().expect("a title").replace("the ", "");
        assert_eq!(title, "meeting", "{texts:?}");
    }
}

#[tokio::test]
async fn a_time_alone_is_no_yes_to_a_suggested_day() {
    let user = User::new().await;
    let answer = told(&user, &["meeting on 31 feb", "6pm"]).await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert!(words(&answer).contains("Did you mean Sunday, 28 February 2027?"), "{answer}");
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn another_task_is_no_time_for_the_one_before() {
    let user = User::new().await;
    let answer = told(&user, &["remind me to call mom", "book the flight on friday at 9"]).await;
    assert_eq!(answer["task_created"]["title"], "book the flight", "{answer}");
    assert!(words(&answer).starts_with("The task \"call mom\" was not created."), "{answer}");
    assert_eq!(user.titles().await, ["book the flight"]);

    let answer = told(&user, &["remind me to call dad", "show my tasks"]).await;
    assert!(words(&answer).starts_with("The task \"call dad\" was not created."), "{answer}");
    let answer = told(&user, &["remind me to call dad", "remind me to call dad tomorrow at 5"]).await;
    assert!(words(&answer).starts_with("Created \"call dad\""), "{answer}");

    let answer = told(&user, &["امی کو فون کرنا یاد دلائیں", "جمعہ کو صبح 9 بجے دودھ لانا ہے"]).await;
    assert_eq!(answer["task_created"]["title"], "دودھ لانا", "{answer}");
    assert!(words(&answer).contains("نہیں بنایا گیا۔"), "{answer}");
}

#[tokio::test]
async fn a_sentence_is_no_name_of_a_task() {
    for question in ["complete", "delete it", "move it to friday"] {
        let user = User::new().await;
        user.say_in("another", "add a task to call mom").await;
        let answer = user.say(question).await;
        assert_eq!(answer["clarification_needed"], true, "{question}: {answer}");
        let answer = user.say("call mom tomorrow at 5").await;
        assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00", "{question}: {answer}");
        assert_eq!(user.titles_with(Some(Status::Active)).await, ["call mom", "call mom"], "{question}");
    }
}

#[tokio::test]
async fn a_sentence_is_no_choice_out_of_several() {
    let user = User::new().await;
    told(&user, &["add a task to call mom", "add a task to call dad"]).await;
    let answer = told(&user, &["complete the call task", "call mom tomorrow at 5"]).await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
    assert_eq!(user.titles_with(Some(Status::Completed)).await.len(), 0);
}

#[tokio::test]
async fn several_of_those_offered_are_proposed_together() {
    for (text, titles) in [
        ("1 and 2", &["buy milk for the cat", "buy milk for the tea"][..]),
        ("1, 3", &["buy milk for the cat", "buy milk for us"]),
        ("all", &["buy milk for the cat", "buy milk for the tea", "buy milk for us"]),
        ("all of them", &["buy milk for the cat", "buy milk for the tea", "buy milk for us"]),
    ] {
        let user = User::new().await;
        for title in ["milk for the cat", "milk for the tea", "milk for us"] {
            user.say(&format!("add a task to buy {title}")).await;
        }
        let answer = told(&user, &["complete the milk task", text]).await;
        assert_eq!(answer["confirmation_needed"], true, "{text}: {answer}");
        assert_eq!(user.titles_with(Some(Status::Completed)).await.len(), 0);
        user.say("yes").await;
        assert_eq!(user.titles_with(Some(Status::Completed)).await, titles, "{text}");
    }
    let user = User::new().await;
    told(&user, &["add a task to call mom", "add a task to call dad"]).await;
    let answer = told(&user, &["delete the call task", "both"]).await;
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(2), "{answer}");
    user.say("yes").await;
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn a_courtesy_drops_what_was_to_be_deleted() {
    for courtesy in ["thanks", "hello", "help"] {
        let user = User::new().await;
        told(&user, &["add a task to buy milk", "delete buy milk"]).await;
        let answer = user.say(courtesy).await;
        assert!(words(&answer).starts_with("I did not delete anything. "), "{answer}");
        user.say("ok").await;
        assert_eq!(user.titles().await, ["buy milk"], "{courtesy}");
    }
    let user = User::new().await;
    let answer = told(&user, &["remind me to call mom", "thanks", "tomorrow at 6pm"]).await;
    assert_eq!(answer["task_created"]["title"], "call mom", "a question stays open: {answer}");
}

#[tokio::test]
async fn a_yes_with_something_else_is_no_yes() {
    for text in ["yes tomorrow", "yes, call mom", "ok, add a task to call mom", "yes?"] {
        let user = User::new().await;
        told(&user, &["add a task to buy milk", "delete buy milk"]).await;
        let answer = user.say(text).await;
        assert_eq!(answer["confirmation_needed"], true, "{text}: {answer}");
        assert_eq!(user.titles().await, ["buy milk"], "{text}");
        user.say("yes").await;
        assert!(user.titles().await.is_empty(), "{text}: it still waits");
    }
    let user = User::new().await;
    let answer = user.say("yes tomorrow").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn a_no_with_a_message_drops_the_proposal_and_is_heard() {
    let user = User::new().await;
    told(&user, &["add a task to buy milk", "delete buy milk"]).await;
    let answer = user.say("no, call mom").await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
    assert!(words(&answer).starts_with("I did not delete anything. Created"), "{answer}");
    user.say("yes").await;
    assert_eq!(user.titles().await, ["buy milk", "call mom"]);
}

#[tokio::test]
async fn an_act_that_is_a_question_is_asked_about() {
    let user = User::new().await;
    let created = user.say("add a task to buy milk tomorrow at 5pm").await;
    for text in [
        "mark buy milk as done?",
        "complete buy milk?",
        "move buy milk to friday?",
        "make it urgent?",
        "snooze it until tomorrow at 9am?",
        "done with buy milk?",
        "rename it to buy bread?",
        "buy milk wala kaam mukammal kar dein?",
        "ise jumma par kar dein?",
        "اسے مکمل کر دیں؟",
        "اسے جمعہ پر کر دیں؟",
    ] {
        let answer = user.say(text).await;
        let is_asked = answer["confirmation_needed"] == true || answer["clarification_needed"] == true;
        assert!(is_asked, "{text}: {answer}");
        user.say("no").await;
    }
    let answer = user.say("show my tasks").await;
    assert_eq!(answer["tasks"][0]["version"], created["task_created"]["version"], "{answer}");
    let answer = user.say("can you mark buy milk as done?").await;
    assert_eq!(answer["task_completed"]["title"], "buy milk", "{answer}");
}

#[tokio::test]
async fn a_day_too_far_away_is_not_suggested() {
    let user = User::new().await;
    let answer = user.say("pay rent in 100000000 days").await;
    assert!(words(&answer).contains("\"in 100000000 days\" is too far away"), "{answer}");
    user.say("yes").await;
    assert!(user.titles().await.is_empty());
    let answer = told(&user, &["remind me to pay rent", "in 100000000 days"]).await;
    assert!(words(&answer).contains("is too far away"), "{answer}");
    let answer = user.say("on friday").await;
    assert_eq!(answer["task_created"]["title"], "pay rent", "{answer}");
}

#[tokio::test]
async fn a_suggestion_for_a_change_is_taken_as_it_was_made() {
    let user = User::new().await;
    user.say("add a task to pay rent tomorrow at 5pm").await;
    let answer = told(&user, &["change the task pay rent", "to 31 feb"]).await;
    assert!(words(&answer).contains("Did you mean Sunday, 28 February 2027?"), "{answer}");
    let answer = user.say("yes").await;
    assert_eq!(answer["task_updated"]["due_date"], "2027-02-28T17:00:00+05:00", "{answer}");
    let answer = told(&user, &["change the task pay rent", "call mom tomorrow at 9am"]).await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
}

#[tokio::test]
async fn a_repetition_that_can_not_be_kept_is_asked_about_again() {
    let user = User::new().await;
    let answer = told(&user, &["remind me to water plants", "every monday at 9 and thursday at 10"]).await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert!(user.titles().await.is_empty());
    let answer = user.say("every monday at 9").await;
    assert_eq!(answer["task_created"]["title"], "water plants", "{answer}");
    assert_eq!(answer["task_created"]["recurrence_rule"]["pattern"], "weekly");
}

#[tokio::test]
async fn a_repetition_said_another_way_keeps_the_rest_of_the_sentence() {
    let user = User::new().await;
    let answer = told(&user, &["water plants every monday at 9 and thursday at 10", "every 2 days"]).await;
    assert_eq!(answer["task_created"]["title"], "water plants", "{answer}");
    assert_eq!(answer["task_created"]["recurrence_rule"]["interval"], 2, "{answer}");
}

#[tokio::test]
async fn nothing_that_an_answer_says_is_lost() {
    let user = User::new().await;
    let answer = told(&user, &["remind me to call mom", "tomorrow at 5 by push"]).await;
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00", "{answer}");
    assert_eq!(answer["task_created"]["reminder_config"]["delivery_method"], "push", "{answer}");
    let answer = told(&user, &["remind me to call dad", "30 minutes before", "tomorrow at 5"]).await;
    assert_eq!(answer["task_created"]["reminder_config"]["lead_time"], "30m", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00");
    let answer = told(&user, &["remind me to call bob", "tomorrow at 5, high priority #family"]).await;
    assert_eq!(answer["task_created"]["priority"], "high", "{answer}");
    assert_eq!(answer["task_created"]["tags"][0], "family", "{answer}");
    let answer = told(&user, &["change the task call bob", "high priority #work"]).await;
    assert_eq!(answer["task_updated"]["tags"][1], "work", "{answer}");
}

#[tokio::test]
async fn a_time_is_no_title_and_neither_is_a_question() {
    let user = User::new().await;
    let answer = told(&user, &["remind me", "tomorrow at 5"]).await;
    assert_eq!(words(&answer), "What should the task be called?");
    let answer = user.say("what?").await;
    assert_eq!(words(&answer), "What should the task be called?");
    let answer = user.say("call mom").await;
    assert_eq!(answer["task_created"]["title"], "call mom", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00");
    assert_eq!(user.titles().await, ["call mom"]);
}

#[tokio::test]
async fn an_answer_until_when_completes_a_snooze() {
    for text in ["until tomorrow at 9am", "tomorrow at 9am"] {
        let user = User::new().await;
        let created = user.say("add a task to dentist on friday at 5pm").await;
        let answer = told(&user, &["snooze dentist", text]).await;
        assert_eq!(answer["task_updated"]["snoozed_until"], "2026-11-22T04:00:00Z", "{text}: {answer}");
        assert_eq!(answer["task_updated"]["due_date"], created["task_created"]["due_date"], "{text}");
    }
    let user = User::new().await;
    user.say("add a task to call mom").await;
    let answer = user.say("snooze it for 0 minutes").await;
    assert_eq!(answer["clarification_needed"], true, "{answer}");
    assert!(words(&answer).starts_with("For how long?"), "{answer}");
}

#[tokio::test]
async fn a_number_alone_is_asked_about() {
    let user = User::new().await;
    told(&user, &["add a task to buy milk", "add a task to call mom"]).await;
    let answer = told(&user, &["show my tasks", "2"]).await;
    assert!(words(&answer).starts_with("What shall I do with \"call mom\"?"), "{answer}");
    user.say("yes").await;
    let answer = user.say("complete it").await;
    assert_eq!(answer["task_completed"]["title"], "call mom", "{answer}");
    assert_eq!(user.titles().await, ["buy milk", "call mom"]);
}

#[tokio::test]
async fn a_list_keeps_its_numbers_after_a_deletion() {
    let user = User::new().await;
    told(&user, &["add a task to buy milk", "add a task to call mom", "add a task to pay rent"]).await;
    told(&user, &["show my tasks", "delete 2", "yes"]).await;
    let answer = user.say("complete 2").await;
    assert!(words(&answer).contains("not there any more"), "{answer}");
    let answer = user.say("complete 3").await;
    assert_eq!(answer["task_completed"]["title"], "pay rent", "{answer}");
}

#[tokio::test]
async fn what_was_done_elsewhere_is_undone_only_after_a_yes() {
    let user = User::new().await;
    user.say_in("another", "add a task to buy milk").await;
    let answer = user.say("undo").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert!(words(&answer).contains("elsewhere: \"buy milk\" created. Shall I undo that?"), "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
    user.say("no").await;
    user.say("yes").await;
    assert_eq!(user.titles().await, ["buy milk"]);
    user.say("undo").await;
    let answer = user.say("yes").await;
    assert_eq!(answer["task_deleted"]["title"], "buy milk", "{answer}");
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn an_undo_that_waited_does_not_touch_what_was_changed_since() {
    let user = User::new().await;
    user.say_in("another", "add a task to buy milk").await;
    user.say("undo").await;
    user.say_in("another", "make it urgent").await;
    let answer = user.say("yes").await;
    assert!(words(&answer).contains("\"buy milk\" was changed since then"), "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
}

#[tokio::test]
async fn an_undo_of_the_last_thing_here_is_not_followed_by_one_elsewhere() {
    let user = User::new().await;
    user.say_in("another", "add a task to buy milk").await;
    told(&user, &["add a task to call mom", "undo"]).await;
    let answer = user.say("undo").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert_eq!(user.titles().await, ["buy milk"]);
}

/// Says the same to these all at once, twenty times to each.
async fn at_once(users: &[Arc<User>]) {
    let mut messages = JoinSet::new();
    for (number, user) in users.iter().flat_map(|user| (0..20).map(move |_| user)).enumerate() {
        let user = Arc::clone(user);
        let body =
            json!({"user_input": format!("add a task to paint wall {number}"), "conversation_id": "c"});
        messages.spawn(async move { user.post("/chat/command", &body).await });
    }
    for (status, answer) in messages.join_all().await {
        assert_eq!(status, 200, "{answer}");
        assert!(words(&answer).starts_with("Created \"paint wall "), "{answer}");
    }
    let mut titles = users[0].titles().await;
    titles.sort_unstable();
    let mut expected: Vec<_> = (0..users.len() * 20).map(|number| format!("paint wall {number}")).collect();
    expected.sort_unstable();
    assert_eq!(titles, expected);
    let (_, page) = users[0].get("/chat/conversations/c?limit=100").await;
    assert_eq!(page["messages"].as_array().map(Vec::len), Some(users.len() * 40));
}

#[tokio::test]
async fn forty_messages_at_once_in_one_conversation_are_forty_tasks() {
    let user = Arc::new(User::new().await);
    at_once(&[Arc::clone(&user), user]).await;
}

#[tokio::test]
async fn messages_at_once_through_two_instances_are_all_answered() {
    let database = devkit::testing::database(async |url| Ok(store::migrate(url).await?)).await;
    let user = || Arc::new(User::with_database(&database.url));
    at_once(&[user(), user()]).await;
}

#[tokio::test]
async fn one_of_a_series_is_skipped_and_all_of_it_deleted_when_that_is_said() {
    for (text, is_spawned) in
        [("delete the series", true), ("all of them", false), ("delete gym forever", true)]
    {
        let user = User::new().await;
        let created = user.say("add a task to gym every monday at 9am").await;
        let answer = told(&user, &["delete it", "yes"]).await;
        let said =
            "Skipped \"gym\" this time; it is due again Monday, 30 November 2026 at 09:00 (Asia/Karachi).";
        assert!(words(&answer).starts_with(said), "{answer}");
        let gym = id(&created["task_created"]);
        if is_spawned {
            let spawned = user.application.spawn_successor(&user.cause(), gym).await;
            assert!(spawned.expect("a successor").is_some());
        }
        let answer = user.say(text).await;
        assert_eq!(answer["confirmation_needed"], true, "{text}: {answer}");
        let answer = user.say("yes").await;
        assert_eq!(
            words(&answer),
            "Deleted \"gym\" with all its repetitions. Say \"undo\" to bring them back."
        );
        assert!(user.titles().await.is_empty(), "{text}");
        let spawned = user.application.spawn_successor(&user.cause(), gym).await;
        assert_eq!(spawned.expect("no failure"), None, "{text}: the series is over");
        user.say("undo").await;
        assert!(!user.titles().await.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_series_is_deleted_instead_of_the_one_that_was_proposed() {
    let user = User::new().await;
    user.say("add a task to gym every monday at 9am").await;
    let answer = told(&user, &["delete it", "delete the gym series"]).await;
    assert!(words(&answer).starts_with("Shall I delete \"gym\" with all its repetitions"), "{answer}");
    user.say("thanks").await;
    user.say("yes").await;
    assert_eq!(user.titles().await, ["gym"]);
    told(&user, &["delete it", "delete the gym series", "yes"]).await;
    assert!(user.titles().await.is_empty());
}

#[tokio::test]
async fn the_last_of_a_series_is_deleted() {
    let user = User::new().await;
    user.say("add a task to gym every monday at 9am until 25 november").await;
    let answer = told(&user, &["delete gym", "yes"]).await;
    assert!(words(&answer).starts_with("Deleted \"gym\""), "{answer}");
}
