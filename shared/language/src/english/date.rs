//! Days, as they are said: "tomorrow", "next friday", "the 5th", "end of the month".

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::Problem;
use crate::english::clock;
use crate::english::duration;
use crate::english::fixed_date;
use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::calendar;
use crate::meaning::clock::Part;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::meaning::length::Length;
use crate::token::Text;
use crate::words::{Table, Words, words};

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
    day(anchored(text, at, place, today, day_first))
        .or_else(|| day(relative(text, at, place, today)))
        .or_else(|| weekday_and_date(text, at, today, day_first))
        .or_else(|| day(weekday(text, at, place, today)))
        .or_else(|| day(period(text, at, place, today)))
        .or_else(|| day(nth_weekday(text, at, today)))
        .or_else(|| fixed_date::read(text, at, place, today, day_first))
        .or_else(|| day_of_month(text, at, place, today))
        .filter(|(_, end)| place.lead.is_any() || !vocabulary::is_in_name(text, at, *end))
}

/// "a week from tomorrow", "the day before christmas", "two weeks on friday", "3 working days from now".
fn anchored(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Day, usize)> {
    let begins = number::at(text, at).is_some()
        || text.is_any(at, words!["a", "an", "the", "day", "couple", "few", "one", "fortnight", "week"]);
    if !begins {
        return None;
    }
    if let Some(found) = in_workdays(text, at, place, today) {
        return Some(found);
    }
    let place = Place { lead: Lead::On, ..place };
    let single = |at: usize| match simple(text, at, place, today, day_first)? {
        (Reading::Day(day), end) => Some((day.date, end)),
        (Reading::Bad(_), _) => None,
    };
    if let Some(end) =
        text.after_any(at, words!["the day before", "day before", "the day after", "day after"])
    {
        if text.is_any(end, words!["tomorrow", "tmrw"]) || text.is_capital(end - 1) {
            return None;
        }
        let (date, found_end) = single(end)?;
        let date = if text.word(end - 1) == "after" { date.succ_opt()? } else { date.pred_opt()? };
        return Some((Day::single(date), found_end));
    }
    if let Some(start) =
        text.after_any(at, words!["the week of", "week of", "the week beginning", "week beginning"])
    {
        let (date, end) = single(start)?;
        return Some((Day::single(calendar::monday(date)), end));
    }
    if text.is_any(at.wrapping_sub(1), words!["for", "the", "last", "next", "past", "every"]) {
        return None;
    }
    let weekdays = number::read(text, at)
        .and_then(|(count, end)| Some((count, names::weekdays(text.word(end))?, end + 1)));
    if let Some((count, weekday, end)) = weekdays {
        let end = text.after_any(end, words!["from now", "from today"])?;
        let weeks = count.checked_sub(1).filter(|weeks| *weeks < 1_000)?;
        return Some((Day::single(calendar::days_after(calendar::next(today, weekday)?, weeks * 7)?), end));
    }
    let (length, end) = duration::read_length(text, at)?;
    if length.minutes.is_some() {
        return None;
    }
    if let Some(start) = text.after_any(end, words!["from", "after"]) {
        let (date, end) = single(start)?;
        return Some((Day::single(length.after_day(date)?), end));
    }
    if let Some(start) = text.after(end, "before") {
        let (date, end) = single(start)?;
        let date = date.checked_sub_months(Months::new(length.months))?;
        return Some((Day::single(date.checked_sub_days(Days::new(u64::from(length.days)))?), end));
    }
    // "a week today", "two weeks on tuesday", as the British say.
    let start = text.after(end, "on").unwrap_or(end);
    let is_weeks = length.months == 0 && length.days % 7 == 0;
    let names_day = names::weekday_at(text, start).is_some()
        || start == end && text.is_any(start, words!["today", "tomorrow"]);
    if !is_weeks || !names_day || text.word_before(at) == "of" {
        return None;
    }
    let (date, end) = single(start)?;
    Some((Day::single(calendar::days_after(date, length.days)?), end))
}

/// What a length is counted from.
fn simple(
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
        .or_else(|| fixed_date::read(text, at, place, today, day_first))
        .or_else(|| day_of_month(text, at, place, today))
}

