//! Days, as they are said: "tomorrow", "next friday", "the 5th", "end of the month".

use chrono::{Datelike, Days, NaiveDate};

use crate::Problem;
use crate::english::fixed_date;
use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::calendar;
use crate::meaning::clock::Part;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::token::Text;

/// What a date phrase says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A day.
    Day(Day),
    /// A day that does not exist.
    Bad(Problem),
}

/// Where a phrase stands, which decides whether it is a date at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// What leads to it.
    pub(crate) lead: Lead,
    /// Whether it begins the text, or what is left of it after "remind me".
    pub(crate) is_start: bool,
    /// Whether a date or a time ends right before it.
    pub(crate) beside_date: bool,
    /// Whether tasks are asked for: then the past is a date too.
    pub(crate) in_query: bool,
}

/// Reads a day at `at`, behind its lead.
pub(crate) fn read(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let day = |found: Option<(Day, usize)>| found.map(|(day, end)| (Reading::Day(day), end));
    day(relative(text, at, place, today))
        .or_else(|| day(weekday(text, at, place, today)))
        .or_else(|| day(period(text, at, place, today)))
        .or_else(|| day(nth_weekday(text, at, today)))
        .or_else(|| fixed_date::read(text, at, place, today, day_first))
        .or_else(|| day_of_month(text, at, place, today))
        .filter(|(_, end)| place.lead.is_any() || !vocabulary::is_in_name(text, at, *end))
}

fn relative(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let after_tomorrow = [
        "the day after tomorrow",
        "day after tomorrow",
        "the day after tmrw",
        "day after tmrw",
        "overmorrow",
    ];
    if let Some(end) = text.after_any(at, &after_tomorrow) {
        let named = end - at > 1 && (at..end).filter(|word| text.is_capital(*word)).count() > 2;
        let shouts = text.tokens[at].text.chars().all(char::is_uppercase);
        let is_title = named && !shouts && at > 0;
        return Some((Day::single(calendar::days_after(today, 2)?), end)).filter(|_| !is_title);
    }
    if let Some(end) = text.after_any(at, &["later today", "today itself"]) {
        return Some((Day::single(today), end));
    }
    let end = at + 1;
    if ["the", "usa", "psychology", "of", "after"].contains(&text.word_before(at)) && !place.lead.is_any() {
        return None;
    }
    let day = match text.word(at) {
        "today" | "2day" => Day::single(today),
        "tonight" | "tonite" | "2nite" => Day { part: Some(Part::Night), ..Day::single(today) },
        "tomorrow" | "tmrw" | "tmr" | "tomorow" | "tommorow" | "tommorrow" | "tomorrrow" | "2moro"
        | "2morrow" => Day::single(calendar::days_after(today, 1)?),
        "yesterday" if place.in_query => Day::single(today.checked_sub_days(Days::new(1))?),
        _ => return None,
    };
    Some((day, end))
}

/// "friday", "this friday", "next friday", "friday next week".
fn weekday(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let (is_next, name_at) = if let Some(end) =
        text.after_any(at, &["this coming", "the coming", "the upcoming", "this", "coming", "upcoming"])
    {
        (Some(false), end)
    } else if let Some(end) = text.after_any(at, &["the next", "next"]) {
        (Some(true), end)
    } else {
        (None, at)
    };
    let weekday = names::weekday(text.word(name_at))?;
    let end = name_at + 1;
    if !is_day(text, at, name_at, place, is_next.is_some()) {
        return None;
    }
    let next_week = calendar::days_after(calendar::monday(today), 7)?;
    let in_next_week = calendar::on_or_after(next_week, weekday)?;
    let day = |date| Day { weekday: Some(weekday), ..Day::single(date) };
    if is_next == Some(true) {
        return Some((day(in_next_week), end));
    }
    if let Some(end) = text.after_any(end, &["of next week", "in next week", "next week"]) {
        return Some((day(in_next_week), end));
    }
    let end = text.after_any(end, &["of this week", "this week"]).unwrap_or(end);
    // "friday" said on a friday is the one in a week's time; "this friday" as well.
    Some((day(calendar::next(today, weekday)?), end))
}

