//! What holds for any text at all.

use std::time::Duration;

use chrono::Timelike as _;
use chrono_tz::Tz;
use domain::settings::Locale;
use language::{Action, Context, Language, MAX_CHARS, Parse, Problem, TooLong, parse};
use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

fn context() -> Context {
    Context { now: "2026-11-18T10:00:00".parse().expect("a time"), zone: Tz::UTC, locale: Locale::EnGb }
}

fn check(text: &str, parse: &Parse) -> Result<(), TestCaseError> {
    prop_assert!(!parse.commands.is_empty());
    prop_assert!((0.0..=1.0).contains(&parse.confidence));
    prop_assert!(parse.problem.is_none() || parse.confidence < 0.7, "{:?}", parse);
    let chars: Vec<char> = text.chars().collect();
    for command in &parse.commands {
        let mut end = 0;
        for span in &command.spans {
            prop_assert!(span.start >= end && span.end > span.start && span.end <= chars.len(), "{span:?}");
            prop_assert_eq!(chars[span.start..span.end].iter().collect::<String>(), span.text.clone());
            end = span.end;
        }
    }
    Ok(())
}

/// Words that the grammar knows, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "buy",
        "milk",
        "tomorrow",
        "at",
        "5pm",
        "5",
        "on",
        "the",
        "5th",
        "friday",
        "next",
        "every",
        "other",
        "until",
        "december",
        "31",
        "feb",
        "remind",
        "me",
        "15",
        "minutes",
        "before",
        "delete",
        "all",
        "tasks",
        "done",
        "mark",
        "as",
        "move",
        "to",
        "it",
        "#home",
        "!!",
        "\"",
        "'",
        ",",
        ".",
        "in",
        "3",
        "days",
        "week",
        "month",
        "for",
        "times",
        "after",
        "i",
        "finish",
        "not",
        "don't",
        "show",
        "what's",
        "due",
        "rename",
        "change",
        "priority",
        "of",
        "high",
        "and",
        "2026-12-05",
        "99999999",
        "10000",
        "years",
        "noon",
        "half",
        "past",
        "quarter",
        "25:00",
        "00:00",
        "12am",
        "last",
        "first",
        "monday",
        "and",
        "snooze",
        "postpone",
        "by",
        "tag",
        "tagged",
        "with",
        "description",
        ":",
        "12/31/9999",
        "9999-12-31",
        "é",
        "🎉",
        "کل",
        "undo",
        "from",
        "1:1",
        "a",
        "an",
    ]);
    prop::collection::vec(word, 0..20).prop_map(|words| words.join(" "))
}

