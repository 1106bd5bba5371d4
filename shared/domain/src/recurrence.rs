//! How a task repeats: a rule, and the wall times that it gives.
//!
//! Rules are expanded in naive local time by arithmetic from the series' first occurrence, never by walking from it, so that
//! the age of a series costs nothing; [`crate::zone::resolve`] turns each wall time into an instant once.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Weekday};

/// The unit that a rule repeats by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frequency {
    /// Every n days.
    Daily,
    /// Every n weeks, which start on Monday.
    Weekly,
    /// Every n months.
    Monthly,
    /// Every n years.
    Yearly,
}

/// What the next occurrence is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anchor {
    /// The rule's own dates, however late the task is completed.
    #[default]
    Due,
    /// The local day on which the task was completed; the wall time is kept.
    Completion,
}

/// The last moment at which an occurrence may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The whole local day is included.
    Date(NaiveDate),
    /// The wall time is included.
    Local(NaiveDateTime),
}

/// A rule that gives at least one occurrence, within bounds that keep every computation short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    frequency: Frequency,
    interval: u32,
    weekdays: Vec<Weekday>,
    month_days: Vec<i8>,
    count: Option<u32>,
    until: Option<Until>,
    anchor: Anchor,
    catch_up: bool,
}

/// What a rule is made of, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The unit.
    pub frequency: Frequency,
    /// Every n units; 1–[`MAX_INTERVAL`].
    pub interval: u32,
    /// The days of the week; with [`Frequency::Weekly`] only.
    pub weekdays: Vec<Weekday>,
    /// Days of the month, 1–31, or −1 (the last) to −28; with [`Frequency::Monthly`] only.
    pub month_days: Vec<i8>,
    /// How many occurrences there are in all; 1–[`MAX_COUNT`].
    pub count: Option<u32>,
    /// The last moment of the series.
    pub until: Option<Until>,
    /// What the next occurrence is counted from.
    pub anchor: Anchor,
    /// Whether missed occurrences are taken one by one instead of being skipped.
    pub catch_up: bool,
}

impl Parts {
    /// Gives a rule that repeats every unit, for ever.
    pub fn every(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            weekdays: Vec::new(),
            month_days: Vec::new(),
            count: None,
            until: None,
            anchor: Anchor::Due,
            catch_up: false,
        }
    }
}

/// The largest interval.
pub const MAX_INTERVAL: u32 = 1_000;
/// The largest count.
pub const MAX_COUNT: u32 = 10_000;

/// Why a rule is refused; each names its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The interval is 0 or too large.
    #[error("must be between 1 and {MAX_INTERVAL}")]
    Interval,
    /// The count is 0 or too large.
    #[error("must be between 1 and {MAX_COUNT}")]
    Count,
    /// Weekdays with a rule that is not weekly.
    #[error("goes with the pattern \"weekly\" only")]
    Weekdays,
    /// Month days with a rule that is not monthly.
    #[error("goes with the pattern \"monthly\" only")]
    MonthDaysPattern,
    /// A month day that is no day.
    #[error(
        "must be days 1 to 31, or -1 (the last day) to -28; 29 and 30 not beside each other, 31, or days from the end"
    )]
    MonthDays,
    /// Both a count and an end.
    #[error("count and until exclude each other (RFC 5545 §3.3.10)")]
    CountAndUntil,
}

impl RuleError {
    /// Gives the field, as it is called in the API.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Count | Self::CountAndUntil => "count",
            Self::Weekdays => "weekdays",
            Self::MonthDaysPattern | Self::MonthDays => "month_days",
        }
    }
}

impl Rule {
    /// Checks the parts of a rule.
    ///
    /// # Errors
    /// Every [`RuleError`] at once.
    pub fn new(mut parts: Parts) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        if !(1..=MAX_INTERVAL).contains(&parts.interval) {
            errors.push(RuleError::Interval);
        }
        if parts.count.is_some_and(|count| !(1..=MAX_COUNT).contains(&count)) {
            errors.push(RuleError::Count);
        }
        if !parts.weekdays.is_empty() && parts.frequency != Frequency::Weekly {
            errors.push(RuleError::Weekdays);
        }
        if !parts.month_days.is_empty() && parts.frequency != Frequency::Monthly {
            errors.push(RuleError::MonthDaysPattern);
        }
        let is_day = |day: &i8| (1..=31).contains(day) || (-28..=-1).contains(day);
        if !parts.month_days.iter().all(is_day) || has_mixed_ends(&parts.month_days) {
            errors.push(RuleError::MonthDays);
        }
        if parts.count.is_some() && parts.until.is_some() {
            errors.push(RuleError::CountAndUntil);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        parts.weekdays.sort_by_key(Weekday::num_days_from_monday);
        parts.weekdays.dedup();
        parts.month_days.sort_unstable();
        parts.month_days.dedup();
        let Parts { frequency, interval, weekdays, month_days, count, until, anchor, catch_up } = parts;
        Ok(Self { frequency, interval, weekdays, month_days, count, until, anchor, catch_up })
    }