/// "in *3 working days*", "5 business days from now".
fn in_workdays(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let (count, end) = number::read_count(text, at)?;
    let end = text.after_any(
        end,
        words![
            "business days",
            "working days",
            "work days",
            "business day",
            "working day",
            "workdays",
            "week days",
            "weekdays",
        ],
    )?;
    let from_now = text.after_any(end, words!["from now", "from today", "later"]);
    if from_now.is_none() && place.lead != Lead::In && text.word_before(at) != "within" {
        return None;
    }
    let is_workday = |date: &NaiveDate| date.weekday().num_days_from_monday() < 5;
    let count = usize::try_from(count).ok().filter(|count| (1..=1_000).contains(count))?;
    let date = today.iter_days().skip(1).filter(is_workday).nth(count - 1)?;
    Some((Day::single(date), from_now.unwrap_or(end)))
}

/// "fri 4 dec", "friday, december 4th", "tuesday the 19th".
fn weekday_and_date(
    text: &Text<'_>,
    at: usize,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let name_at = text.after_any(at, words!["this", "next", "the"]).unwrap_or(at);
    let weekday = names::weekday_at(text, name_at)?;
    let next = name_at + 1;
    let next = if text.is_mark(next, ',') || text.is_mark(next, '.') { next + 1 } else { next };
    let place = Place { lead: Lead::On, is_start: false, beside_date: true, in_query: false };
    if let Some((reading, end)) = fixed_date::read(text, next, place, today, day_first) {
        return match reading {
            Reading::Day(day) if day.is_month => None,
            Reading::Day(day) if day.date.weekday() == weekday => Some((Reading::Day(day), end)),
            // A day that contradicts its own weekday is a slip of one of the two.
            Reading::Day(day) => Some((
                Reading::Bad(Problem::NoSuchDate {
                    text: text.slice(name_at, end).to_owned(),
                    suggestion: day.date,
                }),
                end,
            )),
            bad @ Reading::Bad(_) => Some((bad, end)),
        };
    }
    let start = text.after(next, "the").unwrap_or(next);
    let (day, end) = number::read_ordinal(text, start)?;
    let in_digits = text.word(start).starts_with(|c: char| c.is_ascii_digit());
    let is_film =
        day == 13 && weekday == Weekday::Fri && !text.is_any(at.wrapping_sub(1), words!["on", "by"]);
    if !(in_digits || start > next)
        || is_film
        || !(vocabulary::is_boundary(text, end) || at == 0 && vocabulary::is_verb(text.word(end)))
        || text.word(end) == "of"
    {
        return None;
    }
    // Within three years any day of the month, but the 31st, is every weekday.
    let date = today.iter_days().take(1_100).find(|date| date.day() == day && date.weekday() == weekday)?;
    Some((Reading::Day(Day::single(date)), end))
}

fn relative(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let after_tomorrow = words![
        "the day after tomorrow",
        "day after tomorrow",
        "the day after tmrw",
        "day after tmrw",
        "overmorrow",
    ];
    if let Some(end) = text.after_any(at, after_tomorrow) {
        let named = end - at > 1 && (at..end).filter(|word| text.is_capital(*word)).count() > 2;
        let shouts = text.tokens[at].text.chars().all(char::is_uppercase);
        let is_title = named && !shouts && at > 0;
        return Some((Day::single(calendar::days_after(today, 2)?), end)).filter(|_| !is_title);
    }
    if let Some(end) = text.after_any(at, words!["later today", "today itself"]) {
        return Some((Day::single(today), end));
    }
    let end = at + 1;
    let follows = ["the", "usa", "psychology", "of", "after"].contains(&text.word_before(at));
    // "due after tomorrow"
    let bounds = place.in_query && text.word_before(at) == "after";
    if follows && !bounds && !place.lead.is_any() {
        return None;
    }
    // "watch the Today show"
    let is_named = at > 0
        && text.is_capital(at)
        && !vocabulary::is_boundary(text, end)
        && !place.lead.is_any()
        && text.tokens[at].text != text.tokens[at].text.to_uppercase()
        && !text.is_capital(end);
    if is_named && !vocabulary::is_verb(text.word(end)) && !place.beside_date {
        return None;
    }
    let day = match text.word(at) {
        "today" | "2day" => Day::single(today),
        "tonight" | "tonite" | "2nite" => Day { part: Some(Part::Night), ..Day::single(today) },
        "tomorrow" | "tmrw" | "tmr" | "tmw" | "tmrow" | "tmoro" | "tomoz" | "tomo" | "2moro" | "2morrow"
        | "2mrw" => Day::single(calendar::days_after(today, 1)?),
        "yesterday" if place.in_query => Day::single(today.checked_sub_days(Days::new(1))?),
        _ => return None,
    };
    // "tomorrow week", as the British say.
    if text.word(end) == "week" && vocabulary::is_boundary(text, end + 1) && day.part.is_none() {
        return Some((Day::single(calendar::days_after(day.date, 7)?), end + 1));
    }
    Some((day, end))
}

