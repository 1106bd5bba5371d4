//! What a rule owes to clocks and calendars, and that no rule takes long.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use domain::due::Due;
use domain::recurrence::{Anchor, Frequency, Parts, Rule};
use domain::series::{Series, successor};
use domain::task::{Priority, Status, Task, Title};
use rustix::time::{ClockId, clock_gettime};

fn at(text: &str) -> NaiveDateTime {
    text.parse().expect("a local time")
}

fn rrule(text: &str) -> Rule {
    Rule::parse_rrule(text, Anchor::Due, false).expect(text)
}

/// Gives the first instants of a series, as the clocks of the zone show them.
fn shown(rule: &Rule, start: &str, zone: Tz, limit: usize) -> Vec<String> {
    let start = at(start);
    let slots = rule.preview(start, start, 1, limit, zone);
    let instant = |slot: &NaiveDateTime| rule.instant(start, *slot, zone).with_timezone(&zone);
    slots.iter().map(|slot| instant(slot).format("%d %H:%M %z").to_string()).collect()
}

#[test]
fn a_day_that_never_was_is_not_given_twice() {
    let expected = ["29 09:00 -1000", "31 09:00 +1400", "01 09:00 +1400"];
    for rule in [rrule("FREQ=DAILY"), Rule::new(Parts::every(Frequency::Daily)).expect("a pattern")] {
        assert_eq!(shown(&rule, "2011-12-29T09:00:00", Tz::Pacific__Apia, 3), expected);
        let from_the_lost_day = shown(&rule, "2011-12-30T09:00:00", Tz::Pacific__Apia, 2);
        assert_eq!(from_the_lost_day, expected[1..]);
    }
    let weekly = shown(&rrule("FREQ=WEEKLY"), "2011-12-23T09:00:00", Tz::Pacific__Apia, 3);
    assert_eq!(weekly, ["23 09:00 -1000", "31 09:00 +1400", "06 09:00 +1400"], "a Friday is not skipped");
}

#[test]
fn a_time_lost_to_a_clock_change_is_not_given_beside_the_time_it_moves_to() {
    let found = shown(&rrule("FREQ=DAILY;BYHOUR=1,2,3"), "2027-03-14T01:00:00", Tz::America__New_York, 3);
    assert_eq!(found, ["14 01:00 -0500", "14 03:00 -0400", "15 01:00 -0400"]);
    let found = shown(&rrule("FREQ=DAILY;BYHOUR=1,2"), "2027-03-14T01:00:00", Tz::America__New_York, 3);
    assert_eq!(found, ["14 01:00 -0500", "14 03:00 -0400", "15 01:00 -0400"]);
}

#[test]
fn hours_are_absolute_time() {
    let hourly = rrule("FREQ=HOURLY");
    let back = shown(&hourly, "2026-11-01T00:30:00", Tz::America__New_York, 4);
    assert_eq!(back, ["01 00:30 -0400", "01 01:30 -0400", "01 01:30 -0500", "01 02:30 -0500"]);
    let forward = shown(&hourly, "2027-03-14T01:30:00", Tz::America__New_York, 3);
    assert_eq!(forward, ["14 01:30 -0500", "14 03:30 -0400", "14 04:30 -0400"]);
    let every_day = shown(&rrule("FREQ=HOURLY;INTERVAL=24"), "2026-10-31T09:00:00", Tz::America__New_York, 2);
    assert_eq!(every_day, ["31 09:00 -0400", "01 08:00 -0500"]);
    let half = shown(&rrule("FREQ=HOURLY;INTERVAL=2"), "2026-10-04T01:15:00", Tz::Australia__Lord_Howe, 2);
    assert_eq!(half, ["04 01:15 +1030", "04 03:45 +1100"]);
    let nine = shown(&rrule("FREQ=HOURLY;BYHOUR=9"), "2026-10-31T09:00:00", Tz::America__New_York, 3);
    assert_eq!(nine, ["31 09:00 -0400", "01 09:00 -0500", "02 09:00 -0500"]);
}

