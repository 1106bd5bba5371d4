//! Repetitions: "every other tuesday", "weekly on monday and friday", "on the 15th of every month".
//!
//! What [`domain::recurrence::Rule`] can not hold is read as [`Reading::Unsupported`], and nothing of it is applied.

use chrono::{NaiveDate, Weekday};
use domain::recurrence::{Anchor, Frequency, Parts};

use crate::english::clock;
use crate::english::date;
use crate::english::date::Place;
use crate::english::duration;
use crate::english::fixed_date;
use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::calendar;
use crate::meaning::clock::Part;
use crate::meaning::lead::Lead;
use crate::meaning::length::Unit;
use crate::meaning::repetition::{Repetition, Special};
use crate::token::Text;
use crate::words::{Words, words};

/// What a repetition phrase says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A repetition.
    Rule(Repetition),
    /// One that can not be kept.
    Unsupported,
}

const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
const WEEKEND: [Weekday; 2] = [Weekday::Sat, Weekday::Sun];

/// Reads a repetition.
pub(crate) fn read(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let start = led(text, at);
    let place = if start > at { Place { is_start: true, ..place } } else { place };
    let (reading, end) = every(text, start, place, today, day_first)
        .or_else(|| adverb(text, start, place))
        .or_else(|| times_a(text, start))
        .or_else(|| plural(text, start, place))
        .or_else(|| of_every_month(text, start, today))
        .or_else(|| after_done(text, start))?;
    // "tomorrow and every day after"
    let after =
        text.after_any(end, words!["after that", "thereafter", "from then on", "afterwards", "after"]);
    let end =
        after.filter(|end| text.is_break(*end) || text.is_any(*end, words!["at", "until"])).unwrap_or(end);
    // "remind me every hour before": what is done then does not repeat.
    if text.is_any(end, words!["before", "beforehand", "earlier"]) && text.is_break(end + 1) {
        return Some((Reading::Unsupported, end + 1));
    }
    Some((reading, end))
}

/// Reads what ends a repetition, or names its day, as no rule can: "until yesterday", "for -3 times", "on the 0th".
pub(crate) fn read_unkept_end(text: &Text<'_>, at: usize) -> Option<usize> {
    let digits = |at: usize| {
        let at = if text.is_mark(at, '-') { at + 1 } else { at };
        text.word(at).trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()).then_some(at + 1)
    };
    if let Some(end) = text.after_any(at, words!["until", "till", "til", "through"]) {
        let past = text.after_any(end, words!["yesterday", "now", "never"]);
        let past =
            past.or_else(|| text.after(end, "last").map(|end| end + 1).filter(|end| *end <= text.len()));
        return past.or_else(|| digits(end));
    }
    if let Some(end) = text.after(at, "for").and_then(digits) {
        let counts = duration::unit(text.word(end)).is_some()
            || text.is_any(end, words!["times", "time", "occurrences", "repetitions"]);
        return counts.then_some(end + 1);
    }
    let day = text.after_any(at, words!["on the", "the"])?;
    let is_ordinal = text.word(day).ends_with("th") && digits(day).is_some();
    is_ordinal.then_some(day + 1)
}

/// "*and repeat* weekly", "*recurring:* daily".
fn led(text: &Text<'_>, at: usize) -> usize {
    let and = text.after_any(at, words!["and then", "and"]).unwrap_or(at);
    let Some(end) = text.after_any(
        and,
        words![
            "it repeats",
            "repeats",
            "repeating",
            "repeat it",
            "repeat this",
            "repeat",
            "recurring",
            "recurs"
        ],
    ) else {
        return at;
    };
    if text.is_mark(end, ':') { end + 1 } else { end }
}

