//! What the next occurrence of a series costs that began in 1900.

use std::hint::black_box;

use chrono::{NaiveDate, NaiveDateTime, Weekday};
use chrono_tz::Tz;
use criterion::{Criterion, criterion_group, criterion_main};
use domain::recurrence::{Anchor, Frequency, Parts, Rule};

fn at(year: i32, month: u32, day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, month, day).and_then(|date| date.and_hms_opt(9, 0, 0)).expect("a date")
}

fn rules() -> Vec<(&'static str, Rule)> {
    let pattern = |parts| Rule::new(parts).expect("a pattern");
    let rrule = |text| Rule::parse_rrule(text, Anchor::Due, false).expect("a rule");
    let weekdays = vec![Weekday::Mon, Weekday::Wed, Weekday::Fri];
    vec![
        ("daily", pattern(Parts::every(Frequency::Daily))),
        ("weekly on three days", pattern(Parts { weekdays, ..Parts::every(Frequency::Weekly) })),
        ("monthly from the 31st", pattern(Parts::every(Frequency::Monthly))),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", rrule("FREQ=WEEKLY;BYDAY=MO,WE,FR")),
        ("FREQ=MONTHLY;BYDAY=-1FR", rrule("FREQ=MONTHLY;BYDAY=-1FR")),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            rrule("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
        ),
        ("FREQ=MINUTELY", rrule("FREQ=MINUTELY")),
        ("FREQ=MINUTELY;INTERVAL=7;BYHOUR=9", rrule("FREQ=MINUTELY;INTERVAL=7;BYHOUR=9")),
    ]
}

fn next_after(criterion: &mut Criterion) {
    let (start, after) = (at(1900, 1, 31), at(2026, 11, 21));
    let mut group = criterion.benchmark_group("next_after");
    for (name, rule) in rules() {
        group.bench_function(name, |bencher| {
            bencher.iter(|| rule.next_after(black_box(start), black_box(after), Tz::America__New_York));
        });
    }
    group.finish();
}

criterion_group!(benches, next_after);
criterion_main!(benches);
