//! Random RRULE text against a second implementation that only walks and filters, day by day or minute by minute.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use domain::zone::{local, resolve};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const ZONES: [Tz; 9] = [
    Tz::UTC,
    Tz::America__New_York,
    Tz::Europe__London,
    Tz::America__Santiago,
    Tz::Australia__Lord_Howe,
    Tz::Africa__Cairo,
    Tz::Asia__Kathmandu,
    Tz::Pacific__Apia,
    Tz::America__St_Johns,
];

/// The parts of a rule, as they are; an empty list is a part that is not there.
#[derive(Debug, Clone, Default)]
struct Raw {
    frequency: &'static str,
    interval: i64,
    week_start: i64,
    months: Vec<i64>,
    weeks: Vec<i64>,
    year_days: Vec<i64>,
    month_days: Vec<i64>,
    /// 0: every such weekday.
    weekdays: Vec<(i64, i64)>,
    hours: Vec<i64>,
    minutes: Vec<i64>,
    seconds: Vec<i64>,
    positions: Vec<i64>,
}

impl Raw {
    fn text(&self) -> String {
        let mut text = format!(
            "FREQ={};INTERVAL={};WKST={}",
            self.frequency, self.interval, WEEKDAYS[self.week_start as usize]
        );
        let day = |(ordinal, weekday): &(i64, i64)| {
            let ordinal = if *ordinal == 0 { String::new() } else { ordinal.to_string() };
            format!("{ordinal}{}", WEEKDAYS[*weekday as usize])
        };
        let days: Vec<_> = self.weekdays.iter().map(day).collect();
        let numbers = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>();
        for (name, list) in [
            ("BYMONTH", numbers(&self.months)),
            ("BYWEEKNO", numbers(&self.weeks)),
            ("BYYEARDAY", numbers(&self.year_days)),
            ("BYMONTHDAY", numbers(&self.month_days)),
            ("BYDAY", days),
            ("BYHOUR", numbers(&self.hours)),
            ("BYMINUTE", numbers(&self.minutes)),
            ("BYSECOND", numbers(&self.seconds)),
            ("BYSETPOS", numbers(&self.positions)),
        ] {
            if !list.is_empty() {
                text += &format!(";{name}={}", list.join(","));
            }
        }
        text
    }

    /// Says whether the BY parts allow a date, by the table of RFC 5545 §3.3.10.
    fn allows(&self, date: NaiveDate, start: NaiveDate) -> bool {
        let has = |list: &[i64], value: i64, length: i64| {
            list.is_empty() || list.contains(&value) || list.contains(&(value - length - 1))
        };
        let (month, day) = (i64::from(date.month()), i64::from(date.day()));
        let names_no_day =
            self.weekdays.is_empty() && self.month_days.is_empty() && self.year_days.is_empty();
        let is_like_the_start = match self.frequency {
            _ if !names_no_day => true,
            "WEEKLY" => date.weekday() == start.weekday(),
            "MONTHLY" => date.day() == start.day(),
            "YEARLY" if !self.weeks.is_empty() => date.weekday() == start.weekday(),
            "YEARLY" => {
                date.day() == start.day() && (!self.months.is_empty() || date.month() == start.month())
            }
            _ => true,
        };
        let is_weekday = |(ordinal, weekday): &(i64, i64)| {
            let is_in_scope = |other: &NaiveDate| {
                other.year() == date.year()
                    && (other.month() == date.month()
                        || (self.frequency == "YEARLY" && self.months.is_empty()))
            };
            let count = |forward: bool| {
                let next = |at: &NaiveDate| {
                    if forward {
                        at.checked_sub_days(Days::new(7))
                    } else {
                        at.checked_add_days(Days::new(7))
                    }
                };
                std::iter::successors(Some(date), next).take_while(is_in_scope).count() as i64
            };
            i64::from(date.weekday().num_days_from_monday()) == *weekday
                && (*ordinal == 0 || *ordinal == count(true) || *ordinal == -count(false))
        };
        let (week, weeks) = if self.weeks.is_empty() { (1, 1) } else { self.week_of(date) };
        is_like_the_start
            && (self.months.is_empty() || self.months.contains(&month))
            && has(&self.month_days, day, i64::from(date.num_days_in_month()))
            && has(&self.year_days, i64::from(date.ordinal()), length_of_year(date.year()))
            && has(&self.weeks, week, weeks)
            && (self.weekdays.is_empty() || self.weekdays.iter().any(is_weekday))
    }