/// Words that the grammar of Urdu knows, of both scripts, in any order.
fn urdu_words() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let word = prop::sample::select(vec![
        "کل", "kal", "شام", "shaam", "صبح", "رات", "5", "۵", "پانچ", "ساڑھے", "سوا", "پونے", "ڈیڑھ", "بجے", "baje", "بج", "بجنے", "کر",
        "میں", "منٹ", "پر", "کو", "تک", "سے", "پہلے", "بعد", "کے", "کی", "کا", "ہر", "har", "روز", "روزانہ", "دوسرے", "ہفتے",
        "ہفتہ", "مہینے", "سال", "دن", "گھنٹے", "آدھے", "پیر", "جمعے", "jumme", "اتوار", "اور", "،", "۔", "؟", "آخر", "آخری",
        "تاریخ", "31", "فروری", "دسمبر", "december", "2026", "9999", "99999999", "10000", "اگلے", "اس", "آنے", "والے", "والا",
        "یاد", "دلانا", "دلا", "دو", "yaad", "dilana", "reminder", "snooze", "دوبارہ", "بھولنا", "مت", "نہیں", "نہ", "na", "حذف",
        "delete", "kar", "do", "کرو", "karo", "مٹا", "مکمل", "ہو", "گیا", "gaya", "کر", "لیا", "کام", "task", "سب", "2", "نام", "رکھ",
        "ٹیگ", "tag", "#گھر", "ضروری", "فوری", "!!", "ملتوی", "آگے", "شفٹ", "کیا", "kya", "کتنے", "دکھاؤ", "dikhao", "ہے", "hai",
        "ہوں", "free", "اسے", "یہ", "دودھ", "doodh", "لانا", "lana", "مجھے", "at", "5pm", "tomorrow", "every", "friday", "5/12",
        "12/31/9999", "\"", "'", ":", "#", "\u{200c}", "\u{200f}", "ختم", "کرنے", "بار", "چھوڑ", "سوائے", "علاوہ", "یکم", "بنا", "بناؤ",
    ]);
    prop::collection::vec(word, 0..20).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_understood_without_a_panic(text in any::<String>()) {
        check(&text, &parse(&text, &context()).expect("short enough"))?;
    }

    #[test]
    fn any_words_are_understood_without_a_panic(text in words()) {
        check(&text, &parse(&text, &context()).expect("short enough"))?;
    }

    #[test]
    fn any_urdu_words_are_understood_without_a_panic(text in urdu_words()) {
        check(&text, &parse(&text, &context()).expect("short enough"))?;
    }

    #[test]
    fn urdu_at_the_ends_of_time_is_no_panic(text in urdu_words(), year in prop::sample::select(vec![-262_142, 1, 9999, 262_141])) {
        let date = chrono::NaiveDate::from_ymd_opt(year, 12, 31).expect("a date");
        let context = Context { now: date.and_time(chrono::NaiveTime::MIN), ..context() };
        check(&text, &parse(&text, &context).expect("short enough"))?;
    }

    #[test]
    fn a_negation_of_urdu_never_acts(text in urdu_words()) {
        let parse = parse(&format!("{text} مت کرنا"), &context()).expect("short enough");
        for command in &parse.commands {
            let acts = matches!(command.action, Action::Delete { .. } | Action::Complete { .. } | Action::Reopen { .. });
            prop_assert!(!acts, "{:?}", command);
        }
    }

    #[test]
    fn the_same_text_is_understood_the_same_way(text in words()) {
        prop_assert_eq!(parse(&text, &context()), parse(&text, &context()));
    }

    #[test]
    fn the_ends_of_time_are_no_panic(text in words(), year in prop::sample::select(vec![-262_142, 1, 1970, 9999, 262_141])) {
        let date = chrono::NaiveDate::from_ymd_opt(year, 12, 31).expect("a date");
        let context = Context { now: date.and_time(chrono::NaiveTime::MIN), ..context() };
        check(&text, &parse(&text, &context).expect("short enough"))?;
    }

    #[test]
    fn a_negation_in_front_never_acts(text in words()) {
        let parse = parse(&format!("don't {text}"), &context()).expect("short enough");
        for command in &parse.commands {
            let idle = matches!(command.action, Action::Unknown(_) | Action::No | Action::Yes);
            prop_assert!(idle, "{:?}", command);
        }
    }
}

#[test]
fn a_key_whose_letters_are_compared_as_fewer_is_no_panic() {
    // As many bytes as "due:" and what its value is compared as.
    let parse = parse("buy milk today and the due\u{621}:\u{130}\u{130}", &context()).expect("short enough");
    assert_eq!(parse.commands.len(), 1);
}

#[test]
fn a_verb_in_front_of_another_verb_is_no_panic() {
    for text in ["ملتوی کرو کل ملتوی", "ملتوی کرو شام آگے", "شفٹ کرو \" آدھے سب jumme at شفٹ"]
    {
        let parse = parse(text, &context()).expect("short enough");
        assert!(!parse.commands.is_empty(), "{text}");
    }
}

#[test]
fn four_thousand_characters_are_read_and_one_more_is_not() {
    assert!(parse(&"é".repeat(MAX_CHARS), &context()).is_ok());
    assert_eq!(parse(&"é".repeat(MAX_CHARS + 1), &context()), Err(TooLong));
}

