//! Names of months and weekdays.

use chrono::Weekday;

use crate::token::Text;
use crate::words::Table;

#[rustfmt::skip]
static MONTHS: Table<u32> = Table::new(&[
    ("january", 1), ("jan", 1), ("february", 2), ("feb", 2), ("march", 3), ("mar", 3), ("april", 4), ("apr", 4),
    ("may", 5), ("june", 6), ("jun", 6), ("july", 7), ("jul", 7), ("august", 8), ("aug", 8), ("september", 9),
    ("sep", 9), ("sept", 9), ("october", 10), ("oct", 10), ("november", 11), ("nov", 11), ("december", 12), ("dec", 12),
]);

/// In full, and not.
#[rustfmt::skip]
static WEEKDAYS: Table<Weekday> = Table::new(&[
    ("monday", Weekday::Mon), ("tuesday", Weekday::Tue), ("wednesday", Weekday::Wed), ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri), ("saturday", Weekday::Sat), ("sunday", Weekday::Sun), ("mon", Weekday::Mon),
    ("tue", Weekday::Tue), ("tues", Weekday::Tue), ("wed", Weekday::Wed), ("weds", Weekday::Wed), ("thu", Weekday::Thu),
    ("thur", Weekday::Thu), ("thurs", Weekday::Thu), ("fri", Weekday::Fri), ("sat", Weekday::Sat), ("sun", Weekday::Sun),
]);

/// Parses the name of a month, 1–12.
pub(crate) fn month(word: &str) -> Option<u32> {
    MONTHS.get(word).copied()
}

/// Reads the name of a month, 1–12.
pub(crate) fn month_at(text: &Text<'_>, at: usize) -> Option<u32> {
    text.value(at, &MONTHS)
}

/// Reads the name of a weekday, in full or not.
pub(crate) fn weekday_at(text: &Text<'_>, at: usize) -> Option<Weekday> {
    text.value(at, &WEEKDAYS)
}

/// Parses the name of a weekday, in full or not.
pub(crate) fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.get(word).copied()
}

/// Parses the plural of a weekday: "mondays", "tues" is none.
pub(crate) fn weekdays(word: &str) -> Option<Weekday> {
    word.strip_suffix('s').filter(|day| day.ends_with("day")).and_then(weekday)
}