    /// Gives the number of a date's week and how many its year has, by walking from week 1, the first with four days in the year.
    fn week_of(&self, date: NaiveDate) -> (i64, i64) {
        let first_of = |year: i32| {
            let begins_week =
                |day: &NaiveDate| i64::from(day.weekday().num_days_from_monday()) == self.week_start;
            let earliest = NaiveDate::from_ymd_opt(year - 1, 12, 29).expect("a date");
            earliest.iter_days().find(begins_week).expect("a week has seven days")
        };
        let year = (date.year() - 1..=date.year() + 1)
            .rev()
            .find(|year| first_of(*year) <= date)
            .expect("one of three years");
        let weeks = |from: NaiveDate, to: NaiveDate| (to - from).num_days().div_euclid(7);
        (weeks(first_of(year), date) + 1, weeks(first_of(year), first_of(year + 1)))
    }

    /// Counts a date's period of days, weeks, months or years.
    fn period(&self, date: NaiveDate) -> i64 {
        match self.frequency {
            "DAILY" => i64::from(date.num_days_from_ce()),
            "WEEKLY" => (i64::from(date.num_days_from_ce()) - 1 - self.week_start).div_euclid(7),
            "MONTHLY" => i64::from(date.year()) * 12 + i64::from(date.month()),
            _ => i64::from(date.year()),
        }
    }

    /// Takes BYSETPOS of the candidates of each period.
    fn choose(&self, periods: BTreeMap<i64, Vec<NaiveDateTime>>) -> Vec<NaiveDateTime> {
        let mut all = Vec::new();
        for mut slots in periods.into_values() {
            slots.sort();
            slots.dedup();
            let count = slots.len() as i64;
            let is_chosen = |index: i64| {
                self.positions.is_empty()
                    || self.positions.contains(&(index + 1))
                    || self.positions.contains(&(index - count))
            };
            all.extend((0..count).filter(|index| is_chosen(*index)).map(|index| slots[index as usize]));
        }
        all
    }

    /// Gives the slots of a rule of days, from the start's period on.
    fn dates(&self, start: NaiveDateTime, days: u64) -> Vec<NaiveDateTime> {
        let or_start =
            |list: &[i64], value: u32| if list.is_empty() { vec![i64::from(value)] } else { list.to_vec() };
        let mut times = Vec::new();
        for hour in or_start(&self.hours, start.hour()) {
            for minute in or_start(&self.minutes, start.minute()) {
                for second in or_start(&self.seconds, start.second()) {
                    times.push(TimeDelta::seconds(hour * 3_600 + minute * 60 + second));
                }
            }
        }
        let first = self.period(start.date());
        let mut periods: BTreeMap<i64, Vec<NaiveDateTime>> = BTreeMap::new();
        let from = start.date() - Days::new(366);
        // The periods of the first and of the last day are walked as a whole.
        for date in from.iter_days().take(366 + days as usize + 366) {
            let period = self.period(date) - first;
            if period >= 0 && period % self.interval == 0 && self.allows(date, start.date()) {
                let slots = times.iter().map(|time| date.and_time(Default::default()) + *time);
                periods.entry(period).or_default().extend(slots);
            }
        }
        self.choose(periods)
    }

    /// Gives the slots of a rule of hours or minutes.
    fn minutes(&self, start: NaiveDateTime, zone: Tz, days: u64) -> Vec<NaiveDateTime> {
        let is_hourly = self.frequency == "HOURLY";
        let origin = start - TimeDelta::minutes(if is_hourly { i64::from(start.minute()) } else { 0 });
        let origin_at = resolve(start, zone) - (start - origin);
        let mut periods: BTreeMap<i64, Vec<NaiveDateTime>> = BTreeMap::new();
        let has = |list: &[i64], value: u32| list.is_empty() || list.contains(&i64::from(value));
        for place in 0..days as i64 * 1_440 {
            let period = if is_hourly { place / 60 } else { place };
            let shown = local(origin_at + TimeDelta::minutes(place), zone);
            let is_minute = !is_hourly || !self.minutes.is_empty() || place % 60 == i64::from(start.minute());
            if period % self.interval == 0
                && is_minute
                && has(&self.hours, shown.hour())
                && has(&self.minutes, shown.minute())
                && self.allows(shown.date(), start.date())
            {
                let slot = origin + TimeDelta::minutes(place);
                let seconds: &[i64] = if self.seconds.is_empty() { &[0] } else { &self.seconds };
                let slots = seconds.iter().map(|second| slot + TimeDelta::seconds(*second));
                periods.entry(period).or_default().extend(slots);
            }
        }
        self.choose(periods)
    }