#[test]
fn no_clock_change_hides_a_minute() {
    let found = |text: &str, start: &str, zone| shown(&rrule(text), start, zone, 3)[1..].to_vec();
    let twice = found("FREQ=MINUTELY;BYHOUR=1;BYMINUTE=30", "2026-11-01T01:30:00", Tz::America__New_York);
    assert_eq!(twice, ["01 01:30 -0500", "02 01:30 -0500"]);
    // 02:10 is left out on 4 October, and the clocks show 02:30 at once.
    let sundays = "FREQ=MINUTELY;BYDAY=SU;BYHOUR=2;BYMINUTE=10,35";
    let half_an_hour = found(sundays, "2026-09-27T02:35:00", Tz::Australia__Lord_Howe);
    assert_eq!(half_an_hour, ["04 02:35 +1100", "11 02:10 +1100"]);
    let daily = "FREQ=MINUTELY;BYHOUR=2;BYMINUTE=10,35";
    let next_day = found(daily, "2026-10-03T02:35:00", Tz::Australia__Lord_Howe);
    assert_eq!(next_day, ["04 02:35 +1100", "05 02:10 +1100"]);
}

#[test]
fn a_time_of_day_that_only_a_clock_change_brings_is_found_decades_later() {
    let (rule, start) = (rrule("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=10"), at("1900-01-31T09:07:00"));
    let next = rule.next_after(start, start, Tz::America__New_York).expect("a summer time");
    assert_eq!(next.date().to_string(), "1918-03-31");
    let never = rrule("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3");
    assert_eq!(never.next_after(start, start, Tz::America__New_York), None);
}

#[test]
fn an_end_is_compared_as_what_it_is() {
    let count = |text: &str, zone| {
        let start = at("2026-11-21T22:00:00");
        rrule(text).preview(start, start, 1, 9, zone).len()
    };
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123", Tz::Asia__Karachi), 3);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261123T220000", Tz::Asia__Karachi), 3);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261122T170000Z", Tz::Asia__Karachi), 2);
    assert_eq!(count("FREQ=DAILY;UNTIL=20261122T165959Z", Tz::Asia__Karachi), 1);
    assert_eq!(count("FREQ=HOURLY;UNTIL=20261121", Tz::Asia__Karachi), 2);
}

#[test]
fn steps_from_a_completion_keep_the_wall_time_of_days_and_the_minute_of_hours() {
    let zone = Tz::America__New_York;
    let completed = "2026-11-25T15:20:40Z".parse().expect("an instant");
    let step = |text: &str, start: &str| {
        let next = rrule(text).step_from(at(start), at(start), completed, zone);
        next.map(|next| next.to_string()).unwrap_or_default()
    };
    assert_eq!(step("FREQ=DAILY;INTERVAL=3", "2026-11-20T09:00:00"), "2026-11-28 09:00:00");
    assert_eq!(step("FREQ=DAILY;BYHOUR=9,17", "2026-11-20T09:00:00"), "2026-11-25 17:00:00");
    assert_eq!(step("FREQ=HOURLY;INTERVAL=2", "2026-11-20T09:00:00"), "2026-11-25 12:20:00");
    // Completed early: the same occurrence does not come back.
    assert_eq!(step("FREQ=HOURLY;INTERVAL=2", "2026-11-25T13:00:00"), "2026-11-25 14:20:00");
    assert_eq!(step("FREQ=DAILY", "2026-11-27T09:00:00"), "2026-11-28 09:00:00");
}

