//! Random series in random zones around their clock changes: what is shown ahead is what a plain walk over the calendar gives, and
//! what follows when each is completed.

use chrono::{
    DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Utc, Weekday,
};
use chrono_tz::Tz;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tests::world::World;

use super::{User, moment_of, set_clock};

/// How many series each of the two tests makes: the same ones each time.
const CASES: usize = 120;
/// How many occurrences of each are looked at.
const LENGTH: usize = 5;

/// zone | the local date of a change
const CHANGES: &str = "
    America/New_York    | 2027-03-14
    America/New_York    | 2027-11-07
    Europe/London       | 2027-03-28
    Europe/Dublin       | 2027-10-31
    America/Santiago    | 2027-09-05
    America/Santiago    | 2027-04-03
    Africa/Cairo        | 2027-04-30
    Africa/Cairo        | 2027-10-28
    Asia/Beirut         | 2027-03-28
    America/Havana      | 2027-03-14
    America/Havana      | 2027-11-07
    Australia/Lord_Howe | 2027-10-03
    Australia/Lord_Howe | 2027-04-04
    Africa/Casablanca   | 2027-02-07
    Africa/Casablanca   | 2027-03-14
    Pacific/Chatham     | 2027-09-26
    Antarctica/Troll    | 2027-03-28
    Antarctica/Troll    | 2027-10-31
    America/St_Johns    | 2027-03-14
    Asia/Gaza           | 2027-10-30
    Asia/Kathmandu      | 2028-02-29
    Asia/Karachi        | 2027-12-31
    Pacific/Kiritimati  | 2027-12-31
    Pacific/Pago_Pago   | 2028-02-29
    Asia/Tehran         | 2027-03-22";

/// Which days a rule has, said in another way than the rule says it.
#[derive(Debug, Clone)]
enum Matching {
    Every(i64),
    Weekdays(i64, Vec<Weekday>),
    /// Of every nth month, clamped or to the letter.
    DayOfMonth(i32, bool),
    LastDay,
    NthWeekday(u32, Weekday),
    LastWeekday(Weekday),
    /// Of every year, clamped or to the letter.
    Anniversary(bool),
    Workdays,
    Friday13,
}

#[derive(Debug, Clone)]
struct Series {
    zone: &'static str,
    change: NaiveDate,
    back: u64,
    time: Option<NaiveTime>,
    days: Matching,
    /// How long after (or, negative, before) its due time each is completed, in minutes.
    late: i64,
}

impl Series {
    fn rule(&self, first: NaiveDate) -> Value {
        let name = |weekday: &Weekday| weekday.to_string().to_uppercase()[..2].to_owned();
        let mut rule = match &self.days {
            Matching::Every(days) => json!({"pattern": "daily", "interval": days}),
            Matching::Weekdays(weeks, weekdays) => {
                let list: Vec<_> = weekdays.iter().map(|day| day.to_string().to_lowercase()).collect();
                json!({"pattern": "weekly", "interval": weeks, "weekdays": list})
            }
            Matching::DayOfMonth(months, true) => json!({"pattern": "monthly", "interval": months}),
            Matching::DayOfMonth(months, false) => {
                json!({"rrule": format!("FREQ=MONTHLY;INTERVAL={months}")})
            }
            Matching::LastDay => json!({"pattern": "monthly", "month_days": [-1]}),
            Matching::NthWeekday(nth, weekday) => {
                json!({"rrule": format!("FREQ=MONTHLY;BYDAY={nth}{}", name(weekday))})
            }
            Matching::LastWeekday(weekday) => {
                json!({"rrule": format!("FREQ=MONTHLY;BYDAY=-1{}", name(weekday))})
            }
            Matching::Anniversary(true) => json!({"pattern": "yearly"}),
            Matching::Anniversary(false) => {
                json!({"rrule": format!("FREQ=YEARLY;BYMONTH={};BYMONTHDAY={}", first.month(), first.day())})
            }
            Matching::Workdays => json!({"rrule": "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR"}),
            Matching::Friday13 => json!({"rrule": "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13"}),
        };
        rule["catch_up"] = (self.late > 0).into();
        rule
    }

