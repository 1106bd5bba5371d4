//! Any text as a rule: refused, or a rule that is the same when it is written down, and whose dates go forward and soon.
#![no_main]

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use libfuzzer_sys::fuzz_target;

const ZONES: [Tz; 4] = [Tz::UTC, Tz::Asia__Karachi, Tz::America__New_York, Tz::Australia__Lord_Howe];

fn start(minutes: u32) -> NaiveDateTime {
    DateTime::from_timestamp(i64::from(minutes) * 60, 0).map(|at| at.naive_utc()).unwrap_or_default()
}

fuzz_target!(|input: (u32, u8, &str)| {
    let (minutes, zone, text) = input;
    let (start, zone) = (start(minutes), ZONES[usize::from(zone) % ZONES.len()]);
    let Ok(rule) = Rule::parse_rrule(text, Anchor::Due, false) else { return };
    let slots = rule.preview(start, start, 1, 5, zone);
    assert!(slots.windows(2).all(|pair| pair[0] < pair[1]), "{text}: {slots:?}");
    if let Some(next) = rule.next_after(start, start, zone) {
        assert!(next > start, "{text}: {next}");
    }
    let written = rule.to_rrule(start);
    let again = Rule::parse_rrule(&written, Anchor::Due, false).expect("our own text");
    assert_eq!(again.preview(start, start, 1, 5, zone), slots, "{text} is written as {written}");
});
