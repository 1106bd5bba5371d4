//! Rules of days, weeks, months and years, expanded in naive local time.
//!
//! Nothing is walked from the start: the period of a day is arithmetic, days come a month at a time, and a rule without a match is
//! given up after the 400 years in which calendar and interval repeat.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Weekday};

use super::Frequency;
use super::calendar::{
    CYCLE_DAYS, DayFilter, LAST_DAY, Month, greatest_common_divisor, index_of, ones, week_of, year_of,
};
use super::recur::{Defaults, Recur, chosen};

/// The periods of a series: every nth day, week, month or year from the start's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Periods {
    frequency: Frequency,
    interval: i64,
    /// The start's day or the first day of its week, as a day number; its month or year, counted.
    origin: i32,
    week_start: Weekday,
}

impl Periods {
    pub(super) fn new(frequency: Frequency, interval: u32, start: NaiveDate, week_start: Weekday) -> Self {
        let day = start.num_days_from_ce();
        let origin = match frequency {
            Frequency::Daily => day,
            Frequency::Weekly => week_of(day, week_start),
            Frequency::Monthly => index_of(start),
            Frequency::Yearly => start.year(),
        };
        Self { frequency, interval: i64::from(interval), origin, week_start }
    }

    /// Counts the days, weeks, months or years from the origin to a day's.
    fn units(&self, day: i32) -> Option<i64> {
        let units = match self.frequency {
            Frequency::Daily => day - self.origin,
            Frequency::Weekly => (week_of(day, self.week_start) - self.origin) / 7,
            Frequency::Monthly => Month::of(day)?.index - self.origin,
            Frequency::Yearly => Month::of(day)?.index.div_euclid(12) - self.origin,
        };
        Some(i64::from(units))
    }

    fn contains(&self, day: i32) -> bool {
        self.interval == 1 || self.units(day).is_some_and(|units| units % self.interval == 0)
    }

    /// Gives the first day from `day` on that lies in a period.
    fn align(&self, day: i32) -> Option<i32> {
        if self.interval == 1 {
            return Some(day);
        }
        let units = self.units(day)?;
        let past = units.rem_euclid(self.interval);
        if past == 0 {
            return Some(day);
        }
        let next = i64::from(self.origin);
        match self.frequency {
            Frequency::Daily => i32::try_from(next + units - past + self.interval).ok(),
            Frequency::Weekly => i32::try_from(next + (units - past + self.interval) * 7).ok(),
            Frequency::Monthly => {
                let index = i32::try_from(next + units - past + self.interval).ok()?;
                Month::at(index).map(|month| month.first)
            }
            Frequency::Yearly => {
                let year = i32::try_from(next + units - past + self.interval).ok()?;
                Month::at(year.checked_mul(12)?).map(|month| month.first)
            }
        }
    }

    /// Gives the first day of the period of a day, and the first day after it.
    fn bounds(&self, day: i32) -> Option<(i32, i32)> {
        Some(match self.frequency {
            Frequency::Daily => (day, day + 1),
            Frequency::Weekly => {
                let first = week_of(day, self.week_start);
                (first, first + 7)
            }
            Frequency::Monthly => {
                let month = Month::of(day)?;
                (month.first, month.end())
            }
            Frequency::Yearly => year_of(&Month::of(day)?),
        })
    }

    /// Gives the last day to look at from `day` on: when calendar and interval have repeated, nothing new comes.
    pub(super) fn horizon(&self, day: i32) -> i32 {
        let units = match self.frequency {
            Frequency::Daily => CYCLE_DAYS,
            Frequency::Weekly => CYCLE_DAYS / 7,
            Frequency::Monthly => 4_800,
            Frequency::Yearly => 400,
        };
        let cycles = self.interval / greatest_common_divisor(self.interval, units);
        i32::try_from(i64::from(day) + CYCLE_DAYS * cycles + 366).unwrap_or(LAST_DAY).min(LAST_DAY)
    }

    /// Says whether all periods are days of one weekday.
    fn keeps_weekday(&self) -> bool {
        self.frequency == Frequency::Daily && self.interval % 7 == 0
    }