#[test]
fn what_the_rfc_forbids_is_refused_naming_the_part() {
    for (text, part) in [
        ("", "FREQ is missing"),
        ("DAILY", "FREQ is missing"),
        ("INTERVAL=2", "FREQ is missing"),
        ("FREQ=SECONDLY", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ must be given once"),
        ("FREQ=DAILY;", "an empty part"),
        ("FREQ=DAILY;COLOUR=RED", "COLOUR"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=+1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=1000001", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=100001", "COUNT"),
        ("FREQ=DAILY;COUNT=1;UNTIL=20270101", "COUNT"),
        ("FREQ=DAILY;UNTIL=20270229", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270101T250000Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2027-01-01", "UNTIL"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY"),
        ("FREQ=YEARLY;BYDAY=é", "BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=MONTHLY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=1", "WKST"),
        ("FREQ=MONTHLY;SKIP=BACKWARD;RSCALE=GREGORIAN", "SKIP"),
    ] {
        let errors = Rule::parse_rrule(text, Anchor::Due, false).expect_err(text);
        assert!(errors[0].to_string().starts_with(part), "{text}: {}", errors[0]);
        assert_eq!(errors[0].field(), "rrule");
    }
    let long = format!("FREQ=YEARLY;BYYEARDAY={}", vec!["1"; 500].join(","));
    assert!(Rule::parse_rrule(&long, Anchor::Due, false).is_err());
}

/// Gives the due time of the successor of a task that is completed at an instant.
fn next_due(rule: Rule, start: &str, completed_at: &str) -> Option<(String, u32)> {
    let zone = Tz::America__New_York;
    let due = Due::wall(at(start), zone);
    let completed_at = completed_at.parse().expect("an instant");
    let task = Task {
        id: Default::default(),
        user_id: "amna".to_owned(),
        title: Title::parse("water the plants").expect("a title"),
        description: None,
        due: Some(due),
        time_zone: Some(zone),
        priority: Priority::Medium,
        tags: Vec::new(),
        status: Status::Completed,
        reminders: Vec::new(),
        recurrence: Some(rule.clone()),
        series: Some(Series::first(Default::default(), &rule, due, zone)),
        template: Default::default(),
        skipped: false,
        snoozed_until: None,
        created_at: completed_at,
        updated_at: completed_at,
        completed_at: Some(completed_at),
        version: 2,
    };
    let next = successor(&task, zone, completed_at)?;
    Some((next.due?.sort_at(zone).to_rfc3339(), next.series?.number))
}

#[test]
fn every_minute_since_1900_goes_on_with_the_next_minute() {
    let next = next_due(rrule("FREQ=MINUTELY"), "1900-01-01T00:00:00", "2026-11-21T12:00:30Z");
    assert_eq!(next.map(|(at, _)| at).as_deref(), Some("2026-11-21T12:01:00+00:00"));
    let nine = next_due(rrule("FREQ=MINUTELY;BYHOUR=9"), "1900-01-01T00:00:00", "2026-11-21T15:00:00Z");
    assert_eq!(nine.map(|(at, _)| at).as_deref(), Some("2026-11-22T14:00:00+00:00"));
}

#[test]
fn missed_occurrences_count() {
    let rule = || rrule("FREQ=HOURLY;COUNT=100");
    let next = next_due(rule(), "2026-11-20T09:00:00", "2026-11-21T14:30:00Z");
    assert_eq!(next, Some(("2026-11-21T15:00:00+00:00".to_owned(), 26)));
    assert_eq!(next_due(rule(), "2026-11-20T09:00:00", "2026-11-30T00:00:00Z"), None);
}

/// How much of the processor one computation may take in a debug build, the fastest of several tries.
const BOUND: Duration = Duration::from_millis(20);
/// For how long it is tried: a machine whose processors others have, too, may be slow for a while.
const PATIENCE: Duration = Duration::from_secs(5);

fn is_quick(computation: impl Fn()) -> bool {
    // Of this thread, whatever else the machine does.
    let spent = || {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(spent).expect("it is not negative")
    };
    let first = spent();
    loop {
        let begun = spent();
        computation();
        let ended = spent();
        if ended - begun < BOUND {
            return true;
        }
        if ended - first > PATIENCE {
            return false;
        }
    }
}

#[test]
fn rules_that_never_match_are_refused_at_once() {
    for text in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2,4,6,9,11;BYMONTHDAY=31",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;BYYEARDAY=1;BYMONTH=2",
        "FREQ=MONTHLY;BYDAY=5MO;BYSETPOS=9",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=20MO",
        "FREQ=YEARLY;BYWEEKNO=10;BYMONTH=12",
        "FREQ=YEARLY;BYYEARDAY=200;BYMONTH=1",
        "FREQ=YEARLY;BYMONTH=2;BYSETPOS=2",
        "FREQ=WEEKLY;BYDAY=MO;BYSETPOS=2",
        "FREQ=DAILY;BYHOUR=9;BYSETPOS=-2",
        "FREQ=MINUTELY;BYHOUR=9;BYSETPOS=2",
        "FREQ=YEARLY;BYMONTHDAY=1;BYSETPOS=13",
    ] {
        let errors = Rule::parse_rrule(text, Anchor::Due, false).expect_err(text);
        assert_eq!(errors[0].to_string(), "gives no date at all", "{text}");
        assert!(is_quick(|| drop(Rule::parse_rrule(text, Anchor::Due, false))), "{text}");
    }
}

