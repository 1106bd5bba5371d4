//! Any text, said at any time, is read without a panic, and its spans lie inside of it.
#![no_main]

use chrono::{DateTime, NaiveDateTime};
use domain::settings::Locale;
use language::{Context, MAX_CHARS, parse};
use libfuzzer_sys::fuzz_target;

fn now(minutes: u32) -> NaiveDateTime {
    // From 1970 to the year 10136: beyond what the API lets in.
    DateTime::from_timestamp(i64::from(minutes) * 60, 0).map(|at| at.naive_utc()).unwrap_or_default()
}

fuzz_target!(|input: (u32, u8, &str)| {
    let (minutes, locale, text) = input;
    let locale = [Locale::EnUs, Locale::EnGb, Locale::UrPk][usize::from(locale % 3)];
    let Ok(found) = parse(text, &Context { now: now(minutes), zone: chrono_tz::Tz::Africa__Cairo, locale })
    else {
        assert!(text.chars().count() > MAX_CHARS);
        return;
    };
    assert!(!found.commands.is_empty());
    assert!((0.0..=1.0).contains(&found.confidence));
    assert!(found.problem.is_none() || found.confidence < 0.7);
    let chars = text.chars().count();
    for command in &found.commands {
        let mut end = 0;
        for span in &command.spans {
            assert!(span.start >= end && span.end > span.start && span.end <= chars);
            end = span.end;
        }
    }
});