/// Reads what makes a rule count from its completion: "after I finish".
pub(crate) fn read_after_done(text: &Text<'_>, at: usize) -> Option<usize> {
    #[rustfmt::skip]
    const PHRASES: &Words = words![
        "after i finish", "after i complete", "after i'm done", "after i am done", "after i have finished",
        "after i've finished", "after i do", "after finishing", "after completing", "after completion",
        "after the last completion", "after it's done", "after it is done", "after it's completed",
        "after it is completed", "after it's finished", "after it is finished", "after being done",
        "after done", "from completion", "from the completion", "from when i finish",
        "from the day i finish", "once i finish", "when i finish", "after my completion",
        "after each completion",
    ];
    let end = text.after_any(at, PHRASES)?;
    Some(
        text.after_any(end, words!["doing it", "the last one", "the task", "with it", "it", "them"])
            .unwrap_or(end),
    )
}

/// Reads how often in all: "for 5 times", "10 times".
pub(crate) fn read_times(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let start = text.after_any(at, words!["for the next", "for", "only"]).unwrap_or(at);
    let (count, end) = number::read(text, start).or_else(|| huge(text, start))?;
    let end =
        text.after_any(end, words!["times in total", "times in all", "times", "occurrences", "repetitions"])?;
    Some((count, end))
}

/// A number that no rule can hold.
fn huge(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let word = text.word(at);
    (word.len() > 6 && word.bytes().all(|b| b.is_ascii_digit())).then_some((u32::MAX, at + 1))
}

fn rule(parts: Parts, end: usize) -> Option<(Reading, usize)> {
    Some((Reading::Rule(Repetition::pattern(parts)), end))
}

fn special(special: Special, interval: u32, weekdays: Vec<Weekday>, end: usize) -> Option<(Reading, usize)> {
    Some((Reading::Rule(Repetition::special(special, interval, weekdays)), end))
}

/// "the last *friday*" of every so many months; of several days no single one is meant.
fn nth_weekday(
    text: &Text<'_>,
    days: &[i8],
    at: usize,
    interval: u32,
    end: usize,
) -> Option<(Reading, usize)> {
    let weekday = names::weekday_at(text, at)?;
    match days {
        [nth] if (-5..=5).contains(nth) => {
            special(Special::NthWeekday { nth: *nth, month: None }, interval, vec![weekday], end)
        }
        _ => Some((Reading::Unsupported, end)),
    }
}

/// Reads the day that an ordinal counts: "the last *friday*", "the first *working day*".
fn counted_day(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    if let Some(weekday) = names::weekday_at(text, at) {
        return Some((vec![weekday], at + 1));
    }
    let workday = words![
        "weekday",
        "workday",
        "week day",
        "working day",
        "work day",
        "business day",
        "working weekday"
    ];
    let weekend = words!["weekend day"];
    let end = text.after_any(at, workday).map(|end| (WORKDAYS.to_vec(), end));
    end.or_else(|| text.after_any(at, weekend).map(|end| (WEEKEND.to_vec(), end)))
}

/// "the first monday of the month", "the last working day of each quarter", "the 4th thursday of november".
fn nth_of_month(text: &Text<'_>, at: usize, said_every: bool) -> Option<(Reading, usize)> {
    let start = text.after(at, "the").unwrap_or(at);
    let (nth, day_at) = match text.after_any(start, words!["second to last", "second last", "penultimate"]) {
        Some(end) => (-2, end),
        None => match text.after(start, "last") {
            Some(end) => (-1, end),
            None => {
                let (n, end) = number::read_ordinal(text, start)?;
                (i8::try_from(n).ok().filter(|n| (1..=23).contains(n))?, end)
            }
        },
    };
    let (days, end) = counted_day(text, day_at)?;
    let is_kept = days.len() > 1 || nth <= 5;
    let of = text.after_any(end, words!["of", "in"]);
    let every = words!["every month", "each month", "every single month", "the month", "month", "a month"];
    let months = of.and_then(|of| text.after_any(of, every));
    let months = months.or_else(|| text.after_any(end, words!["every month", "each month"]));
    let named = of.and_then(|of| {
        let month = names::month_at(text, of)?;
        let year = words!["every year", "each year", "yearly", "annually"];
        let end = text.after_any(of + 1, year);
        (said_every || end.is_some()).then_some((month, end.unwrap_or(of + 1)))
    });
    let (interval, month, end) = if let Some((month, end)) = named {
        (1, Some(month), end)
    } else if let Some(end) = months {
        (1, None, end)
    } else if let Some(end) =
        of.and_then(|of| text.after_any(of, words!["every quarter", "each quarter", "the quarter"]))
    {
        return Some((Reading::Unsupported, end));
    } else if let Some((count, end)) = of.and_then(|of| every_months(text, of)) {
        (count, None, end)
    } else if said_every && of.is_none() {
        (1, None, end)
    } else {
        return None;
    };
    if !is_kept {
        return Some((Reading::Unsupported, end));
    }
    special(Special::NthWeekday { nth, month }, interval, days, end)
}

