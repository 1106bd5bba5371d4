//! Absurd input: refused by name, or answered rightly; soon either way, and nothing is left behind.

use std::time::Duration;

use runtime::clock::Stopwatch;
use serde_json::{Value, json};
use tests::database::count;
use tests::world::{Answered, World, path_of};

/// How long an answer may take, in a debug build.
const SOON: Duration = Duration::from_millis(200);
/// How often something may be tried to be answered soon: a busy machine is no fault of the code.
const TRIES: usize = 3;
const DUE: &str = "2027-01-10T12:00:00";

async fn left_behind(world: &World) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in ["users", "tasks", "reminders", "events", "idempotency_keys", "audit_logs"] {
        rows.push(count(world, table).await);
    }
    rows
}

/// Asks until the answer comes soon.
async fn soon(world: &World, method: &str, path: &str, body: &Value) -> Answered {
    let mut fastest = Duration::MAX;
    for _ in 0..TRIES {
        let begin = Stopwatch::start();
        let answered = world.call(method, path, body).await;
        fastest = fastest.min(begin.elapsed());
        if fastest < SOON {
            return answered;
        }
    }
    panic!("{method} {path} {} took {fastest:?}", shown(body));
}

fn shown(body: &Value) -> String {
    body.to_string().chars().take(160).collect()
}

/// Sends a field to where it can be sent, and gives what is wrong with the answers.
async fn refusals(world: &World, task: &Value, field: &str, value: &Value, named: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (method, path) in [("POST", "/api/tasks".to_owned()), ("PATCH", path_of(task))] {
        let mut body = json!({"due_date": DUE});
        body[field] = value.clone();
        if method == "POST" {
            body["title"] = "a".into();
        }
        let answered = soon(world, method, &path, &body).await;
        let mut fields = answered.wrong_fields();
        fields.dedup();
        if (answered.status.as_u16(), fields) != (422, vec![named.to_owned()]) || answered.bytes.len() > 4_096
        {
            let told: String = String::from_utf8_lossy(&answered.bytes).chars().take(200).collect();
            wrong.push(format!("{method} {} wants {named}: {} {told}", shown(&body), answered.status));
        }
    }
    wrong
}