    /// Gives the parts again.
    pub fn parts(&self) -> Parts {
        let Self { frequency, interval, weekdays, month_days, count, until, anchor, catch_up } = self.clone();
        Parts { frequency, interval, weekdays, month_days, count, until, anchor, catch_up }
    }

    /// Says whether another rule repeats on the same dates, however long each of them lasts.
    pub fn has_dates_of(&self, other: &Self) -> bool {
        let dates =
            |rule: &Self| (rule.frequency, rule.interval, rule.weekdays.clone(), rule.month_days.clone());
        dates(self) == dates(other)
    }

    /// Gives what the next occurrence is counted from.
    pub fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Says whether missed occurrences are taken one by one.
    pub fn catches_up(&self) -> bool {
        self.catch_up
    }

    /// Gives how many occurrences there are in all; `None`: no limit.
    pub fn count(&self) -> Option<u32> {
        self.count
    }

    /// Says whether an occurrence may still be at `slot`.
    pub fn reaches(&self, slot: NaiveDateTime) -> bool {
        slot.year() <= 9999
            && match self.until {
                None => true,
                Some(Until::Date(last)) => slot.date() <= last,
                Some(Until::Local(last)) => slot <= last,
            }
    }

    /// Gives the first wall time of the rule after `after`, in a series that began at `start`; `None` when `until` is passed.
    ///
    /// The start itself is always the first occurrence. Its day is the anchor of monthly and yearly rules: a month that is too short
    /// has its last day instead, and the next one the anchor day again.
    pub fn next_after(&self, start: NaiveDateTime, after: NaiveDateTime) -> Option<NaiveDateTime> {
        if after < start {
            return Some(start).filter(|slot| self.reaches(*slot));
        }
        let first = self.period_of(start, after).saturating_sub(1);
        // A period whose days all lie before `after` is followed by one whose days do not: three are always enough.
        for period in first..first + 4 {
            let slots = self.slots(start, period)?;
            if let Some(slot) = slots.into_iter().find(|slot| *slot > after && *slot >= start) {
                return Some(slot).filter(|slot| self.reaches(*slot));
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

    /// Gives the wall time one step after the local day on which `slot` was completed, for [`Anchor::Completion`]: steps enough to
    /// lie after `slot`, when it was completed early.
    pub fn step_from(&self, day: NaiveDate, slot: NaiveDateTime) -> Option<NaiveDateTime> {
        let from = day.and_time(slot.time());
        self.next_after(from, from.max(slot))
    }

    /// Gives the first `limit` wall times of a series from `from` on, which is the occurrence number `number` (from 1).
    pub fn preview(
        &self,
        start: NaiveDateTime,
        from: NaiveDateTime,
        number: u32,
        limit: usize,
    ) -> Vec<NaiveDateTime> {
        let left = self.count.map_or(u32::MAX, |count| count.saturating_sub(number.saturating_sub(1)));
        let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        let next = |slot: &NaiveDateTime| self.next_after(start, *slot);
        std::iter::successors(Some(from).filter(|slot| self.reaches(*slot)), next).take(limit).collect()
    }

    /// Gives the RFC 5545 RECUR value that means the same, for a series that began at `start`.
    pub fn to_rrule(&self, start: NaiveDateTime) -> String {
        let mut text = String::from(match self.frequency {
            Frequency::Daily => "FREQ=DAILY",
            Frequency::Weekly => "FREQ=WEEKLY",
            Frequency::Monthly => "FREQ=MONTHLY",
            Frequency::Yearly => "FREQ=YEARLY",
        });
        if self.interval > 1 {
            text += &format!(";INTERVAL={}", self.interval);
        }
        if !self.weekdays.is_empty() {
            let names: Vec<_> =
                self.weekdays.iter().map(|day| BYDAY[day.num_days_from_monday() as usize]).collect();
            text += &format!(";BYDAY={}", names.join(","));
        }
        match self.frequency {
            Frequency::Monthly => text += &self.by_month_day(start),
            Frequency::Yearly if start.month() == 2 && start.day() == 29 => {
                text += ";BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1";
            }
            _ => {}
        }
        if let Some(count) = self.count {
            text += &format!(";COUNT={count}");
        }
        match self.until {
            Some(Until::Date(last)) => text += &last.format(";UNTIL=%Y%m%d").to_string(),
            Some(Until::Local(last)) => text += &last.format(";UNTIL=%Y%m%dT%H%M%S").to_string(),
            None => {}
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
            return format!(";BYMONTHDAY={}", list(&clamped));
        };
        let mut early: Vec<i8> = clamped.iter().copied().filter(|day| *day != late).collect();
        let mut positions: Vec<i8> = (1..).take(early.len()).collect();
        early.extend(28..=late);
        positions.push(-1);
        format!(";BYMONTHDAY={};BYSETPOS={}", list(&early), list(&positions))
    }
}

const BYDAY: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

fn list(days: &[i8]) -> String {
    days.iter().map(i8::to_string).collect::<Vec<_>>().join(",")
}

fn monday(date: NaiveDate) -> NaiveDate {
    date - TimeDelta::days(i64::from(date.weekday().num_days_from_monday()))
}

fn months_of(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// 29 and 30 become the last day of a short month: beside others that are near the end they have no equivalent in RFC 5545.
fn has_mixed_ends(days: &[i8]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(frequency: Frequency, interval: u32) -> Rule {
        Rule::new(Parts { interval, ..Parts::every(frequency) }).expect("a valid rule")
    }

    fn dates(rule: &Rule, start: &str, limit: usize) -> Vec<String> {
        let start = format!("{start}T09:00:00").parse().expect("a date");
        rule.preview(start, start, 1, limit).iter().map(|slot| slot.date().to_string()).collect()
    }

    #[test]
    fn monthly_from_the_31st_is_the_last_day_of_short_months_and_the_31st_again() {
        let found = dates(&rule(Frequency::Monthly, 1), "2026-12-31", 5);
        assert_eq!(found, ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
    }

    #[test]
    fn yearly_from_29_february_is_28_in_common_years() {
        let found = dates(&rule(Frequency::Yearly, 1), "2024-02-29", 5);
        assert_eq!(found, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn every_28th_and_the_last_day_differ() {
        let last = Rule::new(Parts { month_days: vec![-1], ..Parts::every(Frequency::Monthly) })
            .expect("a valid rule");
        assert_eq!(dates(&last, "2026-02-28", 3), ["2026-02-28", "2026-03-31", "2026-04-30"]);
        assert_eq!(
            dates(&rule(Frequency::Monthly, 1), "2026-02-28", 3),
            ["2026-02-28", "2026-03-28", "2026-04-28"]
        );
    }

    #[test]
    fn weekdays_repeat_in_every_second_week_from_monday() {
        let parts = Parts {
            interval: 2,
            weekdays: vec![Weekday::Fri, Weekday::Mon],
            ..Parts::every(Frequency::Weekly)
        };
        let found = dates(&Rule::new(parts).expect("a valid rule"), "2026-11-25", 5);
        assert_eq!(found, ["2026-11-25", "2026-11-27", "2026-12-07", "2026-12-11", "2026-12-21"]);
    }

    #[test]
    fn count_and_until_end_the_series() {
        let counted =
            Rule::new(Parts { count: Some(2), ..Parts::every(Frequency::Daily) }).expect("a valid rule");
        assert_eq!(dates(&counted, "2026-01-01", 9).len(), 2);
        let last = NaiveDate::from_ymd_opt(2026, 1, 3).expect("a date");
        let ended = Rule::new(Parts { until: Some(Until::Date(last)), ..Parts::every(Frequency::Daily) })
            .expect("a valid rule");
        assert_eq!(dates(&ended, "2026-01-01", 9).len(), 3);
    }

    #[test]
    fn absurd_rules_are_refused_naming_every_field() {
        let parts = Parts {
            interval: 0,
            count: Some(0),
            weekdays: vec![Weekday::Mon],
            month_days: vec![0],
            ..Parts::every(Frequency::Daily)
        };
        let fields: Vec<_> = Rule::new(parts).expect_err("absurd").iter().map(RuleError::field).collect();
        assert_eq!(fields, ["interval", "count", "weekdays", "month_days", "month_days"]);
    }

    #[test]
    fn the_rrule_means_the_same() {
        let text = |frequency, start: &str| {
            rule(frequency, 1).to_rrule(format!("{start}T09:00:00").parse().expect("a date"))
        };
        assert_eq!(text(Frequency::Monthly, "2026-01-31"), "FREQ=MONTHLY;BYMONTHDAY=-1");
        assert_eq!(text(Frequency::Monthly, "2026-01-30"), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1");
        assert_eq!(text(Frequency::Monthly, "2026-01-15"), "FREQ=MONTHLY");
        assert_eq!(
            text(Frequency::Yearly, "2024-02-29"),
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"
        );
    }
}