/// "every 3 months", "every other month".
fn every_months(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let start = text.after_any(at, words!["every", "each"])?;
    if let Some(end) = text.after_any(start, words!["other month", "second month"]) {
        return Some((2, end));
    }
    let (count, end) = number::read(text, start)?;
    Some((count, text.after_any(end, words!["months", "month"])?))
}

fn every(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let everyday = text.word(at) == "everyday" && vocabulary::is_boundary(text, at + 1);
    if everyday || text.word(at) == "nightly" && vocabulary::is_boundary(text, at + 1) {
        let part = (!everyday).then_some(Part::Night);
        let parts = Parts::every(Frequency::Daily);
        return Some((Reading::Rule(Repetition { part, ..Repetition::pattern(parts) }), at + 1));
    }
    let start = text.after_any(
        at,
        words![
            "once every",
            "each and every",
            "every single",
            "repeating every",
            "repeat every",
            "repeats every",
            "every",
            "each",
        ],
    )?;
    if vocabulary::is_in_name(text, at, start) {
        return None;
    }
    // "every! 3 days" counts from completion, as elsewhere.
    let (anchor, start) =
        if text.is_mark(start, '!') { (Anchor::Completion, start + 1) } else { (Anchor::Due, start) };
    let found = nth_of_month(text, start, true)
        .filter(|(_, end)| !is_other(text, start, *end))
        .or_else(|| other(text, start))
        .or_else(|| counted(text, start))
        .or_else(|| unit(text, start))
        .or_else(|| edge_of_unit(text, start, today))
        .or_else(|| weekdays_rule(text, start, 1))
        .or_else(|| ordinals(text, start))
        .or_else(|| every_date(text, start, place, today, day_first))
        .or_else(|| every_clock(text, start))
        .or_else(|| unkept(text, start))?;
    Some(match found {
        (Reading::Rule(mut rule), end) => {
            rule.parts.anchor = anchor;
            (Reading::Rule(rule), end)
        }
        unsupported => unsupported,
    })
}

/// "every second tuesday" is every other one, unless it is said of what it is the second.
fn is_other(text: &Text<'_>, at: usize, end: usize) -> bool {
    text.is_any(at, words!["second", "2nd"]) && end == at + 2
}

/// "every 5pm", "every midnight": the time is read by itself.
fn every_clock(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let is_time =
        clock::is_clock(text.word(at)) || text.is_any(at, words!["noon", "midday", "midnight", "lunchtime"]);
    if is_time && vocabulary::is_boundary(text, at + 1) {
        rule(Parts::every(Frequency::Daily), at)
    } else {
        None
    }
}

