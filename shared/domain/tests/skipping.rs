//! Occurrences that are counted, and starts that are moved, against a second way that only walks.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Frequency, Parts, Rule};
use domain::zone::resolve;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn at(text: &str) -> NaiveDateTime {
    text.parse().expect("a local time")
}

fn rrule(text: &str) -> Rule {
    Rule::parse_rrule(text, Anchor::Due, false).expect(text)
}

/// Steps from an occurrence to the last one up to an instant, within COUNT and UNTIL.
fn walk(
    rule: &Rule,
    start: NaiveDateTime,
    (mut slot, mut number): (NaiveDateTime, u32),
    end: DateTime<Utc>,
    zone: Tz,
) -> (NaiveDateTime, u32) {
    while rule.count().is_none_or(|count| number < count) {
        let next = rule.next_after(start, slot, zone);
        let Some(next) = next.filter(|next| rule.instant(start, *next, zone) <= end) else { break };
        (slot, number) = (next, number + 1);
    }
    (slot, number)
}

/// Gives rules without BY parts, patterns and RRULE text, with every kind of end.
fn plain_rules() -> impl Strategy<Value = Rule> {
    let end = prop_oneof![
        Just(String::new()),
        (1..2_000u32).prop_map(|count| format!(";COUNT={count}")),
        (1890..2030u32, 1..=12u32, 1..=28u32, select(&["", "T013000", "T013000Z"][..]))
            .prop_map(|(year, month, day, time)| format!(";UNTIL={year}{month:02}{day:02}{time}")),
    ];
    let unit = select(&["MINUTELY", "HOURLY", "DAILY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"][..]);
    let interval = prop_oneof![Just(1u32), 1..50u32];
    let text = (unit, interval.clone(), end).prop_map(|(unit, interval, end)| {
        let text = format!("FREQ={unit};INTERVAL={interval};WKST=WE{end}");
        rrule(&text)
    });
    use Frequency::{Daily, Monthly, Weekly, Yearly};
    let pattern = (select(&[Daily, Weekly, Monthly, Yearly][..]), interval, option::of(1..2_000u32))
        .prop_map(|(frequency, interval, count)| {
            Rule::new(Parts { interval, count, ..Parts::every(frequency) }).expect("a pattern")
        });
    prop_oneof![text, pattern]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn skipping_comes_to_where_a_walk_comes_to(
        rule in plain_rules(),
        zone in select(&[
            Tz::UTC,
            Tz::America__New_York,
            Tz::Australia__Lord_Howe,
            Tz::Pacific__Apia,
            Tz::Pacific__Kwajalein,
            Tz::America__Juneau,
        ][..]),
        // Days on which zones cross the date line and change their clocks, and the ends of months.
        day in select(&[
            "1867-10-18", "1892-07-04", "1969-09-29", "1993-08-19", "2011-12-28", "2011-12-30", "2011-12-31",
            "2024-02-29", "2026-01-31", "2026-03-07", "2026-10-31", "2100-12-30",
        ][..]),
        days_before in prop_oneof![Just(0i64), 0..60i64, 0..3_000i64],
        time in select(&["00:00:00", "01:30:00", "02:15:00", "23:59:59.5"][..]),
        first in 0..4usize,
        days in prop_oneof![-3..3i64, 0..120i64, 0..6_000i64],
        seconds in 0..86_400i64,
    ) {
        let start = at(&format!("{day}T{time}")) - TimeDelta::days(days_before);
        let slots = rule.preview(start, start, 1, first + 1, zone);
        prop_assume!(!slots.is_empty());
        let from = (slots[slots.len() - 1], u32::try_from(slots.len()).expect("a few"));
        // A walk of minutes takes long.
        let days = if rule.needs_time_of_day() { days.min(4) } else { days };
        let end = rule.instant(start, from.0, zone) + TimeDelta::days(days) + TimeDelta::seconds(seconds);
        let skipped = rule.skip_to(start, from.0, from.1, end, zone);
        prop_assert_eq!(skipped, walk(&rule, start, from, end, zone), "{} from {}", rule.to_rrule(start), start);
    }

    #[test]
    fn what_begins_the_second_time_goes_on_as_a_walk_along_the_clocks(
        (zone, second) in select(&[
            (Tz::America__New_York, "2027-11-07T06:00:00Z"),
            (Tz::Europe__London, "2027-10-31T01:00:00Z"),
            (Tz::Antarctica__Troll, "2027-10-31T01:00:00Z"),
            (Tz::America__Santiago, "2027-04-04T03:00:00Z"),
            (Tz::Australia__Lord_Howe, "2027-04-03T15:00:00Z"),
        ][..]),
        minute in 0..30i64,
        unit in select(&["HOURLY", "MINUTELY"][..]),
        interval in prop_oneof![Just(1i64), 1..200i64],
        hours in subsequence((0..24u32).collect::<Vec<_>>(), 0..24),
    ) {
        let mut text = format!("FREQ={unit};INTERVAL={interval}");
        if !hours.is_empty() {
            text += &format!(";BYHOUR={}", hours.iter().map(u32::to_string).collect::<Vec<_>>().join(","));
        }
        let rule = rrule(&text);
        let second = second.parse::<DateTime<Utc>>().expect("an instant") + TimeDelta::minutes(minute);
        let shown = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
        prop_assert_ne!(resolve(shown(second), zone), second, "the second of two");
        let step = TimeDelta::minutes(if unit == "HOURLY" { 60 * interval } else { interval });
        let later = (1..3_000).map(|steps| second + step * steps);
        let matching = later.filter(|at| hours.is_empty() || hours.contains(&shown(*at).hour()));
        let expected: Vec<_> = std::iter::once(second).chain(matching).take(4).collect();

        let (start, slot) = rule.begin(second, shown(second), zone);
        prop_assert_eq!(rule.wall(start, slot, zone), shown(second));
        let slots = rule.preview(start, slot, 1, expected.len(), zone);
        let found: Vec<_> = slots.iter().map(|slot| rule.instant(start, *slot, zone)).collect();
        prop_assert_eq!(found, expected, "{}", text);
        // Also where the walk ends before the next one.
        let two = rule.preview(start, slot, 1, 2, zone);
        prop_assert_eq!(rule.next_after(start, slot, zone), two.get(1).copied());
    }
}