/// "friday", "this friday", "next friday", "friday next week".
fn weekday(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let (is_next, name_at) = if let Some(end) =
        text.after_any(at, words!["this coming", "the coming", "the upcoming", "this", "coming", "upcoming"])
    {
        (Some(false), end)
    } else if let Some(end) =
        text.after_any(at, words!["the next", "next", "nxt", "the following", "following"])
    {
        (Some(true), end)
    } else {
        (None, at)
    };
    let weekday = names::weekday_at(text, name_at)?;
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
    if let Some(end) = text.after_any(end, words!["of next week", "in next week", "next week"]) {
        return Some((day(in_next_week), end));
    }
    if is_next.is_none() {
        let coming = calendar::next(today, weekday)?;
        if let Some(end) = text.after(end, "week").filter(|end| {
            vocabulary::is_boundary(text, *end) || at == 0 && vocabulary::is_verb(text.word(*end))
        }) {
            return Some((day(calendar::days_after(coming, 7)?), end));
        }
        // "friday two weeks from now"
        if let Some((length, end)) = weeks_from_now(text, end) {
            let week = calendar::monday(length.after_day(today)?);
            return Some((day(calendar::on_or_after(week, weekday)?), end));
        }
        if let Some(end) = text.after(end, "after next") {
            return Some((day(calendar::days_after(coming, 7)?), end));
        }
        if let Some(end) =
            text.after(end, "next").filter(|end| text.is_break(*end) || text.word(*end) == "at")
        {
            return Some((day(in_next_week), end));
        }
    }
    let end = text.after_any(end, words!["of this week", "this week"]).unwrap_or(end);
    // "friday" said on a friday is the one in a week's time; "this friday" as well.
    Some((day(calendar::next(today, weekday)?), end))
}

/// "two weeks from now"
fn weeks_from_now(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    duration::read_from_now(text, at).filter(|(length, _)| {
        length.months == 0 && length.minutes.is_none() && length.days > 0 && length.days % 7 == 0
    })
}