    /// Gives every slot from the start on that lies within so many days of it.
    fn slots(&self, start: NaiveDateTime, zone: Tz, days: u64) -> Vec<NaiveDateTime> {
        if ["HOURLY", "MINUTELY"].contains(&self.frequency) {
            let slots = self.minutes(start, zone, days).into_iter().filter(|slot| *slot > start);
            return std::iter::once(start).chain(slots).collect();
        }
        let all = self.dates(start, days);
        let at = |slot: &NaiveDateTime| resolve(*slot, zone);
        let is_lost = |slot: &NaiveDateTime| local(at(slot), zone) != *slot;
        let is_twice = |slot: &NaiveDateTime| is_lost(slot) && all.contains(&local(at(slot), zone));
        let later = all.iter().filter(|slot| **slot > start && at(slot) != at(&start) && !is_twice(slot));
        std::iter::once(start).chain(later.copied()).collect()
    }
}

fn length_of_year(year: i32) -> i64 {
    if NaiveDate::from_ymd_opt(year, 2, 29).is_some() { 366 } else { 365 }
}

/// Gives a few of the numbers from `least` to `most`, or none; from their negatives too.
fn some(least: i64, most: i64, is_signed: bool, chance: f64, number: usize) -> BoxedStrategy<Vec<i64>> {
    let one = (least..=most, any::<bool>())
        .prop_map(move |(number, negative)| if negative && is_signed { -number } else { number });
    weighted(chance, vec(one, 1..=number)).prop_map(Option::unwrap_or_default).boxed()
}

fn none() -> BoxedStrategy<Vec<i64>> {
    Just(Vec::new()).boxed()
}

fn rule(frequency: &'static str) -> impl Strategy<Value = Raw> {
    let is_absolute = ["HOURLY", "MINUTELY"].contains(&frequency);
    let is_yearly = frequency == "YEARLY";
    let most_ordinal: i64 = match frequency {
        "YEARLY" => 53,
        "MONTHLY" => 5,
        _ => 0,
    };
    let ordinal =
        prop_oneof![Just(0), -most_ordinal..=most_ordinal, -most_ordinal.min(3)..=most_ordinal.min(3)];
    let interval = match frequency {
        "MINUTELY" => prop_oneof![1..=3i64, 1..=1_500i64].boxed(),
        "HOURLY" => prop_oneof![1..=3i64, 1..=50i64].boxed(),
        _ => prop_oneof![Just(1i64), 1..=5i64, 1..=40i64].boxed(),
    };
    let dates = (
        some(1, 12, false, 0.4, 4),
        if is_yearly { some(1, 53, true, 0.2, 6) } else { none() },
        if is_yearly || is_absolute { some(1, 366, true, 0.15, 40) } else { none() },
        if frequency == "WEEKLY" { none() } else { some(1, 31, true, 0.3, 8) },
        weighted(0.5, vec((ordinal, 0..7i64), 1..=4)).prop_map(Option::unwrap_or_default),
    );
    let seconds = select(vec![vec![], vec![], vec![], vec![0], vec![30, 45]]);
    let times = (some(0, 23, false, 0.3, 5), some(0, 59, false, 0.3, 5), seconds, some(1, 8, true, 0.3, 3));
    (interval, 0..7i64, dates, times).prop_map(move |(interval, week_start, dates, times)| {
        let (months, weeks, year_days, month_days, mut weekdays) = dates;
        let (hours, minutes, seconds, mut positions) = times;
        if !weeks.is_empty() {
            weekdays.iter_mut().for_each(|day| day.0 = 0);
        }
        let has_part = [&months, &weeks, &year_days, &month_days, &hours, &minutes, &seconds]
            .iter()
            .any(|list| !list.is_empty());
        if !has_part && weekdays.is_empty() {
            positions.clear();
        }
        Raw {
            frequency,
            interval,
            week_start,
            months,
            weeks,
            year_days,
            month_days,
            weekdays,
            hours,
            minutes,
            seconds,
            positions,
        }
    })
}

