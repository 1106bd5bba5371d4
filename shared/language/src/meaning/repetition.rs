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
        /// From the first, or below 0 from the last; of several weekdays together.
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

    /// Takes weekdays out of it; `None` when none are left, or when it names no days.
    pub(crate) fn without(mut self, days: &[Weekday]) -> Option<Self> {
        let is_daily =
            self.special.is_none() && self.parts.frequency == Frequency::Daily && self.parts.interval == 1;
        if is_daily {
            self.parts.frequency = Frequency::Weekly;
            self.parts.weekdays =
                std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7).collect();
        }
        self.parts.weekdays.retain(|day| !days.contains(day));
        let keeps = !days.is_empty()
            && self.special.is_none()
            && self.parts.frequency == Frequency::Weekly
            && !self.parts.weekdays.is_empty();
        keeps.then_some(self)
    }

    /// Says whether both can not be one: "every monday" and "every other tuesday"; "every week" and "on mondays" can.
    pub(crate) fn is_other(&self, other: &Self) -> bool {
        let names_no_day = |rule: &Self| rule.parts.weekdays.is_empty() && rule.parts.month_days.is_empty();
        let is_alike =
            self.parts.frequency == other.parts.frequency && self.parts.interval == other.parts.interval;
        *self != *other && !(is_alike && (names_no_day(self) || names_no_day(other)))
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
                is_weekday && month.is_none_or(|month| date.month() == month) && self.is_nth(date, nth)
            }
            (Some(Special::Hours | Special::Minutes), _) => true,
            (None, Frequency::Weekly) => is_weekday,
            (None, Frequency::Monthly) => {
                self.parts.month_days.is_empty() || self.parts.month_days.iter().any(|day| is_day(date, *day))
            }
            (None, Frequency::Daily | Frequency::Yearly) => true,
        }
    }

    /// Counts the days of the month that are one of its weekdays, from either end.
    fn is_nth(&self, date: NaiveDate, nth: i8) -> bool {
        let first = calendar::first_of_month(date);
        let last = calendar::last_of_month(date);
        let (from, to) = if nth > 0 { (first, date) } else { (date, last) };
        let counted = from.iter_days().take_while(|day| *day <= to);
        let counted = counted.filter(|day| self.parts.weekdays.contains(&day.weekday())).count();
        counted == usize::from(nth.unsigned_abs())
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
