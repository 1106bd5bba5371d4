//! Days of the calendar: "5 december", "dec 5 2026", "5/12", "2026-12-05".

use chrono::{Datelike, NaiveDate};

use crate::Problem;
use crate::english::date::Place;
use crate::english::date::Reading;
use crate::english::holiday;
use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::calendar;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::token::Text;
use crate::words::words;

/// Reads a day of the calendar.
pub(crate) fn read(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    named(text, at, place, today)
        .or_else(|| joined(text, at, place, today))
        .or_else(|| numeric(text, at, place, today, day_first))
        .or_else(|| month_alone(text, at, place, today))
        .or_else(|| holiday(text, at, place, today, day_first))
}

/// "christmas eve", "valentine's day 2027".
fn holiday(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let (month, day, end) = holiday::read(text, at, place, !day_first)?;
    if let Some((year, end)) = year(text, text.after_any(end, words!["of", "in"]).unwrap_or(end)) {
        return Some((checked(year, month, day, text.slice(at, end)), end));
    }
    Some((Reading::Day(Day::single(calendar::next_day_and_month(today, day, month)?)), end))
}

/// "1dec", "dec1", "1-dec-2026", "oct/2", "dec.5": a day of the calendar in one word.
fn joined(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Reading, usize)> {
    let word = if text.is_plain(at) { return None } else { text.word(at) };
    if !word.is_ascii() || word.len() > 20 || !word.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut parts = [""; 3];
    let mut count = 0;
    let is_digit = |c: char| c.is_ascii_digit();
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.starts_with(is_digit);
        let split = rest.find(|c: char| c.is_ascii_digit() != digits || !c.is_ascii_alphanumeric());
        let (part, behind) = rest.split_at(split.unwrap_or(rest.len()));
        *parts.get_mut(count)? = part;
        count += 1;
        rest = behind.strip_prefix(['-', '/', '.']).filter(|rest| !rest.is_empty()).unwrap_or(behind);
        if part.is_empty() {
            return None;
        }
    }
    // "1st-dec" and the like are written apart.
    let number = |part: &str| number::digits(part).filter(|_| part.len() <= 2);
    let (day, month) = match (number(parts[0]), names::month(parts[1])) {
        (Some(day), Some(month)) => (day, month),
        _ => (number(parts[1])?, names::month(parts[0])?),
    };
    let is_said = place.lead.is_any() || place.is_start || vocabulary::is_boundary(text, at + 1);
    if !(1..=39).contains(&day) || !is_said {
        return None;
    }
    let (said_year, end) = match count {
        3 => (Some(full_year(number::digits(parts[2])?, parts[2].len(), today)?), at + 1),
        _ => year(text, at + 1).map_or((None, at + 1), |(year, end)| (Some(year), end)),
    };
    let said = text.slice(at, end);
    Some((in_year(day, month, said_year, today, said)?, end))
}

/// Gives the day in the year said, or the next one to come.
fn in_year(day: u32, month: u32, year: Option<i32>, today: NaiveDate, said: &str) -> Option<Reading> {
    if let Some(year) = year {
        return Some(checked(year, month, day, said));
    }
    if let Some(date) = calendar::next_day_and_month(today, day, month) {
        return Some(Reading::Day(Day::single(date)));
    }
    let first = calendar::next_day_and_month(calendar::first_of_month(today), 1, month)?;
    Some(checked(first.year(), month, day, said))
}

/// Reads a year: four digits from 1900 to 2999.
pub(crate) fn year(text: &Text<'_>, at: usize) -> Option<(i32, usize)> {
    let word = text.word(at);
    let year = number::digits(word).filter(|year| word.len() == 4 && (1900..3000).contains(year))?;
    Some((i32::try_from(year).ok()?, at + 1))
}