fn is_day(text: &Text<'_>, at: usize, name_at: usize, place: Place, is_modified: bool) -> bool {
    const NAMES: &[&str] = &[
        "black", "good", "cyber", "giving", "freaky", "ruby", "super", "ash", "palm", "easter", "bloody",
        "casual", "last", "the", "a", "my", "your", "his", "her", "our", "their", "past", "previous",
        "shrove", "blue",
    ];
    let word = text.word(name_at);
    let end = name_at + 1;
    let is_free = vocabulary::is_boundary(text, end);
    if word == "friday" && text.after_any(end, &["the 13th", "13th", "the thirteenth"]).is_some() {
        return false;
    }
    let starts_clause = vocabulary::is_verb(text.word(end));
    let is_person = at >= 2 && text.is_mark(at - 1, '.') && text.is_any(at - 2, &["mr", "mrs", "ms", "dr"]);
    if is_person || text.is_any(at.wrapping_sub(1), &["mr", "mrs", "ms", "dr", "miss"]) {
        return false;
    }
    if is_modified {
        return true;
    }
    let before = if at == 0 { "" } else { text.word(at - 1) };
    match place.lead {
        Lead::For | Lead::From | Lead::In | Lead::At => {
            is_free || (starts_clause && place.lead == Lead::From)
        }
        Lead::On | Lead::By | Lead::Until | Lead::Around => {
            is_free || starts_clause || !matches!(word, "sat" | "sun")
        }
        Lead::Bare if NAMES.contains(&before) => false,
        Lead::Bare if matches!(word, "sat" | "sun") => {
            let said_time = is_free && end < text.len() && !text.is_break(end);
            let lonely = ["in", "under", "like", "of", "day", "midday", "and", "or"].contains(&before);
            !lonely && (said_time || place.beside_date || (end == text.len() && at > 0 && is_short(text, at)))
        }
        Lead::Bare => is_free || place.beside_date || (place.is_start && starts_clause),
    }
}

/// "call mom sat", where the day is the only thing after a verb and what it is about.
fn is_short(text: &Text<'_>, at: usize) -> bool {
    vocabulary::is_verb(text.word(0)) && at >= 2
}

/// "next week", "this weekend", "end of the month".
fn period(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    if let Some(found) = edge(text, at, today) {
        return Some(found);
    }
    let monday = calendar::monday(today);
    let (which, unit_at): (i32, usize) = match text.word(at) {
        "this" | "current" => (0, at + 1),
        "next" => (1, at + 1),
        "the" if text.word(at + 1) == "next" => (1, at + 2),
        "last" | "past" if place.in_query => (-1, at + 1),
        "the" | "over" if text.is_any(at + 1, &["weekend", "week-end"]) && place.lead.is_any() => (0, at + 1),
        _ => return None,
    };
    let free =
        place.lead.is_any() || place.in_query || vocabulary::is_boundary(text, unit_at + 1) || place.is_start;
    if !free {
        return None;
    }
    let week = if which < 0 {
        monday.checked_sub_days(Days::new(7))?
    } else {
        calendar::days_after(monday, 7 * which.unsigned_abs())?
    };
    let day = match text.word(unit_at) {
        "week" => {
            let end = calendar::days_after(week, 7)?;
            let date = if which == 0 { calendar::days_after(monday, 6)? } else { week };
            let named = text.after_any(unit_at + 1, &["on"]).unwrap_or(unit_at + 1);
            if let Some(weekday) = names::weekday(text.word(named)).filter(|_| which == 1) {
                return Some((Day::single(calendar::on_or_after(week, weekday)?), named + 1));
            }
            Day::stretch(date, week, end)
        }
        "weekend" | "week-end" => {
            let saturday = calendar::days_after(week, 5)?;
            Day::stretch(saturday.max(today), saturday, calendar::days_after(week, 7)?)
        }
        "month" => {
            let first = calendar::first_of_month(today);
            let first = if which < 0 {
                first.checked_sub_months(chrono::Months::new(1))?
            } else {
                calendar::months_after(first, which.unsigned_abs())?
            };
            let date = if which == 0 { calendar::last_of_month(today) } else { first };
            Day::stretch(date, first, calendar::months_after(first, 1)?)
        }
        "year" => {
            let first = NaiveDate::from_ymd_opt(today.year() + which, 1, 1)?;
            let date = if which == 0 { NaiveDate::from_ymd_opt(today.year(), 12, 31)? } else { first };
            Day::stretch(date, first, calendar::months_after(first, 12)?)
        }
        _ => return None,
    };
    Some((day, unit_at + 1))
}

