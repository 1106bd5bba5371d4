//! Repetitions, before their end and their first day are known.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate, Weekday};
use domain::recurrence::{Frequency, Parts, Rule, Until};

use crate::meaning::calendar;
use crate::meaning::clock::Part;

/// A repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repetition {
    /// The pattern; of a [`Special`] one its interval, weekdays, end and anchor.
    pub(crate) parts: Parts,
    /// What no pattern can say.
    pub(crate) special: Option<Special>,
    /// The part of the day: "every morning".
    pub(crate) part: Option<Part>,
    /// The first day: "every december 25".
    pub(crate) start: Option<NaiveDate>,
}

/// A repetition that is kept as RRULE text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// The n-th of the weekdays of every month, or of one month of every year; −1 is the last.
    NthWeekday {
        /// 1–5, or −1 to −5.
        nth: i8,
        /// 1–12; `None`: every month.
        month: Option<u32>,
    },
    /// Every n hours.
    Hours,
    /// Every n minutes.
    Minutes,
}

impl Repetition {
    /// Gives the repetition of a pattern.
    pub(crate) fn pattern(parts: Parts) -> Self {
        Self { parts, special: None, part: None, start: None }
    }

    /// Gives one that no pattern can say, every `interval` of its units.
    pub(crate) fn special(special: Special, interval: u32, weekdays: Vec<Weekday>) -> Self {
        let parts = Parts { interval, weekdays, ..Parts::every(Frequency::Monthly) };
        Self { special: Some(special), ..Self::pattern(parts) }
    }

    /// Says whether it counts hours or minutes, so that it needs a time of day.
    pub(crate) fn is_by_the_clock(&self) -> bool {
        matches!(self.special, Some(Special::Hours | Special::Minutes))
    }

    /// Says whether one of its occurrences can be on that day, counted from nothing.
    pub(crate) fn fits(&self, date: NaiveDate) -> bool {
        let is_weekday = self.parts.weekdays.is_empty() || self.parts.weekdays.contains(&date.weekday());
        match (self.special, self.parts.frequency) {
            (Some(Special::NthWeekday { nth, month }), _) => {
                is_weekday && month.is_none_or(|month| date.month() == month) && is_nth(date, nth)
            }
            (Some(Special::Hours | Special::Minutes), _) => true,
            (None, Frequency::Weekly) => is_weekday,
            (None, Frequency::Monthly) => {
                self.parts.month_days.is_empty() || self.parts.month_days.iter().any(|day| is_day(date, *day))
            }
            (None, Frequency::Daily | Frequency::Yearly) => true,
        }
    }

    /// Gives the rule; `None` when the domain can not hold it.
    pub(crate) fn rule(&self) -> Option<Rule> {
        let Some(special) = self.special else { return Rule::new(self.parts.clone()).ok() };
        let Parts { interval, count, until, anchor, catch_up, .. } = self.parts;
        let days = || self.parts.weekdays.iter().map(|day| code(*day)).collect::<Vec<_>>();
        let mut text = match special {
            Special::Hours => "FREQ=HOURLY".to_owned(),
            Special::Minutes => "FREQ=MINUTELY".to_owned(),
            Special::NthWeekday { nth, month } => {
                let frequency =
                    month.map_or("FREQ=MONTHLY".to_owned(), |month| format!("FREQ=YEARLY;BYMONTH={month}"));
                match &days()[..] {
                    [only] => format!("{frequency};BYDAY={nth}{only}"),
                    // The last of several days of the week is the last work day, not the last of each.
                    several => format!("{frequency};BYDAY={};BYSETPOS={nth}", several.join(",")),
                }
            }
        };
        if interval != 1 {
            write!(text, ";INTERVAL={interval}").ok()?;
        }
        match (count, until) {
            (Some(count), None) => write!(text, ";COUNT={count}").ok()?,
            (None, Some(Until::Date(date))) => write!(text, ";UNTIL={}", date.format("%Y%m%d")).ok()?,
            (None, None) => {}
            _ => return None,
        }
        Rule::parse_rrule(&text, anchor, catch_up).ok()
    }
}

/// A month that is too short has its last day instead.
fn is_day(date: NaiveDate, day: i8) -> bool {
    let last = i64::from(calendar::last_of_month(date).day());
    let day = i64::from(day);
    let day = if day < 0 { last + 1 + day } else { day.min(last) };
    i64::from(date.day()) == day
}

fn is_nth(date: NaiveDate, nth: i8) -> bool {
    let counted = if nth > 0 { date.day0() } else { calendar::last_of_month(date).day() - date.day() };
    counted / 7 + 1 == u32::from(nth.unsigned_abs())
}

fn code(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    }
}