    /// Says whether the series that begins on `first` has this day.
    fn has(&self, day: NaiveDate, first: NaiveDate) -> bool {
        let months = (day.year() - first.year()) * 12 + day.month() as i32 - first.month() as i32;
        let last = last_of_month(day);
        let monday = |day: NaiveDate| day - Days::new(u64::from(day.weekday().num_days_from_monday()));
        match &self.days {
            Matching::Every(days) => (day - first).num_days() % days == 0,
            Matching::Weekdays(weeks, weekdays) => {
                (monday(day) - monday(first)).num_weeks() % weeks == 0 && weekdays.contains(&day.weekday())
            }
            Matching::DayOfMonth(n, true) => months % n == 0 && day.day() == first.day().min(last),
            Matching::DayOfMonth(n, false) => months % n == 0 && day.day() == first.day(),
            Matching::LastDay => day.day() == last,
            Matching::NthWeekday(nth, weekday) => day.weekday() == *weekday && day.day().div_ceil(7) == *nth,
            Matching::LastWeekday(weekday) => day.weekday() == *weekday && day.day() + 7 > last,
            Matching::Anniversary(true) => months % 12 == 0 && day.day() == first.day().min(last),
            Matching::Anniversary(false) => months % 12 == 0 && day.day() == first.day(),
            Matching::Workdays => day.weekday().number_from_monday() < 6,
            Matching::Friday13 => day.weekday() == Weekday::Fri && day.day() == 13,
        }
    }

    /// Walks over the calendar, and gives the first due dates; the very first is on or before the change.
    fn walk(&self) -> Vec<(NaiveDate, String)> {
        let start = self.change - Days::new(self.back);
        let first =
            start.iter_days().find(|day| self.has(*day, start_of(&self.days, *day, start))).expect("a day");
        let zone: Tz = self.zone.parse().expect("a zone");
        let days = first.iter_days().filter(|day| self.has(*day, first)).take(LENGTH);
        let shown = |day: NaiveDate| {
            self.time.map_or_else(|| day.to_string(), |time| shown(day.and_time(time), zone))
        };
        days.map(|day| (day, shown(day))).collect()
    }
}

/// A rule that counts from its first day has any day as its first.
fn start_of(days: &Matching, day: NaiveDate, start: NaiveDate) -> NaiveDate {
    if matches!(days, Matching::Weekdays(..)) { day } else { start }
}

fn last_of_month(day: NaiveDate) -> u32 {
    let next = day.with_day(1).expect("the first") + chrono::Months::new(1);
    (next - Days::new(1)).day()
}

/// Gives what clocks show at a wall time: the first of two; of none, that of the offset before the gap.
fn shown(local: NaiveDateTime, zone: Tz) -> String {
    let offset_at = |hours: i64| zone.offset_from_utc_datetime(&(local + TimeDelta::hours(hours))).fix();
    let (before, after) = (offset_at(-30), offset_at(30));
    let at =
        |offset: FixedOffset| offset.from_local_datetime(&local).single().expect("a fixed offset").to_utc();
    let is_shown = |at: &DateTime<Utc>| at.with_timezone(&zone).naive_local() == local;
    let found = [at(before), at(after)].into_iter().filter(is_shown).min().unwrap_or_else(|| at(before));
    found.with_timezone(&zone).to_rfc3339()
}

fn series() -> impl Strategy<Value = Series> {
    let weekday = || {
        select(vec![
            Weekday::Mon,
            Weekday::Tue,
            Weekday::Wed,
            Weekday::Thu,
            Weekday::Fri,
            Weekday::Sat,
            Weekday::Sun,
        ])
    };
    let days = prop_oneof![
        (1_i64..5).prop_map(Matching::Every),
        (1_i64..4, proptest::collection::btree_set(0_u8..7, 1..4)).prop_map(|(weeks, numbers)| {
            let weekdays = numbers.into_iter().map(|number| Weekday::try_from(number).expect("a weekday"));
            Matching::Weekdays(weeks, weekdays.collect())
        }),
        (1_i32..4, any::<bool>()).prop_map(|(months, clamped)| Matching::DayOfMonth(months, clamped)),
        Just(Matching::LastDay),
        (1_u32..6, weekday()).prop_map(|(nth, weekday)| Matching::NthWeekday(nth, weekday)),
        weekday().prop_map(Matching::LastWeekday),
        any::<bool>().prop_map(Matching::Anniversary),
        Just(Matching::Workdays),
        Just(Matching::Friday13),
    ];
    let time = (0_u32..5, select(vec![0_u32, 15, 29, 30, 45, 59])).prop_map(|(hour, minute)| {
        // Where clocks change: from 23:00 to 03:59.
        NaiveTime::from_hms_opt((hour + 23) % 24, minute, 0).expect("a time")
    });
    let changes: Vec<_> = super::rows(CHANGES).collect();
    let late = prop_oneof![Just(0_i64), -3_000_i64..0, 1_i64..600_000];
    (select(changes), 0_u64..70, prop::option::weighted(0.85, time), days, late).prop_map(
        |([zone, date], back, time, days, late)| Series {
            zone,
            change: date.parse().expect("a date"),
            back,
            time,
            days,
            late,
        },
    )
}