/// Gives starts of any day, and of days on which clocks change.
fn start() -> impl Strategy<Value = NaiveDateTime> {
    let changes = [
        "2026-03-07",
        "2026-10-31",
        "2026-10-03",
        "2027-04-03",
        "2026-09-05",
        "2027-04-29",
        "2011-12-29",
        "2010-11-06",
    ];
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let any_day = (0..15_000u64).prop_map(move |days| day("1995-01-01") + Days::new(days));
    let date = prop_oneof![any_day, select(changes.map(day).to_vec())];
    (date, 0..24u32, select(vec![0, 15, 30, 59]))
        .prop_map(|(date, hour, minute)| date.and_hms_opt(hour, minute, 0).expect("a time"))
}

/// Compares the first slots, and those after some place in the middle.
fn compare(raw: &Raw, start: NaiveDateTime, zone: Tz, days: u64, middle: f64) -> Result<(), TestCaseError> {
    let expected = raw.slots(start, zone, days);
    let rule = match Rule::parse_rrule(&raw.text(), Anchor::Due, false) {
        Ok(rule) => rule,
        Err(errors) => {
            prop_assert_eq!(errors[0].to_string(), "gives no date at all", "{}", raw.text());
            prop_assert_eq!(expected.len(), 1, "{} is refused", raw.text());
            return Ok(());
        }
    };
    let end = start + Days::new(days - 2);
    let within =
        |slots: Vec<NaiveDateTime>| slots.into_iter().filter(|slot| *slot < end).take(20).collect::<Vec<_>>();
    let found = within(rule.preview(start, start, 1, 20, zone));
    prop_assert_eq!(found, within(expected.clone()), "{} from {}", raw.text(), start);
    let middle = start + TimeDelta::seconds((days as f64 * 86_400.0 * middle) as i64);
    let next = rule.next_after(start, middle, zone).filter(|slot| *slot < end);
    let expected = expected.into_iter().find(|slot| *slot > middle).filter(|slot| *slot < end);
    prop_assert_eq!(next, expected, "{} from {} after {}", raw.text(), start, middle);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_of_days_give_what_a_walk_finds(
        raw in prop_oneof![rule("DAILY"), rule("WEEKLY"), rule("MONTHLY"), rule("YEARLY")],
        start in start(),
        zone in select(ZONES.to_vec()),
        middle in 0.0..1.0,
    ) {
        compare(&raw, start, zone, 2_500, middle)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_of_hours_and_minutes_give_what_a_walk_finds(
        raw in prop_oneof![rule("HOURLY"), rule("MINUTELY")],
        start in start(),
        zone in select(ZONES.to_vec()),
        middle in 0.0..1.0,
    ) {
        compare(&raw, start, zone, 45, middle)?;
    }

    #[test]
    fn a_pattern_and_its_rrule_expand_alike(
        frequency in 0..4usize,
        interval in 1..40u32,
        weekdays in subsequence((0..7u8).collect::<Vec<_>>(), 0..7),
        month_days in some(1, 31, true, 0.6, 3),
        start in start(),
        zone in select(ZONES.to_vec()),
    ) {
        use domain::recurrence::{Frequency, Parts};
        let frequency = [Frequency::Daily, Frequency::Weekly, Frequency::Monthly, Frequency::Yearly][frequency];
        let mut parts = Parts { interval, ..Parts::every(frequency) };
        match frequency {
            Frequency::Weekly => parts.weekdays = weekdays.iter().filter_map(|day| (*day).try_into().ok()).collect(),
            Frequency::Monthly => parts.month_days = month_days.iter().map(|day| *day as i8).collect(),
            _ => {}
        }
        let Ok(pattern) = Rule::new(parts) else { return Ok(()) };
        let text = pattern.to_rrule(start);
        let rrule = Rule::parse_rrule(&text, Anchor::Due, false).expect("our own text");
        let slots = |rule: &Rule| rule.preview(start, start, 1, 30, zone);
        prop_assert_eq!(slots(&pattern), slots(&rrule), "{}", text);
    }
}

#[test]
fn a_utc_end_is_an_instant() {
    let at: DateTime<Utc> = "2026-11-22T13:30:00Z".parse().expect("an instant");
    let rule = Rule::parse_rrule("FREQ=DAILY;UNTIL=20261122T140000Z", Anchor::Due, false).expect("a rule");
    let start = "2026-11-21T09:00:00".parse().expect("a time");
    assert!(rule.reaches(start, local(at, Tz::America__New_York), Tz::America__New_York));
    // 09:00 in New York is 14:00 in UTC, and in Chicago it is 15:00.
    assert_eq!(rule.preview(start, start, 1, 9, Tz::America__New_York).len(), 2);
    assert_eq!(rule.preview(start, start, 1, 9, Tz::America__Chicago).len(), 1);
}