#[test]
fn no_rule_takes_long() {
    let starts = ["1900-01-31T09:07:00", "2025-03-04T09:07:00", "9998-01-31T23:59:00"].map(at);
    for text in [
        "FREQ=MINUTELY",
        "FREQ=YEARLY;BYWEEKNO=20;BYSETPOS=2",
        "FREQ=MINUTELY;INTERVAL=7;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3",
        "FREQ=MINUTELY;INTERVAL=1439;BYHOUR=3;BYMINUTE=5;BYDAY=MO",
        "FREQ=MINUTELY;INTERVAL=1435;BYHOUR=3;BYMINUTE=7;BYDAY=MO",
        "FREQ=MINUTELY;INTERVAL=1000000;BYMONTHDAY=31",
        "FREQ=MINUTELY;BYSECOND=0,1,2,3;BYSETPOS=-1",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=3",
        "FREQ=HOURLY;INTERVAL=25;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=HOURLY;INTERVAL=168;BYDAY=MO,WE;BYMINUTE=0,1,2,3,4;BYSECOND=0,59",
        "FREQ=HOURLY;INTERVAL=1000000;BYMONTH=2",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=DAILY;INTERVAL=28;BYDAY=WE;BYMONTHDAY=31",
        "FREQ=DAILY;INTERVAL=31;BYMONTHDAY=31;BYDAY=MO",
        "FREQ=DAILY;INTERVAL=35;BYDAY=MO",
        "FREQ=DAILY;INTERVAL=1000000;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=DAILY;INTERVAL=365;BYYEARDAY=1",
        "FREQ=WEEKLY;INTERVAL=52;BYMONTH=12;BYDAY=MO",
        "FREQ=WEEKLY;BYMONTH=2;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=7",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
        "FREQ=MONTHLY;BYMONTH=2",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=YEARLY;INTERVAL=100;BYWEEKNO=53;BYDAY=MO",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=0,6,12,18;BYMINUTE=0,15,30,45;BYSETPOS=-366,366",
        "FREQ=YEARLY;BYYEARDAY=366;BYDAY=MO;BYSETPOS=1",
    ] {
        // Some are refused, which takes its time too.
        assert!(
            is_quick(|| drop(Rule::parse_rrule(text, Anchor::Due, false))),
            "{text} is not parsed quickly"
        );
        let Ok(rule) = Rule::parse_rrule(text, Anchor::Due, false) else { continue };
        for start in starts {
            for after in [start, start + TimeDelta::days(1), at("2026-11-21T12:00:00")] {
                let next = || {
                    std::hint::black_box(rule.next_after(start, after.max(start), Tz::America__New_York));
                };
                assert!(is_quick(next), "{text} from {start} after {after}");
            }
        }
    }
}