/// Makes the same values each time.
fn made<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..CASES).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

fn later(due: &str, minutes: i64) -> String {
    let at: DateTime<Utc> = moment_of(due).parse().expect("an instant");
    (at + TimeDelta::minutes(minutes)).to_rfc3339()
}

#[tokio::test]
async fn days_shown_ahead_are_those_of_the_calendar_and_those_that_come() {
    let world = World::new().await;
    for (case, series) in made(&series()).iter().enumerate() {
        let walk = series.walk();
        let (first, time) = (walk[0].0, series.time);
        let due =
            time.map_or_else(|| first.to_string(), |time| first.and_time(time).format("%FT%T").to_string());
        let expected: Vec<_> = walk.into_iter().map(|(_, shown)| shown).collect();
        let what = format!("{case}: {due} {} {series:?}", series.rule(first));
        let user = User::of(&world, case.to_string(), series.zone).await;
        set_clock(&world, "2026-06-01T00:00:00Z");
        let made = json!({"title": "a", "due_date": due, "recurrence_rule": series.rule(first)});
        let mut task = user.create(made).await;
        assert_eq!(user.ahead(&task, LENGTH).await, expected, "ahead {what}");
        for (number, due) in expected.iter().enumerate() {
            assert_eq!(task["due_date"], **due, "number {number} {what}");
            task = user.complete_at(&task, &later(due, series.late)).await.expect("it goes on");
        }
    }
}

#[tokio::test]
async fn hours_shown_ahead_are_even_and_those_that_come() {
    let world = World::new().await;
    let changes: Vec<_> = super::rows::<2>(CHANGES).collect();
    let steps = (select(changes), 0_i64..3_000, 1_i64..30, any::<bool>(), select(vec![-400_i64, 0, 100_000]));
    for (case, ([zone, date], back, interval, hourly, late)) in made(&steps).into_iter().enumerate() {
        let tz: Tz = zone.parse().expect("a zone");
        let day: NaiveDate = date.parse().expect("a date");
        let first = day.and_hms_opt(6, 0, 0).expect("a time").and_utc() - TimeDelta::minutes(back);
        let (frequency, step) = if hourly {
            ("HOURLY", TimeDelta::hours(interval))
        } else {
            ("MINUTELY", TimeDelta::minutes(interval * 7))
        };
        let interval = if hourly { interval } else { interval * 7 };
        let number_of = |number: usize| first + step * i32::try_from(number).expect("a few");
        let expected: Vec<_> =
            (0..LENGTH).map(|number| number_of(number).with_timezone(&tz).to_rfc3339()).collect();
        let user = User::of(&world, case.to_string(), zone).await;
        set_clock(&world, "2026-06-01T00:00:00Z");
        let rule = json!({"rrule": format!("FREQ={frequency};INTERVAL={interval}"), "catch_up": late > 0});
        let made = json!({"title": "a", "due_date": first.to_rfc3339(), "recurrence_rule": rule});
        let mut task = user.create(made).await;
        let what = format!("{case}: {zone} {first} {rule}");
        assert_eq!(user.ahead(&task, LENGTH).await, expected, "ahead {what}");
        for due in &expected {
            assert_eq!(task["due_date"], **due, "{what}");
            task = user.complete_at(&task, &later(due, late)).await.expect("it goes on");
        }
    }
}