/// Checks that every value is refused by the name of the field, and leaves nothing behind.
async fn all_refused(field: &str, cases: Vec<(&str, Value)>) {
    let world = World::new().await;
    let task = world.create(json!({"title": "kept", "due_date": DUE})).await;
    let before = left_behind(&world).await;
    let mut wrong = Vec::new();
    for (named, value) in cases {
        wrong.extend(refusals(&world, &task, field, &value, named).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(left_behind(&world).await, before);
    assert_eq!(world.get(&path_of(&task)).await.ok(), task);
}

#[tokio::test]
async fn an_absurd_pattern_is_refused_by_the_part_that_is_wrong() {
    let daily = |field: &str, value: Value| {
        let mut rule = json!({"pattern": "daily"});
        rule[field] = value;
        rule
    };
    let mut cases = Vec::new();
    for value in [json!(0), json!(-1), json!(1_000_000_000), json!(1.5), json!("2"), json!([1]), json!(true)]
    {
        cases.push(("recurrence_rule.interval", daily("interval", value)));
    }
    for value in [json!(0), json!(-1), json!(1_000_000_000), json!("5"), json!(2.5)] {
        cases.push(("recurrence_rule.count", daily("count", value)));
    }
    for value in [json!("2027-01-09"), json!("2027-02-30"), json!("20270301"), json!(""), json!(20_270_301)] {
        cases.push(("recurrence_rule.until", daily("until", value)));
    }
    for value in [json!("birth"), json!(""), json!(1), json!(["due"])] {
        cases.push(("recurrence_rule.anchor", daily("anchor", value)));
    }
    for value in [json!("yes"), json!(1), json!("true")] {
        cases.push(("recurrence_rule.catch_up", daily("catch_up", value)));
    }
    for value in
        [json!("DAILY"), json!("secondly"), json!("fortnightly"), json!("ｄaily"), json!("daily\u{200b}")]
    {
        cases.push(("recurrence_rule.pattern", json!({"pattern": value})));
    }
    for value in [json!(["mon", "moon"]), json!("mon"), json!([""]), json!([null]), json!({"mon": true})] {
        cases.push(("recurrence_rule.weekdays", json!({"pattern": "weekly", "weekdays": value})));
    }
    for value in
        [json!([0]), json!([32]), json!([-32]), json!(["1"]), json!([1.5]), json!(1), json!([1_000_000_000])]
    {
        cases.push(("recurrence_rule.month_days", json!({"pattern": "monthly", "month_days": value})));
    }
    all_refused("recurrence_rule", cases).await;
}

#[tokio::test]
async fn an_absurd_rrule_is_refused() {
    let huge = [
        "X".repeat(100_000),
        "FREQ=DAILY;".repeat(10_000),
        format!("FREQ=MONTHLY;BYMONTHDAY={}1", "1,".repeat(50_000)),
        format!("FREQ=WEEKLY;BYDAY={}MO", "MO,".repeat(10_000)),
        format!("FREQ=DAILY;INTERVAL={}", "9".repeat(100_000)),
        format!("FREQ=DAILY;COUNT=1{}", "0".repeat(400)),
        "🗓".repeat(25_000),
    ];
    let texts = "
        INTERVAL=1 | FREQ= | FREQ=DAILY; | FREQ | =DAILY | ; | DAILY | every day
        FREQ=SECONDLY | FREQ=FORTNIGHTLY | FREQ=DAILY,WEEKLY
        FREQ=DAILY;INTERVAL=0 | FREQ=DAILY;INTERVAL=-1 | FREQ=DAILY;INTERVAL=1000000000 | FREQ=DAILY;INTERVAL=1.5
        FREQ=DAILY;INTERVAL= | FREQ=DAILY;INTERVAL=+1 | FREQ=DAILY;INTERVAL=٣ | FREQ=DAILY;INTERVAL=0x2
        FREQ=DAILY;COUNT=0 | FREQ=DAILY;COUNT=-1 | FREQ=DAILY;COUNT=1000000000 | FREQ=DAILY;COUNT=ten
        FREQ=DAILY;COUNT=2;UNTIL=20280101 | FREQ=DAILY;UNTIL=20270109 | FREQ=DAILY;UNTIL=20270110T115959Z
        FREQ=DAILY;UNTIL=20270230 | FREQ=DAILY;UNTIL=2028-01-01 | FREQ=DAILY;UNTIL=20280101T250000Z | FREQ=DAILY;UNTIL=
        FREQ=DAILY;FREQ=DAILY | FREQ=DAILY;INTERVAL=2;INTERVAL=2 | FREQ=DAILY;BYDAY=MO;byday=MO
        FREQ=DAILY;BYEASTER=0 | FREQ=DAILY;X-MOON=FULL | FREQ=DAILY;DTSTART=20270101 | FREQ=DAILY;TZID=Asia/Karachi
        FREQ=DAILY;BYSETPOS=1 | FREQ=MONTHLY;BYSETPOS=-1 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367
        FREQ=MONTHLY;BYMONTHDAY=0 | FREQ=MONTHLY;BYMONTHDAY=32 | FREQ=MONTHLY;BYMONTHDAY=-32 | FREQ=MONTHLY;BYMONTHDAY=1-5
        FREQ=YEARLY;BYMONTH=0 | FREQ=YEARLY;BYMONTH=13 | FREQ=YEARLY;BYMONTH=-1 | FREQ=YEARLY;BYMONTH=JAN | FREQ=YEARLY;BYMONTH=1,
        FREQ=YEARLY;BYYEARDAY=0 | FREQ=YEARLY;BYYEARDAY=367 | FREQ=YEARLY;BYWEEKNO=0 | FREQ=YEARLY;BYWEEKNO=54
        FREQ=WEEKLY;BYDAY=XX | FREQ=WEEKLY;BYDAY=MONDAY | FREQ=WEEKLY;BYDAY= | FREQ=WEEKLY;BYDAY=MO;WKST=1
        # What RFC 5545 forbids beside each other.
        FREQ=WEEKLY;BYDAY=1MO | FREQ=DAILY;BYDAY=-1MO | FREQ=YEARLY;BYWEEKNO=10;BYDAY=1MO | FREQ=WEEKLY;BYMONTHDAY=1
        FREQ=DAILY;BYYEARDAY=1 | FREQ=WEEKLY;BYYEARDAY=1 | FREQ=MONTHLY;BYYEARDAY=1 | FREQ=MONTHLY;BYWEEKNO=1
        # Days that there never are.
        FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30 | FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30 | FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31
        FREQ=MONTHLY;BYMONTH=2,4,6,9,11;BYMONTHDAY=31 | FREQ=MONTHLY;BYDAY=6MO | FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1
        FREQ=YEARLY;BYWEEKNO=20;BYMONTH=12 | FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8 | FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6
        FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30 | FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=31 | FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=-30
        # Looks like it.
        ＦＲＥＱ＝ＤＡＩＬＹ | FREQ=DAİLY | FREQ=DAıLY | FREQ=DAI\u{200d}LY | FREQ=DAILY\u{202e} | FREQ꞊DAILY | FREQ=DAILY；INTERVAL=2";
    let lines = texts.lines().filter(|line| !line.trim_start().starts_with('#'));
    let texts = lines
        .flat_map(|line| line.split('|'))
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    let mixed = [
        "",
        " ",
        "FREQ=DAILY\0",
        "FREQ=DAILY\nRRULE:FREQ=WEEKLY",
        "DTSTART:20270110T120000\nRRULE:FREQ=DAILY",
    ];
    let texts = texts.chain(huge).chain(mixed.map(str::to_owned)).map(Value::from);
    let others = [json!(5), json!(true), json!(["FREQ=DAILY"]), json!({"FREQ": "DAILY"})];
    let cases = texts.chain(others).map(|text| ("recurrence_rule.rrule", json!({"rrule": text})));
    all_refused("recurrence_rule", cases.collect()).await;
}

#[tokio::test]
async fn a_rule_that_steps_over_all_that_it_looks_for_is_refused() {
    let texts = [
        // Of odd years, of Januaries, of Sundays, of noons: the due date is a Sunday of January 2027.
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
        "FREQ=MONTHLY;INTERVAL=2;BYMONTH=2,4,6",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=9",
        "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30",
    ];
    let cases = texts.map(|text| ("recurrence_rule.rrule", json!({"rrule": text})));
    all_refused("recurrence_rule", cases.to_vec()).await;
}

#[tokio::test]
async fn an_absurd_reminder_is_refused() {
    let (lead, at) = ("reminder_config.lead_time", "reminder_config.at");
    let many = |count: usize| {
        Value::from((0..count).map(|n| json!({"lead_time": format!("{n}m")})).collect::<Vec<_>>())
    };
    let mut cases = vec![("reminder_config", many(17)), ("reminder_config", many(10_000))];
    for text in [
        "",
        " ",
        "m",
        "15",
        "-15m",
        "+5m",
        "1.5h",
        "1e3m",
        "0x10m",
        "15 m",
        " 15m",
        "15m ",
        "1d1h",
        "1y",
        "15s",
        "15min",
        "P1D",
        "soon",
        "١٥m",
        "１５m",
        "15ｍ",
        "15m\0",
        "530w",
        "99999999999999999999d",
        "18446744073709551616m",
        "-0m",
    ] {
        cases.push((lead, json!({"lead_time": text})));
    }
    for value in [
        json!(15),
        json!(null),
        json!(true),
        json!(["15m"]),
        json!({"m": 15}),
        json!("9".repeat(100_000) + "m"),
    ] {
        cases.push((lead, json!({"lead_time": value})));
    }
    for text in [
        "2026-06-01T05:59:59Z",
        "2026-06-01T10:59:59+05:00",
        "1900-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "2027-01-10T12:00:01Z",
        "9999-12-31T23:59:59Z",
        "2026-07-01",
        "2026-07-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "yesterday",
        "",
    ] {
        cases.push((at, json!({"at": text})));
    }
    cases.push(("reminder_config[1].lead_time", json!([{"lead_time": "1h"}, {"lead_time": "never"}])));
    cases.push(("reminder_config[1].at", json!([{"lead_time": "1h"}, {"at": "2020-01-01T00:00:00Z"}])));
    all_refused("reminder_config", cases).await;
}

#[tokio::test]
async fn sixteen_reminders_are_not_too_many_and_one_that_is_past_is_skipped() {
    let world = World::new().await;
    let leads: Vec<_> = (0..16).map(|weeks| json!({"lead_time": format!("{}w", weeks * 4)})).collect();
    let task = world.create(json!({"title": "a", "due_date": DUE, "reminder_config": leads})).await;
    let found = world.get(&format!("{}/reminders", path_of(&task))).await.ok();
    let skipped =
        found["reminders"].as_array().expect("a list").iter().filter(|one| one["status"] == "skipped");
    // The first of June is 31 weeks and 6 days before.
    assert_eq!((found["reminders"].as_array().map(Vec::len), skipped.count()), (Some(16), 8));
}

#[tokio::test]
async fn an_unknown_zone_is_refused_with_a_suggestion() {
    let world = World::new().await;
    let task = world.create(json!({"title": "kept", "due_date": DUE})).await;
    let before = left_behind(&world).await;
    let long = "Europe/".repeat(1_500);
    let mut wrong = Vec::new();
    for (name, suggestion) in [
        ("UTC+8", "Etc/GMT-8"),
        ("GMT-5", "Etc/GMT+5"),
        ("+05:00", "Etc/GMT-5"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("UTC+5:45", "Asia/Kathmandu"),
        ("CST", "America/Chicago"),
        ("PKT", "Asia/Karachi"),
        ("Karachi", "Asia/Karachi"),
        ("asia/karachi", "Asia/Karachi"),
        (" Asia/Karachi", "Asia/Karachi"),
        ("New York", "America/New_York"),
        ("Europe/Berlln", "Europe/Berlin"),
        ("Amerika/New_York", "America/New_York"),
        ("Asia/Kathmandoo", "Asia/Kathmandu"),
        ("Pakistan Standard Time", "such as"),
        ("Asia/Lahore", "such as"),
        ("Mars/Olympus", "such as"),
        ("", "such as"),
        ("🕌", "such as"),
        ("../../etc/localtime", "such as"),
        (&long, "such as"),
    ] {
        let told = json!({"user_input": "show tasks", "time_zone": name});
        for (method, path, body) in [
            ("POST", "/api/tasks".to_owned(), json!({"title": "a", "due_date": DUE, "time_zone": name})),
            ("PATCH", path_of(&task), json!({"time_zone": name})),
            ("PATCH", "/api/settings".to_owned(), json!({"time_zone": name})),
            ("POST", "/chat/parse".to_owned(), told),
        ] {
            let answered = soon(&world, method, &path, &body).await;
            let text = String::from_utf8_lossy(&answered.bytes);
            if (answered.status.as_u16(), answered.wrong_fields()) != (422, vec!["time_zone".to_owned()])
                || !text.contains(suggestion)
                || text.len() > 2_048
            {
                let told: String = text.chars().take(300).collect();
                wrong.push(format!(
                    "{method} {path} {} wants {suggestion}: {} {told}",
                    shown(&body),
                    answered.status
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(left_behind(&world).await, before);
}

/// rule | due | what follows when it is completed at half a minute past noon of 1 June 2026; nothing where the series has ended
const COSTLY: &str = r#"
    FREQ=MINUTELY                                   | 1900-01-01T00:00:00 | 2026-06-01T12:01:00+00:00
    FREQ=MINUTELY;INTERVAL=7                        | 1900-01-01T00:00:00 | 2026-06-01T12:01:00+00:00
    FREQ=MINUTELY;INTERVAL=1000000                  | 1900-01-01T00:00:00 | 2027-05-22T18:40:00+00:00
    FREQ=MINUTELY;COUNT=100000                      | 1900-01-01T00:00:00 |
    FREQ=MINUTELY;UNTIL=20251231                    | 1900-01-01T00:00:00 |
    FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29           | 1904-02-29T00:00:00 | 2028-02-29T00:00:00+00:00
    FREQ=MINUTELY;BYDAY=FR;BYMONTHDAY=13;BYHOUR=13;BYMINUTE=13 | 1900-04-13T13:13:00 | 2026-11-13T13:13:00+00:00
    FREQ=HOURLY;INTERVAL=5                          | 1900-01-01T00:00:00 | 2026-06-01T17:00:00+00:00
    FREQ=HOURLY;BYMONTH=1;BYDAY=MO;BYHOUR=9         | 1900-01-01T09:00:00 | 2027-01-04T09:00:00+00:00
    FREQ=DAILY                                      | 0001-01-01          | 2026-06-01
    FREQ=DAILY;INTERVAL=1000000                     | 1900-01-01          | 4637-11-28
    FREQ=DAILY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=29   | 1904-02-29          | 2044-02-29
    FREQ=WEEKLY;INTERVAL=1000000                    | 1900-01-01          |
    FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13             | 1900-04-13          | 2026-11-13
    FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO    | 1904-02-29          | 2044-02-29
    FREQ=YEARLY;INTERVAL=400;BYMONTH=2;BYMONTHDAY=29 | 1600-02-29         | 2400-02-29
    FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-1 | 1900-12-31       | 2026-12-31
    FREQ=MINUTELY;COUNT=100000                      | 2026-04-01T12:00:00 | 2026-06-01T12:01:00+00:00
    {"rrule":"FREQ=MINUTELY","catch_up":true}       | 1900-01-01T00:00:00 | 1900-01-01T00:01:00+00:00
    {"pattern":"daily","interval":1000}             | 0001-01-01          | 2027-01-20
    {"pattern":"yearly","interval":1000}            | 0001-01-01          | 3001-01-01"#;

#[tokio::test]
async fn a_costly_rule_is_answered_rightly_and_soon() {
    let (world, mut wrong) = (World::new().await, Vec::new());
    for line in COSTLY.lines().filter(|line| !line.trim().is_empty()) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [text, due, next] = cells[..] else { panic!("three cells are wanted: {line}") };
        world.clock.set("2026-06-01T12:00:30Z".parse().expect("an instant"));
        let rule = if text.starts_with('{') {
            serde_json::from_str(text).expect("a rule")
        } else {
            json!({"rrule": text})
        };
        let body = json!({"title": "a", "due_date": due, "recurrence_rule": rule});
        let answered = soon(&world, "POST", "/api/tasks", &body).await;
        if answered.status != 200 {
            wrong.push(format!("{text}: {}", answered.json()["errors"]));
            continue;
        }
        let task = answered.json();
        let path = path_of(&task);
        let ahead = soon(&world, "GET", &format!("{path}/occurrences?limit=1000"), &Value::Null).await.ok();
        let ahead: Vec<_> = ahead["occurrences"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["due_date"].to_string())
            .collect();
        assert!(ahead.is_sorted_by(|one, other| one < other), "{text}: each is later than the one before");
        let begin = Stopwatch::start();
        world.post(&format!("{path}/complete"), Value::Null).await.ok();
        world.settle().await;
        let elapsed = begin.elapsed();
        let open = world.get("/api/tasks?status=active").await.ok();
        let mut open = open["tasks"].as_array().expect("a list").iter();
        let found = open.find(|one| one["parent_task_id"] == task["id"]).cloned().unwrap_or_default();
        if found["due_date"].as_str().unwrap_or_default() != next || elapsed > SOON {
            wrong.push(format!("{text} from {due} wants {next}: {} in {elapsed:?}", found["due_date"]));
        }
        if found.is_object() {
            world.delete(&format!("{}?scope=following", path_of(&found))).await.ok();
            world.settle().await;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