/// "every full moon", "every leap year", "every now and then": it is a repetition, and no rule.
fn unkept(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    #[rustfmt::skip]
    const RARE: &Words = words![
        "now and then", "now and again", "so often", "once in a while", "full moon", "new moon", "blue moon",
        "leap year", "other weekday", "other workday", "summer", "winter", "spring", "autumn", "semester",
        "term", "decade", "century", "second", "few days", "few weeks", "few months", "few hours", "few minutes",
        "so many days", "time i", "time it", "time we",
    ];
    if let Some(end) = text.after_any(at, RARE) {
        return vocabulary::is_boundary(text, end).then_some((Reading::Unsupported, end));
    }
    if names::month_at(text, at).is_some() && vocabulary::is_boundary(text, at + 1) {
        return Some((Reading::Unsupported, at + 1));
    }
    // "every -1 days", "every 99999999 days"
    let start = if text.is_mark(at, '-') { at + 1 } else { at };
    let is_number = !text.word(start).is_empty() && text.word(start).bytes().all(|b| b.is_ascii_digit());
    let is_unit = duration::unit(text.word(start + 1)).is_some();
    (is_number && is_unit).then_some((Reading::Unsupported, start + 2))
}

/// "at the end of *every month*", "beginning of *each week*": read from "end of".
fn edge_of_every(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Reading, usize)> {
    let start = text.after_any(at, words!["at the", "on the", "by the", "at", "the"]).unwrap_or(at);
    let (is_end, of) = match text.after_any(start, words!["end of", "last day of"]) {
        Some(end) => (true, end),
        None => (false, text.after_any(start, words!["beginning of", "start of", "first day of"])?),
    };
    let unit_at = text.after_any(of, words!["every", "each"])?;
    edge_rule(text, is_end, unit_at, today)
}

/// "every *end of month*".
fn edge_of_unit(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Reading, usize)> {
    let (is_end, of) = match text.after_any(at, words!["end of the", "end of"]) {
        Some(end) => (true, end),
        None => (
            false,
            text.after_any(at, words!["beginning of the", "start of the", "beginning of", "start of"])?,
        ),
    };
    edge_rule(text, is_end, of, today)
}

fn edge_rule(text: &Text<'_>, is_end: bool, at: usize, today: NaiveDate) -> Option<(Reading, usize)> {
    let end = at + 1;
    match text.word(at) {
        "week" => {
            let day = if is_end { Weekday::Sun } else { Weekday::Mon };
            rule(Parts { weekdays: vec![day], ..Parts::every(Frequency::Weekly) }, end)
        }
        "month" => {
            let day = if is_end { -1 } else { 1 };
            rule(Parts { month_days: vec![day], ..Parts::every(Frequency::Monthly) }, end)
        }
        "year" => {
            let (month, day) = if is_end { (12, 31) } else { (1, 1) };
            let start = calendar::next_day_and_month(today, day, month);
            let parts = Parts::every(Frequency::Yearly);
            Some((Reading::Rule(Repetition { start, ..Repetition::pattern(parts) }), end))
        }
        "day" if is_end => rule(Parts::every(Frequency::Daily), end),
        "quarter" => Some((Reading::Unsupported, end)),
        _ => None,
    }
}

/// "every other tuesday", "every second week".
fn other(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let start = text.after_any(at, words!["other", "second", "2nd", "alternate"])?;
    if let Some(found) = weekdays_rule(text, start, 2) {
        return Some(found);
    }
    match text.word(start) {
        "weekend" => rule(
            Parts { interval: 2, weekdays: WEEKEND.to_vec(), ..Parts::every(Frequency::Weekly) },
            start + 1,
        ),
        word => by_unit(text, duration::unit(word)?, 2, start + 1),
    }
}

