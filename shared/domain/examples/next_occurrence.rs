//! Asks for the next occurrence of a series again and again, for a measurement of what one costs (tests/load/instructions.rs):
//! `next_occurrence ours|rrule RRULE AGE_YEARS TIMES`; `rrule` is the crate of that name.

use std::hint::black_box;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use rrule::RRuleSet;

const ZONE: Tz = Tz::America__New_York;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [who, rule, age, times] = arguments.as_slice() else { panic!("there are four arguments") };
    let (age, times): (i32, u32) = (age.parse().expect("years"), times.parse().expect("a number"));
    let (start, after) = (noon_in(2026 - age), noon_in(2026));
    match who.as_str() {
        "ours" => ours(rule, start, after, times),
        "rrule" => theirs(rule, start, after, times),
        _ => panic!("there are two of them"),
    }
}

fn ours(rule: &str, start: NaiveDateTime, after: NaiveDateTime, times: u32) {
    let rule = Rule::parse_rrule(rule, Anchor::Due, false).expect("a rule");
    for _ in 0..times {
        let next = rule.next_after(black_box(start), black_box(after), ZONE);
        black_box(next.map(|next| rule.instant(start, next, ZONE))).expect("it has no end");
    }
}

fn theirs(rule: &str, start: NaiveDateTime, after: NaiveDateTime, times: u32) {
    let start = start.format("%Y%m%dT%H%M%S");
    let text = format!("DTSTART;TZID={}:{start}\nRRULE:{rule}", ZONE.name());
    let rule: RRuleSet = text.parse().expect("a rule");
    let after = after.and_local_timezone(rrule::Tz::Tz(ZONE)).single().expect("noon is once a day");
    for _ in 0..times {
        let found = black_box(&rule).clone().after(black_box(after)).all(1);
        assert_eq!(black_box(found).dates.len(), 1, "it has no end");
    }
}

/// Gives noon on the 16th of November, which is a Monday in 2026.
fn noon_in(year: i32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(year, 11, 16).and_then(|day| day.and_hms_opt(12, 0, 0));
    day.expect("every year has it")
}