/// "end of the month", "beginning of next month", "eod", "the last day of december".
fn edge(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize)> {
    let sunday = calendar::days_after(calendar::monday(today), 6)?;
    if let Some(end) = text.after_any(at, &["eod tomorrow", "end of day tomorrow", "the end of day tomorrow"])
    {
        return Some((Day::single(calendar::days_after(today, 1)?), end));
    }
    let short = match text.word(at) {
        "eod" => Some(today),
        "eow" => Some(sunday),
        "eom" => Some(calendar::last_of_month(today)),
        "eoy" => NaiveDate::from_ymd_opt(today.year(), 12, 31),
        _ => None,
    };
    if let Some(date) = short {
        return Some((Day::single(date), at + 1));
    }
    let start = text.after(at, "the").unwrap_or(at);
    let (is_end, of) = if let Some(end) = text.after_any(start, &["end of", "last day of", "last day in"]) {
        (true, end)
    } else {
        (false, text.after_any(start, &["beginning of", "start of", "first day of", "first day in"])?)
    };
    if let Some(end) = text.after_any(of, &["the day", "today", "day", "the work day", "the business day"]) {
        return is_end.then_some((Day::single(today), end));
    }
    if let Some(end) = text.after_any(of, &["the week", "this week", "week"]) {
        return Some((Day::single(if is_end { sunday } else { calendar::monday(today) }), end));
    }
    if let Some(end) = text.after_any(of, &["the year", "this year", "year"]) {
        let (month, day) = if is_end { (12, 31) } else { (1, 1) };
        return Some((Day::single(NaiveDate::from_ymd_opt(today.year(), month, day)?), end));
    }
    let (month, end) = month(text, of, today)?;
    let date = if is_end { calendar::last_of_month(month) } else { month };
    let date = if date < today { calendar::months_after(date, 1)? } else { date };
    Some((Day::single(date), end))
}

/// Reads a month after "of": "the month", "next month", "october", "october 2015".
fn month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(NaiveDate, usize)> {
    let first = calendar::first_of_month(today);
    let this = ["the current month", "current month", "this month", "the month", "month"];
    if let Some(end) = text.after_any(at, &["next month", "the next month", "the following month"]) {
        return Some((calendar::months_after(first, 1)?, end));
    }
    if let Some(end) = text.after_any(at, &this) {
        return Some((first, end));
    }
    let month = names::month(text.word(at))?;
    if let Some((year, end)) = fixed_date::year(text, at + 1) {
        return Some((NaiveDate::from_ymd_opt(year, month, 1)?, end));
    }
    Some((calendar::next_day_and_month(first, 1, month)?, at + 1))
}

/// "the first friday of july", "last friday in october 2015".
fn nth_weekday(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize)> {
    let start = text.after(at, "the").unwrap_or(at);
    let (n, name_at) = match text.after(start, "last") {
        Some(end) => (None, end),
        None => number::read_ordinal(text, start).map(|(n, end)| (Some(n), end))?,
    };
    let weekday = names::weekday(text.word(name_at))?;
    let of = text.after_any(name_at + 1, &["of", "in"])?;
    // "of the month" may mean every month: that is no single day.
    if text.after_any(of, &["the month", "month", "each", "every"]).is_some() {
        return None;
    }
    let (month, end) = month(text, of, today)?;
    let nth = |month| {
        n.map_or_else(|| calendar::last_weekday(month, weekday), |n| calendar::nth_weekday(month, weekday, n))
    };
    let mut date = nth(month)?;
    if date < today && fixed_date::year(text, end - 1).is_none() {
        date = nth(calendar::months_after(month, 12)?)?;
    }
    Some((Day::single(date), end))
}

/// "on the 5th", "the 20th of next month"; "The 5th Wave" is none.
fn day_of_month(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Reading, usize)> {
    let (has_article, start) = text.after(at, "the").map_or((false, at), |end| (true, end));
    let (n, end) = number::read_ordinal(text, start)?;
    if n == 13 && text.word_before(at) == "friday" {
        return None;
    }
    let end = text.after(end, "day").unwrap_or(end);
    if let Some(of) = text.after(end, "of")
        && let Some((month, end)) = month(text, of, today).filter(|_| names::month(text.word(of)).is_none())
    {
        return Some((fixed_date::checked(month.year(), month.month(), n, text.slice(start, end)), end));
    }
    let names_day = place.lead.names_day() && (has_article || place.lead == Lead::On);
    let at_end = has_article
        && place.lead == Lead::Bare
        && (end >= text.len() || is_last_mark(text, end) || next_is_time(text, end));
    let free = vocabulary::is_boundary(text, end) || (place.is_start && vocabulary::is_verb(text.word(end)));
    let in_digits = text.word(start).starts_with(|c: char| c.is_ascii_digit());
    if !free || !(names_day || (at_end && in_digits && start > 1)) || !(1..=99).contains(&n) {
        return None;
    }
    if n > 31 {
        let suggestion = calendar::last_of_month(today);
        let text = text.slice(start, end).to_owned();
        return Some((Reading::Bad(Problem::NoSuchDate { text, suggestion }), end));
    }
    Some((Reading::Day(Day::single(calendar::next_day_of_month(today, n)?)), end))
}

fn is_last_mark(text: &Text<'_>, at: usize) -> bool {
    text.is_break(at) && at + 1 >= text.len()
}

fn next_is_time(text: &Text<'_>, at: usize) -> bool {
    text.is_any(at, &["at", "by", "morning", "evening", "afternoon"]) || text.is_mark(at, '@')
}