/// "every 3 days", "every three week", "every third day".
fn counted(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    if let Some(end) = text.after_any(at, words!["half hour", "half an hour", "half-hour"]) {
        return by_unit(text, Unit::Minute, 30, end);
    }
    if let Some(end) = text.after_any(at, words!["half year", "half a year", "half-year"]) {
        return by_unit(text, Unit::Month, 6, end);
    }
    if let Some(end) = text.after_any(at, words!["quarter of an hour", "quarter hour"]) {
        return by_unit(text, Unit::Minute, 15, end);
    }
    let found = number::read(text, at).or_else(|| number::read_ordinal(text, at));
    let (count, end) =
        found.or_else(|| text.after_any(at, words!["couple of", "couple"]).map(|end| (2, end)))?;
    if text.is_any(end, words!["fortnights", "fortnight"]) {
        return by_unit(text, Unit::Week, count.checked_mul(2)?, end + 1);
    }
    if text.is_any(end, words!["weekdays", "workdays"])
        || text.after_any(end, words!["business days", "working days"]).is_some()
    {
        return Some((Reading::Unsupported, end + 1));
    }
    if text.is_any(end, words!["quarters", "quarter"]) {
        return by_unit(text, Unit::Month, count.checked_mul(3)?, end + 1);
    }
    let unit = duration::unit(text.word(end))?;
    by_unit(text, unit, count, end + 1)
}

/// "every day", "every week on tuesday", "every morning", "every weekday".
fn unit(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let end = at + 1;
    let weekly = |days: &[Weekday]| Parts { weekdays: days.to_vec(), ..Parts::every(Frequency::Weekly) };
    if let Some(part) = clock::part(text.word(at)) {
        // "every morning and evening": a repetition has one time of day.
        if let Some(more) = text.after_any(end, words!["and every", "and"])
            && clock::part(text.word(more)).is_some()
        {
            return Some((Reading::Unsupported, more + 1));
        }
        let parts = Parts::every(Frequency::Daily);
        return Some((Reading::Rule(Repetition { part: Some(part), ..Repetition::pattern(parts) }), end));
    }
    match text.word(at) {
        "weekday" | "weekdays" | "workday" | "workdays" => rule(weekly(&WORKDAYS), end),
        "working" | "work" | "business" if text.word(end) == "day" => rule(weekly(&WORKDAYS), end + 1),
        "weekend" | "weekends" => rule(weekly(&WEEKEND), end),
        "week" if text.is_any(end, words!["day", "days"]) => rule(weekly(&WORKDAYS), end + 1),
        "week" if text.word(end) == "end" => rule(weekly(&WEEKEND), end + 1),
        "quarter" => rule(Parts { interval: 3, ..Parts::every(Frequency::Monthly) }, end),
        "fortnight" => by_unit(text, Unit::Week, 2, end),
        "day" => by_unit(text, Unit::Day, 1, text.after(end, "of the week").unwrap_or(end)),
        "week" | "month" | "year" | "hour" | "minute" => {
            by_unit(text, duration::unit(text.word(at))?, 1, end)
        }
        _ => None,
    }
}

fn by_unit(text: &Text<'_>, unit: Unit, interval: u32, end: usize) -> Option<(Reading, usize)> {
    let parts = |frequency| Parts { interval, ..Parts::every(frequency) };
    match unit {
        Unit::Minute => special(Special::Minutes, interval, Vec::new(), end),
        Unit::Hour => special(Special::Hours, interval, Vec::new(), end),
        Unit::Day => rule(parts(Frequency::Daily), end),
        Unit::Week => on_weekdays(text, interval, end).or_else(|| rule(parts(Frequency::Weekly), end)),
        Unit::Month => on_month_days(text, interval, end).or_else(|| rule(parts(Frequency::Monthly), end)),
        Unit::Year => {
            let nth = text.after(end, "on").and_then(|on| nth_of_month(text, on, true));
            nth.filter(|_| interval == 1).or_else(|| rule(parts(Frequency::Yearly), end))
        }
    }
}

/// "weekly *on monday and friday*".
fn on_weekdays(text: &Text<'_>, interval: u32, at: usize) -> Option<(Reading, usize)> {
    let start = if text.is_mark(at, ',') { at + 1 } else { at };
    weekdays_rule(text, text.after(start, "on")?, interval)
}

/// "monthly *on the 15th*", "every month *on the last day*", "every month *on the 3rd tuesday*".
fn on_month_days(text: &Text<'_>, interval: u32, at: usize) -> Option<(Reading, usize)> {
    let start = text.after(at, "on")?;
    let (days, end) = month_days(text, start)?;
    if names::weekday_at(text, end).is_some() {
        return nth_weekday(text, &days, end, interval, end + 1);
    }
    let end = text.after(end, "day").unwrap_or(end);
    rule(Parts { interval, month_days: days, ..Parts::every(Frequency::Monthly) }, end)
}

