//! Weekdays and months.

use chrono::Weekday;

use crate::english::number;

/// Parses a weekday; "ہفتہ" is a week as well and is left to the grammar.
pub(crate) fn weekday(lexeme: &str) -> Option<Weekday> {
    match lexeme {
        "peer" => Some(Weekday::Mon),
        "mangal" => Some(Weekday::Tue),
        "budh" => Some(Weekday::Wed),
        "jumerat" => Some(Weekday::Thu),
        "juma" => Some(Weekday::Fri),
        "sanichar" => Some(Weekday::Sat),
        "itwar" => Some(Weekday::Sun),
        _ => None,
    }
}

/// Parses a weekday, with "ہفتہ" as one.
pub(crate) fn weekday_or_saturday(lexeme: &str) -> Option<Weekday> {
    if matches!(lexeme, "hafta" | "hafte") { Some(Weekday::Sat) } else { weekday(lexeme) }
}

/// Parses a month, 1–12.
pub(crate) fn month(lexeme: &str) -> Option<u32> {
    number::digits(lexeme.strip_prefix("m-")?)
}
