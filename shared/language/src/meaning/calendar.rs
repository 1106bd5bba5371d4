//! Days counted from others.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

/// Gives the day so many days later, within the years 1 to 9999.
pub(crate) fn days_after(date: NaiveDate, days: u32) -> Option<NaiveDate> {
    date.checked_add_days(Days::new(u64::from(days))).filter(|date| date.year() <= 9999)
}

/// Gives the day so many months later, the last one where the month is too short.
pub(crate) fn months_after(date: NaiveDate, months: u32) -> Option<NaiveDate> {
    date.checked_add_months(Months::new(months)).filter(|date| date.year() <= 9999)
}

/// Gives the first such weekday on or after `from`.
pub(crate) fn on_or_after(from: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    days_after(from, weekday.days_since(from.weekday()))
}

/// Gives the first such weekday after `from`.
pub(crate) fn next(from: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    on_or_after(days_after(from, 1)?, weekday)
}

/// Gives the Monday of the week.
pub(crate) fn monday(date: NaiveDate) -> NaiveDate {
    date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))).unwrap_or(date)
}

/// Gives the first day of the month.
pub(crate) fn first_of_month(date: NaiveDate) -> NaiveDate {
    date.with_day(1).expect("every month has a first day")
}

/// Gives the last day of the month.
pub(crate) fn last_of_month(date: NaiveDate) -> NaiveDate {
    (28..=31).rev().find_map(|day| date.with_day(day)).expect("every month has a 28th")
}

/// Gives the first such day and month on or after `today`; `None` when no year has it.
pub(crate) fn next_day_and_month(today: NaiveDate, day: u32, month: u32) -> Option<NaiveDate> {
    (today.year()..=today.year().saturating_add(8))
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .find(|date| *date >= today)
}

/// Gives the first such day of a month on or after `today`.
pub(crate) fn next_day_of_month(today: NaiveDate, day: u32) -> Option<NaiveDate> {
    (0..4)
        .filter_map(|months| months_after(first_of_month(today), months)?.with_day(day))
        .find(|date| *date >= today)
}

/// Gives the n-th such weekday of a month, from 1.
pub(crate) fn nth_weekday(month: NaiveDate, weekday: Weekday, n: u32) -> Option<NaiveDate> {
    let first = on_or_after(first_of_month(month), weekday)?;
    days_after(first, n.checked_sub(1)?.checked_mul(7)?).filter(|date| date.month() == month.month())
}

/// Gives the last such weekday of a month.
pub(crate) fn last_weekday(month: NaiveDate, weekday: Weekday) -> Option<NaiveDate> {
    (4..=5).rev().find_map(|n| nth_weekday(month, weekday, n))
}
