//! Names of months and weekdays.

use chrono::Weekday;

const MONTHS: [(&str, &[&str]); 12] = [
    ("january", &["jan"]),
    ("february", &["feb"]),
    ("march", &["mar"]),
    ("april", &["apr"]),
    ("may", &[]),
    ("june", &["jun"]),
    ("july", &["jul"]),
    ("august", &["aug"]),
    ("september", &["sep", "sept"]),
    ("october", &["oct"]),
    ("november", &["nov"]),
    ("december", &["dec"]),
];

const WEEKDAYS: [(Weekday, &str, &[&str]); 7] = [
    (Weekday::Mon, "monday", &["mon"]),
    (Weekday::Tue, "tuesday", &["tue", "tues"]),
    (Weekday::Wed, "wednesday", &["wed", "weds"]),
    (Weekday::Thu, "thursday", &["thu", "thur", "thurs"]),
    (Weekday::Fri, "friday", &["fri"]),
    (Weekday::Sat, "saturday", &["sat"]),
    (Weekday::Sun, "sunday", &["sun"]),
];

/// Parses the name of a month, 1–12.
pub(crate) fn month(word: &str) -> Option<u32> {
    let found = MONTHS.iter().position(|(name, short)| *name == word || short.contains(&word))?;
    u32::try_from(found + 1).ok()
}

/// Parses the name of a weekday, in full or not.
pub(crate) fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(_, name, short)| *name == word || short.contains(&word)).map(|(day, ..)| *day)
}

/// Parses the plural of a weekday: "mondays", "tues" is none.
pub(crate) fn weekdays(word: &str) -> Option<Weekday> {
    let one = word.strip_suffix('s')?;
    WEEKDAYS.iter().find(|(_, name, _)| *name == one).map(|(day, ..)| *day)
}