fn weekdays_rule(text: &Text<'_>, at: usize, interval: u32) -> Option<(Reading, usize)> {
    let (weekdays, end) = weekdays(text, at)?;
    if weekdays == [Weekday::Fri]
        && let Some(end) = text.after_any(end, words!["the 13th", "13th", "the thirteenth"])
    {
        return Some((Reading::Unsupported, end));
    }
    rule(Parts { interval, weekdays, ..Parts::every(Frequency::Weekly) }, end)
}

/// Reads weekdays: "monday", "mon, wed and fri", "tue/thu", "monday to friday"; seven at most.
fn weekdays(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let one = |at: usize| {
        let word = text.word(at);
        if let Some(day) = names::weekday(word).or_else(|| names::weekdays(word)) {
            return Some(vec![day]);
        }
        if let Some((first, last)) = word.split_once('-') {
            return range(names::weekday(first)?, names::weekday(last)?);
        }
        word.contains('/').then(|| word.split('/').map(names::weekday).collect::<Option<Vec<_>>>())?
    };
    let mut days = one(at)?;
    let mut end = at + 1;
    if let Some(last) = text
        .after_any(end, words!["to", "through", "thru"])
        .filter(|last| names::weekday_at(text, *last).is_some())
    {
        return Some((range(days[0], names::weekday_at(text, last)?)?, last + 1));
    }
    for _ in 0..6 {
        let comma = if text.is_mark(end, ',') || text.is_mark(end, '&') { end + 1 } else { end };
        let and = text.after_any(comma, words!["and every", "and on", "and", "or", "plus"]).unwrap_or(comma);
        // "mon wed fri", too.
        let Some(more) = one(and) else { break };
        days.extend(more);
        end = and + 1;
    }
    Some((days, end))
}

fn range(first: Weekday, last: Weekday) -> Option<Vec<Weekday>> {
    let days: Vec<Weekday> =
        std::iter::successors(Some(first), |day| (*day != last).then(|| day.succ())).collect();
    (days.len() > 1).then_some(days)
}

/// Reads days of the month: "the 15th", "1st and 15th", "the last day"; five at most.
fn month_days(text: &Text<'_>, at: usize) -> Option<(Vec<i8>, usize)> {
    let one = |at: usize| {
        let start = text.after(at, "the").unwrap_or(at);
        if let Some(end) = text.after(start, "last") {
            return Some((-1, end));
        }
        let (day, end) = number::read_ordinal(text, start)?;
        Some((i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?, end))
    };
    let (first, mut end) = one(at)?;
    let mut days = vec![first];
    for _ in 0..4 {
        let comma = if text.is_mark(end, ',') { end + 1 } else { end };
        let and = text.after(comma, "and").unwrap_or(comma);
        if and == end {
            break;
        }
        let Some((day, next)) = one(and) else { break };
        days.push(day);
        end = next;
    }
    Some((days, end))
}

/// "every 15th", "every last day of the month"; "every first monday" can not be kept.
fn ordinals(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (days, end) = month_days(text, at)?;
    if names::weekday_at(text, end).is_some() {
        let after = text
            .after_any(end + 1, words!["of the month", "of each month", "of every month"])
            .unwrap_or(end + 1);
        return nth_weekday(text, &days, end, 1, after);
    }
    if days == [-1] && text.word(end) != "day" {
        return None;
    }
    let end = text.after(end, "day").unwrap_or(end);
    if let Some(end) =
        text.after_any(end, words!["of the month", "of each month", "of every month", "of month"])
    {
        return rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, end);
    }
    // "every second" is one of a minute.
    if text.word(at) == "second" && end == at + 1 && vocabulary::is_boundary(text, end) {
        return Some((Reading::Unsupported, end));
    }
    let named = text.after(end, "of").unwrap_or(end);
    let is_free = vocabulary::is_boundary(text, end) || at <= 1 && vocabulary::is_verb(text.word(end));
    if names::month_at(text, named).is_some() || !is_free {
        return None;
    }
    rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, end)
}