    /// Gives the first allowed day from `from` to `horizon`.
    pub(super) fn next_day(&self, filter: &DayFilter<'_>, from: i32, horizon: i32) -> Option<i32> {
        if self.keeps_weekday() && !filter.may_allow_weekday(self.origin) {
            return None;
        }
        let mut from = self.align(filter.skip_months(from)?)?;
        while from <= horizon {
            let month = Month::of(from)?;
            let days = filter.days(&month) & (!0 << (from - month.first));
            let mut days = ones(days).map(|bit| month.first + bit.cast_signed());
            if let Some(day) = days.find(|day| self.contains(*day)) {
                return Some(day).filter(|day| *day <= horizon);
            }
            from = self.align(filter.skip_months(month.end())?)?;
        }
        None
    }
}

/// A rule of days together with the start of its series.
pub(super) struct Dates<'a> {
    recur: &'a Recur,
    periods: Periods,
    defaults: Defaults,
    start: NaiveDateTime,
}

impl<'a> Dates<'a> {
    pub(super) fn new(recur: &'a Recur, start: NaiveDateTime) -> Self {
        Self { recur, periods: recur.periods(start), defaults: recur.defaults(start), start }
    }

    /// Gives the first wall time of the rule after `after`, which is not before the start.
    pub(super) fn next_after(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let filter = self.recur.filter(&self.defaults);
        let today = after.date().num_days_from_ce();
        let horizon = self.periods.horizon(today);
        if self.recur.positions.is_empty() {
            let day = self.periods.next_day(&filter, today, horizon)?;
            if day > today {
                return self.slot(day, 0);
            }
            if let Some(time) = self.time_after(after.time()) {
                return self.slot(day, time);
            }
            return self.slot(self.periods.next_day(&filter, day + 1, horizon)?, 0);
        }
        let mut from = self.periods.bounds(today)?.0;
        loop {
            let day = self.periods.next_day(&filter, from, horizon)?;
            let (first, end) = self.periods.bounds(day)?;
            let chosen = self.chosen(&filter, first, end);
            if let Some(slot) = chosen.into_iter().find(|slot| *slot > after) {
                return Some(slot);
            }
            from = end;
        }
    }

    /// Gives what BYSETPOS chooses of the period from `first` to before `end`.
    fn chosen(&self, filter: &DayFilter<'_>, first: i32, end: i32) -> Vec<NaiveDateTime> {
        let mut days = Vec::new();
        let mut from = first;
        while from < end {
            let Some(month) = Month::of(from) else { break };
            let allowed = ones(filter.days(&month)).map(|bit| month.first + bit.cast_signed());
            days.extend(allowed.filter(|day| (first..end).contains(day)));
            from = month.end();
        }
        let times = self.times();
        chosen(&self.recur.positions, days.len() * times, |index| {
            self.slot(days[index / times], index % times)
        })
    }

    /// Counts the times of day.
    fn times(&self) -> usize {
        self.defaults.hours.len() * self.defaults.minutes.len() * self.defaults.seconds.len()
    }

    /// Gives the nth time of day, from 0, which has the start's fraction of a second.
    fn time(&self, index: usize) -> Option<NaiveTime> {
        let Defaults { hours, minutes, seconds, .. } = &self.defaults;
        let second = seconds[index % seconds.len()];
        let minute = minutes[index / seconds.len() % minutes.len()];
        let hour = hours.get(index / seconds.len() / minutes.len())?;
        let [hour, minute, second] = [*hour, minute, second].map(|value| u32::try_from(value).unwrap_or(0));
        NaiveTime::from_hms_nano_opt(hour, minute, second, self.start.nanosecond())
    }

    /// Gives the number of the first time of day after `after`.
    fn time_after(&self, after: NaiveTime) -> Option<usize> {
        let (mut low, mut high) = (0, self.times());
        while low < high {
            let middle = low.midpoint(high);
            if self.time(middle)? > after { high = middle } else { low = middle + 1 }
        }
        (low < self.times()).then_some(low)
    }

    fn slot(&self, day: i32, time: usize) -> Option<NaiveDateTime> {
        Some(NaiveDate::from_num_days_from_ce_opt(day)?.and_time(self.time(time)?))
    }
}