/// Reads days of one month from one to another: "the 13 to 15 july", "july 13-15", "13-15 july".
pub(crate) fn read_range(
    text: &Text<'_>,
    at: usize,
    today: NaiveDate,
) -> Option<(NaiveDate, NaiveDate, usize)> {
    let day_at = |at: usize| {
        let start = text.after(at, "the").unwrap_or(at);
        let digits = number::digits(text.word(start)).filter(|_| text.word(start).len() <= 2);
        let (day, end) = digits.map(|day| (day, start + 1)).or_else(|| number::read_ordinal(text, start))?;
        (1..=31).contains(&day).then_some((day, end))
    };
    let pair = |at: usize| {
        if !text.is_plain(at)
            && let Some((first, last)) = text.word(at).split_once(['-', '\u{2013}'])
        {
            return Some((number::digits(first)?, number::digits(last)?, at + 1));
        }
        let (first, end) = day_at(at)?;
        let dash = text.is_mark(end, '-') || text.is_mark(end, '\u{2013}');
        let link = text
            .after_any(end, words!["to", "until", "till", "through", "and"])
            .or(dash.then_some(end + 1))?;
        let (last, end) = day_at(link)?;
        Some((first, last, end))
    };
    let (first, last, month, end) = if let Some(month) = names::month_at(text, at) {
        let (first, last, end) = pair(at + 1)?;
        (first, last, month, end)
    } else {
        let (first, last, end) = pair(at)?;
        let month_at = text.after(end, "of").unwrap_or(end);
        (first, last, names::month_at(text, month_at)?, month_at + 1)
    };
    if first >= last || last > 31 || !vocabulary::is_boundary(text, end) {
        return None;
    }
    let said = year(text, end);
    let from = match said {
        Some((year, _)) => NaiveDate::from_ymd_opt(year, month, first)?,
        None => calendar::next_day_and_month(today, first, month)?,
    };
    Some((from, from.with_day(last)?, said.map_or(end, |(_, end)| end)))
}

/// Gives the day, or the one that ends its month when it does not exist.
pub(crate) fn checked(year: i32, month: u32, day: u32, said: &str) -> Reading {
    if let Some(date) = NaiveDate::from_ymd_opt(year, month, day) {
        return Reading::Day(Day::single(date));
    }
    let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MIN);
    let suggestion = calendar::last_of_month(first);
    Reading::Bad(Problem::NoSuchDate { text: said.to_owned(), suggestion })
}

/// "5 december", "the 5th of december", "dec 5th, 2026", "february the 15th".
fn named(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Reading, usize)> {
    let (day, month, mut end) = day_then_month(text, at).or_else(|| month_then_day(text, at))?;
    if !(1..=39).contains(&day) || !is_free(text, at, end, place) {
        return None;
    }
    let mut said_year = None;
    let comma = if text.is_mark(end, ',') || text.is_mark(end, '.') { end + 1 } else { end };
    for start in [text.after(end, "of").unwrap_or(end), comma] {
        if let Some((year, year_end)) = year(text, start) {
            (said_year, end) = (Some(year), year_end);
            break;
        }
    }
    // "wed oct 26 15:50:06 2016"
    if said_year.is_none()
        && text.word(end).split(':').count() == 3
        && let Some((year, _)) = year(text, end + 1)
    {
        said_year = Some(year);
    }
    if said_year.is_none()
        && let Some((year, year_end)) = short_year(text, end, today)
    {
        (said_year, end) = (Some(year), year_end);
    }
    // "5 december 1066", "1 january 12000": no year that this calendar keeps, and no time of day.
    let number = text.word(comma);
    let is_number = number.len() > 3 && number.bytes().all(|b| b.is_ascii_digit());
    let is_time = number.len() == 4 && number < "2400" && &number[2..] < "60";
    if said_year.is_none() && is_number && !is_time {
        let said = text.slice(at, comma + 1).to_owned();
        let suggestion = calendar::next_day_and_month(today, day, month).unwrap_or(today);
        return Some((Reading::Bad(Problem::NoSuchDate { text: said, suggestion }), comma + 1));
    }
    let said = text.slice(at, end);
    let reading = in_year(day, month, said_year, today, said)?;
    Some((reading, end))
}