/// "every december 25", "each 4/15".
fn every_date(
    text: &Text<'_>,
    at: usize,
    place: Place,
    today: NaiveDate,
    day_first: bool,
) -> Option<(Reading, usize)> {
    let place = Place { lead: Lead::On, ..place };
    let (date::Reading::Day(day), end) = fixed_date::read(text, at, place, today, day_first)? else {
        return None;
    };
    if day.is_month {
        return None;
    }
    let parts = Parts::every(Frequency::Yearly);
    Some((Reading::Rule(Repetition { start: Some(day.date), ..Repetition::pattern(parts) }), end))
}

/// "daily", "weekly on monday"; "the daily mail" and "weekly report" are none.
fn adverb(text: &Text<'_>, at: usize, place: Place) -> Option<(Reading, usize)> {
    let (unit, interval) = match text.word(at) {
        "daily" => (Unit::Day, 1),
        "weekly" => (Unit::Week, 1),
        "biweekly" | "bi-weekly" | "fortnightly" => (Unit::Week, 2),
        "monthly" => (Unit::Month, 1),
        "quarterly" => (Unit::Month, 3),
        "half-yearly" | "semiannually" | "semi-annually" | "biannually" => (Unit::Month, 6),
        "yearly" | "annually" => (Unit::Year, 1),
        "hourly" => (Unit::Hour, 1),
        _ => return None,
    };
    let end = at + 1;
    if text
        .after_any(
            at,
            words![
                "daily mail",
                "daily express",
                "daily mirror",
                "daily telegraph",
                "daily star",
                "daily show"
            ],
        )
        .is_some()
    {
        return None;
    }
    // "daily walk the dog", but not "weekly review", "daily report every friday".
    let acts = || vocabulary::is_verb(text.word(end)) && !vocabulary::is_boundary(text, end + 1);
    let free = vocabulary::is_boundary(text, end) || (place.is_start && acts());
    if !free || text.is_any(end, words!["and", "or", "of"]) || text.word_before(at) == "the" {
        return None;
    }
    by_unit(text, unit, interval, end)
}

/// "once a week"; "twice a day" can not be kept.
fn times_a(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (once, end) = match text.after(at, "once") {
        Some(end) => (true, end),
        None => match text.after_any(at, words!["twice", "thrice"]) {
            Some(end) => (false, end),
            None => (false, text.after(number::read(text, at)?.1, "times")?),
        },
    };
    let end = text.after_any(end, words!["a", "an", "per", "every", "each"])?;
    let unit = duration::unit(text.word(end))?;
    if once { by_unit(text, unit, 1, end + 1) } else { Some((Reading::Unsupported, end + 1)) }
}

/// "on tuesdays", "weekdays at 9".
fn plural(text: &Text<'_>, at: usize, place: Place) -> Option<(Reading, usize)> {
    let start = text.after_any(at, words!["on the", "on", "during"]).unwrap_or(at);
    let led = start > at;
    let weekly = |days: &[Weekday]| Parts { weekdays: days.to_vec(), ..Parts::every(Frequency::Weekly) };
    let (reading, end) = match text.word(start) {
        "weekdays" | "workdays" => rule(weekly(&WORKDAYS), start + 1)?,
        "weekends" => rule(weekly(&WEEKEND), start + 1)?,
        word => {
            names::weekdays(word)?;
            // "fortnightly catch up on thursdays"
            let fortnight = words!["fortnightly", "biweekly", "bi-weekly"];
            let interval = if (0..at.min(8)).any(|at| text.is_any(at, fortnight)) { 2 } else { 1 };
            weekdays_rule(text, start, interval)?
        }
    };
    // "TGI Fridays"
    let is_name = start > 1 && text.is_capital(start) && text.is_capital(start - 1) && !led;
    let named = is_name || text.is_any(at.wrapping_sub(1), words!["the", "my", "of", "for", "about"]);
    let starts_clause = place.is_start && vocabulary::is_verb(text.word(end));
    let free = starts_clause
        || vocabulary::is_boundary(text, end) && !text.is_any(end, words!["and", "or", "is", "are"]);
    ((led || !named) && free).then_some((reading, end))
}

