//! Whole conversations in Urdu, in both scripts.

use serde_json::json;

use crate::user::{User, words};

/// Gives the words of an answer without the marks that keep directions apart.
fn bare(answer: &serde_json::Value) -> String {
    words(answer).replace(['\u{2068}', '\u{2069}'], "")
}

#[tokio::test]
async fn milk_tomorrow_evening_is_created_and_said_in_urdu() {
    let user = User::new().await;
    let answer = user.say("کل شام 5 بجے دودھ لانا ہے").await;
    assert_eq!(answer["intent_detected"], "create_task", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T17:00:00+05:00");
    let said = "کام “دودھ لانا” بنا دیا گیا: اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)۔";
    assert_eq!(bare(&answer), said);
}

#[tokio::test]
async fn latin_letters_are_answered_in_latin_letters() {
    let user = User::new().await;
    let answer = user.say("kal shaam 5 baje doodh lana yaad dilana").await;
    assert_eq!(answer["skill_agent_used"], "ReminderAgent", "{answer}");
    let said = "Task “doodh lana” bana diya gaya: itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi). \
                Yaad-dehani is waqt hogi: itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi) email se.";
    assert!(words(&answer).starts_with(said), "{answer}");
}

#[tokio::test]
async fn a_deletion_is_proposed_confirmed_and_taken_back_in_urdu() {
    let user = User::new().await;
    user.say("کل شام 5 بجے دودھ لانا ہے").await;
    let answer = user.say("دودھ لانا حذف کرو").await;
    assert_eq!(answer["confirmation_needed"], true, "{answer}");
    assert!(
        bare(&answer)
            .starts_with("کیا یہ کام حذف کر دیا جائے؟ براہ کرم ہاں یا نہیں میں جواب دیں۔\n1. “دودھ لانا”، ")
    );
    let answer = user.say("ہاں").await;
    assert_eq!(answer["task_deleted"]["title"], "دودھ لانا", "{answer}");
    assert!(bare(&answer).contains("“واپس لیں”"), "{answer}");
    let answer = user.say("واپس لیں").await;
    assert_eq!(answer["task_updated"]["status"], "active", "{answer}");
    assert!(
        bare(&answer).starts_with("پچھلا عمل واپس لے لیا گیا: کام “دودھ لانا” اب دوبارہ موجود ہے"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_missing_is_asked_and_answered_in_urdu() {
    let user = User::new().await;
    let answer = user.say("امی کو فون کرنا یاد دلانا").await;
    assert_eq!(words(&answer), "کب؟ براہ کرم کوئی دن یا وقت بتائیں۔", "{answer}");
    let answer = user.say("کل شام 6 بجے").await;
    assert_eq!(answer["task_created"]["due_date"], "2026-11-22T18:00:00+05:00", "{answer}");
    assert_eq!(answer["task_created"]["title"], "امی کو فون کرنا");

    let answer = user.say("جمعہ کو شام 5 بجے").await;
    assert_eq!(words(&answer), "کام کا نام کیا رکھا جائے؟", "{answer}");
    let answer = user.say("دودھ لانا").await;
    assert_eq!(answer["task_created"]["title"], "دودھ لانا", "{answer}");
    assert_eq!(answer["task_created"]["due_date"], "2026-11-27T17:00:00+05:00");

    user.say("اسے تبدیل کرو").await;
    let answer = user.say("پیر کو").await;
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-23T17:00:00+05:00", "{answer}");
}

#[tokio::test]
async fn which_task_is_meant_is_asked_and_answered_in_urdu() {
    let user = User::new().await;
    for text in ["دودھ لانا ہے", "انڈے لانا ہے", "روٹی لانا ہے"] {
        user.say(text).await;
    }
    user.say("میرے کام دکھاؤ").await;
    let answer = user.say("7 مکمل کرو").await;
    assert_eq!(words(&answer), "3 کاموں کی فہرست میں نمبر 7 نہیں ہے۔ کون سا کام مراد ہے؟");
    let answer = user.say("2").await;
    assert_eq!(answer["task_completed"]["title"], "انڈے لانا", "{answer}");
    assert_eq!(bare(&answer), "کام “انڈے لانا” مکمل کر دیا گیا۔");
    let answer = user.say("لانا والا کام مکمل کرو").await;
    assert_eq!(answer["candidates"].as_array().map(Vec::len), Some(2), "{answer}");
    let answer = user.say("دوسرا").await;
    assert_eq!(answer["task_completed"]["title"], "روٹی لانا", "{answer}");
    user.say("انڈے لانا ہے").await;
    user.say("لانا والا کام مکمل کرو").await;
    let answer = user.say("انڈے والا").await;
    assert_eq!(answer["task_completed"]["title"], "انڈے لانا", "{answer}");
    for text in ["anday lana hai", "doodh lana hai"] {
        user.say(text).await;
    }
    user.say("lana wala kaam mukammal karo").await;
    let answer = user.say("doodh wala").await;
    assert_eq!(answer["task_completed"]["title"], "doodh lana", "{answer}");
}

#[tokio::test]
async fn a_snooze_and_its_undo_are_said_in_latin_letters() {
    let user = User::new().await;
    user.say("kal shaam 5 baje doodh lana hai").await;
    let answer = user.say("ise kal subah 9 baje tak snooze karo").await;
    assert_eq!(answer["skill_agent_used"], "ReminderAgent", "{answer}");
    assert_eq!(answer["task_updated"]["snoozed_until"], "2026-11-22T04:00:00Z");
    let said = "Task “doodh lana” ki yaad-dehani dobara is waqt hogi: itwar 22 November 2026, subah 9:00 baje (Asia/Karachi).";
    assert!(words(&answer).starts_with(said), "{answer}");
    let answer = user.say("undo").await;
    assert!(words(&answer).starts_with("Pichla amal wapas le liya gaya: task “doodh lana”"), "{answer}");
}

#[tokio::test]
async fn whether_one_is_free_is_answered_in_urdu() {
    let user = User::new().await;
    user.say("کل شام 5 بجے دودھ لانا ہے").await;
    let answer = user.say("کیا میں کل شام فارغ ہوں؟").await;
    let said = "جی نہیں، آپ کا 1 باقی کام (اتوار، 22 نومبر 2026، شام 5:00 بجے سے رات 10:00 بجے تک، Asia/Karachi) ہے:\n1. “دودھ لانا”، ";
    assert!(bare(&answer).starts_with(said), "{answer}");
    let answer = user.say("kya main parson free hoon?").await;
    assert!(words(&answer).starts_with("Ji haan, waqt khali hai. "), "{answer}");
}

#[tokio::test]
async fn a_day_that_does_not_exist_is_asked_about_and_replaced_in_urdu() {
    let user = User::new().await;
    let answer = user.say("31 فروری کو کرایہ دینا ہے").await;
    assert!(
        bare(&answer).contains("“31 فروری” کوئی تاریخ نہیں ہے۔ کیا اتوار، 28 فروری 2027 مراد ہے؟"),
        "{answer}"
    );
    let answer = user.say("ہاں").await;
    assert_eq!(answer["task_created"]["due_date"], "2027-02-28", "{answer}");
    assert!(bare(&answer).ends_with("اتوار، 28 فروری 2027، پورا دن (Asia/Karachi)۔"), "{answer}");
}

#[tokio::test]
async fn a_task_is_moved_in_urdu() {
    let user = User::new().await;
    user.say("کل شام 5 بجے دودھ لانا ہے").await;
    let answer = user.say("اسے جمعہ کو کر دو").await;
    assert_eq!(answer["task_updated"]["due_date"], "2026-11-27T17:00:00+05:00", "{answer}");
    let said = "کام “دودھ لانا” تبدیل کر دیا گیا: اب جمعہ، 27 نومبر 2026، شام 5:00 بجے (Asia/Karachi)۔";
    assert_eq!(bare(&answer), said);
}

#[tokio::test]
async fn numbers_and_agreement_keep_the_language_of_the_conversation() {
    let user = User::new().await;
    user.say("add a task to buy milk").await;
    user.say("add a task to buy bread").await;
    let answer = user.say("میرے کام دکھاؤ").await;
    assert!(bare(&answer).starts_with("آپ کے 2 باقی کام یہ ہیں:\n1. “buy milk”"), "{answer}");
    let answer = user.say("ok").await;
    assert_eq!(words(&answer), "ہاں یا نہیں کا کوئی سوال باقی نہیں۔ بتائیں، کیا کرنا ہے؟", "{answer}");
}

#[tokio::test]
async fn every_example_of_a_reply_is_understood() {
    let user = User::new().await;
    for (text, intent) in [
        ("واپس لیں", "unknown"),
        ("wapas karein", "unknown"),
        ("reopen the milk task", "update_task"),
        ("دودھ والا کام دوبارہ کھولیں", "update_task"),
        ("doodh wala kaam dobara kholein", "update_task"),
        ("دودھ والا کام مکمل کریں", "complete_task"),
        ("doodh wala task mukammal karein", "complete_task"),
    ] {
        let (_, parsed) = user.post("/chat/parse", &json!({"user_input": text})).await;
        assert!(parsed["confidence_score"].as_f64() >= Some(0.7), "{text}: {parsed}");
        assert_eq!(parsed["intent_detected"], intent, "{text}: {parsed}");
    }
    for (text, priority) in [("high priority", "high"), ("زیادہ ترجیح", "high"), ("zyada tarjeeh", "high")]
    {
        user.say("add a task to buy milk").await;
        user.say("change it").await;
        let answer = user.say(text).await;
        assert_eq!(answer["task_updated"]["priority"], priority, "{text}: {answer}");
    }
}

#[tokio::test]
async fn every_example_of_the_help_is_understood() {
    let user = User::new().await;
    for (ask, expected) in [
        (
            "help",
            [
                "create_task",
                "create_task",
                "query_tasks",
                "update_task",
                "complete_task",
                "delete_task",
                "unknown",
            ],
        ),
        (
            "مدد",
            [
                "create_task",
                "create_task",
                "query_tasks",
                "update_task",
                "complete_task",
                "delete_task",
                "unknown",
            ],
        ),
        (
            "madad karein",
            [
                "create_task",
                "create_task",
                "query_tasks",
                "update_task",
                "complete_task",
                "delete_task",
                "unknown",
            ],
        ),
    ] {
        let help = user.say(ask).await;
        let lines = words(&help).lines().skip(1).map(|line| line.trim_start_matches("- "));
        let (last, first): (Vec<_>, Vec<_>) = lines.enumerate().partition(|(at, _)| *at == 4);
        let examples = first.into_iter().chain(last).flat_map(|(at, line)| match at {
            4 => line.split(['،', ',']).map(str::trim).collect::<Vec<_>>(),
            _ => vec![line],
        });
        let mut intents = Vec::new();
        for example in examples {
            let (_, parsed) = user.post("/chat/parse", &json!({"user_input": example})).await;
            assert!(parsed["confidence_score"].as_f64() >= Some(0.7), "{example}: {parsed}");
            intents.push(parsed["intent_detected"].as_str().expect("an intent").to_owned());
        }
        assert_eq!(intents, expected, "{ask}");
    }
}