#[test]
fn the_longest_texts_take_no_longer_than_they_should() {
    for part in [
        "tomorrow ",
        "and ",
        "to ",
        "' ",
        "\" ",
        "#a ",
        "every ",
        "delete and ",
        "at 5 ",
        ", ",
        "the first ",
        "in 3 days ",
        "(",
        "move to ",
        "کل ",
        "اور ",
        "ہر ",
        "5 بجے ",
        "یاد دلانا ",
        "، ",
        "کر دو ",
        "حذف کر دو اور ",
        "ke liye ",
        "kal par kar do ",
        "kal ",
        "3 din baad ",
        "2 ko ",
        "مکمل ہو گیا ",
        "snooze ",
        "کا نام ",
    ] {
        let text: String = part.chars().cycle().take(MAX_CHARS).collect();
        let begun = processor_time();
        let _ = parse(&text, &context());
        let took = processor_time() - begun;
        assert!(took < Duration::from_secs(2), "{part:?} took {took:?}");
    }
}

#[test]
fn the_order_of_day_and_month_is_the_locales() {
    let due = |locale| {
        let parse = parse("call mom 11/06/2026", &Context { locale, ..context() }).expect("short enough");
        match &parse.commands[0].action {
            Action::Create(fields) => fields.due.map(|due| due.date.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(due(Locale::EnUs).as_deref(), Some("2026-11-06"));
    assert_eq!(due(Locale::EnGb).as_deref(), Some("2026-06-11"));
    assert_eq!(due(Locale::UrPk).as_deref(), Some("2026-06-11"));
}

#[test]
fn languages_are_told_apart_whatever_the_script() {
    let said = |text: &str| parse(text, &context()).expect("short enough").language;
    for text in [
        "کل شام پانچ بجے دودھ لانا یاد دلانا",
        "کل 5pm meeting",
        "میٹنگ",
        "call کرنا ہے امی کو",
        "کل meeting with client at 5pm",
    ] {
        assert_eq!(said(text), Language::Urdu, "{text}");
    }
    for text in [
        "kal shaam 5 baje doodh lana yaad dilana",
        "kal meeting at 5pm",
        "5 baje dentist ko call karna",
        "report submit karni hai by friday",
        "har roz gym",
        "shukriya",
        "2 ho gaya",
        "Kal subah 9 baje",
        "Mujhe Jumma ko Ammi ko phone karna hai",
        "5baje meeting",
        "task 2 delete kar do",
    ] {
        assert_eq!(said(text), Language::LatinUrdu, "{text}");
    }
    for text in [
        "buy milk for the kaam project",
        "buy doodh tomorrow",
        "call Kal Penn",
        "call Kal at 5pm",
        "do laundry",
        "pay par value",
        "meet Mangal for lunch",
        "order biryani from Shaam restaurant",
        "what does kaam mean",
        "sell the gym membership",
        "buy milk for امی tomorrow",
        "milk",
        "charge the car",
        "email Ali ki report",
        "yes",
        "no",
        "undo",
        "",
        "5",
    ] {
        assert_eq!(said(text), Language::English, "{text}");
    }
}

#[test]
fn a_day_that_does_not_exist_is_reported_with_the_last_one_that_does() {
    let parse = parse("pay rent on 31 feb", &context()).expect("short enough");
    let suggestion = "2027-02-28".parse().expect("a date");
    assert_eq!(parse.problem, Some(Problem::NoSuchDate { text: "31 feb".to_owned(), suggestion }));
}

#[test]
fn a_bare_hour_today_is_the_nearest_to_come() {
    let due = |now: &str, text: &str| {
        let context = Context { now: now.parse().expect("a time"), ..context() };
        match &parse(text, &context).expect("short enough").commands[0].action {
            Action::Create(fields) => {
                fields.due.map(|due| format!("{}T{}", due.date, due.time.expect("a time")))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(due("2026-11-18T03:00:00", "call mom at 5").as_deref(), Some("2026-11-18T05:00:00"));
    assert_eq!(due("2026-11-18T06:00:00", "call mom at 5").as_deref(), Some("2026-11-18T17:00:00"));
    assert_eq!(due("2026-11-18T18:00:00", "call mom at 5").as_deref(), Some("2026-11-19T17:00:00"));
    assert_eq!(due("2026-11-18T18:00:00", "call mom at 5pm").as_deref(), Some("2026-11-19T17:00:00"));
    assert_eq!(due("2026-11-18T18:00:00", "call mom at 8").as_deref(), Some("2026-11-18T20:00:00"));
}

/// The titles of new tasks, in the order said; nothing else may be asked for.
fn titles(text: &str) -> Vec<String> {
    let parse = parse(text, &context()).expect("short enough");
    let title = |command: &language::Command| match &command.action {
        Action::Create(fields) => fields.title.clone().expect("a title"),
        other => panic!("{text:?} asks for {other:?}"),
    };
    parse.commands.iter().map(title).collect()
}

#[test]
fn each_line_of_a_list_is_a_task() {
    for text in [
        "- buy milk\n- call mom\n- pay rent",
        "* buy milk\n* call mom\n* pay rent",
        "1. buy milk\n2. call mom\n3. pay rent",
        "to do:\n\u{2022} buy milk\n\u{2022} call mom\n\u{2022} pay rent",
        "- [ ] buy milk\n- [ ] call mom\n- [ ] pay rent",
        "buy milk\ncall mom\npay rent",
        "1. buy milk 2. call mom 3. pay rent",
    ] {
        assert_eq!(titles(text), ["buy milk", "call mom", "pay rent"], "{text:?}");
    }
    assert_eq!(titles("- milk\n- two eggs"), ["milk", "two eggs"]);
}

#[test]
fn lines_that_act_on_tasks_are_no_list_of_titles() {
    for text in
        ["- buy milk\n- delete all tasks", "buy milk\ndelete everything", "1. buy milk 2. delete all tasks"]
    {
        let parse = parse(text, &context()).expect("short enough");
        assert!(parse.confidence < 0.7, "{text:?}: {parse:?}");
    }
}

#[test]
fn nonsense_counts_are_asked_about_and_nothing_of_them_is_applied() {
    for text in [
        "water plants every 0 days",
        "water plants every -1 days",
        "water plants every 99999999 days",
        "water plants every day for 99999999999 times",
        "water plants every day for 0 times",
        "water plants in 100000000 days",
        "water plants in 99999 years",
        "water plants on 31 feb",
        "water plants on feb 30",
        "water plants on june 31st",
        "water plants at 25:00",
    ] {
        let parse = parse(text, &context()).expect("short enough");
        assert!(parse.confidence < 0.7 && parse.problem.is_some(), "{text}: {parse:?}");
        let Action::Create(fields) = &parse.commands[0].action else { panic!("{text}: {parse:?}") };
        assert_eq!((fields.due, &fields.recurrence), (None, &None), "{text}");
    }
}

#[test]
fn a_thumb_answers() {
    let action = |text: &str| parse(text, &context()).expect("short enough").commands[0].action.clone();
    for text in ["\u{1f44d}", "\u{1f44d}\u{1f3fd}", "\u{1f44d}\u{1f44d}", "\u{2705}"] {
        assert_eq!(action(text), Action::Yes, "{text}");
    }
    assert_eq!(action("\u{1f44e}"), Action::No);
    assert!(matches!(action("\u{1f44d}\u{1f44e}"), Action::Unknown(_)));
}

#[test]
fn holidays_of_one_country_are_read_there_only() {
    let due = |locale, text: &str| {
        let parse = parse(text, &Context { locale, ..context() }).expect("short enough");
        match &parse.commands[0].action {
            Action::Create(fields) => fields.due.map(|due| due.date.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(due(Locale::EnUs, "call bob on independence day").as_deref(), Some("2027-07-04"));
    assert_eq!(due(Locale::EnGb, "call bob on independence day"), None);
    assert_eq!(due(Locale::EnGb, "call bob on boxing day").as_deref(), Some("2026-12-26"));
}

#[test]
fn hours_to_come_are_hours_also_on_the_night_of_a_clock_change() {
    // New York, 7 March 2026, 18:00: clocks go forward at 2:00. London, 30 October 2027, 20:00: they go back at 2:00.
    for (zone, now, text, due) in [
        (Tz::America__New_York, "2026-03-07T18:00:00", "take the pill in 24 hours", "2026-03-08 19:00"),
        (Tz::America__New_York, "2026-03-07T18:00:00", "take the pill in 1 day", "2026-03-08"),
        (Tz::Europe__London, "2027-10-30T20:00:00", "restart the job in 12 hours", "2027-10-31 07:00"),
        (Tz::Europe__London, "2027-10-30T20:00:00", "12 ghante baad dawa leni hai", "2027-10-31 07:00"),
        (Tz::Europe__London, "2027-10-30T20:00:00", "snooze it for 12 hours", "2027-10-31 07:00"),
    ] {
        let context = Context { now: now.parse().expect("a time"), zone, ..context() };
        let found = match &parse(text, &context).expect("short enough").commands[0].action {
            Action::Create(fields) => fields.due.map_or_else(String::new, |due| {
                let time = due.time.map(|time| time.format(" %H:%M").to_string());
                due.date.to_string() + &time.unwrap_or_default()
            }),
            Action::Snooze { until, .. } => until.format("%Y-%m-%d %H:%M").to_string(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(found, due, "{text}");
    }
}

#[test]
fn minutes_to_come_are_counted_from_the_second_it_is_but_where_they_repeat() {
    for (text, due) in [
        ("call mom in 10 minutes", "10:10:59"),
        ("10 minute baad ammi ko call karna", "10:10:59"),
        ("call mom in 10 minutes every day", "10:10:00"),
    ] {
        let context = Context { now: "2026-11-18T10:00:59.7".parse().expect("a time"), ..context() };
        let Action::Create(fields) = &parse(text, &context).expect("short enough").commands[0].action else {
            panic!("{text} is a task")
        };
        let time = fields.due.and_then(|due| due.time).expect("a time");
        assert_eq!(time.to_string(), due, "{text}");
    }
}

#[test]
fn what_is_put_off_has_seconds_and_no_less() {
    let context = Context { now: "2026-11-18T10:00:59.7".parse().expect("a time"), ..context() };
    for text in
        ["snooze milk for 1 minute", "snooze it", "10 minute baad dobara yaad dilana", "snooze kar do"]
    {
        let parse = parse(text, &context).expect("short enough");
        if let Action::Snooze { until, .. } = parse.commands[0].action {
            assert_eq!((until.second(), until.nanosecond()), (59, 0), "{text}");
        } else {
            panic!("{text}: {:?}", parse.commands[0].action);
        }
    }
}

#[test]
fn four_times_the_length_takes_about_four_times_as_long() {
    let took = |text: &str, times: u32| {
        let begun = processor_time();
        (0..times).for_each(|_| drop(parse(text, &context())));
        processor_time() - begun
    };
    for begins in ["create a task to ", "delete ", "show tasks ", "کام ", ""] {
        for part in
            ["\"", "!?", "«", "a,", "5 ", "and ", "not ", "1 and ", "کل ", "kal ", "کر دو ", "\n- x", "#a "]
        {
            let text = |length: usize| -> String {
                begins.chars().chain(part.chars().cycle()).take(length).collect()
            };
            let (short, long) = (text(1_000), text(MAX_CHARS));
            // Four short ones take as long as the long one, and are as often in the way of whatever else the machine does.
            // Quadratic would be four times, each time.
            let is_linear = || took(&long, 1) * 4 < took(&short, 4) * 9;
            assert!((0..8).any(|_| is_linear()), "{begins}{part}");
        }
    }
}

/// What the processor has spent on this thread.
fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("it is not negative")
}
