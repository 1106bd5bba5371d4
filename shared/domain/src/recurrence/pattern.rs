//! Patterns: every nth day, week, month or year, with the anchor day kept and clamped to short months.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Weekday};

use super::Frequency;
use super::recur::Unit;
use super::text::{joined, unit_name, weekday_name};

/// A checked pattern; both lists are sorted, and have nothing twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) frequency: Frequency,
    pub(super) interval: u32,
    pub(super) weekdays: Vec<Weekday>,
    pub(super) month_days: Vec<i8>,
}

impl Pattern {
    /// Gives the first wall time of the pattern after `after`, which is not before the start.
    pub(super) fn next_after(&self, start: NaiveDateTime, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let first = self.period_of(start, after).saturating_sub(1);
        // A period whose days all lie before `after` is followed by one whose days do not, and `first` is the one before: three are
        // enough, and one more for a period without any day.
        for period in first..first.saturating_add(4) {
            let slots = self.slots(start, period)?;
            if let Some(slot) = slots.into_iter().find(|slot| *slot > after && *slot >= start) {
                return Some(slot);
            }
        }
        None
    }

    /// Counts whole periods (interval × unit) between the start's and `at`'s.
    fn period_of(&self, start: NaiveDateTime, at: NaiveDateTime) -> u32 {
        let units = match self.frequency {
            Frequency::Daily => (at.date() - start.date()).num_days(),
            Frequency::Weekly => (monday(at.date()) - monday(start.date())).num_days() / 7,
            Frequency::Monthly => months_of(at.date()) - months_of(start.date()),
            Frequency::Yearly => i64::from(at.year() - start.year()),
        };
        u32::try_from(units / i64::from(self.interval)).unwrap_or(0)
    }

    /// Gives the wall times of one period, in order.
    fn slots(&self, start: NaiveDateTime, period: u32) -> Option<Vec<NaiveDateTime>> {
        let units = period.checked_mul(self.interval)?;
        let dates: Vec<NaiveDate> = match self.frequency {
            Frequency::Daily => vec![start.date().checked_add_days(Days::new(u64::from(units)))?],
            Frequency::Weekly if self.weekdays.is_empty() => {
                vec![start.date().checked_add_days(Days::new(u64::from(units) * 7))?]
            }
            Frequency::Weekly => {
                let monday = monday(start.date()).checked_add_days(Days::new(u64::from(units) * 7))?;
                let day =
                    |weekday: &Weekday| monday + TimeDelta::days(i64::from(weekday.num_days_from_monday()));
                self.weekdays.iter().map(day).collect()
            }
            Frequency::Monthly => {
                let first = start.date().with_day(1)?.checked_add_months(Months::new(units))?;
                let anchor = [i8::try_from(start.day()).ok()?];
                let days = if self.month_days.is_empty() { &anchor[..] } else { &self.month_days };
                let mut dates: Vec<_> = days.iter().filter_map(|day| day_of_month(first, *day)).collect();
                dates.sort_unstable();
                dates.dedup();
                dates
            }
            Frequency::Yearly => {
                let first =
                    start.date().with_day(1)?.checked_add_months(Months::new(units.checked_mul(12)?))?;
                vec![day_of_month(first, i8::try_from(start.day()).ok()?)?]
            }
        };
        Some(dates.into_iter().map(|date| date.and_time(start.time())).collect())
    }

    /// Gives the RFC 5545 RECUR value that means the same, without its end, for a series that began at `start`.
    pub(super) fn to_rrule(&self, start: NaiveDateTime) -> String {
        let mut text = format!("FREQ={}", unit_name(Unit::Days(self.frequency)));
        if self.interval > 1 {
            text += &format!(";INTERVAL={}", self.interval);
        }
        if !self.weekdays.is_empty() {
            let names: Vec<_> = self.weekdays.iter().map(|day| weekday_name(*day)).collect();
            text += &format!(";BYDAY={}", names.join(","));
        }
        match self.frequency {
            Frequency::Monthly => text += &self.by_month_day(start),
            Frequency::Yearly if start.month() == 2 && start.day() == 29 => {
                text += ";BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1";
            }
            _ => {}
        }
        text
    }

    /// RFC 5545 skips short months; "the 30th, else the last day" is the last of the days 28 to 30 that exist.
    fn by_month_day(&self, start: NaiveDateTime) -> String {
        let anchor = [i8::try_from(start.day()).unwrap_or(1)];
        let days = if self.month_days.is_empty() { &anchor[..] } else { &self.month_days };
        let mut clamped: Vec<i8> = days.iter().map(|day| if *day == 31 { -1 } else { *day }).collect();
        clamped.sort_unstable();
        clamped.dedup();
        let Some(late @ (29 | 30)) = clamped.iter().copied().find(|day| matches!(day, 29 | 30)) else {
            if self.month_days.is_empty() && anchor[0] < 29 {
                return String::new();
            }
            return format!(";BYMONTHDAY={}", joined(&clamped));
        };
        let mut early: Vec<i8> = clamped.iter().copied().filter(|day| *day != late).collect();
        let mut positions: Vec<i8> = (1..).take(early.len()).collect();
        early.extend(28..=late);
        early.dedup();
        positions.push(-1);
        format!(";BYMONTHDAY={};BYSETPOS={}", joined(&early), joined(&positions))
    }
}

fn monday(date: NaiveDate) -> NaiveDate {
    date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday()))
}

fn months_of(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// 29 and 30 become the last day of a short month: beside others that are near the end they have no equivalent in RFC 5545.
pub(super) fn has_mixed_ends(days: &[i8]) -> bool {
    let is_late = |day: &&i8| matches!(**day, 29 | 30);
    let is_end = |day: &&i8| **day == 31 || **day < 0;
    let late: std::collections::BTreeSet<_> = days.iter().filter(is_late).collect();
    late.len() > 1 || (late.len() == 1 && days.iter().any(|day| is_end(&day)))
}

/// Gives a day of the month that begins at `first`; too large a day is the last one.
fn day_of_month(first: NaiveDate, day: i8) -> Option<NaiveDate> {
    let length = first.num_days_in_month();
    let day = if day > 0 {
        day.unsigned_abs().min(length)
    } else {
        (length + 1).checked_sub(day.unsigned_abs())?
    };
    first.with_day(u32::from(day))
}