/// "on the 19th of every month", "the last day of each month", "the last friday of the month".
fn of_every_month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Reading, usize)> {
    if let Some(found) = edge_of_every(text, at, today) {
        return Some(found);
    }
    let start = text.after(at, "on").unwrap_or(at);
    if let Some(found) = nth_of_month(text, start, false) {
        return Some(found);
    }
    let months = words!["of every month", "of each month", "every month", "each month", "monthly"];
    if let Some((day, end)) = text.after(start, "day").and_then(|at| number::read(text, at)) {
        let end = text.after_any(end, months)?;
        let days = vec![i8::try_from(day).ok().filter(|day| (1..=31).contains(day))?];
        return rule(Parts { month_days: days, ..Parts::every(Frequency::Monthly) }, end);
    }
    let (days, end) = month_days(text, start)?;
    let weekday_at = end;
    let is_weekday = names::weekday_at(text, end).is_some();
    let end = if is_weekday { end + 1 } else { text.after(end, "day").unwrap_or(end) };
    if let Some(end) = text.after_any(end, months) {
        let parts = Parts { month_days: days.clone(), ..Parts::every(Frequency::Monthly) };
        return if is_weekday { nth_weekday(text, &days, weekday_at, 1, end) } else { rule(parts, end) };
    }
    if let Some((interval, end)) =
        text.after(end, "of").and_then(|of| every_months(text, of)).or_else(|| every_months(text, end))
    {
        return rule(Parts { month_days: days, interval, ..Parts::every(Frequency::Monthly) }, end);
    }
    let several = days.len() > 1 && !is_weekday;
    if let Some(end) = text
        .after_any(end, words!["of the month", "of month", "in the month"])
        .filter(|_| several || is_weekday)
    {
        let parts = Parts { month_days: days.clone(), ..Parts::every(Frequency::Monthly) };
        return if several { rule(parts, end) } else { nth_weekday(text, &days, weekday_at, 1, end) };
    }
    let end = text.after_any(end, words!["of every", "of each"]).filter(|_| is_weekday)?;
    nth_weekday(text, &days, weekday_at, 1, end)
}

/// "3 days after I finish", without "every".
fn after_done(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (count, end) = number::read_count(text, at)?;
    let unit = duration::unit(text.word(end))?;
    read_after_done(text, end + 1)?;
    by_unit(text, unit, count, end + 1)
}

/// Reads the weekdays that are left out: "except sunday", "but not on weekends".
pub(crate) fn read_except(text: &Text<'_>, at: usize) -> Option<(Vec<Weekday>, usize)> {
    let at = if text.is_mark(at, ',') { at + 1 } else { at };
    let start = text.after_any(
        at,
        words![
            "except on",
            "except for",
            "except",
            "excluding",
            "but not on",
            "but not",
            "but",
            "other than",
            "not on",
        ],
    )?;
    let start = text.after(start, "the").unwrap_or(start);
    if text.is_any(start, words!["weekends", "weekend"]) {
        return Some((WEEKEND.to_vec(), start + 1));
    }
    if text.is_any(start, words!["weekdays"]) {
        return Some((WORKDAYS.to_vec(), start + 1));
    }
    let named = weekdays(text, start);
    // What else is left out no rule can keep: "except holidays".
    let unknown = || text.is_any(at, words!["except", "excluding"]).then(|| (Vec::new(), start + 1));
    named.or_else(unknown)
}