fn is_day(text: &Text<'_>, at: usize, name_at: usize, place: Place, is_modified: bool) -> bool {
    const NAMES: &Words = words![
        "black",
        "good",
        "cyber",
        "giving",
        "freaky",
        "ruby",
        "super",
        "ash",
        "palm",
        "easter",
        "bloody",
        "casual",
        "last",
        "the",
        "a",
        "my",
        "your",
        "his",
        "her",
        "our",
        "their",
        "past",
        "previous",
        "shrove",
        "blue",
        "manic",
        "stormy",
        "gloomy",
        "rainy",
        "sunny",
        "fat",
        "maundy",
        "whit",
        "holy",
        "pancake",
        "taco",
        "lazy",
        "crazy",
        "sexy",
        "wacky",
        "beautiful",
        "another",
        "one",
    ];
    let word = text.word(name_at);
    let end = name_at + 1;
    let is_free =
        vocabulary::is_boundary(text, end) || text.word(end) == "week" || weeks_from_now(text, end).is_some();
    if word == "friday" && text.after_any(end, words!["the 13th", "13th", "the thirteenth"]).is_some() {
        return false;
    }
    let starts_clause = vocabulary::is_verb(text.word(end));
    let is_person =
        at >= 2 && text.is_mark(at - 1, '.') && text.is_any(at - 2, words!["mr", "mrs", "ms", "dr"]);
    if is_person || text.is_any(at.wrapping_sub(1), words!["mr", "mrs", "ms", "dr", "miss"]) {
        return false;
    }
    if is_modified {
        return true;
    }
    // "study for SAT", "dry in the sun", "prepare for monday morning meeting"
    let shouts = (0..text.len()).all(|at| text.tokens[at].text.to_uppercase() == text.tokens[at].text);
    let is_exam =
        matches!(word, "sat" | "sun") && text.tokens[name_at].text == word.to_uppercase() && !shouts;
    let describes = clock::part(text.word(end)).is_some()
        && !vocabulary::is_boundary(text, end + 1)
        && !vocabulary::is_verb(text.word(end + 1));
    match place.lead {
        Lead::For if is_exam || describes => return false,
        Lead::In if matches!(word, "sat" | "sun") => return false,
        Lead::Bare if is_exam && !vocabulary::is_boundary(text, end) => return false,
        Lead::Bare
            if (is_exam || describes) && text.is_any(at.wrapping_sub(1), words!["for", "the", "take"]) =>
        {
            return false;
        }
        _ => {}
    }
    let before = if at == 0 { "" } else { text.word(at - 1) };
    match place.lead {
        Lead::For | Lead::From | Lead::In | Lead::At => {
            is_free || (starts_clause && place.lead == Lead::From)
        }
        Lead::On | Lead::By | Lead::Until | Lead::Around => {
            is_free || starts_clause || !matches!(word, "sat" | "sun")
        }
        Lead::Bare if NAMES.contains(before) => false,
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
        "following" => (1, at + 1),
        "last" | "past" if place.in_query => (-1, at + 1),
        "the" if text.word(at + 1) == "following" => (1, at + 2),
        "the" | "over" if text.is_any(at + 1, words!["weekend", "week-end"]) && place.lead.is_any() => {
            (0, at + 1)
        }
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
            let named = text.after_any(unit_at + 1, words!["on"]).unwrap_or(unit_at + 1);
            if let Some(weekday) = names::weekday_at(text, named).filter(|_| which == 1) {
                return Some((Day::single(calendar::on_or_after(week, weekday)?), named + 1));
            }
            Day::stretch(date, week, end)
        }
        "weekend" | "week-end" => {
            let saturday = calendar::days_after(week, 5)?;
            Day::stretch(saturday.max(today), saturday, calendar::days_after(week, 7)?)
        }
        "quarter" if which >= 0 => {
            let month = today.month0() / 3 * 3 + 1;
            let first = NaiveDate::from_ymd_opt(today.year(), month, 1)?;
            let first = calendar::months_after(first, 3 * which.unsigned_abs())?;
            let end = calendar::months_after(first, 3)?;
            Day::stretch(if which == 0 { end.pred_opt()? } else { first }, first, end)
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

/// Which day of a stretch stands for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Middle,
    Last,
}

/// "end of the month", "beginning of next month", "eod", "the last day of december", "mid december".
fn edge(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize)> {
    #[rustfmt::skip]
    const DAY: &Words = words![
        "eod", "cob", "eob", "close of business", "close of play", "end of business", "end of play", "end of day",
        "end of the day", "end of the work day", "end of the working day", "end of the business day",
        "the end of the day", "the end of day", "the end of business", "end of work", "end of today",
        "the end of today",
    ];
    if let Some(end) = text.after_any(at, DAY) {
        return Some(end_of_day(text, end, today));
    }
    let short = match text.word(at) {
        "eow" => calendar::days_after(calendar::monday(today), 6),
        "eom" => Some(calendar::last_of_month(today)),
        "eoy" => NaiveDate::from_ymd_opt(today.year(), 12, 31),
        _ => None,
    };
    if let Some(date) = short {
        return Some((Day::single(date), at + 1));
    }
    let start = text.after(at, "the").unwrap_or(at);
    let (edge, of) = edge_words(text, start)?;
    if edge == Edge::Last
        && (names::weekday_at(text, of).is_some() || text.is_any(of, words!["tomorrow", "tmrw"]))
    {
        return Some(end_of_day(text, of, today));
    }
    let pick = |days: [NaiveDate; 3]| match edge {
        Edge::First => days[0],
        Edge::Middle => days[1],
        Edge::Last => days[2],
    };
    let next_week =
        text.after_any(of, words!["next week", "the next week", "the coming week", "coming week"]);
    if let Some(end) = next_week.or_else(|| text.after_any(of, words!["the week", "this week", "week"])) {
        let monday = calendar::monday(today);
        let monday = if next_week.is_some() { calendar::days_after(monday, 7)? } else { monday };
        let days = [monday, calendar::days_after(monday, 2)?, calendar::days_after(monday, 6)?];
        return Some((Day::single(pick(days)), end));
    }
    let next_year = text.after_any(of, words!["next year", "the next year", "the new year"]);
    if let Some(end) = next_year.or_else(|| text.after_any(of, words!["the year", "this year", "year"])) {
        let of_year = |year| {
            let day = |month, day| NaiveDate::from_ymd_opt(year, month, day);
            Some(pick([day(1, 1)?, day(7, 1)?, day(12, 31)?]))
        };
        let date = of_year(today.year() + i32::from(next_year.is_some()))?;
        return Some((Day::single(if date < today { of_year(today.year() + 1)? } else { date }), end));
    }
    let next_quarter = text.after_any(of, words!["next quarter", "the next quarter"]);
    if let Some(end) =
        next_quarter.or_else(|| text.after_any(of, words!["the quarter", "this quarter", "quarter"]))
    {
        let first = NaiveDate::from_ymd_opt(today.year(), today.month0() / 3 * 3 + 1, 1)?;
        let first = if next_quarter.is_some() { calendar::months_after(first, 3)? } else { first };
        let last = calendar::months_after(first, 3)?.pred_opt()?;
        return Some((Day::single(pick([first, calendar::months_after(first, 1)?, last])), end));
    }
    let (month, end) = month(text, of, today)?;
    let of_month =
        |month: NaiveDate| pick([month, month.with_day(15).unwrap_or(month), calendar::last_of_month(month)]);
    let mut date = of_month(month);
    if date < today && fixed_date::year(text, end - 1).is_none() {
        date = of_month(calendar::months_after(
            month,
            if names::month_at(text, of).is_some() { 12 } else { 1 },
        )?);
    }
    Some((Day::single(date), end))
}

/// "end of", "mid", "early"; and where what it is of begins.
fn edge_words(text: &Text<'_>, at: usize) -> Option<(Edge, usize)> {
    #[rustfmt::skip]
    static EDGES: Table<Edge> = Table::new(&[
        ("end of", Edge::Last), ("last day of", Edge::Last), ("last day in", Edge::Last),
        ("beginning of", Edge::First), ("start of", Edge::First), ("first day of", Edge::First),
        ("first day in", Edge::First), ("middle of", Edge::Middle), ("early in", Edge::First),
        ("late in", Edge::Last),
    ]);
    if let Some((edge, end)) = text.look_up(at, &EDGES) {
        return Some((*edge, end));
    }
    // Without "of" only what is a stretch by its name follows: "early next week", "mid december".
    let edge = match text.word(at) {
        "early" => Edge::First,
        "mid" => Edge::Middle,
        "late" => Edge::Last,
        _ => return None,
    };
    let next = at + 1;
    let is_stretch =
        text.after_any(next, words!["next week", "next month", "next year", "this week", "this month"]);
    (is_stretch.is_some() || names::month_at(text, next).is_some()).then_some((edge, next))
}

/// "end of day *friday*", "eod *tomorrow*": a day alone is today.
fn end_of_day(text: &Text<'_>, at: usize, today: NaiveDate) -> (Day, usize) {
    let start = text.after_any(at, words!["on", "of", "by"]).unwrap_or(at);
    let place = Place { lead: Lead::On, is_start: false, beside_date: true, in_query: false };
    relative(text, start, place, today)
        .filter(|(day, _)| day.part.is_none())
        .or_else(|| weekday(text, start, place, today))
        .unwrap_or((Day::single(today), at))
}

/// Reads a month after "of": "the month", "next month", "october", "october 2015".
fn month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(NaiveDate, usize)> {
    let first = calendar::first_of_month(today);
    let this = words!["the current month", "current month", "this month", "the month", "month"];
    if let Some(end) = text.after_any(at, words!["next month", "the next month", "the following month"]) {
        return Some((calendar::months_after(first, 1)?, end));
    }
    if let Some(end) = text.after_any(at, this) {
        return Some((first, end));
    }
    let month = names::month_at(text, at)?;
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
    let weekday = names::weekday_at(text, name_at)?;
    let of = text.after_any(name_at + 1, words!["of", "in"])?;
    // "of the month" may mean every month: that is no single day.
    if text.after_any(of, words!["the month", "month", "each", "every"]).is_some() {
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
    let (n, end) = number::read_ordinal(text, start).or_else(|| {
        // "on the 15"
        let day = number::digits(text.word(start)).filter(|day| (1..=31).contains(day))?;
        let is_day = has_article && matches!(place.lead, Lead::On | Lead::By) && text.word(start + 1) != "of";
        is_day.then_some((day, start + 1))
    })?;
    if n == 13 && text.word_before(at) == "friday" {
        return None;
    }
    let end = text.after(end, "day").unwrap_or(end);
    if let Some(of) = text.after(end, "of")
        && let Some((month, end)) = month(text, of, today).filter(|_| names::month_at(text, of).is_none())
    {
        let named = text.slice(start, end);
        let reading = fixed_date::checked(month.year(), month.month(), n, named);
        // "the 1st of the month" is to come.
        let is_over = matches!(&reading, Reading::Day(day) if day.date < today)
            && text.after_any(of, words!["the month", "month"]).is_some();
        let next = calendar::months_after(month, 1).filter(|_| is_over);
        let reading =
            next.map_or(reading, |month| fixed_date::checked(month.year(), month.month(), n, named));
        return Some((reading, end));
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
    text.is_any(at, words!["at", "by", "morning", "evening", "afternoon"]) || text.is_mark(at, '@')
}
