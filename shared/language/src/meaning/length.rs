//! Lengths of time.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use domain::zone;

use crate::meaning::calendar;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A length of time in calendar units and exact ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Length {
    /// Years and months.
    pub(crate) months: u32,
    /// Weeks and days.
    pub(crate) days: u32,
    /// Hours and minutes; `None` when neither was named.
    pub(crate) minutes: Option<u32>,
}

impl Length {
    /// Adds so many units; `None` beyond 10,000 of them.
    pub(crate) fn add(&mut self, count: u32, unit: Unit) -> Option<()> {
        if count > 10_000 {
            return None;
        }
        match unit {
            Unit::Minute => self.minutes = Some(self.minutes.unwrap_or(0) + count),
            Unit::Hour => self.minutes = Some(self.minutes.unwrap_or(0) + count * 60),
            Unit::Day => self.days += count,
            Unit::Week => self.days += count * 7,
            Unit::Month => self.months += count,
            Unit::Year => self.months += count * 12,
        }
        Some(())
    }

    /// Gives the day so much later.
    pub(crate) fn after_day(self, date: NaiveDate) -> Option<NaiveDate> {
        calendar::days_after(calendar::months_after(date, self.months)?, self.days)
    }

    /// Gives the wall time so much later: days on the wall clock, hours and minutes as they pass.
    pub(crate) fn after(self, at: NaiveDateTime, zone: Tz) -> Option<NaiveDateTime> {
        let day = self.after_day(at.date())?.and_time(at.time());
        let Some(minutes) = self.minutes else { return Some(day) };
        let later = zone::resolve(day, zone).checked_add_signed(TimeDelta::minutes(i64::from(minutes)))?;
        Some(zone::local(later, zone))
    }
}