/// "1 dec *26*", "dec 1st *'26*": two digits at the end of what is said.
fn short_year(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(i32, usize)> {
    let start = if text.is_mark(at, '\'') || text.is_mark(at, '\u{2019}') { at + 1 } else { at };
    let word = text.word(start);
    let year = full_year(number::digits(word).filter(|_| word.len() == 2)?, 2, today)?;
    let is_near = (today.year() - 1..today.year() + 10).contains(&year);
    (is_near && vocabulary::is_boundary(text, start + 1)).then_some((year, start + 1))
}

fn day_then_month(text: &Text<'_>, at: usize) -> Option<(u32, u32, usize)> {
    let start = text.after(at, "the").unwrap_or(at);
    let in_digits = number::digits(text.word(start)).filter(|_| text.word(start).len() <= 2);
    let (day, end) = in_digits.map(|day| (day, start + 1)).or_else(|| number::read_ordinal(text, start))?;
    let end = text.after(end, "day").unwrap_or(end);
    let end = if text.tokens.get(end).is_some_and(|mark| mark.text == ".") && in_digits.is_some() {
        end + 1
    } else {
        end
    };
    let has_of = text.after_any(end, words!["of", "in"]);
    let month_at = has_of.unwrap_or(end);
    let month = names::month_at(text, month_at)?;
    // "5 may": a day only where "may" can be no verb.
    Some((day, month, skip_dot(text, month_at)))
}

fn month_then_day(text: &Text<'_>, at: usize) -> Option<(u32, u32, usize)> {
    let month = names::month_at(text, at)?;
    let next = skip_dot(text, at);
    let next = if text.is_mark(next, ',') { next + 1 } else { next };
    let day_at = text.after(next, "the").unwrap_or(next);
    let in_digits = number::digits(text.word(day_at)).filter(|_| text.word(day_at).len() <= 2);
    let (day, end) = in_digits.map(|day| (day, day_at + 1)).or_else(|| number::read_ordinal(text, day_at))?;
    Some((day, month, end))
}

/// The dot of "dec."
fn skip_dot(text: &Text<'_>, at: usize) -> usize {
    let short = text.word(at).len() <= 4;
    if short && text.tokens.get(at + 1).is_some_and(|mark| mark.text == ".") { at + 2 } else { at + 1 }
}

/// "march 5 miles" is a walk, "may 5 people come" a question.
fn is_free(text: &Text<'_>, at: usize, end: usize, place: Place) -> bool {
    let doubtful =
        (at..end).any(|word| text.is_any(word, words!["march", "may", "mar"]) && !text.is_capital(word));
    !doubtful
        || place.lead.is_any()
        || vocabulary::is_boundary(text, end)
        || year(text, end).is_some()
        || vocabulary::is_verb(text.word(end))
}

/// "in december", "until december", "december 2027": the first day stands for the month.
fn month_alone(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Reading, usize)> {
    let modified = text.after_any(at, words!["next", "this"]);
    let name_at = modified.unwrap_or(at);
    let month = names::month_at(text, name_at)?;
    let end = skip_dot(text, name_at).min(name_at + 1);
    let (said_year, end) = year(text, end).map_or((None, end), |(year, end)| (Some(year), end));
    let leads = matches!(place.lead, Lead::In | Lead::By | Lead::Until | Lead::From)
        || place.in_query
        || modified.is_some();
    if !(leads || (said_year.is_some() && place.lead == Lead::For)) || !vocabulary::is_boundary(text, end) {
        return None;
    }
    let this_month = calendar::first_of_month(today);
    let mut first = match said_year {
        Some(year) => NaiveDate::from_ymd_opt(year, month, 1)?,
        None => calendar::next_day_and_month(this_month, 1, month)?,
    };
    if said_year.is_none() && first == this_month && matches!(place.lead, Lead::By | Lead::Until | Lead::From)
    {
        first = calendar::months_after(first, 12)?;
    }
    let date = if first < today && first == this_month { today } else { first };
    let day = Day { is_month: true, ..Day::stretch(date, first, calendar::months_after(first, 1)?) };
    Some((Reading::Day(day), end))
}

/// "2026-12-05", "5/12", "05.12.2026", "21-04-16".
fn numeric(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let word = text.word(at);
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let date_part = word.split('t').next().filter(|date| date.len() == 10).unwrap_or(word);
    let mark = date_part.chars().find(|c| !c.is_ascii_digit())?;
    if !matches!(mark, '/' | '-' | '.') {
        return None;
    }
    let parts: Vec<&str> = date_part.splitn(5, mark).collect();
    let numbers: Vec<u32> = parts.iter().map_while(|part| number::digits(part)).collect();
    if numbers.len() != parts.len() {
        return None;
    }
    // A day written with its time is read again as a time, from the same word.
    let end = at + 1;
    match (&parts[..], &numbers[..]) {
        ([year, ..], &[y, m, d]) if year.len() == 4 && parts[1..].iter().all(|part| part.len() <= 2) => {
            let valid = (1900..3000).contains(&y) && (1..=12).contains(&m) && (1..=31).contains(&d);
            valid.then(|| (checked(i32::try_from(y).unwrap_or(9999), m, d, word), end))
        }
        ([a, b, year], &[first, second, y])
            if a.len() <= 2 && b.len() <= 2 && (year.len() == 4 || (year.len() == 2 && mark != '.')) =>
        {
            // "pay 1.5.2027 invoice number"
            let behind_verb = at > 0 && vocabulary::is_verb(text.word(at - 1)) && !place.lead.is_any();
            if behind_verb && !vocabulary::is_boundary(text, end) {
                return None;
            }
            let year = full_year(y, year.len(), today)?;
            let (day, month) = order(first, second, day_first || mark == '.')?;
            Some((checked(year, month, day, word), end))
        }
        ([a, b], &[first, second])
            if (mark == '/' || (mark == '-' && matches!(place.lead, Lead::On | Lead::By) && second > 9))
                && a.len() <= 2
                && b.len() <= 2 =>
        {
            let free = vocabulary::is_boundary(text, end) || year(text, end).is_some();
            let led = place.lead.names_day() || place.beside_date || place.is_start;
            let (day, month) = order(first, second, day_first)?;
            // "fix issue 12/11"
            let counted = words![
                "issue", "ticket", "bug", "pr", "case", "room", "invoice", "section", "chapter", "flat",
                "unit", "order", "number", "no", "page", "exercise", "problem", "part",
            ];
            let is_name = (matches!(word, "24/7" | "9/11" | "50/50")
                || text.is_any(at.wrapping_sub(1), counted))
                && !place.lead.names_day();
            if !free || is_name || (!led && (first < 10 && second < 10 && second > first && first <= 3)) {
                return None;
            }
            match calendar::next_day_and_month(today, day, month) {
                Some(date) => Some((Reading::Day(Day::single(date)), end)),
                None => led.then(|| (checked(today.year(), month, day, word), end)),
            }
        }
        _ => None,
    }
}

fn full_year(year: u32, digits: usize, today: NaiveDate) -> Option<i32> {
    let year = i32::try_from(year).ok()?;
    match digits {
        4 => (1900..3000).contains(&year).then_some(year),
        _ => {
            let century = today.year() / 100 * 100;
            // The century that brings it nearest.
            [century - 100, century, century + 100]
                .into_iter()
                .map(|c| c + year)
                .min_by_key(|full| (full - today.year()).abs())
        }
    }
}

/// Gives day and month; the order of the locale, unless only the other one exists.
fn order(first: u32, second: u32, day_first: bool) -> Option<(u32, u32)> {
    let (day, month) = if day_first { (first, second) } else { (second, first) };
    let (day, month) = if month > 12 { (month, day) } else { (day, month) };
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some((day, month))
}
