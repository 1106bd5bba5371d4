//! What is said of tasks, in the three languages side by side.

use application::change::{PlannedWrite, new_task, plan_write};
use application::chat::Loaded;
use application::input::TaskFields;
use application::snooze::SnoozeUntil;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::due::Due;
use domain::recurrence::{Anchor, Frequency, Parts, Rule, Until};
use domain::reminder::{Lead, LeadUnit, Method, Reminder, When};
use domain::settings::{Locale, Settings};
use domain::task::{Change as Kind, Priority, Status, Task, Title};
use events::Cause;
use events::payload::Actor;
use language::{Changes, DueChange, Query};
use runtime::clock::new_id;

use super::*;
use crate::state::Act;
use crate::understanding::Utterance;
use crate::unfit::{Flaw, Unfit};

const KARACHI: Tz = Tz::Asia__Karachi;
/// Sunday, 22 November 2026, 17:00 in Karachi.
const DUE: &str = "2026-11-22T12:00:00Z";

fn instant_of(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn now() -> DateTime<Utc> {
    instant_of("2026-11-21T07:00:00Z")
}

fn cause() -> Cause {
    Cause {
        user_id: "local".to_owned(),
        now: now(),
        correlation_id: "test".to_owned(),
        traceparent: String::new(),
        source_service: "test",
        new_id,
    }
}

fn settings() -> Settings {
    Settings::defaults(KARACHI)
}

fn task(title: &str) -> Task {
    let title = Some(Title::parse(title).expect("a title"));
    let fields = TaskFields { title, ..TaskFields::default() };
    new_task(&cause(), new_id(now()), &fields, &settings()).expect("a task")
}

fn due(title: &str) -> Task {
    Task { due: Some(Due::instant(instant_of(DUE), KARACHI)), ..task(title) }
}

fn loaded(task: Task) -> Loaded {
    Loaded { task, due_at: None, reminder_id: None, settings_version: 0 }
}

fn planned(before: Option<Task>, after: Task, kind: Kind) -> PlannedWrite {
    let before = before.map(loaded);
    plan_write(&cause(), before.as_ref(), after, &settings(), kind, &Actor::user("local"))
}

/// Checks a message in the three languages.
fn says(message: impl Fn(Language) -> String, english: &str, urdu: &str, latin_urdu: &str) {
    assert_eq!(message(English), english);
    let bare = message(Urdu).replace(['\u{2068}', '\u{2069}'], "");
    assert_eq!(bare, urdu);
    assert_eq!(message(LatinUrdu).replace(['\u{2068}', '\u{2069}'], ""), latin_urdu);
}

#[test]
fn a_new_task_is_spelled_out() {
    let mut new = due("دودھ لانا");
    (new.priority, new.tags) = (Priority::High, vec!["home".to_owned(), "work".to_owned()]);
    let new = [planned(None, new, Kind::Created)];
    says(
        |language| created(language, &new, &settings(), now()),
        "Created \u{2068}\"دودھ لانا\"\u{2069}, due Sunday, 22 November 2026 at 17:00 (Asia/Karachi), high priority, \
         tagged #home and #work.",
        "کام “دودھ لانا” بنا دیا گیا: اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)، زیادہ ترجیح، ٹیگ #home اور #work۔",
        "Task “دودھ لانا” bana diya gaya: itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi), zyada tarjeeh, \
         tag #home aur #work.",
    );
    let plain = [planned(None, task("doodh lana"), Kind::Created)];
    says(
        |language| created(language, &plain, &settings(), now()),
        "Created \"doodh lana\".",
        "کام “doodh lana” بنا دیا گیا۔",
        "Task “doodh lana” bana diya gaya.",
    );
}

#[test]
fn one_task_and_several_are_acted_on_in_one_sentence() {
    let milk = due("milk");
    let done = |kind| {
        let milk = (milk.clone(), planned(Some(milk.clone()), milk.clone(), kind));
        let bread = (task("bread"), planned(None, task("bread"), kind));
        [milk, bread]
    };
    let completed = done(Kind::Completed);
    says(
        |language| acted(language, Act::Complete, &completed[..1], &settings()),
        "Marked \"milk\" as done.",
        "کام “milk” مکمل کر دیا گیا۔",
        "Task “milk” mukammal kar diya gaya.",
    );
    says(
        |language| acted(language, Act::Complete, &completed, &settings()),
        "Marked 2 tasks as done: \"milk\" and \"bread\".",
        "یہ 2 کام مکمل کر دیے گئے: “milk” اور “bread”۔",
        "Yeh 2 task mukammal kar diye gaye: “milk” aur “bread”.",
    );
    says(
        |language| acted(language, Act::Reopen, &completed[..1], &settings()),
        "Opened \"milk\" again, due Sunday, 22 November 2026 at 17:00 (Asia/Karachi).",
        "کام “milk” دوبارہ کھول دیا گیا، اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)۔",
        "Task “milk” dobara khol diya gaya, itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi).",
    );
    says(
        |language| acted(language, Act::Delete, &completed[..1], &settings()),
        "Deleted \"milk\". Say \"undo\" to bring it back.",
        "کام “milk” حذف کر دیا گیا۔ بحال کرنے کے لیے “واپس لیں” لکھیں۔",
        "Task “milk” delete kar diya gaya. Bahal karne ke liye “wapas karein” likhein.",
    );
    let until = instant_of("2026-11-22T04:00:00Z");
    says(
        |language| snoozed(language, until, &completed, KARACHI, &settings()),
        "Snoozed 2 tasks until Sunday, 22 November 2026 at 09:00 (Asia/Karachi): \"milk\" and \"bread\".",
        "“milk” اور “bread”، ان 2 کاموں کی یاد دہانی دوبارہ اس وقت ہو گی: اتوار، 22 نومبر 2026، صبح 9:00 بجے (Asia/Karachi)۔",
        "“milk” aur “bread”, in 2 task ki yaad-dehani dobara is waqt hogi: itwar 22 November 2026, subah 9:00 baje (Asia/Karachi).",
    );
    says(
        |language| snoozed(language, until, &completed[..1], KARACHI, &settings()),
        "Snoozed \"milk\" until Sunday, 22 November 2026 at 09:00 (Asia/Karachi).",
        "کام “milk” کی یاد دہانی دوبارہ اس وقت ہو گی: اتوار، 22 نومبر 2026، صبح 9:00 بجے (Asia/Karachi)۔",
        "Task “milk” ki yaad-dehani dobara is waqt hogi: itwar 22 November 2026, subah 9:00 baje (Asia/Karachi).",
    );
}

#[test]
fn a_change_names_what_is_different() {
    let before = due("milk");
    let mut after = Task { due: None, priority: Priority::Low, ..before.clone() };
    after.title = Title::parse("oat milk").expect("a title");
    let changed = [(before.clone(), planned(Some(before), after, Kind::Updated))];
    says(
        |language| acted(language, Act::Update, &changed, &settings()),
        "Changed \"milk\": it is called \"oat milk\" now, without a due time, low priority.",
        "کام “milk” تبدیل کر دیا گیا: نیا نام “oat milk”، اب کوئی وقت مقرر نہیں، کم ترجیح۔",
        "Task “milk” tabdeel kar diya gaya: naya naam “oat milk”, ab koi waqt muqarrar nahin, kam tarjeeh.",
    );
}

#[test]
fn a_proposal_is_a_question_with_the_tasks_below() {
    let both = [loaded(due("milk")), loaded(task("bread"))];
    says(
        |language| propose(language, Act::Delete, &both, "", KARACHI),
        "Shall I delete these tasks (2)? Please answer yes or no.\n\
         1. \"milk\", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi)\n2. \"bread\"",
        "کیا یہ 2 کام حذف کر دیے جائیں؟ براہ کرم ہاں یا نہیں میں جواب دیں۔\n\
         1. “milk”، اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)\n2. “bread”",
        "Kya yeh 2 task delete kar diye jayein? Barah-e-karam haan ya nahin mein jawab dein.\n\
         1. “milk”, itwar 22 November 2026, shaam 5:00 baje (Asia/Karachi)\n2. “bread”",
    );
}

#[test]
fn whether_one_is_free_is_answered_with_yes_or_no() {
    let about = Utterance::new(String::new(), now(), KARACHI, Locale::EnUs);
    let midnight = |day: &str| format!("2026-11-{day}T00:00:00").parse().expect("a time");
    let query = Query {
        status: Some(Status::Active),
        due_from: Some(midnight("22")),
        due_to: Some(midnight("23")),
        is_free: true,
        ..Query::default()
    };
    let answer = |language, tasks: &[Loaded]| {
        free(language, tasks, false, &described(language, &query, &about, tasks.len()), KARACHI)
    };
    says(
        |language| answer(language, &[]),
        "Yes, you are free. You have no open tasks due on Sunday, 22 November 2026 (Asia/Karachi).",
        "جی ہاں، وقت خالی ہے۔ آپ کا کوئی باقی کام (اتوار، 22 نومبر 2026، Asia/Karachi) نہیں ہے۔",
        "Ji haan, waqt khali hai. Aap ka koi baqi task (itwar 22 November 2026, Asia/Karachi) nahin hai.",
    );
    says(
        |language| answer(language, &[loaded(task("bread"))]),
        "No, you have 1 open task due on Sunday, 22 November 2026 (Asia/Karachi):\n1. \"bread\"",
        "جی نہیں، آپ کا 1 باقی کام (اتوار، 22 نومبر 2026، Asia/Karachi) ہے:\n1. “bread”",
        "Ji nahin, aap ka 1 baqi task (itwar 22 November 2026, Asia/Karachi) hai:\n1. “bread”",
    );
}

#[test]
fn a_count_is_a_number() {
    let about = Utterance::new(String::new(), now(), KARACHI, Locale::EnUs);
    let query = Query { overdue: true, status: Some(Status::Active), ..Query::default() };
    says(
        |language| count(language, 3, false, &described(language, &query, &about, 3)),
        "You have 3 overdue tasks.",
        "آپ کے 3 تاخیر شدہ کام ہیں۔",
        "Aap ke 3 overdue task hain.",
    );
}

#[test]
fn what_was_taken_back_is_named() {
    let back = [planned(None, due("milk"), Kind::Restored)];
    says(
        |language| undone(language, Act::Delete, &back, &settings()),
        "Undone: \"milk\" is back, due Sunday, 22 November 2026 at 17:00 (Asia/Karachi).",
        "پچھلا عمل واپس لے لیا گیا: کام “milk” اب دوبارہ موجود ہے، اتوار، 22 نومبر 2026، شام 5:00 بجے (Asia/Karachi)۔",
        "Pichla amal wapas le liya gaya: task “milk” ab dobara maujood hai, itwar 22 November 2026, shaam 5:00 baje \
         (Asia/Karachi).",
    );
}

#[test]
fn no_language_borrows_the_letters_of_another() {
    let messages: [fn(Language) -> String; 18] = [
        greeting,
        welcome,
        help,
        expired,
        forgotten,
        gone,
        missing_change,
        missing_target,
        missing_time,
        missing_title,
        negated,
        nothing_to_confirm,
        nothing_to_do,
        nothing_to_undo,
        one_at_a_time,
        unclear,
        unknown_it,
        yes_or_no,
    ];
    for message in messages {
        let urdu = message(Urdu);
        assert!(!urdu.contains(|c: char| c.is_ascii_alphabetic() || ",;?.\"".contains(c)), "{urdu}");
        for language in [English, LatinUrdu] {
            let text = message(language);
            assert!(!text.contains(|c: char| matches!(c, '\u{600}'..='\u{6ff}')), "{text}");
        }
        assert_ne!(message(English), message(LatinUrdu));
    }
}

#[test]
fn each_refusal_of_the_application_that_there_are_words_for_is_said_in_them() {
    let mut said = Vec::new();
    let at =
        |text: &str| Reminder { when: When::At(instant_of(text)), method: Method::Email, destination: None };
    let lead = Reminder {
        when: When::Lead(Lead { count: 1, unit: LeadUnit::Hours }),
        method: Method::Email,
        destination: None,
    };
    let rule = |until: Option<&str>| {
        let until = until.map(|day| Until::Date(day.parse().expect("a day")));
        Rule::new(Parts { until, ..Parts::every(Frequency::Daily) }).ok()
    };
    let rrule = |text: &str| Rule::parse_rrule(text, Anchor::Due, false).ok();
    let fields = |due: Option<&str>, reminders: Vec<Reminder>, recurrence: Option<Rule>| TaskFields {
        title: Title::parse("milk").ok(),
        due_date: due.map(|due| Some(due.to_owned())),
        reminders: Some(reminders),
        recurrence: Some(recurrence),
        ..TaskFields::default()
    };
    for (refused, expected) in [
        (fields(Some(DUE), vec![at("2026-11-20T07:00:00Z")], None), "یاد دہانی کا وقت گزر چکا ہے"),
        (fields(Some(DUE), vec![at("2026-11-23T07:00:00Z")], None), "یاد دہانی مقررہ وقت کے بعد ہو گی"),
        (fields(None, vec![lead], None), "یاد دہانی کے لیے مقررہ وقت ضروری ہے"),
        (fields(None, vec![], rule(None)), "دہرائی کے لیے پہلی تاریخ ضروری ہے"),
        (fields(Some(DUE), vec![], rule(Some("2026-11-20"))), "دہرائی پہلی تاریخ سے پہلے ختم ہو جائے گی"),
        (
            fields(Some("2026-11-22"), vec![], rrule("FREQ=HOURLY")),
            "اس دہرائی کے لیے دن کے ساتھ وقت بھی ضروری ہے",
        ),
        (
            fields(Some("2026-11-22T09:00:00"), vec![], rrule("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3")),
            "اس دہرائی سے پہلی تاریخ کے بعد کوئی تاریخ نہیں بنتی",
        ),
        (fields(Some("0000-01-01"), vec![], None), "سال 1 سے 9999 تک ہونا چاہیے"),
        (fields(Some("+10000-01-01"), vec![], None), "سال 1 سے 9999 تک ہونا چاہیے"),
    ] {
        let refusal = new_task(&cause(), new_id(now()), &refused, &settings()).expect_err("a refusal");
        let Unfit::Wrong(Flaw::Fields(issues)) = Unfit::from(refusal) else { panic!("{expected}") };
        said.push((issues, expected));
    }
    for (until, expected) in [
        ("2026-11-20T07:00:00Z", "وہ وقت گزر چکا ہے"),
        ("2027-11-23T07:00:00Z", "وہ ایک سال سے زیادہ آگے ہے"),
    ] {
        let until = SnoozeUntil::At(until.to_owned());
        said.push((until.instant(now(), KARACHI).expect_err("a refusal"), expected));
    }
    let mut rows = Vec::new();
    for (issues, expected) in said {
        rows.extend(issues.iter().map(|issue| flaws::known(issue).expect("it is known")));
        let flaw = Flaw::Fields(issues);
        assert_eq!(impossible(Urdu, &flaw), format!("یہ نہیں ہو سکتا: {expected}۔ کچھ تبدیل نہیں کیا گیا۔"));
    }
    rows.sort_unstable();
    assert_eq!(rows, (0..flaws::ISSUES.len()).collect::<Vec<_>>(), "each once");
}

#[test]
fn words_to_look_for_are_those_of_one_task_and_of_none() {
    let about = Utterance::new(String::new(), now(), KARACHI, Locale::EnUs);
    let query = Query { text: Some("milk".to_owned()), ..Query::default() };
    says(
        |language| count(language, 0, false, &described(language, &query, &about, 0)),
        "You have no tasks with \"milk\".",
        "آپ کا کوئی کام (جس میں “milk” ہو) نہیں ہے۔",
        "Aap ka koi task (jis mein “milk” ho) nahin hai.",
    );
}

#[test]
fn a_shift_is_counted_from_the_due_time_and_one_hour_is_one() {
    let about = Utterance::new(String::new(), now(), KARACHI, Locale::EnUs);
    let shifted = |by| Changes { due: Some(DueChange::Shift(by)), ..Changes::default() };
    says(
        |language| changes(language, &shifted(TimeDelta::days(2)), &about),
        "to 2 days later",
        "مقررہ وقت سے 2 دن بعد",
        "muqarrara waqt se 2 din baad",
    );
    says(
        |language| changes(language, &shifted(TimeDelta::hours(-1)), &about),
        "to 1 hour earlier",
        "مقررہ وقت سے 1 گھنٹہ پہلے",
        "muqarrara waqt se 1 ghanta pehle",
    );
}