#[test]
fn rules_that_never_come_back_from_their_start_are_known_at_once() {
    let new_york = Tz::America__New_York;
    for (text, start, zone, is_alone) in [
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "2027-02-28T09:00:00", new_york, true),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "2026-02-28T09:00:00", new_york, false),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3", "2027-01-10T09:00:00", new_york, true),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTH=3", "2027-03-10T09:00:00", new_york, false),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTH=2,4,6", "2027-01-10T09:00:00", new_york, true),
        ("FREQ=MONTHLY;INTERVAL=12", "2027-02-28T09:00:00", new_york, false),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2027-01-10T09:00:00", new_york, true),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "2027-01-11T09:00:00", new_york, false),
        ("FREQ=DAILY;INTERVAL=28;BYDAY=MO", "0001-01-07T09:00:00", new_york, true),
        ("FREQ=DAILY;INTERVAL=56;BYDAY=MO", "0001-01-07T09:00:00", new_york, true),
        ("FREQ=YEARLY;INTERVAL=2;BYYEARDAY=366", "2027-01-10T09:00:00", new_york, true),
        ("FREQ=YEARLY;INTERVAL=2;BYYEARDAY=-366;BYSETPOS=1", "0001-01-10T09:00:00", new_york, true),
        ("FREQ=YEARLY;INTERVAL=400;BYWEEKNO=53;BYMONTH=12", "2027-01-10T09:00:00", new_york, true),
        ("FREQ=HOURLY;INTERVAL=168;BYDAY=MO", "2027-01-10T12:00:00", new_york, true),
        ("FREQ=HOURLY;INTERVAL=168;BYDAY=MO;BYHOUR=9,10,12", "0001-01-07T12:00:00", new_york, true),
        ("FREQ=HOURLY;INTERVAL=12;BYHOUR=9;BYDAY=MO,TU", "2027-01-10T12:00:00", new_york, true),
        ("FREQ=WEEKLY;INTERVAL=5;BYMONTH=2", "2027-03-10T09:00:00", new_york, false),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=9", "2027-01-10T12:00:00", new_york, true),
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=9", "2027-01-10T08:00:00", Tz::Asia__Karachi, true),
        // Summer time makes it nine.
        ("FREQ=HOURLY;INTERVAL=24;BYHOUR=9", "2027-01-10T08:00:00", new_york, false),
        ("FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30", "2027-01-10T12:00:00", new_york, true),
        ("FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30", "2027-01-10T12:00:00", Tz::Australia__Lord_Howe, false),
        ("FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3;BYDAY=MO", "0001-01-07T09:00:00", new_york, true),
        // What the end or the number of occurrences does is another matter, and so is that there is no year 10000.
        ("FREQ=DAILY;COUNT=1", "2027-01-10T09:00:00", new_york, false),
        ("FREQ=DAILY;UNTIL=20270110", "2027-01-10T09:00:00", new_york, false),
        ("FREQ=YEARLY", "9999-12-31T23:59:59", new_york, false),
        ("FREQ=MINUTELY", "9999-12-31T23:59:59", new_york, false),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "9999-12-31T09:00:00", new_york, true),
    ] {
        let (rule, start) = (rrule(text), at(start));
        let asked = || rule.gives_only_its_start(start, start, zone);
        assert_eq!(asked(), is_alone, "{text} from {start}");
        let ask = || {
            std::hint::black_box(asked());
        };
        assert!(is_quick(ask), "{text} takes long");
    }
    for frequency in [Frequency::Daily, Frequency::Weekly, Frequency::Monthly, Frequency::Yearly] {
        let pattern = Rule::new(Parts { interval: 1_000, ..Parts::every(frequency) }).expect("a pattern");
        let start = at("2028-02-29T09:00:00");
        assert!(!pattern.gives_only_its_start(start, start, new_york));
    }
}

