//! Days, and stretches of them.

use chrono::{NaiveDate, Weekday};

use crate::meaning::calendar;
use crate::meaning::clock::Part;

/// A day, or a stretch of days and the one of them that stands for a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    /// The due date.
    pub(crate) date: NaiveDate,
    /// The first day.
    pub(crate) from: NaiveDate,
    /// The day after the last.
    pub(crate) to: NaiveDate,
    /// The part of the day that it names too: "tonight".
    pub(crate) part: Option<Part>,
    /// The weekday alone was named, so that "next week" may follow.
    pub(crate) weekday: Option<Weekday>,
    /// It is a whole month without a day: "until December" does not include it.
    pub(crate) is_month: bool,
}

impl Day {
    /// Gives a single day.
    pub(crate) fn single(date: NaiveDate) -> Self {
        let to = calendar::days_after(date, 1).unwrap_or(date);
        Self { date, from: date, to, part: None, weekday: None, is_month: false }
    }

    /// Gives a stretch of days.
    pub(crate) fn stretch(date: NaiveDate, from: NaiveDate, to: NaiveDate) -> Self {
        Self { from, to, ..Self::single(date) }
    }
}
