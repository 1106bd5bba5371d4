//! Lengths of time: "in 3 days", "2 weeks from now", "half an hour".

use crate::english::number;
use crate::meaning::length::Length;
use crate::meaning::length::Unit;
use crate::token::Text;
use crate::words::{Table, words};

/// Parses a unit in full, one or many, or its usual short form.
pub(crate) fn unit(word: &str) -> Option<Unit> {
    match word {
        "minute" | "minutes" | "min" | "mins" => Some(Unit::Minute),
        "hour" | "hours" | "hr" | "hrs" => Some(Unit::Hour),
        "day" | "days" => Some(Unit::Day),
        "week" | "weeks" | "wk" | "wks" => Some(Unit::Week),
        "month" | "months" => Some(Unit::Month),
        "year" | "years" | "yr" | "yrs" => Some(Unit::Year),
        _ => None,
    }
}

/// Reads a unit, and gives how many of it are one: a fortnight is two weeks.
fn read_unit(text: &Text<'_>, at: usize) -> Option<(u32, Unit)> {
    match text.word(at) {
        "fortnight" | "fortnights" => Some((2, Unit::Week)),
        // "in a week's time"
        word => {
            let word = word.strip_suffix("'s").filter(|_| text.word(at + 1) == "time").unwrap_or(word);
            Some((1, unit(word)?))
        }
    }
}

/// Reads a length: "3 days", "an hour and a half", "1 day 2 hours", "2.5 hours", "1h", "half an hour".
pub(crate) fn read_length(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    let mut length = Length::default();
    let mut end = part(text, at, &mut length)?;
    // At most six parts: "1 year 2 months 3 days …"
    for _ in 0..5 {
        let start = text.after(end, "and").unwrap_or(end);
        let start = if text.is_mark(start, ',') { start + 1 } else { start };
        let Some(next) = part(text, start, &mut length) else { break };
        end = next;
    }
    Some((length, end))
}

fn part(text: &Text<'_>, at: usize, length: &mut Length) -> Option<usize> {
    if let Some((minutes, end)) = fraction_of_hour(text, at) {
        length.add(minutes, Unit::Minute)?;
        return Some(end);
    }
    if text.word(at).starts_with(|c: char| c.is_ascii_digit()) {
        if add_compact(text.word(at), length).is_some() {
            return Some(at + 1);
        }
        if let Some((tenths, end)) = decimal(text, at) {
            let end = text.after_any(end, words!["hours", "hour", "hrs"])?;
            length.add(tenths * 6, Unit::Minute)?;
            return Some(end);
        }
    }
    let (count, end) = number::read_count(text, at)?;
    let end = text.after(end, "more").unwrap_or(end);
    if let Some(half) =
        text.after_any(end, words!["and a half hours", "and an half hours", "and a half hour"])
    {
        length.add(count.checked_mul(60)? + 30, Unit::Minute)?;
        return Some(half);
    }
    let (times, unit) = read_unit(text, end)?;
    length.add(count.checked_mul(times)?, unit)?;
    if let Some(half) = text.after(end + 1, "and a half") {
        return add_half(length, unit).map(|()| half);
    }
    Some(end + 1)
}

/// "an hour *and a half*", "a year and a half".
fn add_half(length: &mut Length, unit: Unit) -> Option<()> {
    match unit {
        Unit::Hour => length.add(30, Unit::Minute),
        Unit::Day => length.add(12, Unit::Hour),
        Unit::Year => length.add(6, Unit::Month),
        Unit::Minute | Unit::Week | Unit::Month => None,
    }
}

fn fraction_of_hour(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    static FRACTIONS: Table<u32> = Table::new(&[
        ("half an hour", 30),
        ("half hour", 30),
        ("a half hour", 30),
        ("half a hour", 30),
        ("a quarter of an hour", 15),
        ("quarter of an hour", 15),
        ("three-quarters of an hour", 45),
        ("three quarters of an hour", 45),
        ("half a day", 720),
    ]);
    text.look_up(at, &FRACTIONS).map(|(minutes, end)| (*minutes, end))
}

/// "2.5", in tenths.
fn decimal(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let (whole, tenth) = text.word(at).split_once('.')?;
    let tenth = number::digits(tenth).filter(|_| tenth.len() == 1)?;
    let whole = number::digits(whole).filter(|whole| *whole <= 1_000)?;
    Some((whole * 10 + tenth, at + 1))
}

/// Adds "1h", "30min", "2d", "2h30m", "1h30".
fn add_compact(word: &str, length: &mut Length) -> Option<()> {
    let mut sum = *length;
    let mut rest = word;
    let mut last = None;
    // At most three parts: "1d2h30m".
    for _ in 0..3 {
        let split = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (count, behind) = rest.split_at(split);
        let count = number::digits(count)?;
        if behind.is_empty() {
            // "1h30"
            let is_minutes = last == Some(Unit::Hour) && count < 60;
            is_minutes.then(|| sum.add(count, Unit::Minute)).flatten()?;
            *length = sum;
            return Some(());
        }
        let split = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (name, behind) = behind.split_at(split);
        let unit = match name {
            "h" => Unit::Hour,
            "m" => Unit::Minute,
            "d" => Unit::Day,
            "w" => Unit::Week,
            other => self::unit(other)?,
        };
        sum.add(count, unit)?;
        (rest, last) = (behind, Some(unit));
        if rest.is_empty() {
            *length = sum;
            return Some(());
        }
    }
    None
}

/// Reads a length counted from now: "in 3 days", "2 weeks from now", "30 minutes later".
pub(crate) fn read_from_now(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    if let Some(start) = text.after_any(
        at,
        words![
            "in about",
            "in around",
            "in approximately",
            "in like",
            "in another",
            "in exactly",
            "in just",
            "in the next",
            "within the next",
            "within",
            "in",
        ],
    ) {
        if let Some(end) = text.after(start, "the hour").filter(|_| text.word(start - 1) == "within") {
            return Some((Length { minutes: Some(60), ..Length::default() }, end));
        }
        let (length, end) = read_length(text, start)?;
        let end = text.after_any(end, words!["time", "' time", "from now", "from today"]).unwrap_or(end);
        let end = if text.is_mark(end, '\'') && text.word(end + 1) == "time" { end + 2 } else { end };
        return Some((length, end));
    }
    let (length, end) = read_length(text, at)?;
    Some((length, text.after_any(end, words!["from now", "from today", "later", "hence"])?))
}