#[test]
fn an_hour_that_comes_twice_may_be_the_start_the_second_time() {
    let (new_york, lord_howe) = (Tz::America__New_York, Tz::Australia__Lord_Howe);
    for (text, zone, second, local, expected) in [
        (
            "FREQ=HOURLY",
            new_york,
            "2027-11-07T06:30:00Z",
            "2027-11-07T01:30:00",
            "07 01:30 -0500,07 02:30 -0500",
        ),
        (
            "FREQ=HOURLY;INTERVAL=2",
            new_york,
            "2027-11-07T06:30:00Z",
            "2027-11-07T01:30:00",
            "07 01:30 -0500,07 03:30 -0500",
        ),
        (
            "FREQ=MINUTELY;INTERVAL=7",
            new_york,
            "2027-11-07T06:30:00Z",
            "2027-11-07T01:30:00",
            "07 01:30 -0500,07 01:37 -0500",
        ),
        (
            "FREQ=HOURLY;INTERVAL=1000000",
            new_york,
            "2027-11-07T06:30:00Z",
            "2027-11-07T01:30:00",
            "07 01:30 -0500,05 17:30 -0500",
        ),
        (
            "FREQ=HOURLY;BYHOUR=1",
            new_york,
            "2027-11-07T06:30:00Z",
            "2027-11-07T01:30:00",
            "07 01:30 -0500,08 01:30 -0500",
        ),
        // Hours are those of the clocks: on the other side of the change they begin at the half hour.
        (
            "FREQ=HOURLY;INTERVAL=2;BYMINUTE=0,45",
            lord_howe,
            "2027-04-03T15:15:00Z",
            "2027-04-04T01:45:00",
            "04 01:45 +1030,04 03:00 +1030",
        ),
        (
            "FREQ=HOURLY",
            lord_howe,
            "2027-04-03T15:15:00Z",
            "2027-04-04T01:45:00",
            "04 01:45 +1030,04 02:45 +1030",
        ),
        // The day itself comes twice.
        (
            "FREQ=HOURLY;INTERVAL=5",
            Tz::Pacific__Apia,
            "1892-07-05T08:00:00Z",
            "1892-07-04T20:33:04",
            "04 20:33 -1127,05 01:33 -1127",
        ),
    ] {
        let (rule, second, local) = (rrule(text), second.parse().expect("an instant"), at(local));
        let (start, slot) = rule.begin(second, local, zone);
        assert_eq!(rule.instant(start, slot, zone), second, "{text}");
        assert_eq!(rule.wall(start, slot, zone), local, "{text}");
        let slots = rule.preview(start, slot, 1, 2, zone);
        let shown: Vec<_> = slots
            .iter()
            .map(|slot| rule.instant(start, *slot, zone).with_timezone(&zone))
            .map(|at| at.format("%d %H:%M %z").to_string())
            .collect();
        assert_eq!(shown.join(","), expected, "{text}");
    }
}

#[test]
fn what_is_no_second_time_begins_where_the_clocks_are() {
    let (zone, local) = (Tz::America__New_York, at("2027-11-07T01:30:00"));
    let [first, second] =
        ["2027-11-07T05:30:00Z", "2027-11-07T06:30:00Z"].map(|at| at.parse().expect("an instant"));
    assert_eq!(rrule("FREQ=HOURLY").begin(first, local, zone), (local, local));
    assert_eq!(rrule("FREQ=DAILY").begin(second, local, zone), (local, local), "days are the wall's");
}

#[test]
fn a_century_is_skipped_at_once() {
    for unit in ["MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"] {
        for end in ["COUNT=100000", "UNTIL=20251121T120000Z", "UNTIL=20251121"] {
            let (rule, late) = (rrule(&format!("FREQ={unit};{end}")), "2026-11-21T12:00:00Z");
            let (start, late) = (at("1900-01-31T09:00:00"), late.parse().expect("an instant"));
            let skip = || {
                std::hint::black_box(rule.skip_to(start, start, 1, late, Tz::America__New_York));
            };
            assert!(is_quick(skip), "{unit};{end}");
        }
    }
    let rule = rrule("FREQ=DAILY;BYHOUR=9;COUNT=100000");
    let (start, end) = (at("1900-01-31T09:00:00"), "2026-11-21T12:00:00Z".parse().expect("an instant"));
    assert_eq!(
        rule.skip_to(start, start, 1, end, Tz::UTC),
        (start, 1),
        "what BY parts choose is not counted"
    );
}

#[test]
fn an_hour_that_a_clock_change_moves_across_midnight_has_two_days_of_the_week() {
    let rule = rrule("FREQ=HOURLY;INTERVAL=168;BYDAY=MO;BYMONTH=1;BYMINUTE=10");
    let found = shown(&rule, "2027-07-04T23:15:00", Tz::Australia__Lord_Howe, 3);
    assert_eq!(found, ["04 23:15 +1030", "03 00:10 +1100", "10 00:10 +1100"]);
}
